//! Atoms with the way to their codes: what a dictionary learning method finds.
//!
//! - [`encoder`]: from a row to its codes.
//! - [`load`](fn@load): which file or folder holds what.
//! - `saelens`: the folder that SAELens reads and writes.
//! - `matrix`: a bare matrix of atoms, as safetensors, .npy or .npz.
//! - `numpy`: NumPy's arrays and archives.
//! - [`error`]: what can be wrong with all of these.

pub mod encoder;
pub mod error;
mod load;
mod matrix;
mod numpy;
mod saelens;
#[cfg(test)]
mod tests;

use std::path::Path;

use ndarray::{Array1, Array2};

use super::rows::{Reconstruction, Rows};
use base::files::{self, FileError};
use base::tensors::TensorError;
pub use encoder::{Activation, Encoder, Linear};
pub use error::DictionaryError;
pub use load::load;
pub use matrix::BARE;
pub use saelens::{CONFIG, WEIGHTS};

/// Atoms of a dictionary: codes of many rows have to fit in memory.
pub const MOST_ATOMS: usize = 16_384;

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
    /// The codes of all rows, with what they belong to. The same on any number of threads.
    pub fn reconstruct(&self, rows: &Rows) -> Reconstruction {
        Reconstruction {
            atoms: self.atoms.clone(),
            codes: self.encoder.codes(&self.atoms, &self.bias, &rows.z),
            bias: self.bias.clone(),
        }
    }

    /// Writes it into a folder, with what is known of it (JSON): as SAELens does if it has an encoder that SAELens
    /// knows, or as a bare matrix. A file is there whole or not at all, and the one that [`load`] asks for first is
    /// written last.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path, known: &serde_json::Value) -> Result<(), FileError> {
        match &self.encoder {
            Encoder::Linear(linear) => {
                let weights =
                    saelens::weights(self, linear).map_err(|e| failed(folder, WEIGHTS, e))?;
                files::write_atomically(&folder.join(WEIGHTS), &weights)?;
                let config = saelens::config(self, linear, known);
                files::write_atomically(&folder.join(CONFIG), config.as_bytes())
            }
            Encoder::NonNegative { .. } | Encoder::Projection => {
                let bytes = matrix::bytes(self, known).map_err(|e| failed(folder, BARE, e))?;
                files::write_atomically(&folder.join(BARE), &bytes)
            }
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

fn failed(folder: &Path, name: &str, error: TensorError) -> FileError {
    FileError::new("write", &folder.join(name))(std::io::Error::other(error))
}
