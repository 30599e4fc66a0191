//! An edit of a program, and how to tell its author.

use std::ops::Range;

use crate::model::Value;

/// An edit of a program, and how to tell its author.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remedy {
    pub help: String,
    /// Bytes of the program's text, and what stands there instead.
    pub edits: Vec<(Range<usize>, String)>,
    /// The s-op to output instead of the program's.
    pub output: Option<String>,
    /// The tokens to compile it for instead of the program's.
    pub vocab: Option<Vec<Value>>,
    pub max_seq_len: Option<usize>,
    /// Whether the edited program means something else.
    pub differs: bool,
}
