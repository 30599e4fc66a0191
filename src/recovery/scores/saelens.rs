//! The numbers of SAELens' `eval_sae_on_synthetic_data`, by its conventions, over weighted rows in place of samples.
//!
//! Its features are all `D` columns of `W` with the compressed model's own values; every latent is judged as a detector
//! of the feature with the largest `|cos|`; firing is `> 0`; a ratio without a denominator is 0; means are over latents. Its MCC is
//! the mean over the `min(m, D)` matched pairs, so that atoms or features without a partner cost nothing.

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::super::assignment;
use super::super::rows::{Reconstruction, Rows};
use super::super::weighted::unit_rows;
use super::activations::{approximation, explained_variance};

/// Rows that are shorter than this have no shrinkage.
const LEAST_NORM: f64 = 1e-6;

/// SAELens' names for SAELens' numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SaeLens {
    pub true_l0: f64,
    pub sae_l0: f64,
    pub dead_latents: usize,
    pub shrinkage: f64,
    pub explained_variance: f64,
    pub mcc: f64,
    pub uniqueness: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1_score: f64,
    pub accuracy: f64,
}

/// How often a latent and its feature fire together and apart.
#[derive(Default)]
struct Counts {
    both: f64,
    latent: f64,
    feature: f64,
    neither: f64,
}

/// Of rows with features `[n, D]` that have these directions `[D, d]`.
pub fn evaluate(
    rows: &Rows,
    features: &Array2<f64>,
    directions: &Array2<f64>,
    found: &Reconstruction,
) -> SaeLens {
    let weights = &rows.weights;
    let cosines = unit_rows(found.atoms.view())
        .dot(&unit_rows(directions.view()).t())
        .mapv_into(f64::abs);
    let best: Vec<usize> = cosines.rows().into_iter().map(first_largest).collect();
    let matched: Vec<f64> = assignment::best(cosines.view())
        .into_iter()
        .enumerate()
        .filter_map(|(atom, feature)| Some(cosines[[atom, feature?]]))
        .collect();
    let mut unique = best.clone();
    unique.sort_unstable();
    unique.dedup();
    let counts: Vec<Counts> = best
        .iter()
        .enumerate()
        .map(|(atom, feature)| {
            let mut counts = Counts::default();
            let pairs = found
                .codes
                .column(atom)
                .into_iter()
                .zip(features.column(*feature));
            for ((code, value), weight) in pairs.zip(weights) {
                *match (*code > 0.0, *value > 0.0) {
                    (true, true) => &mut counts.both,
                    (true, false) => &mut counts.latent,
                    (false, true) => &mut counts.feature,
                    (false, false) => &mut counts.neither,
                } += weight;
            }
            counts
        })
        .collect();
    let mean = |of: &dyn Fn(&Counts) -> f64| {
        counts.iter().map(of).sum::<f64>() / counts.len().max(1) as f64
    };
    let precision = |c: &Counts| ratio(c.both, c.both + c.latent);
    let recall = |c: &Counts| ratio(c.both, c.both + c.feature);
    let output = approximation(found);
    let norm = |row: ArrayView1<'_, f64>| row.dot(&row).sqrt();
    let (mut shrunk, mut counted) = (0.0, 0.0);
    for ((z, output), weight) in rows.z.rows().into_iter().zip(output.rows()).zip(weights) {
        if norm(z) > LEAST_NORM {
            shrunk += weight * norm(output) / norm(z);
            counted += weight;
        }
    }
    SaeLens {
        true_l0: nonzero(features, weights),
        sae_l0: nonzero(&found.codes, weights),
        dead_latents: found
            .codes
            .columns()
            .into_iter()
            .filter(|codes| !codes.iter().any(|code| *code > 0.0))
            .count(),
        shrinkage: ratio(shrunk, counted),
        explained_variance: explained_variance(rows, found),
        mcc: ratio(matched.iter().sum(), matched.len() as f64),
        uniqueness: ratio(unique.len() as f64, best.len() as f64),
        precision: mean(&precision),
        recall: mean(&recall),
        f1_score: mean(&|c| {
            let (p, r) = (precision(c), recall(c));
            ratio(2.0 * p * r, p + r)
        }),
        accuracy: mean(&|c| {
            ratio(
                c.both + c.neither,
                c.both + c.latent + c.feature + c.neither,
            )
        }),
    }
}

/// The mean number of positive entries of a row.
fn nonzero(values: &Array2<f64>, weights: &ndarray::Array1<f64>) -> f64 {
    let rows = values.rows().into_iter().zip(weights);
    rows.map(|(row, weight)| weight * row.iter().filter(|x| **x != 0.0).count() as f64)
        .sum()
}

fn first_largest(row: ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (i, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = i;
        }
    }
    best
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;
    use serde_json::Value as Json;

    fn vector(json: &Json) -> Array1<f64> {
        let numbers = json.as_array().unwrap().iter();
        numbers.map(|x| x.as_f64().unwrap()).collect()
    }

    fn matrix(json: &Json) -> Array2<f64> {
        let rows: Vec<Array1<f64>> = json.as_array().unwrap().iter().map(vector).collect();
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
    }

    #[test]
    fn weighted_rows_give_the_numbers_that_saelens_has_from_samples() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/saelens.json");
        let cases: Vec<Json> =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let times = vector(&case["times"]);
            let rows = Rows {
                z: matrix(&case["z"]),
                weights: &times / times.sum(),
            };
            let found = Reconstruction {
                atoms: matrix(&case["atoms"]),
                codes: matrix(&case["codes"]),
                bias: vector(&case["bias"]),
            };
            let found = evaluate(
                &rows,
                &matrix(&case["features"]),
                &matrix(&case["directions"]),
                &found,
            );
            let found = serde_json::to_value(found).unwrap();
            // SAELens itself, and its definitions without float32.
            for (whose, close) in [("expected", 1e-6), ("defined", 1e-12)] {
                let expected = case[whose].as_object().unwrap();
                assert_eq!(expected.len(), found.as_object().unwrap().len());
                for (name, expected) in expected {
                    let (found, expected) =
                        (found[name].as_f64().unwrap(), expected.as_f64().unwrap());
                    assert!(
                        (found - expected).abs() < close,
                        "{whose}, {name}: {found} {expected}"
                    );
                }
            }
        }
    }
}
