//! Interchange interventions: the same exchange in both models (Geiger et al. 2021; InterpBench,
//! Gupta et al. 2024, measures it as interchange intervention accuracy, IIA).
//!
//! For a pair (base, source) and a variable: run the base input, but where the variable is written,
//! write the value that it has on the source input, at all positions at once; the rest of the run
//! follows from that. In the compiled model the value is `h`, in the compressed one `h̃`. The
//! compressed model implements the variable if both models then say the same.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use serde::Serialize;

use super::Subject;
use super::settings::Settings;
use super::structure::{Structure, Variable};
use super::sweep;
use super::worst::larger;
use crate::inputs::EvaluationSet;
use crate::inputs::alias::Alias;
use crate::inputs::rng::{self, Purpose};
use crate::model::codec::argmax;
use crate::model::{CompiledModel, Frozen, OutputKind, Site, Stream};

/// How one variable takes being exchanged. Counted are the base's positions of tokens at which the
/// compiled model's output under exchange is decided (see [`CompiledModel::is_undecided`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interchange {
    /// As in [`super::faithfulness::VariableFit`].
    pub variable: String,
    /// The block that writes it, or `embed`.
    pub site: String,
    /// Pairs of inputs tried.
    pub pairs: u64,
    /// Whether these are all pairs.
    pub all_pairs: bool,
    /// Positions counted.
    pub positions: u64,
    /// Positions left out: the compiled model's own output is undecided there.
    pub undecided: u64,
    /// Share of positions where both models agree (a number: within [`Settings::tolerance`]).
    pub accuracy: Option<f64>,
    /// Positions at which the exchange changes the compiled model's output.
    pub affected: u64,
    /// The share of these where both agree: what an exchange without effect cannot flatter. None if
    /// the exchange never has an effect.
    pub accuracy_affected: Option<f64>,
    /// Numerical outputs: mean absolute difference over the positions counted.
    pub mae: Option<f64>,
    /// Numerical outputs: the same over the positions affected.
    pub mae_affected: Option<f64>,
    /// Numerical outputs: the largest difference.
    pub max_error: Option<f64>,
}

/// An exchange with a smaller share of agreement is worth a word.
pub const LITTLE_BELOW: f64 = 0.95;

impl Interchange {
    /// Whether the compressed model often does not do what the compiled one does.
    pub fn shows_little(&self) -> bool {
        self.accuracy_affected
            .is_some_and(|share| share < LITTLE_BELOW)
    }
}

/// Exchanges every variable over the pairs that `settings` ask for.
pub fn measure(
    subject: Subject<'_>,
    frozen: &Frozen<f64>,
    structure: &Structure,
    settings: &Settings,
    threads: usize,
) -> Vec<Interchange> {
    let pairs = Pairs::new(subject.inputs, settings);
    let writings: Vec<(&Variable, Site)> = structure.writings().collect();
    let work = |range: Range<usize>| {
        let mut sums = vec![Sums::default(); writings.len()];
        for start in range.clone().step_by(sweep::CHUNK) {
            let chunk = start..(start + sweep::CHUNK).min(range.end);
            exchange(
                subject, frozen, &writings, settings, &pairs, chunk, &mut sums,
            );
        }
        sums
    };
    let mut total = vec![Sums::default(); writings.len()];
    sweep::pieces(pairs.len(), threads, work, |part| {
        total.iter_mut().zip(part).for_each(|(a, b)| a.merge(&b));
    });
    let numerical = subject.model.metadata.output_kind == OutputKind::Numerical;
    writings
        .iter()
        .zip(total)
        .map(|((variable, site), sums)| Interchange {
            variable: variable.name.clone(),
            site: site.name(),
            pairs: pairs.len() as u64,
            all_pairs: pairs.sample.is_none(),
            positions: sums.positions,
            undecided: sums.undecided,
            accuracy: share(sums.right, sums.weight),
            affected: sums.affected,
            accuracy_affected: share(sums.right_affected, sums.weight_affected),
            mae: share(sums.error, sums.weight).filter(|_| numerical),
            mae_affected: share(sums.error_affected, sums.weight_affected).filter(|_| numerical),
            max_error: (numerical && sums.positions > 0).then_some(sums.largest),
        })
        .collect()
}

fn share(sum: f64, weight: f64) -> Option<f64> {
    (weight > 0.0).then(|| sum / weight)
}

/// Which pairs of inputs: all of them (`base·n + source`), or a sample drawn independently and
/// by the inputs' weights, with a seed of its own.
struct Pairs<'a> {
    inputs: &'a EvaluationSet,
    sample: Option<Vec<(u64, u64)>>,
}

impl<'a> Pairs<'a> {
    fn new(inputs: &'a EvaluationSet, settings: &Settings) -> Self {
        let count = inputs.len() as u64;
        let all = count.saturating_mul(count);
        let sample = settings.pairs.filter(|wanted| *wanted < all).map(|wanted| {
            let mut rng = rng::stream(settings.seed, Purpose::Interventions);
            let by_weight = inputs.weights().map(Alias::new);
            let mut input = || match &by_weight {
                None => rng.random_range(0..count),
                Some(alias) => alias.draw(&mut rng) as u64,
            };
            (0..wanted).map(|_| (input(), input())).collect()
        });
        Self { inputs, sample }
    }

