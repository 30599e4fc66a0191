//! Means, variances and covariances of the compiled model's values at the positions of tokens.

use ndarray::{Array1, Array2, Axis};

/// Sums over rows, which count by their weights.
#[derive(Clone, Debug)]
pub struct Moments {
    rows: f64,
    /// `Σ v`: `[D]`.
    sum: Array1<f64>,
    /// `Σ v vᵀ`: `[D, D]`.
    square: Array2<f64>,
}

impl Moments {
    /// No rows yet, of `width` features.
    pub fn new(width: usize) -> Self {
        Self {
            rows: 0.0,
            sum: Array1::zeros(width),
            square: Array2::zeros((width, width)),
        }
    }

    /// Adds rows `[rows, D]` with their weights `[rows]`.
    pub fn add(&mut self, values: &Array2<f64>, weights: &Array1<f64>) {
        let weighted = values * &weights.view().insert_axis(Axis(1));
        self.rows += weights.sum();
        self.sum += &weighted.sum_axis(Axis(0));
        self.square += &values.t().dot(&weighted);
    }

    /// Adds what another piece of the work has summed.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum += &other.sum;
        self.square += &other.square;
    }

    /// The covariance of two features; 0 where one is constant or there are no rows.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        let covariance = |a: usize, b: usize| {
            self.square[[a, b]] / self.rows - self.sum[a] * self.sum[b] / self.rows / self.rows
        };
        // What rounding leaves of a constant is no variance.
        let varies = |a: usize| covariance(a, a) > 1e-12 * self.square[[a, a]] / self.rows;
        if varies(i) && varies(j) {
            covariance(i, j)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn moments_of_weighted_rows_by_hand() {
        let mut moments = Moments::new(3);
        moments.add(&array![[1.0, 2.0, 5.0], [9.0, 9.0, 9.0]], &array![3.0, 0.0]);
        let mut rest = Moments::new(3);
        rest.add(&array![[3.0, 0.0, 5.0]], &array![1.0]);
        moments.merge(&rest);
        // Means 1.5 and 1.5: 3 · 0.25 + 2.25 over 4 rows, and 3 · (−0.5 · 0.5) − 1.5 · 1.5 over 4.
        approx::assert_abs_diff_eq!(moments.covariance(0, 0), 0.75, epsilon = 1e-15);
        approx::assert_abs_diff_eq!(moments.covariance(0, 1), -0.75, epsilon = 1e-15);
        assert_eq!(moments.covariance(2, 2), 0.0);
        assert_eq!(moments.covariance(0, 2), 0.0);
        assert_eq!(Moments::new(1).covariance(0, 0), 0.0);
    }
}
