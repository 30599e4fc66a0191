//! `P = S·G·M` for every reader, and back: `dL/dG = Σ Sᵀ·dL/dP·Mᵀ`, `dL/dW = W (dL/dG + dL/dGᵀ)`.
//!
//! The only place where `d` occurs: two products of `W` with a `D × D` matrix, in float64. All the
//! rest of a step works with `P`.

use ndarray::Array2;

use super::lanes::{Precision, add_scaled, kernels};
use super::plan::{Plan, SparseRow};

/// `P` of each reader, column by column: `p[c · sources + s]`.
#[derive(Clone, Debug)]
pub struct Folded<F> {
    /// One matrix `[columns, sources]` a reader.
    pub readers: Vec<Vec<F>>,
}

/// Buffers for folding and unfolding.
#[derive(Debug)]
pub struct Folder<F> {
    /// `S`, in precision `F`.
    sources: Vec<Vec<(usize, F)>>,
    /// `M` of each reader, by column.
    columns: Vec<Vec<Vec<(usize, F)>>>,
    width: usize,
    /// `G` or `dL/dG`, `[D, D]`.
    square: Vec<f64>,
    gram: Vec<F>,
    column: Vec<F>,
    /// `W` and `dL/dW`, row by row.
    w: Vec<f64>,
    dw: Vec<f64>,
}

impl<F: Precision> Folded<F> {
    /// All zero, of the plan's shapes: where gradients are collected.
    pub fn zero(plan: &Plan) -> Self {
        let size = |r: &super::plan::Reader| r.columns.len() * r.sources;
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

impl<F: Precision> Folder<F> {
    /// Buffers for a plan.
    pub fn new(plan: &Plan) -> Self {
        let convert = |row: &SparseRow| row.iter().map(|&(d, w)| (d, F::from_f64(w))).collect();
        Self {
            sources: plan.sources.iter().map(convert).collect(),
            columns: plan
                .readers
                .iter()
                .map(|r| r.columns.iter().map(convert).collect())
                .collect(),
            width: plan.width,
            square: vec![0.0; plan.width * plan.width],
            gram: vec![F::zero(); plan.width * plan.width],
            column: vec![F::zero(); plan.width],
            w: Vec::new(),
            dw: Vec::new(),
        }
    }

    /// `P` of every reader for `G = WᵀW`; `G = 1` without a `W`: the compiled model itself.
    pub fn fold(&mut self, w: Option<&Array2<f64>>, folded: &mut Folded<F>) {
        self.square.fill(0.0);
        match w {
            Some(w) => {
                self.w.clear();
                self.w.extend(w);
                gram(&self.w, self.width, &mut self.square);
            }
            None => (0..self.width).for_each(|i| self.square[i * self.width + i] = 1.0),
        }
        for (single, double) in self.gram.iter_mut().zip(&self.square) {
            *single = F::from_f64(*double);
        }
        for (columns, p) in self.columns.iter().zip(&mut folded.readers) {
            fold_reader(&self.gram, columns, &self.sources, &mut self.column, p);
        }
    }

    /// `dL/dW` `[d, D]` from `dL/dP` of every reader, for the `W` that was folded last.
    pub fn unfold(&mut self, folded: &Folded<F>, gradient: &mut Array2<f64>) {
        let width = self.width;
        self.gram.fill(F::zero());
        for (columns, dp) in self.columns.iter().zip(&folded.readers) {
            unfold_reader(dp, columns, &self.sources, &mut self.column, &mut self.gram);
        }
        for r in 0..width {
            for c in 0..width {
                self.square[r * width + c] =
                    self.gram[r * width + c].widen() + self.gram[c * width + r].widen();
            }
        }
        self.dw.clear();
        self.dw.resize(self.w.len(), 0.0);
        product(&self.w, &self.square, width, &mut self.dw);
        for (to, from) in gradient.iter_mut().zip(&self.dw) {
            *to = *from;
        }
    }
}

/// `square ← square + WᵀW` for `w` `[d, D]`.
fn gram(w: &[f64], width: usize, square: &mut [f64]) {
    gram_kernel::<f64>(w, width, square);
}

/// `gradient ← gradient + W·square`.
fn product(w: &[f64], square: &[f64], width: usize, gradient: &mut [f64]) {
    product_kernel::<f64>(w, square, width, gradient);
}

kernels! {
    /// One reader's `P`. `G` is symmetric: a column of `G·M` is a sum of rows of `G`.
    fn fold_reader<'a, F>(
        gram: &'a [F],
        columns: &'a [Vec<(usize, F)>],
        sources: &'a [Vec<(usize, F)>],
        buffer: &'a mut [F],
        p: &'a mut [F],
    ) {
        let width = buffer.len();
        let heard = p.len() / columns.len().max(1);
        for (column, p) in columns.iter().zip(p.chunks_exact_mut(heard.max(1))) {
            buffer.fill(F::zero());
            for &(row, weight) in column {
                add_scaled(weight, &gram[row * width..][..width], buffer);
            }
            for (p, source) in p.iter_mut().zip(sources) {
                let mut sum = F::zero();
                for &(dimension, weight) in source {
                    sum = weight.mul_add(buffer[dimension], sum);
                }
                *p = sum;
            }
        }
    }

    /// Adds one reader's `Sᵀ·dP·Mᵀ`, transposed, to `dG`.
    fn unfold_reader<'a, F>(
        dp: &'a [F],
        columns: &'a [Vec<(usize, F)>],
        sources: &'a [Vec<(usize, F)>],
        buffer: &'a mut [F],
        gram: &'a mut [F],
    ) {
        let width = buffer.len();
        let heard = dp.len() / columns.len().max(1);
        for (column, dp) in columns.iter().zip(dp.chunks_exact(heard.max(1))) {
            buffer.fill(F::zero());
            for (dp, source) in dp.iter().zip(sources) {
                for &(dimension, weight) in source {
                    buffer[dimension] = weight.mul_add(*dp, buffer[dimension]);
                }
            }
            for &(row, weight) in column {
                add_scaled(weight, buffer, &mut gram[row * width..][..width]);
            }
        }
    }

    fn gram_kernel<'a, F>(w: &'a [F], width: usize, square: &'a mut [F]) {
        for w in w.chunks_exact(width) {
            for (row, &x) in square.chunks_exact_mut(width).zip(w) {
                add_scaled(x, w, row);
            }
        }
    }

    fn product_kernel<'a, F>(w: &'a [F], square: &'a [F], width: usize, gradient: &'a mut [F]) {
        for (w, gradient) in w.chunks_exact(width).zip(gradient.chunks_exact_mut(width)) {
            for (row, &x) in square.chunks_exact(width).zip(w) {
                add_scaled(x, row, gradient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_with_w_equal_their_definitions() {
        // Small integers: every sum is exact.
        let w = Array2::from_shape_fn((3, 5), |(k, i)| (k as f64 + 1.0) * (i as f64 - 2.0));
        let mut square = vec![0.0; 25];
        gram(w.as_slice().unwrap(), 5, &mut square);
        let g = w.t().dot(&w);
        assert_eq!(square, g.iter().copied().collect::<Vec<f64>>());
        let mut gradient = vec![0.0; 15];
        product(w.as_slice().unwrap(), &square, 5, &mut gradient);
        assert_eq!(gradient, w.dot(&g).iter().copied().collect::<Vec<f64>>());
    }
}
