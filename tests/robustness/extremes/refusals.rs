//! Sizes that are refused before anything of that size is allocated: each run has 1.5 GiB of address space at
//! most, and an allocation that fails would end it with a signal instead of a message.

use std::fmt::Write as _;

use base::limits;
use tracr::model::CompiledModel;

use super::workshop::{SMALL, Workshop, numerical};
use crate::common::synthetic::Shape;

/// Address space of a refused run, in KiB.
const SPACE: u64 = 1_536 << 10;

/// The run is refused with exit code 2, a message with these parts, and nothing written.
fn refused(model: &CompiledModel, set: &[&str], parts: &[&str]) {
    let workshop = Workshop::new(model, 1);
    let outcome = workshop.run_within(SPACE, set);
    println!("{}", outcome.stderr);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    for part in parts {
        assert!(
            outcome.stderr.contains(part),
            "`{part}` is not in: {}",
            outcome.stderr
        );
    }
    assert!(!workshop.path("out").exists());
}

/// A model without layers of this width and so many positions and tokens.
fn flat(width: usize, words: usize, longest: usize) -> CompiledModel {
    numerical(
        1,
        Shape {
            width,
            words,
            longest,
            depth: 0,
            ..SMALL
        },
    )
}

#[test]
fn model_of_five_thousand_features_is_refused() {
    refused(
        &flat(5000, 2, 2),
        &[],
        &[
            "`model.path`",
            "D = 5000 features, the limit is 2048",
            "25000000 entries",
            "so that D is smaller",
        ],
    );
}

#[test]
fn model_of_five_thousand_positions_is_refused() {
    refused(
        &flat(2, 2, 5000),
        &[],
        &["5001 positions, the limit is 4096", "smaller max_seq_len"],
    );
}

#[test]
fn model_of_too_many_pairs_of_token_and_position_is_refused() {
    refused(
        &flat(2, 20_000, 2000),
        &[],
        &["20002 tokens and 2001 positions", "the limit is 16777216"],
    );
}

#[test]
fn attention_over_four_thousand_positions_is_refused() {
    let shape = Shape {
        longest: 4000,
        heads: 16,
        depth: 2,
        ..SMALL
    };
    refused(
        &numerical(2, shape),
        &[],
        &[
            "would need about",
            "the limit is 4.0 GiB",
            "sequences that are computed together",
        ],
    );
}

#[test]
fn batch_of_a_million_long_sequences_is_refused() {
    let shape = Shape {
        longest: 1500,
        words: 4,
        depth: 0,
        ..SMALL
    };
    refused(
        &numerical(3, shape),
        &["training.batch_size=1000000"],
        &[
            "`training.batch_size`",
            "would need about",
            "for a batch: choose a smaller one",
        ],
    );
}

#[test]
fn held_out_sample_that_fills_memory_is_refused() {
    let shape = Shape {
        longest: 4000,
        depth: 0,
        ..SMALL
    };
    refused(
        &numerical(4, shape),
        &["inputs.evaluation_sample=262144"],
        &["`inputs.evaluation_sample`", "for the inputs of evaluation"],
    );
}

#[test]
fn autodiff_engine_with_a_thousand_threads_is_refused() {
    let shape = Shape {
        longest: 400,
        heads: 4,
        depth: 4,
        ..SMALL
    };
    refused(
        &numerical(5, shape),
        &[
            "training.engine=autodiff",
            "training.threads=1024",
            "training.batch_size=100000",
        ],
        &["`training.engine`", "for the graphs of the autodiff engine"],
    );
}

#[test]
fn matrix_for_each_of_two_hundred_layers_is_refused() {
    let shape = Shape {
        width: 60,
        depth: 200,
        ..SMALL
    };
    refused(
        &numerical(6, shape),
        &["compression.per_layer=true", "compression.tied=false"],
        &[
            "would need about",
            "the tables of G",
            "one W for all blocks",
        ],
    );
}

#[test]
fn plan_within_the_limits_says_memory_that_is_enough() {
    let workshop = Workshop::new(&numerical(7, SMALL), 2);
    let planned = workshop
        .call(&["--config", "@run.toml", "--plan"])
        .orderly();
    let line = planned.stdout.lines().last().unwrap().to_owned();
    let mib: f64 = line
        .strip_prefix("memory: about ")
        .and_then(|rest| rest.strip_suffix(" MiB at most"))
        .unwrap_or_else(|| panic!("{line}"))
        .parse()
        .unwrap();
    let outcome = workshop.run_within(((mib + 64.0) * 1024.0) as u64 + (256 << 10), &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn program_for_a_million_tokens_is_refused() {
    let workshop = Workshop::of_program("reverse", 4);
    let outcome = workshop.run_within(SPACE, &["model.max_seq_len=1000000"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("too long for a model of"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn input_of_a_hundred_thousand_tokens_is_refused() {
    let mut model = flat(2, 1, 100_000);
    model.metadata.num_heads = 1;
    let workshop = Workshop::new(&model, 1);
    let outcome = workshop
        .call(&["run", "@model.safetensors", "w0", "--pad"])
        .orderly();
    assert_eq!(outcome.code, 2);
    assert!(
        outcome
            .stderr
            .contains("an input of 100001 positions would need"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn model_file_beyond_the_limit_is_refused() {
    let workshop = Workshop::new(&flat(2, 2, 2), 1);
    let file = std::fs::File::options()
        .write(true)
        .open(workshop.path("model.safetensors"))
        .unwrap();
    file.set_len(limits::MODEL_FILE_BYTES + 1).unwrap(); // sparse: takes no room
    let outcome = workshop.run_within(SPACE, &[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("the limit is 2147483648"),
        "{}",
        outcome.stderr
    );
    // And one that is allowed, but for which there is no memory here.
    file.set_len(limits::MODEL_FILE_BYTES).unwrap();
    let outcome = workshop.run_within(SPACE, &[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome
            .stderr
            .contains("no memory for its 2147483648 bytes"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn table_of_too_many_cells_is_refused() {
    let workshop = Workshop::new(&flat(2, 2, 2), 1);
    assert_eq!(workshop.run(&[]).code, 0);
    let mut text = String::from("feature_a,feature_b,value\n");
    for i in 0..limits::TABLE_CELLS / 3 + 1 {
        writeln!(text, "a,b,{}", i % 10).unwrap();
    }
    std::fs::write(workshop.path("out/gram.csv"), text).unwrap();
    let outcome = workshop.call(&["plot", "@out"]).orderly();
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("more than 16777216 cells"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn picture_of_too_many_points_is_refused() {
    let workshop = Workshop::new(&flat(2, 2, 2), 1);
    assert_eq!(workshop.run(&[]).code, 0);
    let outcome = workshop
        .call(&["plot", "@out", "--scale", "10000"])
        .orderly();
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
}

#[test]
fn interchange_of_too_many_pairs_is_refused() {
    let workshop = Workshop::new(&flat(2, 2, 2), 1);
    assert_eq!(workshop.run(&[]).code, 0);
    let outcome = workshop
        .call(&["analyze", "@out", "--pairs", "100000001"])
        .orderly();
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("100000000"), "{}", outcome.stderr);
}

#[test]
fn plan_of_the_widest_model_is_within_the_limits() {
    // The estimate is no refusal of what the limits allow: D = 2048 with little else fits into 4 GiB.
    let model = flat(limits::WIDTH, 2, 2);
    let workshop = Workshop::new(&model, 1);
    let planned = workshop
        .call(&["--config", "@run.toml", "--plan"])
        .orderly();
    assert_eq!(planned.code, 0, "{}", planned.stderr);
}
