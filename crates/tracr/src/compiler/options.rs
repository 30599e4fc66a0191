//! How a program is to be compiled.

use crate::model::Value;

/// How a program is to be compiled.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program's name, for people.
    pub program_name: String,
    /// The tokens, all different in Python's eyes, without BOS and PAD.
    pub vocab: Vec<Value>,
    /// The longest input, BOS not counted.
    pub max_seq_len: usize,
    /// Whether a position attends only to itself and to those before it.
    pub causal: bool,
    /// `L`, the slope of thresholds on numbers. Tracr's default is 100; lower is less exact.
    pub mlp_exactness: f64,
    /// The token at position 0.
    pub bos: Value,
    /// The token that fills up short inputs.
    pub pad: Value,
    /// Whether the program is defined only for inputs without repeated tokens.
    pub unique_tokens: bool,
    /// A condition, in RASP, of the inputs that it is meant for.
    pub valid: Option<String>,
    /// An input to keep in the model file, with what the program says to it (`None` where it is
    /// undefined).
    pub example: Option<(Vec<Value>, Option<Vec<Value>>)>,
    /// A model with more bytes of weights is refused.
    pub max_bytes: u64,
}

impl Options {
    /// The defaults: not causal, `mlp_exactness` 100, `BOS`, `compiler_pad`, no more than 1 GiB.
    pub fn new(program_name: &str, vocab: Vec<Value>, max_seq_len: usize) -> Self {
        Self {
            program_name: program_name.to_owned(),
            vocab,
            max_seq_len,
            causal: false,
            mlp_exactness: 100.0,
            bos: Value::Str("BOS".into()),
            pad: Value::Str("compiler_pad".into()),
            unique_tokens: false,
            valid: None,
            example: None,
            max_bytes: base::limits::COMPILED_BYTES,
        }
    }
}
