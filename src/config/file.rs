//! A TOML file and where in it each key was written.
//!
//! The parser gives every key and value the span of its text, keys of dotted and inline tables included. What is
//! left to do here is to count the lines before a span.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};
use toml::{Spanned, Value};

use super::assignment::Assignment;
use super::error::ConfigError;
use super::schema::{self, Key};
use base::files;

/// A file that was parsed.
pub struct TomlFile<'a> {
    path: &'a Path,
    /// What stands in it, in its order.
    pub table: DeTable<'a>,
    /// Where each line but the first begins.
    lines: Vec<usize>,
}

impl<'a> TomlFile<'a> {
    /// From the file's text.
    ///
    /// # Errors
    /// If it is not TOML.
    pub fn parse(path: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut file = Self {
            path,
            table: DeTable::new(),
            lines: breaks.map(|(at, _)| at + 1).collect(),
        };
        let root = DeTable::parse(text).map_err(|e| file.syntax_error(&e))?;
        file.table = root.into_inner();
        Ok(file)
    }

    fn syntax_error(&self, error: &Error) -> ConfigError {
        ConfigError::Syntax {
            location: self.location(error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        }
    }

    /// The file and the line in which a span begins: `configs/x.toml:12`.
    pub fn location(&self, span: Range<usize>) -> String {
        let line = 1 + self.lines.partition_point(|begin| *begin <= span.start);
        format!("{}:{line}", self.path.display())
    }

    /// A value without its spans.
    ///
    /// # Errors
    /// If it is a number too large for TOML.
    pub fn value(&self, value: &Spanned<DeValue<'a>>) -> Result<Value, ConfigError> {
        let value = ValueDeserializer::from(value.clone());
        Value::deserialize(value).map_err(|e| self.syntax_error(&e))
    }

    /// A key of the file with its value.
    ///
    /// # Errors
    /// See [`TomlFile::value`].
    pub fn assignment(
        &self,
        key: &str,
        span: Range<usize>,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<Assignment, ConfigError> {
        Ok(Assignment {
            key: key.to_owned(),
            value: self.value(value)?,
            location: self.location(span),
            directory: files::parent_of(self.path).to_owned(),
        })
    }

    /// Every key of a run file that a table has, in the order of the table, whether it is dotted, in quotes or in
    /// tables of its own. What its value may be is not checked.
    ///
    /// # Errors
    /// If there is another key, one stands there twice, or a table is none.
    pub fn assignments(
        &self,
        table: &DeTable<'a>,
    ) -> Result<Vec<(&'static Key, Assignment)>, ConfigError> {
        let mut found = Vec::new();
        self.collect(table, "", &mut found)?;
        Ok(found)
    }

    fn collect(
        &self,
        table: &DeTable<'a>,
        prefix: &str,
        found: &mut Vec<(&'static Key, Assignment)>,
    ) -> Result<(), ConfigError> {
        for (part, value) in table {
            let key = join(prefix, part.get_ref());
            let span = part.span();
            if let Some(known) = schema::find(&key) {
                if found.iter().any(|(earlier, _)| earlier.name == key) {
                    let location = self.location(span);
                    return Err(ConfigError::Repeated { location, key });
                }
                found.push((known, self.assignment(&key, span, value)?));
            } else if !schema::is_table(&key) {
                return Err(ConfigError::unknown_key(self.location(span), key));
            } else if let Some(table) = value.get_ref().as_table() {
                self.collect(table, &key, found)?;
            } else {
                return Err(self
                    .assignment(&key, span, value)?
                    .refused("a table of keys"));
            }
        }
        Ok(())
    }
}

/// What a file is called if it does not say so: its name without the ending.
pub fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// `prefix.part`, or `part` alone.
pub fn join(prefix: &str, part: &str) -> String {
    if prefix.is_empty() {
        part.to_owned()
    } else {
        format!("{prefix}.{part}")
    }
}
