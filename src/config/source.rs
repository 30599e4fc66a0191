//! The text of a run file with its `--set` overrides, checked key by key.
//!
//! A message names the key, where it was written (file and line, or the override) and what may
//! stand there.

use std::path::{Path, PathBuf};

use toml_edit::{Document, DocumentMut, Item, TableLike, TomlError};

use super::error::ConfigError;
use super::overrides::Override;
use super::schema::{self, Kind};
use base::files::{self, FileError};

/// Larger files are not configurations.
const MAX_BYTES: u64 = base::limits::CONFIG_BYTES;

/// A run file's text with the overrides of the command line.
#[derive(Clone, Debug)]
pub struct ConfigSource {
    path: PathBuf,
    text: String,
    overrides: Vec<Override>,
    merged: DocumentMut,
}

impl ConfigSource {
    /// Reads a file, lays the overrides (`key=value`) over it and checks every key.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        Self::new(path, read_text(path)?, overrides)
    }

    fn new(path: &Path, text: String, overrides: &[String]) -> Result<Self, ConfigError> {
        let overrides: Result<Vec<_>, _> = overrides.iter().map(|o| Override::parse(o)).collect();
        Self::with_overrides(path, text, overrides?)
    }

    /// As [`ConfigSource::read`] for the text of a file and overrides from anywhere; of two for the
    /// same key the later one counts.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn with_overrides(
        path: &Path,
        text: String,
        overrides: Vec<Override>,
    ) -> Result<Self, ConfigError> {
        let merged: DocumentMut = text.parse().map_err(|e| syntax_error(path, &text, &e))?;
        let mut source = Self {
            path: path.to_owned(),
            text,
            overrides: Vec::new(),
            merged,
        };
        for replacement in overrides {
            source.lay_over(replacement)?;
        }
        source.check(source.merged.as_table(), "")?;
        Ok(source)
    }

    /// The directory that the file's relative paths start from.
    pub fn directory(&self) -> &Path {
        files::parent_of(&self.path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a key, if it was given.
    pub fn get(&self, key: &str) -> Option<&Item> {
        key.split('.')
            .try_fold(self.merged.as_item(), |item, part| item.get(part))
    }

    /// A path under `key`: relative to the file that it stands in, or as it is when it came from the
    /// command line.
    pub fn get_path(&self, key: &str) -> Option<PathBuf> {
        let text = self.get(key)?.as_str()?;
        Some(match self.overridden(key) {
            Some(Override {
                directory: None, ..
            }) => PathBuf::from(text),
            Some(Override {
                directory: Some(directory),
                ..
            }) => directory.join(text),
            None => self.directory().join(text),
        })
    }

    fn overridden(&self, key: &str) -> Option<&Override> {
        // Of a table, an entry may have come from outside the file.
        let is_entry = |o: &Override| {
            let entry = o.key.strip_prefix(key);
            entry.is_some_and(|rest| rest.starts_with('.'))
        };
        let mut overrides = self.overrides.iter().rev();
        overrides.find(|o| o.key == key || is_entry(o))
    }

    /// The error for a required key that was not given.
    pub fn missing(&self, key: &'static str) -> ConfigError {
        let (allowed, meaning) =
            schema::find(key).map_or((String::new(), ""), |k| (k.kind.describe(), k.meaning));
        ConfigError::Missing {
            place: self.path.display().to_string(),
            key,
            allowed,
            meaning,
        }
    }

    /// The error for a value that contradicts something else.
    pub fn conflict(&self, key: &'static str, problem: impl ToString) -> ConfigError {
        ConfigError::Conflict {
            place: self.place(key),
            key,
            problem: problem.to_string(),
        }
    }

    /// Where a key was written: `configs/x.toml:12`, or `--set a.b=1`.
    fn place(&self, key: &str) -> String {
        if let Some(o) = self.overridden(key) {
            return o.place.clone();
        }
        let line = Document::parse(self.text.as_str())
            .ok()
            .and_then(|document| {
                let (tables, last) = key.rsplit_once('.').unwrap_or(("", key));
                let parent = tables
                    .split('.')
                    .filter(|part| !part.is_empty())
                    .try_fold(document.as_item(), |item, part| item.get(part))?;
                let (name, item) = parent.as_table_like()?.get_key_value(last)?;
                let span = name.span().or_else(|| item.span())?;
                Some(line_of(&self.text, span.start))
            });
        match line {
            Some(line) => format!("{}:{line}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    fn lay_over(&mut self, replacement: Override) -> Result<(), ConfigError> {
        let Override {
            key, value, place, ..
        } = &replacement;
        let mut table: &mut dyn TableLike = self.merged.as_table_mut();
        let mut walked = String::new();
        let (tables, last) = key.rsplit_once('.').unwrap_or(("", key));
        for part in tables.split('.').filter(|part| !part.is_empty()) {
            walked = join(&walked, part);
            let item = table
                .entry(part)
                .or_insert_with(|| Item::Table(toml_edit::Table::new()));
            table = item
                .as_table_like_mut()
                .ok_or_else(|| ConfigError::UnknownKey {
                    place: place.clone(),
                    key: key.clone(),
                    hint: format!(": `{walked}` is not a table"),
                })?;
        }
        table.insert(last, Item::Value(value.clone()));
        self.overrides.push(replacement);
        Ok(())
    }

    fn check(&self, table: &dyn TableLike, prefix: &str) -> Result<(), ConfigError> {
        for (part, item) in table.iter() {
            let name = join(prefix, part);
            if part.contains('.') {
                // To TOML another key than the one without quotes: its value would never be asked for.
                let hint = schema::find(&name).map_or_else(String::new, |known| {
                    format!(": write `{}` without quotes", known.name)
                });
                return Err(ConfigError::UnknownKey {
                    place: self.path.display().to_string(),
                    key: format!("\"{name}\""),
                    hint,
                });
            }
            if let Some(key) = schema::find(&name) {
                if !key.kind.allows(item) {
                    return Err(self.wrong_value(&name, item, key.kind));
                }
            } else if schema::is_table(&name) {
                match item.as_table_like() {
                    Some(table) => self.check(table, &name)?,
                    None => {
                        return Err(ConfigError::Value {
                            place: self.place(&name),
                            found: shown(item),
                            allowed: "a table of keys".into(),
                            key: name,
                        });
                    }
                }
            } else {
                let hint = schema::suggestion(&name)
                    .map_or_else(String::new, |known| format!(": did you mean `{known}`?"));
                return Err(ConfigError::UnknownKey {
                    place: self.place(&name),
                    key: name,
                    hint,
                });
            }
        }
        Ok(())
    }

    fn wrong_value(&self, key: &str, item: &Item, kind: Kind) -> ConfigError {
        ConfigError::Value {
            place: self.place(key),
            key: key.to_owned(),
            found: shown(item),
            allowed: kind.describe(),
        }
    }
}

/// The text of a run or study file.
///
/// # Errors
/// If it cannot be read, is too large or no UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    files::read_text(path, MAX_BYTES)
}

/// The error for a file that is not TOML.
pub fn syntax_error(path: &Path, text: &str, error: &TomlError) -> ConfigError {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    ConfigError::Syntax {
        place: format!("{}:{line}", path.display()),
        message: error.message().trim().replace('\n', "; "),
    }
}

/// A value as written, on one line and not too long.
pub fn shown(item: &Item) -> String {
    let text = match item {
        Item::Value(value) => value.clone().decorated("", "").to_string(),
        _ => "a table".into(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// `prefix.part`, or `part` alone.
pub fn join(prefix: &str, part: &str) -> String {
    if prefix.is_empty() {
        part.to_owned()
    } else {
        format!("{prefix}.{part}")
    }
}

/// The line, from 1, that a byte of a text stands in.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name = \"x\"\n\n[compression]\ndim = 8\n[training]\nsteps = 10\n\
                        learning_rate = { initial = 0.1 }\n";

    fn source(text: &str, overrides: &[&str]) -> Result<ConfigSource, ConfigError> {
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        ConfigSource::new(Path::new("configs/x.toml"), text.to_owned(), &overrides)
    }

    fn message(text: &str, overrides: &[&str]) -> String {
        source(text, overrides).unwrap_err().to_string()
    }

    #[test]
    fn messages_name_the_line_the_key_and_the_range() {
        assert_eq!(
            message(&FILE.replace("dim = 8", "dim = 0"), &[]),
            "configs/x.toml:4: `compression.dim` is 0, but it takes an integer of at least 1"
        );
        assert_eq!(
            message(&FILE.replace("0.1", "-0.1"), &[]),
            "configs/x.toml:7: `training.learning_rate.initial` is -0.1, but it takes a number of \
             at least 0"
        );
        assert_eq!(
            message(&FILE.replace("steps", "stepz"), &[]),
            "configs/x.toml:6: there is no key `training.stepz`: did you mean `training.steps`?"
        );
        assert_eq!(
            message(FILE, &["training.betas=[0.9, 1.0]"]),
            "--set training.betas=[0.9, 1.0]: `training.betas` is [0.9, 1.0], but it takes a list \
             of 2 numbers, each of at least 0 and below 1"
        );
        assert!(message("a = [", &[]).starts_with("configs/x.toml:1: "));
        assert_eq!(
            message("\"training.steps\" = 10\n", &[]),
            "configs/x.toml: there is no key `\"training.steps\"`: write `training.steps` without quotes"
        );
    }

    #[test]
    fn overrides_replace_add_and_are_relative_to_the_working_directory() {
        let text = format!("{FILE}[model]\npath = \"../models/a.safetensors\"\n");
        let plain = source(&text, &["compression.dim=9", "objective.output_weight=2"]).unwrap();
        assert_eq!(plain.get("compression.dim").unwrap().as_integer(), Some(9));
        assert_eq!(
            plain.get("objective.output_weight").unwrap().as_integer(),
            Some(2)
        );
        let from_file = plain.get_path("model.path").unwrap();
        assert_eq!(from_file, Path::new("configs/../models/a.safetensors"));
        let set = source(&text, &["model.path=models/b.safetensors"]).unwrap();
        assert_eq!(
            set.get_path("model.path").unwrap(),
            Path::new("models/b.safetensors")
        );
    }

    #[test]
    fn malformed_overrides_are_explained() {
        assert!(message(FILE, &["dim"]).contains("expected KEY=VALUE"));
        assert!(message(FILE, &["=3"]).contains("expected KEY=VALUE"));
        assert!(message(FILE, &["name.x=3"]).contains("`name` is not a table"));
        assert!(message(FILE, &["training=3"]).contains("a table of keys"));
    }
}
