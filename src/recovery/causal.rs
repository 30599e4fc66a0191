//! Whether a found direction does what the feature does: interchange interventions in the compressed model.
//!
//! For a pair of inputs (base, source), a variable is exchanged where it is first written, at all positions at once.
//! What is right is the change of the stream by the variable's own features,
//!
//! ```text
//! Δz = Σ_i (s_i(source) − s_i(base)) W_i
//! ```
//!
//! and what is judged is the change by the atoms that stand for the variable, `Δz' = Σ_a (f_a(source) − f_a(base)) A_a`.
//! The rest of the model runs on from both, and the outputs are compared as those of the analysis are
//! ([`crate::analysis::interchange`]).
//!
//! A change of the stream is written as one of the features, `Δh = Δz (W Wᵀ)⁺ W`, so that `Δh Wᵀ` is `Δz` up to what is
//! perpendicular to every column of `W`, which no reader sees.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::rows::Reconstruction;
use super::scores::Scored;
use super::scores::directions::Form;
use super::truth::Truth;
use super::truth::places::Place;
use crate::analysis::interchange::{Outputs, Pairs, Report, over_pairs, tokens_of};
use crate::analysis::structure::{Structure, variable_of};
use crate::analysis::{Settings, Subject};
use base::linalg::SymmetricEigen;
use tracr::model::{Frozen, OutputKind, Site};

/// Pairs of inputs that are exchanged; all pairs where there are no more.
pub const PAIRS: u64 = 256;

/// A variable whose exchange changes the output at fewer positions than this is not judged.
pub const LEAST_AFFECTED: u64 = 20;

/// A variable's features vary at a site if their variance is above this.
const VARIES_ABOVE: f64 = 1e-6;

/// How one variable takes being exchanged along the atoms that stand for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariableScore {
    /// Its name.
    pub variable: String,
    /// Where it is exchanged.
    pub site: String,
    /// Atoms that stand for it.
    pub atoms: Vec<usize>,
    /// Positions of tokens at which the right exchange changes the output, over all pairs.
    pub affected: u64,
    /// The share of these where the outputs agree (a number: within 0.025).
    pub agreement: Option<f64>,
    /// Numerical outputs: `R²` of the change of the output, at all positions of tokens.
    pub r2_of_change: Option<f64>,
}

impl VariableScore {
    /// The agreement of a class, `R²` of a number, where enough positions are affected. An exchange that is worse than
    /// none counts 0.
    pub fn score(&self) -> Option<f64> {
        let value = self.r2_of_change.or(self.agreement)?;
        (self.affected >= LEAST_AFFECTED).then_some(value.max(0.0))
    }
}

/// The mean over the variables that are judged.
pub fn mean(variables: &[VariableScore]) -> Option<f64> {
    let scores: Vec<f64> = variables.iter().filter_map(VariableScore::score).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

/// What can be exchanged in a model.
#[derive(Debug)]
pub struct Causal<'a> {
    truth: &'a Truth,
    subject: Subject<'a>,
    frozen: Frozen<f64>,
    variables: Vec<Exchanged>,
    /// `(W Wᵀ)⁺ W`, `[d, D]`.
    to_features: Array2<f64>,
    settings: Settings,
    threads: usize,
}

/// A variable and where it is exchanged.
#[derive(Debug)]
struct Exchanged {
    name: String,
    dims: Vec<usize>,
    /// By its place among those of the truth.
    site: usize,
}

impl<'a> Causal<'a> {
    /// The variables with a target, where they are first written.
    pub fn new(truth: &'a Truth, subject: Subject<'a>, threads: usize) -> Self {
        let w = &truth.w;
        let inverse = SymmetricEigen::new(w.dot(&w.t()).view()).pseudo_inverse();
        let at_sites: Vec<Array1<f64>> = (0..truth.places.sites.len())
            .map(|site| truth.places.weights_at(site, truth.features.nrows()))
            .collect();
        let varies = |dims: &[usize], weights: &Array1<f64>| {
            let variance: f64 = dims
                .iter()
                .map(|dim| {
                    let values = truth.compiled.column(*dim);
                    let mean = weights.dot(&values);
                    weights.dot(&values.mapv(|x| (x - mean) * (x - mean)))
                })
                .sum();
            variance > VARIES_ABOVE
        };
        let has_target = |dims: &[usize]| {
            let mut members = truth.targets.iter().flat_map(|target| &target.members);
            members.any(|member| dims.contains(&member.feature))
        };
        let variables = Structure::new(subject.model)
            .variables
            .into_iter()
            .filter(|variable| has_target(&variable.dims))
            .filter_map(|variable| {
                let site = at_sites
                    .iter()
                    .position(|weights| varies(&variable.dims, weights))?;
                Some(Exchanged {
                    name: variable.name,
                    dims: variable.dims,
                    site,
                })
            })
            .collect();
        Self {
            truth,
            subject,
            frozen: Frozen::new(subject.model),
            variables,
            to_features: inverse.dot(w),
            settings: Settings {
                pairs: Some(PAIRS),
                ..Settings::default()
            },
            threads,
        }
    }

