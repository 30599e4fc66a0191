//! The frozen weights in one precision, with what never contributes marked as dead.

use ndarray::{Array, Array2, Dimension};

use super::compiled::{CompiledModel, Layer, Linear};
use super::real::Real;

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
    /// Converts the weights of `model`: exact for `f64`, and for `f32` if it is a compiled model.
    pub fn new(model: &CompiledModel) -> Self {
        Self {
            token_embed: convert(&model.token_embed),
            pos_embed: convert(&model.pos_embed),
            unembed: convert(&model.unembed),
            layers: model.layers.iter().map(Layer::convert).collect(),
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

    /// The same layer in another precision.
    pub fn convert<G: Real>(&self) -> Layer<G> {
        Layer {
            query: self.query.convert(),
            key: self.key.convert(),
            value: self.value.convert(),
            output: self.output.convert(),
            fc1: self.fc1.convert(),
            fc2: self.fc2.convert(),
        }
    }
}

impl<F: Real> Linear<F> {
    fn is_zero(&self) -> bool {
        self.weight.iter().chain(&self.bias).all(|x| x.is_zero())
    }

    fn convert<G: Real>(&self) -> Linear<G> {
        Linear {
            weight: convert(&self.weight),
            bias: convert(&self.bias),
        }
    }
}

/// A vector or matrix in another precision.
pub fn convert<F: Real, G: Real, D: Dimension>(numbers: &Array<F, D>) -> Array<G, D> {
    numbers.mapv(|x| G::from_f64(x.widen()))
}
