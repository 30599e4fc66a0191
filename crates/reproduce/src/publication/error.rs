//! Why a study cannot be published.

use std::path::PathBuf;

use base::files::FileError;
use thiserror::Error;
use tracr_compress::results::ReadError;
use tracr_compress::run::reference::ReferenceError;
use tracr_compress::study::collection::CollectionError;
use tracr_compress::study::record::RecordError;

/// Why a study cannot be published.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum PublishError {
    #[error(
        "{missing} of the {runs} runs in {} are not over: `compress sweep` on the study's file goes on \
         with them",
        directory.display()
    )]
    Unfinished {
        directory: PathBuf,
        missing: usize,
        runs: usize,
    },
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Collection(#[from] CollectionError),
    #[error(transparent)]
    Table(#[from] ReadError),
    #[error(transparent)]
    File(#[from] FileError),
}
