//! The live features: those that some input brings into the stream and that something on the way to the output reads.
//!
//! A `W` that keeps them exactly changes no output, and so does one that keeps the span of all visited states in them,
//! which may be smaller ([`tracr::model::visited`]). Starting points for training, and for finding the smallest `d`.

use ndarray::Array2;

use super::{pca, subset};
use crate::inputs::{EvaluationSet, InputSpace};
use tracr::model::Frozen;
use tracr::model::visited::VisitedStates;

/// The live features of a model on an evaluation set.
#[derive(Clone, Debug)]
pub struct LiveFeatures {
    /// In order.
    pub features: Vec<usize>,
    /// The mean of `s sᵀ` `[D, D]` over the visited states `s`, zero where a feature is not live.
    moment: Array2<f64>,
    /// The rank of the visited states in these features.
    pub rank: usize,
}

impl LiveFeatures {
    /// Found by running the model on all inputs.
    pub fn of(model: &Frozen<f64>, space: &InputSpace, evaluation: &EvaluationSet) -> Self {
        Self::in_states(model, &pca::visited(model, space, evaluation))
    }

    /// Those that are there in some of these states.
    pub fn in_states(model: &Frozen<f64>, states: &VisitedStates) -> Self {
        let mut features = subset::read_features(model);
        features.retain(|feature| states.has(*feature));
        let mut moment = states.second_moment();
        for ((i, j), entry) in moment.indexed_iter_mut() {
            if !features.contains(&i) || !features.contains(&j) {
                *entry = 0.0;
            }
        }
        Self {
            rank: states.rank(features.iter().copied()),
            features,
            moment,
        }
    }

    /// `W` `[d, D]` that keeps `d` of them, each in a dimension of its own: all where there are no more, with rows of
    /// zeros after them, else those with the largest mean square.
    pub fn apart(&self, d: usize) -> Array2<f64> {
        let mut kept = self.features.clone();
        kept.sort_by(|a, b| {
            let square = |i: &usize| self.moment[[*i, *i]];
            square(b).total_cmp(&square(a)).then(a.cmp(b))
        });
        kept.truncate(d);
        kept.sort_unstable();
        let mut w = Array2::zeros((d, self.moment.ncols()));
        for (row, feature) in kept.iter().enumerate() {
            w[[row, *feature]] = 1.0;
        }
        w
    }

    /// `W` `[d, D]` of orthonormal rows that keep most of the visited states' squares in these features: exact for
    /// `d` of at least their rank.
    pub fn principal_directions(&self, d: usize) -> Array2<f64> {
        pca::principal_directions(&self.moment, d)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::evaluation::Evaluator;
    use crate::objective::Objective;
    use crate::teacher::Teacher;
    use crate::test_models;

    fn teacher(name: &str, lengths: &[usize]) -> Arc<Teacher> {
        let model = test_models::load(name);
        let space = InputSpace::new(&model, lengths, model.metadata.unique_tokens).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        Teacher::new(&model, space, evaluation)
    }

    #[test]
    fn live_features_and_their_rank_lose_nothing_and_one_dimension_less_does() {
        // The live features and their ranks that a prototype in NumPy found.
        for (name, lengths, rank) in [
            ("frac_prevs", &[5][..], 9),
            ("sort_unique", &[1, 2, 3, 4, 5], 22),
        ] {
            let teacher = teacher(name, lengths);
            let live = LiveFeatures::of(teacher.model(), teacher.space(), teacher.evaluation());
            assert_eq!(live.rank, rank, "{name}");
            let count = live.features.len();
            assert!(rank <= count && count <= teacher.model().width());
            let evaluator = Evaluator::new(Arc::clone(&teacher), Objective::default());
            let layers = |w: &Array2<f64>| evaluator.evaluate(w).loss_layers;
            assert_eq!(layers(&live.apart(count)), 0.0, "{name}");
            assert_eq!(layers(&live.apart(count + 1)), 0.0, "{name}");
            assert!(layers(&live.principal_directions(rank)) < 1e-18, "{name}");
            assert!(
                layers(&live.principal_directions(rank - 1)) > 1e-6,
                "{name}"
            );
            assert!(layers(&live.apart(rank - 1)) > 1e-6, "{name}");
        }
    }

    #[test]
    fn fewer_dimensions_keep_the_features_with_the_largest_squares() {
        let teacher = teacher("frac_prevs", &[5]);
        let live = LiveFeatures::of(teacher.model(), teacher.space(), teacher.evaluation());
        for d in 1..live.features.len() {
            let w = live.apart(d);
            let kept = |i: &usize| w.column(*i).iter().any(|x| *x != 0.0);
            let square = |i: &usize| live.moment[[*i, *i]];
            let least = live.features.iter().filter(|i| kept(i)).map(square);
            let least = least.fold(f64::INFINITY, f64::min);
            let dropped = live.features.iter().filter(|i| !kept(i)).map(square);
            assert_eq!(live.features.iter().filter(|i| kept(i)).count(), d);
            assert!(dropped.fold(0.0, f64::max) <= least);
        }
    }
}
