//! The frozen weights in one precision, with what never contributes marked as dead.

use ndarray::Array2;

use super::{CompiledModel, Layer, Linear, Real};

/// A compiled model's weights as matrices of `F`.
#[derive(Clone, Debug)]
pub struct Frozen<F> {
    /// Shape `[V, D]`.
    pub token_embed: Array2<F>,
    /// Shape `[T, D]`.
    pub pos_embed: Array2<F>,
    /// Shape `[D, O]`.
    pub unembed: Array2<F>,
    /// The layers, in order.
    pub layers: Vec<Layer<F>>,
    /// `H`.
    pub heads: usize,
    /// `k`.
    pub key_size: usize,
    /// Whether later positions are masked.
    pub causal: bool,
}

impl<F: Real> Frozen<F> {
    /// Converts the float32 weights of `model` (exact for `f32` and `f64`).
    pub fn new(model: &CompiledModel) -> Self {
        Self {
            token_embed: convert(&model.token_embed),
            pos_embed: convert(&model.pos_embed),
            unembed: convert(&model.unembed),
            layers: model.layers.iter().map(convert_layer).collect(),
            heads: model.metadata.num_heads,
            key_size: model.metadata.key_size,
            causal: model.metadata.causal,
        }
    }

    /// `D`.
    pub fn width(&self) -> usize {
        self.token_embed.ncols()
    }
}

impl<F: Real> Layer<F> {
    /// Whether the attention block writes nothing, whatever it reads.
    pub fn attention_is_dead(&self) -> bool {
        self.output.is_zero()
    }

    /// Whether the MLP block writes nothing, whatever it reads.
    pub fn mlp_is_dead(&self) -> bool {
        self.fc2.is_zero()
    }
}

impl<F: Real> Linear<F> {
    fn is_zero(&self) -> bool {
        self.weight.iter().chain(&self.bias).all(|x| x.is_zero())
    }
}

fn convert<F: Real>(matrix: &Array2<f32>) -> Array2<F> {
    matrix.mapv(|x| F::from_f64(f64::from(x)))
}

fn convert_linear<F: Real>(linear: &Linear<f32>) -> Linear<F> {
    Linear {
        weight: convert(&linear.weight),
        bias: linear.bias.mapv(|x| F::from_f64(f64::from(x))),
    }
}

fn convert_layer<F: Real>(layer: &Layer<f32>) -> Layer<F> {
    Layer {
        query: convert_linear(&layer.query),
        key: convert_linear(&layer.key),
        value: convert_linear(&layer.value),
        output: convert_linear(&layer.output),
        fc1: convert_linear(&layer.fc1),
        fc2: convert_linear(&layer.fc2),
    }
}
