//! Engines: the loss of a batch and its gradient with respect to `W`.
//!
//! Every engine computes the same objective; they differ in how. [`autodiff`] is the reference, a
//! plain transcription of the formulas into Burn tensors. [`fused`], the default, is one hand-derived pass
//! in feature space; [`operation`] makes it a part of any Burn graph. `tests/engines.rs`,
//! `tests/fused`, `tests/operation.rs` and `tests/parity.rs` compare them.

pub mod autodiff;
pub mod fused;
pub mod operation;

use ndarray::Array2;

use super::objective::Loss;
use crate::inputs::sampler::Batch;

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
