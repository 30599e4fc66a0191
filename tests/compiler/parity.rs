//! Compiled models equal Tracr's, weight by weight: every file of tests/fixtures/models and models/.
//!
//! `cargo test --release --test compiler parity -- --nocapture` prints the largest differences.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array2;
use tracr::compiler::{self, Options};
use tracr::model::{CompiledModel, Frozen, Metadata, Stream, Value};
use tracr::rasp;

use crate::fixtures::{fixtures, name};
use crate::matching::compare;

/// Allowed difference of a weight. All are exact in float32 but for the last digit of a threshold.
const TOLERANCE: f64 = 1e-6;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<PathBuf> {
    let models = root().join("models");
    ["frac_prevs", "sort_unique"]
        .map(|name| models.join(format!("{name}.safetensors")))
        .into()
}

/// The program of a reference model of this name (`causal_` in front if causal): a case of Tracr's table or one of
/// our own (`tests/rasp_cases`), or a program of the library.
fn program_of(model: &str) -> (rasp::Program, Options) {
    let name = model.trim_start_matches("causal_");
    let case = root().join(format!("tests/rasp_cases/{name}.rasp"));
    let (program, mut options) = if case.exists() {
        read(&case)
    } else {
        read(&root().join(format!("programs/{name}.rasp")))
    };
    options.causal |= model != name;
    (program, options)
}

fn read(path: &Path) -> (rasp::Program, Options) {
    let program = rasp::compile_file(path, &rasp::Options::default()).unwrap();
    let program = program.unwrap_or_else(|reports| panic!("{}", rasp::render(&reports)));
    let header = &program.header;
    let (vocab, longest) = (header.vocab.clone().unwrap(), header.max_seq_len.unwrap());
    let options = Options::new(&name(path), vocab, longest);
    (program, options)
}

fn compile(program: &rasp::Program, options: &Options) -> CompiledModel {
    let (graph, output) = (&program.graph, program.output);
    let name = &options.program_name;
    let (model, notes) = compiler::compile(graph, output, options).unwrap();
    assert_eq!(notes, [], "{name}");
    let report = compiler::report(graph, output, options).unwrap();
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
    for path in fixtures("models").into_iter().chain(shipped()) {
        let theirs = CompiledModel::load(&path).unwrap();
        let name = name(&path);
        let (program, options) = program_of(&name);
        let ours = compile(&program, &options);
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
        let (program, options) = program_of(&name(&path));
        let mut ours = compile(&program, &options);
        ours.metadata.extra.clone_from(&theirs.metadata.extra);
        ours.metadata.unique_tokens = theirs.metadata.unique_tokens;
        assert_eq!(ours.metadata, theirs.metadata);
        assert_eq!(ours, theirs);
    }
}

#[test]
fn parity_large_programs_compile_well_under_a_second() {
    let (frac_prevs, mut large) = program_of("frac_prevs");
    let letters = ('a'..='z').chain('A'..='Z').chain(['_']);
    large.vocab = letters.map(|c| Value::Str(c.to_string())).collect();
    large.max_seq_len = 60;
    let (dyck, options) = program_of("shuffle_dyck3_1");
    for (program, options) in [(frac_prevs, large), (dyck, options)] {
        let start = Instant::now();
        let model = compile(&program, &options);
        let seconds = start.elapsed().as_secs_f64();
        let name = &options.program_name;
        println!(
            "{name:36} D {:3}  {:.1} ms",
            model.width(),
            1000.0 * seconds
        );
        assert!(seconds < 1.0, "{name} took {seconds} s");
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
        let (program, options) = program_of(name);
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
