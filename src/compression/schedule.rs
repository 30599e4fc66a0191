//! The learning rate: linear over the first part of training, then constant.

/// `optax.linear_schedule(initial, last, floor(steps · decay_fraction))`: the value at step `k`
/// (0, 1, ...) drives update `k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearDecay {
    /// The value at step 0.
    pub initial: f64,
    /// The value from the end of the decay on.
    pub last: f64,
    /// Steps from `initial` to `last`; 0 keeps `initial` throughout, as Optax does.
    pub decay_steps: u64,
}

impl LinearDecay {
    /// A decay over the first `decay_fraction` of `steps`.
    pub fn new(initial: f64, last: f64, decay_fraction: f64, steps: u64) -> Self {
        Self {
            initial,
            last,
            decay_steps: (steps as f64 * decay_fraction).floor() as u64,
        }
    }

    /// The learning rate of update `step`.
    pub fn at(&self, step: u64) -> f64 {
        if self.decay_steps == 0 {
            return self.initial;
        }
        let done = step.min(self.decay_steps) as f64 / self.decay_steps as f64;
        (self.initial - self.last) * (1.0 - done) + self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_schedule_is_linear_over_the_first_half() {
        let schedule = LinearDecay::new(1e-3, 1e-6, 0.5, 300_000);
        assert_eq!(schedule.at(0), 1e-3);
        approx::assert_relative_eq!(schedule.at(75_000), 0.5005e-3, max_relative = 1e-12);
        assert_eq!(schedule.at(150_000), 1e-6);
        assert_eq!(schedule.at(299_999), 1e-6);
    }

    #[test]
    fn no_decay_keeps_the_initial_value() {
        assert_eq!(LinearDecay::new(0.1, 0.0, 0.0, 10).at(9), 0.1);
    }
}
