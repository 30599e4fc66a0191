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

use super::settings::Settings;
use super::structure::{Structure, Variable};
use super::subject::Subject;
use super::sweep;
use super::worst::larger;
use base::rng::{self, Purpose};
use superposition::inputs::alias::Alias;
use tracr::model::codec::argmax;
use tracr::model::{CompiledModel, Frozen, OutputKind, Site, Stream};

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
    let pairs = Pairs::new(subject.inputs.len(), subject.inputs.weights(), settings);
    let writings: Vec<(&Variable, Site)> = structure.writings().collect();
    let total = over_pairs(
        (subject.model, settings),
        &pairs,
        writings.len(),
        threads,
        |pairs, report| exchange(subject, frozen, &writings, pairs, report),
    );
    let numerical = subject.model.metadata.output_kind == OutputKind::Numerical;
    writings
        .iter()
        .zip(total)
        .map(|((variable, site), sums)| Interchange {
            variable: variable.name.clone(),
            site: site.name(),
            pairs: pairs.len() as u64,
            all_pairs: pairs.are_all(),
            positions: sums.positions,
            undecided: sums.undecided,
            accuracy: share(sums.right, sums.weight),
            affected: sums.affected,
            accuracy_affected: sums.agreement(),
            mae: share(sums.error, sums.weight).filter(|_| numerical),
            mae_affected: share(sums.error_affected, sums.weight_affected).filter(|_| numerical),
            max_error: (numerical && sums.positions > 0).then_some(sums.largest),
        })
        .collect()
}

fn share(sum: f64, weight: f64) -> Option<f64> {
    (weight > 0.0).then(|| sum / weight)
}

/// Hands over what an exchange did: its number, the base inputs `[B, T]`, and the outputs.
pub type Report<'a> = dyn FnMut(usize, ArrayView2<'_, usize>, Outputs<'_>) + 'a;

/// Makes the exchanges that `exchange` reports of a chunk of pairs, `count` of them, and sums how the outputs
/// compare: one entry an exchange.
pub fn over_pairs(
    (model, settings): (&CompiledModel, &Settings),
    pairs: &Pairs<'_>,
    count: usize,
    threads: usize,
    exchange: impl Fn(&[(usize, usize)], &mut Report<'_>) + Sync,
) -> Vec<Sums> {
    let work = |range: Range<usize>| {
        let mut sums = vec![Sums::default(); count];
        for start in range.clone().step_by(sweep::CHUNK) {
            let chunk: Vec<(usize, usize)> = (start..(start + sweep::CHUNK).min(range.end))
                .map(|pair| pairs.get(pair))
                .collect();
            let mut report = |number: usize, base: ArrayView2<'_, usize>, outputs: Outputs<'_>| {
                let weight = |row: usize| pairs.weight(start + row / base.ncols());
                outputs.compare(model, base, weight, settings, &mut sums[number]);
            };
            exchange(&chunk, &mut report);
        }
        sums
    };
    let mut total = vec![Sums::default(); count];
    sweep::pieces(pairs.len(), threads, work, |part| {
        total.iter_mut().zip(part).for_each(|(a, b)| a.merge(&b));
    });
    total
}

/// Which pairs of inputs: all of them (`base·n + source`), or a sample drawn independently and
/// by the inputs' weights, with a seed of its own.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    inputs: usize,
    weights: Option<&'a [f64]>,
    sample: Option<Vec<(u64, u64)>>,
}

