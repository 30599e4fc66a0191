//! What the rows leave open about `W`.
//!
//! If a combination of features is the same on all rows, `S n = c`, then with `W' = W + v nᵀ` the stream is
//! `z' = W's = z + c v`: the same data up to an offset. One-hot groups, constant and dead features, and features that
//! follow from others have such combinations. They are the null space of the centred `S`; with `P` the projection on its
//! row space, `n` is in the null space exactly if `P n = 0`, so that `W'P = WP + v(Pn)ᵀ = WP`. The columns of `W̃ = W P` are
//! the directions that the data determine: of all decoders with the same centred stream, `W̃` is the shortest.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::recovery::weighted::centred;
use base::linalg::SymmetricEigen;

/// A combination of features varies if its singular value is above this share of the largest.
pub const THRESHOLD: f64 = 1e-2;

/// Singular values within this factor of the threshold are named.
const MARGIN: f64 = 2.0;

/// A feature with a smaller standard deviation is constant.
const CONSTANT: f64 = 1e-9;

/// Features with at least this share of the largest entry make up a combination.
const ENTRY: f64 = 1.0 / 3.0;

/// Which combinations of features vary.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// `P`, `[D, D]`.
    pub projection: Array2<f64>,
    /// How many combinations vary.
    pub rank: usize,
    /// The singular values of the centred and weighted `S`, shares of the largest, in falling order.
    pub singular_values: Vec<f64>,
    /// Combinations for which the threshold decides narrowly.
    pub near: Vec<Near>,
}

/// A combination of features whose singular value is near the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// Its singular value, a share of the largest.
    pub singular_value: f64,
    /// Whether it counts as varying.
    pub varies: bool,
    /// The features that it mostly consists of.
    pub features: Vec<String>,
}

impl Gauge {
    /// Of features `[n, D]` with row weights `[n]`.
    pub fn new(features: ArrayView2<'_, f64>, weights: &Array1<f64>, labels: &[String]) -> Self {
        let mut scaled = centred(features, weights);
        for (mut row, weight) in scaled.axis_iter_mut(Axis(0)).zip(weights) {
            row *= weight.sqrt();
        }
        for mut column in scaled.axis_iter_mut(Axis(1)) {
            if column.dot(&column) <= CONSTANT * CONSTANT {
                column.fill(0.0);
            }
        }
        // The eigenvalues are the squares of the singular values; 1e-4 is far above what squaring loses.
        let eigen = SymmetricEigen::new(scaled.t().dot(&scaled).view());
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        let share = |x: &f64| {
            if largest > 0.0 {
                (x.max(0.0) / largest).sqrt()
            } else {
                0.0
            }
        };
        let singular_values: Vec<f64> = eigen.values.iter().map(share).collect();
        let rank = singular_values.iter().filter(|x| **x > THRESHOLD).count();
        let kept = eigen.vectors.slice_axis(Axis(1), (..rank).into());
        let near = singular_values
            .iter()
            .enumerate()
            .filter(|(_, x)| (THRESHOLD / MARGIN..=THRESHOLD * MARGIN).contains(*x))
            .map(|(k, x)| Near {
                singular_value: *x,
                varies: k < rank,
                features: main_entries(eigen.vectors.column(k).to_vec(), labels),
            })
            .collect();
        Self {
            projection: kept.dot(&kept.t()),
            rank,
            singular_values,
            near,
        }
    }
}

fn main_entries(vector: Vec<f64>, labels: &[String]) -> Vec<String> {
    let largest = vector.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let is_main = |x: &f64| x.abs() >= ENTRY * largest;
    let named = vector.iter().zip(labels);
    named
        .filter(|(x, _)| is_main(x))
        .map(|(_, label)| label.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::{self, Purpose, normal};
    use ndarray::array;

    fn labels(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("f{i}")).collect()
    }

    /// Rows of a one-hot group of three, a constant, a dead feature and one that is free.
    fn rows() -> (Array2<f64>, Array1<f64>) {
        let features = array![
            [1.0, 0.0, 0.0, 1.0, 0.0, 0.3],
            [0.0, 1.0, 0.0, 1.0, 0.0, -0.4],
            [0.0, 0.0, 1.0, 1.0, 0.0, 0.9],
            [1.0, 0.0, 0.0, 1.0, 0.0, -1.0],
        ];
        (features, array![0.25, 0.25, 0.3, 0.2])
    }

    #[test]
    fn the_canonical_directions_do_not_change_along_the_gauge() {
        let (features, weights) = rows();
        let gauge = Gauge::new(features.view(), &weights, &labels(6));
        assert_eq!(gauge.rank, 3);
        let mut rng = rng::stream(0, Purpose::Recovery);
        let w = normal(&mut rng, (4, 6), 1.0);
        for n in [
            array![1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
            array![0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            array![0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        ] {
            let sums = features.dot(&n);
            assert!(sums.iter().all(|x| *x == sums[0]));
            let v = normal(&mut rng, (4, 1), 3.0);
            let shifted = &w + &v.dot(&n.insert_axis(Axis(0)));
            let difference = shifted.dot(&gauge.projection) - w.dot(&gauge.projection);
            assert!(difference.iter().all(|x| x.abs() < 1e-14), "{difference}");
        }
        // And they give the same centred stream as W.
        let centred = centred(features.view(), &weights);
        let difference = centred.dot(&gauge.projection).dot(&w.t()) - centred.dot(&w.t());
        assert!(difference.iter().all(|x| x.abs() < 1e-14));
    }

    #[test]
    fn a_combination_that_nearly_counts_is_named() {
        let near = |size: f64| {
            let features = array![
                [1.0, 1.0],
                [-1.0, -1.0],
                [1.0, 1.0 + size],
                [-1.0, -1.0 - size]
            ];
            Gauge::new(features.view(), &Array1::from_elem(4, 0.25), &labels(2))
        };
        // Two features that differ by e: the smaller singular value is about e/4 of the larger one.
        let gauge = near(0.06);
        assert_eq!(gauge.rank, 2);
        assert_eq!(gauge.near.len(), 1);
        assert!(gauge.near[0].varies);
        assert_eq!(gauge.near[0].features, ["f0", "f1"]);
        let gauge = near(0.03);
        assert_eq!((gauge.rank, gauge.near.len()), (1, 1));
        assert!(!gauge.near[0].varies);
        assert!(near(0.2).near.is_empty() && near(0.001).near.is_empty());
    }

    #[test]
    fn nothing_varies_on_one_row() {
        let gauge = Gauge::new(array![[1.0, 2.0]].view(), &array![1.0], &labels(2));
        assert_eq!(gauge.rank, 0);
        assert!(gauge.near.is_empty());
    }
}
