//! Rows in units of their own: the mean subtracted, and one standard deviation per dimension as the unit.

use ndarray::{Array1, Array2};
use superposition::inputs::alias::Alias;

use crate::recovery::rows::Rows;
use crate::recovery::{fit, weighted};

/// A standard deviation below this share of the rows' length is what rounding leaves of a constant.
const CONSTANT: f64 = 1e-9;

/// `y = (z − μ)/σ`, with `σ² = Σ w ‖z − μ‖² / d`.
#[derive(Clone, Debug)]
pub struct Scaled {
    /// `y`, `[n, d]`.
    pub y: Array2<f64>,
    /// The rows' weights, `[n]`.
    pub weights: Array1<f64>,
    /// `μ`, `[d]`.
    pub mean: Array1<f64>,
    /// `σ`.
    pub scale: f64,
    /// Draws a row by its weight.
    pub draw: Alias,
}

impl Scaled {
    /// None if the rows do not vary.
    pub fn new(rows: &Rows) -> Option<Self> {
        let mean = weighted::mean(rows.z.view(), &rows.weights);
        let scale = (fit::variance(rows) / rows.z.ncols() as f64).sqrt();
        let length = mean.dot(&mean).sqrt();
        (scale > CONSTANT * length && scale > 0.0).then(|| Self {
            y: (&rows.z - &mean) / scale,
            weights: rows.weights.clone(),
            draw: Alias::new(&rows.weights.to_vec()),
            mean,
            scale,
        })
    }

    /// An offset of `y` as one of `z`.
    pub fn offset(&self, bias: &Array1<f64>) -> Array1<f64> {
        &self.mean + &(bias * self.scale)
    }
}
