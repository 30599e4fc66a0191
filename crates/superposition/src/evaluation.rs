//! The exact figures of a compressed model over its evaluation set, in float64.
//!
//! They are means over the whole enumerated input space (or the fixed held-out sample of a larger
//! one), each input counting by its probability where tokens have weights, so that two runs differ by their `W` alone: pieces of 256 inputs, by the fused engine's forward
//! pass in one thread, summed in their order. `tests/engines.rs` compares with the plain forward pass.

use std::convert::Infallible;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::engines::fused::forward::Forward;
use super::engines::fused::piece::Piece;
use super::objective::{Loss, Objective};
use super::penalty;
use super::teacher::{OutputLoss, Targets, Teacher};
use tracr::model::codec::first_largest;
use tracr::model::{OutputKind, Stream, Wiring};

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// The largest number whose fourth power is in float64's range, sums of many such included. What the
/// models compute must stay below it, since the analysis multiplies squares of it with each other.
pub const LARGEST: f64 = 1e70;

/// How the compressed model compares with the compiled one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// `L`, penalties included.
    pub loss: f64,
    /// `L_out`.
    pub loss_output: f64,
    /// `L_layer`: the sum of the blocks' `mse`, each times its factor in the objective.
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

impl Evaluation {
    /// Whether it is a result: its loss is finite, and no larger than the square of [`LARGEST`].
    pub fn is_usable(&self) -> bool {
        self.loss.abs() <= LARGEST * LARGEST
    }
}

/// Sums over a piece of the evaluation set, an input counting by its weight: as it is where all
/// inputs are equally likely.
#[derive(Clone, Default)]
struct Sums {
    inputs: f64,
    positions: f64,
    counted: f64,
    output_loss: f64,
    words: f64,
    absolute_error: f64,
    max_error: f64,
    right_words: f64,
    right_inputs: f64,
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
            piece: Piece::new(forward.plan(), 0),
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
        let Ok(evaluation) = self.try_evaluate(w, || Ok::<_, Infallible>(()));
        evaluation
    }

    /// The same; `check` is asked before each piece of 256 inputs.
    ///
    /// # Errors
    /// The first that `check` returns.
    pub fn try_evaluate<E>(
        &mut self,
        w: &Array2<f64>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<Evaluation, E> {
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
            check()?;
            let batch = teacher.evaluation().batch(start, end);
            let (blocks, scores) = forward.outputs(&batch, model, space, piece);
            total.add(&sums(teacher, objective, (start, end), &blocks, &scores));
        }
        let penalty = penalty::value(objective, w, forward.wiring());
        Ok(total.finish(teacher, objective, penalty))
    }
}

/// The same figures by the plain forward pass ([`tracr::model::forward`]), which shares nothing with
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
    let penalty = match stream {
        Stream::Full => 0.0,
        Stream::Compressed(w, wiring) => penalty::value(objective, w, wiring),
    };
    total.finish(teacher, objective, penalty)
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
    let weight = |input: usize| teacher.evaluation().weight(start + input);
    let positions = tokens.ncols();
    let mut sums = Sums {
        blocks: block_sums(&targets, blocks, |row| weight(row / positions)),
        ..Sums::default()
    };
    let counted = teacher.counted(objective, tokens.view());
    for (input, row) in tokens.axis_iter(Axis(0)).enumerate() {
        let weight = weight(input);
        sums.inputs += weight;
        sums.positions += weight * positions as f64;
        let mut all_right = true;
        for (position, id) in row.iter().enumerate() {
            let index = input * positions + position;
            let scores = output.row(index);
            if counted[index] {
                sums.counted += weight;
                sums.output_loss += weight * output_loss(teacher, &targets, index, scores);
            }
            if !teacher.space().is_word(*id) {
                continue;
            }
            sums.words += weight;
            match teacher.kind() {
                OutputKind::Numerical => {
                    let error = (scores[0] - targets.output[index]).abs();
                    sums.absolute_error += weight * error;
                    sums.max_error = max_or_nan(sums.max_error, error);
                }
                OutputKind::Categorical => {
                    let class = first_largest(scores.iter().copied());
                    if class == targets.output[index] as usize {
                        sums.right_words += weight;
                    } else {
                        all_right = false;
                    }
                }
            }
        }
        if all_right {
            sums.right_inputs += weight;
        }
    }
    sums
}

/// What `L_out` averages, for row `index` of the targets.
fn output_loss(
    teacher: &Teacher,
    targets: &Targets,
    index: usize,
    scores: ArrayView1<'_, f64>,
) -> f64 {
    let target = targets.output[index];
    let normaliser = || {
        let max = scores.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let sum: f64 = scores.iter().map(|x| (x - max).exp()).sum();
        max + sum.ln()
    };
    match (teacher.output_loss(), &targets.distribution) {
        (OutputLoss::SquaredError, _) => {
            let error = scores[0] - target;
            error * error
        }
        (OutputLoss::SoftCrossEntropy, Some(shares)) => {
            let normaliser = normaliser();
            let shares = shares.row(index);
            let terms = shares.iter().zip(scores);
            terms.map(|(q, z)| q * (normaliser - z)).sum()
        }
        _ => normaliser() - scores[target as usize],
    }
}

