//! Which code follows which target's activation.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::super::rows::{Reconstruction, Rows};
use super::super::truth::Truth;
use super::super::weighted::{centred, variances};

/// A compiled value above this is active: categorical ones are 0 or 1, up to leaks of the softmax.
const ACTIVE_ABOVE: f64 = 1e-3;

/// A code is not 0 if its magnitude is above this share of the atom's largest.
const FIRES_ABOVE: f64 = 1e-6;

/// The atom whose codes follow a target's activation best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detector {
    /// Its number.
    pub atom: usize,
    /// The correlation of its codes with the target's activation.
    pub correlation: f64,
    /// F1 of `code ≠ 0` as a detector of the target being active.
    pub f1: f64,
    /// F1 of `code > q`, or of `code < q`, with the best `q`.
    pub f1_best_threshold: f64,
}

/// An atom as a detector of a target.
pub fn detector(
    truth: &Truth,
    found: &Reconstruction,
    target: usize,
    (atom, correlations): (usize, &Array2<f64>),
) -> Detector {
    let on = active(truth, target);
    let codes = found.codes.column(atom);
    let weights = &truth.rows.weights;
    Detector {
        atom,
        correlation: correlations[[target, atom]],
        f1: f1_of_firing(codes, &on, weights),
        f1_best_threshold: f1_of_best_threshold(codes, &on, weights),
    }
}

/// On which rows a target is active: the compiled model has one of its features, of those that point its way.
fn active(truth: &Truth, target: usize) -> Vec<bool> {
    let features: Vec<usize> = truth.targets[target]
        .members
        .iter()
        .filter(|member| member.weight > 0.0)
        .map(|member| member.feature)
        .collect();
    let rows = truth.compiled.rows().into_iter();
    rows.map(|row| features.iter().any(|i| row[*i] > ACTIVE_ABOVE))
        .collect()
}

/// Whether a target is active on some rows and not on others.
pub fn is_sometimes_active(truth: &Truth, target: usize) -> bool {
    let on = active(truth, target);
    on.contains(&true) && on.contains(&false)
}

fn fires(codes: ArrayView1<'_, f64>) -> Vec<bool> {
    let largest = codes.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    codes
        .iter()
        .map(|code| code.abs() > FIRES_ABOVE * largest)
        .collect()
}

fn f1_of_firing(codes: ArrayView1<'_, f64>, on: &[bool], weights: &Array1<f64>) -> f64 {
    let fires = fires(codes);
    let sum = |counts: &dyn Fn(usize) -> bool| -> f64 {
        let rows = (0..on.len()).filter(|row| counts(*row));
        rows.map(|row| weights[row])
            .fold(0.0, |sum: f64, x| sum + x) // an empty sum is -0.0
    };
    let both = sum(&|row| fires[row] && on[row]);
    let either = sum(&|row| fires[row]) + sum(&|row| on[row]);
    if either > 0.0 {
        (2.0 * both / either).min(1.0)
    } else {
        0.0
    }
}

/// The rows are taken in the order of their codes, so that a threshold cuts off those so far; rows with the same code
/// are on the same side.
fn f1_of_best_threshold(codes: ArrayView1<'_, f64>, on: &[bool], weights: &Array1<f64>) -> f64 {
    let mut order: Vec<usize> = (0..on.len()).collect();
    order.sort_by(|a, b| codes[*a].total_cmp(&codes[*b]));
    let all_on: f64 = (0..on.len())
        .filter(|row| on[*row])
        .map(|row| weights[row])
        .sum();
    let largest = codes.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let best = |order: &[usize]| {
        let (mut both, mut taken, mut best) = (0.0, 0.0, 0.0f64);
        for (place, row) in order.iter().enumerate() {
            taken += weights[*row];
            if on[*row] {
                both += weights[*row];
            }
            let is_last = order
                .get(place + 1)
                .is_none_or(|next| (codes[*next] - codes[*row]).abs() > FIRES_ABOVE * largest);
            if is_last && taken + all_on > 0.0 {
                best = best.max((2.0 * both / (taken + all_on)).min(1.0));
            }
        }
        best
    };
    let upwards = best(&order);
    order.reverse();
    upwards.max(best(&order))
}

