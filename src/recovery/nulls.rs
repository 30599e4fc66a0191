//! What scores are worth: reconstructions that know nothing of the features, and those that know all.
//!
//! - Random directions: as many as the dictionary has atoms, uniform on the sphere.
//! - Random rows of the data: as many, drawn by their weights, without their mean. What knows where the data is but not
//!   what it consists of; on the MCC the stronger of the two.
//! - Shuffled labels: the dictionary's own atoms, dealt out to the targets at random.
//!
//! The codes of the first two are read off linearly, `(z − z̄)·a`.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::causal::{self, Causal};
use super::dictionary::Dictionary;
use super::rows::{Reconstruction, Rows};
use super::scores::{Scored, Scores, dealt_out, score};
use super::truth::Truth;
use super::weighted::{mean, unit_rows};
use crate::results::statistics::quantile;
use base::rng::{self, Purpose, normal};
use superposition::inputs::alias::Alias;

/// Draws of each null.
pub const DRAWS: u32 = 20;

/// The first of the starts that the nulls' random numbers belong to: no method of recovery has as many.
const FIRST_START: u32 = 1 << 24;

/// A score over draws.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Its mean.
    pub mean: f64,
    /// Its 2.5 % quantile, interpolated.
    pub low: f64,
    /// Its 97.5 % quantile.
    pub high: f64,
}

/// Scores by name.
pub type Spreads = BTreeMap<String, Spread>;

/// The nulls of one dictionary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nulls {
    /// Draws of each.
    pub draws: u32,
    #[allow(missing_docs)]
    pub random_directions: Spreads,
    #[allow(missing_docs)]
    pub data_rows: Spreads,
    #[allow(missing_docs)]
    pub shuffled_labels: Spreads,
}

/// What is best possible.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// The columns of `W`, with codes by non-negative least squares: who knows the directions and has to find the codes.
    pub nnls: Scores,
    /// The columns of `W`, with the compressed model's own feature sums.
    pub truth: Scores,
}

/// The nulls that depend on nothing of a dictionary but the number of its atoms.
#[derive(Clone, Debug)]
pub struct Blind {
    directions: Spreads,
    rows: Spreads,
}

impl Blind {
    /// Scores what knows nothing; `seed` is that of all draws.
    pub fn new(truth: &Truth, causal: &Causal<'_>, atoms: usize, seed: u64) -> Self {
        let d = truth.rows.z.ncols();
        let draw = Alias::new(truth.rows.weights.as_slice().unwrap_or(&[1.0]));
        let centre = mean(truth.rows.z.view(), &truth.rows.weights);
        let whole = |directions: Array2<f64>| {
            let null = read_off(&truth.rows, &directions, &centre);
            let scored = score(truth, &null);
            with_causal(causal, &null, &scored)
        };
        Self {
            directions: over_draws(seed, 0, |mut rng| whole(normal(&mut rng, (atoms, d), 1.0))),
            rows: over_draws(seed, 1, |mut rng| {
                let rows: Vec<usize> = (0..atoms).map(|_| draw.draw(&mut rng)).collect();
                whole(truth.rows.z.select(ndarray::Axis(0), &rows) - &centre)
            }),
        }
    }
}

impl Nulls {
    /// Those of a dictionary; `blind` are for its number of atoms.
    pub fn new(
        truth: &Truth,
        causal: &Causal<'_>,
        (found, scored): (&Reconstruction, &Scored),
        blind: &Blind,
        seed: u64,
    ) -> Self {
        Self {
            draws: DRAWS,
            random_directions: blind.directions.clone(),
            data_rows: blind.rows.clone(),
            shuffled_labels: over_draws(seed, 2, |mut rng| {
                let mut deal: Vec<usize> = (0..truth.targets.len()).collect();
                deal.shuffle(&mut rng);
                let dealt = dealt_out(truth, found, scored, &deal);
                with_causal(causal, found, &dealt)
            }),
        }
    }
}

/// The scores over the draws of a null, each with random numbers of its own.
fn over_draws(seed: u64, null: u32, one: impl Fn(&mut dyn Rng) -> Scores) -> Spreads {
    let draws = (0..DRAWS).map(|number| {
        let start = FIRST_START + null * DRAWS + number;
        one(&mut rng::stream_of_start(seed, Purpose::Recovery, start))
    });
    spreads(&draws.collect::<Vec<_>>())
}

impl Ceilings {
    /// Scores what knows all.
    pub fn new(truth: &Truth, causal: &Causal<'_>) -> Self {
        let whole = |known: Reconstruction| with_causal(causal, &known, &score(truth, &known));
        Self {
            nnls: whole(Dictionary::of_atoms(truth.w.t().to_owned()).reconstruct(&truth.rows)),
            truth: whole(own(truth)),
        }
    }
}

/// The truth as a reconstruction: `W`'s columns with the features' own values.
pub fn own(truth: &Truth) -> Reconstruction {
    Reconstruction {
        atoms: truth.w.t().to_owned(),
        codes: truth.features.clone(),
        bias: Array1::zeros(truth.w.nrows()),
    }
}

/// The scores with the causal one.
pub fn with_causal(causal: &Causal<'_>, found: &Reconstruction, scored: &Scored) -> Scores {
    Scores {
        causal: causal::mean(&causal.measure(found, scored)),
        ..scored.scores
    }
}

/// Directions as unit vectors, with the codes `(z − z̄)·a`.
fn read_off(rows: &Rows, directions: &Array2<f64>, centre: &Array1<f64>) -> Reconstruction {
    let atoms = unit_rows(directions.view());
    Reconstruction {
        codes: (&rows.z - centre).dot(&atoms.t()),
        atoms,
        bias: centre.clone(),
    }
}

/// Each score over the draws; those that say nothing of a null are left out.
fn spreads(draws: &[Scores]) -> Spreads {
    NAMES
        .iter()
        .filter_map(|(name, _, of)| {
            let mut values: Vec<f64> = draws.iter().filter_map(of).collect();
            values.sort_by(f64::total_cmp);
            if values.is_empty() {
                return None;
            }
            let spread = Spread {
                mean: values.iter().sum::<f64>() / values.len() as f64,
                low: quantile(&values, 0.025),
                high: quantile(&values, 0.975),
            };
            Some(((*name).to_owned(), spread))
        })
        .collect()
}

/// A score's key, its name for reading, and how to get it.
pub type Named = (&'static str, &'static str, fn(&Scores) -> Option<f64>);

/// The scores that nulls have.
pub const NAMES: [Named; 8] = [
    ("mcc", "MCC", |s| Some(s.mcc)),
    ("recovered", "recovered", |s| Some(s.recovered)),
    ("mcc_canonical", "MCC, W~ alone", |s| Some(s.mcc_canonical)),
    ("recovered_canonical", "recovered, W~ alone", |s| {
        Some(s.recovered_canonical)
    }),
    ("activation_mcc", "activation MCC", |s| {
        Some(s.activation_mcc)
    }),
    ("causal", "causal", |s| s.causal),
    ("f1", "F1", |s| s.f1),
    ("f1_best_threshold", "F1, best threshold", |s| {
        s.f1_best_threshold
    }),
];

/// Whether dictionaries are judged by a score; the others are shown.
pub fn judges(name: &str) -> bool {
    ["mcc", "recovered", "activation_mcc", "causal"].contains(&name)
}
