//! How a run ended.

use thiserror::Error;

use crate::config::{Precision, RunConfig};
use crate::results::Summary;
use base::escape;
use superposition::StopReason;

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

/// Why a run has no result, in a sentence that says what to do.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum NoResult {
    #[error("{0}")]
    Interrupted(String),
    #[error("{0}")]
    Diverged(String),
}

impl Outcome {
    /// The result, of this session or of an earlier one.
    ///
    /// # Errors
    /// If there is none.
    pub fn summary(self, config: &RunConfig) -> Result<Summary, NoResult> {
        let name = escape::name(&config.name);
        let directory = config.output.dir.display();
        let problem = match self {
            Self::AlreadyOver(summary) if summary.stop_reason == StopReason::Diverged => {
                let how = "diverged in an earlier session";
                return Err(NoResult::Diverged(diverged(&summary, config, how)));
            }
            Self::Completed(summary) | Self::AlreadyOver(summary) => return Ok(summary),
            Self::Diverged(summary) => {
                return Err(NoResult::Diverged(diverged(&summary, config, "diverged")));
            }
            Self::Interrupted { step: 0 } => format!(
                "{name}: stopped before the first step; the same command starts over ({directory})"
            ),
            Self::Interrupted { step } => format!(
                "{name}: stopped after step {step} of {}; the same command resumes it there ({directory})",
                config.training.updates()
            ),
        };
        Err(NoResult::Interrupted(problem))
    }
}

fn diverged(summary: &Summary, config: &RunConfig, what: &str) -> String {
    // Where nothing was updated yet, the numbers are too large and not the steps.
    let remedy = match config.training.precision {
        Precision::F32 if summary.steps == 0 => {
            "try training.precision = \"f64\", or a lower compression.init_std"
        }
        _ => "try a lower training.learning_rate.initial or compression.init_std",
    };
    format!(
        "{}: {what}: the loss is not a finite number after step {} of {}; the last good checkpoint \
         is kept in {} ({remedy})",
        escape::name(&config.name),
        summary.steps,
        config.training.updates(),
        config.output.dir.display(),
    )
}
