//! The checkpoint: the loop's whole state in one file, written atomically, proven by a checksum; and the
//! one before it, in case that a disk damages the newest.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Ix2};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::adamw::Moments;
use super::trainer::{State, Window};
use base::files::{self, FileError, hex};
use base::tensors::{Element, TensorError, TensorFile, TensorWriter};

const METADATA_KEY: &str = "compress_checkpoint";
const FORMAT_VERSION: u32 = 1;
/// Which of several starts it is; not there for the first.
const START: &str = "start";
const MAX_BYTES: u64 = base::limits::CHECKPOINT_BYTES;

/// Why a checkpoint was refused.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was read and is damaged.
    #[error("{} is not a usable checkpoint: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: String,
    },
    /// Neither it nor the one before it can be used.
    #[error("{newest}; and {previous}")]
    Both {
        /// What is wrong with the newest.
        newest: Box<CheckpointError>,
        /// What is wrong with the one before it.
        previous: Box<CheckpointError>,
    },
    /// It belongs to another run.
    #[error(
        "{} was written by a run with another configuration (hash {found}, expected {expected})",
        path.display()
    )]
    OtherConfig {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: String,
        /// Of the run that wants to go on from it.
        expected: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    format_version: u32,
    config_hash: String,
    /// Over the tensors' numbers and the hash above.
    sha256: String,
}

/// Writes the state of a run whose configuration has this hash. The checkpoint that was there becomes
/// `previous`.
///
/// # Errors
/// If it cannot be written; the last one is then still whole, here or as `previous`.
pub fn save(
    path: &Path,
    previous: &Path,
    state: &State,
    config_hash: &str,
) -> Result<(), CheckpointError> {
    let bytes = to_bytes(state, config_hash).map_err(|e| CheckpointError::Malformed {
        path: path.to_owned(),
        problem: e.to_string(),
    })?;
    Ok(files::write_keeping(path, previous, &bytes)?)
}

/// The bytes of a checkpoint.
///
/// # Errors
/// If the state's matrices differ in their shapes.
pub fn to_bytes(state: &State, config_hash: &str) -> Result<Vec<u8>, TensorError> {
    let (low, high) = (state.rng_position as u64, (state.rng_position >> 64) as u64);
    let mut writer = TensorWriter::default();
    writer
        .add("W", state.w.shape(), state.w.iter().copied())
        .add("m", state.w.shape(), state.moments.first.iter().copied())
        .add("v", state.w.shape(), state.moments.second.iter().copied())
        .add("step", &[1], [state.step])
        .add("rng_position", &[2], [low, high])
        .add(
            "window_loss",
            &[2],
            [state.window.output, state.window.layers],
        )
        .add("window_steps", &[1], [state.window.steps])
        .add("seconds", &[1], [state.seconds]);
    if state.window.penalty != 0.0 {
        writer.add("window_penalty", &[1], [state.window.penalty]);
    }
    if state.start > 0 {
        writer.add(START, &[1], [u64::from(state.start)]);
    }
    let header = Header {
        format_version: FORMAT_VERSION,
        config_hash: config_hash.to_owned(),
        sha256: checksum(state, config_hash),
    };
    // Three texts and numbers: this cannot fail.
    let text = serde_json::to_string(&header).unwrap_or_default();
    writer.finish(METADATA_KEY, text)
}

/// Reads the state of a run whose `W` has `shape` and whose configuration has this hash.
///
/// # Errors
/// If it cannot be read, is damaged, or belongs to another configuration.
pub fn load(
    path: &Path,
    shape: (usize, usize),
    config_hash: &str,
) -> Result<State, CheckpointError> {
    from_bytes(
        path,
        &files::read_bounded(path, MAX_BYTES)?,
        shape,
        config_hash,
    )
}

/// As [`load`], from the bytes of the file `path`.
///
/// # Errors
/// As [`load`], but for reading.
pub fn from_bytes(
    path: &Path,
    bytes: &[u8],
    shape: (usize, usize),
    config_hash: &str,
) -> Result<State, CheckpointError> {
    let (header, state) =
        parse(bytes, shape, config_hash).map_err(|problem| CheckpointError::Malformed {
            path: path.to_owned(),
            problem: problem.to_string(),
        })?;
    if header.config_hash != config_hash {
        return Err(CheckpointError::OtherConfig {
            path: path.to_owned(),
            found: header.config_hash,
            expected: config_hash.to_owned(),
        });
    }
    Ok(state)
}

