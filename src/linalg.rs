//! Eigenvalues of symmetric matrices and least squares from moments: all the linear algebra that
//! reading a Gram matrix needs.
//!
//! Cyclic Jacobi is the method of choice for matrices of up to some hundred rows: it always
//! converges, and it finds small eigenvalues of positive matrices to high relative accuracy
//! (Demmel & Veselić 1992), which a rank and a pseudo-inverse depend on.

use ndarray::{Array1, Array2, ArrayView2};

/// Sweeps over all pairs of rows; ten are enough for a thousand rows, convergence is quadratic.
const MAX_SWEEPS: usize = 60;

/// Eigenvalues below this share of the largest count as zero.
pub const RANK_TOLERANCE: f64 = 1e-10;

/// `A = V diag(λ) Vᵀ` of a symmetric matrix.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// `λ` `[n]`, in falling order.
    pub values: Array1<f64>,
    /// `V` `[n, n]`: column `k` belongs to `λ_k`.
    pub vectors: Array2<f64>,
}

impl SymmetricEigen {
    /// Decomposes a symmetric matrix `[n, n]` of finite numbers; only its lower triangle counts.
    pub fn new(matrix: ArrayView2<'_, f64>) -> Self {
        let n = matrix.nrows();
        let mut a = Array2::from_shape_fn((n, n), |(i, j)| matrix[[i.max(j), i.min(j)]]);
        let mut v = Array2::eye(n);
        for _ in 0..MAX_SWEEPS {
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    rotated |= annihilate(&mut a, &mut v, p, q);
                }
            }
            if !rotated {
                break;
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
        Self {
            values: order.iter().map(|&i| a[[i, i]]).collect(),
            vectors: v.select(ndarray::Axis(1), &order),
        }
    }

    /// The number of eigenvalues above [`RANK_TOLERANCE`] times the largest: the rank of a positive
    /// semidefinite matrix.
    pub fn rank(&self) -> usize {
        let largest = self.values.first().copied().unwrap_or(0.0);
        let floor = largest * RANK_TOLERANCE;
        self.values
            .iter()
            .filter(|&&x| x > floor && x > 0.0)
            .count()
    }

    /// The pseudo-inverse `[n, n]` of a positive semidefinite matrix, at that rank.
    pub fn pseudo_inverse(&self) -> Array2<f64> {
        let rank = self.rank();
        let vectors = self.vectors.slice(ndarray::s![.., ..rank]);
        let scaled = &vectors / &self.values.slice(ndarray::s![..rank]);
        scaled.dot(&vectors.t())
    }
}

/// The Jacobi rotation that makes `a[p, q]` zero; whether there was anything to do.
fn annihilate(a: &mut Array2<f64>, v: &mut Array2<f64>, p: usize, q: usize) -> bool {
    let (app, aqq, apq) = (a[[p, p]], a[[q, q]], a[[p, q]]);
    if apq == 0.0 || apq.abs() <= f64::EPSILON * 0.1 * (app.abs() * aqq.abs()).sqrt() {
        return false;
    }
    let theta = (aqq - app) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..a.nrows() {
        let (akp, akq) = (a[[k, p]], a[[k, q]]);
        a[[k, p]] = c * akp - s * akq;
        a[[k, q]] = s * akp + c * akq;
    }
    for k in 0..a.nrows() {
        let (apk, aqk) = (a[[p, k]], a[[q, k]]);
        a[[p, k]] = c * apk - s * aqk;
        a[[q, k]] = s * apk + c * aqk;
        let (vkp, vkq) = (v[[k, p]], v[[k, q]]);
        v[[k, p]] = c * vkp - s * vkq;
        v[[k, q]] = s * vkp + c * vkq;
    }
    a[[p, p]] = app - t * apq;
    a[[q, q]] = aqq + t * apq;
    a[[p, q]] = 0.0;
    a[[q, p]] = 0.0;
    true
}

