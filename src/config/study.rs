//! The study file: one question, a base run, and what varies.
//!
//! ```toml
//! name = "frac_prevs_dims"
//! question = "How small can d be?"
//! base = "../configs/frac_prevs.toml"
//!
//! [grid] # every combination; any key of a run file
//! "compression.dim" = [2, 3, 4]
//! "training.seed" = { from = 0, count = 10 }
//!
//! [[include]] # more combinations, as many tables as wanted
//! "compression.method" = "pca"
//! "compression.dim" = [2, 3, 4]
//!
//! [override] # for all runs
//! "training.steps" = 2000
//!
//! [recovery] # what looks for dictionaries in each run
//! methods = ["nnsc", "l1_sae"]
//! ```

use std::path::Path;

use thiserror::Error;
use toml::Spanned;
use toml::de::DeValue;

use super::assignment::Assignment;
use super::error::ConfigError;
use super::file::{self, TomlFile};
use super::grid::{self, Axis};
use super::kind::{Kind, shown};
use super::recovery::RecoveryConfig;
use super::schema::{self, Key, STUDY_KEYS};
use super::source::{self, ConfigSource};
use crate::library;
use base::escape::visible;
use base::files::{self, FileError};
use base::limits::RUNS;

/// What a study decides itself.
const RESERVED: [&str; 2] = ["name", "output.dir"];

