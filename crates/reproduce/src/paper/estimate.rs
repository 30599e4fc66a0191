//! A figure over the runs of a setting, and whether it is as the paper says.

use base::numbers::four_digits;
use tracr_compress::results::critical::CriticalWidth;
use tracr_compress::results::statistics::{median, median_interval};

/// A figure over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median over the runs.
    pub median: f64,
    /// Its 95 % percentile-bootstrap interval; none where resampling says nothing, as of a count.
    pub interval: Option<(f64, f64)>,
    /// How many runs.
    pub runs: usize,
    /// Of a width: the largest that was tried; infinity means that the true one is larger.
    pub tried: Option<f64>,
}

impl Estimate {
    /// Of these values; none if there are none.
    pub fn new(values: &[f64]) -> Option<Self> {
        (!values.is_empty()).then(|| Self {
            median: median(values),
            interval: (values.len() > 1).then(|| median_interval(values)),
            runs: values.len(),
            tried: None,
        })
    }

    /// A figure that is made of `runs` runs at once.
    pub fn single(value: f64, runs: usize) -> Self {
        Self {
            median: value,
            interval: None,
            runs,
            tried: None,
        }
    }

    /// A critical width with its interval, of widths up to `tried`; where none of them will do, it is infinite.
    pub fn of_width(width: &CriticalWidth, runs: usize, tried: f64) -> Self {
        let number = |d: Option<usize>| d.map_or(f64::INFINITY, |d| d as f64);
        Self {
            median: number(width.estimate),
            interval: Some((number(width.low), number(width.high))),
            runs,
            tried: Some(tried),
        }
    }

    /// `0.00029 [0.00025, 0.00034]`; a width beyond those tried is `> 8`.
    pub fn text(&self) -> String {
        let four_digits = |x: f64| match self.tried {
            Some(largest) if x == f64::INFINITY => format!("> {}", four_digits(largest)),
            _ => four_digits(x),
        };
        let median = four_digits(self.median);
        match self.interval {
            Some((low, high)) => format!("{median} [{}, {}]", four_digits(low), four_digits(high)),
            None => median,
        }
    }
}

/// What the median has to be for the paper's statement to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Criterion {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
    Between(f64, f64),
}

impl Criterion {
    /// Whether a value is so; a NaN is not.
    pub fn met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Below(limit) => value < limit,
            Self::Between(low, high) => (low..=high).contains(&value),
        }
    }

    /// `at most 0.002`.
    pub fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("at most {}", four_digits(limit)),
            Self::AtLeast(limit) => format!("at least {}", four_digits(limit)),
            Self::Below(limit) => format!("below {}", four_digits(limit)),
            Self::Between(low, high) => format!("{} to {}", four_digits(low), four_digits(high)),
        }
    }
}

/// What became of a statement of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every criterion is met.
    Holds,
    /// Some are.
    Partly,
    /// None is.
    DoesNot,
    /// There are no results, or not all that are asked for.
    Unknown,
}

impl Verdict {
    /// By which criteria are met; a criterion without a figure leaves it unknown.
    pub fn of(met: &[Option<bool>]) -> Self {
        if met.is_empty() || met.contains(&None) {
            return Self::Unknown;
        }
        match met.iter().filter(|m| **m == Some(true)).count() {
            0 => Self::DoesNot,
            n if n == met.len() => Self::Holds,
            _ => Self::Partly,
        }
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Partly => "holds partly",
            Self::DoesNot => "does not hold",
            Self::Unknown => "not run",
        }
    }
}
