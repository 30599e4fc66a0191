//! One head of the first live attention, whose logits are sums over pairs of sources.
//!
//! A table row is a sum of sources: its token, its position, and what table blocks write there. The
//! query and key columns are linear, so that a logit splits into a small matrix over sources,
//!
//! ```text
//! s_{qk} = Σ_{s∈q} Σ_{s'∈k} x_s·x_{s'}·C_{ss'},      C_{ss'} = Σ_c P_{s,c}·P_{s',c}
//! ```
//!
//! (`c` over the query columns on the left, the key columns on the right; `x` is 1 for tokens and
//! positions.) For a query the row `r_{s'} = Σ_s x_s·C_{ss'}` is a sum of two rows of `C` and a few
//! more; a logit is then `r_{position of k} + r_{token of k} + Σ_e x_e(k)·r_e`: the cost of a logit
//! does not grow with the key size. The key's bias adds the same to each logit of a query and
//! cancels in the softmax.
//!
//! ```text
//! forward                              backward, with δ = Σ_m do_m·o_m
//! a_k = softmax_k(s_{qk})              ds_k = a_k·(Σ_m do_m·v_{m,k} − δ),  dv_{m,k} += a_k·do_m
//! o_m = Σ_k a_k·v_{m,k}                dr = Σ_k ds_k·(position, token, x(k)),  dx_e(k) += ds_k·r_e
//!                                      dC_s += x_s·dr for s∈q,  dx_e(q) += Σ_{s'} C_{es'}·dr_{s'}
//!                                      dP_{s,c} = Σ_{s'} dC_{ss'}·P_{s',c}, and from the right
//! ```

mod kernels;

use crate::engines::fused::plan::{Domain, Head, Plan};
use crate::engines::fused::simd::{Lanes, Precision};
use crate::engines::fused::table::{Table, TableGradient};

use kernels::{Sizes, attend, attend_backward, outer_product, products_with, weighted_rows};

/// `C` of one head, and the query bias's row.
#[derive(Clone, Debug)]
pub struct Core<F> {
    /// `[sources, stride]`: for each query source its row over the positions (in whole lanes), the
    /// tokens and the table blocks' columns.
    rows: Vec<F>,
    /// The row that each query begins with: the query bias with each key source.
    bias: Vec<F>,
    /// One row, for the moment.
    buffer: Vec<F>,
    stride: usize,
}

/// What a piece keeps of one head between its passes.
#[derive(Clone, Debug)]
pub struct ForwardValues<F> {
    /// `a`: `[sequences, T, width]`.
    attention: Vec<F>,
    /// The tokens: `[sequences, T]`.
    tokens: Vec<u32>,
    /// `x_e(k)` and then `v_{m,k}`: `[sequences, extras + values, width]`, and their gradients.
    of_keys: Vec<F>,
    d_keys: Vec<F>,
    row: Vec<F>,
}

impl<F: Precision> Core<F> {
    /// Zero, for a head of block `block`.
    pub fn zero(plan: &Plan, block: usize, head: &Head) -> Self {
        let stride = Sizes::new(plan, block, head).stride();
        Self {
            rows: vec![F::zero(); plan.readers[block].sources * stride],
            bias: vec![F::zero(); stride],
            buffer: vec![F::zero(); stride],
            stride,
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        self.rows.fill(F::zero());
        self.bias.fill(F::zero());
    }

    /// Adds another of the same head.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.rows.iter_mut().zip(&other.rows);
        for (mine, theirs) in pairs.chain(self.bias.iter_mut().zip(&other.bias)) {
            *mine += *theirs;
        }
    }

    /// Computes `C` from the reader's `P`.
    pub fn tabulate(&mut self, plan: &Plan, block: usize, head: &Head, p: &[F]) {
        self.clear();
        let sizes = Sizes::new(plan, block, head);
        let read_sources = plan.readers[block].sources;
        let mut keys = std::mem::take(&mut self.bias);
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            spread(sizes, &p[key * read_sources..][..read_sources], &mut keys);
            outer_product(
                &p[query * read_sources..][..read_sources],
                &keys,
                &mut self.rows,
            );
        }
        keys.fill(F::zero());
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            let bias = F::from_f64(plan.readers[block].bias[query]);
            for (s, p) in p[key * read_sources..][..read_sources].iter().enumerate() {
                keys[sizes.place(s)] += bias * *p;
            }
        }
        self.bias = keys;
    }

    /// Adds `dP` for `dC`, which is `self`.
    pub fn finish(&mut self, plan: &Plan, block: usize, head: &Head, p: &[F], dp: &mut [F]) {
        let sizes = Sizes::new(plan, block, head);
        let read_sources = plan.readers[block].sources;
        let keys = &mut self.buffer;
        keys.fill(F::zero());
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            let bias = F::from_f64(plan.readers[block].bias[query]);
            spread(sizes, &p[key * read_sources..][..read_sources], keys);
            let (own, dq) = (
                &p[query * read_sources..][..read_sources],
                &mut dp[query * read_sources..][..read_sources],
            );
            products_with(&self.rows, keys, dq);
            keys.copy_from_slice(&self.bias);
            keys.iter_mut().for_each(|x| *x *= bias);
            weighted_rows(&self.rows, own, keys);
            for (s, dp) in dp[key * read_sources..][..read_sources]
                .iter_mut()
                .enumerate()
            {
                *dp += keys[sizes.place(s)];
            }
        }
    }
}

