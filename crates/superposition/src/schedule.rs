//! The learning rate: a warm-up if wanted, then linear over a part of training, then constant.

/// `optax.linear_schedule(initial, last, floor(steps · decay_fraction))`: the value at step `k`
/// (0, 1, ...) drives update `k`. With a warm-up,
/// `optax.join_schedules([linear_schedule(0, initial, warmup_steps), that], [warmup_steps])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearDecay {
    /// The value at the end of the warm-up: at step 0 where there is none.
    pub initial: f64,
    /// The value from the end of the decay on.
    pub last: f64,
    /// Steps from 0 to `initial`; 0 begins with `initial`.
    pub warmup_steps: u64,
    /// Steps from `initial` to `last`; 0 keeps `initial` throughout, as Optax does.
    pub decay_steps: u64,
}

impl LinearDecay {
    /// A decay over the first `decay_fraction` of `steps`.
    pub fn new(initial: f64, last: f64, decay_fraction: f64, steps: u64) -> Self {
        Self {
            initial,
            last,
            warmup_steps: 0,
            decay_steps: (steps as f64 * decay_fraction).floor() as u64,
        }
    }

    /// The same after a warm-up over the first `fraction` of `steps`.
    pub fn with_warmup(self, fraction: f64, steps: u64) -> Self {
        Self {
            warmup_steps: (steps as f64 * fraction).floor() as u64,
            ..self
        }
    }

    /// The learning rate of update `step`.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.initial * (step as f64 / self.warmup_steps as f64);
        }
        if self.decay_steps == 0 {
            return self.initial;
        }
        let done =
            (step - self.warmup_steps).min(self.decay_steps) as f64 / self.decay_steps as f64;
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

    #[test]
    fn a_warm_up_rises_from_zero_and_moves_the_decay_behind_it() {
        // As Optax: join_schedules shifts the second schedule's steps by the boundary.
        let schedule = LinearDecay::new(0.8, 0.2, 0.3, 20).with_warmup(0.2, 20);
        let expected = [
            0.0, 0.2, 0.4, 0.6, // linear_schedule(0, 0.8, 4) at 0..4
            0.8, 0.7, 0.6, 0.5, 0.4, 0.3, // linear_schedule(0.8, 0.2, 6) at 0..6
            0.2, 0.2,
        ];
        for (step, rate) in expected.into_iter().enumerate() {
            approx::assert_relative_eq!(schedule.at(step as u64), rate, max_relative = 1e-12);
        }
        assert_eq!(schedule.at(19), 0.2);
        // Without a decay the rate stays where the warm-up ends.
        let schedule = LinearDecay::new(0.8, 0.2, 0.0, 20).with_warmup(0.2, 20);
        assert_eq!((schedule.at(4), schedule.at(19)), (0.8, 0.8));
    }

    #[test]
    fn a_warm_up_of_zero_changes_no_bit() {
        let plain = LinearDecay::new(1e-3, 1e-6, 0.5, 300_000);
        assert_eq!(plain.with_warmup(0.0, 300_000), plain);
    }
}
