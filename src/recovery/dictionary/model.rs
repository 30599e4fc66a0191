//! A dictionary, and what it makes of rows.

use ndarray::{Array1, Array2};

use super::encoder::{Activation, Encoder};
use crate::recovery::rows::{Reconstruction, Rows};

/// What a method found, or somebody brought: `z ≈ codes · atoms + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    /// The directions, `[m, d]`, at least one; their lengths may be anything.
    pub atoms: Array2<f64>,
    /// The offset, `[d]`.
    pub bias: Array1<f64>,
    /// From a row to its codes.
    pub encoder: Encoder,
}

impl Dictionary {
    /// Directions alone, whose codes are found by non-negative least squares.
    pub fn of_atoms(atoms: Array2<f64>) -> Self {
        Self {
            bias: Array1::zeros(atoms.ncols()),
            atoms,
            encoder: Encoder::NonNegative { penalty: 0.0 },
        }
    }

    /// The codes of all rows, with what they belong to. The same on any number of threads.
    pub fn reconstruct(&self, rows: &Rows) -> Reconstruction {
        Reconstruction {
            atoms: self.atoms.clone(),
            codes: self.encoder.codes(&self.atoms, &self.bias, &rows.z),
            bias: self.bias.clone(),
        }
    }

    /// The same in the precision that it is written with.
    #[must_use]
    pub fn as_written(mut self) -> Self {
        let Encoder::Linear(linear) = &mut self.encoder else {
            return self;
        };
        let round = |x: f64| f64::from(x as f32);
        linear.weights.mapv_inplace(round);
        linear.bias.mapv_inplace(round);
        if let Activation::JumpRelu(threshold) = &mut linear.activation {
            threshold.mapv_inplace(round);
        }
        self.atoms.mapv_inplace(round);
        self.bias.mapv_inplace(round);
        self
    }
}