    /// Exchanges every variable along the atoms that stand for it.
    pub fn measure(&self, found: &Reconstruction, scored: &Scored) -> Vec<VariableScore> {
        let atoms = self.atoms(scored);
        let places = &self.truth.places;
        let pairs = Pairs::new(
            places.inputs.len(),
            places.weights.as_deref(),
            &self.settings,
        );
        let sums = over_pairs(
            (self.subject.model, &self.settings),
            &pairs,
            self.variables.len(),
            self.threads,
            |pairs, report| self.exchange(found, &atoms, pairs, report),
        );
        let numerical = self.subject.model.metadata.output_kind == OutputKind::Numerical;
        self.variables
            .iter()
            .zip(atoms)
            .zip(sums)
            .map(|((variable, atoms), sums)| VariableScore {
                variable: variable.name.clone(),
                site: places.sites[variable.site].name(),
                atoms,
                affected: sums.affected,
                agreement: sums.agreement(),
                r2_of_change: sums.r2_of_change().filter(|_| numerical),
            })
            .collect()
    }

    /// The atoms that stand for each variable: those matched with its targets, and of the others those that are within
    /// the cosine of a recovered target of one of its features. Where an atom is matched with a target of features that
    /// the rows hardly tell apart, in the direction of one of them, it stands for that one's variable.
    fn atoms(&self, scored: &Scored) -> Vec<Vec<usize>> {
        let labels = &self.truth.labels;
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut add = |feature: usize, atom: usize| {
            let atoms = by_name.entry(variable_of(&labels[feature])).or_default();
            if !atoms.contains(&atom) {
                atoms.push(atom);
            }
        };
        let mut is_matched = vec![false; scored.alignment.atoms()];
        for (target, found) in self.truth.targets.iter().zip(&scored.matches) {
            let Some(found) = found else { continue };
            is_matched[found.atom] = true;
            match found.form {
                Form::Own(feature) => add(feature, found.atom),
                Form::Canonical => target
                    .members
                    .iter()
                    .for_each(|member| add(member.feature, found.atom)),
            }
        }
        for (atom, is_matched) in is_matched.into_iter().enumerate() {
            if !is_matched && let Some(feature) = scored.alignment.feature_of(atom) {
                add(feature, atom);
            }
        }
        self.variables
            .iter()
            .map(|variable| {
                let mut atoms = by_name
                    .get(variable.name.as_str())
                    .cloned()
                    .unwrap_or_default();
                atoms.sort_unstable();
                atoms
            })
            .collect()
    }

    /// Both exchanges of every variable in one chunk of pairs.
    fn exchange(
        &self,
        found: &Reconstruction,
        atoms: &[Vec<usize>],
        pairs: &[(usize, usize)],
        report: &mut Report<'_>,
    ) {
        let places = &self.truth.places;
        let inputs = pairs.iter().map(|(base, _)| places.inputs[*base]);
        let base = tokens_of(self.subject, inputs);
        let stream = self.subject.stream();
        let unchanged = self.frozen.evaluate(stream, base.view()).1;
        let width = self.truth.w.ncols();
        for (number, (variable, atoms)) in self.variables.iter().zip(atoms).enumerate() {
            let site = places.sites[variable.site];
            let mut expected = Array2::zeros((base.len(), width));
            let mut in_stream = Array2::zeros((base.len(), self.truth.w.nrows()));
            let rows = self.rows_of(variable.site, pairs, base.ncols());
            for (at, rows) in rows.into_iter().enumerate() {
                let Some((base, source)) = rows else { continue };
                for dim in &variable.dims {
                    let values = self.truth.features.column(*dim);
                    expected[[at, *dim]] = values[source] - values[base];
                }
                let mut change = in_stream.row_mut(at);
                for atom in atoms {
                    let difference = found.codes[[source, *atom]] - found.codes[[base, *atom]];
                    change.scaled_add(difference, &found.atoms.row(*atom));
                }
            }
            let judged = in_stream.dot(&self.to_features);
            let [expected, found] = [expected, judged].map(|change| {
                let mut edit = |here: Site, written: &mut Array2<f64>| {
                    if here == site {
                        *written += &change;
                    }
                };
                self.frozen
                    .evaluate_edited(stream, base.view(), &mut edit)
                    .1
            });
            let outputs = Outputs {
                unchanged: unchanged.view(),
                expected: expected.view(),
                found: found.view(),
            };
            report(number, base.view(), outputs);
        }
    }

    /// The rows of base and source at each position of each pair; none where the position does not count.
    fn rows_of(
        &self,
        site: usize,
        pairs: &[(usize, usize)],
        positions: usize,
    ) -> Vec<Option<(usize, usize)>> {
        let row = |input: usize, position: usize| {
            self.truth.places.row(Place {
                input,
                site,
                position,
            })
        };
        pairs
            .iter()
            .flat_map(|(base, source)| {
                (0..positions).map(move |p| Some((row(*base, p)?, row(*source, p)?)))
            })
            .collect()
    }
}
