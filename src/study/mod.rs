//! Runs and their directories: from a checked configuration to files that can be plotted; and
//! studies, which are many of them.
//!
//! One run:
//! - [`experiment`]: a configuration together with the model and input space it speaks of; [`memory`]: what it
//!   will need.
//! - [`directory`]: the run directory: whose it is, whether it is done, who is working in it.
//! - [`metrics`]: `metrics.csv`, appended row by row and cut back on resume.
//! - [`diagnostics`]: `diagnostics.csv`; `step_log` for both of them.
//! - [`analyzed`]: the analysis of a run and its files; [`finished`]: a finished run, read again.
//! - [`collection`]: the analysis of all runs in a directory, with `grouping` and
//!   [`collection_tables`]; [`reference`](mod@reference): a Gram matrix from elsewhere.
//! - [`results`]: what a finished run leaves: tables, `W`, and `summary.json`; [`ending`]: whether it learned.
//! - [`mod@run`]: one run from start or checkpoint to its end: `initial`, `restarts` and `training`, or
//!   `baseline` for a `W` that is found instead of trained; `checkpoints` of it, and `warnings`.
//!
//! Many:
//! - [`plan`]: a study file's runs; [`names`] of their directories.
//! - [`record`]: `study.toml`, which says what belongs to a study's directory.
//! - [`state`]: how far a run is.
//! - [`tables`]: `runs.csv` and `summary.csv`, under the `study_lock`; [`statistics`] over the seeds.
//! - [`sweep`]: the workers; [`estimate`] of the time they will need.

pub mod analyzed;
mod baseline;
mod checkpoints;
pub mod collection;
pub mod collection_tables;
pub mod diagnostics;
pub mod directory;
pub mod ending;
pub mod estimate;
pub mod experiment;
pub mod finished;
mod grouping;
mod initial;
pub mod memory;
pub mod metrics;
pub mod names;
pub mod plan;
pub mod record;
pub mod reference;
mod restarts;
pub mod results;
pub mod run;
pub mod state;
pub mod statistics;
pub mod step_log;
mod study_lock;
pub mod subject;
pub mod sweep;
pub mod tables;
mod training;
mod warnings;

pub use experiment::Experiment;
pub use plan::Plan;
pub use record::Record;
pub use run::{Outcome, RunError, run};
pub use tables::Tables;
