//! How long the rest of a study will take, from the speed of what is done.

use std::collections::HashMap;
use std::path::Path;

use super::plan::Plan;
use crate::config::Method;
use crate::results::state::{self, RunState};

/// What is left of a study.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Seconds of work on one core, as far as it can be told.
    pub seconds: f64,
    /// Runs whose speed is known.
    pub measured: usize,
    /// Runs to do of a method of which none was measured.
    pub unknown: usize,
    /// Bytes that the largest of the runs to do may need.
    pub memory: u128,
}

impl Estimate {
    /// For the runs `mine`; speeds are taken from all runs.
    pub fn new(plan: &Plan, study: &Path, states: &[RunState], mine: &[usize]) -> Self {
        let mut estimate = Self::default();
        // Per method: work done (steps, or runs of a baseline) and its seconds.
        let mut done: HashMap<&str, (f64, f64)> = HashMap::new();
        for (run, state) in plan.record.runs.iter().zip(states) {
            let measured = match (run.method, state) {
                (Method::Train, RunState::Completed(_) | RunState::Unfinished { .. }) => {
                    state::speed(&study.join(&run.directory))
                        .map(|(step, speed)| (step as f64, step as f64 / speed))
                }
                (Method::Train, _) => None,
                (_, RunState::Completed(summary)) => Some((1.0, summary.wall_time_seconds)),
                _ => None,
            };
            if let Some((work, seconds)) = measured {
                let sum = done.entry(run.method.name()).or_default();
                sum.0 += work;
                sum.1 += seconds;
                estimate.measured += 1;
            }
        }
        for &run in mine {
            let method = plan.record.runs[run].method;
            if let RunState::Completed(_) | RunState::Diverged(_) = &states[run] {
                continue;
            }
            let Ok(experiment) = plan.experiment(run, study) else {
                continue; // it will fail at once
            };
            let memory = experiment.memory().map_or(0, |memory| memory.bytes());
            estimate.memory = estimate.memory.max(memory);
            let left = match &states[run] {
                _ if method != Method::Train => 1.0,
                state => {
                    let steps = experiment.config.training.updates();
                    match state {
                        RunState::Unfinished { step } => steps.saturating_sub(*step) as f64,
                        _ => steps as f64,
                    }
                }
            };
            match done.get(method.name()) {
                Some((work, seconds)) => estimate.seconds += left * seconds / work,
                None => estimate.unknown += 1,
            }
        }
        estimate
    }
}
