//! What a piece takes in: its sequences, their targets, and where the output counts.

use crate::engines::fused::common::Common;
use crate::engines::fused::inputs::Inputs;
use crate::engines::fused::passes::pieces::Piece;
use crate::engines::fused::passes::pieces::dense;
use crate::engines::fused::passes::pieces::grouped::{Part, Tables};
use crate::engines::fused::passes::pieces::soft;
use crate::engines::fused::passes::pieces::target_rows::TargetRows;
use crate::engines::fused::plan::{Block, Domain, Expansion, Method, Plan, Work};
use crate::engines::fused::simd::{LANES, Lanes, Precision};
use crate::teacher::OutputLoss;
use tracr::model::codec::class_number;

impl<F: Precision> Piece<F> {
    /// Takes sequences `first..first + count` of the batch.
    pub fn load(&mut self, plan: &Plan, common: &Common<F>, first: usize, count: usize) {
        let filled = count.div_ceil(LANES);
        // Distances of a multiple of 256 bytes meet in few sets of the cache.
        let lanes = filled + usize::from(filled.is_multiple_of(4));
        (self.shape.lanes, self.shape.filled) = (lanes, filled);
        self.part = Part {
            first,
            count,
            lanes,
        };
        let row = self.shape.row();
        for (i, reader) in plan.readers.iter().enumerate() {
            let needed =
                plan.reads_batch(i) && !plan.blocks.get(i).is_some_and(Block::reads_tables);
            let columns = if needed { reader.columns.len() } else { 0 };
            self.z[i].resize(columns * row, Lanes::zero());
        }
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Table {
                continue;
            }
            for buffer in [&mut self.h[i], &mut self.dh[i]] {
                buffer.resize(block.columns.len() * row, Lanes::zero());
            }
            if let Work::Attention { heads, method } = &block.work {
                let values: usize = heads.iter().map(|h| h.value.len()).sum();
                self.o[i].resize(values * row, Lanes::zero());
                let kept = heads.iter().map(|head| match method {
                    Method::Dense => dense::kept(self.shape),
                    Method::Grouped(_) => Tables::<F>::kept(head, self.shape),
                    Method::Factored => 0,
                });
                self.kept[i].resize(kept.sum(), Lanes::zero());
            }
        }
        let targets = plan.batch_columns().count() + 1 + self.soft_classes;
        self.targets.resize(targets * row, Lanes::zero());
        self.load_tokens(plan, &common.inputs);
    }

    fn load_tokens(&mut self, plan: &Plan, inputs: &Inputs<F>) {
        let Part {
            first,
            count,
            lanes,
        } = self.part;
        let t = plan.positions;
        self.weights.clear();
        self.weights.resize(lanes, Lanes::zero());
        for (b, weight) in inputs.weights[first..first + count].iter().enumerate() {
            self.weights[b / LANES].0[b % LANES] = *weight;
        }
        let rows = inputs.row_of[first * t..(first + count) * t].chunks_exact(t);
        match plan.expansion {
            Expansion::Indicators => {
                let indicators = &mut self.tokens.indicators;
                indicators.clear();
                indicators.resize(inputs.rows.len() * lanes, Lanes::zero());
                for (b, rows) in rows.enumerate() {
                    for row in rows {
                        indicators[*row as usize * lanes + b / LANES].0[b % LANES] = F::one();
                    }
                }
            }
            Expansion::Lookup => {
                let row_of = &mut self.tokens.row_of;
                row_of.clear();
                row_of.resize(t * lanes, [0; LANES]);
                for (b, rows) in rows.enumerate() {
                    for (p, row) in rows.iter().enumerate() {
                        row_of[p * lanes + b / LANES][b % LANES] = *row;
                    }
                }
            }
        }
    }

    /// Takes the targets of the piece's sequences from those of all members.
    pub fn load_targets(&mut self, targets: &TargetRows<F>, inputs: &Inputs<F>) {
        let Part { first, count, .. } = self.part;
        let members = &inputs.members[first..first + count];
        targets.load(members, self.shape.lanes, &mut self.targets);
    }

    /// Takes as targets what the compiled model computed for the same sequences.
    pub fn take_targets(&mut self, plan: &Plan, loss: OutputLoss, compiled: &Piece<f64>) {
        let length = self.shape.row();
        let mut to = self.targets.iter_mut();
        let mut take = |from: &[Lanes<f64>]| {
            for (to, from) in to.by_ref().take(from.len()).zip(from) {
                *to = Lanes(from.0.map(F::from_f64));
            }
        };
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Batch {
                take(&compiled.h[i]);
            }
        }
        let scores = &compiled.z[plan.blocks.len()];
        match loss {
            OutputLoss::SquaredError => take(scores),
            OutputLoss::SoftCrossEntropy => {
                let mut shares = scores.clone();
                soft::softmax(&mut shares, length);
                take(&vec![Lanes::zero(); length]); // its classes do not count
                take(&shares);
            }
            OutputLoss::CrossEntropy => {
                let classes = (0..length).map(|at| {
                    let class = |l: usize| {
                        class_number(scores[at..].iter().step_by(length).map(|x| x.0[l]))
                    };
                    Lanes(std::array::from_fn(class))
                });
                take(&classes.collect::<Vec<_>>());
            }
        }
    }

    /// Takes the weights of the output: those of the sequences where `counted` holds for the row of
    /// the table, else 0.
    pub fn weigh(&mut self, common: &Common<F>, counted: &[bool]) {
        let Part {
            first,
            count,
            lanes,
        } = self.part;
        let t = self.shape.positions;
        self.output_weights.clear();
        if counted.iter().all(|counted| *counted) {
            for _ in 0..t {
                self.output_weights.extend_from_slice(&self.weights);
            }
            return;
        }
        self.output_weights.resize(t * lanes, Lanes::zero());
        let rows = &common.inputs.row_of[first * t..(first + count) * t];
        let weights = &common.inputs.weights[first..];
        for (b, (rows, weight)) in rows.chunks_exact(t).zip(weights).enumerate() {
            for (p, row) in rows.iter().enumerate() {
                if counted[*row as usize] {
                    self.output_weights[p * lanes + b / LANES].0[b % LANES] = *weight;
                }
            }
        }
    }
}
