//! A table that grows with the steps: flushed row by row as it is written, cut back on resume.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::{self, FileError};

/// More than any run logs.
const MAX_BYTES: u64 = 4 << 30;

/// Why the rows of an earlier sitting cannot be continued.
#[derive(Debug, Error)]
pub enum LogError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what a run writes.
    #[error("{} {problem}; restore it, or --force to start the run over", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The open file.
#[derive(Debug)]
pub struct StepLog {
    path: PathBuf,
    file: File,
}

impl StepLog {
    /// Opens the file of these columns, the first of which is `step`, for the rows from step `next` on:
    /// rows from there on, half a row that a killed process left, and what is no row are cut off first.
    /// `rows` is how many rows before `next` there must be.
    ///
    /// # Errors
    /// If the file cannot be read or written, or the rows before `next` are not all there.
    pub fn resume(path: &Path, columns: &[&str], next: u64, rows: u64) -> Result<Self, LogError> {
        let malformed = |problem: String| LogError::Malformed {
            path: path.to_owned(),
            problem,
        };
        let header = format!("{}\n", columns.join(","));
        let mut kept = header.clone();
        if path.exists() {
            let bytes = files::read_bounded(path, MAX_BYTES)?;
            let text = std::str::from_utf8(&bytes)
                .or_else(|e| std::str::from_utf8(&bytes[..e.valid_up_to()]))
                .unwrap_or_default();
            let Some(body) = text.strip_prefix(&header) else {
                return Err(malformed(
                    "does not start with the columns that a run writes".into(),
                ));
            };
            for line in body
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
            {
                let logged = line
                    .split(',')
                    .next()
                    .and_then(|cell| cell.parse::<u64>().ok());
                match logged {
                    Some(logged) if logged < next => kept.push_str(line),
                    // What was not synced yet may be anything after a power cut.
                    _ => break,
                }
            }
        }
        let found = kept.lines().count() as u64 - 1;
        if found != rows {
            return Err(malformed(format!(
                "has {found} rows up to step {}, where the checkpoint was made, but there were {rows}",
                next.saturating_sub(1)
            )));
        }
        files::write_atomically(path, kept.as_bytes())?;
        let file = File::options()
            .append(true)
            .open(path)
            .map_err(FileError::new("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Appends whole rows and hands them to the system.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn append(&mut self, rows: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(rows)
            .map_err(FileError::new("write", &self.path))
    }

    /// Makes all rows durable; done before each checkpoint, so that none is ever missing beside it.
    ///
    /// # Errors
    /// If the system cannot.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.file
            .sync_data()
            .map_err(FileError::new("sync", &self.path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
