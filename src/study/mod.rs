//! Runs and their directories: from a checked configuration to files that can be plotted.
//!
//! - [`experiment`]: a configuration together with the model and input space it speaks of.
//! - [`directory`]: the run directory: whose it is, whether it is done, who is working in it.
//! - [`metrics`]: `metrics.csv`, appended row by row and cut back on resume.
//! - [`analyzed`]: the analysis of a run and its files; [`finished`]: a finished run, read again.
//! - [`collection`]: the analysis of all runs in a directory, with `grouping` and
//!   `collection_tables`; [`reference`](mod@reference): a Gram matrix from elsewhere.
//! - [`results`]: what a finished run leaves: tables, `W`, and `summary.json`.
//! - [`mod@run`]: one run from start or checkpoint to its end.

pub mod analyzed;
pub mod collection;
mod collection_tables;
pub mod directory;
pub mod experiment;
pub mod finished;
mod grouping;
pub mod metrics;
pub mod reference;
pub mod results;
pub mod run;

pub use experiment::Experiment;
pub use run::{Outcome, RunError, run};
