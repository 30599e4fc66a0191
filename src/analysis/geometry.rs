//! What the Gram matrix says of each feature: norm, dimensionality, interference.
//!
//! `W_i` is column `i` of `W`, the direction of feature `i`, and `Ŵ_i` the same at length 1. All
//! of it is a function of `G_ij = W_i·W_j`: a rotation of the compressed space changes nothing. Where
//! writing and reading have matrices of their own, `G_ji` is what the reader of feature `i` reads of a
//! written feature `j`, and a feature whose reader does not read it (`G_ii ≤ 0`) has no direction.

use ndarray::ArrayView2;

/// A norm up to this is taken for 0: such a feature has no direction.
const NO_DIRECTION: f64 = 1e-12;

/// One feature's place in the compressed space.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// `‖W_i‖ = √G_ii`; 1 in the compiled model.
    pub norm: f64,
    /// `D_i = ‖W_i‖² / Σ_j (Ŵ_i·W_j)²` (Elhage et al. 2022, "Toy Models of Superposition"): 1 for a
    /// direction of its own, 1/2 for half of one; 0 for a feature without direction.
    pub dimensionality: f64,
    /// The other feature that interferes most, `(j, Ŵ_i·W_j)`, signed; none where no other feature
    /// interferes at all.
    pub strongest: Option<(usize, f64)>,
}

/// `(Ŵ_i·W_j)²` for every `j`, `i` included: `[D]`. Zero throughout for a feature without direction.
pub fn interference(gram: ArrayView2<'_, f64>, i: usize) -> Vec<f64> {
    let square = gram[[i, i]];
    if square.max(0.0).sqrt() > NO_DIRECTION {
        gram.column(i).iter().map(|g| g * g / square).collect()
    } else {
        vec![0.0; gram.ncols()]
    }
}

/// The geometry of feature `i` under `gram` `[D, D]`.
pub fn geometry(gram: ArrayView2<'_, f64>, i: usize) -> Geometry {
    let norm = gram[[i, i]].max(0.0).sqrt();
    let response = interference(gram, i);
    let total: f64 = response.iter().sum();
    let mut strongest: Option<(usize, f64)> = None;
    for (j, square) in response.iter().enumerate() {
        let size = square.sqrt();
        if j != i && size > strongest.map_or(0.0, |(_, x)| x.abs()) {
            strongest = Some((j, size.copysign(gram[[j, i]])));
        }
    }
    Geometry {
        norm,
        dimensionality: if total > 0.0 {
            norm * norm / total
        } else {
            0.0
        },
        strongest,
    }
}

/// The correlation of two Gram matrices' upper triangles over the features `kept`, with their
/// diagonals or without; of both triangles, where one of them is not symmetric. None where one side is
/// constant.
pub fn agreement(
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    kept: &[usize],
    with_diagonal: bool,
) -> Option<f64> {
    let both_triangles = !is_symmetric(a) || !is_symmetric(b);
    let mut pairs = Vec::new();
    for (n, &i) in kept.iter().enumerate() {
        for &j in &kept[n + usize::from(!with_diagonal)..] {
            pairs.push((a[[i, j]], b[[i, j]]));
            if both_triangles && i != j {
                pairs.push((a[[j, i]], b[[j, i]]));
            }
        }
    }
    correlation(&pairs)
}

/// Up to rounding.
fn is_symmetric(gram: ArrayView2<'_, f64>) -> bool {
    let largest = gram.fold(0.0f64, |m, x| m.max(x.abs()));
    gram.indexed_iter()
        .all(|((i, j), x)| (x - gram[[j, i]]).abs() <= 1e-12 * largest)
}

