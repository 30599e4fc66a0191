//! The analysis against known answers, and against the same figures computed the plain way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use approx::assert_abs_diff_eq;
use ndarray::{Array1, Array2, array, s};
use tracr_compress::analysis::activity::Activity;
use tracr_compress::analysis::structure::Structure;
use tracr_compress::analysis::verdict::{Budget, FeatureReport, Verdict, judge};
use tracr_compress::analysis::{self, Analysis, Settings, Subject};
use tracr_compress::compression::Projection;
use tracr_compress::compression::projection::normal;
use tracr_compress::compression::{Objective, OutputPositions, Teacher, evaluation, fold};
use tracr_compress::inputs::rng::{self, Purpose};
use tracr_compress::inputs::{EvaluationSet, InputSpace};
use tracr_compress::model::{CompiledModel, Frozen, Site, Stream, codec};

use Verdict::{Dedicated, Dropped, Shared, Superposed, Unused};

fn shipped(name: &str) -> CompiledModel {
    let path = format!("{}/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
    CompiledModel::load(path.as_ref()).unwrap()
}

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

/// Judges hand-made features: `values` `[rows, D]` are what the compiled model has, `w` is `[d, D]`,
/// `read` says which features count.
fn judged(values: &Array2<f64>, w: &Array2<f64>, read: Vec<bool>) -> (Vec<FeatureReport>, Budget) {
    let mut model = shipped("frac_prevs");
    model.metadata.residual_labels = (0..w.ncols()).map(|i| format!("f:{i}")).collect();
    let structure = Structure {
        variables: Vec::new(),
        written: Vec::new(),
        read,
    };
    let settings = Settings::default();
    let activity = Activity::of_values(values, settings.active_above);
    judge(
        &model,
        w.t().dot(w).view(),
        &structure,
        &activity,
        &settings,
    )
}

fn verdicts(features: &[FeatureReport]) -> Vec<Verdict> {
    features.iter().map(|f| f.verdict).collect()
}

/// Exactly one of `n` features at a time.
fn one_at_a_time(n: usize) -> Array2<f64> {
    Array2::eye(n)
}

#[test]
fn a_subset_kept_as_it_is_is_dedicated_and_the_rest_dropped() {
    let w = array![[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let (features, budget) = judged(&one_at_a_time(4), &w, vec![true, true, true, false]);
    assert_eq!(
        verdicts(&features),
        [Dedicated, Dropped, Dedicated, Dropped]
    );
    for (f, (norm, d)) in features
        .iter()
        .zip([(1.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
    {
        assert_abs_diff_eq!(f.geometry.norm, norm, epsilon = 1e-6);
        assert_abs_diff_eq!(f.geometry.dimensionality, d, epsilon = 1e-6);
        assert_eq!(f.partner, None);
    }
    // Thresholds 0.25 on the norm and 0.9 on the dimensionality.
    assert_abs_diff_eq!(features[0].margin, 0.1, epsilon = 1e-6);
    assert_abs_diff_eq!(features[1].margin, 0.25, epsilon = 1e-6);
    let expected = Budget {
        deletion: 1.0,
        deletion_of_unused: 1.0,
        ..Budget::default()
    };
    assert_eq!(budget, expected);
    assert_eq!(budget.verdict(), "deletion");
}

#[test]
fn an_antipodal_pair_is_superposed_with_half_a_dimension_each() {
    let w = array![[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
    let (features, budget) = judged(&one_at_a_time(3), &w, vec![true; 3]);
    assert_eq!(verdicts(&features), [Superposed, Superposed, Dedicated]);
    for (i, partner) in [(0, "f:1"), (1, "f:0")] {
        assert_abs_diff_eq!(features[i].geometry.dimensionality, 0.5, epsilon = 1e-6);
        assert_abs_diff_eq!(
            features[i].geometry.strongest.unwrap().1,
            -1.0,
            epsilon = 1e-6
        );
        assert_eq!(features[i].partner.as_deref(), Some(partner));
    }
    assert_abs_diff_eq!(budget.superposition, 1.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.total(), 1.0, epsilon = 1e-6);
    assert_eq!(budget.verdict(), "superposition");
}

#[test]
fn five_features_in_a_pentagon_have_two_fifths_of_a_dimension_each() {
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / 5.0;
    let w = Array2::from_shape_fn((2, 5), |(k, i)| {
        if k == 0 {
            angle(i).cos()
        } else {
            angle(i).sin()
        }
    });
    let (features, budget) = judged(&one_at_a_time(5), &w, vec![true; 5]);
    for f in &features {
        assert_eq!(f.verdict, Superposed);
        assert_abs_diff_eq!(f.geometry.norm, 1.0, epsilon = 1e-6);
        assert_abs_diff_eq!(f.geometry.dimensionality, 0.4, epsilon = 1e-6);
        // cos 144 degrees.
        assert_abs_diff_eq!(f.geometry.strongest.unwrap().1, -0.809_017, epsilon = 1e-6);
        assert_abs_diff_eq!(f.margin, 0.5, epsilon = 1e-6);
    }
    assert_abs_diff_eq!(budget.superposition, 3.0, epsilon = 1e-6);
}

#[test]
fn a_duplicate_is_shared_and_an_unused_feature_is_not_superposition() {
    // Feature 1 duplicates 0 on the same direction; 2 says the opposite of 0 (redundant, never
    // together); 3 is never active and lies across 4; 5 is active, but nothing reads it.
    let values = array![
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    ];
    let w = array![
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ];
    let read = vec![true, true, true, true, true, false];
    let (features, budget) = judged(&values, &w, read);
    assert_eq!(
        verdicts(&features),
        [Shared, Shared, Shared, Unused, Dedicated, Unused]
    );
    for f in &features[..3] {
        assert_abs_diff_eq!(f.geometry.dimensionality, 1.0 / 3.0, epsilon = 1e-6);
    }
    // Half a dimension by the formula, a whole one among the features that ever occur.
    assert_abs_diff_eq!(features[4].geometry.dimensionality, 0.5, epsilon = 1e-6);
    assert_abs_diff_eq!(features[4].dimensionality_active, 1.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.sharing, 2.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.idle, 1.0, epsilon = 1e-6);
    assert_eq!(budget.superposition, 0.0);
    assert_eq!(budget.verdict(), "sharing");
    assert_eq!(features[3].active_share, 0.0);
    assert_eq!(features[3].mean_active, None);
}

#[test]
fn the_published_heat_map_is_judged_as_the_paper_describes_it() {
    let model = shipped("frac_prevs");
    let labels = &model.metadata.residual_labels;
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/published_gram_frac_prevs_d8.csv"
    );
    let mut gram = Array2::<f64>::zeros((14, 14));
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let at = |label: &str| labels.iter().position(|l| l == label).unwrap();
        gram[[at(&row[0]), at(&row[1])]] = row[2].parse().unwrap();
    }
    let space = space(&model);
    let inputs = EvaluationSet::new(&space, 1);
    let settings = Settings::default();
    let frozen = Frozen::<f64>::new(&model);
    let activity = Activity::measure(&frozen, &space, &inputs, settings.active_above, 1);
    let structure = Structure::new(&model);
    let (features, budget) = judge(&model, gram.view(), &structure, &activity, &settings);
    let report = |label: &str| features.iter().find(|f| f.feature == label).unwrap();
    assert_eq!(report("frac_prevs").verdict, Dedicated);
    for label in ["tokens:x", "is_x"] {
        assert_eq!(report(label).verdict, Shared, "{label}");
    }
    assert_eq!(report("is_x").partner.as_deref(), Some("tokens:x"));
    let dropped = [
        "tokens:a",
        "tokens:b",
        "tokens:c",
        "tokens:compiler_pad",
        "one",
    ];
    for label in dropped {
        assert_eq!(report(label).verdict, Dropped, "{label}");
        println!("{label}: {:.3} from the threshold", report(label).margin);
    }
    for i in 0..5 {
        let index = report(&format!("indices:{i}"));
        assert_eq!(index.verdict, Superposed);
        println!("indices:{i}: {:.3} from the threshold", index.margin);
    }
    // Four dropped features were of no use, `one` was.
    assert_eq!((budget.deletion, budget.deletion_of_unused), (1.0, 4.0));
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
    };
    analysis::analyze(subject, settings, threads)
}

/// All numbers of an analysis, for comparing two of them.
fn numbers(analysis: &Analysis) -> Vec<f64> {
    let mut all = vec![analysis.gram_rank as f64, analysis.activation_rank as f64];
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
fn a_rotation_of_w_changes_nothing() {
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
fn threads_change_no_bit() {
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
fn the_identity_is_faithful_in_everything() {
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
        let small = frozen.forward(Stream::Compressed(w), tokens.view());
        Self {
            tokens,
            compiled: full.block_outputs,
            compressed: small.block_outputs,
            outputs: [full.output, small.output],
        }
    }
}

#[test]
fn blocks_and_positions_equal_the_plain_formulas() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((9, model.width()), 7);
        let found = analyzed(&model, &w, &few_pairs(), 2);
        let plain = Plain::new(&model, &w);
        let positions = plain.tokens.ncols();
        let names = model.block_names();
        for fit in &found.faithfulness.blocks {
            let block = names.iter().position(|n| *n == fit.block).unwrap();
            let rows = |m: &Array2<f64>| match fit.position {
                None => m.clone(),
                Some(t) => m.slice(s![t..;positions, ..]).to_owned(),
            };
            let (h, g) = (rows(&plain.compiled[block]), rows(&plain.compressed[block]));
            let n = h.nrows() as f64;
            let squared = (&h - &g).mapv(|x| x * x).sum();
            assert_abs_diff_eq!(fit.mse, squared / n, epsilon = 1e-9);
            let norm = |m: &Array2<f64>| m.mapv(|x| x * x).sum().sqrt();
            match fit.cosine {
                Some(cosine) => {
                    assert_abs_diff_eq!(
                        cosine,
                        (&h * &g).sum() / norm(&h) / norm(&g),
                        epsilon = 1e-9
                    );
                }
                None => assert_eq!(norm(&h) * norm(&g), 0.0),
            }
            let mean: Array1<f64> = h.mean_axis(ndarray::Axis(0)).unwrap();
            let variance = (&h - &mean).mapv(|x| x * x).sum();
            match fit.variance_explained {
                Some(explained) => {
                    assert_abs_diff_eq!(explained, 1.0 - squared / variance, epsilon = 1e-7);
                }
                None => assert!(variance < 1e-9, "{fit:?}"),
            }
        }
        let mut inputs_seen = 0;
        for fit in &found.faithfulness.positions {
            let kind = |id: usize| match id {
                id if id == model.metadata.bos_id => "bos",
                id if id == model.metadata.pad_id => "pad",
                _ => "token",
            };
            let wanted = serde_json::to_value(fit.kind).unwrap();
            let rows: Vec<usize> = (0..plain.tokens.nrows())
                .filter(|b| kind(plain.tokens[[*b, fit.position]]) == wanted.as_str().unwrap())
                .map(|b| b * positions + fit.position)
                .collect();
            assert_eq!(fit.inputs as usize, rows.len());
            inputs_seen += rows.len();
            let [full, small] = &plain.outputs;
            if name == "sort_unique" {
                let same =
                    |r: &&usize| codec::argmax(full.row(**r)) == codec::argmax(small.row(**r));
                let right = rows.iter().filter(same).count();
                assert_abs_diff_eq!(
                    fit.accuracy,
                    right as f64 / rows.len() as f64,
                    epsilon = 1e-12
                );
                assert_eq!(fit.mae, None);
            } else {
                let errors: Vec<f64> = rows
                    .iter()
                    .map(|r| (full[[*r, 0]] - small[[*r, 0]]).abs())
                    .collect();
                let n = errors.len() as f64;
                let largest = errors.iter().copied().fold(0.0, f64::max);
                let square = errors.iter().map(|e| e * e).sum::<f64>() / n;
                assert_abs_diff_eq!(
                    fit.mae.unwrap(),
                    errors.iter().sum::<f64>() / n,
                    epsilon = 1e-9
                );
                assert_abs_diff_eq!(fit.rmse.unwrap(), square.sqrt(), epsilon = 1e-9);
                assert_abs_diff_eq!(fit.max_error.unwrap(), largest, epsilon = 1e-9);
                let right = errors.iter().filter(|e| **e <= 0.025).count();
                assert_abs_diff_eq!(fit.accuracy, right as f64 / n, epsilon = 1e-12);
            }
        }
        assert_eq!(inputs_seen, plain.tokens.len());
    }
}

/// The residual of the best affine map by Gram-Schmidt on the stored columns: `[rows, p]` to
/// `[rows, q]`. Shares nothing with the moments that the analysis keeps.
fn residual_by_projection(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let rows = x.nrows();
    let mut basis: Vec<Array1<f64>> = Vec::new();
    let columns =
        std::iter::once(Array1::ones(rows)).chain(x.columns().into_iter().map(|c| c.to_owned()));
    for column in columns {
        let size = column.dot(&column).sqrt();
        let mut rest = column;
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.scaled_add(-along, b);
            }
        }
        let norm = rest.dot(&rest).sqrt();
        if norm > 1e-7 * size.max(1e-300) {
            basis.push(rest / norm);
        }
    }
    let mut left = 0.0;
    for column in y.columns() {
        let mut rest = column.to_owned();
        for b in &basis {
            let along = b.dot(&rest);
            rest.scaled_add(-along, b);
        }
        left += rest.dot(&rest);
    }
    left
}

#[test]
fn variables_equal_regressions_on_the_stored_rows() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((9, model.width()), 8);
        let found = analyzed(&model, &w, &few_pairs(), 2);
        let plain = Plain::new(&model, &w);
        let labels = &model.metadata.residual_labels;
        let embedding = Frozen::<f64>::new(&model).embed(plain.tokens.view());
        let read_back = embedding.dot(&w.t()).dot(&w);
        let mut compared = 0;
        for fit in &found.faithfulness.variables {
            let dims: Vec<usize> = (0..labels.len())
                .filter(|d| labels[*d].split(':').next() == Some(&fit.variable))
                .collect();
            assert_eq!(fit.features, dims.len());
            let block = model.block_names().iter().position(|n| *n == fit.site);
            let (h, g) = block.map_or((&embedding, &read_back), |b| {
                (&plain.compiled[b], &plain.compressed[b])
            });
            let special = [model.metadata.bos_id, model.metadata.pad_id];
            let rows: Vec<usize> = plain
                .tokens
                .iter()
                .enumerate()
                .filter(|(_, id)| fit.positions == "all" || !special.contains(id))
                .map(|(row, _)| row)
                .collect();
            let part = |m: &Array2<f64>| {
                m.select(ndarray::Axis(0), &rows)
                    .select(ndarray::Axis(1), &dims)
            };
            let (y, x) = (part(h), part(g));
            let centred = &y - &y.mean_axis(ndarray::Axis(0)).unwrap();
            let variance = centred.mapv(|v| v * v).sum();
            assert_abs_diff_eq!(fit.variance, variance / rows.len() as f64, epsilon = 1e-9);
            let squared = (&y - &x).mapv(|v| v * v).sum();
            assert_abs_diff_eq!(fit.mse, squared / rows.len() as f64, epsilon = 1e-9);
            let Some(r2) = fit.r2 else {
                assert!(variance < 1e-9, "{fit:?}");
                continue;
            };
            assert_abs_diff_eq!(r2, 1.0 - squared / variance, epsilon = 1e-7);
            let mapped = 1.0 - residual_by_projection(&x, &y) / variance;
            println!(
                "{name} {} {}: {r2:.4} {mapped:.4}",
                fit.variable, fit.positions
            );
            assert_abs_diff_eq!(fit.r2_mapped.unwrap(), mapped, epsilon = 1e-6);
            assert!(mapped >= r2 - 1e-9);
            compared += 1;
        }
        assert!(compared > 5, "{name}: {compared}");
    }
}

#[test]
fn interchanges_equal_runs_with_the_value_put_in_by_hand() {
    let model = shipped("sort_unique");
    let w = random_w((16, 25), 9);
    let settings = Settings {
        pairs: None,
        ..Settings::default()
    };
    // All ordered pairs of the 65 inputs of length 1 and 3.
    let space = InputSpace::new(&model, &[1, 3], true).unwrap();
    let inputs = EvaluationSet::new(&space, 1);
    let subject = Subject {
        model: &model,
        space: &space,
        inputs: &inputs,
        w: &w,
    };
    let found = analysis::analyze(subject, &settings, 2);
    let fit = found
        .interchange
        .iter()
        .find(|i| i.variable == "target_pos")
        .unwrap();
    assert_eq!(
        (fit.pairs, fit.all_pairs, fit.site.as_str()),
        (65 * 65, true, "layer0.mlp")
    );

    // The plain way: the value enters as the difference that it makes to the stream after layer 0,
    // and layer 1 is run on that alone, its blocks taken from a forward pass of a model of one layer.
    let labels = &model.metadata.residual_labels;
    let dims: Vec<usize> = (0..25)
        .filter(|d| labels[*d].starts_with("target_pos:"))
        .collect();
    let frozen = Frozen::<f64>::new(&model);
    let mut second = frozen.clone();
    second.layers.remove(0);
    let tokens = inputs.chunk(&space, 0, 65);
    let streams = [Stream::Full, Stream::Compressed(&w)];
    let traces = streams.map(|stream| frozen.forward(stream, tokens.view()));
    let (mut positions, mut right, mut undecided, mut affected) = (0, 0, 0, 0);
    for base in 0..65 {
        for source in 0..65 {
            let rows = |input: usize| s![6 * input..6 * input + 6, ..];
            let outputs = [0, 1].map(|m| {
                let trace = &traces[m];
                let written = |input: usize| {
                    let block = trace.block_outputs[1].slice(rows(input)).to_owned();
                    let mut kept = Array2::<f64>::zeros(block.dim());
                    for d in &dims {
                        kept.column_mut(*d).assign(&block.column(*d));
                    }
                    kept
                };
                let change = written(source) - written(base);
                let stream = trace.residuals[2].slice(rows(base)).to_owned();
                let stream = if m == 0 {
                    stream + change
                } else {
                    stream + change.dot(&w.t())
                };
                let read = if m == 0 { stream } else { stream.dot(&w) };
                layer_and_output(&second, &read, (m == 1).then_some(&w))
            });
            for t in 1..6 {
                if !space.is_word(tokens[[base, t]]) {
                    continue;
                }
                if model.is_undecided(outputs[0].row(t)) {
                    undecided += 1;
                    continue;
                }
                let class = codec::argmax(outputs[0].row(t));
                positions += 1;
                right += u64::from(codec::argmax(outputs[1].row(t)) == class);
                let before = codec::argmax(traces[0].output.row(6 * base + t));
                affected += u64::from(before != class);
            }
        }
    }
    println!(
        "target_pos: {right} of {positions} agree, {affected} affected, {undecided} undecided"
    );
    assert_eq!(
        (fit.positions, fit.undecided, fit.affected),
        (positions, undecided, affected)
    );
    assert_abs_diff_eq!(
        fit.accuracy.unwrap(),
        right as f64 / positions as f64,
        epsilon = 1e-12
    );
    assert!(affected > 100 && right > 100 && right < positions);
}

/// Layer `model.layers[0]` and the unembedding on what is read `[T, D]`, written out: bidirectional
/// attention of one head, then the MLP.
fn layer_and_output(
    model: &Frozen<f64>,
    read: &Array2<f64>,
    w: Option<&Array2<f64>>,
) -> Array2<f64> {
    let layer = &model.layers[0];
    let through = |h: &Array2<f64>| w.map_or_else(|| h.clone(), |w| h.dot(&w.t()).dot(w));
    let apply =
        |l: &tracr_compress::model::Linear<f64>, x: &Array2<f64>| x.dot(&l.weight) + &l.bias;
    let (q, k, v) = (
        apply(&layer.query, read),
        apply(&layer.key, read),
        apply(&layer.value, read),
    );
    let mut weights = q.dot(&k.t()) / (model.key_size as f64).sqrt();
    for mut row in weights.rows_mut() {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|x| (x - max).exp());
        let sum = row.sum();
        row /= sum;
    }
    assert_eq!(model.heads, 1);
    let attended = apply(&layer.output, &weights.dot(&v));
    let read = read + &through(&attended);
    let hidden = apply(&layer.fc1, &read).mapv(|x| x.max(0.0));
    let read = &read + &through(&apply(&layer.fc2, &hidden));
    read.dot(&model.unembed)
}

