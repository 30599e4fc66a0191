//! Why a run or study file was refused, in words.

use thiserror::Error;

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
    #[error("{place}: {message}")]
    Syntax {
        /// File and line.
        place: String,
        /// What the parser found.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("--set {}: expected KEY=VALUE, as in --set compression.dim=8", name(.0))]
    Override(String),
    /// A key that does not exist.
    #[error("{}: there is no key `{}`{hint}", visible(place), name(key))]
    UnknownKey {
        /// File and line, or the override.
        place: String,
        /// With its tables.
        key: String,
        /// What may have been meant.
        hint: String,
    },
    /// A required key that is absent.
    #[error(
        "{}: `{key}` is missing: it takes {allowed} ({meaning})",
        visible(place)
    )]
    Missing {
        /// The file.
        place: String,
        /// With its tables.
        key: &'static str,
        /// Type and range.
        allowed: String,
        /// What it does.
        meaning: &'static str,
    },
    /// A value of another type or out of range.
    #[error(
        "{}: `{}` is {}, but it takes {allowed}",
        visible(place),
        name(key),
        name(found)
    )]
    Value {
        /// File and line, or the override.
        place: String,
        /// With its tables.
        key: String,
        /// The value as written.
        found: String,
        /// Type and range.
        allowed: String,
    },
    /// A value that contradicts another, or the model.
    #[error("{}: `{key}`: {}", visible(place), visible(problem))]
    Conflict {
        /// File and line, or the override.
        place: String,
        /// With its tables.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
}
