//! How well a dictionary explains rows, and how sparsely: what can be said without knowing the truth.

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use super::rows::{Reconstruction, Rows};
use super::weighted;

/// A code below this share of the stream's standard deviation per dimension counts as 0 in [`Fit::l0`].
const ACTIVE: f64 = 1e-6;

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Atoms.
    pub atoms: usize,
    /// Explained variance: `1 − Σ w ‖z − ẑ‖² / Σ w ‖z − z̄‖²`.
    pub explained_variance: f64,
    /// Atoms that are active in a row, on average.
    pub l0: f64,
    /// Atoms that are active in no row.
    pub dead: usize,
}

/// The variance of the rows, summed over dimensions.
pub fn variance(rows: &Rows) -> f64 {
    weighted::variances(rows.z.view(), &rows.weights).sum()
}

/// `‖a − b‖²`.
fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter()
        .zip(b)
        .fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

impl Fit {
    /// Of a reconstruction of these rows, whose variance is above 0.
    pub fn new(rows: &Rows, reconstruction: &Reconstruction) -> Self {
        let variance = variance(rows);
        let least = ACTIVE * (variance / rows.z.ncols() as f64).sqrt();
        let (mut error, mut l0) = (0.0, 0.0);
        let mut alive = vec![false; reconstruction.atoms.nrows()];
        for ((row, codes), weight) in rows
            .z
            .rows()
            .into_iter()
            .zip(reconstruction.codes.rows())
            .zip(&rows.weights)
        {
            let mut found = reconstruction.bias.clone();
            for ((code, atom), alive) in codes
                .iter()
                .zip(reconstruction.atoms.rows())
                .zip(&mut alive)
            {
                if *code != 0.0 {
                    found.scaled_add(*code, &atom);
                }
                if code.abs() > least {
                    l0 += weight;
                    *alive = true;
                }
            }
            error += weight * distance(row, found.view());
        }
        Self {
            atoms: reconstruction.atoms.nrows(),
            explained_variance: 1.0 - error / variance,
            l0,
            dead: alive.iter().filter(|alive| !**alive).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_fit_by_hand() {
        let rows = Rows {
            z: array![[1.0, 0.0], [3.0, 0.0], [2.0, 4.0]],
            weights: array![0.25, 0.25, 0.5],
        };
        // Mean (2, 2), variance 0.25·5 + 0.25·5 + 0.5·4.
        assert_eq!(variance(&rows), 4.5);
        let reconstruction = Reconstruction {
            atoms: array![[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]],
            codes: array![[0.0, 1e-9, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 0.0]],
            bias: array![1.0, 0.0],
        };
        // Errors 0, 0 and 4, but for 4e-18; active: none, one and two.
        let fit = Fit::new(&rows, &reconstruction);
        approx::assert_abs_diff_eq!(fit.explained_variance, 1.0 - 2.0 / 4.5, epsilon = 1e-12);
        assert_eq!((fit.l0, fit.dead), (1.25, 1));
    }
}
