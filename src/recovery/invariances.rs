//! What must not change a score, and what the truth itself scores.

use ndarray::{Array1, Array2, Axis};

use super::causal::{Causal, mean};
use super::dictionary::Dictionary;
use super::nulls::own;
use super::rows::{Reconstruction, Rows};
use super::scores::{Scores, score};
use super::truth::{Part, Truth};
use crate::analysis::Subject;
use crate::test_models;
use base::linalg::SymmetricEigen;
use base::rng::{self, Purpose, normal};
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::model::{CompiledModel, Wiring};

/// A model with its inputs and a `W` that was not trained.
struct Case {
    model: CompiledModel,
    space: InputSpace,
    inputs: EvaluationSet,
    w: Array2<f64>,
    wiring: Wiring,
}

impl Case {
    fn new(program: &str, lengths: &[usize], d: usize) -> Self {
        let model = test_models::load(program);
        let unique = program == "sort_unique";
        let space = InputSpace::new(&model, lengths, unique).unwrap();
        let mut rng = rng::stream(5, Purpose::Init);
        let scale = 1.0 / (d as f64).sqrt();
        Self {
            inputs: EvaluationSet::new(&space, 1),
            w: normal(&mut rng, (d, model.width()), scale),
            space,
            model,
            wiring: Wiring::default(),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            model: &self.model,
            space: &self.space,
            inputs: &self.inputs,
            w: &self.w,
            wiring: &self.wiring,
        }
    }

    fn truth(&self) -> Truth {
        let whole = Part {
            site: None,
            bos: true,
        };
        Truth::new(self.subject(), whole, 1).unwrap()
    }

    fn scores(&self, truth: &Truth, found: &Reconstruction) -> Scores {
        let scored = score(truth, found);
        let causal = Causal::new(truth, self.subject(), 1);
        Scores {
            causal: mean(&causal.measure(found, &scored)),
            ..scored.scores
        }
    }
}

fn cases() -> [Case; 2] {
    [
        Case::new("frac_prevs", &[4], 8),
        Case::new("sort_unique", &[1, 2, 3], 16),
    ]
}

/// Every score; one that is not there is -1.
fn all(scores: &Scores) -> [f64; 10] {
    let or = |x: Option<f64>| x.unwrap_or(-1.0);
    [
        scores.mcc,
        scores.recovered,
        scores.mcc_canonical,
        scores.recovered_canonical,
        scores.activation_mcc,
        or(scores.causal),
        or(scores.f1),
        or(scores.f1_best_threshold),
        scores.explained_variance,
        scores.l0,
    ]
}

fn assert_same(found: &Scores, expected: &Scores, what: &str) {
    for (a, b) in all(found).iter().zip(all(expected)) {
        assert!((a - b).abs() < 1e-10, "{what}: {found:?} {expected:?}");
    }
}

/// A dictionary that finds some: a few true directions, bent, and directions of the data.
fn dictionary(truth: &Truth) -> Reconstruction {
    let mut rng = rng::stream(1, Purpose::Recovery);
    let (d, width) = truth.w.dim();
    let bent = truth.w.t().to_owned() + normal(&mut rng, (width, d), 0.08);
    Dictionary::of_atoms(bent).reconstruct(&truth.rows)
}

fn rotation(d: usize) -> Array2<f64> {
    let noise = normal(&mut rng::stream(2, Purpose::Recovery), (d, d), 1.0);
    SymmetricEigen::new((&noise + &noise.t()).view()).vectors
}

