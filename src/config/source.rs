//! A run file with what `--set` or a study lays over it, checked key by key.
//!
//! A message names the key, where it was written (file and line, or the override) and what may
//! stand there.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::assignment::Assignment;
use super::error::ConfigError;
use super::file::{TomlFile, join};
use super::kind::Kind;
use super::schema::{self, KEYS, Key};
use base::files::{self, FileError};

/// Larger files are not configurations.
const MAX_BYTES: u64 = base::limits::CONFIG_BYTES;

/// What a run file and the command line say.
#[derive(Clone, Debug)]
pub struct ConfigSource {
    path: PathBuf,
    /// Each key at most once, the file's before those laid over it.
    given: Vec<(&'static Key, Assignment)>,
}

impl ConfigSource {
    /// Reads a file, lays the overrides (`key=value`) over it and checks every key.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let overrides: Result<Vec<_>, _> = overrides.iter().map(|o| Assignment::parse(o)).collect();
        Self::parse(path, &text, overrides?)
    }

    /// As [`ConfigSource::read`] for the text of a file and overrides from anywhere; of two for the
    /// same key the later one counts.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(path: &Path, text: &str, overrides: Vec<Assignment>) -> Result<Self, ConfigError> {
        let file = TomlFile::parse(path, text)?;
        let source = Self {
            path: path.to_owned(),
            given: file.assignments(&file.table)?,
        };
        source.with(overrides)
    }

    /// The same with more laid over it.
    ///
    /// # Errors
    /// If a key does not exist or takes another value.
    pub(super) fn with(
        mut self,
        overrides: impl IntoIterator<Item = Assignment>,
    ) -> Result<Self, ConfigError> {
        for assignment in overrides {
            self.lay_over(assignment)?;
        }
        // Only now: a wrong value of the file may have been replaced.
        match self.given.iter().find(|(k, a)| !k.kind.allows(&a.value)) {
            Some((key, assignment)) => Err(assignment.refused(&key.takes())),
            None => Ok(self),
        }
    }

    fn lay_over(&mut self, new: Assignment) -> Result<(), ConfigError> {
        if let Some(key) = schema::find(&new.key) {
            self.given.retain(|(known, _)| known.name != key.name);
            self.given.push((key, new));
            return Ok(());
        }
        if schema::is_table(&new.key) {
            let Value::Table(table) = &new.value else {
                return Err(new.refused(&schema::table_of(&new.key)));
            };
            self.given
                .retain(|(known, _)| !schema::is_below(known.name, &new.key));
            for (name, value) in table {
                self.lay_over(new.with(join(&new.key, name), value.clone()))?;
            }
            return Ok(());
        }
        let Some((key, entry)) = schema::entry(&new.key) else {
            return Err(ConfigError::unknown_key(new.location, new.key));
        };
        let table = match self.get(key.name) {
            None if matches!(key.kind, Kind::Weights(..) | Kind::ChoiceOrFile(_)) => {
                Some(Table::new())
            }
            Some(Value::String(_)) if matches!(key.kind, Kind::ChoiceOrFile(_)) => {
                Some(Table::new())
            }
            _ if !matches!(key.kind, Kind::Weights(..) | Kind::ChoiceOrFile(_)) => None,
            None => None,
            Some(value) => value.as_table().cloned(),
        };
        let Some(mut table) = table else {
            return Err(ConfigError::UnknownKey {
                location: new.location,
                hint: format!(": `{}` is not a table", key.name),
                key: new.key,
            });
        };
        table.insert(entry.to_owned(), new.value.clone());
        self.lay_over(new.with(key.name.to_owned(), table.into()))
    }

    /// Whether a file is a run file, as far as its keys say; not if it cannot be read.
    pub fn is_one(path: &Path) -> bool {
        let text = read_text(path).unwrap_or_default();
        TomlFile::parse(path, &text).is_ok_and(|file| {
            let has = |key: &str| file.table.contains_key(key);
            has("compression") && has("model") && !has("base")
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn assignment(&self, key: &str) -> Option<&Assignment> {
        let (_, assignment) = self.given.iter().find(|(known, _)| known.name == key)?;
        Some(assignment)
    }

    /// The value of a key, if it was given.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        Some(&self.assignment(key)?.value)
    }

    /// The path under `key`: relative to the file that it stands in, or as it is when it came from the
    /// command line.
    pub(super) fn get_path(&self, key: &str) -> Option<PathBuf> {
        self.assignment(key)?.path()
    }

    /// The model file or the program that is named.
    pub fn model(&self) -> Option<PathBuf> {
        let path = self.get_path("model.path");
        path.or_else(|| self.get_path("model.program"))
    }

    /// A path that is a part of the value of `key`, relative as [`ConfigSource::get_path`] says.
    pub(super) fn resolve(&self, key: &str, path: &Path) -> PathBuf {
        self.assignment(key)
            .map_or_else(|| path.to_owned(), |a| a.directory.join(path))
    }

    /// Everything that was given, in the tables of a run file.
    ///
    /// # Errors
    /// If a required key is missing.
    pub(super) fn table(&self) -> Result<Table, ConfigError> {
        let missing = |key: &&Key| key.is_required() && self.get(key.name).is_none();
        if let Some(key) = KEYS.iter().find(missing) {
            return Err(ConfigError::missing(&self.path, key));
        }
        let mut table = Table::new();
        for (key, assignment) in &self.given {
            schema::fill(&mut table, key.name, assignment.value.clone());
        }
        Ok(table)
    }

    /// The error for a key that is required, here at least, and was not given.
    pub(super) fn missing(&self, key: &'static str) -> ConfigError {
        match schema::find(key) {
            Some(key) => ConfigError::missing(&self.path, key),
            None => self.conflict(key, "it is missing"),
        }
    }

    /// The error for values that are no configuration, although each was checked.
    pub(super) fn unread(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError::Syntax {
            location: self.path.display().to_string(),
            message: error.message().to_owned(),
        }
    }

    /// The error for a value that contradicts something else.
    pub fn conflict(&self, key: &'static str, problem: impl ToString) -> ConfigError {
        let location = match self.assignment(key) {
            Some(assignment) => assignment.location.clone(),
            None => self.path.display().to_string(),
        };
        ConfigError::Conflict {
            location,
            key,
            problem: problem.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name = \"x\"\n\n[compression]\ndim = 8\n[training]\nsteps = 10\n\
                        learning_rate = { initial = 0.1 }\n";

    fn source(text: &str, overrides: &[&str]) -> Result<ConfigSource, ConfigError> {
        let overrides: Result<_, _> = overrides.iter().map(|o| Assignment::parse(o)).collect();
        ConfigSource::parse(Path::new("configs/x.toml"), text, overrides?)
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
            message(&format!("{FILE}log_every = 99999999999999999999\n"), &[]),
            "configs/x.toml:8: the number does not fit into 64 bits"
        );
        assert_eq!(
            message(&format!("\"training.steps\" = 3\n{FILE}"), &[]),
            "configs/x.toml:7: `training.steps` stands here twice"
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
        assert!(message(FILE, &["trainng.steps=3"]).contains("did you mean `training.steps`?"));
    }
}
