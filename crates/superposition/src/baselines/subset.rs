//! The best subset of features: `d` of them kept exactly, the others dropped.
//!
//! `W` has the rows of the identity that belong to the kept features, so that `G` is diagonal with
//! ones and zeros. A feature that nothing reads changes nothing when it is kept: subsets are searched
//! among the features that some live block or the unembedding reads, and filled up with others.
//!
//! Where the subsets are few ([`EXHAUSTIVE_LIMIT`]), every one is tried. Otherwise greedily: starting
//! from all features, the one whose loss leaves the least damage is dropped, down to `d`; then a kept
//! and a dropped feature change places as long as that helps.

use ndarray::Array2;

use tracr::model::Frozen;

/// The search is exhaustive up to this many evaluations of a subset on an input: a minute or so.
pub const EXHAUSTIVE_LIMIT: u64 = 1 << 23;

/// A loss counts as smaller only by more than this share: rounding decides nothing.
const TIE: f64 = 1e-10;

/// A search for the features to keep.
#[derive(Clone, Debug)]
pub struct Search {
    width: usize,
    /// Features that something reads, in order.
    read: Vec<usize>,
    dim: usize,
    exhaustive: bool,
}

impl Search {
    /// A search for `dim ≤ D` features of a model that is evaluated on `inputs` inputs.
    pub fn new(model: &Frozen<f64>, dim: usize, inputs: usize) -> Self {
        let read = read_features(model);
        let mut search = Self {
            width: model.width(),
            read,
            dim,
            exhaustive: true,
        };
        search.exhaustive = search
            .subsets()
            .and_then(|subsets| subsets.checked_mul(inputs as u64))
            .is_some_and(|cost| cost <= EXHAUSTIVE_LIMIT);
        search
    }

    /// How many losses will be asked for; an estimate where the search is greedy.
    pub fn evaluations(&self) -> u64 {
        let (all, kept) = (self.read.len() as u64, self.sizes().1 as u64);
        match self.subsets() {
            Some(subsets) if self.exhaustive => subsets,
            _ => (all * (all + 1) - kept * (kept + 1)) / 2 + 2 * kept * (all - kept),
        }
    }

    /// The kept features, sorted; `None` as soon as `loss` says `None`. `loss` is given the kept
    /// features among those that are read.
    pub fn run(&self, loss: &mut dyn FnMut(&[usize]) -> Option<f64>) -> Option<Vec<usize>> {
        let mut kept = if self.exhaustive {
            self.try_all(loss)?
        } else {
            self.greedy(loss)?
        };
        let unread = (0..self.width).filter(|i| !self.read.contains(i));
        kept.extend(unread.take(self.dim - kept.len()));
        kept.sort_unstable();
        Some(kept)
    }

    /// How many of the read features may be kept: from, to.
    fn sizes(&self) -> (usize, usize) {
        let unread = self.width - self.read.len();
        (
            self.dim.saturating_sub(unread),
            self.dim.min(self.read.len()),
        )
    }

    /// The number of subsets to try, if it is a number.
    fn subsets(&self) -> Option<u64> {
        let (from, to) = self.sizes();
        (from..=to).try_fold(0_u64, |sum, k| {
            sum.checked_add(binomial(self.read.len() as u64, k as u64)?)
        })
    }

    fn try_all(&self, loss: &mut dyn FnMut(&[usize]) -> Option<f64>) -> Option<Vec<usize>> {
        let (from, to) = self.sizes();
        let mut best = Best::default();
        // Larger subsets first: of equally good ones the larger stays.
        for size in (from..=to).rev() {
            let mut chosen: Vec<usize> = (0..size).collect();
            loop {
                let features: Vec<usize> = chosen.iter().map(|&i| self.read[i]).collect();
                best.offer(loss(&features)?, features);
                if best.loss == 0.0 {
                    return Some(best.kept); // there is nothing better
                }
                if !advance(&mut chosen, self.read.len()) {
                    break;
                }
            }
        }
        Some(best.kept)
    }

    fn greedy(&self, loss: &mut dyn FnMut(&[usize]) -> Option<f64>) -> Option<Vec<usize>> {
        let size = self.sizes().1;
        let mut kept = self.read.clone();
        let mut current = Best::default();
        while kept.len() > size {
            current = Best::default();
            for feature in &kept {
                let rest: Vec<usize> = kept.iter().copied().filter(|f| f != feature).collect();
                current.offer(loss(&rest)?, rest);
            }
            kept = current.kept.clone();
        }
        if current.kept.is_empty() {
            return Some(kept); // nothing had to be dropped, or nothing is left
        }
        loop {
            let before = current.loss;
            let dropped: Vec<usize> = self
                .read
                .iter()
                .copied()
                .filter(|f| !current.kept.contains(f))
                .collect();
            let kept = current.kept.clone();
            for out in &kept {
                for into in &dropped {
                    let mut swapped: Vec<usize> = kept
                        .iter()
                        .map(|f| if f == out { *into } else { *f })
                        .collect();
                    swapped.sort_unstable();
                    current.offer(loss(&swapped)?, swapped);
                }
            }
            if current.loss >= before {
                return Some(current.kept);
            }
        }
    }
}

/// The best subset so far.
struct Best {
    loss: f64,
    kept: Vec<usize>,
}

impl Default for Best {
    fn default() -> Self {
        Self {
            loss: f64::INFINITY,
            kept: Vec::new(),
        }
    }
}

