//! The run file: one TOML that says everything about a run; and the study file: many runs.
//!
//! - [`schema`]: every key with its type and range, the one list that checks and messages use.
//! - [`kind`]: the types and ranges themselves.
//! - [`source`]: the file's text and the `--set` overrides, and where a key was written.
//! - [`study`] and [`grid`]: the study file, many runs in one.
//! - [`run`]: the checked configuration as values, and the files it is read from and written to.

pub mod grid;
pub mod kind;
pub mod run;
pub mod schema;
pub mod source;
pub mod study;

pub use run::{Engine, Method, Precision, RunConfig};
pub use source::{ConfigError, ConfigSource, Override};
pub use study::{StudyFile, StudyFileError};
