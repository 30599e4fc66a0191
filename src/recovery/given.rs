//! Codes from elsewhere, for the rows that `compress export --format activations` writes.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Ix2};
use thiserror::Error;

use base::escape;
use base::files::{self, FileError};
use base::limits;
use base::tensors::{TensorError, TensorFile};

/// Why a file is not the matrix that it should be.
#[derive(Debug, Error)]
pub enum MatrixError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no safetensors file, or its matrix cannot be used.
    #[error("{} cannot be used: {}", escape::path(path), escape::visible(&problem.to_string()))]
    Tensor {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: TensorError,
    },
    /// It holds something else.
    #[error("{} cannot be used: {}", escape::path(path), escape::visible(problem))]
    Other {
        /// The file.
        path: PathBuf,
        /// What it holds.
        problem: String,
    },
}

impl MatrixError {
    /// Of a file that holds something else.
    pub fn other(path: &Path, problem: String) -> Self {
        Self::Other {
            path: path.to_owned(),
            problem,
        }
    }
}

/// Reads codes of `rows` rows and `atoms` atoms.
///
/// # Errors
/// If the file is no matrix of finite numbers of that shape.
pub fn codes(path: &Path, (rows, atoms): (usize, usize)) -> Result<Array2<f64>, MatrixError> {
    let codes = matrix(path, "the codes of a row of the export in each row")?;
    if codes.dim() == (rows, atoms) {
        return Ok(codes);
    }
    let (given_rows, given_atoms) = codes.dim();
    Err(MatrixError::other(
        path,
        format!(
            "its codes are {given_rows} by {given_atoms}, and they must be {rows} by {atoms}: a row for each of the {rows} rows \
             that `compress export --format activations` writes with the same --site and --no-bos, and a column for each of the \
             {atoms} atoms"
        ),
    ))
}

/// The one matrix of a safetensors file, float32 or float64.
///
/// # Errors
/// See [`MatrixError`].
pub fn matrix(path: &Path, what: &str) -> Result<Array2<f64>, MatrixError> {
    let bytes = files::read_bounded(path, limits::PROJECTION_BYTES)?;
    let tensor = |problem| MatrixError::Tensor {
        path: path.to_owned(),
        problem,
    };
    let other = |problem| MatrixError::other(path, problem);
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
            "`{name}` has {} dimension{}, and takes two: a matrix, {what}",
            shape.len(),
            if shape.len() == 1 { "" } else { "s" }
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
