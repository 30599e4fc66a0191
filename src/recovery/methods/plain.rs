//! What needs no search: principal components, and rows of the data.

use ndarray::{Array1, Array2, Axis};

use super::choice::Attempt;
use super::scaled::Scaled;
use crate::recovery::dictionary::{Dictionary, Encoder};
use base::linalg::SymmetricEigen;
use base::rng::{self, Purpose};

/// A principal component with less than this share of the first one's standard deviation is none.
const LEAST: f64 = 1e-3;

/// A row nearer to the mean has no direction, in standard deviations per dimension.
const NEAR: f64 = 1e-6;

/// Draws of a row for an atom, before one without a direction is taken.
const DRAWS: usize = 1000;

/// The first `m` principal components, or as many as there are; codes are projections, of any sign.
pub fn pca(scaled: &Scaled, m: usize) -> Attempt {
    let d = scaled.y.ncols();
    let mut moment = Array2::<f64>::zeros((d, d));
    for (row, weight) in scaled.y.rows().into_iter().zip(&scaled.weights) {
        for (x, mut into) in row.iter().zip(moment.rows_mut()) {
            into.scaled_add(weight * x, &row);
        }
    }
    let SymmetricEigen { values, vectors } = SymmetricEigen::new(moment.view());
    let floor = values.first().copied().unwrap_or(0.0) * LEAST * LEAST;
    let count = values.iter().take(m).filter(|x| **x > floor).count();
    let atoms = vectors.slice_axis(Axis(1), (..count).into()).t().to_owned();
    bare(
        scaled,
        atoms.as_standard_layout().into_owned(),
        Encoder::Projection,
    )
}

/// Directions from the mean to `m` rows, drawn by weight.
pub fn random(scaled: &Scaled, m: usize, seed: u64) -> Attempt {
    let mut rng = rng::stream(seed, Purpose::Recovery);
    let mut atoms = Array2::zeros((m, scaled.y.ncols()));
    for mut atom in atoms.rows_mut() {
        for _ in 0..DRAWS {
            let row = scaled.y.row(scaled.draw.draw(&mut rng));
            let length = row.dot(&row).sqrt();
            if length > NEAR {
                atom.assign(&(&row / length));
                break;
            }
        }
    }
    bare(scaled, atoms, Encoder::NonNegative { penalty: 0.0 })
}

fn bare(scaled: &Scaled, atoms: Array2<f64>, encoder: Encoder) -> Attempt {
    let bias = scaled.offset(&Array1::zeros(atoms.ncols()));
    Attempt {
        dictionary: Dictionary {
            atoms,
            bias,
            encoder,
        },
        objective: None,
        fit: None,
    }
}
