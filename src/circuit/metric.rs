//! How a change of the output is measured, for one pair (base, source) of inputs.
//!
//! An answer is what the compiled model says at a token of the base (neither BOS nor padding) where that is decided
//! ([`CompiledModel::is_undecided`]). The **effect** of an exchange is the mean over the base's answers of the Euclidean
//! distance between the output with and without it: of a number the absolute difference, of classes over their scores.
//!
//! The **answer difference** says on whose side the output is; gradients are its, and faithfulness. At a token of both
//! inputs whose answers differ it is, for classes, the score of the base's answer less that of the source's (the field's
//! logit difference), and for numbers the output times the sign of the base's answer less the source's. A pair has the
//! sum of these over the number of the base's answers.

use ndarray::{Array2, ArrayView2};

use tracr::model::codec::argmax;
use tracr::model::{CompiledModel, OutputKind};

/// A smaller difference of numbers is what rounding and the softmax's leak leave of none.
pub const NONE_BELOW: f64 = 1e-9;

/// What counts of a chunk of `B` pairs of `T` positions, rows as in [`super::network::Trace`].
#[derive(Clone, Debug)]
pub struct Answers {
    positions: usize,
    /// By row: whether the base has an answer there.
    counted: Vec<bool>,
    /// By row: whether both have one, and these differ.
    differ: Vec<bool>,
    /// By pair: the base's answers.
    counts: Vec<usize>,
    /// The compiled model's outputs on the bases, `[N, O]`.
    right: Array2<f64>,
    /// By row: the answer difference is the inner product with the output, `[N, O]`; not yet over the number of answers.
    direction: Array2<f64>,
}

impl Answers {
    /// Of the token ids `[B, T]` of bases and sources and of the compiled model's outputs on them, `[N, O]`.
    pub fn new(
        model: &CompiledModel,
        tokens: [ArrayView2<'_, usize>; 2],
        outputs: [&Array2<f64>; 2],
    ) -> Self {
        let meta = &model.metadata;
        let [base, source] = [0, 1].map(|which| {
            let ids = tokens[which].iter();
            let rows = ids.zip(outputs[which].rows());
            rows.map(|(id, row)| {
                ![meta.bos_id, meta.pad_id].contains(id) && !model.is_undecided(row)
            })
            .collect::<Vec<bool>>()
        });
        let positions = tokens[0].ncols();
        let mut direction = Array2::zeros(outputs[0].dim());
        let mut differ = vec![false; base.len()];
        for (row, mut direction) in direction.rows_mut().into_iter().enumerate() {
            if !(base[row] && source[row]) {
                continue;
            }
            let [right, other] = outputs.map(|output| output.row(row));
            match meta.output_kind {
                OutputKind::Categorical => {
                    let (right, other) = (argmax(right), argmax(other));
                    if right != other {
                        direction[right] = 1.0;
                        direction[other] = -1.0;
                        differ[row] = true;
                    }
                }
                OutputKind::Numerical => {
                    let difference = right[0] - other[0];
                    if difference.abs() > NONE_BELOW {
                        direction[0] = difference.signum();
                        differ[row] = true;
                    }
                }
            }
        }
        let counts = base.chunks(positions.max(1));
        Self {
            counts: counts
                .map(|rows| rows.iter().filter(|counted| **counted).count())
                .collect(),
            positions,
            counted: base,
            differ,
            right: outputs[0].clone(),
            direction,
        }
    }

    /// By pair: how many answers its base has.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    fn rows(&self, pair: usize) -> std::ops::Range<usize> {
        pair * self.positions..(pair + 1) * self.positions
    }

    /// The effect of a change of the outputs, `[N, O]` each; none of a pair without answers.
    pub fn effect(&self, pair: usize, before: &Array2<f64>, after: &Array2<f64>) -> Option<f64> {
        let rows = self.rows(pair).filter(|row| self.counted[*row]);
        let distance = |row: usize| {
            let squares = before.row(row).into_iter().zip(after.row(row));
            squares.map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let sum: f64 = rows.map(distance).sum();
        (self.counts[pair] > 0).then(|| sum / self.counts[pair] as f64)
    }

    /// The answer difference of outputs `[N, O]`; none of a pair without answers.
    pub fn difference(&self, pair: usize, output: &Array2<f64>) -> Option<f64> {
        let products = self.rows(pair).map(|row| {
            let terms = output.row(row).into_iter().zip(self.direction.row(row));
            terms
                .filter(|(_, u)| **u != 0.0)
                .map(|(y, u)| y * u)
                .sum::<f64>()
        });
        let sum: f64 = products.sum();
        (self.counts[pair] > 0).then(|| sum / self.counts[pair] as f64)
    }

    /// The derivative of the sum of the pairs' answer differences by the outputs, `[N, O]`.
    pub fn gradient(&self) -> Array2<f64> {
        let mut gradient = self.direction.clone();
        for (row, mut own) in gradient.rows_mut().into_iter().enumerate() {
            let answers = self.counts[row / self.positions];
            own /= answers.max(1) as f64;
        }
        gradient
    }

    /// Of outputs `[N, O]` on a pair's base: at how many of its answers they are right (a number: within `tolerance`), and
    /// the same of those answers that differ from the source's.
    pub fn right(
        &self,
        model: &CompiledModel,
        pair: usize,
        output: &Array2<f64>,
        tolerance: f64,
    ) -> [Share; 2] {
        let mut shares = [Share::default(); 2];
        for row in self.rows(pair).filter(|row| self.counted[*row]) {
            let (right, found) = (self.right.row(row), output.row(row));
            let is_right = match model.metadata.output_kind {
                OutputKind::Categorical => argmax(right) == argmax(found),
                OutputKind::Numerical => (right[0] - found[0]).abs() <= tolerance,
            };
            for share in shares.iter_mut().take(1 + usize::from(self.differ[row])) {
                share.all += 1;
                share.right += usize::from(is_right);
            }
        }
        shares
    }
}

/// How many of `all` are `right`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Share {
    pub right: usize,
    pub all: usize,
}
