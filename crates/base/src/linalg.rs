//! Eigenvalues of symmetric matrices and least squares from moments: all the linear algebra that
//! PCA and reading a Gram matrix need.
//!
//! Cyclic Jacobi (Golub & Van Loan, *Matrix Computations*, section 8.5) is the method of choice for
//! matrices of up to some hundred rows: it always converges, and it finds small eigenvalues of
//! positive matrices to high relative accuracy (Demmel & Veselić 1992), which a rank and a
//! pseudo-inverse depend on. The decomposition uses additions, multiplications, divisions and square
//! roots only, in a fixed order: the same matrix gives the same bits on every machine.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Sweeps over all pairs of rows; ten are enough for a thousand rows, convergence is quadratic.
const MAX_SWEEPS: usize = 60;

/// Eigenvalues below this share of the largest count as zero.
pub const RANK_TOLERANCE: f64 = 1e-10;

/// `A = V diag(λ) Vᵀ` of a symmetric matrix.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// `λ` `[n]`, in falling order.
    pub values: Array1<f64>,
    /// `V` `[n, n]`: column `k`, of length 1, belongs to `λ_k`.
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
        order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]])); // stable: ties keep their order
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
        let vectors = self.vectors.slice_axis(Axis(1), (..rank).into());
        let scaled = &vectors / &self.values.slice_axis(Axis(0), (..rank).into());
        scaled.dot(&vectors.t())
    }
}

/// The Jacobi rotation that makes `a[p, q]` zero: `a ← Jᵀ a J`, `v ← v J`; whether there was anything
/// to do.
fn annihilate(a: &mut Array2<f64>, v: &mut Array2<f64>, p: usize, q: usize) -> bool {
    let (app, aqq, apq) = (a[[p, p]], a[[q, q]], a[[p, q]]);
    if apq == 0.0 || apq.abs() <= f64::EPSILON * 0.1 * (app.abs() * aqq.abs()).sqrt() {
        return false;
    }
    let theta = (aqq - app) / (2.0 * apq);
    // The smaller root of t² + 2 t θ − 1 = 0: an angle of at most π/4. (`hypot` is the C library's,
    // and not the same everywhere; where θ² overflows, t is 0 as good as exactly.)
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
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
    use crate::rng::normal;
    use crate::rng::{Purpose, stream};
    use ndarray::array;

    /// The largest entry of `A V − V Λ` and of `Vᵀ V − I`.
    fn residual(a: &Array2<f64>, eigen: &SymmetricEigen) -> f64 {
        let v = &eigen.vectors;
        let equation = a.dot(v) - v * &eigen.values;
        let orthonormal = v.t().dot(v) - Array2::<f64>::eye(a.nrows());
        equation
            .iter()
            .chain(&orthonormal)
            .fold(0.0, |m: f64, x| m.max(x.abs()))
    }

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
    fn vectors_by_hand_where_a_value_is_negative() {
        let a = array![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, -1.0]];
        let eigen = SymmetricEigen::new(a.view());
        for (value, expected) in eigen.values.iter().zip([3.0, 1.0, -1.0]) {
            approx::assert_abs_diff_eq!(*value, expected, epsilon = 1e-15);
        }
        let first = eigen.vectors.column(0).mapv(f64::abs);
        let half = 0.5_f64.sqrt();
        approx::assert_abs_diff_eq!(first.to_vec()[..], [half, half, 0.0], epsilon = 1e-15);
        assert_eq!(
            eigen.vectors.column(2).mapv(f64::abs),
            array![0.0, 0.0, 1.0]
        );
    }

    #[test]
    fn random_matrices_of_any_size_rank_and_scale() {
        let mut rng = stream(5, Purpose::Init);
        for (rows, n, scale) in [(1, 1, 1.0), (3, 7, 1e6), (40, 25, 1.0), (30, 60, 1e-6)] {
            let x = normal(&mut rng, (rows, n), scale);
            let a = x.t().dot(&x);
            let eigen = SymmetricEigen::new(a.view());
            let largest = eigen.values[0];
            assert!(eigen.values.as_slice().unwrap().is_sorted_by(|x, y| x >= y));
            let a = &a / largest;
            let relative = residual(&a, &SymmetricEigen::new(a.view()));
            assert!(relative < 1e-13, "{rows}x{n}: {relative:e}");
            approx::assert_relative_eq!(
                eigen.values.sum(),
                a.diag().sum() * largest,
                max_relative = 1e-13
            );
            assert_eq!(eigen.rank(), rows.min(n));
            let null = eigen.values.iter().skip(rows);
            assert!(null.into_iter().all(|x| x.abs() < 1e-13 * largest));
        }
    }

    #[test]
    fn equal_eigenvalues_and_a_zero_matrix() {
        let zero = SymmetricEigen::new(Array2::zeros((3, 3)).view());
        assert_eq!((zero.values.to_vec(), zero.rank()), (vec![0.0; 3], 0));
        assert_eq!(zero.vectors, Array2::<f64>::eye(3)); // nothing to do: ties keep their order
        let ones = Array2::<f64>::ones((4, 4));
        let eigen = SymmetricEigen::new(ones.view());
        approx::assert_abs_diff_eq!(eigen.values[0], 4.0, epsilon = 1e-14);
        assert!(residual(&ones, &eigen) < 1e-14);
    }

    #[test]
    fn small_eigenvalues_are_relatively_accurate() {
        // Scaled by D = diag(1, 1e-5, 1e-10), [[2, 1, 0], [1, 2, 1], [0, 1, 2]] has the determinant
        // 4 det(D)²; a solver that stops at the size of the largest entry would miss the last value.
        let scale = [1.0, 1e-5, 1e-10];
        let plain = array![[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]];
        let a = Array2::from_shape_fn((3, 3), |(i, j)| scale[i] * plain[[i, j]] * scale[j]);
        let values = SymmetricEigen::new(a.view()).values;
        let product = values.product();
        approx::assert_relative_eq!(product, 4e-30, max_relative = 1e-14);
        // The Schur complements of the graded matrix, up to a share of 1e-10.
        for (value, expected) in values.iter().zip([2.0, 1.5e-10, 4.0 / 3.0 * 1e-20]) {
            approx::assert_relative_eq!(*value, expected, max_relative = 1e-9);
        }
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
