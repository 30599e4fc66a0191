//! The features that can be found: those that move the stream, as far as the rows tell them apart.

use ndarray::{Array1, ArrayView2};

use crate::recovery::rows::Rows;
use crate::recovery::weighted::variances;

/// A feature is a target if its share of the stream's variance is at least this.
pub const LEAST_SHARE: f64 = 1e-3;

/// Features whose canonical directions have at least this cosine, of either sign, are one target.
pub const SAME: f64 = 0.95;

/// What a dictionary should find.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// `tokens:x`, or `tokens:a+tokens:b` of features that the rows hardly tell apart; a minus where a feature's
    /// direction is opposite to the first one's.
    pub label: String,
    /// The features, the one with the largest share first.
    pub members: Vec<Member>,
    /// The canonical direction of the first, of length 1, `[d]`.
    pub direction: Array1<f64>,
    /// The sum of the members' shares of `Var(z)`, as if they were independent.
    pub share: f64,
}

/// A feature of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Its number.
    pub feature: usize,
    /// What a unit of it adds to the target's activation: the length of its canonical direction, negative where that
    /// is opposite to the target's.
    pub weight: f64,
}

/// The targets among features `[n, D]` with canonical directions `[d, D]`, the largest share first.
pub fn find(
    rows: &Rows,
    features: ArrayView2<'_, f64>,
    canonical: ArrayView2<'_, f64>,
    labels: &[String],
) -> Vec<Target> {
    let total = variances(rows.z.view(), &rows.weights).sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let lengths: Vec<f64> = canonical
        .columns()
        .into_iter()
        .map(|direction| direction.dot(&direction).sqrt())
        .collect();
    let shares: Vec<f64> = variances(features, &rows.weights)
        .iter()
        .zip(&lengths)
        .map(|(variance, length)| variance * length * length / total)
        .collect();
    let mut kept: Vec<usize> = (0..shares.len())
        .filter(|i| shares[*i] >= LEAST_SHARE)
        .collect();
    // Equal shares keep the stream's order, whatever their last digits are.
    kept.sort_by_key(|i| std::cmp::Reverse((shares[*i] * 1e9).round() as u64));
    let mut targets: Vec<Target> = Vec::new();
    for feature in kept {
        let direction = &canonical.column(feature) / lengths[feature];
        let same = targets
            .iter_mut()
            .map(|target| (direction.dot(&target.direction), target))
            .find(|(cosine, _)| cosine.abs() >= SAME);
        match same {
            Some((cosine, target)) => {
                let sign = if cosine < 0.0 { "-" } else { "" };
                target.label += &format!("+{sign}{}", labels[feature]);
                target.share += shares[feature];
                target.members.push(Member {
                    feature,
                    weight: lengths[feature] * cosine.signum(),
                });
            }
            None => targets.push(Target {
                label: labels[feature].clone(),
                members: vec![Member {
                    feature,
                    weight: lengths[feature],
                }],
                direction,
                share: shares[feature],
            }),
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn targets_are_features_that_move_the_stream_and_can_be_told_apart() {
        // d = 2; the first two point the same way, the third is opposite to it, the fourth is on its own, the fifth
        // hardly varies.
        let canonical = array![[1.0, 0.5, -0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 1.0]];
        let features = array![
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0, 0.01],
            [0.0, 0.0, 0.0, 1.0, 0.0]
        ];
        let rows = Rows {
            z: features.dot(&canonical.t()),
            weights: Array1::from_elem(4, 0.25),
        };
        let labels = ["a", "b", "c", "d", "e"].map(String::from);
        let found = find(&rows, features.view(), canonical.view(), &labels);
        let names: Vec<&str> = found.iter().map(|target| target.label.as_str()).collect();
        assert_eq!(names, ["a+b+-c", "d"]);
        let weights: Vec<f64> = found[0]
            .members
            .iter()
            .map(|member| member.weight)
            .collect();
        assert_eq!(weights, [1.0, 0.5, -0.25]);
        assert_eq!(found[0].direction, array![1.0, 0.0]);
        // Var(z): 0.3008 and 0.1875; the features' own 0.1875 times 1, 1/4, 1/16 and 1.
        let total = variances(rows.z.view(), &rows.weights).sum();
        approx::assert_abs_diff_eq!(found[0].share, 0.1875 * 1.3125 / total, epsilon = 1e-12);
    }

    #[test]
    fn rows_that_are_all_the_same_have_no_targets() {
        let rows = Rows {
            z: array![[1.0], [1.0]],
            weights: array![0.5, 0.5],
        };
        let features = array![[1.0], [1.0]];
        assert!(find(&rows, features.view(), array![[1.0]].view(), &["a".into()]).is_empty());
    }
}
