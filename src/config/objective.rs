//! `[objective]`: what is minimised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::source::ConfigSource;
use superposition::{CategoricalTargets, LayerReduction, Objective, OutputPositions};
use tracr::model::{CompiledModel, OutputKind};

/// `[objective]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ObjectiveConfig {
    pub output_positions: OutputPositions,
    pub output_weight: f64,
    pub layer_weight: f64,
    pub categorical_targets: CategoricalTargets,
    pub layer_reduction: LayerReduction,
    pub l1_weight: f64,
    pub gram_weight: f64,
    /// By block; one that is not named weighs 1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub block_weights: BTreeMap<String, f64>,
}

impl ObjectiveConfig {
    /// Whether there is something to minimise.
    ///
    /// # Errors
    /// If not.
    pub(super) fn check_weights(&self, source: &ConfigSource) -> Result<(), ConfigError> {
        if self.output_weight == 0.0 && self.layer_weight == 0.0 {
            return Err(source.conflict(
                "objective.output_weight",
                "it and objective.layer_weight are both 0, which leaves nothing to minimise: \
                 set one of them above 0",
            ));
        }
        Ok(())
    }

    /// Whether the model has what the values speak of.
    ///
    /// # Errors
    /// Names the key, and what it could speak of.
    pub fn check(&self, source: &ConfigSource, model: &CompiledModel) -> Result<(), ConfigError> {
        let soft = self.categorical_targets == CategoricalTargets::Soft;
        if soft && model.metadata.output_kind == OutputKind::Numerical {
            return Err(source.conflict(
                "objective.categorical_targets",
                format!(
                    "soft targets are distributions over classes, but the output of {} is a number: \
                     leave it \"hard\"",
                    model.metadata.program
                ),
            ));
        }
        let blocks = model.block_names();
        for (block, weight) in &self.block_weights {
            let problem = if !blocks.contains(block) {
                format!("there is no block `{block}`")
            } else if !(*weight >= 0.0 && weight.is_finite()) {
                format!(
                    "the weight of `{block}` is {weight}, but it must be a number of at least 0"
                )
            } else {
                continue;
            };
            let problem = format!("{problem} (the blocks are {})", blocks.join(", "));
            return Err(source.conflict("objective.block_weights", problem));
        }
        Ok(())
    }

    /// The objective for a model with these blocks.
    pub fn objective(&self, blocks: &[String]) -> Objective {
        let weight = |block| self.block_weights.get(block).copied().unwrap_or(1.0);
        Objective {
            output_positions: self.output_positions,
            output_weight: self.output_weight,
            layer_weight: self.layer_weight,
            layer_reduction: self.layer_reduction,
            block_weights: blocks.iter().map(weight).collect(),
            l1_weight: self.l1_weight,
            gram_weight: self.gram_weight,
        }
    }
}