fn block_sums(
    targets: &Targets,
    outputs: &[Array2<f64>],
    weight: impl Fn(usize) -> f64,
) -> Vec<BlockSums> {
    outputs
        .iter()
        .zip(&targets.blocks)
        .map(|(output, target)| {
            // Outside the live columns both are exactly zero.
            let mut sums = BlockSums::default();
            let rows = output.rows().into_iter().zip(target.rows());
            for (row, (h_tilde, h)) in rows.enumerate() {
                let weight = weight(row);
                for (h_tilde, h) in h_tilde.iter().zip(h) {
                    sums.squared_error += weight * ((h - h_tilde) * (h - h_tilde));
                    sums.product += weight * (h * h_tilde);
                    sums.target_square += weight * (h * h);
                    sums.output_square += weight * (h_tilde * h_tilde);
                }
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

    fn finish(&self, teacher: &Teacher, objective: &Objective, penalty: f64) -> Evaluation {
        let blocks: Vec<BlockFit> = self
            .blocks
            .iter()
            .map(|block| BlockFit {
                mse: block.squared_error / self.positions,
                cosine: cosine(block.product, block.target_square, block.output_square),
            })
            .collect();
        let width = teacher.model().width();
        let factors = (0..).map(|block| objective.block_factor(block, width));
        let parts = Loss {
            output: self.output_loss / self.counted,
            layers: blocks.iter().zip(factors).map(|(b, c)| c * b.mse).sum(),
            penalty,
        };
        let numerical = teacher.kind() == OutputKind::Numerical;
        Evaluation {
            loss: objective.total(&parts),
            loss_output: parts.output,
            loss_layers: parts.layers,
            mae: numerical.then(|| self.absolute_error / self.words),
            max_error: numerical.then_some(self.max_error),
            token_accuracy: (!numerical).then(|| self.right_words / self.words),
            sequence_accuracy: (!numerical).then(|| self.right_inputs / self.inputs),
            blocks,
        }
    }
}

/// `⟨x, y⟩/√(‖x‖²·‖y‖²)` from its three sums; none where a side is zero. Where the product of the squares is
/// out of float64's range, from the product of their roots.
pub fn cosine(product: f64, square_x: f64, square_y: f64) -> Option<f64> {
    let squares = square_x * square_y;
    let norms = if squares.is_normal() {
        squares.sqrt()
    } else {
        square_x.sqrt() * square_y.sqrt()
    };
    (norms != 0.0).then(|| product / norms)
}

/// The larger of two, or NaN if either is: a maximum must not hide a number that is none.
fn max_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || b > a || b.is_nan() {
        if a.is_nan() { a } else { b }
    } else {
        a
    }
}

#[cfg(test)]
mod tests {
    use super::{Evaluation, cosine, max_or_nan};

    #[test]
    fn a_cosine_survives_sums_of_any_size() {
        for scale in [1e-160, 1e-90, 1.0, 1e90, 1e150] {
            let squared = |x: f64| x * x * scale * scale;
            let found = cosine(3.0 * 5.0 * 0.8 * scale * scale, squared(3.0), squared(5.0));
            approx::assert_relative_eq!(found.unwrap(), 0.8, max_relative = 1e-2);
        }
        assert_eq!(cosine(0.0, 0.0, 1.0), None);
        assert_eq!(cosine(0.0, 2.0, 0.0), None);
    }

    #[test]
    fn a_maximum_is_the_larger_number_or_the_nan_among_two() {
        assert_eq!((max_or_nan(1.0, 2.0), max_or_nan(2.0, 1.0)), (2.0, 2.0));
        assert!(max_or_nan(f64::NAN, 1.0).is_nan());
        assert!(max_or_nan(1.0, f64::NAN).is_nan());
        assert!(max_or_nan(f64::INFINITY, f64::NAN).is_nan());
    }

    #[test]
    fn an_evaluation_is_usable_up_to_a_loss_of_1e140() {
        let of = |loss: f64| Evaluation {
            loss,
            loss_output: 0.0,
            loss_layers: 0.0,
            mae: None,
            max_error: None,
            token_accuracy: None,
            sequence_accuracy: None,
            blocks: Vec::new(),
        };
        assert!(of(0.0).is_usable() && of(0.99e140).is_usable() && of(-0.99e140).is_usable());
        assert!(!of(1.01e140).is_usable() && !of(-1.01e140).is_usable());
        assert!(!of(f64::NAN).is_usable() && !of(f64::INFINITY).is_usable());
    }
}
