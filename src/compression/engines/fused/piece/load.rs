//! What a piece takes in: its sequences, their targets, and where the output counts.

use super::super::common::Common;
use super::super::dense;
use super::super::grouped::{Part, Tables};
use super::super::inputs::Inputs;
use super::super::lanes::{LANES, Lanes, Precision};
use super::super::plan::{Block, Domain, Expansion, Method, Plan, Work};
use super::super::soft;
use super::Piece;
use crate::compression::teacher::{OutputLoss, Targets};
use crate::model::codec::first_largest;

impl<F: Precision> Piece<F> {
    /// Takes sequences `first..first + count` of the batch.
    pub fn load(&mut self, plan: &Plan, common: &Common<F>, first: usize, count: usize) {
        let lanes = count.div_ceil(LANES);
        // Distances of a multiple of 256 bytes meet in few sets of the cache.
        let lanes = lanes + usize::from(lanes.is_multiple_of(4));
        self.shape.lanes = lanes;
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

    /// Takes the targets of the piece's sequences: sequence `b` of the batch has rows
    /// `row(b)..row(b) + T`.
    pub fn load_targets(&mut self, plan: &Plan, targets: &Targets, row: impl Fn(usize) -> usize) {
        let Part {
            first,
            count,
            lanes,
        } = self.part;
        let t = plan.positions;
        let length = self.shape.row();
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Table {
                continue;
            }
            let columns = block.columns.len();
            let own = &mut self.targets[i];
            own.resize(columns * length, Lanes::zero());
            let all = targets.of_block(block.index);
            for lane in 0..lanes {
                let held = count.saturating_sub(lane * LANES).min(LANES);
                let rows: [&[f64]; LANES] = std::array::from_fn(|l| {
                    let b = first + lane * LANES + l.min(held.saturating_sub(1));
                    let from = if held == 0 { 0 } else { row(b) * columns };
                    &all[from..][..t * columns]
                });
                for p in 0..t {
                    for a in 0..columns {
                        let numbers = rows.map(|row| F::from_f64(row[p * columns + a]));
                        own[a * length + p * lanes + lane] = Lanes(numbers);
                    }
                }
            }
        }
        self.output_target.resize(length, Lanes::zero());
        for b in 0..count {
            let own = &targets.output[row(first + b)..][..t];
            for (p, x) in own.iter().enumerate() {
                self.output_target[p * lanes + b / LANES].0[b % LANES] = F::from_f64(*x);
            }
        }
        if let Some(shares) = &targets.distribution {
            self.soft_target
                .resize(shares.ncols() * length, Lanes::zero());
            for b in 0..count {
                for p in 0..t {
                    let at = p * lanes + b / LANES;
                    for (c, share) in shares.row(row(first + b) + p).iter().enumerate() {
                        self.soft_target[c * length + at].0[b % LANES] = F::from_f64(*share);
                    }
                }
            }
        }
    }

    /// Takes as targets what the compiled model computed for the same sequences.
    pub fn take_targets(&mut self, plan: &Plan, loss: OutputLoss, compiled: &Piece<f64>) {
        let convert = |from: &[Lanes<f64>], to: &mut Vec<Lanes<F>>| {
            to.clear();
            to.extend(from.iter().map(|x| Lanes(x.0.map(F::from_f64))));
        };
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Batch {
                convert(&compiled.h[i], &mut self.targets[i]);
            }
        }
        let scores = &compiled.z[plan.blocks.len()];
        match loss {
            OutputLoss::SquaredError => convert(scores, &mut self.output_target),
            OutputLoss::SoftCrossEntropy => {
                let mut shares = scores.clone();
                soft::softmax(&mut shares, self.shape.row());
                convert(&shares, &mut self.soft_target);
            }
            OutputLoss::CrossEntropy => {
                let length = self.shape.row();
                self.output_target.clear();
                self.output_target.extend((0..length).map(|at| {
                    let class = |l: usize| {
                        first_largest(scores[at..].iter().step_by(length).map(|x| x.0[l]))
                    };
                    Lanes(std::array::from_fn(|l| F::from_f64(class(l) as f64)))
                }));
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
