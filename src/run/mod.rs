//! One run: its directory, from a checked configuration to files that can be plotted.
//!
//! - [`progress`] and [`error`]: who watches it, and why it could not go on; `outcome`: how it ended.
//! - [`experiment`]: a configuration together with the model and input space it speaks of; [`memory`]: what it
//!   will need.
//! - [`directory`]: whose a run directory is, whether it is done, who is working in it.
//! - [`metrics`]: `metrics.csv`, appended row by row and cut back on resume; [`diagnostics`]: `diagnostics.csv`;
//!   [`step_log`] for both of them.
//! - `tables`: what a finished run leaves: tables, `W`, and `summary.json`.
//! - [`analyzed`]: the analysis of a run and its files; [`finished`]: a finished run, read again;
//!   [`reference`](mod@reference): a Gram matrix from elsewhere.
//! - `lifecycle`: a run from start or checkpoint to its end: `initial`, `restarts` and `training`, or `baseline` for a
//!   `W` that is found instead of trained; `checkpoints` of it, and `warnings`.

pub mod analyzed;
mod baseline;
mod checkpoints;
pub mod diagnostics;
pub mod directory;
pub mod error;
pub mod experiment;
pub mod finished;
mod initial;
mod lifecycle;
pub mod memory;
pub mod metrics;
mod outcome;
pub mod progress;
pub mod reference;
mod restarts;
pub mod step_log;
pub mod tables;
mod training;
mod warnings;

pub use error::RunError;
pub use experiment::Experiment;
pub use lifecycle::run;
pub use outcome::{NoResult, Outcome};
pub use progress::Progress;