/// Pearson's correlation of pairs; none where one side is constant.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    let (ma, mb) = (mean(|p| p.0), mean(|p| p.1));
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| -> f64 { pairs.iter().map(|(a, b)| f(a - ma, b - mb)).sum() };
    let norms = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (norms > 0.0).then(|| sum(&|a, b| a * b) / norms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn gram(w: &Array2<f64>) -> Array2<f64> {
        w.t().dot(w)
    }

    #[test]
    fn an_antipodal_pair_has_half_a_dimension_each() {
        let g = gram(&array![[1.0, -2.0]]);
        let first = geometry(g.view(), 0);
        assert_eq!((first.norm, first.strongest), (1.0, Some((1, -2.0))));
        // 1 / (1 + 4) and 4 / (4 + 1): of different lengths they do not share evenly.
        assert_eq!(first.dimensionality, 0.2);
        assert_eq!(geometry(g.view(), 1).dimensionality, 0.8);
    }

    #[test]
    fn a_feature_without_direction_has_no_dimension() {
        let g = gram(&array![[1.0, 0.0], [0.0, 0.0]]);
        let nothing = geometry(g.view(), 1);
        assert_eq!((nothing.norm, nothing.dimensionality), (0.0, 0.0));
        assert_eq!(nothing.strongest, None);
        assert_eq!(geometry(g.view(), 0).dimensionality, 1.0);
    }

    #[test]
    fn agreement_counts_the_upper_triangle() {
        let a = array![[1.0, 0.5, 9.0], [0.5, 2.0, 9.0], [9.0, 9.0, 9.0]];
        let b = array![[2.0, 1.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 0.0]];
        let all = agreement(a.view(), b.view(), &[0, 1], true);
        approx::assert_abs_diff_eq!(all.unwrap(), 1.0, epsilon = 1e-15);
        assert_eq!(agreement(a.view(), b.view(), &[0, 1], false), None);
        // By hand: (1, 2), (2, 1), (3, 3): covariance 1, variances 2.
        let r = correlation(&[(1.0, 2.0), (2.0, 1.0), (3.0, 3.0)]);
        approx::assert_abs_diff_eq!(r.unwrap(), 0.5, epsilon = 1e-15);
    }

    #[test]
    fn a_norm_of_a_billionth_of_a_thousandth_is_the_least_direction() {
        let of = |norm: f64| {
            let g = gram(&array![[norm, 1.0]]);
            (
                geometry(g.view(), 0).dimensionality > 0.0,
                interference(g.view(), 0)[1],
            )
        };
        assert_eq!(of(0.95e-12), (false, 0.0));
        assert_eq!(of(1e-12), (false, 0.0));
        let (has_direction, from_other) = of(1.05e-12);
        assert!(has_direction);
        approx::assert_relative_eq!(from_other, 1.0, max_relative = 1e-12);
    }

    #[test]
    fn agreement_takes_both_triangles_where_a_difference_is_more_than_rounding() {
        // The upper triangle with the diagonal: (1, 1), (0, 2), (2, 3); with the lower one (0, 2) twice.
        let b = array![[1.0, 2.0], [2.0, 3.0]];
        let of = |difference: f64| {
            let a = array![[1.0, 0.0], [difference, 2.0]];
            agreement(a.view(), b.view(), &[0, 1], true).unwrap()
        };
        // Means 1 and 2: covariance 1, variances 2 and 2. Means 3/4 and 2: the sums are 1, 11/4 and 2.
        let (one, both) = (0.5, 1.0 / (2.75f64 * 2.0).sqrt());
        approx::assert_abs_diff_eq!(of(0.95 * 2e-12), one, epsilon = 1e-9);
        approx::assert_abs_diff_eq!(of(1.05 * 2e-12), both, epsilon = 1e-9);
        // Without the diagonal two different triangles make a correlation, one pair does not.
        let a = array![[1.0, 0.0], [1.0, 1.0]];
        let without = agreement(a.view(), a.view(), &[0, 1], false);
        approx::assert_abs_diff_eq!(without.unwrap(), 1.0, epsilon = 1e-12);
        // One asymmetric side is enough, whichever it is.
        let symmetric = array![[1.0, 0.5], [0.5, 1.0]];
        for (x, y) in [(&a, &symmetric), (&symmetric, &a)] {
            let upper = correlation(&[(x[[0, 0]], y[[0, 0]]), (x[[0, 1]], y[[0, 1]]), (1.0, 1.0)]);
            let found = agreement(x.view(), y.view(), &[0, 1], true).unwrap();
            assert!((found - upper.unwrap()).abs() > 0.1, "{found}");
        }
    }
}
