//! The default engine: loss and `dL/dW` in one hand-derived pass, in feature space.
//!
//! # Derivation
//!
//! Writing to the compressed stream and reading from it is a multiplication by `G = WᵀW`. With `x`
//! the embedding and `h̃_j` what block `j` writes, block `i` reads `(x + Σ_{j<i} h̃_j)·G`, and its
//! frozen matrix `M_i` (all query, key and value columns, or the hidden units) makes of it
//!
//! ```text
//! z_i = (x + Σ_{j<i} h̃_j)·G·M_i + b_i
//! ```
//!
//! `x` is a sum of a token's and a position's embedding, and `h̃_j` has a few live columns. Stack
//! everything that is ever written as the rows of a frozen matrix `S`; then all that a step needs of
//! `W` are the small matrices `P_i = S·G·M_i` (`fold`), and the model is a network on them:
//!
//! ```text
//! z_i = P_token + P_position + Σ_{j<i} h̃_j·P_j + b_i,     h̃_i = block_i(z_i)
//! ```
//!
//! Its backward pass gives `dL/dP_i`, and the chain ends with
//!
//! ```text
//! dL/dG = Σ_i Sᵀ·(dL/dP_i)·M_iᵀ,      dL/dW = W·(dL/dG + dL/dGᵀ)
//! ```
//!
//! so that `d` occurs in two small products and nowhere else. With several `W` ([`tracr::model::wiring`])
//! `G` is another one for each pair of a writer and a reader, and all else stays the same.
//!
//! # The house
//!
//! - `simd`: sixteen numbers at a time, with the same bits on every instruction set.
//! - [`plan`]: what there is to compute, found once from the weights and the input space; which pass does it.
//! - `fold`: from `W` to `P`, and from `dL/dP` to `dL/dW`.
//! - `inputs`, `table`: a batch with each input once; what depends on (position, token) alone, once a pair.
//! - `passes`: from `P` to the losses and `dL/dP`, each in a folder of its own.
//!
//! Sums over sequences are formed in a fixed order: pieces belong to shares, shares are added in
//! their order, and threads only decide who computes a share.
//!
//! Tested in `tests/engines/fused` (every pass beside the autodiff engine, and the same bits with every instruction set), in
//! `tests/engines/parity.rs` (trajectories of JAX and Optax) and beside each kernel; timed in `benches/engines`. docs/engine.md
//! is the derivation.

// Kernels are loops over counts that are known when they are compiled: written plainly, they become
// straight vector code. And a non-finite sum must fail `>=`, which `<` would not say.
#![allow(
    clippy::manual_memcpy,
    clippy::needless_range_loop,
    clippy::neg_cmp_op_on_partial_ord,
    clippy::too_many_arguments
)]

mod common;
mod fold;
mod inputs;
mod loss;
mod memory;
mod mlp;
mod passes;
pub mod plan;
mod simd;
mod sparse_rows;
mod table;
mod table_terms;

use std::sync::Arc;

use ndarray::Array2;

use crate::engines::engine::Engine;
use crate::inputs::InputSpace;
use crate::inputs::sampler::Batch;
use crate::objective::{Loss, Objective, OutputPositions};
use crate::penalty;
use crate::teacher::{OutputLoss, Teacher};
use common::{Common, Gradients};
use fold::Folder;
use inputs::Inputs;
pub use memory::Memory;
use passes::pieces::Piece;
use passes::pieces::compiled::Compiled;
use passes::pieces::target_rows::TargetRows;
use passes::row_wise::RowWise;
use passes::sequence_wise::SequenceWise;
pub use plan::Pass;
use plan::Plan;
use simd::Precision;
pub use simd::instructions::{InstructionSet, UnknownInstructions};
use tracr::model::Wiring;

/// The engine in precision `F`.
#[derive(Debug)]
pub struct Fused<F> {
    teacher: Arc<Teacher>,
    objective: Objective,
    threads: usize,
    plan: Plan,
    folder: Folder,
    common: Common<F>,
    shares: Vec<Share<F>>,
    /// What the table's blocks write in the compiled model: `[rows, columns]` each.
    table_targets: Vec<Array2<f64>>,
    /// Whether the output counts at each row of the table.
    counted: Vec<bool>,
    /// The factor of each of the plan's blocks in `L_layer`.
    factors: Vec<f64>,
    /// The compiled model, where the teacher does not keep the targets of the whole space.
    compiled: Option<Compiled>,
    /// Where the plan says so and the targets are kept.
    row_wise: Option<RowWise<F>>,
    /// Likewise.
    sequence_wise: Option<SequenceWise<F>>,
    /// Else, where they are kept.
    target_rows: Option<TargetRows<F>>,
}

/// Whether the output counts at a token.
fn counts(objective: &Objective, space: &InputSpace, token: usize) -> bool {
    match objective.output_positions {
        OutputPositions::All => true,
        OutputPositions::Tokens => space.is_word(token),
    }
}

/// Buffers and sums of one part of the batch.
#[derive(Debug)]
struct Share<F> {
    piece: Piece<F>,
    compiled: Piece<f64>,
    gradients: Gradients<F>,
}

impl<F: Precision> Fused<F> {
    /// An engine for the teacher's model, using up to `threads` threads where a step is long enough.
    pub fn new(teacher: Arc<Teacher>, objective: Objective, threads: usize) -> Self {
        let plan = Plan::new(teacher.model(), teacher.space(), false);
        Self::with_plan(teacher, objective, threads, plan, Wiring::default())
    }

