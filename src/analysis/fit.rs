//! Sums that compare two sets of rows, and the figures made of them.

use ndarray::{Array1, Array2, ArrayView1};

use base::linalg::residual_of_best_map;
use superposition::evaluation::cosine;

/// A variance below this share of the mean square, shifted or not, is what rounding leaves of a
/// constant.
const CONSTANT: f64 = 1e-12;

/// Running sums over pairs of rows: `y` as it should be and `x` as it is, both `[n]`. Rows count by
/// their weights, in means, shares and best maps alike.
///
/// Both are taken relative to fixed shifts near their means, so that centring loses no digits.
#[derive(Clone, Debug)]
pub struct Fit {
    shift_x: Array1<f64>,
    shift_y: Array1<f64>,
    rows: f64,
    squared_error: f64,
    product: f64,
    square_x: f64,
    square_y: f64,
    sum_x: Array1<f64>,
    sum_y: Array1<f64>,
    /// `Σ (y − shift)²`, all columns together.
    shifted_square_y: f64,
    /// `Σ x xᵀ` and `Σ x yᵀ`, shifted, for the best map; empty where that is not asked for.
    xx: Array2<f64>,
    xy: Array2<f64>,
}

impl Fit {
    /// No rows yet. With `mapped`, the sums for the best linear map are kept as well.
    pub fn new(shift_x: Array1<f64>, shift_y: Array1<f64>, mapped: bool) -> Self {
        let n = shift_x.len();
        let size = if mapped { n } else { 0 };
        Self {
            rows: 0.0,
            squared_error: 0.0,
            product: 0.0,
            square_x: 0.0,
            square_y: 0.0,
            sum_x: Array1::zeros(n),
            sum_y: Array1::zeros(n),
            shifted_square_y: 0.0,
            xx: Array2::zeros((size, size)),
            xy: Array2::zeros((size, size)),
            shift_x,
            shift_y,
        }
    }

    /// Adds a row that counts `weight` times.
    pub fn add(&mut self, x: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>, weight: f64) {
        self.rows += weight;
        for ((n, x), y) in x.iter().enumerate().zip(y) {
            self.squared_error += weight * ((x - y) * (x - y));
            self.product += weight * (x * y);
            self.square_x += weight * (x * x);
            self.square_y += weight * (y * y);
            let dy = y - self.shift_y[n];
            self.sum_x[n] += weight * (x - self.shift_x[n]);
            self.sum_y[n] += weight * dy;
            self.shifted_square_y += weight * (dy * dy);
        }
        if self.xx.is_empty() {
            return;
        }
        let dx = &x - &self.shift_x;
        let dy = &y - &self.shift_y;
        for (i, a) in dx.iter().enumerate() {
            if *a != 0.0 {
                self.xx.row_mut(i).scaled_add(weight * *a, &dx);
                self.xy.row_mut(i).scaled_add(weight * *a, &dy);
            }
        }
    }

