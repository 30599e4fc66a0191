//! The JSON that a model file carries under its metadata key `tracr`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::value::Value;
use base::escape::{self, name};

/// The only version of the format so far.
pub const FORMAT_VERSION: u32 = 1;

/// Why the JSON of a model file was refused.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// The text is not JSON, or a nested value is of the wrong type.
    #[error("its metadata is not what the format asks for: {0}")]
    Json(serde_json::Error),
    /// A format of another time.
    #[error("it has format_version {0}, this program reads version {FORMAT_VERSION}")]
    Version(String),
    /// A key that is missing, of the wrong type or out of range, or two that contradict each other.
    #[error("its metadata is wrong: {0}")]
    Wrong(String),
}

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
    /// A condition, in RASP, of the inputs that the program is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
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

/// Parses and checks the JSON of a model file.
///
/// # Errors
/// See [`MetadataError`].
pub fn parse(text: &str) -> Result<Metadata, MetadataError> {
    let json: Json = serde_json::from_str(text).map_err(MetadataError::Json)?;
    // The version first: another version's keys need no other complaint.
    match json.get("format_version") {
        Some(version) if version.as_u64() != Some(FORMAT_VERSION.into()) => {
            return Err(MetadataError::Version(version.to_string()));
        }
        _ => {}
    }
    check_types(&json).map_err(MetadataError::Wrong)?;
    let metadata: Metadata = serde_json::from_value(json).map_err(MetadataError::Json)?;
    check(&metadata).map_err(MetadataError::Wrong)?;
    Ok(metadata)
}

/// Every key with what may stand there, so that a message can name the one at fault.
fn check_types(json: &Json) -> Result<(), String> {
    let whole: (fn(&Json) -> bool, &str) = (|v| v.as_u64().is_some(), "a whole number");
    let flag: (fn(&Json) -> bool, &str) = (Json::is_boolean, "true or false");
    let text: (fn(&Json) -> bool, &str) = (Json::is_string, "a text");
    let values: (fn(&Json) -> bool, &str) = (Json::is_array, "a list of values");
    let names: (fn(&Json) -> bool, &str) = (
        |v| {
            v.as_array()
                .is_some_and(|list| list.iter().all(Json::is_string))
        },
        "a list of names",
    );
    let classes: (fn(&Json) -> bool, &str) =
        (|v| v.is_array() || v.is_null(), "a list of values, or null");
    let kind: (fn(&Json) -> bool, &str) = (
        |v| matches!(v.as_str(), Some("numerical" | "categorical")),
        "\"numerical\" or \"categorical\"",
    );
    for (key, (allows, expected)) in [
        ("format_version", whole),
        ("program", text),
        ("residual_labels", names),
        ("input_vocab", values),
        ("bos_id", whole),
        ("pad_id", whole),
        ("output_kind", kind),
        ("output_encoding", classes),
        ("num_heads", whole),
        ("num_layers", whole),
        ("key_size", whole),
        ("mlp_hidden_size", whole),
        ("causal", flag),
        ("max_seq_len", whole),
    ] {
        match json.get(key) {
            None => return Err(format!("`{key}` is missing: expected {expected}")),
            Some(value) if !allows(value) => {
                let written = value.to_string();
                return Err(format!(
                    "`{key}` is {}: expected {expected}",
                    escape::name(&written)
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What the metadata alone can get wrong. Label counts are checked as shapes, against tensors.
fn check(meta: &Metadata) -> Result<(), String> {
    if let Some(label) = duplicate(meta.residual_labels.iter()) {
        return Err(format!("residual_labels has `{}` twice", name(label)));
    }
    if let Some(token) = duplicate(meta.input_vocab.iter().map(|v| v.to_json().to_string())) {
        return Err(format!("input_vocab has {} twice", name(&token)));
    }
    for (which, id, token) in [
        ("bos", meta.bos_id, &meta.bos_token),
        ("pad", meta.pad_id, &meta.pad_token),
    ] {
        match meta.input_vocab.get(id) {
            None => {
                return Err(format!(
                    "{which}_id is {id}, but input_vocab has {} tokens",
                    meta.input_vocab.len()
                ));
            }
            Some(found) if found != token => {
                return Err(format!(
                    "{which}_token is `{}`, but token {id} of input_vocab is `{}`",
                    token.shown(),
                    found.shown()
                ));
            }
            Some(_) => {}
        }
    }
    if meta.bos_id == meta.pad_id {
        return Err("BOS and PAD are the same token".into());
    }
    match (meta.output_kind, &meta.output_encoding) {
        (OutputKind::Numerical, Some(_)) => {
            return Err("output_kind is numerical, but there is an output_encoding".into());
        }
        (OutputKind::Categorical, None) => {
            return Err("output_kind is categorical, but output_encoding is null".into());
        }
        (OutputKind::Categorical, Some(classes)) if classes.is_empty() => {
            return Err("output_encoding is empty".into());
        }
        _ => {}
    }
    for (key, size) in [
        ("residual_labels", meta.residual_labels.len()),
        ("max_seq_len", meta.max_seq_len),
        ("num_heads", meta.num_heads),
        ("key_size", meta.key_size),
    ] {
        if size == 0 {
            return Err(format!("{key} must be at least 1"));
        }
    }
    if meta.input_vocab.len() < 3 {
        return Err("input_vocab has no token besides BOS and PAD".into());
    }
    Ok(())
}

fn duplicate<T: Ord + Clone>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    items.into_iter().find(|item| !seen.insert(item.clone()))
}
