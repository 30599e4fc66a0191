//! The weights of a model and the names of everything.

use std::ops::{Deref, DerefMut};
use std::slice::{Iter, IterMut};
use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::metadata::Metadata;

/// A linear map `x ↦ x·weight + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<F> {
    /// Shape `[inputs, outputs]`.
    pub weight: Array2<F>,
    /// Shape `[outputs]`.
    pub bias: Array1<F>,
}

/// One layer: attention, then MLP, each with a residual add.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<F> {
    /// Shape `[D, H·k]`, heads side by side.
    pub query: Linear<F>,
    /// Shape `[D, H·k]`.
    pub key: Linear<F>,
    /// Shape `[D, H·k]`.
    pub value: Linear<F>,
    /// Shape `[H·k, D]`.
    pub output: Linear<F>,
    /// Shape `[D, hidden]`.
    pub fc1: Linear<F>,
    /// Shape `[hidden, D]`.
    pub fc2: Linear<F>,
}

/// The layers of a model, in order. Copies share their weights until one of them is changed, as they are nearly all of
/// a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers<F>(Arc<Vec<Layer<F>>>);

impl<F> FromIterator<Layer<F>> for Layers<F> {
    fn from_iter<T: IntoIterator<Item = Layer<F>>>(layers: T) -> Self {
        Self(Arc::new(layers.into_iter().collect()))
    }
}

impl<F> Deref for Layers<F> {
    type Target = [Layer<F>];

    fn deref(&self) -> &[Layer<F>] {
        &self.0
    }
}

impl<F: Clone> DerefMut for Layers<F> {
    fn deref_mut(&mut self) -> &mut [Layer<F>] {
        Arc::make_mut(&mut self.0).as_mut_slice()
    }
}

impl<'a, F> IntoIterator for &'a Layers<F> {
    type Item = &'a Layer<F>;
    type IntoIter = Iter<'a, Layer<F>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, F: Clone> IntoIterator for &'a mut Layers<F> {
    type Item = &'a mut Layer<F>;
    type IntoIter = IterMut<'a, Layer<F>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// A model as a model file holds it: weights and the names of everything.
///
/// A compiled model's weights are float32 numbers, an exported one's may be float64: here both are
/// wide, and what they were on disk is told from their values (see [`CompiledModel::to_bytes`]).
///
/// `D` is the width of the residual stream, `V` the vocabulary (BOS and PAD included), `T` the
/// number of positions (BOS and `max_seq_len` tokens), `O` the number of output columns.
#[derive(Clone, Debug, PartialEq)]
pub struct CompiledModel {
    /// Labels, vocabulary, sizes.
    pub metadata: Metadata,
    /// Shape `[V, D]`.
    pub token_embed: Array2<f64>,
    /// Shape `[T, D]`; row 0 (BOS) is zero in Tracr's models.
    pub pos_embed: Array2<f64>,
    /// Shape `[D, O]`.
    pub unembed: Array2<f64>,
    /// The layers, in order.
    pub layers: Layers<f64>,
}

impl CompiledModel {
    /// `D`, the width of the compiled residual stream.
    pub fn width(&self) -> usize {
        self.metadata.residual_labels.len()
    }

    /// `T`, the number of positions: BOS and up to `max_seq_len` tokens.
    pub fn positions(&self) -> usize {
        self.metadata.max_seq_len + 1
    }

    /// About how many multiplications a pass over one input of full length takes.
    pub fn multiplications(&self) -> u64 {
        let meta = &self.metadata;
        let (d, t) = (self.width() as u64, self.positions() as u64);
        let attention = (meta.num_heads * meta.key_size) as u64;
        let mlp = meta.mlp_hidden_size as u64;
        let layer = t * d * (4 * attention + 2 * mlp) + 2 * t * t * attention;
        layer.saturating_mul(meta.num_layers.max(1) as u64).max(1)
    }

    /// `layer0.attn`, `layer0.mlp`, `layer1.attn`, ...: the names of the `2L` blocks.
    pub fn block_names(&self) -> Vec<String> {
        (0..2 * self.layers.len()).map(block_name).collect()
    }
}

/// `layer0.attn` for block 0, `layer0.mlp` for block 1, ...
pub fn block_name(block: usize) -> String {
    let kind = if block.is_multiple_of(2) {
        "attn"
    } else {
        "mlp"
    };
    format!("layer{}.{kind}", block / 2)
}

/// What writes to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// `token_embed[x] + pos_embed`.
    Embedding,
    /// Block `i`: attention of layer `i / 2` if even, else its MLP.
    Block(usize),
}

impl Site {
    /// `embed`, or the block's.
    pub fn name(self) -> String {
        match self {
            Self::Embedding => "embed".into(),
            Self::Block(i) => block_name(i),
        }
    }
}
