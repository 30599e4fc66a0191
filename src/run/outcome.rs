//! How a run ended.

use crate::results::Summary;

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// It was over before: nothing was done.
    AlreadyOver(Summary),
    /// All steps are done and all files written.
    Completed(Summary),
    /// It stopped on request at this step; the same command resumes it there.
    Interrupted {
        /// Updates done, those of other starts included.
        step: u64,
    },
    /// The loss became non-finite; the last good checkpoint is kept.
    Diverged(Summary),
}
