//! The thresholds that verdicts and figures depend on: one place, each with its reason.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Thresholds and sizes of an analysis. `compress analyze --help` shows them as options, and
/// `analysis.json` keeps those that were used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// A feature with a norm `‖W_i‖` below this is `dropped`: a sixteenth of its compiled square is
    /// left. The published heat map's dropped tokens have 0.14, its smallest kept position 0.49.
    pub dropped_below: f64,
    /// A feature with at least this dimensionality (among the features that are ever active) is
    /// `dedicated`: at most a tenth of its reader's squared response comes from others.
    pub dedicated_from: f64,
    /// Two features occur together if the rarer one is accompanied by the other at least this often.
    /// Above 1/2, so that two independent tokens of a binary vocabulary do not count.
    pub together_from: f64,
    /// Two features are redundant if the correlation of their values is at least this, of either
    /// sign.
    pub redundant_from: f64,
    /// A feature is active where the compiled model's value is larger than this, of either sign.
    /// Compiled categorical values are 0 or 1, up to leaks of the softmax.
    pub active_above: f64,
    /// A numerical output is right within this: half of 1/4 − 1/5, the smallest difference of two
    /// values of `frac_prevs` over five positions.
    pub tolerance: f64,
    /// Pairs of inputs for interventions; every pair if there are no more, or if this is none.
    pub pairs: Option<u64>,
    /// How many of the worst inputs are kept.
    pub worst: usize,
    /// The seed of the sampled pairs, and of the bootstrap over seeds.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dropped_below: 0.25,
            dedicated_from: 0.9,
            together_from: 0.6,
            redundant_from: 0.95,
            active_above: 1e-3,
            tolerance: 0.025,
            pairs: Some(4096),
            worst: 10,
            seed: 0,
        }
    }
}

/// A setting out of its range.
#[derive(Debug, Error, PartialEq)]
#[error("{name} is {value}, but it takes a number {range}")]
pub struct SettingError {
    /// As on the command line.
    pub name: &'static str,
    /// As given.
    pub value: f64,
    /// What may be given.
    pub range: &'static str,
}

impl Settings {
    /// Checks every range.
    ///
    /// # Errors
    /// Names the first setting that is out of its range.
    pub fn check(&self) -> Result<(), SettingError> {
        let share = "from 0 to 1";
        let positive = "of at least 0";
        for (name, value, range, limit) in [
            ("--dropped-below", self.dropped_below, positive, f64::MAX),
            ("--dedicated-from", self.dedicated_from, share, 1.0),
            ("--together-from", self.together_from, share, 1.0),
            ("--redundant-from", self.redundant_from, share, 1.0),
            ("--active-above", self.active_above, positive, f64::MAX),
            ("--tolerance", self.tolerance, positive, f64::MAX),
        ] {
            if !(0.0..=limit).contains(&value) {
                return Err(SettingError { name, value, range });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let Settings {
            dropped_below,
            dedicated_from,
            together_from,
            redundant_from,
            active_above,
            tolerance,
            pairs,
            worst,
            seed,
        } = Settings::default();
        assert_eq!((dropped_below, dedicated_from), (0.25, 0.9));
        assert_eq!((together_from, redundant_from), (0.6, 0.95));
        assert_eq!((active_above, tolerance), (1e-3, 0.025));
        assert_eq!((pairs, worst, seed), (Some(4096), 10, 0));
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        type Set = fn(&mut Settings, f64);
        let settings: [(&str, Set, bool); 6] = [
            ("--dropped-below", |s, x| s.dropped_below = x, false),
            ("--dedicated-from", |s, x| s.dedicated_from = x, true),
            ("--together-from", |s, x| s.together_from = x, true),
            ("--redundant-from", |s, x| s.redundant_from = x, true),
            ("--active-above", |s, x| s.active_above = x, false),
            ("--tolerance", |s, x| s.tolerance = x, false),
        ];
        for (name, set, is_share) in settings {
            let refused = |x: f64| {
                let mut settings = Settings::default();
                set(&mut settings, x);
                settings.check().map_err(|e| e.name)
            };
            assert_eq!((refused(0.0), refused(1.0)), (Ok(()), Ok(())));
            assert_eq!(refused(1.001), if is_share { Err(name) } else { Ok(()) });
            for bad in [-0.001, f64::NAN, f64::INFINITY] {
                assert_eq!(refused(bad), Err(name), "{bad}");
            }
        }
    }
}