    /// The same by a certain pass, where it can compute the teacher's model and space.
    pub fn by(pass: Pass, teacher: Arc<Teacher>, objective: Objective, threads: usize) -> Self {
        let plan = Plan::with_pass(teacher.model(), teacher.space(), false, Some(pass));
        Self::with_plan(teacher, objective, threads, plan, Wiring::default())
    }

    /// The same for a stack of several `W`.
    pub fn with_wiring(mut self, wiring: Wiring) -> Self {
        self.folder = Folder::new(&self.plan, wiring);
        self
    }

    fn with_plan(
        teacher: Arc<Teacher>,
        objective: Objective,
        threads: usize,
        plan: Plan,
        wiring: Wiring,
    ) -> Self {
        let common = Common::new(&plan, Inputs::new(&plan, teacher.space()));
        let soft = teacher.output_loss() == OutputLoss::SoftCrossEntropy;
        let soft_classes = if soft {
            teacher.model().unembed.ncols()
        } else {
            0
        };
        let row_wise = plan.row_wise.as_ref().and_then(|halves| {
            let targets = teacher.table()?;
            let is_number = teacher.output_loss() == OutputLoss::SquaredError;
            RowWise::new(&plan, halves, teacher.space(), targets).filter(|_| is_number)
        });
        let kept = teacher.table().filter(|_| plan.sequence_wise && !soft);
        let sequence_wise = kept.map(|targets| {
            let space = teacher.space();
            let counts = |token| counts(&objective, space, token);
            SequenceWise::new(&plan, space, targets, counts)
        });
        let shares = (0..plan.shares)
            .map(|_| Share {
                piece: Piece::new(&plan, soft_classes),
                compiled: Piece::new(&plan, 0),
                gradients: Gradients::zero(&plan, &common),
            })
            .collect();
        let mut engine = Self {
            folder: Folder::new(&plan, wiring),
            compiled: teacher
                .table()
                .is_none()
                .then(|| Compiled::new(plan.clone(), teacher.space())),
            target_rows: match (&row_wise, &sequence_wise) {
                (None, None) => teacher
                    .table()
                    .map(|targets| TargetRows::new(&plan, targets)),
                _ => None,
            },
            row_wise,
            sequence_wise,
            shares,
            table_targets: Vec::new(),
            counted: Vec::new(),
            factors: plan
                .blocks
                .iter()
                .map(|block| objective.block_factor(block.index, plan.width))
                .collect(),
            teacher,
            objective,
            threads,
            common,
            plan,
        };
        engine.describe_rows();
        if let Some(row_wise) = &mut engine.row_wise {
            row_wise.count(&engine.common.inputs, &engine.counted);
        }
        engine
    }

    /// What the engine computes in a step.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the errors of outputs and of blocks are multiplied by in a batch of `inputs`, the output
    /// counting at `counted` positions.
    fn scales(&self, counted: f64, inputs: usize) -> (f64, f64) {
        let everywhere = (inputs * self.plan.positions) as f64;
        let Objective {
            output_weight,
            layer_weight,
            ..
        } = self.objective;
        (output_weight / counted, layer_weight / everywhere)
    }

    /// The loss parts from what the first share has summed; adds the penalties on `w` to `gradient`.
    fn mean_loss(
        &self,
        counted: f64,
        inputs: usize,
        w: &Array2<f64>,
        gradient: &mut Array2<f64>,
    ) -> Loss {
        let sums = &self.shares[0].gradients.loss;
        Loss {
            output: sums.output / counted,
            layers: sums.layers / (inputs * self.plan.positions) as f64,
            penalty: penalty::add(&self.objective, w, self.folder.wiring(), gradient),
        }
    }
}

/// A precision with its step of the engine: all kernels and what calls them are compiled once, in this crate, and not
/// again in every test and program that uses the engine.
pub trait Computes: Precision {
    /// See [`Engine::loss_and_gradient`].
    fn step(
        engine: &mut Fused<Self>,
        w: &Array2<f64>,
        batch: &Batch,
        gradient: &mut Array2<f64>,
    ) -> Loss;
}

macro_rules! computes {
    ($($float:ty),*) => {$(
        impl Computes for $float {
            fn step(
                engine: &mut Fused<Self>,
                w: &Array2<f64>,
                batch: &Batch,
                gradient: &mut Array2<f64>,
            ) -> Loss {
                engine.step(w, batch, gradient)
            }
        }
    )*};
}

computes!(f32, f64);

impl<F: Computes> Engine for Fused<F> {
    fn loss_and_gradient(
        &mut self,
        w: &Array2<f64>,
        batch: &Batch,
        gradient: &mut Array2<f64>,
    ) -> Loss {
        F::step(self, w, batch, gradient)
    }
}

impl<F: Precision> Fused<F> {
    /// What [`Computes::step`] does.
    fn step(&mut self, w: &Array2<f64>, batch: &Batch, gradient: &mut Array2<f64>) -> Loss {
        if let (Some(_), Batch::Members(members)) = (&self.row_wise, batch) {
            return self.step_row_wise(w, members, gradient);
        }
        if let (Some(_), Batch::Members(members)) = (&self.sequence_wise, batch) {
            return self.step_sequence_wise(w, members, gradient);
        }
        self.step_by_pieces(w, batch, gradient)
    }
}
