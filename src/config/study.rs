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
//! ```

use std::path::{Path, PathBuf};

use thiserror::Error;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::error::ConfigError;
use super::grid::{self, Axis};
use super::overrides::Override;
use super::place::{Locations, Step};
use super::schema;
use super::source::{self, ConfigSource, join};
pub use super::study_keys::MAX_RUNS;
use super::study_keys::{self, STUDY_KEYS};
use crate::library;
use base::escape::visible;
use base::files::{self, FileError};

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
    #[error("{}: {}", visible(place), visible(problem))]
    Invalid {
        /// File and line, or the override.
        place: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// A study file with its base and the overrides of the command line, checked as far as it can be
/// without the model.
#[derive(Clone, Debug)]
pub struct StudyFile {
    /// The file.
    pub path: PathBuf,
    /// What the study is called; also its directory's name.
    pub name: String,
    /// What it asks.
    pub question: String,
    /// The run file that every run starts from.
    pub base: PathBuf,
    base_text: String,
    fixed: Vec<Override>,
    /// The base with `[override]` and `--set`, without what varies.
    base_source: ConfigSource,
    /// `[grid]`, then each `[[include]]`: all combinations of the axes.
    pub blocks: Vec<Vec<Axis>>,
}

impl StudyFile {
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
        let document: DocumentMut = text
            .parse()
            .map_err(|e| source::syntax_error(path, text, &e))?;
        let reader = Reader {
            places: Locations::new(path, text),
        };
        let root = document.as_table();
        let known = study_keys::names(&STUDY_KEYS);
        if let Some((key, _)) = root.iter().find(|(key, _)| !known.contains(key)) {
            let problem = format!("there is no key `{key}` in a study: {}", known.join(", "));
            return Err(reader.invalid(&[Step::Key(key)], problem));
        }
        let blocks = reader.blocks(root)?;
        let varying: Vec<&str> = blocks.iter().flatten().map(|a| a.key.as_str()).collect();
        let mut fixed = reader.fixed(root, &varying)?;
        for written in set {
            let replacement = Override::parse(written)?;
            let problem = if varying.contains(&replacement.key()) {
                "varies in this study: change the study file instead"
            } else if RESERVED.contains(&replacement.key()) {
                "is what a study decides for each run (--output says where the study goes)"
            } else {
                fixed.push(replacement);
                continue;
            };
            return Err(StudyFileError::Invalid {
                place: replacement.place().to_owned(),
                problem: format!("`{}` {problem}", replacement.key()),
            });
        }
        let name = match reader.text_of(root, "name")? {
            Some(name) => name,
            None => path.file_stem().map_or_else(
                || "study".into(),
                |stem| stem.to_string_lossy().into_owned(),
            ),
        };
        if !is_safe_name(&name) {
            let problem = format!(
                "`name` is \"{name}\", but it names a directory: use letters, digits, `_`, `-` and `.`"
            );
            return Err(reader.invalid(&[Step::Key("name")], problem));
        }
        let Some(base) = reader.text_of(root, "base")? else {
            let problem = "`base` is missing: the run file that every run starts from".into();
            return Err(reader.invalid(&[], problem));
        };
        let base = files::parent_of(path).join(base);
        let base_text = read(&base)?;
        let base_source = ConfigSource::with_overrides(&base, base_text.clone(), fixed.clone())?;
        Ok(Self {
            path: path.to_owned(),
            name,
            question: reader.text_of(root, "question")?.unwrap_or_default(),
            base,
            base_text,
            fixed,
            base_source,
            blocks,
        })
    }

    /// The run file's text with everything that is fixed and these values laid over it.
    ///
    /// # Errors
    /// If a value cannot stand there.
    pub fn source(&self, point: &[Override]) -> Result<ConfigSource, ConfigError> {
        let overrides = self.fixed.iter().chain(point).cloned().collect();
        ConfigSource::with_overrides(&self.base, self.base_text.clone(), overrides)
    }

    /// What stands at a key where nothing varies, in one spelling.
    pub fn base_value(&self, key: &str) -> String {
        let Some(known) = schema::find(key) else {
            return String::new();
        };
        match self.base_source.get(key).and_then(Item::as_value) {
            Some(value) => grid::spelling(known.kind, value),
            None => known.default.trim_matches('"').to_owned(),
        }
    }
}

struct Reader<'a> {
    places: Locations<'a>,
}

