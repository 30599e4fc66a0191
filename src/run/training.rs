//! The training of one `W`: from a state or from nothing to a number of steps, with its files.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::Array2;

use super::checkpoints::Checkpoints;
use super::diagnostics::DiagnosticsLog;
use super::directory::RunDirectory;
use super::error::RunError;
use super::experiment::Experiment;
use super::initial::initial;
use super::metrics::Metrics;
use super::progress::Progress;
use super::warnings::Warnings;
use crate::config::RunConfig;
use crate::results::layout::{DIAGNOSTICS, METRICS};
use base::interrupt;
use superposition::diagnostics::Diagnostics;
use superposition::engines::{self, Engine};
use superposition::evaluation::Evaluator;
use superposition::inputs::Sampler;
use superposition::trainer::{Intervals, Observer, Record, State};
use superposition::{Evaluation, StopReason, Teacher, Trainer};

/// Where a trajectory leaves what it needs to go on.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub checkpoints: Checkpoints,
    pub metrics: PathBuf,
    pub diagnostics: PathBuf,
}

impl Files {
    /// The run's own.
    pub fn of_run(directory: &RunDirectory) -> Self {
        Self {
            checkpoints: Checkpoints::of(directory),
            metrics: directory.file(METRICS),
            diagnostics: directory.file(DIAGNOSTICS),
        }
    }
}

/// A run's training: what all its trajectories share.
pub(super) struct Training<'a> {
    pub experiment: &'a Experiment,
    pub directory: &'a RunDirectory,
    pub teacher: Arc<Teacher>,
    pub evaluator: Evaluator,
    pub progress: &'a mut dyn Progress,
}

/// A trajectory's end.
pub(super) struct Trained {
    pub reason: StopReason,
    pub state: State,
    /// The exact metrics of its `W`, if they were computed in this session.
    pub last: Option<Evaluation>,
}

impl<'a> Training<'a> {
    /// For a run in its directory.
    pub fn new(
        experiment: &'a Experiment,
        teacher: Arc<Teacher>,
        directory: &'a RunDirectory,
        progress: &'a mut dyn Progress,
    ) -> Self {
        Self {
            experiment,
            directory,
            evaluator: Evaluator::new(Arc::clone(&teacher), experiment.objective())
                .with_wiring(experiment.wiring()),
            teacher,
            progress,
        }
    }

    /// Trains a start up to `steps`, from its checkpoint if it has one. `elsewhere` counts the updates
    /// of other starts before it.
    pub fn train(
        &mut self,
        start: u32,
        files: &Files,
        steps: u64,
        elsewhere: u64,
    ) -> Result<Trained, RunError> {
        let Experiment { config, space, .. } = self.experiment;
        let Some(state) = self.state(start, &files.checkpoints)? else {
            return Ok(Trained {
                reason: StopReason::Interrupted,
                state: State::initial(Array2::zeros((0, 0))),
                last: None,
            });
        };
        let metrics = Metrics::resume(&files.metrics, state.step, rows(config, state.step))
            .map_err(RunError::Log)?;
        let diagnostics = self.diagnostics(files, &state)?;
        let teacher = &self.teacher;
        let seed = config.training.seed;
        let done = elsewhere + state.step;
        self.progress.begin(done, config.training.updates());
        let mut trainer = Trainer::new(
            engine(self.experiment, teacher),
            Sampler::of_start(space.clone(), teacher.evaluation(), seed, state.start),
            self.experiment.objective(),
            config.schedule(),
            config.adamw(),
            config.training.batch_size,
            state,
        );
        let intervals = Intervals {
            steps,
            log_every: config.training.log_every,
            checkpoint_every: config.training.checkpoint_every,
            diagnose_every: config.training.diagnostics_every,
        };
        let mut observer = TrajectoryObserver {
            checkpoints: &files.checkpoints,
            config_hash: config.hash(),
            evaluator: &mut self.evaluator,
            metrics,
            diagnostics,
            progress: self.progress,
            elsewhere,
            last: None,
        };
        // Who stops the training waits for its checkpoint.
        let hold = interrupt::hold();
        let reason = trainer.run(intervals, &mut observer)?;
        drop(hold);
        if reason == StopReason::Diverged {
            observer.sync()?;
        }
        Ok(Trained {
            reason,
            last: observer.last,
            state: trainer.into_state(),
        })
    }