#[test]
fn sampled_pairs_are_a_part_of_all_pairs_and_depend_on_the_seed_alone() {
    let model = shipped("frac_prevs");
    let w = random_w((8, 14), 10);
    let with = |pairs, seed| Settings {
        pairs,
        seed,
        ..Settings::default()
    };
    let accuracy = |settings: &Settings| {
        let found = analyzed(&model, &w, settings, 2).interchange;
        let fit = found.iter().find(|i| i.variable == "is_x").unwrap();
        (
            fit.pairs,
            fit.all_pairs,
            fit.accuracy.unwrap(),
            fit.mae.unwrap(),
        )
    };
    let first = accuracy(&with(Some(500), 1));
    assert_eq!(first, accuracy(&with(Some(500), 1)));
    assert_ne!(first, accuracy(&with(Some(500), 2)));
    assert_eq!((first.0, first.1), (500, false));
    // More pairs than there are: all of them.
    let space = InputSpace::new(&model, &[2], false).unwrap();
    let inputs = EvaluationSet::new(&space, 1);
    let subject = Subject {
        model: &model,
        space: &space,
        inputs: &inputs,
        w: &w,
    };
    let found = analysis::analyze(subject, &with(Some(4096), 0), 1);
    assert_eq!(
        (found.interchange[0].pairs, found.interchange[0].all_pairs),
        (256, true)
    );
}

