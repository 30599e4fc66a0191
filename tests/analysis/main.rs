//! The analysis against known answers, and against the same figures computed the plain way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod baselines;
mod certify;
mod circuit;
mod faithfulness;
mod geometry;
mod interchange;

use approx::assert_abs_diff_eq;
use base::rng::normal;
use base::rng::{self, Purpose};
use ndarray::{Array1, Array2, array, s};
use superposition::Projection;
use superposition::export::{Exported, Precision, export};
use superposition::inputs::{EvaluationSet, InputSpace};
use superposition::{Objective, OutputPositions, Teacher, evaluation};
use tracr::model::file::Problem;
use tracr::model::{CompiledModel, Frozen, Site, Stream, Wiring, codec};
use tracr_compress::analysis::activity::Activity;
use tracr_compress::analysis::structure::Structure;
use tracr_compress::analysis::verdict::{Budget, FeatureReport, Verdict, judge};
use tracr_compress::analysis::{self, Analysis, Settings, Subject};

use common::shipped;

use Verdict::{Dedicated, Dropped, Shared, Superposed, Unused};

fn space(model: &CompiledModel) -> InputSpace {
    if model.metadata.unique_tokens {
        InputSpace::new(model, &[1, 2, 3, 4, 5], true).unwrap()
    } else {
        InputSpace::new(model, &[5], false).unwrap()
    }
}

fn random_w(shape: (usize, usize), seed: u64) -> Array2<f64> {
    normal(&mut rng::stream(seed, Purpose::Init), shape, 1.0) / (shape.0 as f64).sqrt()
}

fn analyzed(
    model: &CompiledModel,
    w: &Array2<f64>,
    settings: &Settings,
    threads: usize,
) -> Analysis {
    let space = space(model);
    let inputs = EvaluationSet::new(&space, 1);
    let subject = Subject {
        model,
        space: &space,
        inputs: &inputs,
        w,
        wiring: &Wiring::default(),
    };
    analysis::analyze(subject, settings, threads)
}

/// All numbers of an analysis, for comparing two of them.
fn numbers(analysis: &Analysis) -> Vec<f64> {
    let mut all = vec![
        analysis.gram_rank as f64,
        analysis.activation_rank as f64,
        analysis.read_rank as f64,
    ];
    let maybe = |x: Option<f64>| x.unwrap_or(-99.0);
    for f in &analysis.features {
        let partner = f.geometry.strongest.unwrap_or((99, 0.0));
        all.extend([
            f.geometry.norm,
            f.geometry.dimensionality,
            partner.0 as f64,
            partner.1,
        ]);
        all.extend([
            f.verdict as usize as f64,
            f.margin,
            f.from_companions,
            f.from_strangers,
        ]);
    }
    all.extend(analysis.budget.parts().map(|(_, x)| x));
    for b in &analysis.faithfulness.blocks {
        all.extend([b.mse, maybe(b.cosine), maybe(b.variance_explained)]);
    }
    for v in &analysis.faithfulness.variables {
        all.extend([
            v.variance,
            v.mse,
            maybe(v.cosine),
            maybe(v.r2),
            maybe(v.r2_mapped),
        ]);
    }
    for p in &analysis.faithfulness.positions {
        all.extend([maybe(p.mae), maybe(p.rmse), maybe(p.max_error), p.accuracy]);
    }
    for i in &analysis.interchange {
        all.extend([
            maybe(i.accuracy),
            maybe(i.accuracy_affected),
            maybe(i.mae),
            i.affected as f64,
        ]);
    }
    for w in &analysis.faithfulness.worst {
        all.extend([w.error, w.wrong as f64]); // which of equally bad inputs it is, rounding decides
    }
    all
}

/// The number of pairs is small: these tests look at every one of them.
fn few_pairs() -> Settings {
    Settings {
        pairs: Some(300),
        ..Settings::default()
    }
}

#[test]
fn analysis_of_a_rotated_w_is_the_same() {
    for (name, d) in [("frac_prevs", 8), ("sort_unique", 12)] {
        let model = shipped(name);
        let w = random_w((d, model.width()), 5);
        // A product of plane rotations with a reflection.
        let mut rotation = Array2::<f64>::eye(d);
        for i in 0..d - 1 {
            let (sin, cos) = (0.7 + i as f64).sin_cos();
            let mut plane = Array2::<f64>::eye(d);
            plane[[i, i]] = cos;
            plane[[i + 1, i + 1]] = cos;
            plane[[i, i + 1]] = -sin;
            plane[[i + 1, i]] = sin;
            rotation = plane.dot(&rotation);
        }
        rotation.row_mut(0).mapv_inplace(|x| -x);
        let before = numbers(&analyzed(&model, &w, &few_pairs(), 1));
        let after = numbers(&analyzed(&model, &rotation.dot(&w), &few_pairs(), 1));
        let difference = common::largest_difference(before, after);
        println!("{name}: largest difference after a rotation {difference:.1e}");
        assert!(difference < 1e-8);
    }
}

