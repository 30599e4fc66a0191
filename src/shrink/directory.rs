//! The directory of a search: `shrink.toml`, `path.csv`, and for every accepted `W` a directory with its
//! `config.toml` and `projection.safetensors`, which `compress certify` and `compression.init` take.

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::path::{self, Descent, Row};
use super::standard::Standard;
use crate::config::{ConfigError, ConfigSource, RunConfig, ShrinkConfig, Start, StartFile};
use crate::results::layout::{CONFIG, PROJECTION};
use crate::run::directory::{LOCK, lock};
use crate::run::experiment::Experiment;
use base::files::{self, FileError, hex};
use sha2::{Digest, Sha256};
use superposition::Projection;
use superposition::projection::ProjectionError;

/// The run file with all settings of the search: it repeats it.
pub const SETTINGS: &str = "shrink.toml";

/// Where the run goes that the `config.toml` beside an accepted `W` begins.
const OWN_RUN: &str = "run";

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds something else.
    #[error("{} {problem}: choose another --output directory", directory.display())]
    Other {
        /// The directory.
        directory: PathBuf,
        /// What it holds.
        problem: String,
    },
    /// A file of the search is damaged.
    #[error("{0}")]
    Damaged(String),
    /// Its settings cannot be read.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A `W` in it cannot be read or written.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl DirectoryError {
    /// Whether the user can mend it, and nothing was computed.
    pub fn is_input(&self) -> bool {
        match self {
            Self::File(e) => !e.is_of_the_machine(),
            _ => true,
        }
    }
}

/// A directory that this process alone works in, until it is dropped.
#[derive(Debug)]
pub struct ShrinkDirectory {
    path: PathBuf,
    _lock: File,
}

impl ShrinkDirectory {
    /// Takes the directory, made if it is not there. Nothing is written into one that holds something else.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(
        path: &Path,
        config: &RunConfig,
        settings: &ShrinkConfig,
    ) -> Result<Self, DirectoryError> {
        inspect(path, config, settings)?;
        files::make_directory(path)?;
        let lock = lock(path)?.ok_or_else(|| other(path, "is in use by another process"))?;
        inspect(path, config, settings)?;
        files::remove_leftovers(path)?;
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let settings_path = path.join(SETTINGS);
        if !settings_path.exists() {
            let failed = |problem: String| {
                FileError::new("write", &settings_path)(std::io::Error::other(problem))
            };
            let text = config.to_toml(path).map_err(failed)?;
            let own = settings.to_toml().map_err(failed)?;
            files::write_atomically(&settings_path, format!("{text}\n{own}").as_bytes())?;
        }
        Ok(directory)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the `W` of one width: of the first descent, and of the smallest `d` of all.
    pub fn of(&self, standard: Standard, d: usize) -> PathBuf {
        self.path.join(standard.name()).join(format!("d={d}"))
    }

    /// The directory of the `W` of one width that a descent accepted.
    pub fn of_descent(&self, descent: Descent, d: usize) -> PathBuf {
        match descent.number {
            1 => self.of(descent.standard, d),
            number => {
                let of_standard = self.path.join(descent.standard.name());
                of_standard.join(format!("descent={number}/d={d}"))
            }
        }
    }

    /// Keeps a `W` that works in a directory below this one, before its row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(
        &self,
        experiment: &Experiment,
        standard: Standard,
        directory: &Path,
        w: &Array2<f64>,
    ) -> Result<(), DirectoryError> {
        let d = w.nrows();
        let of_standard = self.path.join(standard.name());
        for directory in [&of_standard, files::parent_of(directory), directory] {
            files::make_directory(directory)?;
            files::remove_leftovers(directory)?; // of a session that was killed here
        }
        let path = directory.join(PROJECTION);
        let projection = experiment.projection(w);
        projection.save(&path)?;
        let bytes = files::read_bounded(&path, base::limits::PROJECTION_BYTES)?;
        let mut config = experiment.config.clone();
        config.name = format!("{}, {}, d = {d}", config.name, standard.name());
        config.compression.dim = d;
        config.compression.init = Start::File(StartFile {
            from: path,
            sha256: Some(hex(&Sha256::digest(&bytes))),
        });
        config.output.dir = directory.join(OWN_RUN); // training there leaves the accepted W alone
        let config_path = directory.join(CONFIG);
        let text = config
            .to_toml(directory)
            .map_err(|e| FileError::new("write", &config_path)(std::io::Error::other(e)))?;
        Ok(files::write_atomically(&config_path, text.as_bytes())?)
    }

    /// The `W` in such a directory.
    ///
    /// # Errors
    /// If it is not there, or another one.
    pub fn load(
        &self,
        experiment: &Experiment,
        directory: &Path,
        d: usize,
    ) -> Result<Array2<f64>, DirectoryError> {
        let path = directory.join(PROJECTION);
        let projection = Projection::load(&path, &experiment.model)?;
        if projection.w.dim() == (d, experiment.model.width()) {
            Ok(projection.w)
        } else {
            Err(DirectoryError::Damaged(format!(
                "{} is not a W with d = {d} of this model: restore it, or choose another --output directory",
                path.display()
            )))
        }
    }

    /// What a JSON file of the directory holds, if it is there.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, DirectoryError> {
        let path = self.path.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let text = files::read_text(&path, base::limits::CONFIG_BYTES)?;
        serde_json::from_str(&text).map(Some).map_err(|e| {
            DirectoryError::Damaged(format!(
                "{} is not what compress shrink wrote ({e}): delete it, and the same command goes on",
                path.display()
            ))
        })
    }

    /// Writes such a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_result<T: Serialize>(&self, name: &str, result: &T) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        files::remove_leftovers(files::parent_of(&path))?;
        let text = serde_json::to_string_pretty(result)
            .map_err(|e| FileError::new("write", &path)(e.into()))?;
        Ok(files::write_atomically(
            &path,
            format!("{text}\n").as_bytes(),
        )?)
    }

    /// Removes such a file, if it is there.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove_result(&self, name: &str) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &path)(e).into())
            }
            _ => Ok(()),
        }
    }

    /// The rows that are there.
    ///
    /// # Errors
    /// If `path.csv` is damaged.
    pub fn rows(&self) -> Result<Vec<Row>, DirectoryError> {
        path::read(&self.path).map_err(DirectoryError::Damaged)
    }
}

fn other(path: &Path, problem: &str) -> DirectoryError {
    DirectoryError::Other {
        directory: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Whether the directory is there for this search, or for none yet.
fn inspect(path: &Path, config: &RunConfig, settings: &ShrinkConfig) -> Result<(), DirectoryError> {
    if !path.exists() {
        return Ok(());
    }
    if !path.is_dir() {
        return Err(other(path, "is a file"));
    }
    let there = path.join(SETTINGS);
    if !there.exists() {
        let names = files::names(path)?;
        return match names.iter().find(|name| *name != LOCK) {
            None => Ok(()),
            Some(name) => Err(other(
                path,
                &format!("holds `{}` and no {SETTINGS}", base::escape::name(name)),
            )),
        };
    }
    let source = ConfigSource::read(&there, &[])?;
    let same_settings = ShrinkConfig {
        max_seconds: settings.max_seconds,
        ..ShrinkConfig::new(&source)?
    } == *settings;
    let same_run = RunConfig::new(&source, None)?.hash() == config.hash();
    match (same_run, same_settings) {
        (true, true) => Ok(()),
        (true, false) => Err(other(
            path,
            "holds a search with other settings in [shrink]",
        )),
        (false, _) => Err(other(path, "holds the search of another run file or model")),
    }
}
