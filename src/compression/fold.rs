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
//! The result is an ordinary model file, which knows nothing of `W`. Its weights are float32, so its
//! outputs are the compressed model's up to their rounding: 1e-6 for `frac_prevs`, and about 3e-4 of
//! the largest score for `sort_unique`, where weights of 100 amplify it.

use ndarray::{Array1, Array2};
use serde_json::json;

use super::Projection;
use crate::model::{CompiledModel, Layer, Linear};

/// Keys of a compiled model's metadata that are not true of a compressed one.
const NOT_INHERITED: [&str; 2] = ["model_output", "mlp_exactness"];

/// Multiplies `projection` into `model`; they must have the same features. The residual stream's
/// dimensions are called `d0`, `d1`, ...; the metadata key `compressed_from` says what they were.
pub fn fold(model: &CompiledModel, projection: &Projection) -> CompiledModel {
    let w = &projection.w;
    let write = |m: &Array2<f32>| single(&double(m).dot(&w.t()));
    let write_bias = |b: &Array1<f32>| b.mapv(f64::from).dot(&w.t()).mapv(|x| x as f32);
    let read = |m: &Array2<f32>| single(&w.dot(&double(m)));
    let reader = |linear: &Linear<f32>| Linear {
        weight: read(&linear.weight),
        bias: linear.bias.clone(),
    };
    let writer = |linear: &Linear<f32>| Linear {
        weight: write(&linear.weight),
        bias: write_bias(&linear.bias),
    };
    let mut metadata = model.metadata.clone();
    metadata.residual_labels = (0..w.nrows()).map(|i| format!("d{i}")).collect();
    for key in NOT_INHERITED {
        metadata.extra.shift_remove(key);
    }
    metadata.extra.insert(
        "compressed_from".into(),
        json!({ "width": model.width(), "residual_labels": projection.labels }),
    );
    CompiledModel {
        metadata,
        token_embed: write(&model.token_embed),
        pos_embed: write(&model.pos_embed),
        unembed: read(&model.unembed),
        layers: model
            .layers
            .iter()
            .map(|layer| Layer {
                query: reader(&layer.query),
                key: reader(&layer.key),
                value: reader(&layer.value),
                output: writer(&layer.output),
                fc1: reader(&layer.fc1),
                fc2: writer(&layer.fc2),
            })
            .collect(),
    }
}

fn double(m: &Array2<f32>) -> Array2<f64> {
    m.mapv(f64::from)
}

fn single(m: &Array2<f64>) -> Array2<f32> {
    m.mapv(|x| x as f32)
}
