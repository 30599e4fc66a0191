//! The two precisions that the model and the engines are written for.

use ndarray::{LinalgScalar, ScalarOperand};

/// `f32` or `f64`.
pub trait Real:
    num_traits::Float
    + num_traits::NumAssign
    + LinalgScalar
    + ScalarOperand
    + std::iter::Sum
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// The name that configuration files use: `f32` or `f64`.
    const NAME: &'static str;
    /// Rounds to this precision.
    fn from_f64(value: f64) -> Self;
    /// Widens; exact.
    fn widen(self) -> f64;
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}
