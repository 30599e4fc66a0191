//! PCA as in the paper: uncentred, of the compiled residual stream.

use ndarray::{Array1, Array2, ArrayView1};

use crate::inputs::{EvaluationSet, InputSpace};
use base::linalg::SymmetricEigen;
use tracr::model::visited::VisitedStates;
use tracr::model::{Frozen, Stream};

/// Inputs per piece of work.
const CHUNK: usize = 32;
/// Eigenvalues closer than this share of the largest count as equal.
const EQUAL: f64 = 1e-10;

/// The mean of `s sᵀ` `[D, D]` over the residual stream `s` of the compiled model: all inputs of
/// the evaluation set by their weights, all positions (BOS and PAD too), after the embedding and
/// after every block.
pub fn second_moment(
    model: &Frozen<f64>,
    space: &InputSpace,
    evaluation: &EvaluationSet,
) -> Array2<f64> {
    visited(model, space, evaluation).second_moment()
}

/// The states themselves, over the same inputs and positions.
pub(super) fn visited(
    model: &Frozen<f64>,
    space: &InputSpace,
    evaluation: &EvaluationSet,
) -> VisitedStates {
    let mut states = VisitedStates::none(model.width());
    let size = evaluation.len();
    for start in (0..size).step_by(CHUNK) {
        let end = (start + CHUNK).min(size);
        let tokens = evaluation.chunk(space, start, end);
        let weights = evaluation.row_weights(start..end, space.positions());
        for residual in model.forward(Stream::Full, tokens.view()).residuals {
            states.add(&residual, weights.as_ref());
        }
    }
    states
}

/// The `d` principal directions of a second moment `[D, D]`, as orthonormal rows `[d, D]`.
///
/// Where eigenvalues are equal (tokens that a program treats alike), any basis of their space would
/// do, and the last directions that still fit would depend on the solver. They are chosen by the
/// features: again and again the feature that has most of itself left in that space, the first one
/// if several have, and its projection is the next direction.
pub fn principal_directions(moment: &Array2<f64>, d: usize) -> Array2<f64> {
    let eigen = SymmetricEigen::new(moment.view());
    let width = moment.nrows();
    let tolerance = EQUAL * eigen.values.first().map_or(0.0, |x| x.abs());
    let mut w = Array2::zeros((d, width));
    let mut start = 0;
    while start < d {
        let equal = (start + 1..width)
            .take_while(|&i| eigen.values[i - 1] - eigen.values[i] <= tolerance)
            .count();
        let end = start + equal + 1;
        let space: Vec<ArrayView1<f64>> = (start..end).map(|i| eigen.vectors.column(i)).collect();
        for (row, direction) in (start..d.min(end)).zip(chosen_basis(&space, width)) {
            w.row_mut(row).assign(&direction);
        }
        start = end;
    }
    w
}

/// A basis of the space that orthonormal vectors span which depends on the space alone.
fn chosen_basis(space: &[ArrayView1<f64>], width: usize) -> Vec<Array1<f64>> {
    let mut basis: Vec<Array1<f64>> = Vec::with_capacity(space.len());
    // Coordinates of each feature's projection, [features, dimensions of the space], of which the
    // directions chosen so far are taken out one by one.
    let mut left = Array2::from_shape_fn((width, space.len()), |(i, k)| space[k][i]);
    for _ in 0..space.len() {
        let mut best = (0, 0.0);
        for (feature, row) in left.rows().into_iter().enumerate() {
            let size = row.dot(&row);
            if size > best.1 + 1e-9 {
                best = (feature, size);
            }
        }
        let unit = &left.row(best.0) / left.row(best.0).dot(&left.row(best.0)).sqrt();
        for mut row in left.rows_mut() {
            let along = row.dot(&unit);
            row.scaled_add(-along, &unit);
        }
        let mut direction = Array1::zeros(width);
        for (vector, share) in space.iter().zip(&unit) {
            direction.scaled_add(*share, vector);
        }
        basis.push(direction);
    }
    basis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::{Axis, array};

    fn moment(name: &str, lengths: &[usize], unique: bool) -> (Array2<f64>, Vec<String>) {
        let model = test_models::load(name);
        let space = InputSpace::new(&model, lengths, unique).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        let frozen = Frozen::<f64>::new(&model);
        (
            second_moment(&frozen, &space, &evaluation),
            model.metadata.residual_labels,
        )
    }

    #[test]
    fn the_second_moment_counts_what_is_known_of_frac_prevs() {
        let (moment, labels) = moment("frac_prevs", &[5], false);
        let at = |name: &str| labels.iter().position(|label| label == name).unwrap();
        // `one` is always 1; BOS stands in one of six positions; a quarter of the other tokens are x,
        // and each index is present at its position alone. The embedding stays to the end.
        let (one, bos, x) = (at("one"), at("tokens:BOS"), at("tokens:x"));
        approx::assert_abs_diff_eq!(moment[[one, one]], 1.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(moment[[bos, bos]], 1.0 / 6.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(moment[[x, x]], 5.0 / 24.0, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(moment[[one, x]], 5.0 / 24.0, epsilon = 1e-12);
        let index = at("indices:2");
        approx::assert_abs_diff_eq!(moment[[index, index]], 1.0 / 6.0, epsilon = 1e-12);
        // `is_x` is there from the first MLP on: after 3 of 5 boundaries.
        let is_x = at("is_x");
        approx::assert_abs_diff_eq!(moment[[is_x, is_x]], 0.6 * 5.0 / 24.0, epsilon = 1e-6);
    }

    #[test]
    fn directions_are_orthonormal_nested_and_keep_most_of_the_stream() {
        for (moment, _) in [
            moment("frac_prevs", &[5], false),
            moment("sort_unique", &[1, 2, 3, 4, 5], true),
        ] {
            let width = moment.nrows();
            let values = SymmetricEigen::new(moment.view()).values;
            let all = principal_directions(&moment, width);
            for d in 1..=width {
                let w = principal_directions(&moment, d);
                assert_eq!(w, all.slice_axis(Axis(0), (..d).into()));
                let error = w.dot(&w.t()) - Array2::<f64>::eye(d);
                assert!(error.iter().all(|x| x.abs() < 1e-12));
                // No d directions keep more than the d largest eigenvalues (Ky Fan).
                let kept = w.dot(&moment).dot(&w.t()).diag().sum();
                let most = values.slice_axis(Axis(0), (..d).into()).sum();
                approx::assert_abs_diff_eq!(kept, most, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn equal_eigenvalues_are_told_apart_by_the_features_alone() {
        // The same space from two bases, one turned by an arbitrary angle.
        let (cos, sin) = (0.3_f64.cos(), 0.3_f64.sin());
        let (a, b) = (array![1.0, 0.0, 0.0], array![0.0, 0.6, 0.8]);
        let turned = (&a * cos - &b * sin, &a * sin + &b * cos);
        let plain = chosen_basis(&[a.view(), b.view()], 3);
        let other = chosen_basis(&[turned.0.view(), turned.1.view()], 3);
        for (x, y) in plain.iter().flatten().zip(other.iter().flatten()) {
            approx::assert_abs_diff_eq!(x, y, epsilon = 1e-14);
        }
        assert_eq!(plain[0], array![1.0, 0.0, 0.0]);
    }
}
