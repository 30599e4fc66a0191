//! Queries whose tabulated sum of exponentials has lost its digits, computed from their logits.
//!
//! `a_k = softmax_k(s_{qk})` over the keys of the sequence, shifted by their own maximum; then
//! `o_m = Σ_k a_k·v_{m,k}`, and back `ds_{qk} = a_k·Σ_m do_m·(v_{m,k} − o_m)`, `dv_{m,k} = a_k·do_m`.
//! At the start of training logits of 1e4 make this the rule; later it is the exception.

use std::ops::Range;

use crate::engines::fused::simd::{LANES, Lanes, Precision, kernels};

/// The queries of a piece that are computed again.
#[derive(Clone, Debug)]
pub struct Recomputed<F> {
    /// Which: (sequence of the piece, position).
    pub queries: Vec<(u32, u32)>,
    /// `a`, [`width`] numbers a query.
    attention: Vec<F>,
}

/// What they are computed from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, F> {
    /// The table rows of the piece's sequences, `[sequences, T]`.
    pub row_of: &'a [u32],
    /// `T`.
    pub positions: usize,
    /// `s` `[key row, stride]`.
    pub logits: &'a [F],
    /// `0` where a query row can meet a key row: `[key row, stride]`.
    pub mask: &'a [F],
    /// Distance of two key rows, and of two columns of `z`.
    pub stride: usize,
    /// The table's columns of the reader.
    pub z: &'a [F],
    /// Which of them are the values.
    pub value: &'a Range<usize>,
    /// Lanes of the piece.
    pub lanes: usize,
}

/// Numbers kept for each query: the keys, in whole lanes.
fn width(positions: usize) -> usize {
    positions.next_multiple_of(LANES)
}

impl<F: Precision> Recomputed<F> {
    /// No query.
    pub fn none() -> Self {
        Self {
            queries: Vec::new(),
            attention: Vec::new(),
        }
    }

    /// Computes `o` `[values, T, lanes]` of the listed queries.
    pub fn forward(&mut self, source: Source<'_, F>, o: &mut [Lanes<F>]) {
        let needed = self.queries.len() * width(source.positions);
        self.attention.resize(needed, F::zero());
        forward(source, &self.queries, &mut self.attention, o);
    }

    /// Adds their part of `ds` `[key row, stride]` and `dv` `[values, stride]`, and takes their `do`
    /// out of what is left to do.
    pub fn backward(
        &self,
        source: Source<'_, F>,
        o: &[Lanes<F>],
        d_o: &mut [Lanes<F>],
        (ds, dv): (&mut [F], &mut [F]),
    ) {
        backward(source, &self.queries, &self.attention, o, d_o, ds, dv);
    }
}

kernels! {
    fn forward<'a, F>(
        source: Source<'a, F>,
        queries: &'a [(u32, u32)],
        attention: &'a mut [F],
        o: &'a mut [Lanes<F>],
    ) {
        let Source { positions, stride, .. } = source;
        let own = attention.chunks_exact_mut(width(positions));
        for (&(b, p), a) in queries.iter().zip(own) {
            let (b, p) = (b as usize, p as usize);
            let rows = &source.row_of[b * positions..][..positions];
            let query = rows[p] as usize;
            a.fill(F::neg_infinity());
            let mut max = F::neg_infinity();
            let mut sum = Lanes::zero();
            for (a, row) in a.iter_mut().zip(rows) {
                let at = *row as usize * stride + query;
                *a = source.logits[at] + source.mask[at];
                max = if *a > max { *a } else { max };
                if source.mask[at] == F::zero() {
                    sum.0[0] += source.logits[at] * F::zero(); // as `Lanes::exp_below`
                }
            }
            for a in a.chunks_exact_mut(LANES) {
                for (a, sum) in a.iter_mut().zip(&mut sum.0) {
                    *a = (*a - max).exp_of_negative();
                    *sum += *a;
                }
            }
            let inverse = F::one() / sum.sum();
            for a in a.iter_mut() {
                *a *= inverse;
            }
            for (m, column) in source.value.clone().enumerate() {
                let values = &source.z[column * stride..][..stride];
                let mut sum = F::zero();
                for (a, row) in a.iter().zip(rows) {
                    sum = a.mul_add(values[*row as usize], sum);
                }
                o[(m * positions + p) * source.lanes + b / LANES].0[b % LANES] = sum;
            }
        }
    }

    fn backward<'a, F>(
        source: Source<'a, F>,
        queries: &'a [(u32, u32)],
        attention: &'a [F],
        o: &'a [Lanes<F>],
        d_o: &'a mut [Lanes<F>],
        ds: &'a mut [F],
        dv: &'a mut [F],
    ) {
        let Source { positions, stride, .. } = source;
        let own = attention.chunks_exact(width(positions));
        for (&(b, p), a) in queries.iter().zip(own) {
            let (b, p) = (b as usize, p as usize);
            let rows = &source.row_of[b * positions..][..positions];
            let query = rows[p] as usize;
            for (m, column) in source.value.clone().enumerate() {
                let at = (m * positions + p) * source.lanes + b / LANES;
                let own = o[at].0[b % LANES];
                let gradient = std::mem::replace(&mut d_o[at].0[b % LANES], F::zero());
                let values = &source.z[column * stride..][..stride];
                for (a, row) in a.iter().zip(rows) {
                    let row = *row as usize;
                    let da = *a * gradient;
                    ds[row * stride + query] += da * (values[row] - own);
                    dv[m * stride + row] += da;
                }
            }
        }
    }
}
