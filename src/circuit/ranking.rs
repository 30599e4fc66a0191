//! How well scores rank, and a choice hits, what is true.

use serde::Serialize;

/// The area under the ROC curve: the probability that a true one has the higher score than one that is not, equal scores
/// counting half. None if there are not both kinds.
pub fn auroc(scores: &[f64], truth: &[bool]) -> Option<f64> {
    let (mut above, mut true_ones, mut others) = (0.0, 0.0, 0.0);
    // From the lowest score up: each true one is above the others that came before.
    for (true_here, others_here) in ties(scores, truth).into_iter().rev() {
        above += true_here * (others + others_here / 2.0);
        true_ones += true_here;
        others += others_here;
    }
    (true_ones > 0.0 && others > 0.0).then(|| above / (true_ones * others))
}

/// Average precision: over the thresholds from the highest score down, the precision at each times the recall that it
/// adds; equal scores are one threshold. None if none is true.
pub fn average_precision(scores: &[f64], truth: &[bool]) -> Option<f64> {
    let (mut sum, mut hits, mut all) = (0.0, 0.0, 0.0);
    for (true_here, others_here) in ties(scores, truth) {
        hits += true_here;
        all += true_here + others_here;
        sum += true_here * hits / all;
    }
    (hits > 0.0).then(|| sum / hits)
}

/// From the highest score down: how many have it that are true, and that are not.
fn ties(scores: &[f64], truth: &[bool]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let same = sorted.chunk_by(|a, b| a.0 == b.0);
    same.map(|group| {
        let hits = group.iter().filter(|(_, is_true)| *is_true).count() as f64;
        (hits, group.len() as f64 - hits)
    })
    .collect()
}

/// How well a choice hits what is true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hits {
    /// Chosen.
    pub edges: usize,
    /// The share of these that is true; none if none is chosen.
    pub precision: Option<f64>,
    /// The share of the true ones that is chosen; none if none is true.
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
}

impl Hits {
    /// Of a choice.
    pub fn new(chosen: &[bool], truth: &[bool]) -> Self {
        let count = |keep: fn(bool, bool) -> bool| {
            let both = chosen.iter().zip(truth);
            both.filter(|(chosen, is_true)| keep(**chosen, **is_true))
                .count()
        };
        let (edges, all) = (count(|chosen, _| chosen), count(|_, is_true| is_true));
        let hits = count(|chosen, is_true| chosen && is_true) as f64;
        let share = |of: usize| (of > 0).then(|| hits / of as f64);
        Self {
            edges,
            precision: share(edges),
            recall: share(all),
            // 2pr/(p + r), which has no value only where nothing is chosen and nothing true.
            f1: (edges + all > 0).then(|| 2.0 * hits / (edges + all) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankings_by_hand() {
        let truth = [true, false, true, false];
        let of = |scores: [f64; 4]| (auroc(&scores, &truth), average_precision(&scores, &truth));
        assert_eq!(of([4.0, 2.0, 3.0, 1.0]), (Some(1.0), Some(1.0)));
        assert_eq!(
            of([1.0, 3.0, 2.0, 4.0]),
            (Some(0.0), Some((1.0 / 3.0 + 0.5) / 2.0))
        );
        // Of the four pairs one is right, one wrong, two are ties.
        assert_eq!(of([1.0, 1.0, 0.0, 0.0]), (Some(0.5), Some(0.5)));
        assert_eq!(of([0.0; 4]), (Some(0.5), Some(0.5)));
        assert_eq!(
            of([3.0, 2.0, 1.0, 0.0]),
            (Some(0.75), Some((1.0 + 2.0 / 3.0) / 2.0))
        );
        assert_eq!(auroc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(average_precision(&[1.0, 2.0], &[false, false]), None);
    }

    #[test]
    fn auroc_is_the_share_of_pairs_in_the_right_order() {
        // A plain count over all pairs, on scores with ties.
        let scores: Vec<f64> = (0..40).map(|i| f64::from((i * 7 + 3) % 11)).collect();
        let truth: Vec<bool> = (0..40).map(|i| (i * i) % 5 == 1).collect();
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&truth).filter(|(_, t)| **t) {
            for (b, _) in scores.iter().zip(&truth).filter(|(_, t)| !**t) {
                pairs += 1.0;
                sum += if a > b {
                    1.0
                } else if a == b {
                    0.5
                } else {
                    0.0
                };
            }
        }
        approx::assert_abs_diff_eq!(
            auroc(&scores, &truth).unwrap(),
            sum / pairs,
            epsilon = 1e-15
        );
    }

    #[test]
    fn hits_by_hand() {
        let found = Hits::new(&[true, true, true, false], &[true, false, false, true]);
        assert_eq!(
            (found.edges, found.recall, found.f1),
            (3, Some(0.5), Some(0.4))
        );
        assert_eq!(found.precision, Some(1.0 / 3.0));
        let none = Hits::new(&[false, false], &[false, true]);
        assert_eq!(
            (none.precision, none.recall, none.f1),
            (None, Some(0.0), Some(0.0))
        );
    }
}
