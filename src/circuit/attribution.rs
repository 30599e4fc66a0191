//! Gradient attribution of edges: what a first-order estimate says that exchanging each edge does.
//!
//! With `M` the answer difference ([`super::metric`]) of a pair, `m_e` the message of edge `e` and `x_r` its receiver's
//! input, edge attribution patching (Syed et al. 2023) has the score
//!
//! ```text
//! ⟨m_e(base) − m_e(source), ∂M/∂x_r⟩
//! ```
//!
//! at the base, summed over positions: the drop of `M` to expect if `e` carried the source's value. Its integrated form
//! (Hanna et al. 2024, EAP-IG) has the mean gradient of `n` runs in which the embeddings write
//! `h(source) + k/n (h(base) − h(source))`, `k = 1..n`. A score is the mean over the pairs.

use ndarray::Array2;

use super::effects::{Chunk, Exchanges, Mean};
use super::network::Network;

/// Runs of the integrated form: as many as EAP-IG's authors and MIB use.
pub const STEPS: usize = 5;

impl Exchanges<'_> {
    /// By edge: its score by gradients at the base (`steps` of 1), or the mean of `steps` scores on the way from the source.
    pub fn attribute(&self, steps: usize) -> Vec<Mean> {
        let edges = &self.network.graph.edges;
        let each = |chunk: &Chunk, sums: &mut Vec<Mean>| {
            let gradients = mean_gradients(self.network, chunk, steps.max(1));
            let positions = chunk.base.shape.1;
            for (number, (edge, sum)) in edges.iter().zip(sums).enumerate() {
                let (base, source) = (&chunk.base.messages[number], &chunk.source.messages[number]);
                let products = (base - source) * &gradients[edge.receiver];
                for (pair, answers) in chunk.answers.counts().iter().enumerate() {
                    let rows = pair * positions..(pair + 1) * positions;
                    if *answers > 0 {
                        let score = rows.map(|row| products.row(row).sum()).sum();
                        sum.add(score, self.pairs.weight(chunk.start + pair));
                    }
                }
            }
        };
        self.sum(vec![Mean::default(); edges.len()], each, |total, part| {
            total.iter_mut().zip(part).for_each(|(a, b)| a.merge(b));
        })
    }
}

/// By receiver: the mean gradient, `[N, read]`.
fn mean_gradients(network: &Network, chunk: &Chunk, steps: usize) -> Vec<Array2<f64>> {
    let direction = chunk.answers.gradient();
    let mut total = network.gradients(&chunk.base, &direction);
    for step in 1..steps {
        let share = step as f64 / steps as f64;
        let [tokens, positions] = [0, 1].map(|embedding| {
            let (base, source) = (
                &chunk.base.values[embedding],
                &chunk.source.values[embedding],
            );
            source + &((base - source) * share)
        });
        let trace = network.forward_from([tokens, positions], chunk.base.shape);
        let gradients = network.gradients(&trace, &direction);
        total.iter_mut().zip(gradients).for_each(|(a, b)| *a += &b);
    }
    for gradient in &mut total {
        *gradient /= steps as f64;
    }
    total
}
