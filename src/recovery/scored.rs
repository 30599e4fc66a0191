//! Where the dictionaries of a run are that have scores: in the run's own directory, if one was scored into it, and in
//! `recovery/METHOD/seed=S` below it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::methods::Method;
use super::record::{RECOVERY, Record, SCORE};
use crate::results::ReadError;
use crate::results::documents::json;
use crate::results::layout::PROJECTION;
use base::files::{self, FileError, hex};
use base::limits;

/// Below a run's directory.
const DIRECTORY: &str = "recovery";
/// What a method's dictionaries were asked for.
pub const REQUEST: &str = "recover.json";
/// What the name of a seed's folder begins with.
pub const FOLDER: &str = "seed=";
/// What mends a damaged request.
const DELETE: &str = "delete its directory, and `compress recover` makes it again";

/// Scores of a dictionary.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory, as it is called in the run's; empty for that itself.
    pub name: String,
    /// The directory.
    pub directory: PathBuf,
    /// The scores.
    pub record: Record,
}

/// As much of a request as says whose `W` it is of.
#[derive(Debug, Deserialize)]
struct Request {
    projection_sha256: String,
}

/// Where the dictionaries of a method are.
pub fn of_method(run: &Path, method: Method) -> PathBuf {
    run.join(DIRECTORY).join(method.name())
}

/// The SHA-256 of a run's `W`, in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn fingerprint(run: &Path) -> Result<String, FileError> {
    let bytes = files::read_bounded(&run.join(PROJECTION), limits::PROJECTION_BYTES)?;
    Ok(hex(&Sha256::digest(&bytes)))
}

/// The seeds of which a directory has a folder, in order.
///
/// # Errors
/// If the directory cannot be read.
pub fn seeds(directory: &Path) -> Result<Vec<u64>, FileError> {
    let names = files::names(directory)?;
    let seed = |name: &String| name.strip_prefix(FOLDER)?.parse().ok();
    let mut seeds: Vec<u64> = names.iter().filter_map(seed).collect();
    seeds.sort_unstable();
    Ok(seeds)
}

/// All scores in a run's directory: its own, then those below it, by method and seed; none of another `W`.
///
/// # Errors
/// If a directory or a file cannot be read, or a file is garbled.
pub fn places(run: &Path) -> Result<Vec<Place>, ReadError> {
    let mut places = Vec::new();
    let mut add = |name: String, directory: PathBuf| -> Result<(), ReadError> {
        if let Some(record) = json(&directory, RECOVERY, SCORE)? {
            places.push(Place {
                name,
                directory,
                record,
            });
        }
        Ok(())
    };
    add(String::new(), run.to_owned())?;
    if !run.join(DIRECTORY).is_dir() || !run.join(PROJECTION).is_file() {
        return Ok(places);
    }
    let projection = fingerprint(run)?;
    for (_, method) in Method::ALL {
        let directory = of_method(run, method);
        let request: Option<Request> = json(&directory, REQUEST, DELETE)?;
        if request.is_none_or(|request| request.projection_sha256 != projection) {
            continue;
        }
        for seed in seeds(&directory)? {
            let folder = format!("{FOLDER}{seed}");
            let name = format!("{DIRECTORY}/{}/{folder}", method.name());
            add(name, directory.join(folder))?;
        }
    }
    Ok(places)
}