#[test]
fn an_exchange_at_the_embedding_is_another_input() {
    // Exchanging `tokens` and nothing else turns the base into the source of the same length.
    let model = shipped("frac_prevs");
    let frozen = Frozen::<f64>::new(&model);
    let labels = &model.metadata.residual_labels;
    let dims: Vec<usize> = (0..14)
        .filter(|d| labels[*d].starts_with("tokens:"))
        .collect();
    let (base, source) = (array![[0, 5, 1, 2, 5, 3]], array![[0, 1, 5, 5, 2, 2]]);
    let value = frozen.embed(source.view());
    let mut edit = |site: Site, written: &mut Array2<f64>| {
        if site == Site::Embedding {
            for d in &dims {
                written.column_mut(*d).assign(&value.column(*d));
            }
        }
    };
    let exchanged = frozen
        .evaluate_edited(Stream::Full, base.view(), &mut edit)
        .1;
    let expected = frozen.evaluate(Stream::Full, source.view()).1;
    let other = frozen.evaluate(Stream::Full, base.view()).1;
    assert_eq!(exchanged, expected);
    assert_ne!(expected, other);
}

#[test]
fn the_evaluation_of_training_and_the_analysis_agree() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let w = random_w((8, model.width()), 11);
        let space = space(&model);
        let teacher = Teacher::new(&model, space.clone(), EvaluationSet::new(&space, 1));
        let objective = Objective {
            output_positions: OutputPositions::All,
            output_weight: 1.0,
            layer_weight: 1.0,
        };
        let theirs = evaluation::evaluate_plainly(&teacher, &objective, &w);
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

