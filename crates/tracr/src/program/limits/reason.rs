//! The limits of the construction, and how to tell them.

use std::fmt;

use crate::compiler::craft::attention::COLDNESS;
use crate::compiler::craft::width::exactness_for;
use crate::rasp::graph::{Graph, NodeId, describe};

/// One limit that an input meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The operator; none for a limit of the whole model.
    pub node: Option<NodeId>,
    /// Which limit.
    pub reason: Reason,
}

/// A limit of the construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Scores are divided by the root of the key size, so that softmax leaves a part of the weight
    /// on what is not selected.
    SoftAttention {
        /// Dimensions of the largest head's queries and keys.
        key_size: usize,
    },
    /// A selector width counts by steps between `1/(n + 1)` and `1/n`, and these are narrower than thresholds.
    Width {
        /// `n`.
        count: usize,
    },
    /// A map of numbers maps the 0 that it finds at BOS, and a selector's keys hold what it gives.
    KeysAtBos,
    /// The same under an aggregate that selects nothing.
    DefaultAtBos,
    /// A map of numbers is a staircase over the values that it knows, and this is not one of them.
    Staircase,
    /// Weights are float32: numbers, thresholds or factors of this size lose digits.
    Float32,
    /// A map gives a number below 0, and ReLU leaves 0 of it.
    BelowZero,
    /// Selectors over several s-ops are compiled as one over tuples, which are undefined where one of their
    /// elements is.
    UndefinedTuple,
    /// 1, 1.0 and True are one value, and one feature, but `str` tells them apart.
    Retyped,
}

impl Limit {
    /// In words, with the operator.
    pub fn describe(&self, graph: &Graph) -> String {
        match self.node {
            Some(node) => format!("{} {}", describe(graph, node), self.reason),
            None => self.reason.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SoftAttention { key_size } => write!(
                f,
                "attention is soft: with a key size of {key_size} softmax leaves {:.0e} of the weight on each position \
                 that is not selected, and {:.0e} on BOS",
                leak(*key_size, 1.0),
                leak(*key_size, 0.5)
            ),
            Self::Width { count } => write!(
                f,
                "counts {count}, which it tells exactly from {} with an mlp_exactness of {} or more",
                count - 1,
                exactness_for(*count)
            ),
            Self::KeysAtBos => {
                f.write_str("has keys that hold a value at BOS, which may be selected too")
            }
            Self::DefaultAtBos => f.write_str(
                "selects nothing at some position and gives there what a map of numbers left at BOS",
            ),
            Self::Staircase => f.write_str(
                "is a staircase over the numbers it may get, and takes one that it gets here for another",
            ),
            Self::Float32 => f.write_str(
                "has numbers so large, or steps at numbers so large, that float32 weights do not hold them",
            ),
            Self::BelowZero => f.write_str("gives a number below 0, of which the model makes 0"),
            Self::UndefinedTuple => f.write_str(
                "selectors over different s-ops are compiled as one over tuples of these, which is undefined, and \
                 selects nothing, where one of the s-ops is undefined",
            ),
            Self::Retyped => f.write_str(
                "makes a string of a value that equals another one: 1, 1.0 and True are one feature",
            ),
        }
    }
}

/// The weight of a score that is lower than the selected one by `below·`[`COLDNESS`].
pub fn leak(key_size: usize, below: f64) -> f64 {
    (-below * COLDNESS / (key_size as f64).sqrt()).exp()
}
