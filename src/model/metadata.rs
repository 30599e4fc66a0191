//! The JSON that a model file carries under its metadata key `tracr`.

use serde::{Deserialize, Serialize};

use super::Value;

/// The only version of the format so far.
pub const FORMAT_VERSION: u32 = 1;

/// How the unembedded residual stream is read as the program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputKind {
    /// The single unembedding column is the number itself.
    Numerical,
    /// The column with the largest score names the class.
    Categorical,
}

/// Names and sizes of a compiled model. Keys of the file that are not listed here are kept aside
/// in [`Metadata::extra`] and written back unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Always [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The program's name, for people.
    pub program: String,
    /// The `D` features, in the order of the residual stream: `tokens:x`, `indices:3`, `is_x`.
    pub residual_labels: Vec<String>,
    /// The `V` tokens; the index is the token id.
    pub input_vocab: Vec<Value>,
    /// The token at position 0.
    pub bos_token: Value,
    /// The token that fills up short inputs.
    pub pad_token: Value,
    /// The id of `bos_token` in `input_vocab`.
    pub bos_id: usize,
    /// The id of `pad_token` in `input_vocab`.
    pub pad_id: usize,
    /// Numerical or categorical.
    pub output_kind: OutputKind,
    /// The class of each unembedding column; `None` for a numerical output.
    pub output_encoding: Option<Vec<Value>>,
    /// `H`.
    pub num_heads: usize,
    /// `L`.
    pub num_layers: usize,
    /// `k`, the width of a head's queries, keys and values.
    pub key_size: usize,
    /// Width of every MLP's hidden layer.
    pub mlp_hidden_size: usize,
    /// Whether a position attends only to itself and to those before it.
    pub causal: bool,
    /// `T − 1`.
    pub max_seq_len: usize,
    /// Whether the program is defined only for inputs without repeated tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique_tokens: bool,
    /// Every other key of the file.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Metadata {
    /// The ids of the tokens that an input may consist of: all but BOS and PAD, in their order.
    pub fn word_ids(&self) -> Vec<usize> {
        (0..self.input_vocab.len())
            .filter(|id| ![self.bos_id, self.pad_id].contains(id))
            .collect()
    }

    /// The number of unembedding columns, `O`.
    pub fn output_columns(&self) -> usize {
        self.output_encoding.as_ref().map_or(1, Vec::len)
    }
}
