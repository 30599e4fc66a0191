//! A dictionary in a file.
//!
//! - [`codes`]: the codes of a dictionary without an encoder.

pub mod codes;

use std::path::Path;

use ndarray::{Array1, Array2};

use super::given::matrix;
use super::rows::{Reconstruction, Rows};

pub use super::given::MatrixError as DictionaryError;

/// Directions in the stream.
#[derive(Clone, Debug)]
pub struct Dictionary {
    /// An atom a row, `[m, d]`.
    pub atoms: Array2<f64>,
}

impl Dictionary {
    /// Atoms `[m, d]` without an encoder.
    pub fn of_atoms(atoms: Array2<f64>) -> Self {
        Self { atoms }
    }

    /// The rows as the dictionary has them.
    pub fn reconstruct(&self, rows: &Rows) -> Reconstruction {
        Reconstruction {
            atoms: self.atoms.clone(),
            codes: codes::non_negative(rows.z.view(), self.atoms.view()),
            bias: Array1::zeros(rows.z.ncols()),
        }
    }
}

/// Reads a safetensors file with one matrix `[m, width]`, an atom a row.
///
/// # Errors
/// See [`DictionaryError`].
pub fn load(path: &Path, width: usize) -> Result<Dictionary, DictionaryError> {
    let atoms = matrix(path, "an atom a row")?;
    let (rows, columns) = atoms.dim();
    if rows == 0 || columns != width {
        return Err(DictionaryError::other(
            path,
            format!(
                "its matrix is {rows} by {columns}, and the run's stream has {width} dimensions: it takes one atom a row, m by \
                 {width}"
            ),
        ));
    }
    if let Some(row) = atoms
        .rows()
        .into_iter()
        .position(|row| row.dot(&row) == 0.0)
    {
        let problem = format!("row {row} is 0, and so no direction: leave it out");
        return Err(DictionaryError::other(path, problem));
    }
    Ok(Dictionary { atoms })
}
