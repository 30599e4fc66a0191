//! The exact metrics of a compressed model over its evaluation set, in float64.
//!
//! They are means over the whole enumerated input space (or the fixed held-out sample of a larger one), each input
//! counting by its probability where tokens have weights, so that two runs differ by their `W` alone. Pieces of 256
//! inputs go through the plain forward pass ([`tracr::model::forward`]), as the targets do: it shares nothing with the
//! engines that it judges, and a `W` that changes nothing has an error of exactly zero.

use std::convert::Infallible;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::objective::{Loss, Objective};
use super::penalty;
use super::teacher::{LARGEST, OutputLoss, Targets, Teacher};
use tracr::model::codec::first_largest;
use tracr::model::{OutputKind, Stream, Wiring};

/// Inputs per piece of work.
const CHUNK: usize = 256;

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
    /// Categorical outputs: of the token positions where the compiled model decides, the share whose class is that of the
    /// compiled model; `None` if it decides at no position.
    pub token_accuracy: Option<f64>,
    /// Categorical outputs: share of inputs all of whose token positions are right, where the compiled model decides.
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

/// Evaluates any `W` on the teacher's evaluation set.
#[derive(Clone, Debug)]
pub struct Evaluator {
    teacher: Arc<Teacher>,
    objective: Objective,
    wiring: Wiring,
}

impl Evaluator {
    /// An evaluator for the teacher's model and evaluation set.
    pub fn new(teacher: Arc<Teacher>, objective: Objective) -> Self {
        Self {
            teacher,
            objective,
            wiring: Wiring::default(),
        }
    }

    /// The same for stacks of several `W`.
    pub fn with_wiring(self, wiring: Wiring) -> Self {
        Self { wiring, ..self }
    }

    /// The exact metrics of `w`, `[d, D]` or a stack of several.
    pub fn evaluate(&self, w: &Array2<f64>) -> Evaluation {
        let stream = Stream::Compressed(w, &self.wiring);
        evaluate(&self.teacher, &self.objective, stream)
    }

