//! How much of the truth a reconstruction has.
//!
//! - [`directions`]: which atom has the direction of which target.
//! - [`activations`]: which code follows which target's activation.
//! - [`saelens`]: the numbers of SAELens' evaluation on synthetic data.

pub mod activations;
pub mod directions;
pub mod saelens;

use serde::{Deserialize, Serialize};

use super::rows::Reconstruction;
use super::truth::Truth;
use activations::{Detector, correlations, detector, explained_variance, l0};
use directions::{Alignment, Match, RECOVERED};

/// Scores of one reconstruction. Means are over the targets; one without an atom counts 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The mean `|cos|` of the best one-to-one matching of targets with atoms; an atom may match `W_i` or `W̃_i`.
    pub mcc: f64,
    /// The share of targets whose `|cos|` in it is at least [`RECOVERED`].
    pub recovered: f64,
    /// As `mcc`, against `W̃_i` alone.
    pub mcc_canonical: f64,
    /// As `recovered`, against `W̃_i` alone.
    pub recovered_canonical: f64,
    /// The mean correlation, without its sign, of the best matching of targets' activations with codes.
    pub activation_mcc: f64,
    /// The mean over variables of the causal score; none where no exchange changes an output.
    pub causal: Option<f64>,
    /// The mean F1 of `code ≠ 0` as a detector of the target; none where every target is always, or never, active.
    pub f1: Option<f64>,
    /// The same with the threshold that is best for each.
    pub f1_best_threshold: Option<f64>,
    /// The share of `Var(z)` that the reconstruction explains.
    pub explained_variance: f64,
    /// The mean number of codes that are not 0.
    pub l0: f64,
}

/// The scores with what they are the means of, target by target.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The means.
    pub scores: Scores,
    /// `|cos|` of each target with each atom, `[K, m]`.
    pub alignment: Alignment,
    /// The best matching by it.
    pub matches: Vec<Option<Match>>,
    /// By activation: the atom that follows each target, and how well.
    pub detectors: Vec<Option<Detector>>,
}

/// Everything but the causal score.
pub fn score(truth: &Truth, found: &Reconstruction) -> Scored {
    let alignment = Alignment::new(truth, found.atoms.view());
    let matches = alignment.best();
    let canonical = alignment.canonical_cosines();
    let weights = &truth.rows.weights;
    let activations = truth.target_activations();
    let correlations = correlations(activations.view(), found.codes.view(), weights);
    let detectors: Vec<Option<Detector>> =
        super::assignment::best(correlations.mapv(f64::abs).view())
            .into_iter()
            .enumerate()
            .map(|(target, atom)| Some(detector(truth, found, target, (atom?, &correlations))))
            .collect();
    let scores = means(
        truth,
        (&matches, &canonical, &detectors),
        explained_variance(&truth.rows, found),
        l0(&found.codes, weights),
    );
    Scored {
        scores,
        alignment,
        matches,
        detectors,
    }
}

/// The scores of the same atoms dealt out to the targets by `deal`: target `k` gets what target `deal[k]` had.
pub fn dealt_out(truth: &Truth, found: &Reconstruction, scored: &Scored, deal: &[usize]) -> Scored {
    let matches: Vec<Option<Match>> = deal
        .iter()
        .enumerate()
        .map(|(target, from)| {
            let atom = scored.matches[*from]?.atom;
            Some(scored.alignment.with(target, atom))
        })
        .collect();
    let canonical: Vec<f64> = matches
        .iter()
        .enumerate()
        .map(|(target, found)| {
            found.map_or(0.0, |found| scored.alignment.canonical(target, found.atom))
        })
        .collect();
    let activations = truth.target_activations();
    let correlations = correlations(activations.view(), found.codes.view(), &truth.rows.weights);
    let detectors: Vec<Option<Detector>> = deal
        .iter()
        .enumerate()
        .map(|(target, from)| {
            let atom = scored.detectors[*from].as_ref()?.atom;
            Some(detector(truth, found, target, (atom, &correlations)))
        })
        .collect();
    let scores = means(
        truth,
        (&matches, &canonical, &detectors),
        scored.scores.explained_variance,
        scored.scores.l0,
    );
    Scored {
        scores,
        alignment: scored.alignment.clone(),
        matches,
        detectors,
    }
}

/// The means over the targets of what they are matched with.
fn means(
    truth: &Truth,
    (matches, canonical, detectors): (&[Option<Match>], &[f64], &[Option<Detector>]),
    explained_variance: f64,
    l0: f64,
) -> Scores {
    let cosines = cosines_of(matches);
    let correlation = |d: &Option<Detector>| d.map_or(0.0, |d| d.correlation.abs());
    let correlations: Vec<f64> = detectors.iter().map(correlation).collect();
    Scores {
        mcc: mean(&cosines),
        recovered: recovered(&cosines),
        mcc_canonical: mean(canonical),
        recovered_canonical: recovered(canonical),
        activation_mcc: mean(&correlations),
        causal: None,
        f1: mean_f1(truth, detectors, |d| d.f1),
        f1_best_threshold: mean_f1(truth, detectors, |d| d.f1_best_threshold),
        explained_variance,
        l0,
    }
}

fn cosines_of(matches: &[Option<Match>]) -> Vec<f64> {
    let cosine = |found: &Option<Match>| found.map_or(0.0, |found| found.cosine);
    matches.iter().map(cosine).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn recovered(cosines: &[f64]) -> f64 {
    let found = cosines.iter().filter(|cosine| **cosine >= RECOVERED);
    found.count() as f64 / cosines.len().max(1) as f64
}

/// The mean over targets that are active at some rows and not at others.
fn mean_f1(
    truth: &Truth,
    detectors: &[Option<Detector>],
    f1: impl Fn(&Detector) -> f64,
) -> Option<f64> {
    let values: Vec<f64> = (0..truth.targets.len())
        .filter(|target| activations::is_sometimes_active(truth, *target))
        .map(|target| detectors[target].as_ref().map_or(0.0, &f1))
        .collect();
    (!values.is_empty()).then(|| mean(&values))
}