#[test]
fn the_truth_handed_in_has_found_everything() {
    for case in cases() {
        let truth = case.truth();
        let scores = case.scores(&truth, &own(&truth));
        for score in [scores.mcc, scores.recovered, scores.causal.unwrap()] {
            approx::assert_abs_diff_eq!(score, 1.0, epsilon = 1e-10);
        }
        // And the canonical directions, as a dictionary of their own.
        let canonical = Reconstruction {
            atoms: truth.target_directions(),
            codes: truth.target_activations(),
            bias: Array1::zeros(truth.w.nrows()),
        };
        let scores = score(&truth, &canonical).scores;
        for score in [scores.mcc, scores.mcc_canonical, scores.activation_mcc] {
            approx::assert_abs_diff_eq!(score, 1.0, epsilon = 1e-10);
        }
        // Something else has not.
        let scores = case.scores(&truth, &dictionary(&truth));
        assert!(
            scores.mcc < 0.99 && scores.causal.unwrap() < 0.99,
            "{scores:?}"
        );
    }
}

#[test]
fn order_sign_and_scale_of_atoms_change_no_score() {
    for case in cases() {
        let truth = case.truth();
        let found = dictionary(&truth);
        let expected = case.scores(&truth, &found);
        let m = found.atoms.nrows();
        let order: Vec<usize> = (0..m).map(|i| (m + 3 - i) % m).collect();
        let mut changed = Reconstruction {
            atoms: found.atoms.select(Axis(0), &order),
            codes: found.codes.select(Axis(1), &order),
            bias: found.bias.clone(),
        };
        for (i, factor) in [-1.0, 0.01, 100.0, -7.0].iter().cycle().take(m).enumerate() {
            changed.atoms.row_mut(i).mapv_inplace(|x| x * factor);
            changed.codes.column_mut(i).mapv_inplace(|x| x / factor);
        }
        assert_same(
            &case.scores(&truth, &changed),
            &expected,
            "order, sign, scale",
        );
    }
}

#[test]
fn a_rotation_of_w_and_the_dictionary_changes_no_score() {
    for mut case in cases() {
        let truth = case.truth();
        let found = dictionary(&truth);
        let expected = case.scores(&truth, &found);
        let rotation = rotation(case.w.nrows());
        case.w = rotation.dot(&case.w);
        let rotated = Reconstruction {
            atoms: found.atoms.dot(&rotation.t()),
            ..found
        };
        let scores = case.scores(&case.truth(), &rotated);
        assert_same(&scores, &expected, "rotation");
    }
}

#[test]
fn a_shift_along_the_gauge_changes_no_score_that_does_not_look_at_w_itself() {
    for case in cases() {
        let truth = case.truth();
        let mut found = dictionary(&truth);
        found.bias.fill(0.1);
        let expected = score(&truth, &found).scores;
        // Combinations of features that are the same on all rows.
        let width = truth.w.ncols();
        let constant: Array2<f64> = Array2::eye(width) - &truth.gauge.projection;
        let v = normal(&mut rng::stream(3, Purpose::Recovery), truth.w.dim(), 1.0);
        let sums = truth.features.dot(&constant);
        // Exactly, of those whose singular value is 0; the others are below the threshold.
        let spread = (&sums - &sums.row(0))
            .iter()
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!(truth.gauge.near.is_empty() && spread < 1e-6, "{spread}");
        let w = &truth.w + &v.dot(&constant);
        let z = truth.features.dot(&w.t());
        let offset = z.row(0).to_owned() - truth.rows.z.row(0);
        let rows = Rows {
            z,
            weights: truth.rows.weights.clone(),
        };
        let features = (truth.features.clone(), truth.compiled.clone());
        let shifted = Truth::of_rows(
            rows,
            features,
            w,
            truth.labels.clone(),
            truth.places.clone(),
        )
        .unwrap();
        let difference = (&shifted.canonical - &truth.canonical)
            .iter()
            .fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!(difference < 1e-10, "{difference}");
        let names = |truth: &Truth| -> Vec<String> {
            truth
                .targets
                .iter()
                .map(|target| target.label.clone())
                .collect()
        };
        assert_eq!(names(&shifted), names(&truth));
        found.bias += &offset;
        let mut scores = score(&shifted, &found).scores;
        // These two let an atom match W itself, which is another one.
        (scores.mcc, scores.recovered) = (expected.mcc, expected.recovered);
        assert_same(&scores, &expected, "shift");
    }
}