/// The residual sum of squares, over all columns of `Y`, of the best affine map from `X` to `Y`
/// (least squares with intercept).
///
/// From centred moments: `xx = Σ(x−x̄)(x−x̄)ᵀ` `[p, p]`, `xy = Σ(x−x̄)(y−ȳ)ᵀ` `[p, q]` and `yy = Σ‖y−ȳ‖²`.
/// The map is `(xx)⁺ xy`, the pseudo-inverse standing for the inverse where `X` lacks rank.
pub fn residual_of_best_map(xx: ArrayView2<'_, f64>, xy: ArrayView2<'_, f64>, yy: f64) -> f64 {
    // Columns of very different size would otherwise lose rank against the largest.
    let scale: Array1<f64> = (0..xx.nrows())
        .map(|i| {
            if xx[[i, i]] > 0.0 {
                1.0 / xx[[i, i]].sqrt()
            } else {
                0.0
            }
        })
        .collect();
    let by_rows = scale.view().insert_axis(ndarray::Axis(1));
    let xx = &(&xx * &by_rows) * &scale;
    let xy = &xy * &by_rows;
    let inverse = SymmetricEigen::new(xx.view()).pseudo_inverse();
    let explained = (&inverse.dot(&xy) * &xy).sum();
    (yy - explained).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Numbers in (−1, 1) without a generator.
    fn noise(i: usize, j: usize) -> f64 {
        ((i * 7919 + j * 104_729 + 13) % 1009) as f64 / 504.5 - 1.0
    }

    #[test]
    fn a_decomposition_puts_the_matrix_together_again() {
        for n in [1, 2, 5, 40] {
            let m = Array2::from_shape_fn((n, n), |(i, j)| noise(i.min(j), i.max(j)));
            let eigen = SymmetricEigen::new(m.view());
            let v = &eigen.vectors;
            let again = (v * &eigen.values).dot(&v.t());
            approx::assert_abs_diff_eq!(
                again.as_slice().unwrap(),
                m.as_slice().unwrap(),
                epsilon = 1e-12
            );
            let identity = v.t().dot(v);
            approx::assert_abs_diff_eq!(
                identity.as_slice().unwrap(),
                Array2::eye(n).as_slice().unwrap(),
                epsilon = 1e-13
            );
            assert!(eigen.values.as_slice().unwrap().is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn eigenvalues_by_hand() {
        let eigen = SymmetricEigen::new(array![[2.0, 1.0], [1.0, 2.0]].view());
        approx::assert_abs_diff_eq!(eigen.values[0], 3.0, epsilon = 1e-15);
        approx::assert_abs_diff_eq!(eigen.values[1], 1.0, epsilon = 1e-15);
        assert_eq!(SymmetricEigen::new(array![[0.0]].view()).rank(), 0);
        assert_eq!(
            SymmetricEigen::new(Array2::zeros((0, 0)).view())
                .values
                .len(),
            0
        );
    }

    #[test]
    fn rank_is_that_of_the_factor() {
        let factor = Array2::from_shape_fn((3, 9), |(i, j)| noise(i, j));
        let eigen = SymmetricEigen::new(factor.t().dot(&factor).view());
        assert_eq!(eigen.rank(), 3);
        let gram = factor.t().dot(&factor);
        let same = gram.dot(&eigen.pseudo_inverse()).dot(&gram);
        approx::assert_abs_diff_eq!(
            same.as_slice().unwrap(),
            gram.as_slice().unwrap(),
            epsilon = 1e-10
        );
    }

    #[test]
    fn the_best_map_leaves_what_regression_by_hand_leaves() {
        // y = 1, 2, 4 over x = 0, 1, 2: slope 1.5, intercept 5/6, residuals 1/6, −1/3, 1/6.
        let (xx, xy, yy) = (array![[2.0]], array![[3.0]], 14.0 / 3.0);
        let left = residual_of_best_map(xx.view(), xy.view(), yy);
        approx::assert_abs_diff_eq!(left, 1.0 / 6.0, epsilon = 1e-14);
        // The same x twice changes nothing; a constant x explains nothing.
        let (xx, xy) = (array![[2.0, 2.0], [2.0, 2.0]], array![[3.0], [3.0]]);
        let left = residual_of_best_map(xx.view(), xy.view(), yy);
        approx::assert_abs_diff_eq!(left, 1.0 / 6.0, epsilon = 1e-14);
        let left = residual_of_best_map(array![[0.0]].view(), array![[0.0]].view(), yy);
        assert_eq!(left, yy);
    }
}
