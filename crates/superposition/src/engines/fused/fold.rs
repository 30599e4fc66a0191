//! `P = S·G·M` for every reader, and back: `dL/dG = Σ Sᵀ·dL/dP·Mᵀ`, `dL/dW = W (dL/dG + dL/dGᵀ)`.
//!
//! With several matrices ([`Wiring`]) each pair of one that writes and one that reads has its own
//! `G = W_writeᵀ·W_read`, a reader's row of `P` for a source takes that of the source's writer, and
//!
//! ```text
//! dL/dW_write += W_read·(dL/dG)ᵀ,      dL/dW_read += W_write·dL/dG
//! ```
//!
//! The only place where `d` occurs: products of `W` with a `D × D` matrix. All of this is float64:
//! the weights of a compiled model are up to hundreds and cancel, so that `P` is rounded only once. The
//! rest of a step works with `P` in the engine's precision.

use std::ops::Range;

use ndarray::Array2;

use crate::engines::fused::plan::Plan;
use crate::engines::fused::simd::{LANES, Lanes, Precision, add_scaled, kernels, one_at_a_time};
use crate::engines::fused::sparse_rows::SparseRows;
use tracr::model::wiring::Reader;
use tracr::model::{Site, Wiring};

/// `P` of each reader, column by column: `p[c · sources + s]`.
#[derive(Clone, Debug)]
pub struct Folded<F> {
    /// One matrix `[columns, sources]` a reader.
    pub readers: Vec<Vec<F>>,
}

/// Buffers for folding and unfolding.
#[derive(Debug)]
pub struct Folder {
    /// `S`.
    sources: SparseRows,
    /// `M` of each reader, by column.
    columns: Vec<SparseRows>,
    /// For each reader, which sources take which of `pairs`: all that it reads, in order.
    read_sources: Vec<Vec<(Range<usize>, usize)>>,
    /// The matrices (that writes, that reads) which some source and reader have between them.
    pairs: Vec<(usize, usize)>,
    wiring: Wiring,
    width: usize,
    /// `D` in whole lanes: rows of all that follows are that long, zeros at their ends.
    stride: usize,
    /// `Gᵀ` of each pair or its gradient, `[D read, D written]`.
    squares: Vec<Vec<f64>>,
    /// `dL/dG + dL/dGᵀ`, or `dL/dG`.
    turned: Vec<f64>,
    column: Vec<f64>,
    /// `W` and `dL/dW`, row by row.
    w: Vec<f64>,
    dw: Vec<f64>,
}

impl<F: Precision> Folded<F> {
    /// All zero, of the plan's shapes: where gradients are collected.
    pub fn zero(plan: &Plan) -> Self {
        let size = |r: &crate::engines::fused::plan::Reader| r.columns.len() * r.sources;
        Self {
            readers: plan
                .readers
                .iter()
                .map(|r| vec![F::zero(); size(r)])
                .collect(),
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        for reader in &mut self.readers {
            reader.fill(F::zero());
        }
    }

    /// Adds another of the same shapes.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.readers.iter_mut().zip(&other.readers) {
            for (x, y) in mine.iter_mut().zip(theirs) {
                *x += *y;
            }
        }
    }
}

impl Folder {
    /// Buffers for a plan whose `W` are wired like this.
    pub fn new(plan: &Plan, wiring: Wiring) -> Self {
        let mut pairs = Vec::new();
        let read_sources = (0..plan.readers.len())
            .map(|i| {
                let reader = plan
                    .blocks
                    .get(i)
                    .map_or(Reader::Unembedding, |block| Reader::Block(block.index));
                read_sources(plan, &wiring, i, wiring.read(reader), &mut pairs)
            })
            .collect();
        let stride = plan.width.next_multiple_of(LANES);
        let square = vec![0.0; plan.width * stride];
        Self {
            sources: SparseRows::new(&plan.sources),
            columns: plan
                .readers
                .iter()
                .map(|r| SparseRows::new(&r.columns))
                .collect(),
            read_sources,
            squares: vec![square.clone(); pairs.len()],
            pairs,
            wiring,
            width: plan.width,
            stride,
            turned: square,
            column: vec![0.0; stride],
            w: Vec::new(),
            dw: Vec::new(),
        }
    }

    /// How the `W` that it folds are wired.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// The numbers of the matrix in the stack `w` or `dw`.
    fn matrix(&self, number: usize) -> Range<usize> {
        let rows = self.wiring.rows(number, self.w.len() / self.stride);
        rows.start * self.stride..rows.end * self.stride
    }

