//! Attention patterns: how much each query position attends to each key position, head by head.

use ndarray::{Array2, Axis};

use super::forward::{Trace, softmax_rows};
use super::frozen::Frozen;
use super::real::Real;

/// The attention of one head on one input.
#[derive(Clone, Debug)]
pub struct Pattern<F> {
    /// From 0.
    pub layer: usize,
    /// From 0, within the layer.
    pub head: usize,
    /// `[T, T]`: row = query, column = key; each row sums to 1.
    pub weights: Array2<F>,
}

impl<F> Pattern<F> {
    /// For people: `layer0.attn head 0`.
    pub fn name(&self) -> String {
        format!("layer{}.attn head {}", self.layer, self.head)
    }
}

impl<F: Real> Frozen<F> {
    /// The patterns of the first input of a pass, of the heads that write anything: a compiled model has
    /// as many heads in each layer, and some layers need fewer.
    pub fn patterns(&self, trace: &Trace<F>) -> Vec<Pattern<F>> {
        let mut patterns = Vec::new();
        for (i, (layer, logits)) in self.layers.iter().zip(&trace.attention_logits).enumerate() {
            for head in 0..self.heads {
                let mut columns = head * self.key_size..(head + 1) * self.key_size;
                if !columns.any(|c| layer.value.is_live(c)) {
                    continue;
                }
                let of_input = logits.index_axis(Axis(0), 0);
                let mut weights = of_input.index_axis(Axis(0), head).to_owned();
                softmax_rows(&mut weights, self.causal);
                patterns.push(Pattern {
                    layer: i,
                    head,
                    weights,
                });
            }
        }
        patterns
    }
}
