//! The run file: one TOML that says everything about a run; and the study file: many runs.
//!
//! - [`schema`]: every key with its type and range, the one list that checks and messages use.
//! - [`keys`]: the names of keys that other rooms speak of.
//! - [`kind`]: the types and ranges themselves.
//! - [`source`]: the file's text with its [`overrides`], and where a key was written; [`error`]: why it is refused.
//! - [`study`] and [`grid`]: the study file, many runs in one; its keys are in [`study_keys`].
//! - [`run`], [`objective`], [`training`] and [`choices`]: the checked configuration as values, and the files
//!   it is read from and written to.

pub mod choices;
pub mod error;
pub mod grid;
pub mod keys;
pub mod kind;
pub mod objective;
pub mod overrides;
mod place;
pub mod run;
pub mod schema;
pub mod source;
pub mod study;
pub mod study_keys;
pub mod training;
mod values;

pub use choices::{Engine, Init, InitMatrices, Method, Precision};
pub use error::ConfigError;
pub use overrides::Override;
pub use run::RunConfig;
pub use source::ConfigSource;
pub use study::{StudyFile, StudyFileError};
pub use training::RestartsConfig;
