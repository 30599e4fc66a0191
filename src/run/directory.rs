//! The run directory: whose it is, whether it is done, and who is working in it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::{Method, RunConfig};
use crate::recovery::record::{COSINES, DRAWING, RECOVERY, TARGETS};
use crate::results::layout::{
    ANALYSIS, CERTIFICATE, CHECKPOINT, CIRCUIT, CIRCUIT_DRAWING, CONFIG, DIAGNOSTICS, FAILURE,
    FEATURES, GRAM, GRAMS, INTERVENTIONS, LAYER_POSITIONS, LAYERS, METRICS, POSITIONS,
    PREVIOUS_CHECKPOINT, PROJECTION, RESTARTS, SUMMARY, VARIABLES, WARNINGS, WORST_INPUTS,
    is_accepted_w,
};
use base::files::{self, FileError, links, names, remove};
use base::interrupt;

/// The locked file.
pub const LOCK: &str = ".lock";
/// What the names of the starts' files begin with, until one start is chosen.
pub(super) const START_PREFIX: &str = ".start-";

/// In the order in which `--force` deletes them: the sign of completion first.
const ALL: [&str; 27] = [
    SUMMARY,
    CERTIFICATE,
    CIRCUIT,
    CIRCUIT_DRAWING,
    RECOVERY,
    TARGETS,
    COSINES,
    DRAWING,
    FAILURE,
    ANALYSIS,
    WORST_INPUTS,
    INTERVENTIONS,
    VARIABLES,
    POSITIONS,
    LAYER_POSITIONS,
    FEATURES,
    PREVIOUS_CHECKPOINT,
    CHECKPOINT,
    PROJECTION,
    GRAM,
    GRAMS,
    LAYERS,
    RESTARTS,
    DIAGNOSTICS,
    METRICS,
    WARNINGS,
    CONFIG,
];

/// Larger configurations are none.
const MAX_CONFIG_BYTES: u64 = base::limits::CONFIG_BYTES;

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The path is a file.
    #[error("{} is not a directory: choose another output directory", .0.display())]
    NotADirectory(PathBuf),
    /// It holds something else.
    #[error(
        "{} is not a run directory: it holds `{found}` and no {CONFIG}; choose an empty or a new one",
        directory.display()
    )]
    Foreign {
        /// The directory.
        directory: PathBuf,
        /// A file in it.
        found: String,
    },
    /// It belongs to another configuration.
    #[error(
        "{} holds the run of another configuration ({}):\n{differences}\nchoose another output \
         directory, or --force to delete that run and start over",
        directory.display(),
        directory.join(CONFIG).display()
    )]
    OtherConfig {
        /// The directory.
        directory: PathBuf,
        /// One line a key.
        differences: String,
    },
    /// Its configuration cannot be read.
    #[error(
        "{} cannot be read as a resolved configuration ({problem}); choose another output \
         directory, or --force to delete that run and start over",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Training would replace a `W` that cost a search.
    #[error(
        "{} holds a W that `compress shrink` accepted, which a run there would replace: choose another output directory \
         (--output)",
        .0.display()
    )]
    AcceptedW(PathBuf),
    /// Another process works in it.
    #[error(
        "{} is in use by another process: wait for it, or choose another output directory",
        .0.display()
    )]
    InUse(PathBuf),
}

/// Where a run's directory stands.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// By itself: it is made with those above it.
    Own {
        /// Whether the run that it holds is deleted.
        force: bool,
    },
    /// In the directory of a study, which is there: if it was moved away meanwhile, it is not made again.
    InStudy,
}

/// A directory that this process alone works in, until it is dropped.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    _lock: File,
}

/// The lock of a directory that one process alone works in, until it is dropped; `None` if another has it.
///
/// # Errors
/// If the system refuses.
pub fn lock(directory: &Path) -> Result<Option<File>, FileError> {
    let path = directory.join(LOCK);
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let file = links::open_to_write(&path, &mut options)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(FileError::new("lock", &path)(e)),
    }
}

