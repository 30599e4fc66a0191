//! The `W` that training starts from.

use std::sync::Arc;

use ndarray::Array2;

use super::baseline;
use super::experiment::Experiment;
use super::progress::Progress;
use crate::config::{Init, InitMatrices, Method, Start};
use base::rng::normal;
use base::rng::{self, Purpose};
use superposition::Teacher;
use superposition::baselines::live::LiveFeatures;
use superposition::evaluation::Evaluator;
use superposition::projection::stack;

/// The initial `W` `[d, D]`, or stack of them `[k·d, D]`, of one of the run's starts; `None` if the
/// search for it was interrupted.
///
/// Only `normal` and `orthonormal` differ from seed to seed and from start to start, and from matrix to
/// matrix where these are independent. `init_std` is the standard deviation of normal entries, and the
/// length of the rows of the others: at 1 these are the baselines themselves. A `W` from a file is taken as it is.
pub(super) fn initial(
    experiment: &Experiment,
    start: u32,
    teacher: &Arc<Teacher>,
    progress: &mut dyn Progress,
) -> Option<Array2<f64>> {
    let config = &experiment.config;
    let scale = config.compression.init_std;
    let mut rng = rng::stream_of_start(config.training.seed, Purpose::Init, start);
    let k = experiment.wiring().count();
    let equal = config.compression.init_matrices == InitMatrices::Equal;
    let init = match (&config.compression.init, experiment.start_matrix()) {
        (Start::Word(init), _) => *init,
        // Of the run's wiring, or one matrix for each of its.
        (Start::File(_), found) => {
            let w = found.cloned().unwrap_or_default();
            let copies = if w.nrows() == k * config.compression.dim {
                1
            } else {
                k
            };
            return Some(stack(copies, true, || w.clone()));
        }
    };
    let method = match init {
        Init::Normal => {
            let shape = (config.compression.dim, experiment.model.width());
            return Some(stack(k, equal, || normal(&mut rng, shape, scale)));
        }
        Init::Orthonormal => Method::Random,
        Init::Pca => Method::Pca,
        Init::Subset => Method::Subset,
        Init::Live | Init::Rank => {
            let live = LiveFeatures::of(teacher.model(), teacher.space(), teacher.evaluation());
            let w = match init {
                Init::Live => live.apart(config.compression.dim),
                _ => live.principal_directions(config.compression.dim),
            };
            return Some(stack(k, true, || w.clone()) * scale);
        }
    };
    // A baseline is one matrix, whatever will be trained; what draws no numbers is found once.
    let mut evaluator = Evaluator::new(Arc::clone(teacher), experiment.objective());
    let equal = equal || method != Method::Random;
    let found: Option<Vec<Array2<f64>>> = (0..if equal { 1 } else { k })
        .map(|_| {
            baseline::search(
                experiment,
                method,
                &mut rng,
                teacher,
                &mut evaluator,
                progress,
            )
        })
        .collect();
    let mut found = found?.into_iter();
    Some(stack(k, equal, || found.next().unwrap_or_default()) * scale)
}
