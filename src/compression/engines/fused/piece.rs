//! One piece of a batch, small enough for the cache, through the model and back.
//!
//! ```text
//! forward, block by block               backward, from the last block to the first
//! z_i = table_i + Σ_{j<i} h̃_j·P_j       dh̃_i += 2·weight·(h̃_i − h_i), then through the block:
//! h̃_i = block_i(z_i)                    dz_i, dh̃_j += dz_i·P_jᵀ, dP_j += h̃_jᵀ·dz_i, dtable_i
//! ```

use super::again::Again;
use super::dense;
use super::fold::Folded;
use super::grouped::{Collected, Part, Tables};
use super::inputs::Inputs;
use super::lanes::{LANES, Lanes, Precision};
use super::loss;
use super::mlp::{self, OutputMap};
use super::plan::{Block, Domain, Expansion, Head, Method, Plan, Work};
use super::reader::{Reading, Shape, Tokens};
use super::table::{Table, TableGradient};
use crate::compression::engines::Loss;
use crate::compression::teacher::Targets;
use crate::model::OutputKind;

/// All that the pieces of a batch have in common.
#[derive(Debug)]
pub struct Common<F> {
    /// The batch.
    pub inputs: Inputs<F>,
    /// `P`.
    pub folded: Folded<F>,
    /// What depends on (position, token) alone.
    pub table: Table<F>,
    /// The heads of the attention that is taken from tables, if there is one.
    pub tables: Vec<Tables<F>>,
    /// The output maps of the blocks.
    outputs: Vec<OutputMap<F>>,
}

/// Where a piece adds its gradients.
#[derive(Clone, Debug)]
pub struct Gradients<F> {
    /// `dL/dP` of what is computed for each sequence.
    pub folded: Folded<F>,
    /// `dL/dz` of the table.
    pub table: TableGradient<F>,
    /// Of the attention that is taken from tables.
    pub collected: Vec<Collected<F>>,
    /// Sums of the loss parts, not yet divided.
    pub loss: Loss,
}

/// The objective as a piece needs it.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether the output is a number or a class.
    pub kind: OutputKind,
    /// What an output's error is multiplied by in the gradient: its weight over the positions
    /// counted.
    pub output: f64,
    /// What a block's squared error is multiplied by: its weight over all positions.
    pub layers: f64,
}

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
    /// `h` of each batch block, and the output's number or class.
    targets: Vec<Vec<Lanes<F>>>,
    output_target: Vec<Lanes<F>>,
    /// `z` of each reader, `h̃` and `dh̃` of each block.
    z: Vec<Vec<Lanes<F>>>,
    h: Vec<Vec<Lanes<F>>>,
    dh: Vec<Vec<Lanes<F>>>,
    /// What attentions keep: outputs of the heads, and their weights or sums.
    o: Vec<Vec<Lanes<F>>>,
    kept: Vec<Vec<Lanes<F>>>,
    again: Vec<Again<F>>,
    d_o: Vec<Lanes<F>>,
    dz: Vec<Lanes<F>>,
    scratch: Vec<Lanes<F>>,
}

impl<F: Precision> Common<F> {
    /// Buffers for a plan.
    pub fn new(plan: &Plan, inputs: Inputs<F>) -> Self {
        let outputs = plan.blocks.iter().map(|block| match &block.work {
            Work::Mlp { weights } => OutputMap::new(weights.iter().copied(), &block.bias),
            Work::Attention { heads, .. } => {
                let weights = heads.iter().flat_map(|h| h.output.iter().copied());
                OutputMap::new(weights, &block.bias)
            }
        });
        let tables = plan
            .blocks
            .iter()
            .filter_map(|block| match &block.work {
                Work::Attention {
                    heads,
                    method: Method::Grouped(grouping),
                } => Some(heads.iter().map(move |h| Tables::new(plan, h, grouping))),
                _ => None,
            })
            .flatten()
            .collect();
        Self {
            inputs,
            folded: Folded::zero(plan),
            table: Table::new(plan),
            tables,
            outputs: outputs.collect(),
        }
    }

