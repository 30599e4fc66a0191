//! Runs and their directories: from a checked configuration to files that can be plotted; and
//! studies, which are many of them.
//!
//! One run:
//! - [`experiment`]: a configuration together with the model and input space it speaks of.
//! - [`directory`]: the run directory: whose it is, whether it is done, who is working in it.
//! - [`metrics`]: `metrics.csv`, appended row by row and cut back on resume.
//! - [`results`]: what a finished run leaves: tables, `W`, and `summary.json`.
//! - [`mod@run`]: one run from start or checkpoint to its end; `baseline` for a `W` that is found
//!   instead of trained.
//!
//! Many:
//! - [`plan`]: a study file's runs; [`names`] of their directories.
//! - [`record`]: `study.toml`, which says what belongs to a study's directory.
//! - [`state`]: how far a run is.
//! - [`tables`]: `runs.csv` and `summary.csv`; [`statistics`] over the seeds.
//! - [`sweep`]: the workers; [`estimate`] of the time they will need.

mod baseline;
pub mod directory;
pub mod estimate;
pub mod experiment;
pub mod metrics;
pub mod names;
pub mod plan;
pub mod record;
pub mod results;
pub mod run;
pub mod state;
pub mod statistics;
pub mod sweep;
pub mod tables;

pub use experiment::Experiment;
pub use plan::Plan;
pub use record::Record;
pub use run::{Outcome, RunError, run};
pub use tables::Tables;
