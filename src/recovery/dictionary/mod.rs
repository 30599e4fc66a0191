//! A dictionary in a file.
//!
//! - [`codes`]: the codes of a dictionary without an encoder.

pub mod codes;

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Ix2};
use thiserror::Error;

use super::rows::{Reconstruction, Rows};
use base::escape;
use base::files::{self, FileError};
use base::limits;
use base::tensors::{TensorError, TensorFile};

/// Why a file is no dictionary.
#[derive(Debug, Error)]
pub enum DictionaryError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no safetensors file, or its matrix cannot be used.
    #[error("{} is not a usable dictionary: {}", escape::path(path), escape::visible(&problem.to_string()))]
    Tensor {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: TensorError,
    },
    /// It holds something else than one matrix of atoms.
    #[error(
        "{} is not a usable dictionary: {}",
        escape::path(path),
        escape::visible(problem)
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What it holds.
        problem: String,
    },
}

/// Directions in the stream.
#[derive(Clone, Debug)]
pub struct Dictionary {
    atoms: Array2<f64>,
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
        return Err(DictionaryError::Other {
            path: path.to_owned(),
            problem: format!(
                "its matrix is {rows} by {columns}, and the run's stream has {width} dimensions: it takes one atom a row, m by \
                 {width}"
            ),
        });
    }
    if let Some(row) = atoms
        .rows()
        .into_iter()
        .position(|row| row.dot(&row) == 0.0)
    {
        return Err(DictionaryError::Other {
            path: path.to_owned(),
            problem: format!("row {row} is 0, and so no direction: leave it out"),
        });
    }
    Ok(Dictionary { atoms })
}

/// The one matrix of a safetensors file, float32 or float64.
///
/// # Errors
/// See [`DictionaryError`].
pub fn matrix(path: &Path, what: &str) -> Result<Array2<f64>, DictionaryError> {
    let bytes = files::read_bounded(path, limits::PROJECTION_BYTES)?;
    let tensor = |problem| DictionaryError::Tensor {
        path: path.to_owned(),
        problem,
    };
    let other = |problem| DictionaryError::Other {
        path: path.to_owned(),
        problem,
    };
    let file = TensorFile::parse(&bytes).map_err(tensor)?;
    let names = file.names();
    let &[name] = names.as_slice() else {
        return Err(other(format!(
            "it has {} tensors, and takes one matrix, {what}",
            names.len()
        )));
    };
    let shape = file.shape(name).unwrap_or_default();
    if shape.len() != 2 {
        return Err(other(format!(
            "`{name}` has {} dimensions, and takes two: a matrix, {what}",
            shape.len()
        )));
    }
    let numbers = match file.tensor::<f64>(name, &shape) {
        Err(TensorError::WrongType { .. }) => file
            .tensor::<f32>(name, &shape)
            .map(|single| single.mapv(f64::from)),
        double => double,
    };
    let matrix = numbers.map_err(tensor)?.into_dimensionality::<Ix2>();
    matrix.map_err(|e| other(e.to_string()))
}
