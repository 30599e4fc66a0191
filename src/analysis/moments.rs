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

    #[test]
    fn moments_take_a_variance_of_a_billionth_of_a_thousandth_for_a_constant() {
        let of = |e: f64| {
            let mut moments = Moments::new(2);
            moments.add(&array![[1.0 + e, 1.0], [1.0 - e, 0.0]], &array![1.0, 1.0]);
            (
                moments.covariance(0, 1),
                moments.covariance(1, 0),
                moments.covariance(1, 1),
            )
        };
        // The variance is e², the mean square almost 1.
        assert_eq!(of(0.97e-6), (0.0, 0.0, 0.25));
        let (found, again, _) = of(1.03e-6);
        approx::assert_relative_eq!(found, 0.5 * 1.03e-6, max_relative = 1e-3);
        assert_eq!(found, again);
    }

    #[test]
    fn moments_take_a_variance_at_the_bound_itself_for_a_constant() {
        // v in a share p of the rows and 0 in the others: the mean square is p·v², the variance p·v² − (p·v)². With
        // this v, which was searched for, that is 1e-12 of it to the last digit.
        let of = |v: f64, p: f64| {
            let mut moments = Moments::new(1);
            moments.add(&array![[v], [0.0]], &array![p, 1.0 - p]);
            moments.covariance(0, 0)
        };
        let (v, p) = (1.000_044_449_303_800_3, 0.999_999_999_999);
        let mean = p * v;
        assert_eq!(v * mean - mean * mean, 1e-12 * (v * mean));
        assert_eq!(of(v, p), 0.0);
        assert!(of(v, 0.999_999_999_998) > 1e-12);
    }

    #[test]
    fn moments_of_pieces_are_those_of_all_rows() {
        let values = array![[1.0, 2.0], [0.0, -1.0], [3.0, 0.5], [-2.0, 1.0]];
        let weights = array![1.0, 3.0, 2.0, 0.5];
        let part = |rows: &[usize]| {
            let mut part = Moments::new(2);
            part.add(
                &values.select(Axis(0), rows),
                &weights.select(Axis(0), rows),
            );
            part
        };
        let all = part(&[0, 1, 2, 3]);
        let mut merged = part(&[0, 2]);
        merged.merge(&part(&[1, 3]));
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            approx::assert_relative_eq!(
                merged.covariance(i, j),
                all.covariance(i, j),
                max_relative = 1e-12
            );
        }
        // Means 6/6.5 and 0.5/6.5, mean squares (1 + 18 + 2)/6.5 and (4 + 3 + 0.5 + 0.5)/6.5, product (2 + 3 − 1)/6.5.
        approx::assert_relative_eq!(
            all.covariance(0, 0),
            21.0 / 6.5 - 36.0 / 42.25,
            max_relative = 1e-12
        );
        approx::assert_relative_eq!(
            all.covariance(1, 1),
            8.0 / 6.5 - 0.25 / 42.25,
            max_relative = 1e-12
        );
        approx::assert_relative_eq!(
            all.covariance(0, 1),
            4.0 / 6.5 - 3.0 / 42.25,
            max_relative = 1e-12
        );
        assert_eq!(Moments::new(2).covariance(0, 1), 0.0);
    }
}