    /// Adds the rows of another one with the same shifts.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.squared_error += other.squared_error;
        self.product += other.product;
        self.square_x += other.square_x;
        self.square_y += other.square_y;
        self.sum_x += &other.sum_x;
        self.sum_y += &other.sum_y;
        self.shifted_square_y += other.shifted_square_y;
        self.xx += &other.xx;
        self.xy += &other.xy;
    }

    /// Mean over rows of `‖x − y‖²`; none without rows.
    pub fn mse(&self) -> Option<f64> {
        (self.rows > 0.0).then(|| self.squared_error / self.rows)
    }

    /// Cosine of all rows flattened; none where a side is zero throughout.
    pub fn cosine(&self) -> Option<f64> {
        cosine(self.product, self.square_x, self.square_y)
    }

    /// Mean over rows of `‖y − ȳ‖²`; none without rows.
    pub fn variance(&self) -> Option<f64> {
        (self.rows > 0.0).then(|| self.centred_square() / self.rows)
    }

    /// `R² = 1 − Σ‖y − x‖² / Σ‖y − ȳ‖²`, the share of `y`'s variance that `x` as it is explains; it may
    /// be negative. None where `y` is constant.
    pub fn explained(&self) -> Option<f64> {
        self.share_of_variance(|_| self.squared_error)
    }

    /// The same of the best affine function of `x`: from 0 to 1. None where `y` is constant or the
    /// sums were not kept.
    pub fn explained_by_best_map(&self) -> Option<f64> {
        if self.xx.is_empty() {
            return None;
        }
        self.share_of_variance(|yy| {
            let outer = |a: &Array1<f64>, b: &Array1<f64>| {
                let column = a.view().insert_axis(ndarray::Axis(1));
                let row = b.view().insert_axis(ndarray::Axis(0));
                column.dot(&row) / self.rows
            };
            let mut xx = &self.xx - &outer(&self.sum_x, &self.sum_x);
            // A constant column of x explains nothing, whatever rounding leaves of it.
            for i in 0..xx.nrows() {
                let mean = self.shift_x[i] + self.sum_x[i] / self.rows;
                let square = xx[[i, i]] + self.rows * mean * mean;
                if xx[[i, i]] <= CONSTANT * square.max(self.xx[[i, i]]) {
                    xx.row_mut(i).fill(0.0);
                    xx.column_mut(i).fill(0.0);
                }
            }
            let xy = &self.xy - &outer(&self.sum_x, &self.sum_y);
            residual_of_best_map(xx.view(), xy.view(), yy)
        })
    }

    fn share_of_variance(&self, residual: impl FnOnce(f64) -> f64) -> Option<f64> {
        let yy = self.centred_square();
        // Without rows there is no variance, either.
        (yy > CONSTANT * self.square_y.max(self.shifted_square_y)).then(|| 1.0 - residual(yy) / yy)
    }

    fn centred_square(&self) -> f64 {
        if self.rows == 0.0 {
            return 0.0;
        }
        (self.shifted_square_y - self.sum_y.dot(&self.sum_y) / self.rows).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn fit(x: &Array2<f64>, y: &Array2<f64>, shift: f64) -> Fit {
        let shift = Array1::from_elem(x.ncols(), shift);
        let mut fit = Fit::new(shift.clone(), shift, true);
        for (x, y) in x.rows().into_iter().zip(y.rows()) {
            fit.add(x, y, 1.0);
        }
        fit
    }

    #[test]
    fn figures_by_hand() {
        let x = array![[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]];
        let y = array![[1.0, 0.0], [2.0, 0.0], [4.0, 0.0]];
        for shift in [0.0, 5.0] {
            let fit = fit(&x, &y, shift);
            // Squared errors 1 + 1, 1 + 1, 4 + 1; variance of 1, 2, 4 about 7/3: 14/3 in sum.
            approx::assert_abs_diff_eq!(fit.mse().unwrap(), 3.0, epsilon = 1e-12);
            approx::assert_abs_diff_eq!(fit.variance().unwrap(), 14.0 / 9.0, epsilon = 1e-12);
            let direct = 1.0 - 9.0 / (14.0 / 3.0);
            approx::assert_abs_diff_eq!(fit.explained().unwrap(), direct, epsilon = 1e-12);
            let mapped = 1.0 - (1.0 / 6.0) / (14.0 / 3.0);
            approx::assert_abs_diff_eq!(
                fit.explained_by_best_map().unwrap(),
                mapped,
                epsilon = 1e-12
            );
            let cosine = 10.0 / (8.0f64 * 21.0).sqrt();
            approx::assert_abs_diff_eq!(fit.cosine().unwrap(), cosine, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice() {
        let x = array![[0.3, 1.0], [1.0, 1.5], [2.0, -1.0], [0.5, 0.2]];
        let y = array![[1.0, 0.0], [2.0, 0.1], [4.0, 0.3], [0.0, 2.0]];
        let weights = [1.0, 2.0, 1.0, 3.0];
        let empty = || Fit::new(Array1::zeros(2), Array1::ones(2), true);
        let (mut weighted, mut repeated) = (empty(), empty());
        for ((x, y), weight) in x.rows().into_iter().zip(y.rows()).zip(weights) {
            weighted.add(x, y, weight);
            (0..weight as usize).for_each(|_| repeated.add(x, y, 1.0));
        }
        let figures = |fit: &Fit| {
            [
                fit.mse(),
                fit.cosine(),
                fit.variance(),
                fit.explained(),
                fit.explained_by_best_map(),
            ]
            .map(Option::unwrap)
        };
        for (a, b) in figures(&weighted).into_iter().zip(figures(&repeated)) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_rotated_encoding_is_explained_by_the_best_map_alone() {
        // One-hot rows, and the same rows permuted: no agreement, yet all of it is there.
        let y = Array2::<f64>::eye(4);
        let x = Array2::from_shape_fn((4, 4), |(i, j)| f64::from(u8::from((i + 1) % 4 == j)));
        let fit = fit(&x, &y, 0.25);
        assert!(fit.explained().unwrap() < 0.0);
        approx::assert_abs_diff_eq!(fit.explained_by_best_map().unwrap(), 1.0, epsilon = 1e-12);
    }

    #[test]
    fn a_constant_has_no_variance_to_explain() {
        let x = array![[0.1], [0.2], [0.3]];
        let fit = fit(&x, &Array2::from_elem((3, 1), 0.1), 0.0);
        assert_eq!(fit.explained(), None);
        assert_eq!(fit.explained_by_best_map(), None);
        let none = Fit::new(Array1::zeros(1), Array1::zeros(1), true);
        assert_eq!(
            (none.mse(), none.cosine(), none.variance()),
            (None, None, None)
        );
        assert_eq!(none.explained(), None);
        assert_eq!(none.explained_by_best_map(), None);
    }

    #[test]
    fn merged_sums_are_those_of_all_rows() {
        let x = array![[0.3, 1.0], [1.0, 1.5], [2.0, -1.0], [0.5, 0.2], [0.1, 0.9]];
        let y = array![[1.0, 0.0], [2.0, 0.1], [4.0, 0.3], [0.0, 2.0], [1.5, 1.5]];
        let empty = || Fit::new(array![0.2, 0.4], array![1.0, 0.7], true);
        let (mut all, mut first, mut second) = (empty(), empty(), empty());
        for (n, (x, y)) in x.rows().into_iter().zip(y.rows()).enumerate() {
            let weight = 1.0 + n as f64;
            all.add(x, y, weight);
            if n < 2 { &mut first } else { &mut second }.add(x, y, weight);
        }
        first.merge(&second);
        let figures = |fit: &Fit| {
            [
                fit.mse(),
                fit.cosine(),
                fit.variance(),
                fit.explained(),
                fit.explained_by_best_map(),
            ]
            .map(Option::unwrap)
        };
        for (a, b) in figures(&first).into_iter().zip(figures(&all)) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-12);
        }
    }

    #[test]
    fn a_column_is_constant_up_to_a_variance_of_a_billionth_of_a_thousandth() {
        // 2 ± 2e, with a variance that is e² of the mean square: as x it explains nothing, as y there is nothing
        // to explain.
        let nearly_two = |e: f64| {
            array![
                [2.0 + 2.0 * e],
                [2.0 - 2.0 * e],
                [2.0 + 2.0 * e],
                [2.0 - 2.0 * e]
            ]
        };
        let y = array![[1.0], [-1.0], [1.0], [-1.0]];
        let mapped = |e: f64| fit(&nearly_two(e), &y, 0.5).explained_by_best_map();
        approx::assert_abs_diff_eq!(mapped(0.98e-6).unwrap(), 0.0, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(mapped(1.02e-6).unwrap(), 1.0, epsilon = 1e-3);
        let explained = |e: f64| fit(&nearly_two(e), &nearly_two(e), 0.5).explained();
        assert_eq!(explained(0.98e-6), None);
        assert_eq!(explained(1.02e-6), Some(1.0));
    }

    #[test]
    fn zeros_have_no_variance_to_explain() {
        let x = array![[0.1], [0.2], [0.3]];
        let fit = fit(&x, &Array2::zeros((3, 1)), 0.0);
        assert_eq!((fit.explained(), fit.explained_by_best_map()), (None, None));
        assert_eq!(fit.variance(), Some(0.0));
    }
}
