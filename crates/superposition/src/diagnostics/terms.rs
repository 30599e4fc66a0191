//! Each term of the loss by itself: its value and the length of its gradient.

use std::sync::Arc;

use ndarray::Array2;

use super::reading::Reading;
use crate::engines::Engine;
use crate::engines::fused::Fused;
use crate::inputs::sampler::Batch;
use crate::objective::{LayerReduction, Objective};
use crate::teacher::Teacher;
use tracr::model::{CompiledModel, Wiring};

/// Differentiates each term.
pub struct Terms {
    /// Each live block, the output, and the whole, with an objective of that alone.
    terms: Vec<(String, Objective, Fused<f64>)>,
}

impl Terms {
    /// For the blocks of `model` that write anything, the output, and the whole objective.
    pub fn new(
        model: &CompiledModel,
        teacher: &Arc<Teacher>,
        objective: &Objective,
        wiring: &Wiring,
    ) -> Self {
        let names = model.block_names();
        let only = |output_weight: f64, block: Option<usize>| Objective {
            output_positions: objective.output_positions,
            output_weight,
            layer_reduction: LayerReduction::Sum,
            block_weights: (0..names.len())
                .map(|i| f64::from(block == Some(i)))
                .collect(),
            layer_weight: f64::from(block.is_some()),
            l1_weight: 0.0,
            gram_weight: 0.0,
        };
        let live = |block: &usize| !teacher.live_columns(*block).is_empty();
        let blocks = (0..names.len())
            .filter(live)
            .map(|block| (names[block].clone(), only(0.0, Some(block))));
        let whole = [
            ("output".to_owned(), only(1.0, None)),
            ("total".to_owned(), objective.clone()),
        ];
        let terms = blocks.chain(whole).map(|(name, objective)| {
            let engine = Fused::new(Arc::clone(teacher), objective.clone(), 1);
            (name, objective, engine.with_wiring(wiring.clone()))
        });
        Self {
            terms: terms.collect(),
        }
    }

    /// `loss` and `gradient_norm` of each block, of `output`, and of `total`. Weights and penalties
    /// count in the total alone, and blocks are summed over the features.
    pub fn measure(&mut self, w: &Array2<f64>, inputs: &Batch) -> Vec<Reading> {
        let mut gradient = Array2::zeros(w.dim());
        let mut readings = Vec::with_capacity(2 * self.terms.len());
        for (name, objective, engine) in &mut self.terms {
            let loss = engine.loss_and_gradient(w, inputs, &mut gradient);
            let norm = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
            readings.push(Reading::new(name.as_str(), "loss", objective.total(&loss)));
            readings.push(Reading::new(name.as_str(), "gradient_norm", norm));
        }
        readings
    }
}
