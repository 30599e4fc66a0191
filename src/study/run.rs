//! One run: from a configuration, or from where an earlier sitting stopped, to its results.

use thiserror::Error;

use super::directory::{DirectoryError, METRICS, RunDirectory, SUMMARY};
use super::ending::{self, Ending};
use super::experiment::Experiment;
use super::restarts::{self, Choice};
use super::results::{self, Summary};
use super::step_log::LogError;
use super::training::{Files, Trained, Training};
use super::{analyzed, baseline};
use crate::analysis::Settings;
use crate::config::Method;
use base::files::FileError;
use superposition::StopReason;
use superposition::checkpoint::CheckpointError;
use superposition::constant::constant_error;
use superposition::projection::ProjectionError;
use superposition::teacher::NotFinite;
use superposition::trainer::Record;

/// What a run tells whoever watches it, and what it asks.
pub trait Progress {
    /// Training begins at `step` of `steps`.
    fn begin(&mut self, step: u64, steps: u64);
    /// A step is done; `loss` is its batch's. Returns whether to stop after it.
    fn step(&mut self, step: u64, loss: f64) -> bool;
    /// Whether to stop, within a step or at once: asked in what takes as long as many steps.
    fn is_to_stop(&self) -> bool;
    /// A row was written.
    fn record(&mut self, record: &Record);
    /// Something happened that the user should know of, and the run goes on.
    fn warn(&mut self, warning: &str);
    /// Training is over for now.
    fn end(&mut self);
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// It was over before: nothing was done.
    AlreadyOver(Summary),
    /// All steps are done and all files written.
    Completed(Summary),
    /// It stopped on request at this step; the same command resumes it there.
    Interrupted {
        /// Updates done, those of other starts included.
        step: u64,
    },
    /// The loss became no number; the last good checkpoint is kept.
    Diverged(Summary),
}

/// Why a run could not go on.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum RunError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(
        "{0}; restore a checkpoint of this run, or delete them all to start it over, as --force does"
    )]
    Checkpoint(CheckpointError),
    #[error(transparent)]
    Log(LogError),
    #[error(transparent)]
    Output(#[from] FileError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Model(#[from] NotFinite),
}

impl RunError {
    /// Whether the user's files are at fault, and not the machine.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Directory(DirectoryError::File(e))
            | Self::Checkpoint(CheckpointError::File(e))
            | Self::Log(LogError::File(e)) => !e.is_of_the_machine(),
            Self::Directory(_) | Self::Checkpoint(_) | Self::Log(_) | Self::Model(_) => true,
            Self::Output(_) | Self::Projection(_) => false,
        }
    }
}

/// Runs an experiment in its directory, from the start or from its checkpoint.
///
/// # Errors
/// See [`RunError`].
pub fn run(
    experiment: &Experiment,
    force: bool,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let config = &experiment.config;
    // A run that is over needs none of this; any other is refused before it writes anything.
    let over = !force && config.output.dir.join(SUMMARY).exists();
    let teacher = experiment.teacher();
    if !over {
        teacher.check()?;
    }
    let directory = RunDirectory::open(&config.output.dir, config, force)?;
    if directory.has(SUMMARY) {
        return Ok(Outcome::AlreadyOver(Summary::load(
            &directory.file(SUMMARY),
        )?));
    }
    directory.keep_config(config)?; // first: it says whose the other files are
    if config.compression.method != Method::Train {
        return baseline::run(experiment, teacher, &directory, progress);
    }
    let mut training = Training::new(experiment, teacher, &directory, progress);
    if config.training.restarts.count > 1 && !directory.checkpoints().exist() {
        let choice = restarts::choose(&mut training, &directory);
        training.progress.end();
        match choice? {
            Choice::Made => {}
            Choice::Interrupted(step) => return Ok(Outcome::Interrupted { step }),
            Choice::AllDiverged(step) => return diverged(experiment, &directory, step, 0.0),
        }
    }
    directory.remove_starts()?;
    let elsewhere = config.training.restarts.discarded_steps();
    let files = Files::of_run(&directory);
    let trained = training.train(0, &files, config.training.steps, elsewhere);
    training.progress.end();
    finish(&mut training, &directory, trained?, elsewhere)
}

/// Leaves what became of a training; `elsewhere` counts the updates of other starts.
fn finish(
    training: &mut Training<'_>,
    directory: &RunDirectory,
    trained: Trained,
    elsewhere: u64,
) -> Result<Outcome, RunError> {
    let experiment = training.experiment;
    let state = &trained.state;
    let step = elsewhere + state.step;
    match trained.reason {
        StopReason::Interrupted => Ok(Outcome::Interrupted { step }),
        StopReason::Diverged { .. } => diverged(experiment, directory, step, state.seconds),
        StopReason::Completed => {
            // A sitting that only finishes what an earlier one trained has no evaluation yet.
            let last = match trained.last {
                Some(evaluation) => evaluation,
                None => training.evaluator.evaluate(&state.w),
            };
            let projection = experiment.projection(&state.w);
            results::write(directory, &experiment.model, &projection, &last)?;
            analyzed::analyze(experiment, &projection, &Settings::default())
                .write(directory.path())?;
            let (config, reason) = (&experiment.config, &trained.reason);
            let ratio = ending::loss_ratio(&directory.file(METRICS), state.step)?;
            let ending = Ending::new(&last, constant_error(&training.teacher), ratio);
            let mut summary =
                Summary::new(config, reason, step, state.seconds, Some(&last)).with_ending(ending);
            summary.save(directory)?;
            Ok(Outcome::Completed(summary))
        }
    }
}

/// Leaves that the loss became no number after `step` updates.
fn diverged(
    experiment: &Experiment,
    directory: &RunDirectory,
    step: u64,
    seconds: f64,
) -> Result<Outcome, RunError> {
    let reason = StopReason::Diverged { step };
    let mut summary = Summary::new(&experiment.config, &reason, step, seconds, None);
    summary.save(directory)?;
    Ok(Outcome::Diverged(summary))
}
