//! Writing: as SAELens does, or as a bare matrix.

use std::path::Path;

use super::encoder::Encoder;
use super::layout::{BARE, CONFIG, WEIGHTS};
use super::model::Dictionary;
use super::{matrix, saelens};
use base::files::{self, FileError};
use base::tensors::TensorError;

impl Dictionary {
    /// Writes it into a folder, with what is known of it (JSON): as SAELens does if it has an encoder that SAELens
    /// knows, or as a bare matrix. A file is there whole or not at all, and the one that [`load`](super::load()) asks for first is
    /// written last.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path, known: &serde_json::Value) -> Result<(), FileError> {
        match &self.encoder {
            Encoder::Linear(linear) => {
                let weights =
                    saelens::weights(self, linear).map_err(|e| failed(folder, WEIGHTS, e))?;
                files::write_atomically(&folder.join(WEIGHTS), &weights)?;
                let config = saelens::config(self, linear, known);
                files::write_atomically(&folder.join(CONFIG), config.as_bytes())
            }
            Encoder::NonNegative { .. } | Encoder::Projection => {
                let bytes = matrix::bytes(self, known).map_err(|e| failed(folder, BARE, e))?;
                files::write_atomically(&folder.join(BARE), &bytes)
            }
        }
    }
}

fn failed(folder: &Path, name: &str, error: TensorError) -> FileError {
    FileError::new("write", &folder.join(name))(std::io::Error::other(error))
}