/// Why a study file was refused.
#[derive(Debug, Error)]
pub enum StudyFileError {
    /// The file or its base could not be read.
    #[error("{}{}", .0, library::after(.0))]
    File(#[from] FileError),
    /// The base or an override is wrong, or one of the files is not TOML.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something in the study file itself.
    #[error("{}: {}", visible(location), visible(problem))]
    Invalid {
        /// File and line, or the override.
        location: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// A study file with its base and the overrides of the command line, checked as far as it can be
/// without the model.
#[derive(Clone, Debug)]
pub struct StudyFile {
    /// What the study is called; also its directory's name.
    pub name: String,
    /// What it asks.
    pub question: String,
    /// The run file that every run starts from, with `[override]` and `--set`, without what varies.
    base: ConfigSource,
    /// `[grid]`, then each `[[include]]`: all combinations of the axes.
    pub blocks: Vec<Vec<Axis>>,
    /// `[recovery]`, where it is there.
    pub recovery: Option<RecoveryConfig>,
}

impl StudyFile {
    /// Whether a file is a study and no run file, as far as its keys say; not if it cannot be read.
    pub fn is_one(path: &Path) -> bool {
        let text = source::read_text(path).unwrap_or_default();
        TomlFile::parse(path, &text).is_ok_and(|file| {
            let has = |key: &str| file.table.contains_key(key);
            has("base") && (has("grid") || has("include"))
        })
    }

    /// Reads a study and its base; `set` are the command line's `--set`.
    ///
    /// # Errors
    /// See [`StudyFileError`].
    pub fn read(path: &Path, set: &[String]) -> Result<Self, StudyFileError> {
        Self::parse(path, &source::read_text(path)?, set, source::read_text)
    }

    /// As [`StudyFile::read`], from the text of the file `path`; `read` gives that of its base.
    ///
    /// # Errors
    /// See [`StudyFileError`].
    pub fn parse(
        path: &Path,
        text: &str,
        set: &[String],
        read: impl FnOnce(&Path) -> Result<String, FileError>,
    ) -> Result<Self, StudyFileError> {
        let reader = Reader {
            path,
            file: TomlFile::parse(path, text)?,
        };
        reader.check_keys()?;
        let blocks = reader.blocks()?;
        let varying: Vec<&str> = blocks.iter().flatten().map(Axis::key).collect();
        let mut fixed = reader.fixed(&varying)?;
        for written in set {
            let replacement = Assignment::parse(written)?;
            let key = &replacement.key;
            let problem = if varying.contains(&key.as_str()) {
                format!("`{key}` varies in this study: change the study file instead")
            } else if RESERVED.contains(&key.as_str()) {
                format!(
                    "`{key}` is what a study decides for each run (--output says where the study goes)"
                )
            } else {
                fixed.push(replacement);
                continue;
            };
            return Err(StudyFileError::Invalid {
                location: replacement.location,
                problem,
            });
        }
        let name = reader.name()?;
        let recovery = reader.recovery()?;
        let base = files::parent_of(path).join(reader.text("base").unwrap_or_default());
        let base = ConfigSource::parse(&base, &read(&base)?, fixed)?;
        Ok(Self {
            name,
            question: reader.text("question").unwrap_or_default().to_owned(),
            base,
            blocks,
            recovery,
        })
    }

    /// The run file with everything that is fixed and these values laid over it.
    ///
    /// # Errors
    /// If a value cannot stand there.
    pub fn source(&self, point: &[Assignment]) -> Result<ConfigSource, ConfigError> {
        self.base.clone().with(point.iter().cloned())
    }

    /// What stands at a key where nothing varies, in one spelling.
    pub fn base_value(&self, key: &str) -> String {
        let Some(known) = schema::find(key) else {
            return String::new();
        };
        match self.base.get(key) {
            Some(value) => grid::spelling(known.kind, value),
            None => known.default.text().trim_matches('"').to_owned(),
        }
    }
}

struct Reader<'a> {
    path: &'a Path,
    file: TomlFile<'a>,
}

impl<'a> Reader<'a> {
    /// Whether the file has the keys of a study, each with what it takes.
    fn check_keys(&self) -> Result<(), StudyFileError> {
        for (name, value) in &self.file.table {
            let Some(key) = schema::find_in(STUDY_KEYS, name.get_ref()) else {
                let known = schema::names(STUDY_KEYS);
                return Err(StudyFileError::Invalid {
                    location: self.file.location(name.span()),
                    problem: format!("there is no key `{name}` in a study: {known}"),
                });
            };
            if matches!(key.kind, Kind::Tables(_)) && value.get_ref().is_table() {
                return Err(StudyFileError::Invalid {
                    location: self.file.location(name.span()),
                    problem: format!("write [[{name}]] with two brackets: there may be several"),
                });
            }
            let given = self.file.assignment(key.name, name.span(), value)?;
            if !key.kind.allows(&given.value) {
                return Err(given.refused(&key.takes()).into());
            }
        }
        let missing = |key: &&Key| key.is_required() && !self.file.table.contains_key(key.name);
        match STUDY_KEYS.iter().find(missing) {
            Some(key) => Err(ConfigError::missing(self.path, key).into()),
            None => Ok(()),
        }
    }

    fn recovery(&self) -> Result<Option<RecoveryConfig>, ConfigError> {
        let entry = self.file.table.get_key_value("recovery");
        let table = entry.and_then(|(name, value)| Some((name, value.get_ref().as_table()?)));
        let read = |(name, table): (&Spanned<_>, &_)| {
            RecoveryConfig::read(&self.file, table, &self.file.location(name.span()))
        };
        table.map(read).transpose()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.file.table.get(key)?.get_ref().as_str()
    }

    fn name(&self) -> Result<String, StudyFileError> {
        if let Some(name) = self.text("name") {
            return Ok(name.to_owned());
        }
        let stem = file::stem(self.path);
        if Kind::Name.allows(&stem.clone().into()) {
            return Ok(stem);
        }
        Err(ConfigError::Value {
            location: self.path.display().to_string(),
            key: "name".into(),
            found: shown(&stem.into()),
            allowed: Kind::Name.describe(),
        }
        .into())
    }

    fn blocks(&self) -> Result<Vec<Vec<Axis>>, StudyFileError> {
        let grid = self.file.table.get("grid");
        let include = self.file.table.get("include");
        let include = include.and_then(|list| list.get_ref().as_array());
        let tables = grid.into_iter().chain(include.into_iter().flatten());
        let mut blocks = Vec::new();
        let mut runs = 0;
        for table in tables {
            let axes = self.axes(table, RUNS - runs)?;
            if !axes.is_empty() {
                runs += axes.iter().map(|axis| axis.values.len()).product::<usize>();
                blocks.push(axes);
            }
        }
        if blocks.is_empty() {
            return Err(StudyFileError::Invalid {
                location: self.path.display().to_string(),
                problem: "nothing varies: give [grid] or [[include]] at least one key".into(),
            });
        }
        Ok(blocks)
    }

    /// What varies in a table, if these are at most `most` runs.
    fn axes(&self, table: &Spanned<DeValue<'a>>, most: usize) -> Result<Vec<Axis>, StudyFileError> {
        let mut axes = Vec::new();
        let mut combinations = 1_usize;
        for (key, given) in self.run_keys(Some(table))? {
            let invalid = |problem| StudyFileError::Invalid {
                location: given.location.clone(),
                problem,
            };
            let values = grid::values(key.kind, &given.value)
                .map_err(|problem| invalid(format!("`{}` {problem}", key.name)))?;
            // At once: what comes next may be as large again.
            combinations = combinations.saturating_mul(values.len());
            if combinations > most {
                return Err(invalid(format!("these are more than {RUNS} runs")));
            }
            axes.push(Axis { given, values });
        }
        Ok(axes)
    }

    /// What `[override]` sets in all runs.
    fn fixed(&self, varying: &[&str]) -> Result<Vec<Assignment>, StudyFileError> {
        let mut fixed = Vec::new();
        for (key, given) in self.run_keys(self.file.table.get("override"))? {
            if varying.contains(&key.name) {
                return Err(StudyFileError::Invalid {
                    location: given.location,
                    problem: format!(
                        "`{}` varies in this study: it cannot be fixed, too",
                        key.name
                    ),
                });
            }
            fixed.push(given);
        }
        Ok(fixed)
    }

    /// The keys of a run file in a table, none of them the study's to decide.
    fn run_keys(
        &self,
        table: Option<&Spanned<DeValue<'a>>>,
    ) -> Result<Vec<(&'static Key, Assignment)>, StudyFileError> {
        let Some(table) = table.and_then(|table| table.get_ref().as_table()) else {
            return Ok(Vec::new());
        };
        let found = self.file.assignments(table)?;
        let reserved = found.iter().find(|(key, _)| RESERVED.contains(&key.name));
        if let Some((key, given)) = reserved {
            return Err(StudyFileError::Invalid {
                location: given.location.clone(),
                problem: format!("`{}` is what a study decides for each run", key.name),
            });
        }
        Ok(found)
    }
}
