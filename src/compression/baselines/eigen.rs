//! Eigenvalues and eigenvectors of a real symmetric matrix.
//!
//! Cyclic Jacobi rotations (Golub & Van Loan, *Matrix Computations*, section 8.5): for the few
//! hundred dimensions of a residual stream they take well under a second, and each eigenvector is
//! accurate to rounding. Only additions, multiplications, divisions and square roots are used, in a
//! fixed order: the same matrix gives the same bits on every machine.

use ndarray::Array2;

/// Sweeps over all pairs; a dozen are enough for any matrix, more are never of use.
const MAX_SWEEPS: usize = 60;

/// The solution, largest eigenvalue first.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// `n` eigenvalues, falling.
    pub values: Vec<f64>,
    /// Shape `[n, n]`: row `i` is the eigenvector of value `i`, of length 1.
    pub vectors: Array2<f64>,
}

/// Solves for a symmetric matrix `[n, n]` of finite numbers; only its upper triangle counts.
pub fn symmetric(matrix: &Array2<f64>) -> Eigen {
    let n = matrix.nrows();
    let mut a = Array2::from_shape_fn((n, n), |(i, j)| matrix[[i.min(j), i.max(j)]]);
    let mut vectors = Array2::eye(n);
    let norm = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    for _ in 0..MAX_SWEEPS {
        let off_diagonal: f64 = a
            .indexed_iter()
            .filter(|((i, j), _)| i < j)
            .map(|(_, x)| x * x)
            .sum();
        if off_diagonal.sqrt() <= f64::EPSILON * 1e-3 * norm {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]])); // stable: ties keep their order
    Eigen {
        values: order.iter().map(|&i| a[[i, i]]).collect(),
        vectors: Array2::from_shape_fn((n, n), |(i, j)| vectors[[order[i], j]]),
    }
}

/// Makes `a[p, q]` zero by a rotation in the plane of `p` and `q`: `a ← Jᵀ a J`, `vectors ← Jᵀ
/// vectors`.
fn rotate(a: &mut Array2<f64>, vectors: &mut Array2<f64>, p: usize, q: usize) {
    let pivot = a[[p, q]];
    if pivot == 0.0 {
        return;
    }
    // The smaller root of t² + 2 t cot(2θ) − 1 = 0: an angle of at most π/4.
    let cot = (a[[q, q]] - a[[p, p]]) / (2.0 * pivot);
    let t = 1.0_f64.copysign(cot) / (cot.abs() + (cot * cot + 1.0).sqrt());
    let cos = 1.0 / (t * t + 1.0).sqrt();
    let sin = t * cos;
    let turn = |x: f64, y: f64| (cos * x - sin * y, sin * x + cos * y);
    for k in 0..a.nrows() {
        (a[[k, p]], a[[k, q]]) = turn(a[[k, p]], a[[k, q]]);
    }
    for k in 0..a.nrows() {
        (a[[p, k]], a[[q, k]]) = turn(a[[p, k]], a[[q, k]]);
        (vectors[[p, k]], vectors[[q, k]]) = turn(vectors[[p, k]], vectors[[q, k]]);
    }
    a[[p, q]] = 0.0;
    a[[q, p]] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::projection::normal;
    use crate::inputs::rng::{Purpose, stream};
    use ndarray::{Axis, array};

    /// The largest entry of `A v − λ v` and of `V Vᵀ − I`.
    fn residual(a: &Array2<f64>, eigen: &Eigen) -> f64 {
        let v = &eigen.vectors;
        let lambda = Array2::from_diag(&ndarray::Array1::from(eigen.values.clone()));
        let equation = v.dot(a) - lambda.dot(v);
        let orthonormal = v.dot(&v.t()) - Array2::<f64>::eye(a.nrows());
        equation
            .iter()
            .chain(&orthonormal)
            .fold(0.0, |m: f64, x| m.max(x.abs()))
    }

    #[test]
    fn a_known_matrix() {
        let a = array![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, -1.0]];
        let eigen = symmetric(&a);
        for (value, expected) in eigen.values.iter().zip([3.0, 1.0, -1.0]) {
            approx::assert_abs_diff_eq!(*value, expected, epsilon = 1e-15);
        }
        let first = eigen.vectors.index_axis(Axis(0), 0).mapv(f64::abs);
        approx::assert_abs_diff_eq!(first[0], 0.5_f64.sqrt(), epsilon = 1e-15);
        approx::assert_abs_diff_eq!(first[1], 0.5_f64.sqrt(), epsilon = 1e-15);
    }

    #[test]
    fn random_matrices_of_any_size_rank_and_scale() {
        let mut rng = stream(5, Purpose::Init);
        for (rows, n, scale) in [(1, 1, 1.0), (3, 7, 1e6), (40, 25, 1.0), (30, 60, 1e-6)] {
            let x = normal(&mut rng, (rows, n), scale);
            let a = x.t().dot(&x);
            let eigen = symmetric(&a);
            let largest = eigen.values[0];
            assert!(eigen.values.is_sorted_by(|x, y| x >= y));
            let relative = residual(&(&a / largest), &symmetric(&(&a / largest)));
            assert!(relative < 1e-13, "{rows}x{n}: {relative:e}");
            let trace: f64 = eigen.values.iter().sum();
            approx::assert_relative_eq!(trace, a.diag().sum(), max_relative = 1e-13);
            // Of rank at most `rows`.
            assert!(
                eigen
                    .values
                    .iter()
                    .skip(rows)
                    .all(|x| x.abs() < 1e-13 * largest)
            );
        }
    }

    #[test]
    fn equal_eigenvalues_and_a_zero_matrix() {
        assert_eq!(symmetric(&Array2::zeros((3, 3))).values, [0.0; 3]);
        let ones = Array2::<f64>::ones((4, 4));
        let eigen = symmetric(&ones);
        approx::assert_abs_diff_eq!(eigen.values[0], 4.0, epsilon = 1e-14);
        assert!(residual(&ones, &eigen) < 1e-14);
    }
}
