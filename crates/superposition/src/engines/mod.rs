//! Engines: the loss of a batch and its gradient with respect to `W`.
//!
//! Every engine computes the same objective; they differ in how. [`autodiff`] is the reference, a
//! plain transcription of the formulas into Burn tensors. [`fused`], the default, is one hand-derived pass
//! in feature space; [`operation`] makes it a part of any Burn graph. `tests/engines/exact.rs`,
//! `tests/engines/fused`, `tests/engines/operation.rs` and `tests/engines/parity.rs` compare them.

pub mod autodiff;
mod engine;
pub mod fused;
pub mod operation;

use std::sync::Arc;

use burn::tensor::Element;
use tracr::model::{CompiledModel, Wiring};

use super::objective::Objective;
use super::teacher::Teacher;
use autodiff::Autodiff;
pub use engine::{Engine, Kind, Precision};
use fused::Fused;

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

fn build_of<F: fused::Computes + Element>(
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
