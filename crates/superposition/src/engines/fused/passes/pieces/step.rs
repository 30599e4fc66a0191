//! The engine's step in pieces of the batch, by one thread or several.

use std::sync::Arc;

use ndarray::Array2;

use crate::engines::fused::loss::Terms;
use crate::engines::fused::passes::pieces::compiled::{Compiled, pieces};
use crate::engines::fused::plan::Plan;
use crate::engines::fused::simd::Precision;
use crate::engines::fused::{Fused, Share};
use crate::inputs::sampler::Batch;
use crate::objective::Loss;

impl<F: Precision> Fused<F> {
    /// A step on any batch.
    pub(in crate::engines::fused) fn step_by_pieces(
        &mut self,
        w: &Array2<f64>,
        batch: &Batch,
        gradient: &mut Array2<f64>,
    ) -> Loss {
        self.load(batch);
        self.load_compiled(batch);
        self.folder.fold(Some(w), &mut self.common.folded);
        self.common.prepare(&self.plan);
        let inputs = &self.common.inputs;
        let counted: f64 = self
            .counted
            .iter()
            .zip(&inputs.occurrences)
            .filter(|(counted, _)| **counted)
            .map(|(_, n)| n.widen())
            .sum();
        let (output, layers) = self.scales(counted, inputs.size);
        self.run_shares((output, layers), batch);
        if let Some((first, others)) = self.shares.split_first_mut() {
            for other in others {
                first.gradients.add(&other.gradients);
            }
        }
        self.table_losses(layers);
        let gradients = &mut self.shares[0].gradients;
        self.common.finish(&self.plan, gradients);
        self.folder.unfold(&gradients.folded, gradient);
        self.mean_loss(counted, self.common.inputs.size, w, gradient)
    }

    /// Takes in a batch; one with tokens that the space does not have in these places needs a plan
    /// without a fixed table.
    fn load(&mut self, batch: &Batch) {
        let loaded = self
            .common
            .inputs
            .load(batch, self.teacher.space(), &self.plan);
        if loaded.is_err() {
            let plan = Plan::new(self.teacher.model(), self.teacher.space(), true);
            let teacher = Arc::clone(&self.teacher);
            let wiring = self.folder.wiring().clone();
            let objective = self.objective.clone();
            *self = Self::with_plan(teacher, objective, self.threads, plan, wiring);
            // A plan without a fixed table takes any batch.
            let _ = self
                .common
                .inputs
                .load(batch, self.teacher.space(), &self.plan);
        }
        if self.plan.rows.is_none() {
            self.describe_rows();
        }
    }

    /// Prepares the compiled model for the batch, where its targets are not kept.
    fn load_compiled(&mut self, batch: &Batch) {
        let kept = matches!(batch, Batch::Members(_)) && self.teacher.table().is_some();
        if kept {
            return;
        }
        let space = self.teacher.space();
        self.compiled
            .get_or_insert_with(|| Compiled::new(self.plan.clone(), space))
            .load(batch, self.teacher.model(), space);
    }

    /// Runs every piece of the batch through the model and back; the errors of outputs and blocks are
    /// multiplied by `output` and `layers`.
    fn run_shares(&mut self, (output, layers): (f64, f64), batch: &Batch) {
        let Self {
            plan,
            common,
            shares,
            teacher,
            counted,
            factors,
            threads,
            compiled,
            target_rows,
            ..
        } = self;
        let terms = Terms {
            output_loss: teacher.output_loss(),
            output,
            layers,
            factors,
        };
        let table = match batch {
            Batch::Members(_) => target_rows.as_ref(),
            Batch::Sequences(_) => None,
        };
        let sequences = common.inputs.len();
        let per_share = pieces(sequences, plan.piece).count().div_ceil(shares.len());
        let run = |number: usize, share: &mut Share<F>| {
            share.gradients.clear(common);
            let pieces = pieces(sequences, plan.piece);
            for (first, count) in pieces.skip(number * per_share).take(per_share) {
                let Share {
                    piece,
                    gradients,
                    compiled: compiled_piece,
                } = share;
                piece.load(plan, common, first, count);
                match (table, &*compiled) {
                    (Some(targets), _) => piece.load_targets(targets, &common.inputs),
                    (None, Some(compiled)) => {
                        compiled.run(compiled_piece, first, count);
                        piece.take_targets(plan, terms.output_loss, compiled_piece);
                    }
                    (None, None) => {} // load_compiled prepared it
                }
                piece.weigh(common, counted);
                piece.forward(plan, common);
                piece.backward(plan, common, terms, gradients);
            }
        };
        let threads = (*threads).clamp(1, shares.len());
        if threads == 1 {
            for (number, share) in shares.iter_mut().enumerate() {
                run(number, share);
            }
            return;
        }
        let per_thread = shares.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let mut chunks = shares.chunks_mut(per_thread).enumerate();
            let work = |(i, mine): (usize, &mut [Share<F>])| {
                for (j, share) in mine.iter_mut().enumerate() {
                    run(i * per_thread + j, share);
                }
            };
            let own = chunks.next();
            for chunk in chunks {
                scope.spawn(move || work(chunk));
            }
            own.into_iter().for_each(work);
        });
    }
}
