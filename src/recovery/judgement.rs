//! A dictionary's scores, target by target, beside what they are worth.

use std::collections::BTreeMap;

use serde::Serialize;

use super::causal::{self, Causal, VariableScore};
use super::nulls::{Blind, Ceilings, Nulls};
use super::rows::Reconstruction;
use super::scores::activations::{Detector, is_sometimes_active};
use super::scores::directions::Form;
use super::scores::saelens::{self, SaeLens};
use super::scores::{Scored, Scores, score};
use super::truth::Truth;
use crate::analysis::Subject;
use crate::analysis::structure::variable_of;

/// The seed of the nulls' draws.
pub const SEED: u64 = 0;

/// A row of `recovery.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct TargetRow {
    pub target: String,
    pub share: f64,
    pub atom: Option<usize>,
    /// `W` and the feature, or `W~`.
    pub direction: Option<String>,
    pub cosine: f64,
    pub activation_atom: Option<usize>,
    pub activation_correlation: f64,
    pub f1: Option<f64>,
    pub f1_best_threshold: Option<f64>,
    pub causal: Option<f64>,
}

/// A row of `recovery_cosines.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Cosine {
    pub target: String,
    pub matched_target: String,
    pub atom: Option<usize>,
    pub cosine: Option<f64>,
}

/// All that is said of one dictionary.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// How many atoms it has.
    pub atoms: usize,
    /// Its scores.
    pub scores: Scores,
    /// The MCC, 0 where it is that of the better null and 1 where it is 1; none where the null has 1.
    pub mcc_corrected: Option<f64>,
    /// The causal score of each variable.
    pub variables: Vec<VariableScore>,
    /// Target by target.
    pub targets: Vec<TargetRow>,
    /// `|cos|` of each target with the atom that is matched with each.
    pub cosines: Vec<Cosine>,
    /// SAELens' numbers.
    pub saelens: SaeLens,
    /// What knows nothing.
    pub nulls: Nulls,
    /// What knows all.
    pub ceilings: Ceilings,
}

/// Scores reconstructions of the rows of one truth: what does not depend on the reconstruction is computed once.
#[derive(Debug)]
pub struct Judge<'a> {
    truth: &'a Truth,
    causal: Causal<'a>,
    ceilings: Ceilings,
    /// By the number of atoms.
    blind: BTreeMap<usize, Blind>,
}

impl<'a> Judge<'a> {
    /// With up to `threads` threads; no result depends on their number.
    pub fn new(truth: &'a Truth, subject: Subject<'a>, threads: usize) -> Self {
        let causal = Causal::new(truth, subject, threads);
        Self {
            truth,
            ceilings: Ceilings::new(truth, &causal),
            causal,
            blind: BTreeMap::new(),
        }
    }

    /// All that is said of a reconstruction.
    pub fn judge(&mut self, found: &Reconstruction) -> Judgement {
        let Self { truth, causal, .. } = self;
        let mut scored = score(truth, found);
        let variables = causal.measure(found, &scored);
        scored.scores.causal = causal::mean(&variables);
        let atoms = found.atoms.nrows();
        let blind = self.blind.entry(atoms);
        let blind = blind.or_insert_with(|| Blind::new(truth, causal, atoms, SEED));
        let nulls = Nulls::new(truth, causal, (found, &scored), blind, SEED);
        Judgement {
            atoms,
            scores: scored.scores,
            mcc_corrected: corrected(scored.scores.mcc, &nulls),
            targets: targets(truth, &scored, &variables),
            cosines: cosines(truth, &scored),
            saelens: saelens::evaluate(
                &truth.rows,
                &truth.features,
                &truth.w.t().to_owned(),
                found,
            ),
            ceilings: self.ceilings,
            variables,
            nulls,
        }
    }
}

/// `(MCC − null) / (1 − null)`, by the null with the larger mean.
fn corrected(mcc: f64, nulls: &Nulls) -> Option<f64> {
    let mean = |spreads: &super::nulls::Spreads| spreads.get("mcc").map_or(0.0, |s| s.mean);
    let null = mean(&nulls.random_directions).max(mean(&nulls.data_rows));
    (null < 1.0).then(|| (mcc - null) / (1.0 - null))
}

fn targets(truth: &Truth, scored: &Scored, variables: &[VariableScore]) -> Vec<TargetRow> {
    let causal = |label: &str| {
        let name = variable_of(label);
        let variable = variables.iter().find(|variable| variable.variable == name);
        variable.and_then(VariableScore::score)
    };
    // The mean leaves targets out that are always active, or never.
    let f1 = |number: usize, detector: &Option<Detector>, of: fn(&Detector) -> f64| {
        let is_judged = is_sometimes_active(truth, number);
        is_judged.then(|| detector.as_ref().map_or(0.0, of))
    };
    truth
        .targets
        .iter()
        .enumerate()
        .zip(scored.matches.iter().zip(&scored.detectors))
        .map(|((number, target), (found, detector))| TargetRow {
            target: target.label.clone(),
            share: target.share,
            atom: found.map(|found| found.atom),
            direction: found.map(|found| match found.form {
                Form::Own(feature) => format!("W {}", truth.labels[feature]),
                Form::Canonical => "W~".to_owned(),
            }),
            cosine: found.map_or(0.0, |found| found.cosine),
            activation_atom: detector.map(|detector| detector.atom),
            activation_correlation: detector.map_or(0.0, |detector| detector.correlation.abs()),
            f1: f1(number, detector, |d| d.f1),
            f1_best_threshold: f1(number, detector, |d| d.f1_best_threshold),
            causal: causal(&truth.labels[target.members[0].feature]),
        })
        .collect()
}

fn cosines(truth: &Truth, scored: &Scored) -> Vec<Cosine> {
    let mut all = Vec::new();
    for (number, target) in truth.targets.iter().enumerate() {
        for (other, found) in truth.targets.iter().zip(&scored.matches) {
            let cosine = found.map(|found| scored.alignment.with(number, found.atom).cosine);
            all.push(Cosine {
                target: target.label.clone(),
                matched_target: other.label.clone(),
                atom: found.map(|found| found.atom),
                cosine,
            });
        }
    }
    all
}
