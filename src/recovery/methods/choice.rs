//! How sparse a dictionary is to be, chosen without the truth: as sparse as it can be while it explains
//! [`ENOUGH`] of the variance.

use crate::analysis::sweep;
use crate::recovery::dictionary::Dictionary;
use crate::recovery::fit::Fit;
use crate::recovery::rows::Rows;

/// The share of variance that is to be explained.
pub const ENOUGH: f64 = 0.98;

/// The most codes that a TopK autoencoder tries to keep.
pub const MOST_ACTIVE: usize = 64;

/// The penalties that are tried, from the largest: `2^(−i/2)` for `i` from 0 to 14. Their unit is that of rows with a
/// variance of 1 per dimension.
pub fn lambdas() -> Vec<f64> {
    (0..15)
        .map(|i| {
            let half: f64 = if i % 2 == 0 {
                1.0
            } else {
                std::f64::consts::FRAC_1_SQRT_2
            };
            half * 0.5_f64.powi(i / 2)
        })
        .collect()
}

/// What one run of a method came to.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// In the unit of the rows that were given.
    pub dictionary: Dictionary,
    /// What it minimized.
    pub objective: Option<f64>,
    /// What it explains, once that is known.
    pub fit: Option<Fit>,
}

/// What was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// `lambda = 0.5` or `k = 3`.
    pub value: String,
    /// The lowest objective.
    pub objective: Option<f64>,
    /// What that one explains.
    pub fit: Option<Fit>,
}

impl Tried {
    pub(super) fn lambda(lambda: f64, attempt: &Attempt) -> Self {
        Self::of(
            format!("lambda = {}", base::numbers::four_digits(lambda)),
            attempt,
        )
    }

    pub(super) fn k(k: usize, attempt: &Attempt) -> Self {
        Self::of(format!("k = {k}"), attempt)
    }

    fn of(value: String, attempt: &Attempt) -> Self {
        Self {
            value,
            objective: attempt.objective,
            fit: attempt.fit.clone(),
        }
    }
}

/// How a value is tried: on which rows, from how many starts (at least 1), with how many threads, and what a start does.
pub(super) struct Trial<'a, V, F: Fn(V, u32) -> Attempt> {
    pub rows: &'a Rows,
    pub starts: u32,
    pub threads: usize,
    pub run: F,
    pub tell: &'a mut dyn FnMut(&V, &Attempt),
}

impl<V: Copy + Send + Sync, F: Fn(V, u32) -> Attempt + Sync> Trial<'_, V, F> {
    /// The start with the lowest objective, with what it explains.
    fn of(&mut self, value: V) -> (f64, Attempt) {
        let starts: Vec<u32> = (0..self.starts).collect();
        let mut best: Option<Attempt> = None;
        let run = |start: &u32| (self.run)(value, *start);
        sweep::in_order(&starts, self.threads, run, |attempt| {
            best = match best.take() {
                Some(kept) if kept.objective <= attempt.objective => Some(kept),
                _ => Some(attempt),
            };
            true
        });
        let kept = best.unwrap_or_else(|| (self.run)(value, 0));
        let fit = Fit::new(self.rows, &kept.dictionary.reconstruct(self.rows));
        let explained = fit.explained_variance;
        let kept = Attempt {
            fit: Some(fit),
            ..kept
        };
        (self.tell)(&value, &kept);
        (explained, kept)
    }
}

/// Of values, the sparsest first, one that explains [`ENOUGH`] while the one before it does not, by bisection: true, and
/// what was kept of it. Where a sparser one never explains more it is the sparsest that does. If none that is tried does,
/// the one that explains most, and false. `values` are not empty.
pub(super) fn sparsest_that_explains<V, F>(
    values: &[V],
    mut trial: Trial<'_, V, F>,
) -> (V, bool, Attempt)
where
    V: Copy + Send + Sync,
    F: Fn(V, u32) -> Attempt + Sync,
{
    let (mut low, mut high) = (0, values.len());
    let mut enough = None;
    let mut most: Option<(f64, V, Attempt)> = None;
    while low < high {
        let middle = usize::midpoint(low, high);
        let value = values[middle];
        let (explained, kept) = trial.of(value);
        if explained >= ENOUGH {
            high = middle;
            enough = Some((value, true, kept));
        } else {
            low = middle + 1;
            if most.as_ref().is_none_or(|(most, ..)| *most < explained) {
                most = Some((explained, value, kept));
            }
        }
    }
    let most = most.map(|(_, value, kept)| (value, false, kept));
    enough.or(most).unwrap_or_else(|| {
        let value = values[0];
        (value, false, trial.of(value).1)
    })
}

/// As [`sparsest_that_explains`], in order from the sparsest on: for values of which few are tried.
pub(super) fn first_that_explains<V, F>(
    values: &[V],
    mut trial: Trial<'_, V, F>,
) -> (V, bool, Attempt)
where
    V: Copy + Send + Sync,
    F: Fn(V, u32) -> Attempt + Sync,
{
    let mut most: Option<(f64, V, Attempt)> = None;
    for value in values {
        let (explained, kept) = trial.of(*value);
        if explained >= ENOUGH {
            return (*value, true, kept);
        }
        if most.as_ref().is_none_or(|(most, ..)| *most < explained) {
            most = Some((explained, *value, kept));
        }
    }
    let most = most.map(|(_, value, kept)| (value, false, kept));
    most.unwrap_or_else(|| (values[0], false, trial.of(values[0]).1))
}
