//! Which file or folder holds what.

use std::path::Path;

use super::error::{DictionaryError, Problem};
use super::layout::{BARE, CONFIG, WEIGHTS};
use super::model::Dictionary;
use super::{matrix, saelens};
use base::content::Content;
use base::files;
use base::limits;

/// Reads a dictionary for a stream of this width `d`: a folder as SAELens writes it, a folder of `compress recover`,
/// or a file with a matrix `[m, d]`.
///
/// # Errors
/// If there is none, or it does not belong to such a stream; see [`DictionaryError`].
pub fn load(path: &Path, width: usize) -> Result<Dictionary, DictionaryError> {
    if path.is_dir() {
        return of_folder(path, width);
    }
    let wrong = DictionaryError::of::<Problem>(path);
    let bytes = files::read_bounded(path, limits::PROJECTION_BYTES)?;
    if bytes.is_empty() {
        return Err(wrong(Problem::Empty));
    }
    match Content::of(&bytes) {
        Some(Content::Safetensors) => matrix::of_tensors(&bytes, width).map_err(wrong),
        Some(Content::NumpyArray) => matrix::of_array(&bytes, width).map_err(wrong),
        // An archive that is cut off, or holds other files too, is told apart by its reader.
        Some(Content::NumpyArchive | Content::Zip) => {
            matrix::of_archive(&bytes, width).map_err(wrong)
        }
        Some(kind) => Err(wrong(Problem::AnotherKind { kind })),
        // A header that is cut off.
        None if is_called(path, "safetensors") => matrix::of_tensors(&bytes, width).map_err(wrong),
        None => Err(wrong(Problem::Unknown)),
    }
}

fn of_folder(folder: &Path, width: usize) -> Result<Dictionary, DictionaryError> {
    let has = |name: &str| folder.join(name).exists();
    let half = |there, missing| DictionaryError::of(folder)(Problem::Half { there, missing });
    match (has(CONFIG), has(WEIGHTS), has(BARE)) {
        (true, true, _) => saelens::load(folder, width),
        (_, _, true) => load(&folder.join(BARE), width),
        (true, false, _) => Err(half(CONFIG, WEIGHTS)),
        (false, true, _) => Err(half(WEIGHTS, CONFIG)),
        (false, false, false) => {
            let mut names = files::names(folder)?;
            names.sort();
            let is_one = |name: &String| {
                let inside = folder.join(name);
                inside.join(CONFIG).exists() || inside.join(BARE).exists()
            };
            let found = names.into_iter().find(is_one);
            Err(DictionaryError::of(folder)(Problem::NoFiles { found }))
        }
    }
}

fn is_called(path: &Path, ending: &str) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case(ending))
}
