//! The compressed model as a real transformer of width `d`: `W` multiplied into the frozen weights.
//!
//! What writes to the stream is multiplied by `Wᵀ` from the right (embeddings, output matrices and
//! their biases), what reads from it by `W` from the left (queries, keys, values, first MLP layer,
//! unembedding):
//!
//! ```text
//! stream_0 = (E Wᵀ)[x],   h̃ Wᵀ = (a O + b) Wᵀ = a (O Wᵀ) + b Wᵀ,   (s W) Q = s (W Q)
//! ```
//!
//! With several `W` each weight takes the one that its block reads or writes with.
//!
//! The result is an ordinary model, which knows nothing of `W`. Its weights are float64, so that its
//! outputs are the compressed model's up to the order of summation; rounded to float32 they may not be
//! (weights of 100, as `sort_unique` has them, amplify the rounding), which `cli/export.rs` measures.

use ndarray::Array2;
use serde_json::json;

use super::Projection;
use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Layer, Linear, Site};

/// Keys of a compiled model's metadata that are not true of a compressed one.
const NOT_INHERITED: [&str; 2] = ["model_output", "mlp_exactness"];

/// Multiplies `projection` into `model`; they must have the same features. The residual stream's
/// dimensions are called `d0`, `d1`, ...; the metadata key `compressed_from` says what they were.
pub fn fold(model: &CompiledModel, projection: &Projection) -> CompiledModel {
    let Projection { w, wiring, .. } = projection;
    let write = |site: Site, m: &Array2<f64>| m.dot(&wiring.matrix(w, wiring.write(site)).t());
    let read = |reader: Reader, m: &Array2<f64>| wiring.matrix(w, wiring.read(reader)).dot(m);
    let reader = |block: usize, linear: &Linear<f64>| Linear {
        weight: read(Reader::Block(block), &linear.weight),
        bias: linear.bias.clone(),
    };
    let writer = |block: usize, linear: &Linear<f64>| {
        let w = wiring.matrix(w, wiring.write(Site::Block(block)));
        Linear {
            weight: linear.weight.dot(&w.t()),
            bias: linear.bias.dot(&w.t()),
        }
    };
    let mut metadata = model.metadata.clone();
    metadata.residual_labels = (0..projection.width()).map(|i| format!("d{i}")).collect();
    for key in NOT_INHERITED {
        metadata.extra.shift_remove(key);
    }
    metadata.extra.insert(
        "compressed_from".into(),
        json!({ "width": model.width(), "residual_labels": projection.labels }),
    );
    CompiledModel {
        metadata,
        token_embed: write(Site::Embedding, &model.token_embed),
        pos_embed: write(Site::Embedding, &model.pos_embed),
        unembed: read(Reader::Unembedding, &model.unembed),
        layers: model
            .layers
            .iter()
            .enumerate()
            .map(|(i, layer)| Layer {
                query: reader(2 * i, &layer.query),
                key: reader(2 * i, &layer.key),
                value: reader(2 * i, &layer.value),
                output: writer(2 * i, &layer.output),
                fc1: reader(2 * i + 1, &layer.fc1),
                fc2: writer(2 * i + 1, &layer.fc2),
            })
            .collect(),
    }
}