    /// The checkpoint's state, or the initial one; `None` if the search for it was interrupted.
    fn state(&mut self, start: u32, kept: &Checkpoints) -> Result<Option<State>, RunError> {
        let mut warnings = Warnings {
            directory: self.directory,
            progress: self.progress,
        };
        if let Some(state) = kept.load(self.experiment, &mut warnings)? {
            return Ok(Some(state));
        }
        let w = initial(self.experiment, start, &self.teacher, self.progress);
        Ok(w.map(|w| State {
            start,
            ..State::initial(w)
        }))
    }

    fn diagnostics(
        &self,
        files: &Files,
        state: &State,
    ) -> Result<Option<DiagnosticsLog>, RunError> {
        let Experiment { config, model, .. } = self.experiment;
        let every = config.training.diagnostics_every;
        if every == 0 {
            return Ok(None);
        }
        let wiring = self.experiment.wiring();
        let diagnostics =
            Diagnostics::new(model, &self.teacher, &self.experiment.objective(), wiring);
        let at = (state.step, &state.w);
        DiagnosticsLog::resume(&files.diagnostics, diagnostics, every, at)
            .map(Some)
            .map_err(RunError::Log)
    }
}

/// The rows of `metrics.csv` up to a step.
fn rows(config: &RunConfig, step: u64) -> u64 {
    let training = &config.training;
    let on_grid = training.steps.is_multiple_of(training.log_every);
    step / training.log_every + u64::from(step == training.steps && !on_grid)
}

fn engine(experiment: &Experiment, teacher: &Arc<Teacher>) -> Box<dyn Engine> {
    let training = &experiment.config.training;
    engines::build(
        (training.engine, training.precision),
        &experiment.model,
        teacher,
        experiment.objective(),
        training.threads,
        experiment.wiring(),
    )
}

/// Writes what the training loop reports.
struct TrajectoryObserver<'a> {
    checkpoints: &'a Checkpoints,
    config_hash: String,
    evaluator: &'a mut Evaluator,
    metrics: Metrics,
    diagnostics: Option<DiagnosticsLog>,
    progress: &'a mut dyn Progress,
    elsewhere: u64,
    /// The figures of the newest record.
    last: Option<Evaluation>,
}

impl TrajectoryObserver<'_> {
    /// Makes all rows durable.
    fn sync(&mut self) -> Result<(), RunError> {
        self.metrics.sync()?;
        Ok(self.diagnostics.as_mut().map_or(Ok(()), |d| d.sync())?)
    }
}

impl Observer for TrajectoryObserver<'_> {
    type Error = RunError;

    fn evaluate(&mut self, w: &Array2<f64>) -> Option<Evaluation> {
        let Self {
            evaluator,
            progress,
            ..
        } = self;
        let check = || (!progress.is_to_stop()).then_some(()).ok_or(());
        evaluator.try_evaluate(w, check).ok()
    }

    fn record(&mut self, record: &Record) -> Result<(), RunError> {
        self.metrics.append(record)?;
        self.progress.record(record);
        self.last = Some(record.evaluation.clone());
        Ok(())
    }

    fn diagnose(&mut self, step: u64, w: &Array2<f64>) -> Result<(), RunError> {
        let log = self.diagnostics.as_mut();
        Ok(log.map_or(Ok(()), |log| log.measure(step, w))?)
    }

    fn checkpoint(&mut self, state: &State) -> Result<(), RunError> {
        self.sync()?;
        self.checkpoints.save(state, &self.config_hash)
    }

    fn step_done(&mut self, step: u64, loss: f64) -> bool {
        self.progress.step(self.elsewhere + step, loss)
    }
}
