//! Studies: many runs, their directory, workers and tables.
//!
//! - [`plan`]: a study file's runs; [`names`] of their directories.
//! - [`record`]: `study.toml`, which says what belongs to a study's directory.
//! - [`tables`]: `runs.csv` and `summary.csv`, under the `study_lock`; [`statistics`] over the seeds.
//! - [`sweep`]: the workers; [`estimate`] of the time they will need.
//! - [`collection`]: the analysis of all runs in a directory, with `grouping` and [`collection_tables`];
//!   [`subject`]: what they are about.

pub mod collection;
pub mod collection_tables;
pub mod estimate;
mod grouping;
pub mod names;
pub mod plan;
pub mod record;
pub mod statistics;
mod study_lock;
pub mod subject;
pub mod sweep;
pub mod tables;

pub use plan::Plan;
pub use record::Record;
pub use tables::Tables;