/// A state to go on from.
#[derive(Debug)]
pub struct Found {
    /// The state.
    pub state: State,
    /// What is wrong with the newest checkpoint, if the one before it had to stand in.
    pub damage: Option<CheckpointError>,
}

/// Reads the newest usable one of two checkpoints; `None` if neither is there. Whoever goes on from the
/// one before must put it in the damaged one's place before the next [`save`], which would keep the
/// damage.
///
/// # Errors
/// If one of them is there and none can be used.
pub fn newest(
    path: &Path,
    previous: &Path,
    shape: (usize, usize),
    config_hash: &str,
) -> Result<Option<Found>, CheckpointError> {
    let read = |path: &Path| match path.exists() {
        true => load(path, shape, config_hash).map(Some),
        false => Ok(None),
    };
    let whole = |state| Found {
        state,
        damage: None,
    };
    let damage = match read(path) {
        Ok(Some(state)) => return Ok(Some(whole(state))),
        // Whoever is killed between the two renames of `save` leaves the one before alone.
        Ok(None) => return Ok(read(previous)?.map(whole)),
        Err(damage) => damage,
    };
    match read(previous) {
        Ok(Some(state)) => Ok(Some(Found {
            state,
            damage: Some(damage),
        })),
        Ok(None) => Err(damage),
        Err(e) => Err(CheckpointError::Both {
            newest: Box::new(damage),
            previous: Box::new(e),
        }),
    }
}

fn parse(
    bytes: &[u8],
    shape: (usize, usize),
    config_hash: &str,
) -> Result<(Header, State), Box<dyn std::error::Error>> {
    let file = TensorFile::parse(bytes)?;
    let header: Header = serde_json::from_str(file.metadata(METADATA_KEY)?)?;
    if header.format_version != FORMAT_VERSION {
        return Err(format!("it has format version {}", header.format_version).into());
    }
    if header.config_hash != config_hash {
        // The shapes below may differ for the same reason: the caller says which.
        return Ok((header, State::initial(Array2::zeros((0, 0)))));
    }
    let matrix = |name: &str| -> Result<Array2<f64>, TensorError> {
        Ok(file
            .tensor::<f64>(name, &[shape.0, shape.1])?
            .into_dimensionality::<Ix2>()
            .unwrap_or_default())
    };
    let position = numbers::<u64>(&file, "rng_position", 2)?;
    let window = numbers::<f64>(&file, "window_loss", 2)?;
    let start = match file.shape(START) {
        Some(_) => numbers::<u64>(&file, START, 1)?[0].try_into()?,
        None => 0,
    };
    let state = State {
        start,
        step: numbers::<u64>(&file, "step", 1)?[0],
        w: matrix("W")?,
        moments: Moments {
            first: matrix("m")?,
            second: matrix("v")?,
        },
        rng_position: u128::from(position[0]) | u128::from(position[1]) << 64,
        window: Window {
            output: window[0],
            layers: window[1],
            // Not there where there is none, as in the checkpoints of objectives without penalties.
            penalty: match file.shape("window_penalty") {
                Some(_) => numbers::<f64>(&file, "window_penalty", 1)?[0],
                None => 0.0,
            },
            steps: numbers::<u64>(&file, "window_steps", 1)?[0],
        },
        seconds: numbers::<f64>(&file, "seconds", 1)?[0],
    };
    if checksum(&state, config_hash) != header.sha256 {
        return Err("its checksum does not match its numbers: it was damaged on disk".into());
    }
    Ok((header, state))
}

/// Exactly `count` numbers.
fn numbers<T: Element>(
    file: &TensorFile<'_>,
    name: &str,
    count: usize,
) -> Result<Vec<T>, TensorError> {
    Ok(file.tensor::<T>(name, &[count])?.into_iter().collect())
}

