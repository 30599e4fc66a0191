//! The objective `L = output_weight · L_out + layer_weight · L_layer`.
//!
//! - `L_layer` = Σ over blocks i of the mean over batch and *all* positions of
//!   `Σ_D (h_i(x) − h̃_i(x))²`.
//! - `L_out` = mean over batch and *counted* positions of the squared error of a numerical output,
//!   or of the softmax cross-entropy of a categorical one against the compiled model's argmax class.

use serde::{Deserialize, Serialize};

/// Which positions `L_out` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputPositions {
    /// Every position, BOS and PAD included.
    All,
    /// The positions of tokens: neither BOS nor PAD.
    Tokens,
}

/// The weights of the objective's two parts, and where the output counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Which positions `L_out` counts.
    pub output_positions: OutputPositions,
    /// The weight of `L_out`.
    pub output_weight: f64,
    /// The weight of `L_layer`.
    pub layer_weight: f64,
}

impl Objective {
    /// `L` from its two parts.
    pub fn total(&self, output: f64, layers: f64) -> f64 {
        self.output_weight * output + self.layer_weight * layers
    }
}