    /// Everything before the first piece: the table, and the tables of the first attention.
    pub fn prepare(&mut self, plan: &Plan) {
        self.table.forward(plan, &self.inputs.rows, &self.folded);
        if let Some((i, heads)) = grouped_heads(plan) {
            for (head, tables) in heads.iter().zip(&mut self.tables) {
                tables.tabulate(head, &self.table.z[i]);
            }
        }
    }

    /// Everything after the last piece: from the tables' gradients to `dL/dP`.
    pub fn finish(&mut self, plan: &Plan, gradients: &mut Gradients<F>) {
        let Gradients {
            folded,
            table,
            collected,
            ..
        } = gradients;
        if let Some((i, heads)) = grouped_heads(plan) {
            let z = &self.table.z[i];
            for ((head, tables), collected) in heads.iter().zip(&mut self.tables).zip(collected) {
                tables.finish(head, z, collected, &mut table.z[i]);
            }
        }
        self.table
            .backward(plan, &self.inputs.rows, &self.folded, table, folded);
    }
}

/// The block whose attention is taken from tables, with its heads.
fn grouped_heads(plan: &Plan) -> Option<(usize, &[Head])> {
    plan.blocks
        .iter()
        .enumerate()
        .find_map(|(i, block)| match &block.work {
            Work::Attention {
                heads,
                method: Method::Grouped(_),
            } => Some((i, &heads[..])),
            _ => None,
        })
}

