//! A model with inputs and an objective, for the tests of engines.

use std::sync::Arc;

use ndarray::Array2;
use superposition::evaluation::evaluate;
use superposition::inputs::{EvaluationSet, InputSpace, sampler::Batch};
use superposition::{Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, Stream, Wiring};

/// A model, all its inputs of one and two tokens, and an objective with uneven weights.
pub struct Case {
    pub model: CompiledModel,
    pub teacher: Arc<Teacher>,
    pub objective: Objective,
    /// The inputs, `[B, T]`, and the same as members of the space.
    pub tokens: Array2<usize>,
    pub batch: Batch,
}

impl Case {
    /// All inputs of one and two tokens.
    pub fn new(model: CompiledModel, output_positions: OutputPositions) -> Self {
        let meta = &model.metadata;
        let words = meta.word_ids().len();
        // Pairs, too, unless the model has none or thousands of them.
        let pairs = meta.max_seq_len >= 2 && (2..=40).contains(&words);
        let lengths: &[usize] = if pairs { &[1, 2] } else { &[1] };
        let lengths = lengths.to_vec();
        Self::of_lengths(model, output_positions, &lengths)
    }

    /// All inputs of these lengths.
    pub fn of_lengths(
        model: CompiledModel,
        output_positions: OutputPositions,
        lengths: &[usize],
    ) -> Self {
        let space = InputSpace::new(&model, lengths, model.metadata.unique_tokens).unwrap();
        let size = space.size().unwrap();
        let mut tokens = Array2::zeros((size as usize, space.positions()));
        for (mut row, member) in tokens.rows_mut().into_iter().zip(0..) {
            space.write_member(member, row.as_slice_mut().unwrap());
        }
        let evaluation = EvaluationSet::new(&space, 1);
        Self {
            teacher: Teacher::new(&model, space, evaluation),
            model,
            objective: Objective {
                output_positions,
                output_weight: 0.7,
                layer_weight: 1.3,
                ..Objective::default()
            },
            tokens,
            batch: Batch::Members((0..size).collect()),
        }
    }

    pub fn exact(&self, w: &Array2<f64>) -> f64 {
        self.exact_of(w, &Wiring::default())
    }

    /// The same for a stack of several `W`.
    pub fn exact_of(&self, w: &Array2<f64>, wiring: &Wiring) -> f64 {
        let stream = Stream::Compressed(w, wiring);
        evaluate(&self.teacher, &self.objective, stream).loss
    }
}
