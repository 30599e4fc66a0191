//! Runs and their directories: from a checked configuration to files that can be plotted.
//!
//! - [`experiment`]: a configuration together with the model and input space it speaks of.
//! - `baseline`: a run whose `W` is found instead of trained.
//! - [`directory`]: the run directory: whose it is, whether it is done, who is working in it.
//! - [`metrics`]: `metrics.csv`, appended row by row and cut back on resume.
//! - [`results`]: what a finished run leaves: tables, `W`, and `summary.json`.
//! - [`mod@run`]: one run from start or checkpoint to its end.

mod baseline;
pub mod directory;
pub mod experiment;
pub mod metrics;
pub mod results;
pub mod run;

pub use experiment::Experiment;
pub use run::{Outcome, RunError, run};
