//! Why a run could not go on.

use thiserror::Error;

use super::directory::DirectoryError;
use super::step_log::LogError;
use base::files::FileError;
use superposition::checkpoint::CheckpointError;
use superposition::projection::ProjectionError;
use superposition::teacher::NotFinite;

/// Why a run could not go on.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum RunError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(
        "{0}; restore a checkpoint of this run, or delete them all to start it over, as --force does"
    )]
    Checkpoint(CheckpointError),
    #[error(transparent)]
    Log(LogError),
    #[error(transparent)]
    Output(#[from] FileError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Model(#[from] NotFinite),
}

impl RunError {
    /// Whether the user's files are at fault, and not the machine.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Directory(DirectoryError::File(e))
            | Self::Checkpoint(CheckpointError::File(e))
            | Self::Log(LogError::File(e)) => !e.is_of_the_machine(),
            Self::Directory(_) | Self::Checkpoint(_) | Self::Log(_) | Self::Model(_) => true,
            Self::Output(_) | Self::Projection(_) => false,
        }
    }
}