impl Reader<'_> {
    fn invalid(&self, steps: &[Step<'_>], problem: String) -> StudyFileError {
        StudyFileError::Invalid {
            place: self.places.of(steps),
            problem,
        }
    }

    fn text_of(&self, root: &dyn TableLike, key: &str) -> Result<Option<String>, StudyFileError> {
        match root.get(key) {
            None => Ok(None),
            Some(item) => match item.as_str() {
                Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
                _ => {
                    let problem = format!(
                        "`{key}` is {}, but it takes a text in quotes",
                        source::shown(item)
                    );
                    Err(self.invalid(&[Step::Key(key)], problem))
                }
            },
        }
    }

    /// The table behind a key of the study file or behind an element of a list there.
    fn table<'t>(
        &self,
        item: &'t Item,
        steps: &[Step<'_>],
    ) -> Result<&'t dyn TableLike, StudyFileError> {
        item.as_table_like().ok_or_else(|| {
            self.invalid(
                steps,
                "[grid], [override] and each [[include]] are tables of keys".into(),
            )
        })
    }

    fn blocks(&self, root: &dyn TableLike) -> Result<Vec<Vec<Axis>>, StudyFileError> {
        let mut blocks = Vec::new();
        let mut runs = 0_usize;
        let mut add = |item: &Item, steps: &[Step<'_>]| -> Result<(), StudyFileError> {
            let mut axes = Vec::new();
            let mut combinations = 1_usize;
            let mut leaf = |key: &str, value: &Value, place: String| {
                let kind = schema::find(key).map(|known| known.kind);
                let values = kind.map_or(Err("is no key".into()), |k| grid::values(k, value));
                let values = match values {
                    Ok(values) => values,
                    Err(problem) => {
                        let problem = format!("`{key}` {problem}");
                        return Err(StudyFileError::Invalid { place, problem });
                    }
                };
                // At once: what comes next may be as large again.
                combinations = combinations.saturating_mul(values.len());
                if runs.saturating_add(combinations) > MAX_RUNS {
                    let problem = format!("these are more than {MAX_RUNS} runs");
                    return Err(StudyFileError::Invalid { place, problem });
                }
                axes.push(Axis {
                    key: key.to_owned(),
                    values,
                    place,
                });
                Ok(())
            };
            self.leaves(self.table(item, steps)?, "", steps, &mut leaf)?;
            if let Some(twice) = repeated(&axes) {
                return Err(self.invalid(steps, format!("`{twice}` stands here twice")));
            }
            if !axes.is_empty() {
                runs += combinations;
                blocks.push(axes);
            }
            Ok(())
        };
        if let Some(item) = root.get("grid") {
            add(item, &[Step::Key("grid")])?;
        }
        if let Some(list) = root.get("include") {
            if list.is_table_like() || list.get(0).is_none() {
                let problem = "write [[include]] with two brackets: there may be several".into();
                return Err(self.invalid(&[Step::Key("include")], problem));
            }
            let mut index = 0;
            while let Some(item) = list.get(index) {
                add(item, &[Step::Key("include"), Step::Index(index)])?;
                index += 1;
            }
        }
        if blocks.is_empty() {
            let problem = "nothing varies: give [grid] or [[include]] at least one key".into();
            return Err(self.invalid(&[], problem));
        }
        Ok(blocks)
    }

    fn fixed(
        &self,
        root: &dyn TableLike,
        varying: &[&str],
    ) -> Result<Vec<Override>, StudyFileError> {
        let mut fixed = Vec::new();
        let Some(item) = root.get("override") else {
            return Ok(fixed);
        };
        let directory = files::parent_of(self.places.path);
        let steps = [Step::Key("override")];
        let mut leaf = |key: &str, value: &Value, place: String| {
            if varying.contains(&key) {
                let problem = format!("`{key}` varies in this study: it cannot be fixed, too");
                return Err(StudyFileError::Invalid { place, problem });
            }
            fixed.push(Override::from_file(key, value.clone(), &place, directory));
            Ok(())
        };
        self.leaves(self.table(item, &steps)?, "", &steps, &mut leaf)?;
        Ok(fixed)
    }

    /// Visits every key of a run file that a table sets, dotted, quoted or in tables of its own.
    fn leaves(
        &self,
        table: &dyn TableLike,
        prefix: &str,
        steps: &[Step<'_>],
        leaf: &mut dyn FnMut(&str, &Value, String) -> Result<(), StudyFileError>,
    ) -> Result<(), StudyFileError> {
        for (part, item) in table.iter() {
            let key = join(prefix, part);
            let here: Vec<Step<'_>> = steps.iter().copied().chain([Step::Key(part)]).collect();
            if RESERVED.contains(&key.as_str()) {
                let problem = format!("`{key}` is what a study decides for each run");
                return Err(self.invalid(&here, problem));
            }
            match (
                schema::find(&key),
                item.clone().into_value(),
                item.as_table_like(),
            ) {
                (Some(_), Ok(value), _) => leaf(&key, &value, self.places.of(&here))?,
                (None, _, Some(table)) if schema::is_table(&key) => {
                    self.leaves(table, &key, &here, leaf)?;
                }
                _ => {
                    let hint = schema::suggestion(&key)
                        .filter(|known| *known != key)
                        .map_or_else(String::new, |known| format!(": did you mean `{known}`?"));
                    let problem = format!("there is no key `{key}` with such a value{hint}");
                    return Err(self.invalid(&here, problem));
                }
            }
        }
        Ok(())
    }
}

fn repeated(axes: &[Axis]) -> Option<&str> {
    axes.iter()
        .enumerate()
        .find(|(i, axis)| axes[..*i].iter().any(|other| other.key == axis.key))
        .map(|(_, axis)| axis.key.as_str())
}

/// Whether a text may name a directory on any system, and is no option of a command.
fn is_safe_name(name: &str) -> bool {
    name.len() <= 100
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}
