//! `[training]`: its values, and whether they fit each other.

use serde::{Deserialize, Serialize};

use super::choices::{Engine, Precision};
use super::error::ConfigError;
use super::source::ConfigSource;

const STEPS: &str = "training.restarts.steps";

/// `[training]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TrainingConfig {
    pub engine: Engine,
    pub precision: Precision,
    pub steps: u64,
    pub batch_size: usize,
    pub learning_rate: LearningRateConfig,
    pub weight_decay: f64,
    pub betas: [f64; 2],
    pub epsilon: f64,
    pub seed: u64,
    pub threads: usize,
    pub log_every: u64,
    pub diagnostics_every: u64,
    pub checkpoint_every: u64,
    pub restarts: RestartsConfig,
}

/// `training.learning_rate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LearningRateConfig {
    pub initial: f64,
    #[serde(rename = "final")]
    pub last: f64,
    pub warmup_fraction: f64,
    pub decay_fraction: f64,
}

/// `training.restarts`: several starts, of which the best goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RestartsConfig {
    pub count: u64,
    /// 0 where there is one start only.
    pub steps: u64,
}

impl RestartsConfig {
    /// Updates of the starts that are given up.
    pub fn discarded_steps(&self) -> u64 {
        (self.count - 1) * self.steps
    }
}

impl TrainingConfig {
    /// Updates in all, those of the starts that are given up included.
    pub fn updates(&self) -> u64 {
        self.steps + self.restarts.discarded_steps()
    }

    /// Whether the parts of training fit into its steps.
    pub(super) fn check(&self, source: &ConfigSource) -> Result<(), ConfigError> {
        let rate = &self.learning_rate;
        if rate.warmup_fraction + rate.decay_fraction > 1.0 {
            return Err(source.conflict(
                "training.learning_rate.warmup_fraction",
                format!(
                    "it is {}, which with a decay_fraction of {} is more than the whole of training: \
                     lower one of them, to 1 together at most",
                    rate.warmup_fraction, rate.decay_fraction
                ),
            ));
        }
        let RestartsConfig { count, steps } = self.restarts;
        if count == 1 {
            return Ok(());
        }
        if source.get(STEPS).is_none() {
            return Err(source.missing(STEPS));
        }
        if steps == 0 {
            return Err(source.conflict(
                STEPS,
                "it is 0, but with a count above 1 each start needs at least one update",
            ));
        }
        if steps > self.steps {
            return Err(source.conflict(
                STEPS,
                format!(
                    "it is {steps}, but training.steps is {}: a start is a part of the run",
                    self.steps
                ),
            ));
        }
        if !steps.is_multiple_of(self.log_every) {
            return Err(source.conflict(
                STEPS,
                format!(
                    "it is {steps}, but it must be a multiple of training.log_every, {}: a start \
                     is chosen by metrics that are logged",
                    self.log_every
                ),
            ));
        }
        Ok(())
    }
}
