//! The checkpoints of a trajectory: the newest, the one before it, and what to do when one is damaged.

use std::path::PathBuf;

use super::directory::RunDirectory;
use super::error::RunError;
use super::experiment::Experiment;
use super::warnings::Warnings;
use crate::results::layout::{CHECKPOINT, PREVIOUS_CHECKPOINT};
use base::files;
use superposition::checkpoint::{self, CheckpointError, Found};
use superposition::trainer::State;

/// Where they are.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    pub newest: PathBuf,
    pub previous: PathBuf,
}

impl Checkpoints {
    /// A run's own.
    pub fn of(directory: &RunDirectory) -> Self {
        Self {
            newest: directory.file(CHECKPOINT),
            previous: directory.file(PREVIOUS_CHECKPOINT),
        }
    }

    /// Whether there is any.
    pub fn exist(&self) -> bool {
        self.newest.exists() || self.previous.exists()
    }

    /// The state of the newest whole one; none if there is no checkpoint yet. That a damaged one was
    /// passed over is said in `warnings`.
    pub fn load(
        &self,
        experiment: &Experiment,
        warnings: &mut Warnings<'_>,
    ) -> Result<Option<State>, RunError> {
        let Self { newest, previous } = self;
        let (shape, hash) = (experiment.shape(), experiment.config.hash());
        let found = checkpoint::newest(newest, previous, shape, &hash);
        let Some(Found { state, damage }) = found.map_err(RunError::Checkpoint)? else {
            return Ok(None);
        };
        if let Some(damage) = damage {
            let step = state.step;
            let before = previous.file_name().unwrap_or_default().display();
            warnings.add(&format!(
                "{damage}; going on from {before}, after step {step}, and computing the rest again"
            ))?;
            files::rename(previous, newest)?;
        }
        Ok(Some(state))
    }

    /// Writes one.
    pub fn save(&self, state: &State, hash: &str) -> Result<(), RunError> {
        match checkpoint::save(&self.newest, &self.previous, state, hash) {
            Err(CheckpointError::File(e)) => Err(e.into()),
            other => other.map_err(RunError::Checkpoint),
        }
    }
}
