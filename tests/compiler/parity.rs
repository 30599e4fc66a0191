//! Compiled models equal Tracr's, weight by weight: every file of tests/fixtures/models and models/.
//!
//! `cargo test --release --test compiler parity -- --nocapture` prints the largest differences.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::fixtures::{fixtures, name};
use crate::matching::compare;
use crate::rasp::{Rasp, string};
use crate::tracr_cases::{CASES, Case, case};
use ndarray::Array2;
use tracr::compiler::{self, Options};
use tracr::model::{CompiledModel, Frozen, Metadata, Stream, Value};
use tracr::rasp;

/// Allowed difference of a weight. All are exact in float32 but for the last digit of a threshold.
const TOLERANCE: f64 = 1e-6;

fn shipped() -> Vec<PathBuf> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    ["frac_prevs", "sort_unique"]
        .map(|name| models.join(format!("{name}.safetensors")))
        .into()
}

fn compile(name: &str, case: &Case) -> CompiledModel {
    let mut options = Options::new(name, case.vocab.clone(), case.max_seq_len);
    options.causal = case.causal;
    let (model, notes) = compiler::compile(&case.rasp.graph, case.output, &options).unwrap();
    assert_eq!(notes, [], "{name}");
    let report = compiler::report(&case.rasp.graph, case.output, &options).unwrap();
    let meta = &model.metadata;
    assert_eq!(
        (
            report.width,
            report.layers,
            report.heads,
            report.key_size,
            report.mlp_width
        ),
        (
            model.width(),
            meta.num_layers,
            meta.num_heads,
            meta.key_size,
            meta.mlp_hidden_size
        ),
        "{name}: the report beside the model"
    );
    assert_eq!(report.bytes, weight_bytes(&model), "{name}");
    model
}

fn weight_bytes(model: &CompiledModel) -> u128 {
    let embeddings = model.token_embed.len() + model.pos_embed.len() + model.unembed.len();
    let named = model.layers.iter().flat_map(|layer| layer.named());
    let layers: usize = named
        .map(|(_, linear)| linear.weight.len() + linear.bias.len())
        .sum();
    4 * (embeddings + layers) as u128
}

#[test]
fn parity_weights_equal_tracrs_entry_by_entry() {
    let files = fixtures("models").into_iter().chain(shipped());
    for path in files {
        let theirs = CompiledModel::load(&path).unwrap();
        let name = name(&path);
        let Some(case) = case(&name) else {
            println!("{name}: skipped, its program is not among the cases of this test");
            continue;
        };
        let ours = compile(&name, &case);
        let difference = compare(&name, &ours, &theirs);
        println!(
            "{name:36} D {:3}  largest difference {difference:.1e}",
            ours.width()
        );
        assert!(difference <= TOLERANCE, "{name}: {difference:e}");
        check_output(&name, &ours, &theirs.metadata);
    }
}

#[test]
fn parity_shipped_models_have_the_same_labels_in_the_same_order() {
    for path in shipped() {
        let theirs = CompiledModel::load(&path).unwrap();
        let mut ours = compile(&name(&path), &case(&name(&path)).unwrap());
        ours.metadata.extra.clone_from(&theirs.metadata.extra);
        ours.metadata.unique_tokens = theirs.metadata.unique_tokens;
        assert_eq!(ours.metadata, theirs.metadata);
        assert_eq!(ours, theirs);
    }
}

#[test]
fn parity_large_programs_compile_well_under_a_second() {
    let letters = ('a'..='z')
        .chain('A'..='Z')
        .chain(['_'])
        .map(|c| string(&c.to_string()));
    let mut rasp = Rasp::default();
    let tokens = rasp.tokens();
    let is_x = rasp.equals(tokens, string("x"));
    let output = rasp.frac_prevs(is_x);
    let large = Case {
        vocab: letters.collect(),
        max_seq_len: 60,
        causal: false,
        output,
        rasp,
    };
    for (name, case) in [
        ("frac_prevs_53_60", large),
        ("shuffle_dyck3_1", case("shuffle_dyck3_1").unwrap()),
    ] {
        let start = Instant::now();
        let model = compile(name, &case);
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name:36} D {:3}  {:.1} ms",
            model.width(),
            1000.0 * seconds
        );
        assert!(seconds < 1.0, "{name} took {seconds} s");
    }
}

