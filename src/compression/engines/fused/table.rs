//! What depends on (position, token) alone: computed once for each pair, not for each sequence.
//!
//! Before the first live attention a block reads only the token's and the position's embedding and
//! what earlier such blocks made of them. For every reader the table holds
//!
//! ```text
//! z_c(p, t) = bias_c + P_{t,c} + P_{p,c} + Σ_j Σ_a h̃_{j,a}(p, t)·P_{(j,a),c},   j: table blocks
//! ```
//!
//! which is all that a table block reads, and for the others the part that does not depend on the
//! rest of the sequence.

use super::fold::Folded;
use super::lanes::{LANES, Precision, kernels};
use super::plan::{Domain, Plan, Work};

/// The table's numbers: one row of `stride` numbers a feature, one number a (position, token) pair.
#[derive(Clone, Debug)]
pub struct Table<F> {
    /// `z` of each reader, `[columns, stride]`; after the ReLU where the reader is a table MLP's.
    pub z: Vec<Vec<F>>,
    /// `h̃` of each table block, `[columns, stride]`; empty for others.
    pub h: Vec<Vec<F>>,
    /// Numbers from one feature to the next.
    pub stride: usize,
    /// `fc2` and biases in this precision, of table blocks.
    weights: Vec<Vec<F>>,
    biases: Vec<Vec<F>>,
}

/// Gradients of a table's numbers, in the same places.
#[derive(Clone, Debug)]
pub struct TableGradient<F> {
    /// `dL/dz`.
    pub z: Vec<Vec<F>>,
    /// `dL/dh̃`.
    pub h: Vec<Vec<F>>,
}

impl<F: Precision> Table<F> {
    /// A table for a plan; its size is that of the plan's rows, or is found by each batch.
    pub fn new(plan: &Plan) -> Self {
        let convert = |numbers: &[f64]| numbers.iter().map(|x| F::from_f64(*x)).collect();
        let mut table = Self {
            z: vec![Vec::new(); plan.readers.len()],
            h: vec![Vec::new(); plan.blocks.len()],
            stride: 0,
            weights: plan
                .blocks
                .iter()
                .map(|block| match &block.work {
                    Work::Mlp { weights } => convert(weights),
                    Work::Attention { .. } => Vec::new(),
                })
                .collect(),
            biases: plan.blocks.iter().map(|b| convert(&b.bias)).collect(),
        };
        table.fit(plan, plan.rows.as_ref().map_or(0, Vec::len));
        table
    }

    /// Makes room for `rows` pairs.
    fn fit(&mut self, plan: &Plan, rows: usize) {
        if rows <= self.stride && self.stride > 0 {
            return;
        }
        self.stride = rows.next_multiple_of(LANES).max(LANES);
        for (z, reader) in self.z.iter_mut().zip(&plan.readers) {
            z.resize(reader.columns.len() * self.stride, F::zero());
        }
        for (h, block) in self.h.iter_mut().zip(&plan.blocks) {
            if block.domain == Domain::Table {
                h.resize(block.columns.len() * self.stride, F::zero());
            }
        }
    }

    /// Fills the table for the rows of a batch.
    pub fn forward(&mut self, plan: &Plan, rows: &[(usize, usize)], folded: &Folded<F>) {
        self.fit(plan, rows.len());
        let stride = self.stride;
        for (i, reader) in plan.readers.iter().enumerate() {
            let heard = reader.sources;
            for (c, z) in self.z[i].chunks_exact_mut(stride).enumerate() {
                let p = &folded.readers[i][c * heard..][..heard];
                let bias = F::from_f64(reader.bias[c]);
                for (z, &(position, token)) in z.iter_mut().zip(rows) {
                    *z = bias + p[token] + p[plan.vocabulary + position];
                }
                for j in plan.table_blocks_before(i) {
                    for (a, h) in self.h[j].chunks_exact(stride).enumerate() {
                        axpy(p[plan.blocks[j].first_source + a], h, z);
                    }
                }
            }
            if plan.reads_batch(i) {
                continue;
            }
            let (z, h) = (&mut self.z[i], &mut self.h[i]);
            for z in z.iter_mut() {
                *z = z.max(F::zero());
            }
            let columns = plan.blocks[i].columns.len();
            for (a, h) in h.chunks_exact_mut(stride).enumerate() {
                h.fill(self.biases[i][a]);
                for (u, z) in z.chunks_exact(stride).enumerate() {
                    axpy(self.weights[i][u * columns + a], z, h);
                }
            }
        }
    }