impl Best {
    fn offer(&mut self, loss: f64, kept: Vec<usize>) {
        let first = self.loss.is_infinite() && self.kept.is_empty();
        if first || loss < self.loss - TIE * self.loss.abs() {
            *self = Self { loss, kept };
        }
    }
}

/// `W` `[d, D]` that keeps these features and drops the others.
pub fn projection(kept: &[usize], width: usize) -> Array2<f64> {
    let mut w = Array2::zeros((kept.len(), width));
    for (row, feature) in kept.iter().enumerate() {
        w[[row, *feature]] = 1.0;
    }
    w
}

/// The features that a live block or the unembedding reads.
pub(super) fn read_features(model: &Frozen<f64>) -> Vec<usize> {
    let mut readers = vec![&model.unembed];
    for layer in &model.layers {
        if !layer.attention_is_dead() {
            readers.extend([&layer.query.weight, &layer.key.weight, &layer.value.weight]);
        }
        if !layer.mlp_is_dead() {
            readers.push(&layer.fc1.weight);
        }
    }
    (0..model.width())
        .filter(|&i| {
            readers
                .iter()
                .any(|weight| weight.row(i).iter().any(|x| *x != 0.0))
        })
        .collect()
}

/// The next combination in lexicographic order; false after the last.
fn advance(chosen: &mut [usize], n: usize) -> bool {
    let k = chosen.len();
    let Some(i) = (0..k).rev().find(|&i| chosen[i] < n - k + i) else {
        return false;
    };
    chosen[i] += 1;
    for j in i + 1..k {
        chosen[j] = chosen[j - 1] + 1;
    }
    true
}

fn binomial(n: u64, k: u64) -> Option<u64> {
    let mut result: u64 = 1;
    for i in 0..k.min(n - k) {
        result = result.checked_mul(n - i)? / (i + 1);
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;

    fn search(width: usize, read: &[usize], dim: usize, exhaustive: bool) -> Search {
        Search {
            width,
            read: read.to_vec(),
            dim,
            exhaustive,
        }
    }

    #[test]
    fn every_subset_is_tried_once() {
        let search = search(6, &[0, 1, 2, 3, 4, 5], 3, true);
        let mut seen = Vec::new();
        let kept = search.run(&mut |kept| {
            seen.push(kept.to_vec());
            Some(if kept == [1, 2, 4] { 0.5 } else { 1.0 })
        });
        assert_eq!(kept.unwrap(), [1, 2, 4]);
        assert_eq!(seen.len() as u64, search.evaluations());
        assert_eq!(seen.len(), 20);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 20);
    }

    #[test]
    fn unread_features_fill_up_and_are_not_searched() {
        let search = search(6, &[0, 2, 5], 4, true);
        let mut sizes = Vec::new();
        let kept = search
            .run(&mut |kept| {
                sizes.push(kept.len());
                Some(if kept == [0, 5] { 0.5 } else { 1.0 })
            })
            .unwrap();
        // At least one of the four must be read; 0 and 5 are best, 1 and 3 fill up.
        assert_eq!(kept, [0, 1, 3, 5]);
        assert_eq!(sizes, [3, 2, 2, 2, 1, 1, 1]);
        // A loss of nothing ends the search.
        let mut calls = 0;
        search.run(&mut |_| {
            calls += 1;
            Some(0.0)
        });
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_greedy_search_drops_the_least_and_then_exchanges() {
        // Worths add up, but 0 and 1 are worth more together: dropping one by one misses that.
        let worth = [1.0, 1.1, 3.0, 2.0, 2.5];
        let mut loss = |kept: &[usize]| {
            let together = kept.contains(&0) && kept.contains(&1);
            Some(
                20.0 - kept.iter().map(|&i| worth[i]).sum::<f64>()
                    - if together { 1.0 } else { 0.0 },
            )
        };
        let all = [0, 1, 2, 3, 4];
        let greedy = search(5, &all, 2, false).run(&mut loss).unwrap();
        let best = search(5, &all, 2, true).run(&mut loss).unwrap();
        assert_eq!((greedy, best), (vec![2, 4], vec![2, 4]));
        let none = search(5, &all, 5, false).run(&mut |_| None);
        assert_eq!(none, Some(all.to_vec()));
        let stopped = search(5, &all, 2, false).run(&mut |_| None);
        assert_eq!(stopped, None);
    }

    #[test]
    fn rounding_does_not_choose_between_equals() {
        let mut call = 0.0;
        let kept = search(3, &[0, 1, 2], 1, true).run(&mut |_| {
            call += 1.0;
            Some(1.0 - call * 1e-15)
        });
        assert_eq!(kept.unwrap(), [0]);
    }

    #[test]
    fn what_the_models_read() {
        let model = test_models::load("frac_prevs");
        let frozen = Frozen::<f64>::new(&model);
        let labels = &model.metadata.residual_labels;
        let unread: Vec<&str> = (0..frozen.width())
            .filter(|i| !read_features(&frozen).contains(i))
            .map(|i| labels[i].as_str())
            .collect();
        assert_eq!(
            unread,
            ["tokens:a", "tokens:b", "tokens:c", "tokens:compiler_pad"]
        );
    }

    #[test]
    fn combinations_are_counted() {
        assert_eq!(binomial(14, 7), Some(3432));
        assert_eq!(binomial(5, 0), Some(1));
        assert_eq!(binomial(5, 5), Some(1));
        assert_eq!(binomial(1000, 500), None);
    }
}
