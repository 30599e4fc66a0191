//! One colour scale for several `G`, whose limits one large entry does not set.

use super::colour::diverging;
use super::gram::Gram;
use super::scene::Paint;
use crate::results::statistics::middle;

/// Limits beyond this many typical squared lengths would leave typical entries pale: the colours of two signs
/// are told apart from a quarter of the limit on, and white from three eighths.
const TYPICAL_LENGTHS: f64 = 1.5;

/// Entries below 0 by less than this share of the limit are 0 but for rounding, and no colour shows them.
const ROUNDING: f64 = 1e-3;

/// The limits of a colour scale and what lies beyond them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourScale {
    /// Entries of this magnitude have the darkest colours.
    pub limit: f64,
    /// Whether there are entries below 0, so that the colours go from `-limit`; else they go from 0.
    pub signed: bool,
    /// How many entries are larger.
    pub above: usize,
    /// How many are smaller than `-limit`.
    pub below: usize,
}

impl ColourScale {
    /// For these matrices. The limit is that of the largest entry, unless one is beyond 1.5 times the typical
    /// squared length of a feature: then of the largest entry that is not.
    ///
    /// The typical squared length is the median of the diagonals, the median over the matrices of each one's, and
    /// at least 1, a feature's in the compiled model. So neither an entry of ±12 in one map nor the few features
    /// that a categorical output makes a hundred times longer (a softmax wants large logits) leave the others
    /// blank, and half of the features of half of the maps are within the limits.
    pub fn of<'a>(grams: impl Iterator<Item = &'a Gram> + Clone) -> Self {
        let typical = grams.clone().filter_map(typical_length).collect();
        let typical = middle(typical, |x| *x).unwrap_or(1.0).max(1.0);
        let entries = grams.flat_map(|g| g.values.iter().flatten().copied());
        Self {
            signed: true,
            ..Self::of_entries(entries, TYPICAL_LENGTHS * typical)
        }
    }

    /// For these entries. The limit is that of the largest one that is not beyond `bound`.
    pub fn of_entries(entries: impl Iterator<Item = f64> + Clone, bound: f64) -> Self {
        let within = entries.clone().filter(|v| v.abs() <= bound);
        let limit = nice(within.fold(0.0, |m, v| v.abs().max(m)));
        Self {
            limit,
            signed: entries.clone().any(|v| v < -ROUNDING * limit),
            above: entries.clone().filter(|v| *v > limit).count(),
            below: entries.filter(|v| *v < -limit).count(),
        }
    }

    /// The colour of an entry.
    pub fn paint(&self, value: f64) -> Paint {
        diverging(value / self.limit)
    }

    /// Whether an entry is beyond the limits.
    pub fn clips(&self, value: f64) -> bool {
        value.abs() > self.limit
    }

    /// How many entries are beyond the limits.
    pub fn clipped(&self) -> usize {
        self.above + self.below
    }
}

/// The median magnitude on the diagonal, the lower one of two.
fn typical_length(gram: &Gram) -> Option<f64> {
    let n = gram.labels.len();
    let diagonal = gram.values.iter().step_by(n + 1);
    middle(diagonal.flatten().map(|v| v.abs()).collect(), |x| *x)
}

/// At least the magnitude, with one or two digits.
fn nice(magnitude: f64) -> f64 {
    if magnitude <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(magnitude.log10().floor() - 1.0);
    // The division by a power of ten above 1 keeps the decimals of 1.3 short.
    let steps = (magnitude / unit - 1e-9).ceil();
    if unit < 1.0 {
        steps / (1.0 / unit).round()
    } else {
        steps * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_short_and_hold_everything() {
        assert_eq!(nice(1.0), 1.0);
        assert_eq!(nice(1.234), 1.3);
        assert_eq!(nice(0.0421), 0.043);
        assert_eq!(nice(131.0), 140.0);
        assert_eq!(nice(0.0), 1.0);
    }

    /// A diagonal matrix.
    fn gram(diagonal: &[f64]) -> Gram {
        let n = diagonal.len();
        let mut values = vec![Some(0.0); n * n];
        for (i, value) in diagonal.iter().enumerate() {
            values[i * (n + 1)] = Some(*value);
        }
        Gram {
            labels: (0..n).map(|i| i.to_string()).collect(),
            values,
        }
    }

    fn scale(grams: &[Gram]) -> ColourScale {
        ColourScale::of(grams.iter())
    }

    #[test]
    fn the_limit_is_the_largest_entry_where_none_stands_out() {
        let one = scale(&[gram(&[1.0, 0.4, 1.24]), gram(&[0.3, 0.2, 0.1])]);
        assert_eq!((one.limit, one.clipped()), (1.3, 0));
        let small = scale(&[gram(&[0.01, 0.042, 0.0])]);
        assert_eq!((small.limit, small.clipped()), (0.042, 0));
        // Untrained: all are long.
        let long = scale(&[gram(&[5.0, 6.0, 7.0, 8.5])]);
        assert_eq!((long.limit, long.clipped()), (8.5, 0));
        let blank = scale(&[gram(&[0.0, 0.0])]);
        assert_eq!((blank.limit, blank.clipped()), (1.0, 0));
    }

    #[test]
    fn the_limit_is_not_moved_by_one_entry_or_one_map_that_stands_out() {
        let mut outlier = gram(&[1.0, 0.4, 12.0, 0.4]);
        outlier.values[1] = Some(-3.0);
        outlier.values[2] = None;
        let shared = scale(&[gram(&[1.0, 0.4, 1.2, 0.4]), outlier]);
        assert_eq!((shared.limit, shared.above, shared.below), (1.2, 1, 1));
        assert!(shared.clips(-3.0) && shared.clips(12.0) && !shared.clips(-1.2));
        let untrained = gram(&[8.0, 5.0, 6.0, 7.0]);
        let shared = scale(&[untrained, gram(&[1.0, 0.4, 1.2, 0.4])]);
        assert_eq!((shared.limit, shared.above), (1.2, 4));
        // Whatever the outlier's size.
        assert_eq!(scale(&[gram(&[1.0, 0.4, 1e300])]).limit, 1.0);
    }
}
