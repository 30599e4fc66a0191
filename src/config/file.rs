//! A TOML file and where in it each key was written.
//!
//! The parser gives every key and value the span of its text, keys of dotted and inline tables included. What is
//! left to do here is to count the lines before a span.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::assignment::Assignment;
use super::error::ConfigError;
use super::schema::{self, Key};
use base::content::Content;
use base::files;

/// A file that was parsed.
pub struct TomlFile<'a> {
    path: &'a Path,
    /// What stands in it, by name.
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
        let root = DeTable::parse(text).map_err(|e| ConfigError::Syntax {
            location: file.location(e.span().unwrap_or_default()),
            message: match Content::of(text.as_bytes()) {
                Some(
                    content @ (Content::Html
                    | Content::Xml
                    | Content::Json
                    | Content::Python
                    | Content::Rasp),
                ) => {
                    format!(
                        "this is {content}, and not a TOML file, as run files and study files are"
                    )
                }
                _ => e.message().to_owned(),
            },
        })?;
        file.table = root.into_inner();
        Ok(file)
    }

    /// The file and the line in which a span begins: `configs/x.toml:12`.
    pub fn location(&self, span: Range<usize>) -> String {
        let line = 1 + self.lines.partition_point(|begin| *begin <= span.start);
        format!("{}:{line}", self.path.display())
    }

    /// A key of the file with its value; the span is that of the key.
    ///
    /// # Errors
    /// If a number is larger than any of TOML.
    pub fn assignment(
        &self,
        key: &str,
        span: Range<usize>,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<Assignment, ConfigError> {
        let location = self.location(span);
        match Value::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(value) => Ok(Assignment {
                key: key.to_owned(),
                value,
                location,
                directory: files::parent_of(self.path).to_owned(),
            }),
            Err(e) => Err(ConfigError::Syntax {
                location: e.span().map_or(location, |span| self.location(span)),
                message: "the number does not fit into 64 bits".into(),
            }),
        }
    }

    /// Every key of a run file that a table has, dotted, in quotes or in tables of its own, in the order in which
    /// they were written. What stands behind them is not checked.
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
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(part, _)| part.span().start);
        for (part, value) in entries {
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
                    .refused(&schema::table_of(&key)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_have_the_line_of_their_key_and_keep_the_order_of_tables() {
        let text = "name = \"x\"\ntraining.steps = 1\n\"compression.dim\" = 2\ntraining.seed = 3\n\
                    [model]\n\npath = \"m\"\n[inputs]\ntoken_weights = { a = 1 }\n";
        let file = TomlFile::parse(Path::new("x.toml"), text).unwrap();
        let found: Vec<String> = file
            .assignments(&file.table)
            .unwrap()
            .into_iter()
            .map(|(key, given)| format!("{} {}", key.name, given.location))
            .collect();
        assert_eq!(
            found,
            [
                "name x.toml:1",
                "training.steps x.toml:2",
                "training.seed x.toml:4",
                "compression.dim x.toml:3",
                "model.path x.toml:7",
                "inputs.token_weights x.toml:9",
            ]
        );
    }
}
