//! The objective `L = output_weight · L_out + layer_weight · L_layer + penalties`.
//!
//! - `L_layer` = Σ over blocks i of `c_i` times the mean over batch and *all* positions of
//!   `Σ_D (h_i(x) − h̃_i(x))²`, where `c_i` is the block's weight, over `D` if the mean over the
//!   features is asked for. The paper: `c_i = 1`.
//! - `L_out` = mean over batch and *counted* positions of the squared error of a numerical output,
//!   or of the softmax cross-entropy of a categorical one: against the compiled model's argmax class,
//!   or against the softmax of its scores ([`CategoricalTargets`]).
//! - The penalties are on `W` itself ([`super::penalty`]); the paper has none.

use serde::{Deserialize, Serialize};

/// Which positions `L_out` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputPositions {
    /// Every position, BOS and PAD included.
    #[default]
    All,
    /// The positions of tokens: neither BOS nor PAD.
    Tokens,
}

/// What the scores of a categorical output are compared with. It is the teacher who keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CategoricalTargets {
    /// The compiled model's class.
    #[default]
    Hard,
    /// The softmax of the compiled model's scores.
    Soft,
}

/// How a block's squared errors at one position become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerReduction {
    /// Their sum over the `D` features.
    #[default]
    Sum,
    /// Their mean over the `D` features.
    Mean,
}

/// The weights of the objective's parts, and where the output counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Which positions `L_out` counts.
    pub output_positions: OutputPositions,
    /// The weight of `L_out`.
    pub output_weight: f64,
    /// The weight of `L_layer`.
    pub layer_weight: f64,
    /// Sum or mean over the features.
    pub layer_reduction: LayerReduction,
    /// A weight for each of the `2L` blocks; a block beyond the list weighs 1.
    pub block_weights: Vec<f64>,
    /// The weight of `Σ |W_ij|`.
    pub l1_weight: f64,
    /// The weight of `Σ_{i≠j} |G_ij|`.
    pub gram_weight: f64,
}

/// The parts of the objective: `L_out` and `L_layer` before their weights, the penalties with them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// `L_out`.
    pub output: f64,
    /// `L_layer`.
    pub layers: f64,
    /// The penalties.
    pub penalty: f64,
}

/// The paper's objective.
impl Default for Objective {
    fn default() -> Self {
        Self {
            output_positions: OutputPositions::default(),
            output_weight: 1.0,
            layer_weight: 1.0,
            layer_reduction: LayerReduction::default(),
            block_weights: Vec::new(),
            l1_weight: 0.0,
            gram_weight: 0.0,
        }
    }
}

impl Objective {
    /// `L` from its parts.
    pub fn total(&self, loss: &Loss) -> f64 {
        self.output_weight * loss.output + self.layer_weight * loss.layers + loss.penalty
    }

    /// `c_i`: what `L_layer` multiplies the squared error of block `i` by, in a stream of `width`
    /// features.
    pub fn block_factor(&self, block: usize, width: usize) -> f64 {
        let weight = self.block_weights.get(block).copied().unwrap_or(1.0);
        match self.layer_reduction {
            LayerReduction::Sum => weight,
            LayerReduction::Mean => weight / width as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_objective_weighs_both_parts_by_one_and_has_no_penalty() {
        let paper = Objective::default();
        let loss = Loss {
            output: 2.0,
            layers: 3.0,
            penalty: 5.0,
        };
        assert_eq!(paper.total(&loss), 10.0);
        assert_eq!((paper.l1_weight, paper.gram_weight), (0.0, 0.0));
        assert_eq!(
            (paper.block_factor(0, 14), paper.block_factor(7, 14)),
            (1.0, 1.0)
        );
    }

    #[test]
    fn a_total_multiplies_each_part_by_its_weight_and_the_penalty_by_none() {
        let objective = Objective {
            output_weight: 0.5,
            layer_weight: 4.0,
            ..Objective::default()
        };
        let loss = Loss {
            output: 3.0,
            layers: 7.0,
            penalty: 0.25,
        };
        assert_eq!(objective.total(&loss), 1.5 + 28.0 + 0.25);
    }

    #[test]
    fn a_block_factor_is_the_blocks_weight_over_the_width_for_a_mean() {
        let mut objective = Objective {
            block_weights: vec![6.0, 0.0],
            ..Objective::default()
        };
        let factors = |o: &Objective| [0, 1, 2].map(|block| o.block_factor(block, 4));
        assert_eq!(factors(&objective), [6.0, 0.0, 1.0]);
        objective.layer_reduction = LayerReduction::Mean;
        assert_eq!(factors(&objective), [1.5, 0.0, 0.25]);
    }
}
