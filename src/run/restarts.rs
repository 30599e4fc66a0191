//! Several starts, of which the one with the lowest exact loss goes on.
//!
//! Each start is a run of its own for `training.restarts.steps` updates, with an initial `W` and batches
//! of its own, under the run's schedule. What the best one leaves becomes the run's: from there on it
//! is trained as if there had been no other. Until then every start has hidden files of its own, so
//! that a run can be stopped in any of them; the run's checkpoint is written last, and says that the
//! choice is made.

use std::path::PathBuf;

use super::checkpoints::Checkpoints;
use super::directory::{DirectoryError, RunDirectory, START_PREFIX};
use super::error::RunError;
use super::metrics;
use super::training::{Files, Training};
use crate::results::layout::{CHECKPOINT, DIAGNOSTICS, METRICS, PREVIOUS_CHECKPOINT, RESTARTS};
use base::files::{self, FileError};
use superposition::StopReason;
use superposition::trainer::State;

/// More than any start logs.
const MAX_BYTES: u64 = base::limits::LOG_BYTES;

/// How the choice ended.
pub(super) enum Choice {
    /// The run's files are those of the best start.
    Made,
    /// It was interrupted after this many updates, over all starts.
    Interrupted(u64),
    /// The loss of every start became non-finite; the last one after this many updates.
    AllDiverged(u64),
}

/// The files of one start, until one is chosen.
struct StartFiles {
    files: Files,
    /// Its presence says that this start's loss became non-finite.
    diverged: PathBuf,
}

impl StartFiles {
    fn new(directory: &RunDirectory, start: u32) -> Self {
        let file = |name: &str| directory.file(&format!("{START_PREFIX}{start}-{name}"));
        Self {
            files: Files {
                checkpoints: Checkpoints {
                    newest: file(CHECKPOINT),
                    previous: file(PREVIOUS_CHECKPOINT),
                },
                metrics: file(METRICS),
                diagnostics: file(DIAGNOSTICS),
            },
            diverged: file("diverged"),
        }
    }
}

/// Trains every start as far as it goes and makes the best one the run's own.
pub(super) fn choose(
    training: &mut Training<'_>,
    directory: &RunDirectory,
) -> Result<Choice, RunError> {
    let config = &training.experiment.config;
    let (count, steps) = (
        config.training.restarts.count as u32,
        config.training.restarts.steps,
    );
    let mut best: Option<(f64, State)> = None;
    let mut seconds = 0.0;
    let mut last_divergence = 0;
    for start in 0..count {
        let StartFiles { files, diverged } = StartFiles::new(directory, start);
        let elsewhere = u64::from(start) * steps;
        if diverged.exists() {
            continue;
        }
        let trained = training.train(start, &files, steps, elsewhere)?;
        let state = trained.state;
        seconds += state.seconds;
        match trained.reason {
            StopReason::Interrupted => return Ok(Choice::Interrupted(elsewhere + state.step)),
            StopReason::Diverged => {
                files::write_atomically(&diverged, b"")?;
                last_divergence = elsewhere + state.step;
            }
            StopReason::Completed => {
                let figures = trained.last;
                let loss = figures
                    .unwrap_or_else(|| training.evaluator.evaluate(&state.w))
                    .loss;
                if best.as_ref().is_none_or(|(lowest, _)| loss < *lowest) {
                    best = Some((loss, state));
                }
            }
        }
    }
    let Some((_, state)) = best else {
        write_table(directory, count, None)?;
        return Ok(Choice::AllDiverged(last_divergence));
    };
    write_table(directory, count, Some(state.start))?;
    let chosen = StartFiles::new(directory, state.start).files;
    let own = Files::of_run(directory);
    for (from, to) in [
        (&chosen.metrics, &own.metrics),
        (&chosen.diagnostics, &own.diagnostics),
    ] {
        if from.exists() {
            files::write_atomically(to, &files::read_bounded(from, MAX_BYTES)?)?;
        }
    }
    let state = State { seconds, ..state };
    own.checkpoints.save(&state, &config.hash())?;
    Ok(Choice::Made)
}

/// `restarts.csv`: which start it is, whether it was kept, and its rows of `metrics.csv` but for the
/// timing.
fn write_table(
    directory: &RunDirectory,
    count: u32,
    kept: Option<u32>,
) -> Result<(), DirectoryError> {
    let mut columns = metrics::columns();
    columns.pop();
    let mut table = format!("start,kept,{}\n", columns.join(","));
    for start in 0..count {
        let path = StartFiles::new(directory, start).files.metrics;
        let rows = files::read_text(&path, MAX_BYTES)?;
        for row in rows.lines().skip(1) {
            let figures = row.rsplit_once(',').map_or("", |(figures, _)| figures);
            table += &format!("{start},{},{figures}\n", kept == Some(start));
        }
    }
    let path = directory.file(RESTARTS);
    files::write_atomically(&path, table.as_bytes()).map_err(FileError::into)
}
