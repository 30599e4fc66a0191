//! The objective's terms as Burn says them: the output's loss and the penalties on `W`.

use std::ops::Range;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Element, Tensor};
use ndarray::Array2;

use super::{scalar, tensor, to_matrix};
use crate::objective::Objective;
use crate::teacher::{OutputLoss, Targets, Teacher};
use tracr::model::{Real, Wiring};

/// The sum over the counted ones of `rows` of what `L_out` averages.
pub fn output_loss<F: Real + Element>(
    teacher: &Teacher,
    output: Tensor<2>,
    targets: &Targets,
    counted: &[bool],
    rows: Range<usize>,
) -> Tensor<1> {
    let shape = (rows.len(), output.dims()[1]);
    let weight = |row: usize| if counted[row] { 1.0 } else { 0.0 };
    // For each row of `output` a row of numbers that depend on that of the batch.
    let constant = |entry: &dyn Fn(usize, usize) -> f64| {
        tensor::<F>(&Array2::from_shape_fn(shape, |(row, c)| {
            entry(rows.start + row, c)
        }))
    };
    match (teacher.output_loss(), &targets.distribution) {
        (OutputLoss::SquaredError, _) => {
            let target = constant(&|row, _| targets.output[row]);
            let mask = constant(&|row, _| weight(row));
            ((output - target) * mask).square().sum()
        }
        (OutputLoss::SoftCrossEntropy, Some(shares)) => {
            let shares = constant(&|row, class| weight(row) * shares[[row, class]]);
            (log_softmax(output, 1) * shares).sum().neg()
        }
        _ => {
            let one_hot = constant(&|row, class| {
                let target = targets.output[row];
                if target.is_nan() {
                    target // no class could be told
                } else if target as usize == class {
                    weight(row)
                } else {
                    0.0
                }
            });
            (log_softmax(output, 1) * one_hot).sum().neg()
        }
    }
}

/// `l1_weight · Σ |W_ij| + gram_weight · Σ_{i≠j} |G_ij|`, and adds its gradient.
pub fn penalty<F: Real + Element>(
    objective: &Objective,
    w: &Array2<f64>,
    wiring: &Wiring,
    gradient: &mut Array2<f64>,
) -> f64 {
    let (l1_weight, gram_weight) = (objective.l1_weight, objective.gram_weight);
    if l1_weight == 0.0 && gram_weight == 0.0 {
        return 0.0;
    }
    let others = Array2::ones((w.ncols(), w.ncols())) - Array2::<f64>::eye(w.ncols());
    let w = tensor::<F>(w).autodiff().require_grad();
    let mut penalty = w.clone().abs().sum() * l1_weight;
    let [rows, width] = w.dims();
    let matrix = |number| w.clone().slice([wiring.rows(number, rows), 0..width]);
    for (writes, reads) in wiring.pairs() {
        let gram = matrix(writes).transpose().matmul(matrix(reads));
        let interference = (gram * tensor::<F>(&others)).abs().sum();
        penalty = penalty + interference * gram_weight;
    }
    let gradients = penalty.backward();
    if let Some(own) = w.grad(&gradients) {
        *gradient += &to_matrix(own);
    }
    scalar(penalty)
}