/// A column of `P` in the order of a row of `C`.
fn spread<F: Precision>(sizes: Sizes, p: &[F], row: &mut [F]) {
    for (s, p) in p.iter().enumerate() {
        row[sizes.place(s)] = *p;
    }
}

/// One piece's sequences: their rows of the table.
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// `[sequences, T]`.
    pub row_of: &'a [u32],
    /// Lanes of the piece.
    pub lanes: usize,
}

impl<F: Precision> ForwardValues<F> {
    /// Nothing yet.
    pub fn none() -> Self {
        Self {
            attention: Vec::new(),
            tokens: Vec::new(),
            of_keys: Vec::new(),
            d_keys: Vec::new(),
            row: Vec::new(),
        }
    }

    /// `o` `[values, T, lanes]` of block `block`'s head; `values` are the head's first rows among
    /// the block's rows of the table.
    pub fn forward(
        &mut self,
        plan: &Plan,
        (rows, table): (&[(usize, usize)], &Table<F>),
        (block, head, core): (usize, &Head, &Core<F>),
        values: usize,
        sequences: Sequences<'_>,
        o: &mut [Lanes<F>],
    ) {
        let sizes = Sizes::new(plan, block, head);
        let count = sequences.row_of.len() / sizes.positions;
        self.attention
            .resize(count * sizes.positions * sizes.width, F::zero());
        self.of_keys.clear();
        self.of_keys
            .resize(count * sizes.of_keys() * sizes.width, F::zero());
        self.row.resize(core.stride, F::zero());
        self.tokens.clear();
        self.tokens.extend(
            sequences
                .row_of
                .iter()
                .map(|row| rows[*row as usize].1 as u32),
        );
        let stride = table.stride;
        let mut feature = 0;
        let mut take = |numbers: &[F]| {
            let rows = sequences.row_of.chunks_exact(sizes.positions);
            for (b, rows) in rows.enumerate() {
                let to = &mut self.of_keys[(b * sizes.of_keys() + feature) * sizes.width..];
                for (to, row) in to.iter_mut().zip(rows) {
                    *to = numbers[*row as usize];
                }
            }
            feature += 1;
        };
        for j in table_blocks(plan, block) {
            table.h[j].chunks_exact(stride).for_each(&mut take);
        }
        for m in 0..sizes.values {
            take(&table.z[block][(values + m) * stride..][..stride]);
        }
        o.fill(Lanes::zero());
        attend(
            sizes,
            &self.tokens,
            &core.rows,
            &core.bias,
            &self.of_keys,
            &mut self.row,
            &mut self.attention,
            o,
            sequences.lanes,
        );
    }

    /// Adds what `do` says about `C` and the table, whose columns are `stride` numbers each.
    pub fn backward(
        &mut self,
        plan: &Plan,
        stride: usize,
        (block, head, core): (usize, &Head, &Core<F>),
        values: usize,
        sequences: Sequences<'_>,
        (o, d_o): (&[Lanes<F>], &[Lanes<F>]),
        (collected, table): (&mut Core<F>, &mut TableGradient<F>),
    ) {
        let sizes = Sizes::new(plan, block, head);
        self.d_keys.clear();
        self.d_keys.resize(self.of_keys.len(), F::zero());
        attend_backward(
            sizes,
            &self.tokens,
            (&core.rows, &mut collected.rows),
            (&core.bias, &mut collected.bias),
            (&self.of_keys, &mut self.d_keys),
            &mut self.row,
            &self.attention,
            (o, d_o),
            sequences.lanes,
        );
        let mut feature = 0;
        let mut give = |numbers: &mut [F]| {
            let rows = sequences.row_of.chunks_exact(sizes.positions);
            for (b, rows) in rows.enumerate() {
                let from = &self.d_keys[(b * sizes.of_keys() + feature) * sizes.width..];
                for (from, row) in from.iter().zip(rows) {
                    numbers[*row as usize] += *from;
                }
            }
            feature += 1;
        };
        for j in table_blocks(plan, block) {
            table.h[j].chunks_exact_mut(stride).for_each(&mut give);
        }
        for m in 0..sizes.values {
            give(&mut table.z[block][(values + m) * stride..][..stride]);
        }
    }
}

/// The blocks before the first live attention: all in the table.
fn table_blocks(plan: &Plan, block: usize) -> impl Iterator<Item = usize> + '_ {
    (0..block).filter(|&j| plan.blocks[j].domain == Domain::Table)
}
