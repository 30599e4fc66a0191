//! The directory of `compress recover`: `recover.json`, what was asked for, and for each seed a folder with its dictionary
//! and, written last, `found.json`, what is known of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::output;
use crate::recovery::methods::{Facts, Found, Settings};
use crate::recovery::scored::{self, REQUEST, seeds};
use crate::run::directory::{LOCK, lock};
use base::escape;
use base::files;
use base::limits;

/// What is known of a dictionary.
const FOUND: &str = "found.json";

/// What a directory is for: the same seed then gives the same dictionary.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Of the run's `projection.safetensors`.
    pub projection_sha256: String,
    /// Method, atoms and penalty.
    #[serde(flatten)]
    pub settings: Settings,
    /// The site, or all of them.
    pub site: Option<usize>,
    /// Whether BOS is among the rows.
    pub bos: bool,
}

/// What to do about a directory that holds something else.
#[derive(Clone, Copy, Debug)]
pub enum Remedy {
    /// It was named on the command line.
    Another,
    /// It has its place in a run's directory.
    Delete,
}

impl Remedy {
    fn words(self) -> &'static str {
        match self {
            Self::Another => "choose another -o directory",
            Self::Delete => "delete it, and the same command makes it again",
        }
    }
}

/// A directory that this process alone works in, until it is dropped.
#[derive(Debug)]
pub struct RecoverDirectory {
    path: PathBuf,
    remedy: Remedy,
    _lock: File,
}

impl RecoverDirectory {
    /// Takes the directory, made if it is not there; `None` if another process has it. Nothing is written into one that
    /// holds something else; of what was asked for before and never found, nothing is kept.
    pub fn open(path: &Path, request: &Request, remedy: Remedy) -> Result<Option<Self>, Failure> {
        inspect(path, request, remedy)?;
        files::make_directory(path).map_err(Failure::writing)?;
        let Some(lock) = lock(path).map_err(Failure::writing)? else {
            return Ok(None);
        };
        inspect(path, request, remedy)?;
        files::remove_leftovers(path).map_err(Failure::writing)?;
        let directory = Self {
            path: path.to_owned(),
            remedy,
            _lock: lock,
        };
        let file = path.join(REQUEST);
        if read::<Request>(&file, remedy)?.as_ref() != Some(request) {
            write(&file, request)?;
        }
        Ok(Some(directory))
    }

    /// The folder of a seed.
    pub fn of(&self, seed: u64) -> PathBuf {
        folder(&self.path, seed)
    }

    /// What is known of a seed's dictionary, if it is there.
    pub fn found(&self, seed: u64) -> Result<Option<Facts>, Failure> {
        facts(&self.path, seed, self.remedy)
    }

    /// Keeps a seed's dictionary.
    pub fn keep(&self, seed: u64, found: &Found) -> Result<(), Failure> {
        let folder = self.of(seed);
        files::make_directory(&folder).map_err(Failure::writing)?;
        files::remove_leftovers(&folder).map_err(Failure::writing)?;
        let facts = serde_json::to_value(&found.facts).map_err(|e| Failure::Running(e.into()))?;
        found
            .dictionary
            .save(&folder, &facts)
            .map_err(Failure::writing)?;
        write(&folder.join(FOUND), &found.facts)
    }
}

/// The folder of a seed in a directory.
pub fn folder(directory: &Path, seed: u64) -> PathBuf {
    directory.join(scored::folder(seed))
}

/// What a directory is for, if it is one.
pub fn request(directory: &Path, remedy: Remedy) -> Result<Option<Request>, Failure> {
    read(&directory.join(REQUEST), remedy)
}

/// What is known of a seed's dictionary, if it is there.
pub fn facts(directory: &Path, seed: u64, remedy: Remedy) -> Result<Option<Facts>, Failure> {
    read(&folder(directory, seed).join(FOUND), remedy)
}

/// Whether there is a folder of any seed.
fn has_seeds(directory: &Path) -> Result<bool, Failure> {
    let seeds = seeds(directory).map_err(Failure::writing)?;
    Ok(!seeds.is_empty())
}

/// Whether the directory is there for this request, or for none yet.
fn inspect(path: &Path, request: &Request, remedy: Remedy) -> Result<(), Failure> {
    if !path.exists() {
        return Ok(());
    }
    if !path.is_dir() {
        return Err(refused(path, "is a file", remedy));
    }
    let there: Option<Request> = read(&path.join(REQUEST), remedy)?;
    let Some(there) = there else {
        let names = files::names(path).map_err(Failure::writing)?;
        let is_other = |name: &&String| *name != LOCK && !name.starts_with(files::TEMPORARY_PREFIX);
        return match names.iter().find(is_other) {
            None => Ok(()),
            Some(name) => Err(refused(
                path,
                &format!("holds `{}` and no {REQUEST}", escape::name(name)),
                remedy,
            )),
        };
    };
    if there.projection_sha256 != request.projection_sha256 && has_seeds(path)? {
        return Err(refused(path, "holds dictionaries of another run", remedy));
    }
    if there != *request && has_seeds(path)? {
        return Err(refused(
            path,
            &format!("holds dictionaries that were asked for otherwise ({REQUEST} says how)"),
            remedy,
        ));
    }
    Ok(())
}

/// What a JSON file holds, if it is there.
pub fn read<T: for<'a> Deserialize<'a>>(path: &Path, remedy: Remedy) -> Result<Option<T>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read_text(path, limits::CONFIG_BYTES).map_err(Failure::writing)?;
    serde_json::from_str(&text).map(Some).map_err(|e| {
        Failure::Input(anyhow::anyhow!(
            "{} is not what compress wrote ({e}): {}",
            escape::path(path),
            remedy.words()
        ))
    })
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Failure> {
    files::write_atomically(path, output::json(value)?.as_bytes()).map_err(Failure::writing)
}

/// Nothing is done with this directory.
pub fn refused(path: &Path, problem: &str, remedy: Remedy) -> Failure {
    Failure::Input(anyhow::anyhow!(
        "{} {problem}: {}",
        escape::path(path),
        remedy.words()
    ))
}
