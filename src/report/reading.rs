//! What a page is made from: texts and JSON of a directory.

use std::path::Path;

use crate::figures::table::FigureError;
use base::files;

/// Larger text files are none of this program's.
const MAX_BYTES: u64 = base::limits::PAGE_TEXT_BYTES;

/// A text file of the directory, if it is there.
pub fn text(directory: &Path, name: &str) -> Result<Option<String>, FigureError> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(files::read_text(&path, MAX_BYTES)?))
}

/// A JSON file of the directory, if it is there.
pub fn json(
    directory: &Path,
    name: &str,
    remedy: &str,
) -> Result<Option<serde_json::Value>, FigureError> {
    let Some(text) = text(directory, name)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| FigureError::Malformed {
            path: directory.join(name),
            line: e.line() as u64,
            problem: format!("this is not the JSON that was written: {e}"),
            remedy: remedy.to_owned(),
        })
}
