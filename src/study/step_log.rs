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
    /// rows from there on, and half a row that a killed process left, are cut off first. `rows` is how
    /// many rows before `next` there must be.
    ///
    /// # Errors
    /// If the file cannot be read or written, or the rows before `next` are not all there.
    pub fn resume(path: &Path, columns: &[&str], next: u64, rows: u64) -> Result<Self, LogError> {
        let malformed = |problem: String| LogError::Malformed {
            path: path.to_owned(),
            problem,
        };
        let text = match path.exists() {
            true => files::read_text(path, MAX_BYTES)?,
            false => header(columns),
        };
        let kept = kept(&text, columns, next, rows).map_err(malformed)?;
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

fn header(columns: &[&str]) -> String {
    format!("{}\n", columns.join(","))
}

/// What [`StepLog::resume`] keeps of a file's text.
///
/// # Errors
/// What is wrong with it, to follow its name.
pub fn kept(text: &str, columns: &[&str], next: u64, rows: u64) -> Result<String, String> {
    let mut kept = header(columns);
    let Some(body) = text.strip_prefix(&kept) else {
        return Err("does not start with the columns that a run writes".into());
    };
    let whole = |line: &&str| line.ends_with('\n');
    for line in body.split_inclusive('\n').filter(whole) {
        let step = line.split(',').next();
        match step.and_then(|cell| cell.parse::<u64>().ok()) {
            Some(step) if step < next => kept.push_str(line),
            Some(_) => break,
            None => return Err("has a row without a step".into()),
        }
    }
    let found = kept.lines().count() as u64 - 1;
    if found != rows {
        return Err(format!(
            "has {found} rows up to step {}, where the checkpoint was made, but there were {rows}",
            next.saturating_sub(1)
        ));
    }
    Ok(kept)
}
