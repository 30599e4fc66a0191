//! The lock on a study's own files, `study.toml` and the tables: who holds it alone writes them, in this
//! process or another.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::results::layout::STUDY;
use base::files::{self, FileError, links};

/// The locked file.
pub(super) const LOCK: &str = ".tables.lock";

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct StudyLock {
    directory: PathBuf,
    _lock: File,
}

impl StudyLock {
    /// Waits for the lock, and clears away what a killed process left.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn take(directory: &Path) -> Result<Self, FileError> {
        let path = directory.join(LOCK);
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let lock = links::open_to_write(&path, &mut options)?;
        lock.lock().map_err(FileError::new("lock", &path))?;
        files::remove_leftovers(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// Writes a file of the study, unless it is there already, byte for byte.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.directory.join(name);
        let limit = bytes.len() as u64;
        if files::read_bounded(&path, limit).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        files::write_atomically(&path, bytes)
    }
}

/// That a study's directory was not moved or deleted while somebody works in it: whoever rebuilds it
/// makes one that is no study's.
///
/// # Errors
/// If it was.
pub(super) fn still_there(directory: &Path) -> Result<(), FileError> {
    let path = directory.join(STUDY);
    if path.exists() {
        return Ok(());
    }
    let problem = "it is gone: the study's directory was moved or deleted while the sweep ran; bring \
                   it back, or start again";
    Err(FileError::new("go on with", &path)(io::Error::new(
        io::ErrorKind::NotFound,
        problem,
    )))
}
