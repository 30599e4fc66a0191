//! The directions of the compressed stream that could be dropped, and `W` without one of them.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::{Rng, RngExt};

use base::linalg::SymmetricEigen;
use superposition::Teacher;
use tracr::model::visited::VisitedStates;
use tracr::model::{Stream, Wiring};

/// Inputs whose states are looked at.
const INPUTS: usize = 4096;
/// Inputs per piece of work.
const CHUNK: usize = 32;
/// A shorter vector is no direction.
const SHORTEST: f64 = 1e-6;

/// Unit vectors `[d]`: the principal directions of the visited states, the singular directions of `w` `[d, D]`, the
/// directions of its live features, and what tells two of them apart; `most` of them, the last kind drawn.
pub fn directions(
    w: &Array2<f64>,
    live: &[usize],
    teacher: &Teacher,
    most: usize,
    rng: &mut impl Rng,
) -> Vec<Array1<f64>> {
    let moment = compressed_moment(w, teacher);
    let mut found: Vec<Array1<f64>> = Vec::new();
    for symmetric in [moment, w.dot(&w.t())] {
        // From the least energy on.
        let vectors = SymmetricEigen::new(symmetric.view()).vectors;
        found.extend(vectors.axis_iter(Axis(1)).rev().map(|v| v.to_owned()));
    }
    found.extend(live.iter().filter_map(|i| unit(w.column(*i))));
    // Each pair of features with either sign, by number.
    let n = live.len();
    let mut numbers: Vec<usize> = (0..2 * n * n)
        .filter(|number| number / 2 / n < number / 2 % n)
        .collect();
    while found.len() < most && !numbers.is_empty() {
        let number = numbers.swap_remove(rng.random_range(0..numbers.len()));
        let column = |k: usize| w.column(live[k]);
        let (first, second) = (column(number / 2 / n), column(number / 2 % n));
        let sign = if number.is_multiple_of(2) { 1.0 } else { -1.0 };
        found.extend(unit((&first + &(&second * sign)).view()));
    }
    found
}

fn unit(vector: ArrayView1<'_, f64>) -> Option<Array1<f64>> {
    let length = vector.dot(&vector).sqrt();
    (length > SHORTEST).then(|| &vector / length)
}

/// The mean of `z zᵀ` `[d, d]` over the compressed stream `z` at all sites and positions.
fn compressed_moment(w: &Array2<f64>, teacher: &Teacher) -> Array2<f64> {
    let wiring = Wiring::default();
    let mut states = VisitedStates::none(w.nrows());
    let size = teacher.evaluation().len();
    let pieces = size.div_ceil(CHUNK);
    // All, or as many pieces in equal distances.
    let step = pieces.div_ceil(INPUTS / CHUNK).max(1);
    for piece in (0..pieces).step_by(step) {
        let inputs = piece * CHUNK..((piece + 1) * CHUNK).min(size);
        let tokens = teacher
            .evaluation()
            .chunk(teacher.space(), inputs.start, inputs.end);
        let weights = teacher
            .evaluation()
            .row_weights(inputs, teacher.space().positions());
        let trace = teacher
            .model()
            .forward(Stream::Compressed(w, &wiring), tokens.view());
        for residual in trace.residuals {
            states.add(&residual, weights.as_ref());
        }
    }
    states.second_moment()
}

/// `w` `[d, D]` in coordinates of which the first is along the unit vector `direction`, without that one:
/// `[d − 1, D]`.
pub fn without(w: &Array2<f64>, direction: &Array1<f64>) -> Array2<f64> {
    // The reflection that turns the direction into the first axis, up to its sign.
    let mut mirror = direction.clone();
    mirror[0] += if direction[0] < 0.0 { -1.0 } else { 1.0 };
    let scale = 2.0 / mirror.dot(&mirror);
    let along = mirror.dot(w);
    let mut turned = w.clone();
    for (i, mut row) in turned.rows_mut().into_iter().enumerate() {
        row.scaled_add(-scale * mirror[i], &along);
    }
    turned.slice_axis(Axis(0), (1..).into()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::{Purpose, normal, stream};

    #[test]
    fn what_is_left_has_the_gram_matrix_of_the_projection() {
        let mut rng = stream(3, Purpose::Shrink);
        for d in [1, 2, 5, 9] {
            let w = normal(&mut rng, (d, 11), 1.0);
            for _ in 0..5 {
                let direction = normal(&mut rng, (1, d), 1.0).row(0).to_owned();
                let direction = unit(direction.view()).unwrap();
                let left = without(&w, &direction);
                assert_eq!(left.dim(), (d - 1, 11));
                let along = direction.dot(&w);
                let outer = Array2::from_shape_fn((11, 11), |(i, j)| along[i] * along[j]);
                let expected = w.t().dot(&w) - outer;
                let difference = left.t().dot(&left) - expected;
                assert!(difference.iter().all(|x| x.abs() < 1e-12), "d = {d}");
            }
        }
    }
}
