//! Texts and JSON of a directory.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::ReadError;
use base::files;

/// Larger text files are none of this program's.
const MAX_BYTES: u64 = base::limits::PAGE_TEXT_BYTES;

/// A text file of the directory, if it is there.
///
/// # Errors
/// If it cannot be read.
pub fn text(directory: &Path, name: &str) -> Result<Option<String>, ReadError> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(files::read_text(&path, MAX_BYTES)?))
}

/// A JSON file of the directory, if it is there.
///
/// # Errors
/// If it cannot be read, or is no JSON of this kind.
pub fn json<D: DeserializeOwned>(
    directory: &Path,
    name: &str,
    remedy: &str,
) -> Result<Option<D>, ReadError> {
    let Some(text) = text(directory, name)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| ReadError::Malformed {
            path: directory.join(name),
            line: e.line() as u64,
            problem: format!("this is not the JSON that was written: {e}"),
            remedy: remedy.to_owned(),
        })
}
