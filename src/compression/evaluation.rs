//! The exact figures of a compressed model over its evaluation set, in float64.
//!
//! They are means over the whole enumerated input space (or the fixed held-out sample of a larger
//! one), so that two runs differ by their `W` alone: pieces of 256 inputs, by the fused engine's forward
//! pass in one thread, summed in their order. `tests/engines.rs` compares with the plain forward pass.

use std::sync::Arc;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::engines::fused::forward::Forward;
use super::engines::fused::piece::Piece;
use super::objective::Objective;
use super::teacher::{Targets, Teacher};
use crate::model::codec::first_largest;
use crate::model::{OutputKind, Stream, Wiring};

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// How the compressed model compares with the compiled one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `L`.
    pub loss: f64,
    /// `L_out`.
    pub loss_output: f64,
    /// `L_layer`: the sum of the blocks' `mse`.
    pub loss_layers: f64,
    /// Numerical outputs: mean absolute error over the positions of tokens (neither BOS nor PAD).
    pub mae: Option<f64>,
    /// Numerical outputs: the largest absolute error over the positions of tokens.
    pub max_error: Option<f64>,
    /// Categorical outputs: share of token positions whose class is the compiled model's.
    pub token_accuracy: Option<f64>,
    /// Categorical outputs: share of inputs all of whose token positions are right.
    pub sequence_accuracy: Option<f64>,
    /// One entry a block, `layer0.attn` first.
    pub blocks: Vec<BlockFit>,
}

/// How well one block's output survives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockFit {
    /// Mean over inputs and all positions of `Σ_D (h − h̃)²`.
    pub mse: f64,
    /// Cosine of the block's outputs flattened over inputs, positions and `D`; none where either
    /// side is zero throughout, as for a dead block.
    pub cosine: Option<f64>,
}

/// Sums over a piece of the evaluation set.
#[derive(Clone, Default)]
struct Sums {
    inputs: usize,
    positions: usize,
    counted: usize,
    output_loss: f64,
    words: usize,
    absolute_error: f64,
    max_error: f64,
    right_words: usize,
    right_inputs: usize,
    blocks: Vec<BlockSums>,
}

#[derive(Clone, Copy, Default)]
struct BlockSums {
    squared_error: f64,
    product: f64,
    target_square: f64,
    output_square: f64,
}

/// Evaluates any `W` on the teacher's evaluation set, with the fused engine's forward pass in float64.
#[derive(Debug)]
pub struct Evaluator {
    teacher: Arc<Teacher>,
    objective: Objective,
    forward: Forward<f64>,
    piece: Piece<f64>,
}

impl Evaluator {
    /// An evaluator for the teacher's model and evaluation set.
    pub fn new(teacher: Arc<Teacher>, objective: Objective) -> Self {
        let forward = Forward::new(teacher.model(), teacher.space());
        Self {
            piece: Piece::new(forward.plan()),
            teacher,
            objective,
            forward,
        }
    }

    /// The same for stacks of several `W`.
    pub fn with_wiring(mut self, wiring: Wiring) -> Self {
        self.forward = self.forward.with_wiring(wiring);
        self
    }

    /// The exact figures of `w`, `[d, D]` or a stack of several.
    pub fn evaluate(&mut self, w: &Array2<f64>) -> Evaluation {
        let Self {
            teacher,
            objective,
            forward,
            piece,
        } = self;
        forward.compress(w);
        let (model, space) = (teacher.model(), teacher.space());
        let mut total = Sums::default();
        for (start, end) in chunks(teacher) {
            let batch = teacher.evaluation().batch(start, end);
            let (blocks, scores) = forward.outputs(&batch, model, space, piece);
            total.add(&sums(teacher, objective, (start, end), &blocks, &scores));
        }
        total.finish(teacher.kind(), objective)
    }
}

/// The same figures by the plain forward pass ([`crate::model::forward`]), which shares nothing with
/// the fused engine: slower, to check it by.
pub fn evaluate_plainly(
    teacher: &Teacher,
    objective: &Objective,
    stream: Stream<'_, f64>,
) -> Evaluation {
    let mut total = Sums::default();
    for (start, end) in chunks(teacher) {
        let tokens = teacher.evaluation().chunk(teacher.space(), start, end);
        let (blocks, scores) = teacher.model().evaluate(stream, tokens.view());
        let live: Vec<Array2<f64>> = blocks
            .iter()
            .enumerate()
            .map(|(i, block)| block.select(Axis(1), teacher.live_columns(i)))
            .collect();
        total.add(&sums(teacher, objective, (start, end), &live, &scores));
    }
    total.finish(teacher.kind(), objective)
}

