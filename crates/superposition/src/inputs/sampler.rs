//! Batches drawn i.i.d. from the input space, and the fixed set of inputs that evaluation uses.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use ndarray::{Array2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::alias::Alias;
use super::space::InputSpace;
use base::rng::{self, Purpose};

/// Seed of every held-out sample: the same for all runs, so that their figures compare.
const HELD_OUT_SEED: u64 = 0;

/// The inputs that a model is evaluated on: every member of an enumerable space, or a fixed
/// held-out sample of a larger one, that no training batch ever contains.
#[derive(Clone, Debug)]
pub struct EvaluationSet {
    visited: Visited,
    /// How much each input counts, 1 on average; none where all count alike.
    weights: Option<Vec<f64>>,
}

#[derive(Clone, Debug)]
enum Visited {
    /// Members `0..size`, generated at each visit.
    Whole(u64),
    /// Different members, `[N, T]`.
    HeldOut(Array2<usize>),
}

impl EvaluationSet {
    /// The whole of `space` if it is enumerable, else a held-out sample.
    ///
    /// Where tokens have weights, a member of the whole counts by its probability. The sample of a
    /// space without weights is `sample_size` different members; with weights it is that many
    /// independent draws, and a member that was drawn several times counts as often.
    pub fn new(space: &InputSpace, sample_size: usize) -> Self {
        if let Some(size) = space.size() {
            let mut tokens = vec![0; space.positions()];
            let weights = space.is_weighted().then(|| {
                let probabilities = (0..size).map(|member| {
                    space.write_member(member, &mut tokens);
                    space.probability(&tokens) * size as f64
                });
                probabilities.collect()
            });
            let visited = Visited::Whole(size);
            return Self { visited, weights };
        }
        let mut rng = rng::stream(HELD_OUT_SEED, Purpose::HeldOut);
        let mut tokens = vec![0; space.positions()];
        let mut numbers: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut sample = Vec::new();
        let mut counts: Vec<f64> = Vec::new();
        let mut draws = 0;
        while draws < sample_size {
            space.draw(&mut rng, &mut tokens);
            match numbers.get(&tokens) {
                Some(&number) => counts[number] += 1.0,
                None => {
                    numbers.insert(tokens.clone(), counts.len());
                    sample.extend_from_slice(&tokens);
                    counts.push(1.0);
                }
            }
            draws = if space.is_weighted() {
                draws + 1
            } else {
                counts.len()
            };
        }
        let shape = (counts.len(), space.positions());
        let scale = counts.len() as f64 / sample_size as f64;
        Self {
            visited: Visited::HeldOut(
                Array2::from_shape_vec(shape, sample).unwrap_or_default(), // of that shape
            ),
            weights: space
                .is_weighted()
                .then(|| counts.iter().map(|count| count * scale).collect()),
        }
    }

    /// These inputs `[N, T]`, as if they were the held-out sample of a space.
    pub fn held_out(sample: Array2<usize>) -> Self {
        Self {
            visited: Visited::HeldOut(sample),
            weights: None,
        }
    }

    /// The number of different inputs.
    pub fn len(&self) -> usize {
        match &self.visited {
            Visited::Whole(size) => *size as usize,
            Visited::HeldOut(sample) => sample.nrows(),
        }
    }

    /// Whether there is no input; never so for a set made by [`EvaluationSet::new`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are all members of their space.
    pub fn is_whole(&self) -> bool {
        matches!(self.visited, Visited::Whole(_))
    }

    /// How much an input counts in a mean over the set, 1 on average: means are
    /// `Σ_i weight(i)·f(x_i) / Σ_i weight(i)`.
    pub fn weight(&self, input: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[input])
    }

    /// The weights of all inputs; none where all are 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The weight of each row of `inputs`, `positions` rows an input: a column `[rows, 1]`; none where
    /// all are 1.
    pub fn row_weights(&self, inputs: Range<usize>, positions: usize) -> Option<Array2<f64>> {
        let weights = &self.weights.as_ref()?[inputs];
        let shape = (weights.len() * positions, 1);
        Some(Array2::from_shape_fn(shape, |(row, _)| {
            weights[row / positions]
        }))
    }

    /// How likely a draw from `space` is to be one of these: what training on the others leaves out.
    pub fn share(&self, space: &InputSpace) -> f64 {
        match &self.visited {
            Visited::Whole(_) => 1.0,
            Visited::HeldOut(sample) => sample
                .rows()
                .into_iter()
                .map(|row| space.probability(&row.to_vec()))
                .sum(),
        }
    }

    /// Inputs `start..end` as a batch.
    pub fn batch(&self, start: usize, end: usize) -> Batch {
        match &self.visited {
            Visited::Whole(_) => Batch::Members((start as u64..end as u64).collect()),
            Visited::HeldOut(sample) => {
                Batch::Sequences(sample.slice_axis(Axis(0), (start..end).into()).to_owned())
            }
        }
    }

    /// Inputs `start..end` as token ids `[end − start, T]`.
    pub fn chunk(&self, space: &InputSpace, start: usize, end: usize) -> Array2<usize> {
        let mut chunk = Array2::zeros((end - start, space.positions()));
        for (row, index) in chunk.rows_mut().into_iter().zip(start..end) {
            match &self.visited {
                Visited::Whole(_) => {
                    let mut row = row;
                    if let Some(tokens) = row.as_slice_mut() {
                        space.write_member(index as u64, tokens);
                    }
                }
                Visited::HeldOut(sample) => sample.row(index).assign_to(row),
            }
        }
        chunk
    }
}

