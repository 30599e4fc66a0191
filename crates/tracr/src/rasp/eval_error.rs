//! Why a program has no result on an input.

use thiserror::Error;

use super::graph::NodeId;
use crate::model::Value;

/// Characters and elements of all values of one run; an element of a tuple takes 32 bytes.
pub(super) const MAX_SIZE: usize = 1 << 24;

/// Why a program has no result on an input.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EvalError {
    /// An operator has no value for what it is given.
    #[error("{what} has no value at position {}: {reason}", position + 1)]
    NoValue {
        /// The operator.
        node: NodeId,
        /// The operator in words.
        what: String,
        /// The position of the input, from 0 (of the query, in a selector).
        position: usize,
        /// What the operator is given there.
        arguments: Vec<Value>,
        /// What went wrong.
        reason: String,
    },
    /// The input is too long for the program.
    #[error(
        "an input of {length} tokens is too long for a program of {operators} operators: \
         give a shorter one"
    )]
    TooLong {
        /// Tokens given.
        length: usize,
        /// Operators that the output depends on.
        operators: usize,
    },
    /// The values of all operators together take too much memory.
    #[error(
        "up to {what} at position {}, the values are larger than {MAX_SIZE} altogether: \
         give a shorter input",
        position + 1
    )]
    TooLarge {
        /// The operator that is one too many.
        node: NodeId,
        /// The operator in words.
        what: String,
        /// The position of the input, from 0.
        position: usize,
    },
}
