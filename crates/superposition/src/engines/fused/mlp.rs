//! One MLP: `h̃ = ReLU(z)·fc2 + b`, and back.

use crate::engines::fused::passes::pieces::reader::Shape;
use crate::engines::fused::simd::linear::{Onto, Term, Weights, linear};
use crate::engines::fused::simd::{Lanes, Precision, kernels, one_at_a_time};

/// A linear map from what a block computes to its columns: `fc2`, or the output of all its heads.
#[derive(Clone, Debug)]
pub struct OutputMap<F> {
    /// `[inputs, columns]`, row-major.
    pub weights: Vec<F>,
    /// One a column.
    pub bias: Vec<F>,
}

impl<F: Precision> OutputMap<F> {
    /// In precision `F`.
    pub fn new(weights: impl Iterator<Item = f64>, bias: &[f64]) -> Self {
        Self {
            weights: weights.map(F::from_f64).collect(),
            bias: bias.iter().map(|x| F::from_f64(*x)).collect(),
        }
    }

    fn inputs(&self) -> usize {
        self.weights.len() / self.bias.len()
    }

    fn weights(&self) -> Weights<'_, F> {
        Weights {
            data: &self.weights,
            input: self.bias.len(),
            output: 1,
        }
    }

    /// `h̃ = x·weights + bias`.
    pub fn forward(&self, shape: Shape, x: &[Lanes<F>], h: &mut [Lanes<F>]) {
        let (x, weights) = (shape.rows(x, self.inputs()), self.weights());
        linear(
            &[Term { x, weights }],
            Onto::Bias(&self.bias),
            shape.rows_mut(h, self.bias.len()),
        );
    }

    /// `dx = dh̃·weightsᵀ`.
    pub fn backward(&self, shape: Shape, dh: &[Lanes<F>], dx: &mut [Lanes<F>]) {
        if self.weights.is_empty() {
            return; // a constant
        }
        let x = shape.rows(dh, self.bias.len());
        let weights = self.weights().transposed();
        linear(
            &[Term { x, weights }],
            Onto::Nothing,
            shape.rows_mut(dx, self.inputs()),
        );
    }
}

/// `h̃` from `z`, which becomes `ReLU(z)`.
pub fn forward<F: Precision>(
    fc2: &OutputMap<F>,
    shape: Shape,
    z: &mut [Lanes<F>],
    h: &mut [Lanes<F>],
) {
    relu(z);
    fc2.forward(shape, z, h);
}

/// `dz` from `dh̃` and `ReLU(z)`.
pub fn backward<F: Precision>(
    fc2: &OutputMap<F>,
    shape: Shape,
    z: &[Lanes<F>],
    dh: &[Lanes<F>],
    dz: &mut [Lanes<F>],
) {
    fc2.backward(shape, dh, dz);
    relu_backward(z, dz);
}

kernels! {
    fn relu<'a, F>(z: &'a mut [Lanes<F>]) {
        for z in z {
            one_at_a_time();
            *z = z.relu();
        }
    }

    fn relu_backward<'a, F>(z: &'a [Lanes<F>], dz: &'a mut [Lanes<F>]) {
        for (dz, z) in dz.iter_mut().zip(z) {
            one_at_a_time();
            *dz = z.zip(*dz, |z, dz| if z > F::zero() { dz } else { F::zero() });
        }
    }
}