fn checksum(state: &State, config_hash: &str) -> String {
    let mut hasher = Sha256::new();
    for matrix in [&state.w, &state.moments.first, &state.moments.second] {
        matrix.iter().for_each(|x| hasher.update(x.to_le_bytes()));
    }
    hasher.update(state.step.to_le_bytes());
    hasher.update(state.rng_position.to_le_bytes());
    hasher.update(state.window.output.to_le_bytes());
    hasher.update(state.window.layers.to_le_bytes());
    if state.window.penalty != 0.0 {
        hasher.update(state.window.penalty.to_le_bytes());
    }
    hasher.update(state.window.steps.to_le_bytes());
    hasher.update(state.seconds.to_le_bytes());
    if state.start > 0 {
        hasher.update(state.start.to_le_bytes());
    }
    hasher.update(config_hash);
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            step: 7,
            rng_position: (3 << 64) | 5,
            window: Window {
                output: 0.1,
                layers: 0.2,
                penalty: 0.3,
                steps: 3,
            },
            seconds: 1.5,
            ..State::initial(ndarray::array![[1.0, -2.5, 1e-300], [0.1, 0.2, 0.3]])
        }
    }

    /// A directory with the places of two checkpoints in it.
    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["newest", "previous"].map(|name| dir.path().join(name));
        let [newest, previous] = paths;
        (dir, newest, previous)
    }

    #[test]
    fn what_was_saved_is_loaded_bit_for_bit() {
        let (_dir, path, previous) = places();
        save(&path, &previous, &state(), "abc").unwrap();
        assert!(!previous.exists());
        assert_eq!(load(&path, (2, 3), "abc").unwrap(), state());
        let third = State {
            start: 2,
            ..state()
        };
        save(&path, &previous, &third, "abc").unwrap();
        assert_eq!(load(&path, (2, 3), "abc").unwrap(), third);
        assert_eq!(load(&previous, (2, 3), "abc").unwrap(), state());
    }

    #[test]
    fn any_flipped_bit_any_lost_tail_and_any_other_run_is_noticed_and_the_one_before_is_used() {
        let (_dir, path, previous) = places();
        let before = State { step: 5, ..state() };
        save(&path, &previous, &before, "abc").unwrap();
        save(&path, &previous, &state(), "abc").unwrap();
        let error = load(&path, (2, 3), "abd").unwrap_err();
        assert!(
            error.to_string().contains("another configuration"),
            "{error}"
        );
        let newest = || newest(&path, &previous, (2, 3), "abc");
        let good = std::fs::read(&path).unwrap();
        let falls_back = || {
            let found = newest().unwrap().unwrap();
            assert!(found.damage.is_some());
            assert_eq!(found.state, before);
        };
        for i in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[i] ^= 1 << bit;
                std::fs::write(&path, &bad).unwrap();
                // Blanks of the header's padding may flip into other blanks; numbers may not.
                match load(&path, (2, 3), "abc") {
                    Ok(loaded) => assert_eq!(loaded, state(), "byte {i}, bit {bit}"),
                    Err(_) if bit == i % 8 => falls_back(),
                    Err(_) => {}
                }
            }
            std::fs::write(&path, &good[..i]).unwrap();
            load(&path, (2, 3), "abc").unwrap_err();
            falls_back();
        }
    }

    #[test]
    fn one_of_two_checkpoints_is_enough_and_none_is_made_up() {
        let (_dir, path, previous) = places();
        let newest = || newest(&path, &previous, (2, 3), "abc");
        assert!(newest().unwrap().is_none());
        save(&path, &previous, &state(), "abc").unwrap();
        std::fs::rename(&path, &previous).unwrap();
        let found = newest().unwrap().unwrap();
        assert!(found.damage.is_none() && found.state == state());
        std::fs::write(&path, b"no").unwrap();
        assert!(newest().unwrap().unwrap().damage.is_some());
        std::fs::write(&previous, b"nor this").unwrap();
        let error = newest().unwrap_err().to_string();
        assert!(
            error.contains("newest is not") && error.contains("previous is not"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        newest().unwrap_err();
    }
}