    /// From `dL/dz` of the batch's readers and `dL/dh̃` of the table blocks themselves to `dL/dP`.
    pub fn backward(
        &self,
        plan: &Plan,
        rows: &[(usize, usize)],
        folded: &Folded<F>,
        gradient: &mut TableGradient<F>,
        dp: &mut Folded<F>,
    ) {
        let stride = self.stride;
        let TableGradient { z: dz, h: dh } = gradient;
        for (i, reader) in plan.readers.iter().enumerate().rev() {
            if !plan.reads_batch(i) {
                let columns = plan.blocks[i].columns.len();
                for (u, dz) in dz[i].chunks_exact_mut(stride).enumerate() {
                    dz.fill(F::zero());
                    for (a, dh) in dh[i].chunks_exact(stride).enumerate() {
                        axpy(self.weights[i][u * columns + a], dh, dz);
                    }
                    for (dz, z) in dz.iter_mut().zip(&self.z[i][u * stride..]) {
                        if *z <= F::zero() {
                            *dz = F::zero();
                        }
                    }
                }
            }
            let heard = reader.sources;
            for (c, dz) in dz[i].chunks_exact(stride).enumerate() {
                let p = &folded.readers[i][c * heard..][..heard];
                let dp = &mut dp.readers[i][c * heard..][..heard];
                for (dz, &(position, token)) in dz.iter().zip(rows) {
                    dp[token] += *dz;
                    dp[plan.vocabulary + position] += *dz;
                }
                for j in plan.table_blocks_before(i) {
                    let first = plan.blocks[j].first_source;
                    for (a, dh) in dh[j].chunks_exact_mut(stride).enumerate() {
                        axpy(p[first + a], dz, dh);
                        dp[first + a] +=
                            dot(&dz[..rows.len()], &self.h[j][a * stride..][..rows.len()]);
                    }
                }
            }
        }
    }
}

impl<F: Precision> TableGradient<F> {
    /// No gradient, of a table's shapes.
    pub fn zero(table: &Table<F>) -> Self {
        let zeros = |of: &[Vec<F>]| of.iter().map(|x| vec![F::zero(); x.len()]).collect();
        Self {
            z: zeros(&table.z),
            h: zeros(&table.h),
        }
    }

    /// Sets all to zero, in a table's shapes.
    pub fn clear(&mut self, table: &Table<F>) {
        let pairs = self.z.iter_mut().zip(&table.z);
        for (gradient, value) in pairs.chain(self.h.iter_mut().zip(&table.h)) {
            gradient.clear();
            gradient.resize(value.len(), F::zero());
        }
    }

    /// Adds another of the same shapes.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.z.iter_mut().zip(&other.z);
        for (mine, theirs) in pairs.chain(self.h.iter_mut().zip(&other.h)) {
            for (x, y) in mine.iter_mut().zip(theirs) {
                *x += *y;
            }
        }
    }
}

kernels! {
    /// `y ← y + a·x`.
    pub fn axpy<'a, F>(a: F, x: &'a [F], y: &'a mut [F]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = x.mul_add(a, *y);
        }
    }

    /// `Σ x·y`, in sixteen sums that are then added.
    pub fn dot<'a, F>(x: &'a [F], y: &'a [F]) -> F {
        let mut sums = [F::zero(); LANES];
        let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let mut rest = F::zero();
        for (x, y) in xs.remainder().iter().zip(ys.remainder()) {
            rest = x.mul_add(*y, rest);
        }
        for (x, y) in xs.zip(ys) {
            for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
                *sum = x.mul_add(*y, *sum);
            }
        }
        crate::compression::engines::fused::lanes::Lanes(sums).sum() + rest
    }
}
