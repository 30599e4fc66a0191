//! Products with matrices that are mostly zero, as those of compiled models are: the same bits on every machine, as
//! each number is a sum in one order, of terms that are rounded one by one.

use ndarray::{Array2, ArrayView2};

use super::compiled::Linear;
use super::real::Real;

/// A matrix `[inputs, outputs]` without its zeros, and what is added.
#[derive(Clone, Debug)]
pub struct SparseMap<F> {
    /// Where each input's entries end.
    ends: Vec<usize>,
    /// Outputs with their weights, input by input.
    entries: Vec<(usize, F)>,
    bias: Vec<F>,
    /// The inputs that have entries.
    read: Vec<usize>,
}

impl<F: Real> SparseMap<F> {
    /// Of a matrix, with nothing added.
    pub fn new(matrix: &Array2<F>) -> Self {
        let (mut entries, mut ends, mut read) = (Vec::new(), Vec::new(), Vec::new());
        let matrix = matrix.as_standard_layout();
        let rows = matrix.as_slice().unwrap_or_default();
        for (input, row) in rows.chunks_exact(matrix.ncols().max(1)).enumerate() {
            let before = entries.len();
            let weights = row.iter().copied().enumerate();
            entries.extend(weights.filter(|(_, weight)| *weight != F::zero()));
            if entries.len() > before {
                read.push(input);
            }
            ends.push(entries.len());
        }
        Self {
            ends,
            entries,
            bias: vec![F::zero(); matrix.ncols()],
            read,
        }
    }

    /// Of a linear map.
    pub fn of(linear: &Linear<F>) -> Self {
        Self {
            bias: linear.bias.to_vec(),
            ..Self::new(&linear.weight)
        }
    }

    /// The inputs that it reads, in order.
    pub fn read(&self) -> &[usize] {
        &self.read
    }

    /// `[N, inputs]` to `[N, outputs]`.
    pub fn apply(&self, inputs: &Array2<F>) -> Array2<F> {
        let outputs = self.bias.len();
        let mut all = Array2::zeros((inputs.nrows(), outputs));
        let inputs = inputs.as_standard_layout();
        let rows = inputs.as_slice().unwrap_or_default();
        let rows = rows.chunks_exact(inputs.ncols().max(1));
        let to = all.as_slice_mut().unwrap_or_default();
        for (input, output) in rows.zip(to.chunks_exact_mut(outputs.max(1))) {
            for &read in &self.read {
                let x = input[read];
                if x != F::zero() {
                    let start = read.checked_sub(1).map_or(0, |before| self.ends[before]);
                    for &(to, weight) in &self.entries[start..self.ends[read]] {
                        output[to] += x * weight;
                    }
                }
            }
            for (output, bias) in output.iter_mut().zip(&self.bias) {
                *output += *bias;
            }
        }
        all
    }
}

/// `[N, inputs]` times `[inputs, outputs]`; zeros among the former cost nothing.
pub fn product<F: Real>(left: &Array2<F>, right: ArrayView2<'_, F>) -> Array2<F> {
    let all: Vec<usize> = (0..right.ncols()).collect();
    product_into(left, right, (&all, all.len()))
}

/// [`product`], as columns `to` of `[N, width]`, which is zero elsewhere.
pub fn product_into<F: Real>(
    left: &Array2<F>,
    right: ArrayView2<'_, F>,
    (to, width): (&[usize], usize),
) -> Array2<F> {
    let mut all = Array2::zeros((left.nrows(), width));
    let (left, right) = (left.as_standard_layout(), right.as_standard_layout());
    let rows = left.as_slice().unwrap_or_default();
    let rows = rows.chunks_exact(left.ncols().max(1));
    let outputs = all.as_slice_mut().unwrap_or_default();
    let columns = right.as_slice().unwrap_or_default();
    let mut sums = vec![F::zero(); right.ncols()];
    for (left, output) in rows.zip(outputs.chunks_exact_mut(width.max(1))) {
        sums.fill(F::zero());
        for (x, row) in left.iter().zip(columns.chunks_exact(sums.len().max(1))) {
            if *x != F::zero() {
                for (sum, weight) in sums.iter_mut().zip(row) {
                    *sum += *x * *weight;
                }
            }
        }
        for (to, sum) in to.iter().zip(&sums) {
            output[*to] = *sum;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn sparse_map_is_the_dense_one() {
        let weight = array![[0.0, 2.0, 0.0], [0.0; 3], [1.0, 0.0, -3.0]];
        let bias = array![0.5, 0.0, 0.25];
        let map = SparseMap::of(&Linear { weight, bias });
        assert_eq!(map.read(), [0, 2]);
        let found = map.apply(&array![[1.0, f64::NAN, 2.0], [0.0, 7.0, 0.0]]);
        assert_eq!(found, array![[2.5, 2.0, -5.75], [0.5, 0.0, 0.25]]);
    }

    #[test]
    fn product_adds_in_the_order_of_the_inputs() {
        let left = array![[1e16, 1.0, -1e16], [0.0, 2.0, 0.0]];
        let right = array![[1.0, 0.0], [1.0, 3.0], [1.0, 0.0]];
        let found = product_into(&left, right.view(), (&[0, 2], 3));
        let first = (1e16 + 1.0) - 1e16;
        assert_eq!(found, array![[first, 0.0, 3.0], [2.0, 0.0, 6.0]]);
        let transposed = right.t().to_owned();
        assert_eq!(
            product(&left, transposed.t()),
            array![[first, 3.0], [2.0, 6.0]]
        );
    }
}