#[test]
fn analysis_has_the_same_bits_for_any_threads() {
    let model = shipped("sort_unique");
    let w = random_w((12, 25), 6);
    let one = numbers(&analyzed(&model, &w, &few_pairs(), 1));
    for threads in [2, 5] {
        let several = numbers(&analyzed(&model, &w, &few_pairs(), threads));
        assert!(
            one.iter()
                .zip(&several)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }
}

#[test]
fn analysis_of_the_identity_is_faithful_in_everything() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let found = analyzed(&model, &Array2::eye(model.width()), &few_pairs(), 2);
        assert_eq!(found.gram_rank, model.width());
        assert_eq!(found.budget.verdict(), "none");
        for b in &found.faithfulness.blocks {
            assert_eq!(b.mse, 0.0);
            assert!(b.cosine.is_none_or(|c| (c - 1.0).abs() < 1e-12));
            assert!(b.variance_explained.is_none_or(|v| v == 1.0));
        }
        for v in &found.faithfulness.variables {
            assert!(v.r2.is_none_or(|r2| r2 == 1.0), "{v:?}");
            assert!(
                v.r2_mapped.is_none_or(|r2| (r2 - 1.0).abs() < 1e-9),
                "{v:?}"
            );
        }
        assert!(
            found
                .faithfulness
                .positions
                .iter()
                .all(|p| p.accuracy == 1.0)
        );
        for i in &found.interchange {
            assert_eq!(i.accuracy, Some(1.0), "{i:?}");
            assert!(i.accuracy_affected.is_none_or(|a| a == 1.0));
        }
        // Exchanging the result's own variable does change results; exchanging a constant does not.
        let affected = |name: &str| {
            let found = found.interchange.iter().find(|i| i.variable == name);
            found.unwrap().affected
        };
        assert_eq!(affected("one"), 0);
        let result = if name == "frac_prevs" {
            "frac_prevs"
        } else {
            "sort"
        };
        assert!(affected(result) > 0);
    }
}

/// Everything that both models do on all inputs, kept as it is: rows are `input·T + position`.
struct Plain {
    tokens: Array2<usize>,
    compiled: Vec<Array2<f64>>,
    compressed: Vec<Array2<f64>>,
    outputs: [Array2<f64>; 2],
}

impl Plain {
    fn new(model: &CompiledModel, w: &Array2<f64>) -> Self {
        let space = space(model);
        let inputs = EvaluationSet::new(&space, 1);
        let tokens = inputs.chunk(&space, 0, inputs.len());
        let frozen = Frozen::<f64>::new(model);
        let full = frozen.forward(Stream::Full, tokens.view());
        let small = frozen.forward(Stream::Compressed(w, &Wiring::default()), tokens.view());
        Self {
            tokens,
            compiled: full.block_outputs,
            compressed: small.block_outputs,
            outputs: [full.output, small.output],
        }
    }
}

#[test]
fn analysis_agrees_with_the_evaluation_of_training() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((8, model.width()), 11);
        let space = space(&model);
        let teacher = Teacher::new(&model, space.clone(), EvaluationSet::new(&space, 1));
        let objective = Objective {
            output_positions: OutputPositions::All,
            output_weight: 1.0,
            layer_weight: 1.0,
            ..Objective::default()
        };
        let theirs = evaluation::evaluate(
            &teacher,
            &objective,
            Stream::Compressed(&w, &Wiring::default()),
        );
        let ours = analyzed(&model, &w, &few_pairs(), 1).faithfulness;
        let flat: Vec<_> = ours
            .blocks
            .iter()
            .filter(|b| b.position.is_none())
            .collect();
        for (ours, theirs) in flat.iter().zip(&theirs.blocks) {
            assert_abs_diff_eq!(ours.mse, theirs.mse, epsilon = 1e-9 * (1.0 + theirs.mse));
            assert_eq!(ours.cosine.is_some(), theirs.cosine.is_some());
            if let (Some(a), Some(b)) = (ours.cosine, theirs.cosine) {
                assert_abs_diff_eq!(a, b, epsilon = 1e-12);
            }
        }
        let tokens = ours
            .positions
            .iter()
            .filter(|p| serde_json::to_value(p.kind).unwrap() == "token");
        let (mut n, mut right, mut absolute) = (0.0, 0.0, 0.0);
        for p in tokens {
            n += p.inputs as f64;
            right += p.accuracy * p.inputs as f64;
            absolute += p.mae.unwrap_or(0.0) * p.inputs as f64;
        }
        match theirs.token_accuracy {
            Some(accuracy) => assert_abs_diff_eq!(right / n, accuracy, epsilon = 1e-12),
            None => assert_abs_diff_eq!(absolute / n, theirs.mae.unwrap(), epsilon = 1e-9),
        }
    }
}

