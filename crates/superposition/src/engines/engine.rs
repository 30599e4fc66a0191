//! What an engine is, and which there are.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::inputs::sampler::Batch;
use crate::objective::Loss;

/// Something that can evaluate and differentiate the objective.
pub trait Engine {
    /// The loss parts at `w` `[d, D]` on `batch`, and `dL/dW` `[d, D]` written to `gradient`.
    ///
    /// The same `w` and `batch` give the same bits, whatever the number of threads.
    fn loss_and_gradient(
        &mut self,
        w: &Array2<f64>,
        batch: &Batch,
        gradient: &mut Array2<f64>,
    ) -> Loss;
}

/// What computes the loss and its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One hand-derived pass in feature space.
    Fused,
    /// Burn tensors, op by op.
    Autodiff,
}

/// The precision of loss and gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// The size of a number.
    pub(super) fn bytes(self) -> u128 {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}
