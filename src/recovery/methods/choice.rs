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
    /// How many of its starts are done, of how many.
    pub starts: (u32, u32),
}

impl Tried {
    pub(super) fn lambda(lambda: f64, attempt: &Attempt, starts: (u32, u32)) -> Self {
        let value = format!("lambda = {}", base::numbers::four_digits(lambda));
        Self::of(value, attempt, starts)
    }

    pub(super) fn k(k: usize, attempt: &Attempt, starts: (u32, u32)) -> Self {
        Self::of(format!("k = {k}"), attempt, starts)
    }

    /// Whether its starts are done.
    pub fn is_over(&self) -> bool {
        self.starts.0 == self.starts.1
    }

    fn of(value: String, attempt: &Attempt, starts: (u32, u32)) -> Self {
        Self {
            value,
            starts,
            objective: attempt.objective,
            fit: attempt.fit.clone(),
        }
    }
}

/// Who is told of a value what its best start so far came to, and how many of its starts are done, of how many.
type Tell<'a, V> = &'a mut dyn FnMut(&V, &Attempt, (u32, u32));

/// Tries values in order, the sparsest first, each from several starts of which the one with the lowest objective is
/// kept, until what is kept explains [`ENOUGH`]: that value, true, and what was kept. If none does, the one that
/// explains most, and false. `values` are not empty, `starts` at least 1.
pub(super) fn first_that_explains<V: Copy + Send + Sync>(
    rows: &Rows,
    values: &[V],
    starts: u32,
    threads: usize,
    run: impl Fn(V, u32) -> Attempt + Sync,
    tell: Tell<'_, V>,
) -> (V, bool, Attempt) {
    let jobs: Vec<(V, u32)> = values
        .iter()
        .flat_map(|value| (0..starts).map(|start| (*value, start)))
        .collect();
    // Threads of a restart are not nested: fits are computed here, once for each value.
    let mut best_start: Option<Attempt> = None;
    let mut best: Option<(V, bool, Attempt)> = None;
    let work = |(value, start): &(V, u32)| (*value, *start, run(*value, *start));
    sweep::in_order(&jobs, threads, work, |(value, start, attempt)| {
        let kept = match best_start.take() {
            Some(kept) if kept.objective <= attempt.objective => kept,
            _ => attempt,
        };
        if start + 1 < starts {
            tell(&value, &kept, (start + 1, starts));
            best_start = Some(kept);
            return true;
        }
        let fit = Fit::new(rows, &kept.dictionary.reconstruct(rows));
        let explained = fit.explained_variance;
        let kept = Attempt {
            fit: Some(fit),
            ..kept
        };
        tell(&value, &kept, (starts, starts));
        let enough = explained >= ENOUGH;
        let is_better = best.as_ref().is_none_or(|(.., best)| {
            best.fit
                .as_ref()
                .is_none_or(|fit| fit.explained_variance < explained)
        });
        if is_better {
            best = Some((value, enough, kept));
        }
        !enough
    });
    match best {
        Some(best) => best,
        // Without a start nothing was tried.
        None => (values[0], false, run(values[0], 0)),
    }
}
