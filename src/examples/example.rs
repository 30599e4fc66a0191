//! Files to begin with, and why there are none.

use thiserror::Error;

use super::widths::InputsError;
use tracr::program::BuildError;

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name in the directory.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// An example: the file to begin with, and those that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The run file or the study first.
    pub files: Vec<Written>,
    /// Whether it is a study.
    pub is_study: bool,
    /// What should be known before it is run.
    pub warning: Option<String>,
}

/// Why there is no such example.
#[derive(Debug, Error)]
pub enum ExampleError {
    /// The library has nothing of this name.
    #[error("there is no example `{name}`{hint}: `compress init --list` shows all")]
    Unknown {
        /// As asked for.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A program of the library does not compile.
    #[error(transparent)]
    Program(#[from] BuildError),
    /// A program has no inputs.
    #[error("there is nothing to train on: {0}")]
    Inputs(#[from] InputsError),
    /// The program's path is not UTF-8.
    #[error(
        "the program's path cannot be written into a run file: rename it to something in UTF-8"
    )]
    Path,
}
