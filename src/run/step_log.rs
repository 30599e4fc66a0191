//! A table that grows with the steps: flushed row by row as it is written, cut back on resume.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use thiserror::Error;

use base::files::{self, FileError, links};
use base::interrupt;

/// More than any run logs.
const MAX_BYTES: u64 = base::limits::LOG_BYTES;

/// Why the rows of an earlier session cannot be continued.
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
        let bytes = match path.exists() {
            true => files::read_bounded(path, MAX_BYTES)?,
            false => header(columns).into_bytes(),
        };
        // What was not synced yet may be anything after a power cut.
        let text = std::str::from_utf8(&bytes)
            .or_else(|e| std::str::from_utf8(&bytes[..e.valid_up_to()]))
            .unwrap_or_default();
        let kept = kept(text, columns, next, rows).map_err(malformed)?;
        files::write_atomically(path, kept.as_bytes())?;
        let file = links::open_to_write(path, File::options().append(true))?;
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
        let _whole = interrupt::hold();
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

/// What [`StepLog::resume`] keeps of a file's text: the rows before step `next`, of which there must be
/// `rows`.
///
/// # Errors
/// What is wrong with it, to follow its name.
pub fn kept(text: &str, columns: &[&str], next: u64, rows: u64) -> Result<String, String> {
    let mut kept = header(columns);
    let Some(body) = text.strip_prefix(&kept) else {
        return Err("does not start with the columns that a run writes".into());
    };
    let mut found = 0;
    for row in whole_rows(body) {
        let step = row.split(',').next();
        match step.and_then(|cell| cell.parse::<u64>().ok()) {
            Some(step) if step < next => {
                kept.push_str(row);
                found += 1;
            }
            _ => break,
        }
    }
    if found != rows {
        return Err(format!(
            "has {found} rows up to step {}, where the checkpoint was made, but there were {rows}",
            next.saturating_sub(1)
        ));
    }
    Ok(kept)
}

/// The rows of a table. A line break in quotes is part of a cell (RFC 4180); what a killed process left of
/// a row ends in quotes or without a line break.
fn whole_rows(text: &str) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    let ends = move |c: char| {
        in_quotes ^= c == '"';
        c == '\n' && !in_quotes
    };
    let is_closed = |row: &&str| row.matches('"').count().is_multiple_of(2);
    let rows = text.split_inclusive(ends);
    rows.filter(move |row| row.ends_with('\n') && is_closed(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_may_hold_line_breaks_and_half_of_one_is_none() {
        let rows: Vec<&str> = whole_rows("1,\"a\nb\"\"\"\n2,x\n3,\"c\n").collect();
        assert_eq!(rows, ["1,\"a\nb\"\"\"\n", "2,x\n"]);
        assert_eq!(whole_rows("1,a\n2,b").collect::<Vec<_>>(), ["1,a\n"]);
    }

    #[test]
    fn rows_with_line_breaks_are_kept_and_cut_off_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.csv");
        let mut log = StepLog::resume(&path, &["step", "name"], 0, 0).unwrap();
        log.append(b"1,\"a\n9,b\"\n2,\"c\n\"\n3,\"d\ne").unwrap();
        StepLog::resume(&path, &["step", "name"], 2, 1).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "step,name\n1,\"a\n9,b\"\n");
        let error = StepLog::resume(&path, &["step", "name"], 2, 2).unwrap_err();
        assert!(error.to_string().contains("has 1 rows"), "{error}");
    }
}
