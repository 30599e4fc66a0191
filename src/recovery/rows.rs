//! The compressed residual stream as data, and a dictionary's reconstruction of it.

use ndarray::{Array1, Array2};

/// States of the compressed stream, one a row, each different from the others.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The states `z = W s`, `[n, d]`.
    pub z: Array2<f64>,
    /// How often each occurs, `[n]`: at least 0, and 1 together.
    pub weights: Array1<f64>,
}

/// What a dictionary makes of [`Rows`]: `z ≈ codes · atoms + bias`.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// The directions, `[m, d]`; their lengths are not all 1.
    pub atoms: Array2<f64>,
    /// How much of each atom a row has, `[n, m]`.
    pub codes: Array2<f64>,
    /// The offset, `[d]`.
    pub bias: Array1<f64>,
}
