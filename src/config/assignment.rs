//! A key with the value that it is given: by a file, by `--set`, or by a study.

use std::path::{Path, PathBuf};

use toml::Value;

use super::error::ConfigError;
use super::kind::shown;

/// A key with the value that it is given.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// With its tables.
    pub(super) key: String,
    pub(super) value: Value,
    /// Where it was written: `configs/x.toml:12`, or `--set a.b=1`.
    pub(super) location: String,
    /// What a path in it is relative to; the working directory if empty.
    pub(super) directory: PathBuf,
}

impl Assignment {
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
            location: format!("--set {written}"),
            directory: PathBuf::new(),
        })
    }

    /// The same for another key and value.
    pub(super) fn with(&self, key: String, value: Value) -> Self {
        Self {
            key,
            value,
            location: self.location.clone(),
            directory: self.directory.clone(),
        }
    }

    /// The value as a path.
    pub(super) fn path(&self) -> Option<PathBuf> {
        Some(self.directory.join(Path::new(self.value.as_str()?)))
    }

    /// The error for a value that cannot stand there.
    pub(super) fn refused(&self, allowed: &str) -> ConfigError {
        ConfigError::Value {
            location: self.location.clone(),
            key: self.key.clone(),
            found: shown(&self.value),
            allowed: allowed.to_owned(),
        }
    }
}