#[allow(clippy::len_without_is_empty)] // a set of inputs has at least one, and so at least one pair
impl<'a> Pairs<'a> {
    /// Pairs of `inputs` inputs, which count by `weights`; all alike if there are none.
    pub fn new(inputs: usize, weights: Option<&'a [f64]>, settings: &Settings) -> Self {
        let count = inputs as u64;
        let all = count.saturating_mul(count);
        let sample = settings.pairs.filter(|wanted| *wanted < all).map(|wanted| {
            let mut rng = rng::stream(settings.seed, Purpose::Interventions);
            let by_weight = weights.map(Alias::new);
            let mut input = || match &by_weight {
                None => rng.random_range(0..count),
                Some(alias) => alias.draw(&mut rng) as u64,
            };
            (0..wanted).map(|_| (input(), input())).collect()
        });
        Self {
            inputs,
            weights,
            sample,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let all = self.inputs * self.inputs;
        self.sample.as_ref().map_or(all, Vec::len)
    }

    /// Whether these are all pairs.
    pub fn are_all(&self) -> bool {
        self.sample.is_none()
    }

    /// The inputs' numbers: base and source.
    pub fn get(&self, i: usize) -> (usize, usize) {
        match &self.sample {
            Some(pairs) => (pairs[i].0 as usize, pairs[i].1 as usize),
            None => (i / self.inputs, i % self.inputs),
        }
    }

    /// How much a pair counts: a drawn one was drawn by its weight.
    pub fn weight(&self, i: usize) -> f64 {
        if self.sample.is_some() {
            return 1.0;
        }
        let (base, source) = self.get(i);
        self.weights
            .map_or(1.0, |weights| weights[base] * weights[source])
    }

    /// The token ids of the bases and of the sources of some pairs, `[n, T]` each.
    pub fn tokens(&self, subject: Subject<'_>, chunk: Range<usize>) -> [Array2<usize>; 2] {
        let of = |which: fn((usize, usize)) -> usize| {
            tokens_of(subject, chunk.clone().map(|pair| which(self.get(pair))))
        };
        [of(|pair| pair.0), of(|pair| pair.1)]
    }
}

/// Sums over the positions of tokens at which the expected output is decided.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    positions: u64,
    undecided: u64,
    /// Positions at which the exchange changes the expected output.
    pub affected: u64,
    /// The same by the pairs' weights, and what else is summed by them.
    weight: f64,
    weight_affected: f64,
    right: f64,
    right_affected: f64,
    error: f64,
    error_affected: f64,
    largest: f64,
    /// Numbers: squared change that is expected, and squared error of the change that is found.
    change: f64,
    missed: f64,
}

impl Sums {
    /// Of the positions affected, the share where the outputs agree.
    pub fn agreement(&self) -> Option<f64> {
        share(self.right_affected, self.weight_affected)
    }

    /// Numbers: `R²` of the change, 1 where it is as expected, 0 where there is none, below that where it is wrong
    /// by more than that.
    pub fn r2_of_change(&self) -> Option<f64> {
        share(self.missed, self.change).map(|missed| 1.0 - missed)
    }

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
        self.change += other.change;
        self.missed += other.missed;
        self.largest = larger(self.largest, other.largest);
    }
}

/// The inputs of the pairs' one side, `[B, T]`.
pub fn tokens_of(
    subject: Subject<'_>,
    inputs: impl ExactSizeIterator<Item = usize>,
) -> Array2<usize> {
    let mut ids = Array2::zeros((inputs.len(), subject.space.positions()));
    for (mut row, input) in ids.rows_mut().into_iter().zip(inputs) {
        row.assign(&subject.inputs.chunk(subject.space, input, input + 1).row(0));
    }
    ids
}

/// Exchanges every variable in one chunk of pairs.
fn exchange(
    subject: Subject<'_>,
    frozen: &Frozen<f64>,
    writings: &[(&Variable, Site)],
    pairs: &[(usize, usize)],
    report: &mut Report<'_>,
) {
    let base = tokens_of(subject, pairs.iter().map(|pair| pair.0));
    let source = tokens_of(subject, pairs.iter().map(|pair| pair.1));
    let streams = [Stream::Full, subject.stream()];
    let sources = streams.map(|stream| frozen.evaluate(stream, source.view()).0);
    let embedding = frozen.embed(source.view());
    let unchanged = frozen.evaluate(Stream::Full, base.view()).1;
    for (number, (variable, site)) in writings.iter().enumerate() {
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
                expected: compiled.view(),
                found: compressed.view(),
            };
            report(number, base.view(), outputs);
        }
    }
}

