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

use crate::engines::fused::fold::Folded;
use crate::engines::fused::plan::{Domain, Plan, Work};
use crate::engines::fused::simd::{LANES, Precision, add_scaled, dot, kernels};

/// The table's numbers: one row of `stride` numbers a feature, one number a (position, token) pair.
#[derive(Clone, Debug)]
pub struct Table<F> {
    /// `z` of each reader's tabulated columns, `[columns, stride]`; after the ReLU where the reader is a table MLP's.
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
            z.resize(reader.tabulated.len() * self.stride, F::zero());
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
        for i in 0..plan.readers.len() {
            read(
                plan,
                i,
                rows,
                &folded.readers[i],
                &self.h,
                self.stride,
                &mut self.z[i],
            );
            if !plan.reads_batch(i) {
                let (weights, biases) = (&self.weights[i], &self.biases[i]);
                mlp(weights, biases, self.stride, &mut self.z[i], &mut self.h[i]);
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
        let TableGradient { z: dz, h: dh } = gradient;
        for i in (0..plan.readers.len()).rev() {
            let dz = &mut dz[i];
            if !plan.reads_batch(i) {
                mlp_backward(&self.weights[i], self.stride, &self.z[i], &dh[i], dz);
            }
            let p = &folded.readers[i];
            let dp = &mut dp.readers[i];
            read_backward(plan, i, rows, p, &self.h, self.stride, dz, dh, dp);
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
    /// `z` of reader `i` from its `P` and the table blocks' `h`.
    fn read<'a, F>(
        plan: &'a Plan,
        i: usize,
        rows: &'a [(usize, usize)],
        p: &'a [F],
        h: &'a [Vec<F>],
        stride: usize,
        z: &'a mut [F],
    ) {
        let reader = &plan.readers[i];
        for (z, &c) in z.chunks_exact_mut(stride).zip(&reader.tabulated) {
            let p = &p[c * reader.sources..][..reader.sources];
            let bias = F::from_f64(reader.bias[c]);
            for (z, &(position, token)) in z.iter_mut().zip(rows) {
                *z = bias + p[token] + p[plan.vocabulary + position];
            }
            for j in plan.table_blocks_before(i) {
                let p = &p[plan.blocks[j].first_source..];
                for (h, p) in h[j].chunks_exact(stride).zip(p) {
                    add_scaled(*p, h, z);
                }
            }
        }
    }

    /// From `dz` of reader `i` to `dP` and to the table blocks' `dh`.
    fn read_backward<'a, F>(
        plan: &'a Plan,
        i: usize,
        rows: &'a [(usize, usize)],
        p: &'a [F],
        h: &'a [Vec<F>],
        stride: usize,
        dz: &'a [F],
        dh: &'a mut [Vec<F>],
        dp: &'a mut [F],
    ) {
        let read_sources = plan.readers[i].sources;
        for (dz, &c) in dz.chunks_exact(stride).zip(&plan.readers[i].tabulated) {
            let p = &p[c * read_sources..][..read_sources];
            let dp = &mut dp[c * read_sources..][..read_sources];
            for (dz, &(position, token)) in dz.iter().zip(rows) {
                dp[token] += *dz;
                dp[plan.vocabulary + position] += *dz;
            }
            let dz = &dz[..rows.len()];
            for j in plan.table_blocks_before(i) {
                let first = plan.blocks[j].first_source;
                let columns = h[j].chunks_exact(stride).zip(dh[j].chunks_exact_mut(stride));
                for (a, (h, dh)) in columns.enumerate() {
                    add_scaled(p[first + a], dz, dh);
                    dp[first + a] += dot(dz, &h[..dz.len()]);
                }
            }
        }
    }

    /// `h = ReLU(z)·weights + biases`; `z` becomes `ReLU(z)`.
    fn mlp<'a, F>(
        weights: &'a [F],
        biases: &'a [F],
        stride: usize,
        z: &'a mut [F],
        h: &'a mut [F],
    ) {
        for z in z.iter_mut() {
            // As `Lanes::relu`.
            let larger = if *z > F::zero() { *z } else { F::zero() };
            *z = z.mul_add(F::zero(), larger);
        }
        for (a, h) in h.chunks_exact_mut(stride).enumerate() {
            h.fill(biases[a]);
            for (u, z) in z.chunks_exact(stride).enumerate() {
                add_scaled(weights[u * biases.len() + a], z, h);
            }
        }
    }

    /// `dz` from `dh` and `ReLU(z)`.
    fn mlp_backward<'a, F>(
        weights: &'a [F],
        stride: usize,
        z: &'a [F],
        dh: &'a [F],
        dz: &'a mut [F],
    ) {
        let columns = dh.len() / stride;
        for (u, dz) in dz.chunks_exact_mut(stride).enumerate() {
            dz.fill(F::zero());
            for (a, dh) in dh.chunks_exact(stride).enumerate() {
                add_scaled(weights[u * columns + a], dh, dz);
            }
            for (dz, z) in dz.iter_mut().zip(&z[u * stride..]) {
                *dz = if *z > F::zero() { *dz } else { F::zero() };
            }
        }
    }
}
