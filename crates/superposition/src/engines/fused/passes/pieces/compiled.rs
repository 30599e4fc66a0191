//! The compiled model's forward pass on batches whose targets are not kept.

use crate::engines::fused::common::Common;
use crate::engines::fused::fold::Folder;
use crate::engines::fused::inputs::Inputs;
use crate::engines::fused::passes::pieces::Piece;
use crate::engines::fused::plan::Plan;
use crate::engines::fused::simd::LANES;
use crate::inputs::InputSpace;
use crate::inputs::sampler::Batch;
use tracr::model::{Frozen, Wiring};

/// The compiled model, in float64.
#[derive(Debug)]
pub struct Compiled {
    plan: Plan,
    common: Common<f64>,
    /// Whether the tables are there.
    prepared: bool,
}

impl Compiled {
    /// By a plan for it.
    pub fn new(plan: Plan, space: &InputSpace) -> Self {
        let mut common = Common::new(&plan, Inputs::new(&plan, space));
        Folder::new(&plan, Wiring::default()).fold(None, &mut common.folded);
        Self {
            plan,
            common,
            prepared: false,
        }
    }

    /// Takes in a batch. A token in a position that the space does not have changes the plan.
    pub fn load(&mut self, batch: &Batch, model: &Frozen<f64>, space: &InputSpace) {
        if self.common.inputs.load(batch, space, &self.plan).is_err() {
            *self = Self::new(Plan::new(model, space, true), space);
            // A plan without a fixed table takes any batch.
            let _ = self.common.inputs.load(batch, space, &self.plan);
        }
        if !self.prepared || self.plan.rows.is_none() {
            self.common.prepare(&self.plan);
            self.prepared = true;
        }
    }

    /// Runs sequences `first..first + count` of the batch, in `piece`.
    pub fn run(&self, piece: &mut Piece<f64>, first: usize, count: usize) {
        piece.load(&self.plan, &self.common, first, count);
        piece.forward(&self.plan, &self.common);
    }
}

/// Cuts `sequences` into pieces of about equal size, at most `largest` each: (first sequence, count), a multiple of
/// the lanes but for the last.
pub fn pieces(sequences: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = sequences.div_ceil(largest).max(1);
    let size = sequences.div_ceil(count).next_multiple_of(LANES);
    (0..count)
        .map(move |i| (i * size, size.min(sequences.saturating_sub(i * size))))
        .filter(|(_, count)| *count > 0)
}
