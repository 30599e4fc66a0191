//! `study.toml` in a study's directory: which runs belong to it, and where. With it, the tables are
//! made from the run directories alone.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::study_lock::{LOCK, StudyLock};
use crate::config::{Method, RecoveryConfig};
use crate::results::layout::STUDY;
use base::escape::{is_hidden, name};
use base::files::{self, FileError, names};

const MAX_BYTES: u64 = base::limits::STUDY_RECORD_BYTES;
const HEADING: &str = "# Resolved by compress sweep: the runs of this study, in its order.\n";

/// What a study's directory is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The study's name.
    pub name: String,
    /// What it asks.
    pub question: String,
    /// The `--set` of the command line.
    pub set: Vec<String>,
    /// The keys that vary, in the order of the study file.
    pub keys: Vec<String>,
    /// Which dictionaries are looked for in every completed run, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryConfig>,
    /// All runs, in the study's order.
    #[serde(rename = "run", default)]
    pub runs: Vec<RunEntry>,
}

/// One run of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Its directory below the study's.
    pub directory: String,
    /// Where `W` comes from.
    pub method: Method,
    /// Of each of the study's keys.
    pub values: Vec<String>,
}

/// Why a directory is not a study's.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no record.
    #[error(
        "{} is not a study's directory: it has no {STUDY}, which `compress sweep` writes (when runs \
         are brought together from several machines, bring it along)",
        .0.display()
    )]
    Missing(PathBuf),
    /// The record is no record.
    #[error("{} is not what compress sweep writes: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The directory holds something else.
    #[error(
        "{} is not a study's directory: it holds `{found}` and no {STUDY}; choose an empty or a new one \
         with --output",
        directory.display()
    )]
    Foreign {
        /// The directory.
        directory: PathBuf,
        /// A file in it.
        found: String,
    },
    /// The directory holds another study.
    #[error(
        "{} holds the study `{found}`, not `{expected}`: choose another directory with --output",
        directory.display()
    )]
    OtherStudy {
        /// The directory.
        directory: PathBuf,
        /// The study in it.
        found: String,
        /// The study that wants it.
        expected: String,
    },
}

impl Record {
    /// Reads the record of a study's directory.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn load(directory: &Path) -> Result<Self, RecordError> {
        let path = directory.join(STUDY);
        if !path.exists() {
            std::fs::metadata(directory).map_err(FileError::new("read", directory))?;
            return Err(RecordError::Missing(directory.to_owned()));
        }
        Self::parse(&path, &files::read_text(&path, MAX_BYTES)?)
    }

    /// As [`Record::load`], from the text of the file `path`.
    ///
    /// # Errors
    /// If it is not what [`Record::keep`] writes.
    pub fn parse(path: &Path, text: &str) -> Result<Self, RecordError> {
        let malformed = |problem: String| RecordError::Malformed {
            path: path.to_owned(),
            problem,
        };
        let record: Self = toml::from_str(text).map_err(|e| malformed(e.message().to_owned()))?;
        for run in &record.runs {
            if run.values.len() != record.keys.len() {
                return Err(malformed(format!(
                    "run `{}` has {} values for {} keys",
                    run.directory,
                    run.values.len(),
                    record.keys.len()
                )));
            }
            let elsewhere = |c: char| "/\\:".contains(c) || is_hidden(c);
            if run.directory.is_empty()
                || run.directory.starts_with('.')
                || run.directory.contains(elsewhere)
            {
                return Err(malformed(format!(
                    "`{}` is no directory of a run",
                    name(&run.directory)
                )));
            }
        }
        Ok(record)
    }

    /// Whether the directory is free or holds this study. Reads only.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn inspect(&self, directory: &Path) -> Result<(), RecordError> {
        match std::fs::metadata(directory) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(FileError::new("read", directory)(e).into()),
            Ok(_) => {}
        }
        match Self::load(directory) {
            Ok(there) if there.name == self.name => Ok(()),
            Ok(there) => Err(RecordError::OtherStudy {
                directory: directory.to_owned(),
                found: there.name,
                expected: self.name.clone(),
            }),
            Err(RecordError::Missing(_)) => {
                let ours =
                    |name: &String| name == LOCK || name.starts_with(files::TEMPORARY_PREFIX);
                match names(directory)?.into_iter().find(|name| !ours(name)) {
                    // Another process may have begun the study between two looks.
                    None | Some(_) if directory.join(STUDY).exists() => Ok(()),
                    None => Ok(()),
                    Some(found) => Err(RecordError::Foreign {
                        directory: directory.to_owned(),
                        found,
                    }),
                }
            }
            Err(e) => Err(e),
        }
    }

    /// Writes the record, unless it is there already, word for word.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self, directory: &Path) -> Result<(), RecordError> {
        files::make_directory(directory)?;
        let path = directory.join(STUDY);
        let text = self
            .text()
            .map_err(|e| FileError::new("write", &path)(io::Error::other(e.to_string())))?;
        Ok(StudyLock::take(directory)?.write(STUDY, text.as_bytes())?)
    }

    /// The text of `study.toml`.
    ///
    /// # Errors
    /// If TOML has no form for it.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEADING}{}", toml::to_string(self)?))
    }
}
