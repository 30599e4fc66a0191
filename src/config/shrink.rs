//! `[shrink]`: how the smallest `d` is looked for. Only `compress shrink` reads it.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::choices::Criterion;
use super::error::ConfigError;
use super::schema;
use super::source::ConfigSource;

/// `[shrink]`. [`schema::SHRINK_KEYS`] says what each key means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ShrinkConfig {
    pub criterion: Criterion,
    pub mae: f64,
    pub max_error: f64,
    pub min_cosine: f64,
    pub min_gap: f64,
    pub min_dim: usize,
    pub descents: u32,
    pub tries: u32,
    pub starts: u32,
    pub steps: u64,
    pub candidates: usize,
    pub max_seconds: f64,
    pub seed: u64,
}

const TABLE: &str = "shrink";

impl ShrinkConfig {
    /// What a run file and the command line say, with every default filled in.
    ///
    /// # Errors
    /// If a required key is missing.
    pub fn new(source: &ConfigSource) -> Result<Self, ConfigError> {
        let mut table = source.table()?;
        schema::fill_defaults(&mut table, schema::SHRINK_KEYS);
        let own = table.remove(TABLE).unwrap_or_else(|| Table::new().into());
        own.try_into().map_err(|e| source.unread(&e))
    }

    /// As a part of a run file.
    ///
    /// # Errors
    /// If TOML has no form for it.
    pub fn to_toml(&self) -> Result<String, String> {
        let own = Value::try_from(self).map_err(|e| e.to_string())?;
        let table = Table::from_iter([(TABLE.to_owned(), own)]);
        toml::to_string(&table).map_err(|e| e.to_string())
    }
}
