//! One run: from a configuration, or from where an earlier session stopped, to its results.

use super::checkpoints::Checkpoints;
use super::directory::{Place, RunDirectory};
use super::error::RunError;
use super::experiment::Experiment;
use super::outcome::Outcome;
use super::progress::Progress;
use super::restarts::{self, Choice};
use super::tables;
use super::training::{Files, Trained, Training};
use super::{analyzed, baseline};
use crate::analysis::Settings;
use crate::config::Method;
use crate::results::Summary;
use crate::results::ending::{self, Ending};
use crate::results::layout::{METRICS, SUMMARY};
use superposition::StopReason;
use superposition::constant::constant_error;

/// Runs an experiment in its directory, from the start or from its checkpoint.
///
/// # Errors
/// See [`RunError`].
pub fn run(
    experiment: &Experiment,
    place: Place,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let config = &experiment.config;
    // A run that is over needs none of this; any other is refused before it writes anything.
    let force = matches!(place, Place::Own { force: true });
    let over = !force && config.output.dir.join(SUMMARY).exists();
    let teacher = experiment.teacher();
    if !over {
        teacher.check()?;
    }
    let directory = RunDirectory::open(&config.output.dir, config, place)?;
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
    if config.training.restarts.count > 1 && !Checkpoints::of(&directory).exist() {
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
        StopReason::Diverged => diverged(experiment, directory, step, state.seconds),
        StopReason::Completed => {
            // A session that only finishes what an earlier one trained has no evaluation yet.
            let last = match trained.last {
                Some(evaluation) => evaluation,
                None => training.evaluator.evaluate(&state.w),
            };
            let projection = experiment.projection(&state.w);
            tables::write(directory, &experiment.model, &projection, &last)?;
            analyzed::analyze(experiment, &projection, &Settings::default())
                .write(directory.path())?;
            let (config, reason) = (&experiment.config, trained.reason);
            let ratio = ending::loss_ratio(&directory.file(METRICS), state.step)?;
            let ending = Ending::new(&last, constant_error(&training.teacher), ratio);
            let mut summary =
                Summary::new(config, reason, step, state.seconds, Some(&last)).with_ending(ending);
            tables::write_summary(directory, &mut summary)?;
            Ok(Outcome::Completed(summary))
        }
    }
}

/// Leaves that the loss became non-finite after `step` updates.
fn diverged(
    experiment: &Experiment,
    directory: &RunDirectory,
    step: u64,
    seconds: f64,
) -> Result<Outcome, RunError> {
    let reason = StopReason::Diverged;
    let mut summary = Summary::new(&experiment.config, reason, step, seconds, None);
    tables::write_summary(directory, &mut summary)?;
    Ok(Outcome::Diverged(summary))
}
