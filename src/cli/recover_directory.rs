//! The directory of `compress recover`: `recover.json`, what was asked for, and for each seed a folder with its dictionary
//! and, written last, `found.json`, what is known of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::recovery::methods::{Facts, Found, Settings};
use crate::run::directory::{LOCK, lock};
use base::escape;
use base::files;
use base::limits;

/// What was asked for.
const REQUEST: &str = "recover.json";
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

/// A directory that this process alone works in, until it is dropped.
#[derive(Debug)]
pub struct RecoverDirectory {
    path: PathBuf,
    _lock: File,
}

impl RecoverDirectory {
    /// Takes the directory, made if it is not there. Nothing is written into one that holds something else.
    pub fn open(path: &Path, request: &Request) -> Result<Self, Failure> {
        inspect(path, request)?;
        files::make_directory(path).map_err(Failure::writing)?;
        let lock = lock(path)
            .map_err(Failure::writing)?
            .ok_or_else(|| refused(path, "is in use by another process"))?;
        inspect(path, request)?;
        files::remove_leftovers(path).map_err(Failure::writing)?;
        let directory = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let file = path.join(REQUEST);
        if !file.exists() {
            write(&file, request)?;
        }
        Ok(directory)
    }

    /// The folder of a seed.
    pub fn of(&self, seed: u64) -> PathBuf {
        self.path.join(format!("seed={seed}"))
    }

    /// What is known of a seed's dictionary, if it is there.
    pub fn found(&self, seed: u64) -> Result<Option<Facts>, Failure> {
        let folder = self.of(seed);
        read(&folder.join(FOUND))
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

/// Whether the directory is there for this request, or for none yet.
fn inspect(path: &Path, request: &Request) -> Result<(), Failure> {
    if !path.exists() {
        return Ok(());
    }
    if !path.is_dir() {
        return Err(refused(path, "is a file"));
    }
    let there: Option<Request> = read(&path.join(REQUEST))?;
    let Some(there) = there else {
        let names = files::names(path).map_err(Failure::writing)?;
        let is_other = |name: &&String| *name != LOCK && !name.starts_with(files::TEMPORARY_PREFIX);
        return match names.iter().find(is_other) {
            None => Ok(()),
            Some(name) => Err(refused(
                path,
                &format!("holds `{}` and no {REQUEST}", escape::name(name)),
            )),
        };
    };
    if there.projection_sha256 != request.projection_sha256 {
        return Err(refused(path, "holds dictionaries of another run"));
    }
    if there != *request {
        return Err(refused(
            path,
            &format!("holds dictionaries that were asked for otherwise ({REQUEST} says how)"),
        ));
    }
    Ok(())
}

/// What a JSON file holds, if it is there.
fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read_text(path, limits::CONFIG_BYTES).map_err(Failure::writing)?;
    serde_json::from_str(&text).map(Some).map_err(|e| {
        Failure::Input(anyhow::anyhow!(
            "{} is not what compress recover wrote ({e}): choose another -o directory",
            escape::path(path)
        ))
    })
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::Running(e.into()))?;
    files::write_atomically(path, format!("{text}\n").as_bytes()).map_err(Failure::writing)
}

fn refused(path: &Path, problem: &str) -> Failure {
    Failure::Input(anyhow::anyhow!(
        "{} {problem}: choose another -o directory",
        escape::path(path)
    ))
}
