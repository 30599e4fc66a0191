//! The same through the binary: a run of any extreme ends with results or with a typed stop, and what looks at
//! runs afterwards (analyze, plot, report, export) works on whatever it left.

use super::workshop::{Outcome, SMALL, Workshop, categorical, numerical, scale_all, scale_one};
use crate::common::synthetic::Shape;

const ENGINES: [&str; 4] = [
    "training.engine=fused",
    "training.engine=autodiff",
    "training.engine=fused,f64",
    "training.engine=autodiff,f64",
];

/// The settings of one of these.
fn settings(engine: &str) -> Vec<&str> {
    match engine.split_once(',') {
        Some((engine, _)) => vec![engine, "training.precision=f64"],
        None => vec![engine],
    }
}

/// The exact loss at the end, or none if the run diverged; anything else is wrong.
fn loss(workshop: &Workshop, outcome: &Outcome) -> Option<f64> {
    let summary = workshop.summary();
    match outcome.code {
        0 => {
            assert_eq!(summary["stop_reason"], "completed");
            let loss = summary["final"]["eval_loss"].as_f64();
            assert!(loss.is_some_and(f64::is_finite), "{summary}");
            let metrics = workshop.read("out/metrics.csv");
            assert!(
                !metrics.contains("NaN") && !metrics.contains("inf"),
                "{metrics}"
            );
            loss
        }
        1 => {
            assert_eq!(summary["stop_reason"], "diverged");
            assert_eq!(summary["ending"]["verdict"], "diverged");
            assert!(summary["final"].is_null());
            assert!(
                outcome.stderr.contains("is not a finite number"),
                "{}",
                outcome.stderr
            );
            None
        }
        code => panic!("exit code {code}: {}", outcome.stderr),
    }
}

/// Runs all engines; each that ends with a number ends near the others of its precision, whose roundings the
/// steps carry on.
fn all_engines(workshop: &Workshop, set: &[&str]) -> [Option<f64>; 4] {
    let found = ENGINES.map(|engine| {
        let mut all = settings(engine);
        all.extend(set);
        let outcome = workshop.run(&all);
        let loss = loss(workshop, &outcome);
        println!("{engine} {set:?}: {loss:?}");
        if engine == ENGINES[0] {
            workshop.look_at_everything(); // what is left differs by rounding alone
        }
        loss
    });
    if let (Some(fused), Some(autodiff)) = (found[2], found[3]) {
        let difference = (fused - autodiff).abs();
        assert!(
            difference <= 1e-6 * autodiff.abs(),
            "{fused} beside {autodiff}"
        );
    }
    found
}

#[test]
fn run_with_a_learning_rate_of_ten_ends_in_numbers_or_a_stop() {
    let workshop = Workshop::new(&numerical(1, SMALL), 3);
    all_engines(&workshop, &["training.learning_rate.initial=10"]);
    let found = all_engines(&workshop, &["training.learning_rate.initial=1e30"]);
    assert_eq!(found[0], None);
    assert_eq!(found[1], None);
}

#[test]
fn run_trains_on_batches_of_one_and_of_a_hundred_thousand() {
    let workshop = Workshop::new(&numerical(2, SMALL), 3);
    for set in [
        &["training.batch_size=1"][..],
        &[
            "training.batch_size=100000",
            "training.steps=4",
            "training.log_every=2",
        ],
    ] {
        assert!(all_engines(&workshop, set).iter().all(Option::is_some));
    }
}

#[test]
fn run_trains_widths_of_one_and_of_everything() {
    let workshop = Workshop::new(&categorical(3, SMALL, 4), 1);
    for d in ["compression.dim=1", "compression.dim=6"] {
        assert!(all_engines(&workshop, &[d]).iter().all(Option::is_some));
    }
}

#[test]
fn run_trains_the_smallest_models() {
    let shapes = [
        Shape { words: 1, ..SMALL },
        Shape {
            longest: 1,
            ..SMALL
        },
        Shape {
            words: 1,
            longest: 1,
            depth: 0,
            width: 1,
            ..SMALL
        },
        Shape { depth: 0, ..SMALL },
        Shape { heads: 16, ..SMALL },
    ];
    for (seed, shape) in (0..).zip(shapes) {
        for model in [numerical(seed, shape), categorical(seed, shape, 2)] {
            let workshop = Workshop::new(&model, shape.width.min(2));
            let found = all_engines(&workshop, &["training.steps=40"]);
            assert!(found.iter().all(Option::is_some), "{shape:?}");
        }
    }
}

