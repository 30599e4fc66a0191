//! What a staircase of thresholds writes at a number, with weights of limited precision.

use std::collections::BTreeMap;

use crate::compiler::craft::{Dim, Group};

/// What one block may bring of what a number may be off by, as several follow each other.
pub const ERROR: f64 = 1e-4;
/// What a sum in float64 may lose of its terms.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// What a weight loses in float32.
pub fn lost(weight: f64) -> f64 {
    (f64::from(weight as f32) - weight).abs()
}

/// Whether a staircase from dimension 0, with its weights rounded, writes this at `x`, and nothing elsewhere.
pub fn writes(
    staircase: &[Group],
    x: f64,
    (expected, y): (Dim, f64),
    round: impl Fn(f64) -> f64,
) -> bool {
    // What is still to be written at each dimension, and the terms' size.
    let mut rest = BTreeMap::from([(expected, (y, 0.0))]);
    for unit in staircase.iter().flat_map(|group| &group.units) {
        let (mut sum, mut size) = (0.0, 0.0);
        for (dim, weight) in &unit.inputs {
            let term = round(*weight) * if dim.0 == 0 { x } else { 1.0 };
            sum += term;
            size += term.abs();
        }
        for (dim, weight) in unit.outputs.iter().filter(|_| sum > 0.0) {
            let (rest, terms) = rest.entry(*dim).or_default();
            *rest -= round(*weight) * sum;
            *terms += weight.abs() * size;
        }
    }
    rest.values()
        .all(|(rest, terms)| rest.abs() + ROUNDING * terms <= ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::craft::Unit;

    /// Dimensions with their weights.
    type Weights<'a> = &'a [(usize, f64)];

    /// Units of one group that read dimension 0, the number, and 1, which is 1.
    fn group(units: &[(Weights<'_>, Weights<'_>)]) -> Vec<Group> {
        let dims = |list: &[(usize, f64)]| list.iter().map(|(d, w)| (Dim(*d), *w)).collect();
        let units = units.iter().map(|(inputs, outputs)| Unit {
            inputs: dims(inputs),
            outputs: dims(outputs),
        });
        vec![Group {
            name: "g".into(),
            units: units.collect(),
        }]
    }

    #[test]
    fn what_float32_loses_of_a_number_is_its_distance() {
        assert_eq!(
            (lost(0.5), lost(16_777_217.0), lost(-16_777_217.0)),
            (0.0, 1.0, 1.0)
        );
        approx::assert_relative_eq!(lost(0.1), 1.490_116e-9, max_relative = 1e-6);
    }

    #[test]
    fn a_staircase_writes_a_result_within_a_ten_thousandth_and_nothing_elsewhere() {
        // 3x − 1 times 1/2: 2.5 at 2, nothing at 0.
        let stairs = group(&[(&[(0, 3.0), (1, -1.0)], &[(2, 0.5)])]);
        let at = |x: f64, dim: usize, y: f64| writes(&stairs, x, (Dim(dim), y), |w| w);
        assert!(at(2.0, 2, 2.5) && at(2.0, 2, 2.500_095) && at(2.0, 2, 2.499_905));
        assert!(!at(2.0, 2, 2.500_105) && !at(2.0, 2, 2.499_895));
        assert!(at(0.0, 2, 0.0) && !at(0.0, 2, 2.5) && at(1.0 / 3.0, 2, 0.0));
        assert!(!at(2.0, 3, 2.5) && !at(2.0, 3, 0.0));
        // Weights as they are rounded: 2·(3·2 − 1) times 2/2.
        assert!(writes(&stairs, 2.0, (Dim(2), 10.0), |w| 2.0 * w));
        // Two units on one dimension.
        let stairs = group(&[(&[(0, 1.0)], &[(2, 1.0)]), (&[(1, 1.0)], &[(2, -0.25)])]);
        assert!(writes(&stairs, 2.0, (Dim(2), 1.75), |w| w));
    }

    #[test]
    fn a_unit_that_is_not_active_loses_nothing() {
        let stairs = group(&[(&[(0, 1e12), (1, -1e12)], &[(2, 1.0)])]);
        assert!(writes(&stairs, 1.0, (Dim(2), 0.0), |w| w));
    }

    #[test]
    fn a_staircase_of_large_terms_may_lose_a_ten_thousandth_to_rounding() {
        // Four times float64's ε of the terms is 1e-4 where these sum up to 1.126e11.
        let at = |terms: f64, weight: f64| {
            let half = terms / 2.0;
            let stairs = group(&[(&[(0, half), (1, 1.0 - half)], &[(2, weight)])]);
            writes(&stairs, 1.0, (Dim(2), weight), |w| w)
        };
        assert!(at(1.08e11, 1.0) && !at(1.17e11, 1.0));
        assert!(at(0.54e11, 2.0) && !at(0.585e11, 2.0));
        assert!(at(0.54e11, -2.0) && !at(0.585e11, -2.0));
        // Of two units on one dimension together.
        let stairs = |terms: f64| {
            group(&[
                (&[(1, 1.0)], &[(2, terms / 2.0)]),
                (&[(1, 1.0)], &[(2, -terms / 2.0)]),
            ])
        };
        let cancels = |terms: f64| writes(&stairs(terms), 1.0, (Dim(2), 0.0), |w| w);
        assert!(cancels(1.08e11) && !cancels(1.17e11));
    }
}
