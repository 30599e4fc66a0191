//! What counts as right.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use tracr::model::OutputKind;

pub use tracr::model::codec::TIE as TIE_BELOW;

/// When a compressed model is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Numbers: the largest mean absolute error.
    pub mean_error: f64,
    /// Numbers: the largest absolute error of any answer.
    pub max_error: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mean_error: 0.005,
            max_error: 0.05,
        }
    }
}

/// A limit that is none.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name} is {value}: it must be a finite number above 0")]
pub struct BadLimit {
    /// Which.
    pub name: &'static str,
    /// As given.
    pub value: f64,
}

impl Limits {
    /// Checks both.
    ///
    /// # Errors
    /// If one is not a finite number above 0.
    pub fn check(&self) -> Result<(), BadLimit> {
        for (name, value) in [("--mae", self.mean_error), ("--max-error", self.max_error)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(BadLimit { name, value });
            }
        }
        Ok(())
    }
}

/// The rule of a certificate, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rule {
    /// The compressed model's largest score is that of the compiled model's class, with no equal.
    Classes {
        /// The smallest gap that is not right: 0.
        gap_above: f64,
        /// [`TIE_BELOW`].
        tie_below: f64,
    },
    /// The errors are within these limits.
    Numbers(Limits),
}

impl Rule {
    /// The rule for models of this kind.
    pub fn of(kind: OutputKind, limits: Limits) -> Self {
        match kind {
            OutputKind::Categorical => Self::Classes {
                gap_above: 0.0,
                tie_below: TIE_BELOW,
            },
            OutputKind::Numerical => Self::Numbers(limits),
        }
    }
}
