//! The smallest `d` at which a program still works: from a `W` that loses nothing, one dimension after the other is
//! dropped, and what is left is trained until it works again (`docs/shrink.md`).
//!
//! - [`directory`]: whose directory it is, and what is there already.
//! - [`path`]: `path.csv`, a row a drop.
//! - `standard`: what a `W` has to do.
//! - `candidates`: which dimensions could be dropped.
//! - `search`: what a search goes by.
//! - `plans`: the trainings to make for a drop.
//! - `attempt`: one training; `tries`: those of one drop, side by side.
//! - `descent`: one drop after the other, and one descent after the other.
//! - [`outcome`]: what was found.
//!
//! Everything follows from the run file, the seed and the last accepted `W`: who is stopped and goes on, with however
//! many jobs, gets the same bytes but for seconds.

mod attempt;
mod candidates;
mod descent;
pub mod directory;
pub mod outcome;
pub mod path;
mod plans;
mod search;
mod standard;
mod tries;

pub use descent::Session;
pub use path::Dropping;
pub use search::{Shrink, ShrinkError, Watcher};
pub use standard::Standard;
