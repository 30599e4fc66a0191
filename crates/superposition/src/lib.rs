//! Training `W`: the paper's section 5 for any compiled model.
//!
//! - [`inputs`]: the program's input space, enumerated or sampled, and the batches.
//! - [`objective`]: `L = L_out + L_layer` and which positions count; [`penalty`]: what `W` itself costs.
//! - [`teacher`]: what the frozen model does on each input: the targets, computed once.
//! - [`engines`]: loss and `dL/dW` of a batch.
//! - [`schedule`] and [`adamw`]: the update, in Optax's form and float64.
//! - [`baselines`]: projections that nobody trained, to compare with.
//! - [`answers`]: whether every single answer is right, and by how much.
//! - [`evaluation`]: the exact metrics over the whole input space; [`constant`]: what any answer is worth there.
//! - [`diagnostics`]: what hinders training: gradients term by term, attention, hidden units.
//! - [`trainer`]: the loop, which can be stopped and resumed at any step.
//! - [`checkpoint`]: everything the loop needs to go on, in one file.
//! - [`projection`]: the trained `W` and its file; [`mod@gram`]: its Gram matrix.
//! - [`mod@fold`]: the compressed model as a transformer of width `d`.
//! - [`export`]: that transformer as a model file, in the precision it needs.

#![forbid(unsafe_code)]

pub mod adamw;
pub mod answers;
pub mod baselines;
pub mod checkpoint;
pub mod constant;
pub mod diagnostics;
pub mod engines;
pub mod evaluation;
pub mod export;
pub mod fold;
pub mod gram;
pub mod inputs;
pub mod objective;
pub mod penalty;
pub mod projection;
pub mod schedule;
pub mod teacher;
pub mod trainer;

pub use adamw::AdamW;
pub use engines::Engine;
pub use evaluation::Evaluation;
pub use fold::fold;
pub use gram::gram;
pub use objective::{CategoricalTargets, LayerReduction, Loss, Objective, OutputPositions};
pub use projection::Projection;
pub use schedule::LinearDecay;
pub use teacher::Teacher;
pub use trainer::{StopReason, Trainer};

#[cfg(test)]
#[path = "../../tracr/src/model/test_models.rs"]
mod test_models;
