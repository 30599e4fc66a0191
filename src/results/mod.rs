//! What finished runs and studies leave, as types: read once, here. Figures, pages and the analysis of studies read this
//! and recompute nothing; `run` and `study` write it.
//!
//! - [`layout`]: the files of a run's and a study's directory; [`table`] and [`documents`]: any of them, read with
//!   errors that say what is wrong where ([`error`]).
//! - [`metric`]: every metric of a finished run, with its name, meaning, axis, direction and tolerance.
//! - [`statistics`]: medians, spreads and bootstrap intervals; [`critical`]: from which `d` on a metric is good enough.
//! - [`summary`] and [`ending`]: how a run ended; [`trainings`]: the same of many; [`state`]: how far a run is;
//!   [`feature`]: what became of a feature.
//! - [`group`]: which runs belong together; [`run`]: by group and `d`; [`series`]: one metric of one group.
//! - [`runs`], [`study_tables`], [`study_analysis`], [`recovery_scores`] and [`subject`]: the files of a study; [`recovery_lines`]: a line a
//!   dictionary method; [`study`]: its runs from
//!   whichever of them there is.

pub mod critical;
pub mod documents;
pub mod ending;
pub mod error;
pub mod feature;
pub mod group;
pub mod layout;
pub mod metric;
pub mod recovery_lines;
pub mod recovery_scores;
pub mod run;
pub mod runs;
pub mod series;
pub mod state;
pub mod statistics;
pub mod study;
pub mod study_analysis;
pub mod study_tables;
pub mod subject;
pub mod summary;
pub mod table;
pub mod trainings;

pub use error::ReadError;
pub use group::Group;
pub use metric::{Better, Metric};
pub use run::Run;
pub use runs::Runs;
pub use series::Series;
pub use state::{RunState, Status};
pub use study::Study;
pub use summary::Summary;
pub use table::Table;