    /// `P` of every reader for `W`, `[d, D]` or a stack of several; `G = 1` without: the compiled
    /// model itself.
    pub fn fold<F: Precision>(&mut self, w: Option<&Array2<f64>>, folded: &mut Folded<F>) {
        let (width, stride) = (self.width, self.stride);
        self.w.clear();
        self.w.resize(w.map_or(0, |w| w.nrows()) * stride, 0.0);
        let rows = w.into_iter().flat_map(|w| w.rows());
        for (to, from) in self.w.chunks_exact_mut(stride).zip(rows) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        for (i, &(writes, reads)) in self.pairs.iter().enumerate() {
            let (writes, reads) = (self.matrix(writes), self.matrix(reads));
            let square = &mut self.squares[i];
            match w {
                Some(_) => gram::<f64>(&self.w[reads], &self.w[writes], stride, square),
                None => {
                    square.fill(0.0);
                    (0..width).for_each(|i| square[i * stride + i] = 1.0);
                }
            }
        }
        let readers = self.columns.iter().zip(&self.read_sources);
        for ((columns, read_sources), p) in readers.zip(&mut folded.readers) {
            for (sources, pair) in read_sources {
                fold_reader(
                    &self.squares[*pair],
                    columns,
                    &self.sources,
                    sources,
                    &mut self.column,
                    p,
                );
            }
        }
    }

    /// `dL/dW` from `dL/dP` of every reader, for the `W` that was folded last.
    pub fn unfold<F: Precision>(&mut self, folded: &Folded<F>, gradient: &mut Array2<f64>) {
        let (width, stride) = (self.width, self.stride);
        self.squares.iter_mut().for_each(|square| square.fill(0.0));
        let readers = self.columns.iter().zip(&self.read_sources);
        for ((columns, read_sources), dp) in readers.zip(&folded.readers) {
            for (sources, pair) in read_sources {
                unfold_reader(
                    dp,
                    columns,
                    &self.sources,
                    sources,
                    &mut self.column,
                    &mut self.squares[*pair],
                );
            }
        }
        self.dw.clear();
        self.dw.resize(self.w.len(), 0.0);
        for (i, &(writes, reads)) in self.pairs.iter().enumerate() {
            let both = writes == reads;
            let (writes, reads) = (self.matrix(writes), self.matrix(reads));
            let square = &self.squares[i];
            for r in 0..width {
                for c in 0..width {
                    let own = if both { square[r * stride + c] } else { 0.0 };
                    self.turned[r * stride + c] = own + square[c * stride + r];
                }
            }
            let dw = &mut self.dw[reads.clone()];
            add_product::<f64>(&self.w[writes.clone()], &self.turned, stride, dw);
            if !both {
                add_product::<f64>(&self.w[reads], square, stride, &mut self.dw[writes]);
            }
        }
        for (mut to, from) in gradient
            .rows_mut()
            .into_iter()
            .zip(self.dw.chunks_exact(stride))
        {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

/// The sources that reader `i`, which reads with matrix `reads`, reads, by the pair of matrices
/// between them; pairs that are new are added.
fn read_sources(
    plan: &Plan,
    wiring: &Wiring,
    i: usize,
    reads: usize,
    pairs: &mut Vec<(usize, usize)>,
) -> Vec<(Range<usize>, usize)> {
    let embedding = 0..plan.vocabulary + plan.positions;
    let blocks = plan.blocks[..i].iter().map(|block| {
        let first = block.first_source;
        (Site::Block(block.index), first..first + block.columns.len())
    });
    let mut read_sources: Vec<(Range<usize>, usize)> = Vec::new();
    for (site, sources) in std::iter::once((Site::Embedding, embedding)).chain(blocks) {
        let pair = (wiring.write(site), reads);
        let number = pairs.iter().position(|p| *p == pair).unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        });
        match read_sources.last_mut() {
            Some((range, last)) if *last == number => range.end = sources.end,
            _ => read_sources.push((sources, number)),
        }
    }
    read_sources
}

kernels! {
    /// One reader's `P` for some of its sources. A column of `G·M` is a sum of columns of `G`.
    fn fold_reader<'a, F>(
        square: &'a [f64],
        columns: &'a SparseRows,
        sources: &'a SparseRows,
        read_sources: &'a Range<usize>,
        buffer: &'a mut [f64],
        p: &'a mut [F],
    ) {
        let width = buffer.len();
        let count = columns.count();
        let stride = p.len() / count.max(1);
        for (column, p) in columns.rows(0..count).zip(p.chunks_exact_mut(stride.max(1))) {
            buffer.fill(0.0);
            for &(row, weight) in column {
                add_scaled(weight, &square[row * width..][..width], buffer);
            }
            for (p, source) in p[read_sources.clone()].iter_mut().zip(sources.rows(read_sources.clone())) {
                let mut sum = 0.0;
                for &(dimension, weight) in source {
                    sum = weight.mul_add(buffer[dimension], sum);
                }
                *p = F::from_f64(sum);
            }
        }
    }

