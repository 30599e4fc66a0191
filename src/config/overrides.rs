//! Keys that are replaced from outside a file: by `--set`, or by a study.

use std::path::{Path, PathBuf};

use toml_edit::Value;

use super::error::ConfigError;

/// A key that is replaced from outside the file.
#[derive(Clone, Debug)]
pub struct Override {
    pub(super) key: String,
    pub(super) value: Value,
    /// Where it was written: `--set a.b=1`, or a study file and line.
    pub(super) place: String,
    /// What a path in it is relative to; the working directory if nothing.
    pub(super) directory: Option<PathBuf>,
}

impl Override {
    /// Of the command line: `key=value`.
    ///
    /// # Errors
    /// If it is not of that form.
    pub fn parse(written: &str) -> Result<Self, ConfigError> {
        let malformed = || ConfigError::Override(written.to_owned());
        let (key, text) = written.split_once('=').ok_or_else(malformed)?;
        let key = key.trim();
        if key.split('.').any(str::is_empty) {
            return Err(malformed());
        }
        // `--set name=abc` needs no quotes: what is no TOML value is a text.
        let value = match text.trim().parse() {
            Ok(value) => value,
            Err(_) => text.trim().into(),
        };
        Ok(Self {
            key: key.to_owned(),
            value,
            place: format!("--set {written}"),
            directory: None,
        })
    }

    /// Of another file: `place` says where it stands, its paths are relative to `directory`.
    pub fn from_file(key: &str, value: Value, place: &str, directory: &Path) -> Self {
        Self {
            key: key.to_owned(),
            value,
            place: place.to_owned(),
            directory: Some(directory.to_owned()),
        }
    }

    /// The key with its tables.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where it was written.
    pub fn place(&self) -> &str {
        &self.place
    }
}
