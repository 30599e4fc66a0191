//! A linear map with its transpose, both without their zeros.

use ndarray::{Array1, Array2};

use tracr::model::Linear;
use tracr::model::sparse::SparseMap;

/// `x ↦ x·M + b` and `g ↦ g·Mᵀ`.
#[derive(Clone, Debug)]
pub(super) struct Map {
    there: SparseMap<f64>,
    back: SparseMap<f64>,
}

impl Map {
    /// Of a matrix, with nothing added.
    pub fn new(matrix: Array2<f64>) -> Self {
        let bias = Array1::zeros(matrix.ncols());
        Self::of(matrix, bias)
    }

    /// Of a matrix `[inputs, outputs]` and a bias `[outputs]`.
    pub fn of(weight: Array2<f64>, bias: Array1<f64>) -> Self {
        Self {
            back: SparseMap::new(&weight.t().to_owned()),
            there: SparseMap::of(&Linear { weight, bias }),
        }
    }

    /// `[N, inputs]` to `[N, outputs]`.
    pub fn apply(&self, inputs: &Array2<f64>) -> Array2<f64> {
        self.there.apply(inputs)
    }

    /// A derivative by the outputs, `[N, outputs]`, to that by the inputs, `[N, inputs]`.
    pub fn back(&self, gradients: &Array2<f64>) -> Array2<f64> {
        self.back.apply(gradients)
    }
}
