//! `warnings.txt`: what happened to a run that its results do not show, a line each; there only if
//! something did.

use std::path::Path;

use super::directory::RunDirectory;
use super::progress::Progress;
use crate::results::layout::WARNINGS;
use base::files::{self, FileError};

const MAX_BYTES: u64 = 1 << 20;

/// Tells whoever watches a run, and keeps it.
pub(super) struct Warnings<'a> {
    pub directory: &'a RunDirectory,
    pub progress: &'a mut dyn Progress,
}

impl Warnings<'_> {
    /// Says this, and keeps it unless it is the last that was kept: then who said it was killed before
    /// doing anything about it.
    pub fn add(&mut self, warning: &str) -> Result<(), FileError> {
        self.progress.warn(warning);
        let mut all = read(self.directory.path())?;
        let line = warning.replace(['\n', '\r'], " ");
        if all.last() == Some(&line) {
            return Ok(());
        }
        all.push(line);
        let text = all.join("\n") + "\n";
        files::write_atomically(&self.directory.file(WARNINGS), text.as_bytes())
    }
}

/// What a run was warned of, from the first to the last.
///
/// # Errors
/// If the file is there and cannot be read.
pub fn read(run: &Path) -> Result<Vec<String>, FileError> {
    let path = run.join(WARNINGS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&path, MAX_BYTES)?;
    Ok(text.lines().map(str::to_owned).collect())
}
