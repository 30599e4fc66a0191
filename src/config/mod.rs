//! The run file: one TOML that says everything about a run; and the study file: many runs.
//!
//! - [`schema`]: every key with its type, range, default and meaning: the one list from which files are read and
//!   checked, and from which messages, `compress keys` and docs/configuration.md come.
//! - [`keys`]: the names of keys that other rooms speak of.
//! - `kind`: the types and ranges themselves; `choices`: words that a key chooses from.
//! - `file`: a TOML file and where in it each key was written; `assignment`: a key with its value, from a file or
//!   from `--set`; `source`: a run file with what was laid over it; `error`: why it is refused.
//! - `study`, `grid` and `recovery`: the study file, many runs in one, and what is done with each.
//! - `run`, `objective` and `training`: the checked configuration as values.

mod assignment;
mod choices;
mod error;
mod file;
mod grid;
pub mod keys;
mod kind;
mod objective;
mod recovery;
mod run;
pub mod schema;
mod shrink;
mod source;
mod study;
mod training;

pub use assignment::Assignment;
pub use choices::{
    Criterion, DictionaryMethod, Engine, Init, InitMatrices, Method, Precision, Start, StartFile,
};
pub use error::ConfigError;
pub use recovery::RecoveryConfig;
pub use run::{ModelConfig, RunConfig};
pub use schema::{MOST_ATOMS, MOST_SEEDS};
pub use shrink::ShrinkConfig;
pub use source::ConfigSource;
pub use study::{StudyFile, StudyFileError};