impl<F: Precision> Gradients<F> {
    /// None, in the shapes of `common`.
    pub fn zero(plan: &Plan, common: &Common<F>) -> Self {
        Self {
            folded: Folded::zero(plan),
            table: TableGradient::zero(&common.table),
            collected: common.tables.iter().map(Collected::new).collect(),
            loss: Loss::default(),
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self, common: &Common<F>) {
        self.folded.clear();
        self.table.clear(&common.table);
        self.collected.iter_mut().for_each(Collected::clear);
        self.loss = Loss::default();
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.folded.add(&other.folded);
        self.table.add(&other.table);
        for (mine, theirs) in self.collected.iter_mut().zip(&other.collected) {
            mine.add(theirs);
        }
        self.loss.output += other.loss.output;
        self.loss.layers += other.loss.layers;
    }
}

impl<F: Precision> Piece<F> {
    /// Empty buffers.
    pub fn new(plan: &Plan) -> Self {
        let blocks = plan.blocks.len();
        let none = |n: usize| vec![Vec::new(); n];
        Self {
            shape: Shape {
                positions: plan.positions,
                lanes: 0,
            },
            part: Part {
                first: 0,
                count: 0,
                lanes: 0,
            },
            tokens: Tokens {
                indicators: Vec::new(),
                rows_at: rows_at(plan),
                row_of: Vec::new(),
            },
            weights: Vec::new(),
            output_weights: Vec::new(),
            targets: none(blocks),
            output_target: Vec::new(),
            z: none(plan.readers.len()),
            h: none(blocks),
            dh: none(blocks),
            o: none(blocks),
            kept: none(blocks),
            again: vec![Again::none(); heads_of_all(plan)],
            d_o: Vec::new(),
            dz: Vec::new(),
            scratch: Vec::new(),
        }
    }

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
            let needed = plan.reads_batch(i) && !plan.blocks.get(i).is_some_and(Block::is_grouped);
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
                let kept = match method {
                    Method::Dense => dense::kept(self.shape),
                    Method::Grouped(_) => row,
                };
                self.kept[i].resize(heads.len() * kept, Lanes::zero());
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
            for b in 0..count {
                let rows = &all[row(first + b) * columns..][..t * columns];
                for (p, numbers) in rows.chunks_exact(columns).enumerate() {
                    let mut at = p * lanes + b / LANES;
                    for x in numbers {
                        own[at].0[b % LANES] = F::from_f64(*x);
                        at += length;
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
    }

    /// Takes as targets what the compiled model computed for the same sequences.
    pub fn take_targets(&mut self, plan: &Plan, kind: OutputKind, compiled: &Piece<f64>) {
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
        match kind {
            OutputKind::Numerical => convert(scores, &mut self.output_target),
            OutputKind::Categorical => {
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

    /// Computes `h̃` of every batch block and the output.
    pub fn forward(&mut self, plan: &Plan, common: &Common<F>) {
        let mut again = self.again.iter_mut();
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Table {
                continue;
            }
            let (done, rest) = self.h.split_at_mut(i);
            let h = &mut rest[0];
            let z = &mut self.z[i];
            let output = &common.outputs[i];
            if !block.is_grouped() {
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
                        (own_kept, kept) = kept.split_at_mut(self.shape.row());
                        let Some(again) = again.next() else { continue };
                        common.tables[number].forward(
                            head,
                            &common.inputs,
                            self.part,
                            &common.table.z[i],
                            (own_kept, own_o),
                            again,
                        );
                    }
                }
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
        terms: Terms,
        gradients: &mut Gradients<F>,
    ) {
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
                        (own_kept, kept) = kept.split_at(self.shape.row());
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
                }
            }
            if !block.is_grouped() {
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
    fn losses(&mut self, plan: &Plan, terms: Terms, sums: &mut Loss) {
        let factor = F::from_f64(terms.layers);
        for (i, block) in plan.blocks.iter().enumerate() {
            if block.domain == Domain::Batch {
                let sum = loss::squared_error(
                    &self.h[i],
                    &self.targets[i],
                    &self.weights,
                    factor,
                    &mut self.dh[i],
                );
                sums.layers += sum.widen();
            }
        }
        let factor = F::from_f64(terms.output);
        let scores = &mut self.z[plan.blocks.len()];
        let (target, weights) = (&self.output_target, &self.output_weights);
        let sum = match terms.kind {
            OutputKind::Categorical => loss::cross_entropy(scores, target, weights, factor),
            OutputKind::Numerical => {
                self.dz.resize(scores.len(), Lanes::zero());
                let sum = loss::squared_error(scores, target, weights, factor, &mut self.dz);
                scores.copy_from_slice(&self.dz);
                sum
            }
        };
        sums.output += sum.widen();
    }

    /// After [`Piece::forward`]: `h̃` of a batch block's column for sequence `b` of the piece at
    /// position `p`.
    pub fn block_output(&self, block: usize, column: usize, b: usize, p: usize) -> F {
        self.h[block][self.at(column, b, p)].0[b % LANES]
    }

    /// After [`Piece::forward`]: a score for sequence `b` of the piece at position `p`.
    pub fn score(&self, column: usize, b: usize, p: usize) -> F {
        let last = self.z.len() - 1;
        self.z[last][self.at(column, b, p)].0[b % LANES]
    }

    fn at(&self, column: usize, b: usize, p: usize) -> usize {
        column * self.shape.row() + p * self.shape.lanes + b / LANES
    }
}

impl Block {
    /// Whether it is an attention that is taken from tables.
    pub fn is_grouped(&self) -> bool {
        matches!(
            &self.work,
            Work::Attention {
                method: Method::Grouped(_),
                ..
            }
        )
    }
}

/// Heads of the attention that is taken from tables.
fn heads_of_all(plan: &Plan) -> usize {
    grouped_heads(plan).map_or(0, |(_, heads)| heads.len())
}

/// The table's rows of each position.
fn rows_at(plan: &Plan) -> Vec<std::ops::Range<usize>> {
    let Some(rows) = &plan.rows else {
        return Vec::new();
    };
    let mut start = 0;
    (0..plan.positions)
        .map(|p| {
            let end = start + rows.iter().filter(|row| row.0 == p).count();
            std::mem::replace(&mut start, end)..end
        })
        .collect()
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

/// The first score that is the largest one up to rounding: where an output is undefined scores tie.
fn first_largest(scores: impl Iterator<Item = f64> + Clone) -> usize {
    let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let enough = largest - 1e-9 * (1.0 + largest.abs());
    let mut scores = scores;
    scores.position(|score| score >= enough).unwrap_or(0)
}