#[test]
fn a_folded_model_computes_what_the_compressed_one_does() {
    // The weights of 100 in a Tracr MLP amplify the rounding of float32: sort_unique's scores, which
    // are only compared with each other, keep four digits.
    for (name, d, limit) in [
        ("frac_prevs", 8, 1e-5),
        ("frac_prevs", 3, 1e-5),
        ("sort_unique", 12, 1e-3),
        ("sort_unique", 25, 1e-3),
    ] {
        let model = shipped(name);
        let (w, labels) = (
            random_w((d, model.width()), 12),
            model.metadata.residual_labels.clone(),
        );
        let plain = Plain::new(&model, &w);
        let folded = fold(&model, &Projection { w, labels });
        let folded = CompiledModel::from_bytes(&folded.to_bytes().unwrap()).unwrap();
        assert_eq!(
            folded.metadata.residual_labels[d - 1],
            format!("d{}", d - 1)
        );
        let frozen = Frozen::<f64>::new(&folded);
        let ours = frozen.forward(Stream::Full, plain.tokens.view()).output;
        let difference = common::largest_difference(ours.clone(), plain.outputs[1].clone());
        println!("{name}, d = {d}: largest difference {difference:.1e}");
        assert!(difference < limit);
        for (ours, theirs) in ours.rows().into_iter().zip(plain.outputs[1].rows()) {
            if ours.len() > 1 && !model.is_undecided(theirs) {
                assert_eq!(codec::argmax(ours), codec::argmax(theirs));
            }
        }
    }
}
