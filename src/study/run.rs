//! One run: from a configuration, or from where an earlier sitting stopped, to its results.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Element;
use ndarray::Array2;
use thiserror::Error;

use super::directory::{CHECKPOINT, DirectoryError, METRICS, RunDirectory, SUMMARY};
use super::experiment::Experiment;
use super::metrics::{Metrics, MetricsError};
use super::results::{self, Summary};
use super::{analyzed, baseline};
use crate::analysis::Settings;
use crate::compression::checkpoint::{self, CheckpointError};
use crate::compression::engines::fused::{self, Fused};
use crate::compression::engines::{Engine, autodiff::Autodiff};
use crate::compression::evaluation::Evaluator;
use crate::compression::projection::{ProjectionError, normal, stack};
use crate::compression::trainer::{Intervals, Observer, Record, State};
use crate::compression::{Evaluation, StopReason, Teacher, Trainer};
use crate::config::{self, InitMatrices, Method, Precision, RunConfig};
use crate::files::FileError;
use crate::inputs::rng::{self, Purpose};
use crate::inputs::{EvaluationSet, Sampler};

/// What a run tells whoever watches it, and what it asks.
pub trait Progress {
    /// Training begins at `step` of `steps`.
    fn begin(&mut self, step: u64, steps: u64);
    /// A step is done; `loss` is its batch's. Returns whether to stop after it.
    fn step(&mut self, step: u64, loss: f64) -> bool;
    /// A row was written.
    fn record(&mut self, record: &Record);
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
    /// It stopped on request at this step; the same command goes on from there.
    Interrupted {
        /// Updates done.
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
    #[error("{0}; --force starts the run over")]
    Checkpoint(CheckpointError),
    #[error(transparent)]
    Metrics(MetricsError),
    #[error(transparent)]
    Output(#[from] FileError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl RunError {
    /// Whether it was found before anything was written: the user's files, not the machine.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Directory(_) | Self::Checkpoint(_) | Self::Metrics(_)
        )
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
    let Experiment {
        config,
        model,
        space,
    } = experiment;
    let directory = RunDirectory::open(&config.output.dir, config, force)?;
    if directory.has(SUMMARY) {
        return Ok(Outcome::AlreadyOver(Summary::load(
            &directory.file(SUMMARY),
        )?));
    }
    directory.keep_config(config)?; // first: it says whose the other files are
    if config.compression.method != Method::Train {
        return baseline::run(experiment, &directory, progress);
    }
    let state = starting_state(experiment, &directory)?;
    let rows = state.step / config.training.log_every
        + u64::from(state.step == config.training.steps && !on_grid(config));
    let metrics =
        Metrics::resume(&directory.file(METRICS), state.step, rows).map_err(RunError::Metrics)?;

    let evaluation_set = EvaluationSet::new(space, config.inputs.evaluation_sample);
    let sampler = Sampler::new(space.clone(), &evaluation_set, config.training.seed);
    let targets = config.objective.categorical_targets;
    let teacher = Teacher::with_targets(model, space.clone(), evaluation_set, targets);
    progress.begin(state.step, config.training.steps);
    let mut trainer = Trainer::new(
        engine(experiment, &teacher),
        sampler,
        experiment.objective(),
        config.schedule(),
        config.adamw(),
        config.training.batch_size,
        state,
    );
    let mut observer = RunObserver {
        directory: &directory,
        config_hash: config.hash(),
        evaluator: Evaluator::new(Arc::clone(&teacher), experiment.objective())
            .with_wiring(experiment.wiring()),
        metrics,
        progress,
        last: None,
    };
    let intervals = Intervals {
        steps: config.training.steps,
        log_every: config.training.log_every,
        checkpoint_every: config.training.checkpoint_every,
    };
    let reason = trainer.run(intervals, &mut observer);
    observer.progress.end();
    finish(
        experiment,
        &directory,
        trainer.state(),
        reason?,
        &mut observer,
    )
}

/// Whether the last step is one that is logged anyway.
fn on_grid(config: &RunConfig) -> bool {
    config
        .training
        .steps
        .is_multiple_of(config.training.log_every)
}

/// The checkpoint's state, or the initial one.
fn starting_state(experiment: &Experiment, directory: &RunDirectory) -> Result<State, RunError> {
    if directory.has(CHECKPOINT) {
        return load_checkpoint(experiment, directory);
    }
    let RunConfig {
        compression,
        training,
        ..
    } = &experiment.config;
    let mut rng = rng::stream(training.seed, Purpose::Init);
    let shape = (compression.dim, experiment.model.width());
    let equal = compression.init_matrices == InitMatrices::Equal;
    Ok(State::initial(stack(
        experiment.wiring().count(),
        equal,
        || normal(&mut rng, shape, compression.init_std),
    )))
}

/// The state that the directory's checkpoint holds.
pub(super) fn load_checkpoint(
    experiment: &Experiment,
    directory: &RunDirectory,
) -> Result<State, RunError> {
    let (path, hash) = (directory.file(CHECKPOINT), experiment.config.hash());
    checkpoint::load(&path, experiment.shape(), &hash).map_err(RunError::Checkpoint)
}

/// Writes a checkpoint.
pub(super) fn save_checkpoint(path: &Path, state: &State, hash: &str) -> Result<(), RunError> {
    match checkpoint::save(path, state, hash) {
        Err(CheckpointError::File(e)) => Err(e.into()),
        other => other.map_err(RunError::Checkpoint),
    }
}

fn engine(experiment: &Experiment, teacher: &Arc<Teacher>) -> Box<dyn Engine> {
    match experiment.config.training.precision {
        Precision::F32 => engine_of::<f32>(experiment, teacher),
        Precision::F64 => engine_of::<f64>(experiment, teacher),
    }
}

fn engine_of<F: fused::lanes::Precision + Element>(
    experiment: &Experiment,
    teacher: &Arc<Teacher>,
) -> Box<dyn Engine> {
    let Experiment { config, model, .. } = experiment;
    let (teacher, objective, threads) = (
        Arc::clone(teacher),
        experiment.objective(),
        config.training.threads,
    );
    let wiring = experiment.wiring();
    match config.training.engine {
        config::Engine::Fused => {
            Box::new(Fused::<F>::new(teacher, objective, threads).with_wiring(wiring))
        }
        config::Engine::Autodiff => {
            Box::new(Autodiff::<F>::new(model, teacher, objective, threads).with_wiring(wiring))
        }
    }
}

fn finish(
    experiment: &Experiment,
    directory: &RunDirectory,
    state: &State,
    reason: StopReason,
    observer: &mut RunObserver<'_>,
) -> Result<Outcome, RunError> {
    let summary = |last: Option<&Evaluation>| {
        Summary::new(&experiment.config, &reason, state.step, state.seconds, last)
    };
    match reason {
        StopReason::Interrupted => Ok(Outcome::Interrupted { step: state.step }),
        StopReason::Diverged { .. } => {
            let summary = summary(None);
            observer.metrics.sync()?;
            summary.save(directory)?;
            Ok(Outcome::Diverged(summary))
        }
        StopReason::Completed => {
            // A sitting that only finishes what an earlier one trained has no evaluation yet.
            let last = match observer.last.take() {
                Some(evaluation) => evaluation,
                None => observer.evaluate(&state.w),
            };
            let projection = experiment.projection(&state.w);
            results::write(directory, &experiment.model, &projection, &last)?;
            analyzed::analyze(experiment, &projection, &Settings::default())
                .write(directory.path())?;
            let summary = summary(Some(&last));
            summary.save(directory)?;
            Ok(Outcome::Completed(summary))
        }
    }
}

/// Writes what the training loop reports.
struct RunObserver<'a> {
    directory: &'a RunDirectory,
    config_hash: String,
    evaluator: Evaluator,
    metrics: Metrics,
    progress: &'a mut dyn Progress,
    /// The figures of the newest record.
    last: Option<Evaluation>,
}

impl Observer for RunObserver<'_> {
    type Error = RunError;

    fn evaluate(&mut self, w: &Array2<f64>) -> Evaluation {
        self.evaluator.evaluate(w)
    }

    fn record(&mut self, record: &Record) -> Result<(), RunError> {
        self.metrics.append(record)?;
        self.progress.record(record);
        self.last = Some(record.evaluation.clone());
        Ok(())
    }

    fn checkpoint(&mut self, state: &State) -> Result<(), RunError> {
        self.metrics.sync()?;
        save_checkpoint(&self.directory.file(CHECKPOINT), state, &self.config_hash)
    }

    fn step_done(&mut self, step: u64, loss: f64) -> bool {
        self.progress.step(step, loss)
    }
}