/// From source, every case of Tracr's table: the model of the same program built by hand, which the
/// other tests compare with Tracr's.
#[test]
fn parity_sources_give_the_models_of_the_graphs() {
    for name in CASES.iter().filter(|name| !name.starts_with("own_")) {
        let case = case(name).unwrap();
        let source = format!(
            "tests/rasp_cases/{}.rasp",
            name.trim_start_matches("causal_")
        );
        let (program, options) = source_and_options(&source, case.causal);
        let (ours, _) = compiler::compile(&program.graph, program.output, &options).unwrap();
        let theirs = compile(name, &case);
        assert_eq!(compare(name, &ours, &theirs), 0.0, "{name}");
    }
    for path in shipped() {
        let theirs = CompiledModel::load(&path).unwrap();
        let (program, options) =
            source_and_options(&format!("programs/{}.rasp", name(&path)), false);
        let (mut ours, _) = compiler::compile(&program.graph, program.output, &options).unwrap();
        ours.metadata.extra.clone_from(&theirs.metadata.extra);
        ours.metadata.unique_tokens = theirs.metadata.unique_tokens;
        assert_eq!(ours, theirs, "{}", name(&path));
    }
}

/// What Tracr's table has as unsupported, and why it is.
#[test]
fn parity_unsupported_programs_are_refused_with_the_reason() {
    for (name, reason) in [
        (
            "numerical_categorical_aggregate",
            "an aggregate is encoded as what it aggregates",
        ),
        (
            "categorical_numerical_aggregate",
            "an aggregate is encoded as what it aggregates",
        ),
        (
            "numerical_numerical_aggregate",
            "can only average 0 and 1, but `map` can be 2",
        ),
        (
            "aggregate_with_not_None_default",
            "an aggregate is encoded as what it aggregates",
        ),
        (
            "numerical_selector",
            "the keys of a selector must be categorical",
        ),
        (
            "numerical_SequenceMap",
            "a sequence map has categorical arguments",
        ),
        (
            "categorical_LinearSequenceMap",
            "`linear` has numerical arguments",
        ),
        ("numerical_tokens", "`tokens` is always categorical"),
        ("numerical_indices", "`indices` is always categorical"),
    ] {
        let (program, options) =
            source_and_options(&format!("tests/rasp_cases/{name}.rasp"), false);
        let refused = compiler::compile(&program.graph, program.output, &options).unwrap_err();
        assert!(refused.to_string().contains(reason), "{name}: {refused}");
        assert!(
            refused
                .problems
                .iter()
                .all(|problem| problem.node.is_some()),
            "{name}"
        );
    }
}

fn source_and_options(path: &str, causal: bool) -> (rasp::Program, Options) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let program = rasp::compile_file(&path, &rasp::Options::default()).unwrap();
    let program = program.unwrap_or_else(|reports| panic!("{}", rasp::render(&reports)));
    let header = &program.header;
    let (vocab, longest) = (header.vocab.clone().unwrap(), header.max_seq_len.unwrap());
    let mut options = Options::new(&name(&path), vocab, longest);
    options.causal = causal;
    (program, options)
}

/// Our model on the file's test input gives the expected output, wherever that is defined.
fn check_output(name: &str, ours: &CompiledModel, reference: &Metadata) {
    let values = |key: &str| -> Option<Vec<Value>> {
        serde_json::from_value(reference.extra.get(key)?.clone()).unwrap()
    };
    let (input, expected) = (values("test_input").unwrap(), values("expected_output"));
    let expected = expected.or_else(|| values("model_output")).unwrap();
    let words: Vec<String> = input.iter().map(|v| v.to_json().to_string()).collect();
    let ids = ours.encode(&words).unwrap();
    let tokens = Array2::from_shape_vec((1, ids.len()), ids).unwrap();
    let output = Frozen::<f64>::new(ours)
        .forward(Stream::Full, tokens.view())
        .output;
    for (t, expected) in expected.iter().enumerate() {
        let said = ours.decode(output.row(t + 1));
        let same = match (&said, expected) {
            (_, Value::None) => true,
            (Value::Float(said), Value::Float(x)) => (said - x).abs() < 1e-3,
            (Value::Float(said), Value::Int(x)) => (said - *x as f64).abs() < 1e-3,
            (said, expected) => tracr::rasp::python::equal(said, expected),
        };
        assert!(same, "{name}, position {t}: {said} and not {expected}");
    }
}