    fn len(&self) -> usize {
        let all = self.inputs.len() * self.inputs.len();
        self.sample.as_ref().map_or(all, Vec::len)
    }

    fn get(&self, i: usize) -> (u64, u64) {
        let inputs = self.inputs.len();
        match &self.sample {
            Some(pairs) => pairs[i],
            None => ((i / inputs) as u64, (i % inputs) as u64),
        }
    }

    /// How much a pair counts: a drawn one was drawn by its weight.
    fn weight(&self, i: usize) -> f64 {
        if self.sample.is_some() {
            return 1.0;
        }
        let (base, source) = self.get(i);
        self.inputs.weight(base as usize) * self.inputs.weight(source as usize)
    }
}

#[derive(Clone, Default)]
struct Sums {
    positions: u64,
    undecided: u64,
    affected: u64,
    /// The same by the pairs' weights, and what else is summed by them.
    weight: f64,
    weight_affected: f64,
    right: f64,
    right_affected: f64,
    error: f64,
    error_affected: f64,
    largest: f64,
}

impl Sums {
    fn merge(&mut self, other: &Self) {
        self.positions += other.positions;
        self.undecided += other.undecided;
        self.affected += other.affected;
        self.weight += other.weight;
        self.weight_affected += other.weight_affected;
        self.right += other.right;
        self.right_affected += other.right_affected;
        self.error += other.error;
        self.error_affected += other.error_affected;
        self.largest = larger(self.largest, other.largest);
    }
}

/// Exchanges every variable in one chunk of pairs.
fn exchange(
    subject: Subject<'_>,
    frozen: &Frozen<f64>,
    writings: &[(&Variable, Site)],
    settings: &Settings,
    pairs: &Pairs<'_>,
    chunk: Range<usize>,
    sums: &mut [Sums],
) {
    let tokens = |which: fn((u64, u64)) -> u64| {
        let mut ids = Array2::zeros((chunk.len(), subject.space.positions()));
        for (mut row, pair) in ids.rows_mut().into_iter().zip(chunk.clone()) {
            let input = which(pairs.get(pair)) as usize;
            row.assign(&subject.inputs.chunk(subject.space, input, input + 1).row(0));
        }
        ids
    };
    let (base, source) = (tokens(|pair| pair.0), tokens(|pair| pair.1));
    let streams = [Stream::Full, subject.stream()];
    let sources = streams.map(|stream| frozen.evaluate(stream, source.view()).0);
    let embedding = frozen.embed(source.view());
    let unchanged = frozen.evaluate(Stream::Full, base.view()).1;
    for ((variable, site), sums) in writings.iter().zip(sums) {
        let mut outputs = streams.iter().zip(&sources).map(|(stream, blocks)| {
            let value = match site {
                Site::Embedding => &embedding,
                Site::Block(i) => &blocks[*i],
            };
            let mut edit = |here: Site, written: &mut Array2<f64>| {
                if here == *site {
                    for d in &variable.dims {
                        written.column_mut(*d).assign(&value.column(*d));
                    }
                }
            };
            frozen.evaluate_edited(*stream, base.view(), &mut edit).1
        });
        if let (Some(compiled), Some(compressed)) = (outputs.next(), outputs.next()) {
            let outputs = Outputs {
                unchanged: unchanged.view(),
                compiled: compiled.view(),
                compressed: compressed.view(),
            };
            let weight = |row: usize| pairs.weight(chunk.start + row / base.ncols());
            outputs.compare(subject.model, base.view(), weight, settings, sums);
        }
    }
}

/// What the models say on the base inputs, `[B·T, O]`: the compiled one left alone, and both under
/// exchange.
struct Outputs<'a> {
    unchanged: ArrayView2<'a, f64>,
    compiled: ArrayView2<'a, f64>,
    compressed: ArrayView2<'a, f64>,
}

impl Outputs<'_> {
    fn compare(
        &self,
        model: &CompiledModel,
        base: ArrayView2<'_, usize>,
        weight: impl Fn(usize) -> f64,
        settings: &Settings,
        sums: &mut Sums,
    ) {
        let meta = &model.metadata;
        let rows = self.compiled.axis_iter(Axis(0));
        for (row, (id, expected)) in base.iter().zip(rows).enumerate() {
            if [meta.bos_id, meta.pad_id].contains(id) {
                continue;
            }
            if model.is_undecided(expected) {
                sums.undecided += 1;
                continue;
            }
            let (before, found) = (self.unchanged.row(row), self.compressed.row(row));
            let (error, right, affected) = match meta.output_kind {
                OutputKind::Categorical => {
                    let class = argmax(expected);
                    (0.0, argmax(found) == class, argmax(before) != class)
                }
                OutputKind::Numerical => {
                    let error = (found[0] - expected[0]).abs();
                    let effect = (expected[0] - before[0]).abs();
                    (
                        error,
                        error <= settings.tolerance,
                        effect > settings.tolerance,
                    )
                }
            };
            let weight = weight(row);
            let weight_if_right = if right { weight } else { 0.0 };
            sums.positions += 1;
            sums.weight += weight;
            sums.right += weight_if_right;
            sums.error += weight * error;
            sums.largest = larger(sums.largest, error);
            if affected {
                sums.affected += 1;
                sums.weight_affected += weight;
                sums.right_affected += weight_if_right;
                sums.error_affected += weight * error;
            }
        }
    }
}