impl RunDirectory {
    /// Takes the directory for a run, made if it is not there. Nothing is written before everything that
    /// can be known beforehand is known.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(path: &Path, config: &RunConfig, place: Place) -> Result<Self, DirectoryError> {
        let force = matches!(place, Place::Own { force: true });
        inspect(path, config, force)?;
        match place {
            Place::Own { .. } => files::make_directory(path)?,
            Place::InStudy => links::make_directory(path)?,
        }
        let lock = lock(path)?.ok_or_else(|| DirectoryError::InUse(path.to_owned()))?;
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        // Between the first look and the lock another process may have made this its own.
        inspect(path, config, force)?;
        files::remove_leftovers(path)?;
        if force {
            directory.clear()?;
        }
        Ok(directory)
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether one of its files is there.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Writes the resolved configuration, unless it is there from an earlier session.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_config(&self, config: &RunConfig) -> Result<(), DirectoryError> {
        let path = self.file(CONFIG);
        if path.exists() {
            return Ok(());
        }
        let text = config
            .to_toml(&self.path)
            .map_err(|problem| FileError::new("write", &path)(io::Error::other(problem)))?;
        Ok(files::write_atomically(&path, text.as_bytes())?)
    }

    /// Deletes what only a run that is not over needs.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn remove_unneeded(&self) -> Result<(), FileError> {
        remove(&self.file(FAILURE))?;
        remove(&self.file(PREVIOUS_CHECKPOINT))
    }

    /// Deletes the run in it. Whoever is killed meanwhile leaves what can be gone on from, or nothing.
    fn clear(&self) -> Result<(), DirectoryError> {
        let _all = interrupt::hold();
        self.remove_starts()?;
        for name in ALL {
            remove(&self.file(name))?;
        }
        Ok(files::sync_directory(&self.path)?)
    }

    /// Deletes the files of single starts, once one is chosen. By the alphabet a start's checkpoint goes
    /// before the tables that it would miss.
    pub(super) fn remove_starts(&self) -> Result<(), DirectoryError> {
        let mut names = names(&self.path)?;
        names.sort_unstable();
        for name in names {
            if name.starts_with(START_PREFIX) {
                remove(&self.file(&name))?;
            }
        }
        Ok(())
    }
}

/// Whether the directory is free, or holds this very run. Reads only.
///
/// # Errors
/// See [`DirectoryError`].
pub fn inspect(path: &Path, config: &RunConfig, force: bool) -> Result<(), DirectoryError> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            return Err(DirectoryError::NotADirectory(path.to_owned()));
        }
        Err(e) => return Err(FileError::new("read", path)(e).into()),
        Ok(info) if !info.is_dir() => return Err(DirectoryError::NotADirectory(path.to_owned())),
        Ok(_) => {}
    }
    if config.compression.method == Method::Train && is_accepted_w(path) && !force {
        return Err(DirectoryError::AcceptedW(path.to_owned()));
    }
    let kept = path.join(CONFIG);
    if !kept.exists() {
        let ours = |name: &String| {
            name == LOCK || name == FAILURE || name.starts_with(files::TEMPORARY_PREFIX)
        };
        return match names(path)?.into_iter().find(|name| !ours(name)) {
            None => Ok(()),
            Some(found) => Err(DirectoryError::Foreign {
                directory: path.to_owned(),
                found,
            }),
        };
    }
    if force {
        return Ok(());
    }
    let text = files::read_text(&kept, MAX_CONFIG_BYTES)?;
    let earlier = RunConfig::from_resolved(&text).map_err(|e| DirectoryError::Unreadable {
        path: kept.clone(),
        problem: e.message().to_owned(),
    })?;
    let mut differences = differences(&earlier, config);
    if differences.is_empty() {
        return Ok(());
    }
    if has_more_steps_alone(&earlier, config) {
        // The learning rate's schedule depends on the number of steps: the first ones would have been others.
        differences += &format!(
            "\nto train its W further, start a new run from it: --set compression.init.from={} --output NEW; otherwise",
            path.display()
        );
    }
    Err(DirectoryError::OtherConfig {
        directory: path.to_owned(),
        differences,
    })
}

/// Whether a longer training is all that differs.
fn has_more_steps_alone(earlier: &RunConfig, now: &RunConfig) -> bool {
    let mut longer = earlier.clone();
    longer.training.steps = now.training.steps;
    earlier.training.steps < now.training.steps && longer.essence() == now.essence()
}

/// One line for each key that decides the results and differs.
fn differences(earlier: &RunConfig, now: &RunConfig) -> String {
    let (earlier, now) = (earlier.essence(), now.essence());
    let value = |pairs: &[(String, String)], key: &str| {
        pairs
            .iter()
            .find(|(k, _)| k == key)
            .map_or_else(|| "absent".into(), |(_, v)| v.clone())
    };
    let mut keys: Vec<&String> = earlier.iter().chain(&now).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| value(&earlier, key) != value(&now, key))
        .map(|key| {
            format!(
                "  {key}: {} there, {} here",
                value(&earlier, key),
                value(&now, key)
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}
