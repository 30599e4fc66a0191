//! Engines: the loss of a batch and its gradient with respect to `W`.
//!
//! Every engine computes the same objective; they differ in how. [`autodiff`] is the reference, a
//! plain transcription of the formulas into Burn tensors. [`fused`], the default, is one hand-derived pass
//! in feature space; [`operation`] makes it a part of any Burn graph. `tests/engines/exact.rs`,
//! `tests/engines/fused`, `tests/engines/operation.rs` and `tests/engines/parity.rs` compare them.

pub mod autodiff;
pub mod fused;
pub mod operation;

use std::sync::Arc;

use burn::tensor::Element;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tracr::model::{CompiledModel, Wiring};

use super::objective::{Loss, Objective};
use super::teacher::Teacher;
use crate::inputs::sampler::Batch;
use autodiff::Autodiff;
use fused::Fused;

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

/// An engine for a model and its targets.
pub fn build(
    (kind, precision): (Kind, Precision),
    model: &CompiledModel,
    teacher: &Arc<Teacher>,
    objective: Objective,
    threads: usize,
    wiring: Wiring,
) -> Box<dyn Engine> {
    match precision {
        Precision::F32 => build_of::<f32>(kind, model, teacher, objective, threads, wiring),
        Precision::F64 => build_of::<f64>(kind, model, teacher, objective, threads, wiring),
    }
}

fn build_of<F: fused::lanes::Precision + Element>(
    kind: Kind,
    model: &CompiledModel,
    teacher: &Arc<Teacher>,
    objective: Objective,
    threads: usize,
    wiring: Wiring,
) -> Box<dyn Engine> {
    let teacher = Arc::clone(teacher);
    match kind {
        Kind::Fused => Box::new(Fused::<F>::new(teacher, objective, threads).with_wiring(wiring)),
        Kind::Autodiff => {
            Box::new(Autodiff::<F>::new(model, teacher, objective, threads).with_wiring(wiring))
        }
    }
}
