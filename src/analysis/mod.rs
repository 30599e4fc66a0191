//! What `W` learned: which features kept a direction of their own, which share, which were
//! dropped, and whether the compressed model still computes the same thing.
//!
//! - [`settings`]: the thresholds that verdicts and figures depend on.
//! - [`structure`]: which features form a variable, what writes them and whether anything reads them.
//! - [`activity`]: how often, how strongly and with whom the compiled model uses a feature.
//! - [`geometry`]: norms, dimensionality and interference, from `G` alone.
//! - [`verdict`]: dedicated, shared, superposed, dropped or unused, and what compression consists of.
//! - [`faithfulness`]: errors by position, block and variable; [`fit`] and [`positions`]: their sums.
//! - [`worst`]: the inputs that the compressed model gets most wrong.
//! - [`interchange`]: the same exchange of a variable's value in both models.
//! - [`moments`]: covariances of the compiled model's values.
//! - [`redundancy`]: what else carries a variable's information, and is not exchanged with it.
//! - [`answer`]: what many runs say, in sentences.
//! - [`sweep`](mod@sweep): one pass over the inputs, on any number of threads with the same result.
//!
//! Everything depends on `W` only through `G = WᵀW` (`tests/analysis` rotates `W` and compares).
//! With several `W`, geometry and verdicts look at the `G` of [`superposition::gram()`]; all else runs
//! the model as it is.

pub mod activity;
pub mod answer;
pub mod faithfulness;
pub mod fit;
pub mod geometry;
pub mod interchange;
pub mod moments;
pub mod positions;
pub mod redundancy;
pub mod settings;
pub mod structure;
mod subject;
pub mod sweep;
pub mod verdict;
pub mod worst;

use ndarray::Array2;

pub use settings::Settings;
pub use subject::Subject;

use base::linalg::SymmetricEigen;
use superposition::gram;
use tracr::model::{Frozen, Wiring};

use activity::Activity;
use faithfulness::Faithfulness;
use interchange::Interchange;
use redundancy::Carried;
use structure::Structure;
use verdict::{Budget, FeatureReport};

/// Everything that is known of one `W`.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// One entry a feature, in the residual stream's order.
    pub features: Vec<FeatureReport>,
    /// What the compression consists of.
    pub budget: Budget,
    /// The rank of `G`: at most `d`, but for a mean of several.
    pub gram_rank: usize,
    /// The rank of the states that the compiled model visits ([`tracr::model::visited`]): a linear map into so
    /// many dimensions keeps them all.
    pub activation_rank: usize,
    /// Their rank in the features that something on the way to the output reads: so many dimensions are
    /// enough for exact outputs.
    pub read_rank: usize,
    /// Inputs visited, and whether these are all there are.
    pub inputs: usize,
    #[allow(missing_docs)]
    pub inputs_are_all: bool,
    /// By position, block and variable.
    pub faithfulness: Faithfulness,
    /// By variable.
    pub interchange: Vec<Interchange>,
    /// Variables whose information others carry, too.
    pub carried: Vec<Carried>,
}

/// Analyses one `W`, with up to `threads` threads; the result does not depend on their number.
///
/// Visits every input twice (compiled and compressed), and `settings.pairs` pairs of inputs twice
/// for each variable.
pub fn analyze(subject: Subject<'_>, settings: &Settings, threads: usize) -> Analysis {
    let Subject {
        model,
        space,
        inputs,
        w,
        wiring,
    } = subject;
    let structure = Structure::new(model);
    let frozen = Frozen::<f64>::new(model);
    let gram = gram(model, w, wiring);
    let activity = Activity::measure(&frozen, space, inputs, settings.active_above, threads);
    let (features, budget) = verdict::judge(model, gram.view(), &structure, &activity, settings);
    let faithfulness =
        faithfulness::measure(subject, &frozen, &structure, &activity, settings, threads);
    Analysis {
        features,
        budget,
        gram_rank: gram_rank(&gram, wiring),
        activation_rank: activity.visited().rank(0..model.width()),
        read_rank: activity
            .visited()
            .rank(structure.read_dims(0..model.width())),
        inputs: inputs.len(),
        inputs_are_all: inputs.is_whole(),
        carried: redundancy::measure(
            model,
            gram.view(),
            &structure,
            &faithfulness.moments,
            settings,
        ),
        faithfulness,
        interchange: interchange::measure(subject, &frozen, &structure, settings, threads),
    }
}

/// The rank of a Gram matrix, which is positive semidefinite only where one `W` made it.
fn gram_rank(gram: &Array2<f64>, wiring: &Wiring) -> usize {
    let square = (!wiring.is_single()).then(|| gram.dot(&gram.t()));
    SymmetricEigen::new(square.as_ref().unwrap_or(gram).view()).rank()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::array;

    #[test]
    fn a_gram_rank_counts_directions_and_of_several_matrices_whatever_their_sign() {
        let single = Wiring::default();
        let several = Wiring::new(&test_models::load("frac_prevs"), true, true);
        // WᵀW of two rows, and of none.
        let w = array![[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]];
        assert_eq!(gram_rank(&w.t().dot(&w), &single), 2);
        assert_eq!(gram_rank(&Array2::zeros((3, 3)), &single), 0);
        // A mean of several is neither symmetric nor positive: here its eigenvalues are 1 and −1, or both 0.
        assert_eq!(gram_rank(&array![[0.0, 1.0], [1.0, 0.0]], &several), 2);
        assert_eq!(gram_rank(&array![[0.0, 1.0], [0.0, 0.0]], &several), 1);
        // The square of a small share would be no direction.
        let small = array![[1.0, 0.0], [0.0, 1e-7]];
        assert_eq!(gram_rank(&small, &single), 2);
    }
}
