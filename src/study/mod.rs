//! Studies: many runs, their directory, workers and tables.
//!
//! - [`plan`]: a study file's runs; [`names`] of their directories.
//! - [`record`]: `study.toml`, which says what belongs to a study's directory.
//! - [`tables`]: `runs.csv` and `summary.csv`, under the `study_lock`.
//! - [`sweep`]: the workers; [`estimate`] of the time they will need.
//! - [`collection`]: the analysis of all runs in a directory, with its files in [`collection_tables`].

pub mod collection;
pub mod collection_tables;
pub mod estimate;
pub mod names;
pub mod plan;
pub mod record;
mod study_lock;
pub mod sweep;
pub mod tables;

pub use plan::Plan;
pub use record::Record;
pub use tables::Tables;
