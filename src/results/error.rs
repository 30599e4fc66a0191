//! Why results cannot be read.

use std::path::PathBuf;

use thiserror::Error;

use base::files::FileError;

/// Why results cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Neither a run nor a study.
    #[error(
        "{} holds no results to draw: neither metrics.csv (a run) nor runs.csv or study_metrics.csv (a \
         study); give a directory that `compress --config` or `compress sweep` wrote, or make the tables \
         of runs below it with `compress analyze`",
        .0.display()
    )]
    NoResults(PathBuf),
    /// A table that has to be there is not.
    #[error("{} is missing: {remedy}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What makes it.
        remedy: String,
    },
    /// A table that does not say what it should.
    #[error("{}, line {line}: {problem}; {remedy}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header's.
        line: u64,
        /// What is wrong.
        problem: String,
        /// What rebuilds the file.
        remedy: String,
    },
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}