/// The evaluation set cut into pieces, whose sums are added in their order.
fn chunks(teacher: &Teacher) -> impl Iterator<Item = (usize, usize)> {
    let size = teacher.evaluation().len();
    (0..size)
        .step_by(CHUNK)
        .map(move |start| (start, (start + CHUNK).min(size)))
}

/// Sums over inputs `start..end`, whose block outputs in their live columns and scores are given.
fn sums(
    teacher: &Teacher,
    objective: &Objective,
    (start, end): (usize, usize),
    blocks: &[Array2<f64>],
    output: &Array2<f64>,
) -> Sums {
    let (tokens, targets) = teacher.of_evaluation(start, end);
    let mut sums = Sums {
        inputs: end - start,
        positions: tokens.len(),
        blocks: block_sums(&targets, blocks),
        ..Sums::default()
    };
    let counted = teacher.counted(objective, tokens.view());
    let positions = tokens.ncols();
    for (input, row) in tokens.axis_iter(Axis(0)).enumerate() {
        let mut all_right = true;
        for (position, id) in row.iter().enumerate() {
            let index = input * positions + position;
            let scores = output.row(index);
            let target = targets.output[index];
            let is_word = teacher.space().is_word(*id);
            sums.words += usize::from(is_word);
            sums.counted += usize::from(counted[index]);
            match teacher.kind() {
                OutputKind::Numerical => {
                    let error = scores[0] - target;
                    if counted[index] {
                        sums.output_loss += error * error;
                    }
                    if is_word {
                        sums.absolute_error += error.abs();
                        sums.max_error = max_or_nan(sums.max_error, error.abs());
                    }
                }
                OutputKind::Categorical => {
                    if counted[index] {
                        let max = scores.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
                        let sum: f64 = scores.iter().map(|x| (x - max).exp()).sum();
                        sums.output_loss += max + sum.ln() - scores[target as usize];
                    }
                    if is_word {
                        let right = first_largest(scores.iter().copied()) == target as usize;
                        sums.right_words += usize::from(right);
                        all_right &= right;
                    }
                }
            }
        }
        sums.right_inputs += usize::from(all_right);
    }
    sums
}

fn block_sums(targets: &Targets, outputs: &[Array2<f64>]) -> Vec<BlockSums> {
    outputs
        .iter()
        .zip(&targets.blocks)
        .map(|(output, target)| {
            // Outside the live columns both are exactly zero.
            let mut sums = BlockSums::default();
            for (h_tilde, h) in output.iter().zip(target) {
                sums.squared_error += (h - h_tilde) * (h - h_tilde);
                sums.product += h * h_tilde;
                sums.target_square += h * h;
                sums.output_square += h_tilde * h_tilde;
            }
            sums
        })
        .collect()
}

impl Sums {
    fn add(&mut self, part: &Sums) {
        self.inputs += part.inputs;
        self.positions += part.positions;
        self.counted += part.counted;
        self.output_loss += part.output_loss;
        self.words += part.words;
        self.absolute_error += part.absolute_error;
        self.max_error = max_or_nan(self.max_error, part.max_error);
        self.right_words += part.right_words;
        self.right_inputs += part.right_inputs;
        self.blocks.resize(part.blocks.len(), BlockSums::default());
        for (sum, part) in self.blocks.iter_mut().zip(&part.blocks) {
            sum.squared_error += part.squared_error;
            sum.product += part.product;
            sum.target_square += part.target_square;
            sum.output_square += part.output_square;
        }
    }

    fn finish(&self, kind: OutputKind, objective: &Objective) -> Evaluation {
        let blocks: Vec<BlockFit> = self
            .blocks
            .iter()
            .map(|block| {
                let norms = (block.target_square * block.output_square).sqrt();
                BlockFit {
                    mse: block.squared_error / self.positions as f64,
                    cosine: (norms != 0.0).then(|| block.product / norms),
                }
            })
            .collect();
        let loss_output = self.output_loss / self.counted as f64;
        let loss_layers = blocks.iter().map(|block| block.mse).sum();
        let words = self.words as f64;
        let numerical = kind == OutputKind::Numerical;
        Evaluation {
            loss: objective.total(loss_output, loss_layers),
            loss_output,
            loss_layers,
            mae: numerical.then(|| self.absolute_error / words),
            max_error: numerical.then_some(self.max_error),
            token_accuracy: (!numerical).then(|| self.right_words as f64 / words),
            sequence_accuracy: (!numerical).then(|| self.right_inputs as f64 / self.inputs as f64),
            blocks,
        }
    }
}

/// The larger of two, or NaN if either is: a maximum must not hide a number that is none.
fn max_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || b > a || b.is_nan() {
        if a.is_nan() { a } else { b }
    } else {
        a
    }
}