/// The mean number of codes that are not 0.
pub fn l0(codes: &Array2<f64>, weights: &Array1<f64>) -> f64 {
    let columns = codes.columns().into_iter().map(|column| {
        let fires = fires(column);
        let rows = weights.iter().zip(fires).filter(|(_, fires)| *fires);
        rows.map(|(weight, _)| weight).sum::<f64>()
    });
    columns.sum()
}

/// `Σ codes·atoms + bias`: `[n, d]`.
pub fn approximation(found: &Reconstruction) -> Array2<f64> {
    found.codes.dot(&found.atoms) + &found.bias
}

/// The share of `Var(z)` that the reconstruction explains.
pub fn explained_variance(rows: &Rows, found: &Reconstruction) -> f64 {
    let residual = (&rows.z - &approximation(found)).mapv_into(|x| x * x);
    let left = rows.weights.dot(&residual).sum();
    1.0 - left / variances(rows.z.view(), &rows.weights).sum()
}

/// The correlation of each target's activation (columns of `a`, `[n, K]`) with each code (columns of `b`, `[n, m]`):
/// `[K, m]`, 0 where one of them is constant.
pub fn correlations(
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    weights: &Array1<f64>,
) -> Array2<f64> {
    let scaled = |x: ArrayView2<'_, f64>| {
        let largest: Vec<f64> = x
            .columns()
            .into_iter()
            .map(|column| column.iter().fold(0.0, |m: f64, x| m.max(x.abs())))
            .collect();
        let mut x = centred(x, weights);
        for (mut row, weight) in x.rows_mut().into_iter().zip(weights) {
            row *= weight.sqrt();
        }
        for (mut column, largest) in x.columns_mut().into_iter().zip(largest) {
            let length = column.dot(&column).sqrt();
            // What is left of a constant by rounding is no variation.
            if length > 1e-12 * largest {
                column /= length;
            } else {
                column.fill(0.0);
            }
        }
        x
    };
    scaled(a).t().dot(&scaled(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn f1_at_firing_and_at_the_best_threshold_are_those_worked_out_by_hand() {
        let weights = Array1::from_elem(4, 0.25);
        let on = [true, true, false, false];
        let firing = |codes: Array1<f64>| f1_of_firing(codes.view(), &on, &weights);
        let best = |codes: Array1<f64>| f1_of_best_threshold(codes.view(), &on, &weights);
        // Fires on three, two of them right.
        let codes = array![2.0, 1.0, 0.5, 0.0];
        approx::assert_abs_diff_eq!(firing(codes.clone()), 2.0 * 2.0 / 5.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(best(codes.clone()), 1.0, epsilon = 1e-12);
        // Neither sign nor scale matters.
        approx::assert_abs_diff_eq!(firing(&codes * -1e-9), 0.8, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(best(&codes * -1e-9), 1.0, epsilon = 1e-12);
        // Never fires; a threshold that lets all through is the best.
        assert_eq!(firing(array![0.0, 0.0, 0.0, 0.0]), 0.0);
        approx::assert_abs_diff_eq!(best(array![1.0, 1.0, 1.0, 1.0]), 4.0 / 6.0, epsilon = 1e-12);
    }

    #[test]
    fn a_constant_correlates_with_nothing() {
        let weights = array![0.2, 0.3, 0.5];
        let a = array![[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]];
        let found = correlations(a.view(), (&a * -3.0).view(), &weights);
        approx::assert_abs_diff_eq!(found[[0, 0]], -1.0, epsilon = 1e-12);
        assert_eq!(
            (found[[0, 1]], found[[1, 0]], found[[1, 1]]),
            (0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn l0_counts_codes_that_are_not_0_by_the_rows_weights() {
        let codes = array![[1.0, 0.0], [0.0, 0.0], [-2.0, 1e-12]];
        let found = l0(&codes, &array![0.5, 0.3, 0.2]);
        approx::assert_abs_diff_eq!(found, 0.5 + 0.2 + 0.2, epsilon = 1e-12);
    }
}