    /// Adds one reader's `Sᵀ·dP·Mᵀ`, transposed, to `dGᵀ`.
    fn unfold_reader<'a, F>(
        dp: &'a [F],
        columns: &'a SparseRows,
        sources: &'a SparseRows,
        read_sources: &'a Range<usize>,
        buffer: &'a mut [f64],
        square: &'a mut [f64],
    ) {
        let width = buffer.len();
        let count = columns.count();
        let stride = dp.len() / count.max(1);
        for (column, dp) in columns.rows(0..count).zip(dp.chunks_exact(stride.max(1))) {
            buffer.fill(0.0);
            for (dp, source) in dp[read_sources.clone()].iter().zip(sources.rows(read_sources.clone())) {
                for &(dimension, weight) in source {
                    buffer[dimension] = weight.mul_add(dp.widen(), buffer[dimension]);
                }
            }
            for &(row, weight) in column {
                add_scaled(weight, buffer, &mut square[row * width..][..width]);
            }
        }
    }

    /// `square ← aᵀb` for `a` and `b` `[d, stride]`; as many rows as `square` has.
    fn gram<'a, F>(a: &'a [F], b: &'a [F], stride: usize, square: &'a mut [F]) {
        let mut i = 0;
        let mut fours = square.chunks_exact_mut(4 * stride);
        for rows in fours.by_ref() {
            gram_rows::<4, F>((a, i), b, stride, rows);
            i += 4;
        }
        for row in fours.into_remainder().chunks_exact_mut(stride) {
            gram_rows::<1, F>((a, i), b, stride, row);
            i += 1;
        }
    }

    /// `gradient ← gradient + w·square`, rows of `stride`.
    fn add_product<'a, F>(w: &'a [F], square: &'a [F], stride: usize, gradient: &'a mut [F]) {
        let mut fours = gradient.chunks_exact_mut(4 * stride);
        let mut rest = w.chunks_exact(4 * stride);
        for (gradient, w) in fours.by_ref().zip(rest.by_ref()) {
            add_rows::<4, F>(w, square, stride, gradient);
        }
        let rest = rest.remainder().chunks_exact(stride);
        for (gradient, w) in fours.into_remainder().chunks_exact_mut(stride).zip(rest) {
            add_rows::<1, F>(w, square, stride, gradient);
        }
    }
}

/// Rows `i..i + J` of `aᵀb`, sixteen columns of each in registers.
#[inline(always)]
fn gram_rows<const J: usize, F: Precision>(
    (a, i): (&[F], usize),
    b: &[F],
    stride: usize,
    rows: &mut [F],
) {
    for at in (0..stride).step_by(LANES) {
        let mut sums = [Lanes::zero(); J];
        for (a, b) in a.chunks_exact(stride).zip(b.chunks_exact(stride)) {
            one_at_a_time();
            let (a, b) = (&a[i..][..J], Lanes::load(&b[at..]));
            for j in 0..J {
                sums[j] = b.mul_add(Lanes::splat(a[j]), sums[j]);
            }
        }
        for j in 0..J {
            sums[j].store(&mut rows[j * stride + at..]);
        }
    }
}

/// `J` rows of `gradient + w·square`.
#[inline(always)]
fn add_rows<const J: usize, F: Precision>(
    w: &[F],
    square: &[F],
    stride: usize,
    gradient: &mut [F],
) {
    for at in (0..stride).step_by(LANES) {
        let mut sums = [Lanes::zero(); J];
        for j in 0..J {
            sums[j] = Lanes::load(&gradient[j * stride + at..]);
        }
        for (i, row) in square.chunks_exact(stride).enumerate() {
            one_at_a_time();
            let row = Lanes::load(&row[at..]);
            for j in 0..J {
                sums[j] = row.mul_add(Lanes::splat(w[j * stride + i]), sums[j]);
            }
        }
        for j in 0..J {
            sums[j].store(&mut gradient[j * stride + at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_with_w_equal_their_definitions() {
        // Small integers: every sum is exact.
        let w = Array2::from_shape_fn((3, LANES), |(k, i)| (k as f64 + 1.0) * (i as f64 - 2.0));
        let mut square = vec![1.0; LANES * LANES];
        let rows = w.as_slice().unwrap();
        gram::<f64>(rows, rows, LANES, &mut square);
        let g = w.t().dot(&w);
        assert_eq!(square, g.iter().copied().collect::<Vec<f64>>());
        let mut gradient = vec![1.0; 3 * LANES];
        add_product::<f64>(rows, &square, LANES, &mut gradient);
        let sums = w.dot(&g) + 1.0;
        assert_eq!(gradient, sums.iter().copied().collect::<Vec<f64>>());
    }
}