/// The export of `w`, as read again, and the largest difference of its scores from the compressed
/// model's, at any position of any input, by the plain forward pass.
fn exported(
    model: &CompiledModel,
    w: &Array2<f64>,
    precision: Precision,
) -> (f64, Exported, CompiledModel) {
    let exported = try_export(model, w, precision).unwrap();
    let read = CompiledModel::from_bytes(&exported.bytes).unwrap();
    let plain = Plain::new(model, w);
    let ours = Frozen::<f64>::new(&read).forward(Stream::Full, plain.tokens.view());
    let theirs = &plain.outputs[1];
    for (ours, theirs) in ours.output.rows().into_iter().zip(theirs.rows()) {
        if ours.len() > 1 && !model.is_undecided(theirs) {
            assert_eq!(codec::argmax(ours), codec::argmax(theirs));
        }
    }
    let difference = common::largest_difference(ours.output, theirs.clone());
    (difference, exported, read)
}

fn try_export(
    model: &CompiledModel,
    w: &Array2<f64>,
    precision: Precision,
) -> Result<Exported, Problem> {
    let space = space(model);
    let inputs = EvaluationSet::new(&space, 1);
    let projection = Projection {
        w: w.clone(),
        wiring: Wiring::default(),
        labels: model.metadata.residual_labels.clone(),
    };
    export(model, &projection, (&space, &inputs), precision)
}

#[test]
fn export_computes_what_the_compressed_model_does() {
    for (name, d) in [
        ("frac_prevs", 8),
        ("frac_prevs", 3),
        ("sort_unique", 12),
        ("sort_unique", 25),
    ] {
        let model = shipped(name);
        for seed in 12..17 {
            let w = random_w((d, model.width()), seed);
            let (difference, exported, read) = exported(&model, &w, Precision::Auto);
            println!(
                "{name}, d = {d}, seed {seed}: {:?} {difference:.1e}, float32 {:?}",
                exported.precision, exported.single_difference
            );
            assert!(difference < 1e-5);
            assert_abs_diff_eq!(difference, exported.difference, epsilon = 1e-9);
            assert_eq!(read.metadata.residual_labels[d - 1], format!("d{}", d - 1));
        }
    }
}

#[test]
fn export_is_float32_where_that_is_enough() {
    let (small, large) = (shipped("frac_prevs"), shipped("sort_unique"));
    let w = random_w((8, small.width()), 12);
    let (_, auto, _) = exported(&small, &w, Precision::Auto);
    assert_eq!(auto.precision, Precision::F32);
    assert_eq!(auto.bytes, exported(&small, &w, Precision::F32).1.bytes);

    let w = random_w((12, large.width()), 12);
    let (_, auto, double_model) = exported(&large, &w, Precision::Auto);
    let (difference, single, single_model) = exported(&large, &w, Precision::F32);
    assert_eq!(auto.precision, Precision::F64);
    assert_eq!(auto.single_difference, Some(single.difference));
    assert!(difference > 1e-5, "{difference}");
    assert_eq!(auto.bytes, exported(&large, &w, Precision::F64).1.bytes);
    // Either is written as it was read: float32 numbers as such, whatever they are kept in.
    assert_eq!(single_model.to_bytes().unwrap(), single.bytes);
    assert_eq!(double_model.to_bytes().unwrap(), auto.bytes);

    // Only float64 can hold a W of this size.
    let w = 1e39 * random_w((8, small.width()), 12);
    let problem = try_export(&small, &w, Precision::F32).unwrap_err();
    assert!(problem.to_string().contains("must be finite"), "{problem}");
    let auto = try_export(&small, &w, Precision::Auto).unwrap();
    assert_eq!(auto.precision, Precision::F64);
}
