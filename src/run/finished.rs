//! A finished run, read from its directory.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::experiment::{Experiment, ExperimentError};
use crate::results::Summary;
use crate::results::layout::{CONFIG, PROJECTION, SUMMARY};
use base::files::FileError;
use superposition::projection::ProjectionError;
use superposition::{Projection, StopReason};

/// A run that is over and has a `W`.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Its directory.
    pub directory: PathBuf,
    /// Its configuration, model and inputs.
    pub experiment: Experiment,
    /// `W`.
    pub projection: Projection,
    /// How it ended.
    pub summary: Summary,
}

/// A compressed model with its inputs: of a finished run, or of a `W` that a search for the smallest `d` accepted.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The configuration, the model and the inputs.
    pub experiment: Experiment,
    /// `W`.
    pub projection: Projection,
}

/// Why a directory's run cannot be used.
#[derive(Debug, Error)]
pub enum FinishedError {
    /// No run at all.
    #[error(
        "{} {}; give the directory of a run, which `compress --config` wrote",
        .0.display(),
        why_no_run(.0)
    )]
    NotARun(PathBuf),
    /// Not over yet.
    #[error(
        "the run in {} is not finished: it has no {SUMMARY}; `compress --config {}` goes on with it",
        .0.display(),
        .0.join(CONFIG).display()
    )]
    Unfinished(PathBuf),
    /// Over without a result.
    #[error(
        "the run in {} diverged after step {steps} and left no W: run it again with a lower \
         training.learning_rate.initial",
        directory.display()
    )]
    Diverged {
        /// The directory.
        directory: PathBuf,
        /// Updates done.
        steps: u64,
    },
    /// `W` is that of another model.
    #[error(
        "{}: W was trained on another model than {} names: its features differ",
        directory.join(PROJECTION).display(),
        directory.join(CONFIG).display()
    )]
    OtherModel {
        /// The directory.
        directory: PathBuf,
    },
    /// The configuration or the model cannot be used.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// `W` cannot be used.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// The summary cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Of a path that is no run's directory, why not.
fn why_no_run(path: &Path) -> &'static str {
    if path.is_dir() {
        "is not a run directory: it has no config.toml"
    } else if path.exists() {
        "is not a run directory, but a file"
    } else {
        "is not there, so it is not a run directory"
    }
}

/// Whether a directory holds a run, finished or not.
pub fn is_run(directory: &Path) -> bool {
    directory.join(CONFIG).is_file()
}

impl Subject {
    /// Reads configuration, model and `W`, and checks that they belong together.
    ///
    /// # Errors
    /// See [`FinishedError`].
    pub fn load(directory: &Path) -> Result<Self, FinishedError> {
        // A W of a search has no summary; a run that is not over, or diverged, has no W.
        if is_run(directory) && directory.join(PROJECTION).exists() {
            return Self::read(directory);
        }
        FinishedRun::load(directory).map(Self::from)
    }

    fn read(directory: &Path) -> Result<Self, FinishedError> {
        let experiment = Experiment::load(&directory.join(CONFIG), &[], Some(directory))?;
        let projection = Projection::load(&directory.join(PROJECTION), &experiment.model)?;
        if projection.labels != experiment.model.metadata.residual_labels {
            return Err(FinishedError::OtherModel {
                directory: directory.to_owned(),
            });
        }
        Ok(Self {
            experiment,
            projection,
        })
    }
}

impl From<FinishedRun> for Subject {
    fn from(run: FinishedRun) -> Self {
        Self {
            experiment: run.experiment,
            projection: run.projection,
        }
    }
}

impl FinishedRun {
    /// Reads configuration, model, summary and `W`, and checks that they belong together.
    ///
    /// # Errors
    /// See [`FinishedError`].
    pub fn load(directory: &Path) -> Result<Self, FinishedError> {
        let owned = || directory.to_owned();
        if !is_run(directory) {
            return Err(FinishedError::NotARun(owned()));
        }
        if !directory.join(SUMMARY).exists() {
            return Err(FinishedError::Unfinished(owned()));
        }
        let summary = Summary::load(&directory.join(SUMMARY))?;
        if summary.stop_reason == StopReason::Diverged {
            return Err(FinishedError::Diverged {
                directory: owned(),
                steps: summary.steps,
            });
        }
        let Subject {
            experiment,
            projection,
        } = Subject::read(directory)?;
        Ok(Self {
            directory: owned(),
            experiment,
            projection,
            summary,
        })
    }
}