    /// The same; `check` is asked before each piece of 256 inputs.
    ///
    /// # Errors
    /// The first that `check` returns.
    pub fn try_evaluate<E>(
        &self,
        w: &Array2<f64>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<Evaluation, E> {
        let stream = Stream::Compressed(w, &self.wiring);
        try_evaluate(&self.teacher, &self.objective, stream, check)
    }
}

/// The exact metrics of the teacher's model compressed by `stream`, over the teacher's evaluation set.
pub fn evaluate(teacher: &Teacher, objective: &Objective, stream: Stream<'_, f64>) -> Evaluation {
    let Ok(evaluation) = try_evaluate(teacher, objective, stream, || Ok::<_, Infallible>(()));
    evaluation
}

fn try_evaluate<E>(
    teacher: &Teacher,
    objective: &Objective,
    stream: Stream<'_, f64>,
    check: impl Fn() -> Result<(), E>,
) -> Result<Evaluation, E> {
    let mut total = Sums::default();
    for (start, end) in chunks(teacher) {
        check()?;
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
    Ok(total.finish(teacher, objective, penalty))
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
            if !teacher.space().is_word(*id) || targets.tied[index] {
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
        let sum: f64 = scores.iter().map(|x| libm::exp(x - max)).sum();
        max + libm::log(sum)
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
            token_accuracy: (!numerical && self.words > 0.0).then(|| self.right_words / self.words),
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
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{EvaluationSet, InputSpace};
    use crate::objective::{CategoricalTargets, OutputPositions};
    use crate::test_models;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    fn close(found: f64, expected: f64) {
        approx::assert_relative_eq!(found, expected, max_relative = 1e-12, epsilon = 1e-15);
    }

    /// A shipped model with its inputs of these lengths, and the weights of some of its tokens.
    fn teacher(
        name: &str,
        lengths: &[usize],
        weights: &[(&str, f64)],
        targets: CategoricalTargets,
    ) -> Arc<Teacher> {
        let model = test_models::load(name);
        let weights: BTreeMap<String, f64> =
            weights.iter().map(|(t, w)| ((*t).into(), *w)).collect();
        let space = InputSpace::new(&model, lengths, model.metadata.unique_tokens).unwrap();
        let space = space.weighted(&model, &weights).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        Teacher::with_targets(&model, space, inputs, targets)
    }

    fn numbers() -> Arc<Teacher> {
        let weights = [("x", 0.5), ("a", 2.0)];
        teacher("frac_prevs", &[1, 2], &weights, CategoricalTargets::Hard)
    }

    fn of_tokens() -> Objective {
        Objective {
            output_positions: OutputPositions::Tokens,
            ..Objective::default()
        }
    }

    #[test]
    fn sums_of_numbers_are_those_of_the_errors_by_weight() {
        let teacher = numbers();
        let (start, end) = (3, 20);
        let (tokens, targets) = teacher.of_evaluation(start, end);
        assert_eq!(tokens.dim(), (17, 6));
        let error = |row: usize| (1 + row) as f64 / 64.0;
        let output = Array2::from_shape_fn((102, 1), |(row, _)| {
            let sign = if row.is_multiple_of(2) { 1.0 } else { -1.0 };
            targets.output[row] + sign * error(row)
        });
        // The blocks write half of what they should, and the row's number more in each column.
        let block = |target: &Array2<f64>| {
            Array2::from_shape_fn(target.dim(), |(row, column)| {
                0.5 * target[[row, column]] + row as f64
            })
        };
        let blocks: Vec<Array2<f64>> = targets.blocks.iter().map(block).collect();
        let weight = |row: usize| teacher.evaluation().weight(start + row / 6);
        let is_word = |row: usize| teacher.space().is_word(tokens[[row / 6, row % 6]]);
        let sum = |of: &dyn Fn(usize) -> f64| (0..102).map(of).sum::<f64>();
        let words =
            |of: &dyn Fn(usize) -> f64| sum(&|row| if is_word(row) { of(row) } else { 0.0 });
        for objective in [Objective::default(), of_tokens()] {
            let found = sums(&teacher, &objective, (start, end), &blocks, &output);
            close(found.inputs, sum(&weight) / 6.0);
            close(found.positions, sum(&weight));
            close(found.words, words(&weight));
            close(found.absolute_error, words(&|row| weight(row) * error(row)));
            let largest = (0..102).filter(|row| is_word(*row)).map(error);
            close(found.max_error, largest.fold(0.0, f64::max));
            let squares = |row: usize| weight(row) * error(row) * error(row);
            if objective.output_positions == OutputPositions::All {
                close(found.counted, sum(&weight));
                close(found.output_loss, sum(&squares));
            } else {
                close(found.counted, words(&weight));
                close(found.output_loss, words(&squares));
            }
            for (found, target) in found.blocks.iter().zip(&targets.blocks) {
                let of = |f: fn(f64, f64) -> f64| {
                    sum(&|row| {
                        let values = target.row(row);
                        let terms = values.iter().map(|h| f(*h, 0.5 * h + row as f64));
                        weight(row) * terms.sum::<f64>()
                    })
                };
                close(found.squared_error, of(|h, x| (h - x).powi(2)));
                close(found.product, of(|h, x| h * x));
                close(found.target_square, of(|h, _| h * h));
                close(found.output_square, of(|_, x| x * x));
            }
            assert!(found.blocks.iter().any(|block| block.target_square > 0.0));
        }
    }

    #[test]
    fn sums_of_classes_count_what_is_right_and_the_cross_entropy_of_what_is_counted() {
        // Inputs of one token and of two: at each place a score of 1 for the right class, or for the next one.
        let teacher = teacher("sort_unique", &[1, 2], &[], CategoricalTargets::Hard);
        let size = teacher.evaluation().len();
        assert_eq!(size, 5 + 20);
        let (tokens, targets) = teacher.of_evaluation(0, size);
        let is_wrong = |row: usize| row.is_multiple_of(7);
        let class = |row: usize| (targets.output[row] as usize + usize::from(is_wrong(row))) % 5;
        let output = Array2::from_shape_fn((6 * size, 5), |(row, c)| {
            f64::from(u8::from(c == class(row)))
        });
        let is_word = |row: &usize| teacher.space().is_word(tokens[[row / 6, row % 6]]);
        let found = sums(&teacher, &of_tokens(), (0, size), &[], &output);
        let words: Vec<usize> = (0..6 * size).filter(is_word).collect();
        let wrong = words.iter().filter(|row| is_wrong(**row)).count();
        assert!(0 < wrong && wrong < words.len());
        assert_eq!((found.words, found.counted), (45.0, 45.0));
        assert_eq!(found.right_words, (45 - wrong) as f64);
        let all_right =
            |input: &usize| (6 * input..6 * input + 6).all(|row| !is_word(&row) || !is_wrong(row));
        assert_eq!(
            found.right_inputs,
            (0..size).filter(all_right).count() as f64
        );
        // ln(e + 4), less 1 where the class is right.
        let normaliser = (1f64.exp() + 4.0).ln();
        close(found.output_loss, 45.0 * normaliser - (45 - wrong) as f64);
        assert_eq!((found.absolute_error, found.max_error), (0.0, 0.0));
    }

    #[test]
    fn sums_of_classes_count_by_the_inputs_weights() {
        let weights = [("1", 2.0), ("2", 0.5)];
        let teacher = teacher("sort_unique", &[1], &weights, CategoricalTargets::Hard);
        let (_, targets) = teacher.of_evaluation(0, 5);
        // The class of the first input alone is wrong.
        let output = Array2::from_shape_fn((30, 5), |(row, c)| {
            let class = targets.output[row] as usize + usize::from(row < 6);
            f64::from(u8::from(c == class % 5))
        });
        let found = sums(&teacher, &of_tokens(), (0, 5), &[], &output);
        let right: f64 = (1..5).map(|input| teacher.evaluation().weight(input)).sum();
        close(found.right_words, right);
        close(found.right_inputs, right);
        close(found.words, right + teacher.evaluation().weight(0));
        assert!((right - 4.0).abs() > 0.1);
    }

    #[test]
    fn a_cross_entropy_is_that_of_the_softmax_of_scores_of_any_size() {
        let hard = teacher("sort_unique", &[1], &[], CategoricalTargets::Hard);
        let (_, targets) = hard.of_evaluation(0, 1);
        let class = targets.output[1] as usize;
        let of = |right: f64, others: f64| {
            let scores = (0..5).map(|c| if c == class { right } else { others });
            let scores = ndarray::Array1::from_iter(scores);
            output_loss(&hard, &targets, 1, scores.view())
        };
        close(of(2.0, 0.5), (1.0 + 4.0 * (-1.5f64).exp()).ln());
        close(of(3.0, 3.0), 5f64.ln());
        // Beyond what an exponential can hold.
        close(of(5000.0, 4000.0), 0.0);
        close(of(-5000.0, 4000.0), 9000.0 + 4f64.ln());
        // Of shares q it is ln Σ exp z − Σ q·z.
        let soft = teacher("sort_unique", &[1], &[], CategoricalTargets::Soft);
        let (_, mut targets) = soft.of_evaluation(0, 1);
        let shares = [[0.0; 5], [0.1, 0.2, 0.3, 0.4, 0.0]];
        targets.distribution = Some(ndarray::arr2(&shares));
        let scores: [f64; 5] = [0.5, 1.0, -2.0, 3.0, 0.0];
        let sum: f64 = scores.iter().map(|z| z.exp()).sum();
        let found = output_loss(&soft, &targets, 1, ndarray::aview1(&scores));
        close(found, sum.ln() - (0.05 + 0.2 - 0.6 + 1.2));
    }

    /// Sums of small numbers, each its own.
    fn hand_made(scale: f64) -> Sums {
        let block = |x: f64| BlockSums {
            squared_error: x * scale,
            product: 3.0 * scale,
            target_square: 4.0 * scale,
            output_square: 9.0 * scale,
        };
        Sums {
            inputs: 4.0 * scale,
            positions: 8.0 * scale,
            counted: 5.0 * scale,
            output_loss: 10.0 * scale,
            words: 6.0 * scale,
            absolute_error: 3.0 * scale,
            max_error: 0.75 * scale,
            right_words: 1.5 * scale,
            right_inputs: 0.5 * scale,
            blocks: vec![block(2.0), block(16.0)],
        }
    }

    #[test]
    fn sums_are_added_one_by_one() {
        let mut total = Sums::default();
        total.add(&hand_made(2.0));
        total.add(&hand_made(1.0));
        assert_eq!((total.inputs, total.positions), (12.0, 24.0));
        assert_eq!((total.counted, total.output_loss), (15.0, 30.0));
        assert_eq!((total.words, total.absolute_error), (18.0, 9.0));
        assert_eq!(total.max_error, 1.5);
        assert_eq!((total.right_words, total.right_inputs), (4.5, 1.5));
        for (block, squared_error) in total.blocks.iter().zip([6.0, 48.0]) {
            assert_eq!((block.squared_error, block.product), (squared_error, 9.0));
            assert_eq!((block.target_square, block.output_square), (12.0, 27.0));
        }
        assert_eq!(total.blocks.len(), 2);
    }

    #[test]
    fn figures_are_means_of_their_own_sums() {
        let objective = Objective {
            output_weight: 3.0,
            layer_weight: 0.5,
            block_weights: vec![2.0, 0.25],
            ..Objective::default()
        };
        let found = hand_made(1.0).finish(&numbers(), &objective, 0.125);
        // 10/5; 2·(2/8) + (16/8)/4; 3·2 + 1/2 + 1/8.
        assert_eq!((found.loss_output, found.loss_layers), (2.0, 1.0));
        assert_eq!(found.loss, 6.625);
        assert_eq!((found.mae, found.max_error), (Some(0.5), Some(0.75)));
        assert_eq!(
            (found.token_accuracy, found.sequence_accuracy),
            (None, None)
        );
        for (block, mse) in found.blocks.iter().zip([0.25, 2.0]) {
            assert_eq!((block.mse, block.cosine), (mse, Some(0.5)));
        }
        assert_eq!(found.blocks.len(), 2);
        let classes = teacher("sort_unique", &[1], &[], CategoricalTargets::Hard);
        let found = hand_made(1.0).finish(&classes, &objective, 0.125);
        assert_eq!((found.mae, found.max_error), (None, None));
        assert_eq!(found.token_accuracy, Some(0.25));
        assert_eq!(found.sequence_accuracy, Some(0.125));
    }

    #[test]
    fn an_evaluation_goes_through_pieces_of_256_inputs_and_asks_before_each() {
        for (lengths, expected) in [
            (&[4][..], vec![(0, 256)]),
            (&[1, 4], vec![(0, 256), (256, 260)]),
        ] {
            let teacher = teacher("frac_prevs", lengths, &[], CategoricalTargets::Hard);
            assert_eq!(chunks(&teacher).collect::<Vec<_>>(), expected);
            let (w, wiring) = (Array2::eye(teacher.model().width()), Wiring::default());
            let (stream, objective) = (Stream::Compressed(&w, &wiring), Objective::default());
            let asked = Cell::new(0);
            let found = try_evaluate(&teacher, &objective, stream, || {
                asked.set(asked.get() + 1);
                Ok::<_, usize>(())
            });
            assert_eq!(asked.get(), expected.len());
            let found = found.unwrap();
            assert_eq!(found, evaluate(&teacher, &objective, stream));
            // A `W` that changes nothing has no error at all.
            assert_eq!(found.loss, 0.0);
            let stopped = try_evaluate(&teacher, &objective, stream, || Err(asked.get()));
            assert_eq!(stopped, Err(expected.len()));
        }
    }

    #[test]
    fn evaluation_adds_the_penalty_of_w_to_the_losses() {
        let teacher = numbers();
        let objective = Objective {
            l1_weight: 0.25,
            ..of_tokens()
        };
        let width = teacher.model().width();
        let w = Array2::from_shape_fn((width, width), |(i, j)| {
            if i == j {
                0.75
            } else {
                0.01 * (i as f64 - j as f64)
            }
        });
        let found = evaluate(
            &teacher,
            &objective,
            Stream::Compressed(&w, &Wiring::default()),
        );
        let penalty = 0.25 * w.iter().map(|x| x.abs()).sum::<f64>();
        close(found.loss, found.loss_output + found.loss_layers + penalty);
        assert!(found.loss_output > 0.0 && found.loss_layers > 0.0);
        // The compiled model has neither an error nor a penalty.
        assert_eq!(evaluate(&teacher, &objective, Stream::Full).loss, 0.0);
    }

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
