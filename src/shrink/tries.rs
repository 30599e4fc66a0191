//! The trainings of one drop, side by side, up to the first that succeeds. Those that failed are kept, so that who stops a
//! search within a drop does not make them again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::attempt::Ended;
use super::directory::ShrinkDirectory;
use super::path::Dropping;
use super::plans::Plan;
use super::search::{Shrink, ShrinkError, Watcher};
use super::standard::Standing;

/// Where they are kept while a drop is under way.
const KEPT: &str = "tries.json";

/// The trainings of one drop that failed, from the first one on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    standard: String,
    descent: u32,
    d: usize,
    dropped: usize,
    /// Updates of each.
    steps: Vec<u64>,
}

/// Trainings that were made, up to the first that succeeded.
pub struct Trainings {
    /// How many.
    pub count: usize,
    /// Updates of all of them.
    pub steps: u64,
    /// The number of the one that succeeded, from 0, and its `W`.
    pub winner: Option<(usize, Array2<f64>, Standing)>,
}

impl Dropping {
    fn none(&self) -> Failed {
        Failed {
            standard: self.descent.standard.name().to_owned(),
            descent: self.descent.number,
            d: self.d,
            dropped: self.dropped,
            steps: Vec::new(),
        }
    }

    /// What tells its random numbers from those of other drops.
    fn number(&self) -> u32 {
        (self.d as u32) << 12 | u32::from(self.dropped > 1) << 11
    }
}

/// A training that ended.
struct Made {
    steps: u64,
    accepted: Option<(Array2<f64>, Standing)>,
}

impl From<Ended> for Made {
    fn from(end: Ended) -> Self {
        Self {
            steps: end.steps,
            accepted: end.is_met.then_some((end.w, end.standing)),
        }
    }
}

/// What the threads share.
struct Progress<'a> {
    made: Vec<Option<Made>>,
    /// The failed ones from the first on.
    failed: Failed,
    watcher: &'a mut (dyn Watcher + Send),
    problem: Option<ShrinkError>,
}

impl Shrink<'_> {
    /// Trains, side by side, until the first of them that succeeds is known. None if time is over before.
    pub(super) fn try_all(
        &self,
        directory: &ShrinkDirectory,
        plans: &[Plan],
        dropping: Dropping,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<Option<Trainings>, ShrinkError> {
        let mut failed = directory.result::<Failed>(KEPT)?.unwrap_or_default();
        let none = dropping.none();
        let is_of_this = Failed {
            steps: Vec::new(),
            ..failed.clone()
        } == none;
        if !is_of_this || failed.steps.len() > plans.len() {
            failed = none;
        }
        let mut made: Vec<Option<Made>> = (0..plans.len()).map(|_| None).collect();
        for (made, steps) in made.iter_mut().zip(&failed.steps) {
            *made = Some(Made {
                steps: *steps,
                accepted: None,
            });
        }
        let next = AtomicUsize::new(failed.steps.len());
        let winner = AtomicUsize::new(plans.len());
        let progress = Mutex::new(Progress {
            made,
            failed,
            watcher,
            problem: None,
        });
        let work = || {
            loop {
                let i = next.fetch_add(1, Ordering::SeqCst);
                if i >= plans.len() || i > winner.load(Ordering::SeqCst) || self.time_is_over() {
                    return;
                }
                let begun = Instant::now();
                let Some(end) = self.workshop.train(
                    plans[i].w.clone(),
                    &plans[i].recipe,
                    dropping.descent.standard,
                    dropping.number() | i as u32,
                    &|| winner.load(Ordering::SeqCst) < i,
                ) else {
                    continue;
                };
                if end.is_met {
                    winner.fetch_min(i, Ordering::SeqCst);
                }
                let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                if !end.is_met {
                    let seconds = begun.elapsed().as_secs_f64();
                    progress
                        .watcher
                        .failed(dropping, (i + 1, plans.len()), seconds);
                }
                progress.made[i] = Some(end.into());
                progress.keep(directory);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.jobs {
                scope.spawn(work);
            }
            work();
        });
        let progress = progress
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = progress.problem {
            return Err(problem);
        }
        let winner = winner.into_inner();
        let count = (winner + 1).min(plans.len());
        let mut steps = 0;
        let mut accepted = None;
        for made in progress.made.into_iter().take(count) {
            let Some(made) = made else {
                return Ok(None);
            };
            steps += made.steps;
            accepted = made.accepted;
        }
        Ok(Some(Trainings {
            count,
            steps,
            winner: accepted.map(|(w, standing)| (winner, w, standing)),
        }))
    }

    /// Deletes the record of the failed trainings, once their drop has ended.
    pub(super) fn forget(directory: &ShrinkDirectory) -> Result<(), ShrinkError> {
        Ok(directory.remove_result(KEPT)?)
    }
}

impl Progress<'_> {
    /// Keeps the failed trainings from the first on.
    fn keep(&mut self, directory: &ShrinkDirectory) {
        let before = self.failed.steps.len();
        let more = self.made[before..].iter().map_while(|made| {
            let made = made.as_ref()?;
            made.accepted.is_none().then_some(made.steps)
        });
        self.failed.steps.extend(more);
        if self.failed.steps.len() > before
            && let Err(problem) = directory.keep_result(KEPT, &self.failed)
        {
            self.problem.get_or_insert(problem.into());
        }
    }
}
