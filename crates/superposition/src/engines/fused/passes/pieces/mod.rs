//! One piece of a batch, small enough for the cache, through the model and back.
//!
//! ```text
//! forward, block by block               backward, from the last block to the first
//! z_i = table_i + Σ_{j<i} h̃_j·P_j       dh̃_i += 2·weight·(h̃_i − h_i), then through the block:
//! h̃_i = block_i(z_i)                    dz_i, dh̃_j += dz_i·P_jᵀ, dP_j += h̃_jᵀ·dz_i, dtable_i
//! ```

pub mod compiled;
pub mod dense;
pub mod factored;
pub mod grouped;
mod load;
pub mod reader;
pub mod recomputed;
mod soft;
mod step;
pub mod target_rows;

use crate::engines::fused::common::{Common, Gradients};
use crate::engines::fused::loss::{self, Terms};
use crate::engines::fused::mlp;
use crate::engines::fused::passes::pieces::factored::ForwardValues;
use crate::engines::fused::passes::pieces::grouped::{Part, Tables};
use crate::engines::fused::passes::pieces::reader::{Reading, Shape, Tokens};
use crate::engines::fused::passes::pieces::recomputed::Recomputed;
use crate::engines::fused::plan::{Domain, Method, Plan, Work};
use crate::engines::fused::simd::{Lanes, Precision};
use crate::objective::Loss;
use crate::teacher::OutputLoss;

/// Buffers for one piece.
#[derive(Debug)]
pub struct Piece<F> {
    shape: Shape,
    part: Part,
    tokens: Tokens<F>,
    /// How often each sequence occurs, 0 for padding: `[lanes]`.
    weights: Vec<Lanes<F>>,
    /// The same at counted positions, 0 elsewhere: `[T, lanes]`.
    output_weights: Vec<Lanes<F>>,
    /// `[features, T, lanes]`: `h` of each batch block, the output's number or class, and the shares of so
    /// many classes where targets are soft.
    targets: Vec<Lanes<F>>,
    soft_classes: usize,
    /// `z` of each reader, `h̃` and `dh̃` of each block.
    z: Vec<Vec<Lanes<F>>>,
    h: Vec<Vec<Lanes<F>>>,
    dh: Vec<Vec<Lanes<F>>>,
    /// What attentions keep: outputs of the heads, and their weights or sums.
    o: Vec<Vec<Lanes<F>>>,
    kept: Vec<Vec<Lanes<F>>>,
    again: Vec<Recomputed<F>>,
    factored: Vec<ForwardValues<F>>,
    d_o: Vec<Lanes<F>>,
    dz: Vec<Lanes<F>>,
    scratch: Vec<Lanes<F>>,
}

