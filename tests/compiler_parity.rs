//! Compiled models equal Tracr's, weight by weight: every file of tests/fixtures/models and models/.
//!
//! `cargo test --release --test compiler_parity -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::graphs::{Rasp, string};
use common::tracr_cases::{CASES, Case, case};
use common::{fixtures, name};
use ndarray::{Array2, Axis};
use tracr_compress::compiler::{self, Options};
use tracr_compress::program;
use tracr_compress::model::{CompiledModel, Frozen, Metadata, Stream, Value};

/// Allowed difference of a weight. All are exact in float32 but for the last digit of a threshold.
const TOLERANCE: f32 = 1e-6;

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
        compare(&name, &compile(&name, &case), &theirs);
    }
}

#[test]
fn parity_sources_compile_to_tracrs_weights() {
    let mut compared = 0;
    for path in fixtures("models") {
        let name = name(&path);
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rasp_cases");
        let source = cases.join(name.trim_start_matches("causal_")).with_extension("rasp");
        if !source.exists() {
            println!("{name}: skipped, there is no {}", source.display());
            continue;
        }
        let settings = program::Settings {
            causal: Some(name.starts_with("causal_")),
            ..program::Settings::default()
        };
        let ours = program::compile(&source, &settings).unwrap().model;
        compare(&name, &ours, &CompiledModel::load(&path).unwrap());
        compared += 1;
    }
    assert!(compared >= 46, "only {compared} sources were compared");
}

/// Sizes, encodings, weights and the output on the reference's test input.
fn compare(name: &str, ours: &CompiledModel, theirs: &CompiledModel) {
    assert_eq!(sizes(&ours.metadata), sizes(&theirs.metadata), "{name}");
    assert_eq!(encodings(&ours.metadata), encodings(&theirs.metadata), "{name}");
    let difference =
        orders(&ours.metadata.residual_labels, &theirs.metadata.residual_labels)
            .into_iter()
            .map(|order| largest_difference(ours, theirs, &order))
            .fold(f32::INFINITY, f32::min);
    println!("{name:36} D {:3}  largest difference {difference:.1e}", ours.width());
    assert!(difference <= TOLERANCE, "{name}: {difference:e}");
    check_output(name, ours, &theirs.metadata);
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

/// For scripts/compare_compiler.py, which compares them with Tracr live.
#[test]
#[ignore = "writes every case of Tracr's table to $COMPRESS_WRITE_MODELS"]
fn parity_write_models() {
    let directory = PathBuf::from(std::env::var_os("COMPRESS_WRITE_MODELS").unwrap());
    for name in CASES {
        let model = compile(name, &case(name).unwrap());
        model
            .save(&directory.join(format!("{name}.safetensors")))
            .unwrap();
    }
}

fn sizes(meta: &Metadata) -> [usize; 8] {
    [
        meta.residual_labels.len(),
        meta.num_layers,
        meta.num_heads,
        meta.key_size,
        meta.mlp_hidden_size,
        meta.max_seq_len,
        usize::from(meta.causal),
        meta.bos_id,
    ]
}

/// The values, with their types, of inputs and outputs.
fn encodings(meta: &Metadata) -> (&[Value], Option<&[Value]>) {
    (&meta.input_vocab, meta.output_encoding.as_deref())
}

/// The ways to find Tracr's features for ours: by label without numeric suffix. Variables of one
/// name keep Tracr's order of them; where a process-wide counter is in the file's labels (`map_9`,
/// `map_10`) that may be another than ours, so every order is tried.
fn orders(ours: &[String], theirs: &[String]) -> Vec<Vec<usize>> {
    if ours == theirs {
        return vec![(0..ours.len()).collect()];
    }
    let (ours, theirs) = (by_variable(ours), by_variable(theirs));
    assert_eq!(shape(&ours), shape(&theirs));
    let mut orders = vec![vec![0; ours.values().flatten().map(Vec::len).sum()]];
    for (name, ours) in &ours {
        let theirs = &theirs[name];
        orders = permutations(ours.len())
            .iter()
            .flat_map(|permutation| {
                orders.iter().map(move |order| {
                    let mut order = order.clone();
                    for (variable, other) in ours.iter().zip(permutation) {
                        for (place, found) in variable.iter().zip(&theirs[*other]) {
                            order[*place] = *found;
                        }
                    }
                    order
                })
            })
            .collect();
    }
    orders
}

/// name without number -> the variables of that name -> the places of their features.
type Variables = BTreeMap<String, Vec<Vec<usize>>>;

fn by_variable(labels: &[String]) -> Variables {
    let mut variables: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (place, label) in labels.iter().enumerate() {
        let label = label
            .split_once(':')
            .map_or(label.as_str(), |(variable, _)| variable);
        let (variable, tail) = match label.strip_suffix("_selector_width_attn_output") {
            Some(variable) => (variable, " attn_output"),
            None => (label, ""),
        };
        let name = match variable.rsplit_once('_') {
            Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => variable,
        };
        let name = format!("{name}{tail}");
        variables
            .entry(name)
            .or_default()
            .entry(variable.into())
            .or_default()
            .push(place);
    }
    variables
        .into_iter()
        .map(|(name, of)| (name, of.into_values().collect()))
        .collect()
}

fn shape(variables: &Variables) -> Vec<(&str, Vec<usize>)> {
    variables
        .iter()
        .map(|(name, of)| (name.as_str(), of.iter().map(Vec::len).collect()))
        .collect()
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert = |shorter: Vec<usize>| {
        (0..n).map(move |place| {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            longer
        })
    };
    permutations(n - 1).into_iter().flat_map(insert).collect()
}

/// Over all tensors; feature `i` of ours is feature `order[i]` of theirs.
fn largest_difference(ours: &CompiledModel, theirs: &CompiledModel, order: &[usize]) -> f32 {
    let largest = |a: &Array2<f32>, b: Array2<f32>| {
        assert_eq!(a.dim(), b.dim());
        a.iter()
            .zip(&b)
            .fold(0.0, |largest: f32, (a, b)| largest.max((a - b).abs()))
    };
    let rows = |m: &Array2<f32>| m.select(Axis(0), order);
    let columns = |m: &Array2<f32>| m.select(Axis(1), order);
    let mut differences = vec![
        largest(&ours.token_embed, columns(&theirs.token_embed)),
        largest(&ours.pos_embed, columns(&theirs.pos_embed)),
        largest(&ours.unembed, rows(&theirs.unembed)),
    ];
    for (ours, theirs) in ours.layers.iter().zip(&theirs.layers) {
        for ((name, a), (_, b)) in ours.named().into_iter().zip(theirs.named()) {
            let writes = matches!(name, "attn.output" | "mlp.fc2");
            let b_weight = if writes {
                columns(&b.weight)
            } else {
                rows(&b.weight)
            };
            differences.push(largest(&a.weight, b_weight));
            assert!(
                a.bias.iter().chain(&b.bias).all(|x| *x == 0.0),
                "{name}: a bias"
            );
        }
    }
    differences.into_iter().fold(0.0, f32::max)
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
            (said, expected) => tracr_compress::rasp::python::equal(said, expected),
        };
        assert!(same, "{name}, position {t}: {said} and not {expected}");
    }
}