/// What is said on the base inputs, `[B·T, O]`: without exchange, under the exchange that is right, and under the one
/// that is judged by it.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Outputs<'a> {
    pub unchanged: ArrayView2<'a, f64>,
    pub expected: ArrayView2<'a, f64>,
    pub found: ArrayView2<'a, f64>,
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
        let rows = self.expected.axis_iter(Axis(0));
        for (row, (id, expected)) in base.iter().zip(rows).enumerate() {
            if [meta.bos_id, meta.pad_id].contains(id) {
                continue;
            }
            if model.is_undecided(expected) {
                sums.undecided += 1;
                continue;
            }
            let (before, found) = (self.unchanged.row(row), self.found.row(row));
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
            if meta.output_kind == OutputKind::Numerical {
                let change = expected[0] - before[0];
                sums.change += weight * change * change;
                sums.missed += weight * error * error;
            }
            if affected {
                sums.affected += 1;
                sums.weight_affected += weight;
                sums.right_affected += weight_if_right;
                sums.error_affected += weight * error;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::array;
    use std::collections::BTreeMap;
    use superposition::inputs::{EvaluationSet, InputSpace};
    use tracr::model::Wiring;

    fn close(found: Option<f64>, expected: f64) {
        approx::assert_abs_diff_eq!(found.unwrap(), expected, epsilon = 1e-12);
    }

    /// The four inputs of one token of `frac_prevs`, of which x and a have a weight of their own.
    fn inputs(weights: &[(&str, f64)]) -> EvaluationSet {
        let model = test_models::load("frac_prevs");
        let weights: BTreeMap<String, f64> =
            weights.iter().map(|(t, w)| ((*t).into(), *w)).collect();
        let space = InputSpace::new(&model, &[1], false)
            .unwrap()
            .weighted(&model, &weights);
        EvaluationSet::new(&space.unwrap(), 1)
    }

    fn wanted(pairs: Option<u64>) -> Settings {
        Settings {
            pairs,
            ..Settings::default()
        }
    }

    #[test]
    fn pairs_are_all_where_no_fewer_are_wanted() {
        let inputs = inputs(&[]);
        for settings in [wanted(None), wanted(Some(16)), wanted(Some(4096))] {
            let pairs = Pairs::new(inputs.len(), inputs.weights(), &settings);
            assert!(pairs.sample.is_none());
            let all: Vec<_> = (0..pairs.len()).map(|i| pairs.get(i)).collect();
            let expected: Vec<_> = (0..4).flat_map(|a| (0..4).map(move |b| (a, b))).collect();
            assert_eq!(all, expected);
        }
        let pairs = Pairs::new(inputs.len(), inputs.weights(), &wanted(Some(15)));
        assert_eq!(
            (pairs.len(), pairs.sample.as_ref().map(Vec::len)),
            (15, Some(15))
        );
        assert!((0..15).all(|i| pairs.get(i).0 < 4 && pairs.get(i).1 < 4));
        assert_eq!(
            (0..15).map(|i| pairs.get(i)).collect::<Vec<_>>(),
            pairs
                .sample
                .clone()
                .unwrap()
                .into_iter()
                .map(|(a, b)| (a as usize, b as usize))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_pair_counts_by_both_weights_unless_it_was_drawn_by_them() {
        let inputs = inputs(&[("x", 0.5), ("a", 2.0)]);
        let pairs = Pairs::new(inputs.len(), inputs.weights(), &wanted(None));
        // Weights 2, 1, 1 and 0.5 of 4.5, four times that: 1 on average.
        let weights: Vec<f64> = (0..4).map(|i| inputs.weight(i)).collect();
        approx::assert_abs_diff_eq!(weights.iter().sum::<f64>(), 4.0, epsilon = 1e-12);
        for base in 0..4 {
            for source in 0..4 {
                let weight = pairs.weight(4 * base + source);
                close(Some(weight), weights[base] * weights[source]);
            }
        }
        let drawn = Pairs::new(inputs.len(), inputs.weights(), &wanted(Some(8)));
        assert!((0..8).all(|i| drawn.weight(i) == 1.0));
    }

    #[test]
    fn merged_sums_are_added_one_by_one() {
        let sums = |x: f64| Sums {
            positions: x as u64,
            undecided: 2 * x as u64,
            affected: 3 * x as u64,
            weight: 4.0 * x,
            weight_affected: 5.0 * x,
            right: 6.0 * x,
            right_affected: 7.0 * x,
            error: 8.0 * x,
            error_affected: 9.0 * x,
            largest: 10.0 * x,
            change: 11.0 * x,
            missed: 12.0 * x,
        };
        let mut total = sums(1.0);
        total.merge(&sums(2.0));
        assert_eq!(
            (total.positions, total.undecided, total.affected),
            (3, 6, 9)
        );
        assert_eq!((total.weight, total.weight_affected), (12.0, 15.0));
        assert_eq!((total.right, total.right_affected), (18.0, 21.0));
        assert_eq!((total.error, total.error_affected), (24.0, 27.0));
        assert_eq!(total.largest, 20.0);
        assert_eq!((total.change, total.missed), (33.0, 36.0));
    }

    #[test]
    fn numbers_under_exchange_are_compared_within_the_tolerance() {
        let model = test_models::load("frac_prevs");
        let meta = &model.metadata;
        let word = (0..meta.input_vocab.len())
            .find(|id| ![meta.bos_id, meta.pad_id].contains(id))
            .unwrap();
        let base = array![[meta.bos_id, word, word, word, word, meta.pad_id]];
        // An effect and an error below, above and at the tolerance of 0.025; and what is no token.
        let outputs = Outputs {
            unchanged: array![[9.0], [1.0], [1.0], [0.5], [0.0], [9.0]].view(),
            expected: array![[0.0], [1.0249], [1.0251], [1.0], [0.025], [0.0]].view(),
            found: array![[0.0], [1.0249], [1.0749], [0.9749], [0.05], [0.0]].view(),
        }
        .compared(&model, &base, |row| [100.0, 1.0, 2.0, 4.0, 8.0, 100.0][row]);
        assert_eq!(
            (outputs.positions, outputs.undecided, outputs.affected),
            (4, 0, 2)
        );
        close(Some(outputs.weight), 15.0);
        close(Some(outputs.right), 1.0 + 8.0);
        close(
            Some(outputs.error),
            2.0 * 0.0498 + 4.0 * 0.0251 + 8.0 * 0.025,
        );
        close(Some(outputs.largest), 0.0498);
        close(Some(outputs.weight_affected), 6.0);
        close(Some(outputs.right_affected), 0.0);
        close(Some(outputs.error_affected), 2.0 * 0.0498 + 4.0 * 0.0251);
        // Changes of 0.0249, 0.0251, 0.5 and 0.025, and what is missed of them.
        let sum = |values: [f64; 4]| -> f64 {
            let weights = [1.0, 2.0, 4.0, 8.0];
            values.iter().zip(weights).map(|(x, w)| w * x * x).sum()
        };
        close(
            outputs.r2_of_change(),
            1.0 - sum([0.0, 0.0498, 0.0251, 0.025]) / sum([0.0249, 0.0251, 0.5, 0.025]),
        );
        close(outputs.agreement(), 0.0);
    }

    #[test]
    fn classes_under_exchange_are_compared_where_they_are_decided() {
        let model = test_models::load("sort_unique");
        let meta = &model.metadata;
        let word = (0..meta.input_vocab.len())
            .find(|id| ![meta.bos_id, meta.pad_id].contains(id))
            .unwrap();
        let base = array![[meta.bos_id, word, word, word, meta.pad_id, meta.pad_id]];
        let scores = |classes: [usize; 3]| {
            let mut scores = Array2::<f64>::zeros((6, 5));
            for (t, class) in classes.into_iter().enumerate() {
                scores[[t + 1, class]] = 1.0;
            }
            scores
        };
        let (before, mut compiled, found) =
            (scores([0, 1, 2]), scores([0, 3, 2]), scores([0, 3, 4]));
        let compare = |compiled: &Array2<f64>| {
            Outputs {
                unchanged: before.view(),
                expected: compiled.view(),
                found: found.view(),
            }
            .compared(&model, &base, |row| [0.0, 1.0, 2.0, 4.0, 0.0, 0.0][row])
        };
        let sums = compare(&compiled);
        assert_eq!((sums.positions, sums.undecided, sums.affected), (3, 0, 1));
        assert_eq!((sums.weight, sums.right), (7.0, 3.0));
        assert_eq!((sums.weight_affected, sums.right_affected), (2.0, 2.0));
        assert_eq!((sums.error, sums.largest), (0.0, 0.0));
        // Two classes that are equal.
        compiled[[1, 4]] = 1.0;
        compiled[[3, 4]] = 1.0;
        let sums = compare(&compiled);
        assert_eq!((sums.positions, sums.undecided, sums.weight), (1, 2, 2.0));
    }

    impl Outputs<'_> {
        fn compared(
            &self,
            model: &CompiledModel,
            base: &Array2<usize>,
            weight: impl Fn(usize) -> f64,
        ) -> Sums {
            let mut sums = Sums::default();
            self.compare(model, base.view(), weight, &Settings::default(), &mut sums);
            sums
        }
    }

    #[test]
    fn a_share_of_nothing_is_none() {
        assert_eq!(
            (share(0.0, 0.0), share(0.0, 4.0), share(1.0, 4.0)),
            (None, Some(0.0), Some(0.25))
        );
    }

    /// All variables of a shipped model's inputs of one token, exchanged under the `W` that halves the result.
    fn exchanged(name: &str, weights: &[(&str, f64)], pairs: Option<u64>) -> Vec<Interchange> {
        let model = test_models::load(name);
        let weights: BTreeMap<String, f64> =
            weights.iter().map(|(t, w)| ((*t).into(), *w)).collect();
        let space = InputSpace::new(&model, &[1], model.metadata.unique_tokens).unwrap();
        let space = space.weighted(&model, &weights).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let labels = &model.metadata.residual_labels;
        let mut w = Array2::<f64>::eye(labels.len());
        for (dim, _) in labels
            .iter()
            .enumerate()
            .filter(|(_, label)| *label == name)
        {
            w[[dim, dim]] = 0.5;
        }
        let wiring = Wiring::default();
        let subject = Subject {
            model: &model,
            space: &space,
            inputs: &inputs,
            w: &w,
            wiring: &wiring,
        };
        measure(
            subject,
            &Frozen::new(&model),
            &Structure::new(&model),
            &wanted(pairs),
            1,
        )
    }

    #[test]
    fn an_exchange_of_is_x_moves_the_result_as_worked_out_by_hand() {
        // One token: the result is is_x there. The W halves it where it is written and where it is read: a quarter
        // is left.
        let is_x = |weights: &[(&str, f64)]| {
            let mut found = exchanged("frac_prevs", weights, None);
            found.retain(|i| i.variable == "is_x");
            found.swap_remove(0)
        };
        let found = is_x(&[]);
        assert_eq!(
            (found.site.as_str(), found.pairs, found.all_pairs),
            ("layer0.mlp", 16, true)
        );
        assert_eq!((found.positions, found.undecided), (16, 0));
        // From x to another or back: 6 of 16. The error is 3/4 where the source is x.
        assert_eq!(found.affected, 6);
        close(found.accuracy, 12.0 / 16.0);
        close(found.accuracy_affected, 0.5);
        // Up to what the softmax leaves on what is not selected.
        let near = |found: Option<f64>, expected: f64| {
            approx::assert_abs_diff_eq!(found.unwrap(), expected, epsilon = 1e-6);
        };
        near(found.mae, 0.75 * 4.0 / 16.0);
        near(found.mae_affected, 0.75 * 0.5);
        near(found.max_error, 0.75);
        // Where x is drawn with the probability 0.5/4.5, so is the source.
        let weighted = is_x(&[("x", 0.5), ("a", 2.0)]);
        assert_eq!((weighted.positions, weighted.affected), (16, 6));
        close(weighted.accuracy, 8.0 / 9.0);
        close(weighted.accuracy_affected, 0.5);
        near(weighted.mae, 0.75 / 9.0);
    }

    #[test]
    fn an_exchange_shows_little_below_an_agreement_of_95_hundredths() {
        let mut exchange = exchanged("frac_prevs", &[], Some(0)).swap_remove(0);
        let mut of = |accuracy_affected: Option<f64>| {
            exchange.accuracy_affected = accuracy_affected;
            exchange.shows_little()
        };
        assert!(of(Some(0.0)) && of(Some(0.949)));
        assert!(!of(Some(0.95)) && !of(Some(0.951)) && !of(Some(1.0)));
        // An exchange that never has an effect shows nothing at all.
        assert!(!of(None));
    }

    #[test]
    fn classes_have_no_error_and_no_pairs_no_share() {
        for found in exchanged("sort_unique", &[], None) {
            assert!(found.positions + found.undecided > 0);
            assert_eq!(
                (found.mae, found.mae_affected, found.max_error),
                (None, None, None)
            );
        }
        for found in exchanged("frac_prevs", &[], Some(0)) {
            assert_eq!((found.pairs, found.positions, found.accuracy), (0, 0, None));
            assert_eq!((found.mae, found.max_error), (None, None));
        }
    }
}
