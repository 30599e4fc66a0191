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
const FOLDER: &str = "seed=";
/// What mends a damaged request.
const DELETE: &str = "delete its directory, and `compress recover` makes it again";

/// Scores of a dictionary.
#[derive(Clone, Debug)]
pub struct Place {
    /// What found it, and with which seed; `None` for scores in the run's own directory.
    pub dictionary: Option<(Method, u64)>,
    /// Where they are.
    pub directory: PathBuf,
    /// The scores.
    pub record: Record,
}

impl Place {
    /// The folder below the run's directory, or the dictionary as it was given where the scores are in that itself.
    pub fn name(&self) -> String {
        match self.dictionary {
            None => self.record.dictionary.clone(),
            Some((method, seed)) => format!("{DIRECTORY}/{}/{}", method.name(), folder(seed)),
        }
    }
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

/// The folder of a seed among those of its method.
pub fn folder(seed: u64) -> String {
    format!("{FOLDER}{seed}")
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

/// Whether a run's page shows the scores in a directory.
pub fn is_shown(run: &Path, directory: &Path) -> bool {
    let is_parent = |method| directory.parent() == Some(&of_method(run, method));
    directory == run || Method::ALL.iter().any(|(_, method)| is_parent(*method))
}

/// All scores in a run's directory: its own, then those below it, by method and seed; none of another `W`.
///
/// # Errors
/// If a directory or a file cannot be read, or a file is garbled.
pub fn places(run: &Path) -> Result<Vec<Place>, ReadError> {
    let place = |dictionary, directory: PathBuf| -> Result<Option<Place>, ReadError> {
        let record = json(&directory, RECOVERY, SCORE)?;
        Ok(record.map(|record| Place {
            dictionary,
            directory,
            record,
        }))
    };
    let mut places = Vec::from_iter(place(None, run.to_owned())?);
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
            places.extend(place(Some((method, seed)), directory.join(folder(seed)))?);
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_the_directory_of_the_run_and_the_folders_of_its_methods() {
        let run = Path::new("results/run");
        for (directory, expected) in [
            ("results/run", true),
            ("results/run/recovery/nnsc/seed=3", true),
            ("results/run/recovery/nnsc", false),
            ("results/run/elsewhere/seed=3", false),
            ("results/other/recovery/nnsc/seed=3", false),
        ] {
            assert_eq!(is_shown(run, Path::new(directory)), expected, "{directory}");
        }
    }
}
