//! A run whose `W` is a baseline: found instead of trained, and evaluated like any other.

use std::sync::Arc;

use ndarray::Array2;
use rand::Rng;

use super::analyzed;
use super::checkpoints::Checkpoints;
use super::directory::RunDirectory;
use super::error::RunError;
use super::experiment::Experiment;
use super::metrics;
use super::outcome::Outcome;
use super::progress::Progress;
use super::tables;
use super::warnings::Warnings;
use crate::analysis::Settings;
use crate::config::Method;
use crate::results::Summary;
use crate::results::layout::METRICS;
use base::rng::{self, Purpose};
use superposition::baselines::{pca, random, subset};
use superposition::evaluation::Evaluator;
use superposition::trainer::State;
use superposition::{StopReason, Teacher};

/// Finds the baseline's `W` and writes the files of a run. Its checkpoint is `W` before step 0: who
/// is killed while writing the rest need not search again.
pub(super) fn run(
    experiment: &Experiment,
    teacher: Arc<Teacher>,
    directory: &RunDirectory,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let Experiment { config, model, .. } = experiment;
    let mut evaluator = Evaluator::new(Arc::clone(&teacher), experiment.objective());
    let start = std::time::Instant::now();
    let checkpoints = Checkpoints::of(directory);
    let mut warnings = Warnings {
        directory,
        progress: &mut *progress,
    };
    let state = if let Some(state) = checkpoints.load(experiment, &mut warnings)? {
        state
    } else {
        let mut rng = rng::stream(config.training.seed, Purpose::Init);
        let method = config.compression.method;
        let found = search(
            experiment,
            method,
            &mut rng,
            &teacher,
            &mut evaluator,
            progress,
        );
        progress.end();
        let Some(w) = found else {
            return Ok(Outcome::Interrupted { step: 0 });
        };
        let mut state = State::initial(w);
        state.seconds = start.elapsed().as_secs_f64();
        checkpoints.save(&state, &config.hash())?;
        state
    };
    let evaluation = evaluator.evaluate(&state.w);
    let reason = if evaluation.is_usable() {
        metrics::write_untrained(&directory.file(METRICS), &evaluation)?;
        let projection = experiment.projection(&state.w);
        tables::write(directory, model, &projection, &evaluation)?;
        analyzed::analyze(experiment, &projection, &Settings::default()).write(directory.path())?;
        StopReason::Completed
    } else {
        StopReason::Diverged
    };
    let last = (reason == StopReason::Completed).then_some(&evaluation);
    let mut summary = Summary::new(config, reason, 0, state.seconds, last);
    tables::write_summary(directory, &mut summary)?;
    Ok(match reason {
        StopReason::Completed => Outcome::Completed(summary),
        _ => Outcome::Diverged(summary),
    })
}

/// The `W` `[d, D]` of the baseline `method`; `None` if it was interrupted. Only `random` draws numbers.
pub(super) fn search(
    experiment: &Experiment,
    method: Method,
    rng: &mut impl Rng,
    teacher: &Teacher,
    evaluator: &mut Evaluator,
    progress: &mut dyn Progress,
) -> Option<Array2<f64>> {
    let config = &experiment.config;
    let (d, width) = (config.compression.dim, experiment.model.width());
    match method {
        Method::Subset => {
            let inputs = teacher.evaluation().len();
            let search = subset::Search::new(teacher.model(), d, inputs);
            progress.begin(0, search.evaluations());
            let mut tried = 0;
            let kept = search.run(&mut |kept| {
                let w = subset::projection(kept, width);
                let loss = evaluator.evaluate(&w).loss;
                tried += 1;
                (!progress.step(tried, loss)).then_some(loss)
            })?;
            Some(subset::projection(&kept, width))
        }
        Method::Random => {
            progress.begin(0, 1);
            Some(random::orthonormal_rows(rng, (d, width)))
        }
        Method::Pca | Method::Train => {
            progress.begin(0, 1);
            let moment = pca::second_moment(teacher.model(), teacher.space(), teacher.evaluation());
            Some(pca::principal_directions(&moment, d))
        }
    }
}
