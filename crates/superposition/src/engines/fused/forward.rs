//! The forward pass alone: the compiled model's outputs as targets, the compressed model's figures.

use ndarray::Array2;

use super::common::Common;
use super::fold::Folder;
use super::inputs::Inputs;
use super::lanes::{LANES, Precision};
use super::piece::Piece;
use super::plan::{Domain, Plan};
use crate::inputs::InputSpace;
use crate::inputs::sampler::Batch;
use tracr::model::{Frozen, Wiring};

/// A model that is run forward only, compressed by a `W` or not at all.
#[derive(Debug)]
pub struct Forward<F> {
    plan: Plan,
    common: Common<F>,
    folder: Folder,
    /// Whether the tables are those of the model at hand.
    prepared: bool,
}

impl<F: Precision> Forward<F> {
    /// The compiled model itself, until [`Forward::compress`].
    pub fn new(model: &Frozen<f64>, space: &InputSpace) -> Self {
        Self::with_plan(Plan::new(model, space, false), space)
    }

    /// The same with a plan at hand.
    pub fn with_plan(plan: Plan, space: &InputSpace) -> Self {
        let mut common = Common::new(&plan, Inputs::new(&plan, space));
        let mut folder = Folder::new(&plan, Wiring::default());
        folder.fold(None, &mut common.folded);
        Self {
            plan,
            common,
            folder,
            prepared: false,
        }
    }

    /// The same for stacks of several `W`, from the next [`Forward::compress`] on.
    pub fn with_wiring(mut self, wiring: Wiring) -> Self {
        self.folder = Folder::new(&self.plan, wiring);
        self
    }

    /// How these are wired.
    pub fn wiring(&self) -> &Wiring {
        self.folder.wiring()
    }

    /// From now on the model compressed by `w`, `[d, D]` or a stack of several.
    pub fn compress(&mut self, w: &Array2<f64>) {
        self.folder.fold(Some(w), &mut self.common.folded);
        self.prepared = false;
    }

    /// Takes in a batch. A token in a place that the space does not have changes the plan.
    pub fn load(&mut self, batch: &Batch, model: &Frozen<f64>, space: &InputSpace) {
        if self.common.inputs.load(batch, space, &self.plan).is_err() {
            let plan = Plan::new(model, space, true);
            let wiring = self.folder.wiring().clone();
            let new = Self::with_plan(plan, space).with_wiring(wiring);
            let folded = std::mem::replace(self, new).common.folded;
            self.common.folded = folded;
            // A plan without a fixed table takes any batch.
            let _ = self.common.inputs.load(batch, space, &self.plan);
        }
        if !self.prepared || self.plan.rows.is_none() {
            self.common.prepare(&self.plan);
            self.prepared = true;
        }
    }

    /// What the blocks write, in their live columns, and the scores of every input of a batch whose
    /// inputs are distinct: `[B·T, columns]` for each of the `2L` blocks, `[B·T, O]`.
    pub fn outputs(
        &mut self,
        batch: &Batch,
        model: &Frozen<f64>,
        space: &InputSpace,
        piece: &mut Piece<F>,
    ) -> (Vec<Array2<f64>>, Array2<f64>) {
        self.load(batch, model, space);
        let positions = self.plan.positions;
        let rows = self.len() * positions;
        let mut blocks: Vec<Array2<f64>> = (0..self.plan.total_blocks)
            .map(|index| {
                let live = self.plan.blocks.iter().find(|b| b.index == index);
                Array2::zeros((rows, live.map_or(0, |b| b.columns.len())))
            })
            .collect();
        let mut scores = Array2::zeros((rows, model.unembed.ncols()));
        for (first, count) in self.pieces() {
            self.run(piece, first, count);
            for b in 0..count {
                for p in 0..positions {
                    let row = (first + b) * positions + p;
                    for (i, block) in self.plan.blocks.iter().enumerate() {
                        let from = self.common.inputs.row_of[row] as usize;
                        for (a, h) in blocks[block.index].row_mut(row).iter_mut().enumerate() {
                            *h = match block.domain {
                                Domain::Batch => piece.block_output(i, a, b, p),
                                Domain::Table => self.common.table.output(i, a, from),
                            }
                            .widen();
                        }
                    }
                    for (o, score) in scores.row_mut(row).iter_mut().enumerate() {
                        *score = piece.score(o, b, p).widen();
                    }
                }
            }
        }
        (blocks, scores)
    }

    /// What is computed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The batch with its tables.
    pub fn common(&self) -> &Common<F> {
        &self.common
    }

    /// The number of distinct inputs of the batch.
    pub fn len(&self) -> usize {
        self.common.inputs.len()
    }

    /// Whether there is no input.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs sequences `first..first + count` of the batch, in `piece`.
    pub fn run(&self, piece: &mut Piece<F>, first: usize, count: usize) {
        piece.load(&self.plan, &self.common, first, count);
        piece.forward(&self.plan, &self.common);
    }

    /// Pieces of the batch: (first sequence, count), a multiple of the lanes but for the last.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, usize)> {
        pieces(self.len(), self.plan.piece)
    }
}

/// Cuts `sequences` into pieces of about equal size, at most `largest` each.
pub fn pieces(sequences: usize, largest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = sequences.div_ceil(largest).max(1);
    let size = sequences.div_ceil(count).next_multiple_of(LANES);
    (0..count)
        .map(move |i| (i * size, size.min(sequences.saturating_sub(i * size))))
        .filter(|(_, count)| *count > 0)
}
