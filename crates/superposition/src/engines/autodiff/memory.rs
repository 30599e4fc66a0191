//! What the engine holds: upper estimates in bytes, before anything of these sizes is made.

use crate::engines::engine::Precision;
use tracr::model::{CompiledModel, Wiring};

/// Inputs per graph.
pub(super) const PIECE: usize = 128;

/// The graphs that are alive at the same time, and the gradients of all of a batch's.
pub fn graphs(
    model: &CompiledModel,
    precision: Precision,
    (batch, threads, dim): (usize, usize, usize),
    wiring: &Wiring,
) -> u128 {
    let float = precision.bytes();
    let positions = model.positions() as u128;
    let inner = (model.metadata.num_heads * model.metadata.key_size) as u128;
    let hidden = model.metadata.mlp_hidden_size as u128;
    let width = model.width() as u128;
    let layers = model.layers.len() as u128;
    let row = layers * (14 * width + 12 * inner + 6 * hidden) + 4 * width;
    let logits = layers * model.metadata.num_heads as u128 * positions * 8;
    let graph = PIECE as u128 * positions * (row + logits) * float;
    let graphs = batch.div_ceil(PIECE) as u128;
    let gradients = graphs * wiring.count() as u128 * dim as u128 * width * 8;
    graph * (threads as u128).min(graphs) + gradients
}
