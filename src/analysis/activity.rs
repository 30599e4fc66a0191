//! How often, how strongly and with whom the compiled model uses each feature.
//!
//! A feature's value is that of its dimension in the compiled residual stream after the last block:
//! what Tracr's programs have written stays there; ranks alone look at the states before, too
//! ([`VisitedStates`]). "Rows" are inputs × positions, BOS and padding
//! included; where tokens have weights, an input's rows count by its probability.

use std::ops::Range;

use ndarray::{Array1, Array2, Axis};

use super::sweep;
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::model::visited::VisitedStates;
use tracr::model::{Frozen, Stream};

/// Sums over all rows.
#[derive(Clone, Debug)]
pub struct Activity {
    rows: f64,
    /// Rows in which both are active: `[D, D]`, on the diagonal each alone.
    together: Array2<f64>,
    /// `Σ |v|` over the rows where active: `[D]`.
    magnitude: Array1<f64>,
    /// `max |v|`: `[D]`.
    largest: Array1<f64>,
    /// `Σ v`: `[D]`.
    sum: Array1<f64>,
    /// `Σ v vᵀ`: `[D, D]`.
    square: Array2<f64>,
    /// The states after the embedding and after every block; how rare a row is does not matter here.
    visited: VisitedStates,
}

impl Activity {
    /// Runs the compiled model over `inputs`.
    pub fn measure(
        model: &Frozen<f64>,
        space: &InputSpace,
        inputs: &EvaluationSet,
        active_above: f64,
        threads: usize,
    ) -> Self {
        let work = |range: Range<usize>| {
            let mut part = Self::empty(model.width());
            for (start, tokens) in sweep::chunks(space, inputs, range) {
                let states = model.forward(Stream::Full, tokens.view()).residuals;
                let chunk = start..start + tokens.nrows();
                let weights = inputs.row_weights(chunk, tokens.ncols());
                part.add(&states, weights.as_ref(), active_above);
            }
            part
        };
        let mut total = Self::empty(model.width());
        sweep::pieces(inputs.len(), threads, work, |part| total.merge(&part));
        total
    }

    /// The sums over given final values `[rows, D]`.
    pub fn of_values(values: &Array2<f64>, active_above: f64) -> Self {
        let mut activity = Self::empty(values.ncols());
        activity.add(std::slice::from_ref(values), None, active_above);
        activity
    }

    fn empty(width: usize) -> Self {
        Self {
            rows: 0.0,
            together: Array2::zeros((width, width)),
            magnitude: Array1::zeros(width),
            largest: Array1::zeros(width),
            sum: Array1::zeros(width),
            square: Array2::zeros((width, width)),
            visited: VisitedStates::none(width),
        }
    }

    /// Adds the states of rows after each stage, `[rows, D]` each, with the rows' weights `[rows, 1]`.
    fn add(&mut self, states: &[Array2<f64>], weights: Option<&Array2<f64>>, active_above: f64) {
        for state in states {
            self.visited.add(state, None);
        }
        let Some(values) = states.last() else {
            return;
        };
        let active = values.mapv(|x| f64::from(u8::from(x.abs() > active_above)));
        let size = values.mapv(f64::abs);
        for row in size.rows() {
            self.largest.zip_mut_with(&row, |a, b| *a = a.max(*b));
        }
        let Some(weights) = weights else {
            self.rows += values.nrows() as f64;
            self.together += &active.t().dot(&active);
            self.magnitude += &(&size * &active).sum_axis(Axis(0));
            self.sum += &values.sum_axis(Axis(0));
            self.square += &values.t().dot(values);
            return;
        };
        let weighted = &active * weights;
        self.rows += weights.sum();
        self.together += &active.t().dot(&weighted);
        self.magnitude += &(&size * &weighted).sum_axis(Axis(0));
        let weighted = values * weights;
        self.sum += &weighted.sum_axis(Axis(0));
        self.square += &values.t().dot(&weighted);
    }

    fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.together += &other.together;
        self.magnitude += &other.magnitude;
        self.largest
            .zip_mut_with(&other.largest, |a, b| *a = a.max(*b));
        self.sum += &other.sum;
        self.square += &other.square;
        self.visited.merge(&other.visited);
    }

    /// The share of rows in which feature `i` is active.
    pub fn share(&self, i: usize) -> f64 {
        self.together[[i, i]] / self.rows
    }

    /// Whether it is active anywhere.
    pub fn ever_active(&self, i: usize) -> bool {
        self.together[[i, i]] > 0.0
    }

    /// Its mean magnitude where it is active; none if it never is.
    pub fn strength(&self, i: usize) -> Option<f64> {
        self.ever_active(i)
            .then(|| self.magnitude[i] / self.together[[i, i]])
    }

    /// Its largest magnitude.
    pub fn largest(&self, i: usize) -> f64 {
        self.largest[i]
    }

    /// How often the rarer of two features is accompanied by the other: 1 if always, 0 if never or
    /// if one of them is never active.
    pub fn overlap(&self, i: usize, j: usize) -> f64 {
        let rarer = self.together[[i, i]].min(self.together[[j, j]]);
        if rarer > 0.0 {
            self.together[[i, j]] / rarer
        } else {
            0.0
        }
    }

    /// The correlation of two features' values over all rows; 0 where one is constant.
    pub fn correlation(&self, i: usize, j: usize) -> f64 {
        let covariance = |a: usize, b: usize| {
            self.square[[a, b]] / self.rows - self.sum[a] * self.sum[b] / self.rows / self.rows
        };
        let (vi, vj) = (covariance(i, i), covariance(j, j));
        // What rounding leaves of a constant is no variance.
        let constant = |v: f64, a: usize| v <= 1e-12 * self.square[[a, a]] / self.rows;
        if constant(vi, i) || constant(vj, j) {
            return 0.0;
        }
        covariance(i, j) / (vi * vj).sqrt()
    }

    /// The states that the compiled model visits, for their ranks.
    pub fn visited(&self) -> &VisitedStates {
        &self.visited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::array;
    use std::collections::BTreeMap;
    use tracr::model::CompiledModel;

    #[test]
    fn sums_by_hand() {
        // Feature 2 is twice feature 0; feature 3 is constant; feature 4 is never active.
        let values = array![
            [1.0, 0.0, 2.0, 1.0, 0.0],
            [0.0, 1.0, 0.0, 1.0, 0.0],
            [0.0, -3.0, 0.0, 1.0, 1e-5],
            [1.0, 1.0, 2.0, 1.0, 0.0],
        ];
        let activity = Activity::of_values(&values, 1e-3);
        assert_eq!(activity.share(0), 0.5);
        assert_eq!(activity.share(1), 0.75);
        assert_eq!(activity.strength(1), Some(5.0 / 3.0));
        assert_eq!(activity.largest(1), 3.0);
        assert_eq!(activity.strength(4), None);
        assert_eq!(activity.overlap(0, 1), 0.5);
        assert_eq!(activity.overlap(0, 3), 1.0);
        assert_eq!(activity.overlap(0, 4), 0.0);
        approx::assert_abs_diff_eq!(activity.correlation(0, 2), 1.0, epsilon = 1e-15);
        assert_eq!(activity.correlation(0, 3), 0.0);
        // Means 1/2 and −1/4; covariance 1/4 + 1/8; variances 1/4 and 43/16.
        let expected = (1.0 / 4.0 + 1.0 / 8.0) / (0.25f64 * 43.0 / 16.0).sqrt();
        approx::assert_abs_diff_eq!(activity.correlation(0, 1), expected, epsilon = 1e-15);
        assert_eq!(activity.visited().rank([0, 2]), 1);
        assert_eq!(activity.visited().rank(0..4), 3);
    }

    #[test]
    fn a_correlation_takes_a_variance_of_a_billionth_of_a_thousandth_for_a_constant() {
        let of = |e: f64| {
            let values = array![[1.0 + e, 1.0], [1.0 - e, 0.0]];
            Activity::of_values(&values, 1e-3).correlation(0, 1)
        };
        // The variance is e², the mean square almost 1.
        assert_eq!(of(0.97e-6), 0.0);
        approx::assert_abs_diff_eq!(of(1.03e-6), 1.0, epsilon = 1e-3);
    }

    #[test]
    fn a_value_at_the_threshold_is_not_active() {
        let activity = Activity::of_values(&array![[1e-3, -1e-3, 2e-3]], 1e-3);
        let active = [0, 1, 2].map(|i| activity.ever_active(i));
        assert_eq!(active, [false, false, true]);
    }

    #[test]
    fn a_weight_of_three_is_the_row_three_times() {
        let values = array![[1.0, 0.5, 0.0], [0.0, -2.0, 1.0], [1.0, 1.0, 1.0]];
        let weights = array![[3.0], [1.0], [2.0]];
        let mut weighted = Activity::empty(3);
        weighted.add(std::slice::from_ref(&values), Some(&weights), 1e-3);
        let repeated = values.select(Axis(0), &[0, 0, 0, 1, 2, 2]);
        let repeated = Activity::of_values(&repeated, 1e-3);
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-14);
        for i in 0..3 {
            close(weighted.share(i), repeated.share(i));
            close(weighted.strength(i).unwrap(), repeated.strength(i).unwrap());
            close(weighted.largest(i), repeated.largest(i));
            for j in 0..3 {
                close(weighted.overlap(i, j), repeated.overlap(i, j));
                close(weighted.correlation(i, j), repeated.correlation(i, j));
            }
        }
    }

    #[test]
    fn a_correlation_is_that_of_all_rows_with_and_without_weights_and_of_all_parts() {
        // Rows (0, 1), (1, 1) and twice (2, 4): means 5/4 and 5/2, covariance 17/4 − 25/8, variances 11/16 and 9/4.
        let expected = 9.0 / 8.0 / (11.0f64 / 16.0 * 9.0 / 4.0).sqrt();
        let (plain, weighted) = (array![[0.0, 1.0], [1.0, 1.0]], array![[2.0, 4.0]]);
        let mut activity = Activity::of_values(&plain, 1e-3);
        activity.add(std::slice::from_ref(&weighted), Some(&array![[2.0]]), 1e-3);
        approx::assert_abs_diff_eq!(activity.correlation(0, 1), expected, epsilon = 1e-12);
        let mut merged = Activity::of_values(&plain, 1e-3);
        merged.merge(&Activity::of_values(
            &weighted.select(Axis(0), &[0, 0]),
            1e-3,
        ));
        approx::assert_abs_diff_eq!(merged.correlation(0, 1), expected, epsilon = 1e-12);
    }

    #[test]
    fn a_rank_counts_rare_rows_as_well_as_frequent_ones() {
        let part = |row: [f64; 2], weight: f64| {
            let mut part = Activity::empty(2);
            part.add(&[array![row]], Some(&array![[weight]]), 1e-3);
            part
        };
        let ranks = |activity: &Activity| {
            (
                activity.visited().rank(0..2),
                activity.visited().rank([0]),
                activity.visited().rank([1]),
            )
        };
        let mut activity = part([1.0, 0.0], 1.0);
        assert_eq!(ranks(&activity), (1, 1, 0));
        activity.merge(&part([1.0, 0.0], 1.0));
        assert_eq!(ranks(&activity), (1, 1, 0));
        activity.merge(&part([0.0, 1.0], 1e-30));
        assert_eq!(ranks(&activity), (2, 1, 1));
        activity.add(&[array![[0.0, 1.0]]], Some(&array![[1e-30]]), 1e-3);
        assert_eq!(ranks(&activity), (2, 1, 1));
        // Without weights.
        let values = array![[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(Activity::of_values(&values, 1e-3).visited().rank(0..3), 2);
    }

    /// What `frac_prevs` does over all inputs of five tokens, and the places of some of its features.
    fn measured<const N: usize>(
        weights: &[(&str, f64)],
        labels: [&str; N],
    ) -> (Activity, [usize; N]) {
        let model: CompiledModel = test_models::load("frac_prevs");
        let weights: BTreeMap<String, f64> =
            weights.iter().map(|(t, w)| ((*t).into(), *w)).collect();
        let space = InputSpace::new(&model, &[5], false)
            .unwrap()
            .weighted(&model, &weights)
            .unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let activity = Activity::measure(&Frozen::new(&model), &space, &inputs, 1e-3, 2);
        let all = &model.metadata.residual_labels;
        (
            activity,
            labels.map(|label| all.iter().position(|l| l == label).unwrap()),
        )
    }

    #[test]
    fn measured_shares_are_those_of_independent_tokens() {
        let labels = ["tokens:a", "tokens:b", "tokens:x", "is_x", "indices:1"];
        let (activity, [a, b, x, is_x, index]) = measured(&[], labels);
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        // One of six positions is BOS; four letters at each of the others.
        close(activity.share(a), 5.0 / 24.0);
        close(activity.share(index), 1.0 / 6.0);
        close(activity.overlap(a, index), 1.0 / 4.0);
        close(activity.overlap(a, b), 0.0);
        close(activity.overlap(x, is_x), 1.0);
        close(activity.strength(x).unwrap(), 1.0);
        close(activity.largest(x), 1.0);
        close(activity.correlation(x, is_x), 1.0);
        // With p = 5/24: −p² of p(1 − p).
        close(activity.correlation(a, b), -5.0 / 19.0);
    }

    #[test]
    fn measured_shares_follow_the_tokens_weights() {
        let labels = ["tokens:a", "tokens:b", "tokens:x", "indices:1"];
        let (activity, [a, b, x, index]) = measured(&[("x", 0.5), ("a", 2.0)], labels);
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        close(activity.share(x), 5.0 / 6.0 * 0.5 / 4.5);
        close(activity.share(a), 5.0 / 6.0 * 2.0 / 4.5);
        close(activity.share(index), 1.0 / 6.0);
        close(activity.overlap(a, index), 2.0 / 4.5);
        close(activity.strength(a).unwrap(), 1.0);
        let (p, q) = (5.0 / 6.0 * 2.0 / 4.5, 5.0 / 6.0 * 1.0 / 4.5);
        close(
            activity.correlation(a, b),
            -(p * q / (1.0f64 - p) / (1.0 - q)).sqrt(),
        );
    }
}
