//! The frozen weights in one precision, with what never contributes marked as dead.

use std::any::Any;

use ndarray::{Array, Array2, Dimension};

use super::compiled::{CompiledModel, Layer, Layers, Linear};
use super::real::Real;
use super::sparse::SparseMap;

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
    pub layers: Layers<F>,
    /// `H`.
    pub heads: usize,
    /// `k`.
    pub key_size: usize,
    /// Whether later positions are masked.
    pub causal: bool,
    /// The layers and the unembedding without their zeros.
    maps: Vec<Maps<F>>,
    scores: SparseMap<F>,
}

/// A layer's maps without their zeros.
#[derive(Clone, Debug)]
pub(super) struct Maps<F> {
    pub query: SparseMap<F>,
    pub key: SparseMap<F>,
    pub value: SparseMap<F>,
    pub output: SparseMap<F>,
    pub fc1: SparseMap<F>,
    pub fc2: SparseMap<F>,
}

impl<F: Real> Frozen<F> {
    /// Converts the weights of `model`: exact for `f64`, and for `f32` if it is a compiled model.
    pub fn new(model: &CompiledModel) -> Self {
        let layers = same_or_converted(&model.layers);
        let unembed = convert(&model.unembed);
        Self {
            token_embed: convert(&model.token_embed),
            pos_embed: convert(&model.pos_embed),
            maps: layers.iter().map(Maps::new).collect(),
            scores: SparseMap::new(&unembed),
            unembed,
            layers,
            heads: model.metadata.num_heads,
            key_size: model.metadata.key_size,
            causal: model.metadata.causal,
        }
    }

    /// `D`.
    pub fn width(&self) -> usize {
        self.token_embed.ncols()
    }

    pub(super) fn maps(&self) -> &[Maps<F>] {
        &self.maps
    }

    pub(super) fn scores(&self) -> &SparseMap<F> {
        &self.scores
    }
}

impl<F: Real> Maps<F> {
    fn new(layer: &Layer<F>) -> Self {
        Self {
            query: SparseMap::of(&layer.query),
            key: SparseMap::of(&layer.key),
            value: SparseMap::of(&layer.value),
            output: SparseMap::of(&layer.output),
            fc1: SparseMap::of(&layer.fc1),
            fc2: SparseMap::of(&layer.fc2),
        }
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
    /// The outputs that are not always zero, in order.
    pub fn live_columns(&self) -> Vec<usize> {
        (0..self.bias.len()).filter(|c| self.is_live(*c)).collect()
    }

    /// Whether output `c` is ever anything but zero.
    pub fn is_live(&self, c: usize) -> bool {
        !self.bias[c].is_zero() || self.weight.column(c).iter().any(|x| !x.is_zero())
    }

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

/// The layers in another precision; in the same one, without a copy.
fn same_or_converted<F: Real>(layers: &Layers<f64>) -> Layers<F> {
    let same = (layers as &dyn Any).downcast_ref::<Layers<F>>();
    same.cloned()
        .unwrap_or_else(|| layers.iter().map(Layer::convert).collect())
}

/// A vector or matrix in another precision.
pub fn convert<F: Real, G: Real, D: Dimension>(numbers: &Array<F, D>) -> Array<G, D> {
    numbers.mapv(|x| G::from_f64(x.widen()))
}