/// Draws training batches: i.i.d. by the members' probabilities, held-out inputs excepted.
#[derive(Debug)]
pub struct Sampler {
    space: InputSpace,
    /// Draws members of an enumerable space whose tokens have weights.
    members: Option<Alias>,
    held_out: HashSet<Vec<usize>>,
    rng: ChaCha12Rng,
}

/// One batch of inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// Members of an enumerable space, by number.
    Members(Vec<u64>),
    /// Token ids `[B, T]`.
    Sequences(Array2<usize>),
}

impl Batch {
    /// The number of inputs, repetitions counted.
    pub fn len(&self) -> usize {
        match self {
            Self::Members(members) => members.len(),
            Self::Sequences(tokens) => tokens.nrows(),
        }
    }

    /// Whether there is no input.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Token ids `[B, T]`; members are those of `space`.
    pub fn tokens(&self, space: &InputSpace) -> Array2<usize> {
        match self {
            Self::Sequences(tokens) => tokens.clone(),
            Self::Members(members) => {
                let mut tokens = Array2::zeros((members.len(), space.positions()));
                for (mut row, member) in tokens.rows_mut().into_iter().zip(members) {
                    if let Some(row) = row.as_slice_mut() {
                        space.write_member(*member, row);
                    }
                }
                tokens
            }
        }
    }
}

impl Sampler {
    /// The batches of a run with this seed.
    pub fn new(space: InputSpace, evaluation: &EvaluationSet, seed: u64) -> Self {
        Self::of_start(space, evaluation, seed, 0)
    }

    /// The batches of one of several starts of a run.
    pub fn of_start(space: InputSpace, evaluation: &EvaluationSet, seed: u64, start: u32) -> Self {
        let held_out = match &evaluation.visited {
            Visited::Whole(_) => HashSet::new(),
            Visited::HeldOut(sample) => sample.rows().into_iter().map(|r| r.to_vec()).collect(),
        };
        let whole = evaluation.weights().filter(|_| evaluation.is_whole());
        Self {
            members: whole.map(Alias::new),
            space,
            held_out,
            rng: rng::stream_of_start(seed, Purpose::Batches, start),
        }
    }

    /// A batch of this size, to be filled by [`Sampler::fill`].
    pub fn batch(&self, size: usize) -> Batch {
        match self.space.size() {
            Some(_) => Batch::Members(vec![0; size]),
            None => Batch::Sequences(Array2::zeros((size, self.space.positions()))),
        }
    }

    /// Replaces the inputs in `batch` by new ones.
    pub fn fill(&mut self, batch: &mut Batch) {
        match batch {
            Batch::Members(members) => {
                // An enumerable space has at most 2^20 members: 32 random bits are enough.
                let size = u32::try_from(self.space.size().unwrap_or(1)).unwrap_or(u32::MAX);
                for member in members {
                    *member = match &self.members {
                        None => u64::from(self.rng.random_range(0..size)),
                        Some(alias) => alias.draw(&mut self.rng) as u64,
                    };
                }
            }
            Batch::Sequences(tokens) => {
                for mut row in tokens.rows_mut() {
                    let Some(tokens) = row.as_slice_mut() else {
                        continue;
                    };
                    loop {
                        self.space.draw(&mut self.rng, tokens);
                        if !self.held_out.contains(&*tokens) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Where the generator stands, for a checkpoint.
    pub fn position(&self) -> u128 {
        self.rng.get_word_pos()
    }

    /// Moves the generator to a position that [`Sampler::position`] gave.
    pub fn set_position(&mut self, position: u128) {
        self.rng.set_word_pos(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;

    #[test]
    fn held_out_inputs_are_distinct_fixed_and_never_trained_on() {
        let mut model = test_models::load("frac_prevs");
        model.metadata.max_seq_len = 11; // 4^11 > 2^20
        let space = InputSpace::new(&model, &[11, 10], false).unwrap();
        assert_eq!(space.size(), None);
        let evaluation = EvaluationSet::new(&space, 500);
        let again = EvaluationSet::new(&space, 500);
        assert_eq!(
            evaluation.chunk(&space, 0, 500),
            again.chunk(&space, 0, 500)
        );
        let mut sampler = Sampler::new(space.clone(), &evaluation, 3);
        assert_eq!(sampler.held_out.len(), 500);
        let mut batch = sampler.batch(2000);
        for _ in 0..200 {
            sampler.fill(&mut batch);
            assert!(
                batch
                    .tokens(&space)
                    .rows()
                    .into_iter()
                    .all(|r| !sampler.held_out.contains(&r.to_vec()))
            );
        }
    }

    #[test]
    fn a_batch_depends_on_seed_and_position_alone() {
        let model = test_models::load("frac_prevs");
        let space = InputSpace::new(&model, &[5], false).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        let mut first = Sampler::new(space.clone(), &evaluation, 3);
        let (mut a, mut b) = (first.batch(64), first.batch(64));
        first.fill(&mut a);
        let position = first.position();
        first.fill(&mut a);
        let mut second = Sampler::new(space.clone(), &evaluation, 3);
        second.set_position(position);
        second.fill(&mut b);
        assert_eq!(a, b);
        Sampler::new(space, &evaluation, 4).fill(&mut b);
        assert_ne!(a, b);
    }
}
