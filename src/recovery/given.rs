//! Codes from elsewhere, for the rows that `compress export --format activations` writes.

use std::path::Path;

use ndarray::Array2;

use super::dictionary::{DictionaryError, matrix};
use super::rows::Reconstruction;

/// Reads the codes `[n, m]` of a reconstruction's rows and atoms.
///
/// # Errors
/// If the file is no matrix of finite numbers of that shape.
pub fn codes(path: &Path, found: &Reconstruction) -> Result<Array2<f64>, DictionaryError> {
    let (rows, atoms) = found.codes.dim();
    let codes = matrix(path, "the codes of a row of the export in each row")?;
    if codes.dim() == (rows, atoms) {
        return Ok(codes);
    }
    let (given_rows, given_atoms) = codes.dim();
    Err(DictionaryError::Other {
        path: path.to_owned(),
        problem: format!(
            "its codes are {given_rows} by {given_atoms}, and they must be {rows} by {atoms}: a row for each of the {rows} rows that \
             `compress export --format activations` writes with the same --site and --no-bos, and a column for each of the {atoms} \
             atoms"
        ),
    })
}