impl<F: Precision> Piece<F> {
    /// Empty buffers; with soft targets of this many classes.
    pub fn new(plan: &Plan, soft_classes: usize) -> Self {
        let blocks = plan.blocks.len();
        let heads = plan
            .table_attention()
            .map_or(0, |(_, heads, _)| heads.len());
        let none = |n: usize| vec![Vec::new(); n];
        Self {
            shape: Shape {
                positions: plan.positions,
                lanes: 0,
                filled: 0,
            },
            part: Part {
                first: 0,
                count: 0,
                lanes: 0,
            },
            tokens: Tokens {
                indicators: Vec::new(),
                rows_at: plan.rows_at(),
                row_of: Vec::new(),
            },
            weights: Vec::new(),
            output_weights: Vec::new(),
            targets: Vec::new(),
            soft_classes,
            z: none(plan.readers.len()),
            h: none(blocks),
            dh: none(blocks),
            o: none(blocks),
            kept: none(blocks),
            again: vec![Recomputed::none(); heads],
            factored: vec![ForwardValues::none(); heads],
            d_o: Vec::new(),
            dz: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Computes `h̃` of every batch block and the output.
    pub fn forward(&mut self, plan: &Plan, common: &Common<F>) {
        let sequences = self.part.sequences(&common.inputs);
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Table {
                continue;
            }
            let (done, rest) = self.h.split_at_mut(i);
            let h = &mut rest[0];
            let z = &mut self.z[i];
            let output = &common.outputs[i];
            if !block.reads_tables() {
                reading(plan, common, i, self.shape, &self.tokens).forward(done, z);
            }
            let (heads, method) = match &block.work {
                Work::Mlp { .. } => {
                    mlp::forward(output, self.shape, z, h);
                    continue;
                }
                Work::Attention { heads, method } => (heads, method),
            };
            let (mut o, mut kept) = (&mut self.o[i][..], &mut self.kept[i][..]);
            let mut values = 0;
            for (number, head) in heads.iter().enumerate() {
                let own_o;
                (own_o, o) = o.split_at_mut(head.value.len() * self.shape.row());
                let own_kept;
                match method {
                    Method::Dense => {
                        (own_kept, kept) = kept.split_at_mut(dense::kept(self.shape));
                        dense::forward(head, self.shape, plan.causal, z, own_kept, own_o);
                    }
                    Method::Grouped(_) => {
                        (own_kept, kept) = kept.split_at_mut(Tables::<F>::kept(head, self.shape));
                        common.tables[number].forward(
                            head,
                            &common.inputs,
                            self.part,
                            &common.table.z[i],
                            (own_kept, own_o),
                            &mut self.again[number],
                        );
                    }
                    Method::Factored => self.factored[number].forward(
                        plan,
                        (&common.inputs.rows, &common.table),
                        (i, head, &common.cores[number]),
                        values,
                        sequences,
                        own_o,
                    ),
                }
                values += head.value.len();
            }
            output.forward(self.shape, &self.o[i], h);
        }
        let last = plan.blocks.len();
        reading(plan, common, last, self.shape, &self.tokens).forward(&self.h, &mut self.z[last]);
    }

    /// Adds the loss and the gradients of what [`Piece::forward`] computed. The output's scores are
    /// replaced by their gradients.
    pub fn backward(
        &mut self,
        plan: &Plan,
        common: &Common<F>,
        terms: Terms<'_>,
        gradients: &mut Gradients<F>,
    ) {
        let sequences = self.part.sequences(&common.inputs);
        self.losses(plan, terms, &mut gradients.loss);
        let last = plan.blocks.len();
        reading(plan, common, last, self.shape, &self.tokens).backward(
            &self.z[last],
            &self.h,
            &mut self.dh,
            &mut gradients.folded.readers[last],
            &mut gradients.table.z[last],
        );
        for (i, block) in plan.blocks.iter().enumerate().rev() {
            if block.domain == Domain::Table {
                continue;
            }
            let (before, rest) = self.dh.split_at_mut(i);
            let (dh, z) = (&rest[0], &self.z[i]);
            let output = &common.outputs[i];
            self.dz.resize(z.len(), Lanes::zero());
            let (heads, method) = match &block.work {
                Work::Mlp { .. } => {
                    mlp::backward(output, self.shape, z, dh, &mut self.dz);
                    (&[][..], &Method::Dense)
                }
                Work::Attention { heads, method } => {
                    self.d_o.resize(self.o[i].len(), Lanes::zero());
                    output.backward(self.shape, dh, &mut self.d_o);
                    (&heads[..], method)
                }
            };
            let (mut o, mut kept) = (&self.o[i][..], &self.kept[i][..]);
            let mut d_o = &mut self.d_o[..];
            let mut values = 0;
            for (number, head) in heads.iter().enumerate() {
                let (own_o, own_kept, own_d_o);
                (own_o, o) = o.split_at(head.value.len() * self.shape.row());
                (own_d_o, d_o) = d_o.split_at_mut(own_o.len());
                match method {
                    Method::Dense => {
                        (own_kept, kept) = kept.split_at(dense::kept(self.shape));
                        dense::backward(
                            head,
                            self.shape,
                            plan.causal,
                            z,
                            own_kept,
                            (own_o, own_d_o),
                            (&mut self.scratch, &mut self.dz),
                        );
                    }
                    Method::Grouped(_) => {
                        (own_kept, kept) = kept.split_at(Tables::<F>::kept(head, self.shape));
                        common.tables[number].backward(
                            head,
                            &common.inputs,
                            self.part,
                            &common.table.z[i],
                            (own_kept, own_o),
                            (&mut self.scratch, own_d_o),
                            &self.again[number],
                            &mut gradients.collected[number],
                        );
                    }
                    Method::Factored => self.factored[number].backward(
                        plan,
                        common.table.stride,
                        (i, head, &common.cores[number]),
                        values,
                        sequences,
                        (own_o, own_d_o),
                        (&mut gradients.cores[number], &mut gradients.table),
                    ),
                }
                values += head.value.len();
            }
            if !block.reads_tables() {
                reading(plan, common, i, self.shape, &self.tokens).backward(
                    &self.dz,
                    &self.h,
                    before,
                    &mut gradients.folded.readers[i],
                    &mut gradients.table.z[i],
                );
            }
        }
    }

    /// The objective's parts, and where they begin to flow back: `dh̃` and the output's `dz`.
    fn losses(&mut self, plan: &Plan, terms: Terms<'_>, sums: &mut Loss) {
        let mut targets = &self.targets[..];
        for (i, (block, own)) in plan.blocks.iter().zip(terms.factors).enumerate() {
            if block.domain == Domain::Batch {
                let factor = F::from_f64(terms.layers * own);
                let target;
                (target, targets) = targets.split_at(self.h[i].len());
                let sum =
                    loss::squared_error(&self.h[i], target, &self.weights, factor, &mut self.dh[i]);
                sums.layers += own * sum.widen();
            }
        }
        let factor = F::from_f64(terms.output);
        let scores = &mut self.z[plan.blocks.len()];
        let (target, shares) = targets.split_at(self.shape.row());
        let weights = &self.output_weights;
        let sum = match terms.output_loss {
            OutputLoss::CrossEntropy => loss::cross_entropy(scores, target, weights, factor),
            OutputLoss::SoftCrossEntropy => soft::cross_entropy(scores, shares, weights, factor),
            OutputLoss::SquaredError => {
                self.dz.resize(scores.len(), Lanes::zero());
                let sum = loss::squared_error(scores, target, weights, factor, &mut self.dz);
                scores.copy_from_slice(&self.dz);
                sum
            }
        };
        sums.output += sum.widen();
    }
}

fn reading<'a, F>(
    plan: &'a Plan,
    common: &'a Common<F>,
    reader: usize,
    shape: Shape,
    tokens: &'a Tokens<F>,
) -> Reading<'a, F> {
    Reading {
        plan,
        reader,
        p: &common.folded.readers[reader],
        table: &common.table.z[reader],
        stride: common.table.stride,
        shape,
        tokens,
    }
}
