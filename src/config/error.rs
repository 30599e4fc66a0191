//! Why a run or study file was refused, in words.

use std::path::Path;

use thiserror::Error;

use super::schema::{self, Key};
use crate::library;
use base::escape::{name, visible};
use base::files::FileError;

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}{}", .0, library::after(.0))]
    File(#[from] FileError),
    /// It is not TOML.
    #[error("{location}: {message}")]
    Syntax {
        /// File and line.
        location: String,
        /// What the parser found.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("--set {}: expected KEY=VALUE, as in --set compression.dim=8", name(.0))]
    Override(String),
    /// A key that does not exist.
    #[error("{}: there is no key `{}`{hint}", visible(location), name(key))]
    UnknownKey {
        /// File and line, or the override.
        location: String,
        /// With its tables.
        key: String,
        /// What may have been meant.
        hint: String,
    },
    /// A key that is written twice, in its table and dotted for instance.
    #[error("{}: `{}` stands here twice", visible(location), name(key))]
    Repeated {
        /// File and line of the second.
        location: String,
        /// With its tables.
        key: String,
    },
    /// A required key that is absent.
    #[error(
        "{}: `{key}` is missing: it takes {takes} ({meaning})",
        visible(location)
    )]
    Missing {
        /// The file.
        location: String,
        /// With its tables.
        key: &'static str,
        /// Type and range.
        takes: String,
        /// What it does.
        meaning: &'static str,
    },
    /// A value of another type or out of range.
    #[error(
        "{}: `{}` is {}, but it takes {allowed}",
        visible(location),
        name(key),
        name(found)
    )]
    Value {
        /// File and line, or the override.
        location: String,
        /// With its tables.
        key: String,
        /// The value.
        found: String,
        /// Type and range.
        allowed: String,
    },
    /// A value that contradicts another, or the model.
    #[error("{}: `{key}`: {}", visible(location), visible(problem))]
    Conflict {
        /// File and line, or the override.
        location: String,
        /// With its tables.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
}

impl ConfigError {
    /// A file lacks a key.
    pub(super) fn missing(file: &Path, key: &'static Key) -> Self {
        Self::Missing {
            location: file.display().to_string(),
            key: key.name,
            takes: key.takes(),
            meaning: key.meaning,
        }
    }

    /// There is no such key in a run file; with the one that may have been meant.
    pub(super) fn unknown_key(location: String, key: String) -> Self {
        let hint = schema::suggestion(&key)
            .map_or_else(String::new, |known| format!(": did you mean `{known}`?"));
        Self::UnknownKey {
            location,
            key,
            hint,
        }
    }
}