#[test]
fn run_trains_two_hundred_layers() {
    // Of few inputs: the analysis exchanges four hundred blocks' variables between pairs of them.
    let shape = Shape {
        depth: 200,
        heads: 4,
        words: 2,
        longest: 1,
        ..SMALL
    };
    let mut model = numerical(4, shape);
    for layer in &mut model.layers {
        layer.output.weight.mapv_inplace(|x| x * 0.05);
        layer.fc2.weight.mapv_inplace(|x| x * 0.05);
        layer.output.bias.mapv_inplace(|x| x * 0.05);
        layer.fc2.bias.mapv_inplace(|x| x * 0.05);
    }
    let workshop = Workshop::new(&model, 3);
    let set = [
        "training.steps=4",
        "training.log_every=2",
        "compression.init_std=0.3",
    ];
    assert!(all_engines(&workshop, &set).iter().all(Option::is_some));
}

#[test]
fn run_on_huge_and_denormal_weights_trains_or_stops() {
    let (mut stopped, mut completed) = (0, 0);
    for (seed, factor) in [
        (0u64, 1e30),
        (1, 1e30),
        (2, 1e30),
        (3, 1e-41),
        (4, 1e-41),
        (5, 1e15),
    ] {
        let mut model = numerical(seed, SMALL);
        let count = scale_one(&mut model, usize::MAX, 1.0);
        match seed % 3 {
            0 => scale_all(&mut model, factor),
            _ => {
                scale_one(&mut model, (seed as usize * 11) % count, factor);
            }
        }
        let workshop = Workshop::new(&model, 3);
        for engine in ENGINES {
            let outcome = workshop.run(&settings(engine));
            if outcome.code == 2 {
                // The compiled model itself is out of range.
                assert!(
                    outcome.stderr.contains("too large for float64"),
                    "{}",
                    outcome.stderr
                );
                assert!(!workshop.path("out").exists());
                stopped += 1;
                continue;
            }
            match loss(&workshop, &outcome) {
                None => stopped += 1,
                Some(_) => completed += 1,
            }
            workshop.look_at_everything();
        }
    }
    println!("{stopped} stopped, {completed} completed");
    assert!(stopped > 0 && completed > 0);
}

#[test]
fn run_from_a_tiny_or_huge_initial_matrix_trains_or_stops() {
    let workshop = Workshop::new(&numerical(6, SMALL), 3);
    for std in ["1e-40", "1e-160", "1e20", "1e300"] {
        let found = all_engines(&workshop, &[&format!("compression.init_std={std}")]);
        if std == "1e20" {
            assert_eq!(found[0], None, "float32 does not hold that");
        }
    }
}

#[test]
fn run_refuses_a_model_whose_output_overflows() {
    let mut model = numerical(7, Shape { depth: 0, ..SMALL });
    model.token_embed.fill(1e60);
    model.unembed.fill(1e260);
    let workshop = Workshop::new(&model, 2);
    let outcome = workshop.run(&[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("the output, input 0"),
        "{}",
        outcome.stderr
    );
    assert!(!workshop.path("out").exists());
    // `run` shows no infinity as a result, either.
    let outcome = workshop
        .call(&["run", "@model.safetensors", "w0"])
        .orderly();
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("which is no output"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.stdout, "");
}

#[test]
fn sweep_with_runs_that_diverge_is_collected_analysed_and_drawn() {
    let workshop = Workshop::new(&numerical(8, SMALL), 2);
    std::fs::write(
        workshop.path("study.toml"),
        "name = \"s\"\nquestion = \"?\"\nbase = \"run.toml\"\n[grid]\n\"compression.dim\" = [1, 6]\n\
         \"training.learning_rate.initial\" = [0.001, 10, 1e30]\n",
    )
    .unwrap();
    let swept = workshop.call(&["sweep", "@study.toml", "--output", "@study", "--quiet"]);
    let swept = swept.orderly();
    assert_eq!(swept.code, 1, "{}", swept.stderr);
    for arguments in [
        &["sweep", "--collect", "@study"][..],
        &["analyze", "@study"],
        &["plot", "@study"],
        &["report", "@study"],
    ] {
        let outcome = workshop.call(arguments).orderly();
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
    }
    let runs = workshop.read("study/runs.csv");
    assert!(
        runs.contains("diverged: the loss is not a finite number"),
        "{runs}"
    );
    assert!(!runs.contains("NaN") && !runs.contains(",inf"), "{runs}");
}
