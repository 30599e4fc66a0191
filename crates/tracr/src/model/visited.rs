//! The states that a model visits: `X`, its residual stream after the embedding and after each block, over
//! all inputs and positions (BOS and padding too), one row a state, `[rows, D]`.
//!
//! Every reader reads one of these states, so a linear map that keeps their span keeps all that is ever read:
//! with `W` an orthonormal basis `[r, D]` of the row space of `X`, `r = rank(X)`, `x·WᵀW = x` for every row. The
//! states after the last block alone say less: a feature may be read before another one comes to depend on it.
//! Readers see some features only. With the others set to zero the same holds of what is left: `r` is then the
//! rank of `X` in the features that are read, and the compressed model's outputs are still exact.

use ndarray::{Array1, Array2, Axis};

use base::linalg::SymmetricEigen;

/// A feature that never exceeds this is what rounding left of a zero.
const ROUNDING: f64 = 1e-9;

/// What is kept of `X`: sums over its rows.
#[derive(Clone, Debug)]
pub struct VisitedStates {
    /// `Σ w x xᵀ`: `[D, D]`.
    moment: Array2<f64>,
    /// `Σ w`.
    weight: f64,
    /// `max |x|`: `[D]`.
    largest: Array1<f64>,
}

impl VisitedStates {
    /// Of no rows of width `D`.
    pub fn none(width: usize) -> Self {
        Self {
            moment: Array2::zeros((width, width)),
            weight: 0.0,
            largest: Array1::zeros(width),
        }
    }

    /// Adds states `[rows, D]`, each with its weight `[rows, 1]`, or all alike.
    pub fn add(&mut self, states: &Array2<f64>, weights: Option<&Array2<f64>>) {
        match weights {
            None => {
                self.moment += &states.t().dot(states);
                self.weight += states.nrows() as f64;
            }
            Some(weights) => {
                self.moment += &states.t().dot(&(states * weights));
                self.weight += weights.sum();
            }
        }
        let largest = states.map_axis(Axis(0), |column| {
            column.iter().fold(0.0_f64, |m, x| m.max(x.abs()))
        });
        self.largest.zip_mut_with(&largest, |a, b| *a = a.max(*b));
    }

    /// Adds the sums over other rows.
    pub fn merge(&mut self, other: &Self) {
        self.moment += &other.moment;
        self.weight += other.weight;
        self.largest
            .zip_mut_with(&other.largest, |a, b| *a = a.max(*b));
    }

    /// Whether a feature is ever there, but for rounding.
    pub fn has(&self, feature: usize) -> bool {
        self.largest[feature] > ROUNDING
    }

    /// The weighted mean of `x xᵀ`: `[D, D]`.
    pub fn second_moment(&self) -> Array2<f64> {
        &self.moment / self.weight
    }

    /// The rank of `X` in the features `dims`: that of its columns, each scaled to unit length, so that it does
    /// not matter in which unit a number is counted. Features that are never there do not count.
    pub fn rank(&self, dims: impl IntoIterator<Item = usize>) -> usize {
        let dims: Vec<usize> = dims.into_iter().filter(|d| self.has(*d)).collect();
        let scale = |d: usize| self.moment[[d, d]].sqrt();
        let cosines = Array2::from_shape_fn((dims.len(), dims.len()), |(a, b)| {
            let (a, b) = (dims[a], dims[b]);
            self.moment[[a, b]] / scale(a) / scale(b)
        });
        SymmetricEigen::new(cosines.view()).rank()
    }
}

/// What the rank `all` of the visited states, and their rank `read` in the features that are read, say about `d`.
pub fn sentence(read: usize, all: usize) -> String {
    let states = "The states that the compiled model visits (its stream after the embedding and after each block)";
    match (read, all) {
        (0, _) => {
            format!("{states} have rank {all}, and nothing on the way to the output reads them.")
        }
        _ if read == all => {
            format!(
                "{states} have rank {all}: for every d of at least {all} some linear projection loses nothing."
            )
        }
        _ => format!(
            "{states} have rank {all}, and rank {read} in the features that are read: for every d of at least {read} some \
             linear projection loses nothing that is read."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ranks_by_hand() {
        // Feature 2 is the sum of 0 and 1, feature 3 is never there but for rounding.
        let mut states = VisitedStates::none(4);
        states.add(&array![[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1e-12]], None);
        assert_eq!(states.rank(0..4), 2);
        // A third row that keeps the sum adds nothing, one that breaks it does.
        states.add(&array![[2.0, -3.0, -1.0, 0.0]], None);
        assert_eq!(states.rank(0..4), 2);
        let mut other = VisitedStates::none(4);
        other.add(&array![[0.0, 0.0, 1.0, 0.0]], None);
        states.merge(&other);
        assert_eq!(states.rank(0..4), 3);
        assert_eq!(states.rank([0, 1]), 2);
        assert_eq!(states.rank([2]), 1);
        assert_eq!(states.rank([3]), 0);
        assert_eq!(states.rank([]), 0);
    }

    #[test]
    fn ranks_do_not_depend_on_the_unit_of_a_number() {
        for unit in [1e-6, 1.0, 1e9] {
            let mut states = VisitedStates::none(3);
            states.add(
                &array![
                    [1.0, 0.0, unit],
                    [1.0, 1.0, 3.0 * unit],
                    [1.0, 0.0, 2.0 * unit]
                ],
                None,
            );
            assert_eq!(states.rank(0..3), 3, "{unit}");
        }
    }

    #[test]
    fn second_moments_are_means_by_weight() {
        let mut states = VisitedStates::none(2);
        states.add(
            &array![[1.0, 2.0], [3.0, 0.0]],
            Some(&array![[0.25], [0.75]]),
        );
        assert_eq!(states.second_moment(), array![[7.0, 0.5], [0.5, 1.0]]);
    }
}
