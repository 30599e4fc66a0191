//! Why a program cannot be compiled, and what its author should know if it can.

use thiserror::Error;

use super::report::Report;
use crate::rasp::graph::NodeId;

/// Everything that is wrong with a program, or with how it was asked to be compiled.
#[derive(Debug, Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct CompileError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong, and what to do.
#[derive(Debug, Error)]
#[error("{reason}{}", .reason.remedy().map(|r| format!("; {r}")).unwrap_or_default())]
pub struct Problem {
    /// The expression at fault; `None` if it is not one expression's fault.
    pub node: Option<NodeId>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Debug, Error)]
pub enum Reason {
    /// An option out of range.
    #[error("{0}")]
    Options(String),
    /// The graph is not one: a bug of whoever made it.
    #[error("the expression graph is malformed: {0}")]
    Malformed(String),
    /// The output is an input: Tracr has no model without a layer.
    #[error("there is nothing to compute: the output is {0} itself")]
    NothingToCompute(String),
    /// `tokens` is not in the program.
    #[error("the output does not depend on `tokens`")]
    NoTokens,
    /// A primitive said to be numerical.
    #[error("`{0}` is always categorical")]
    NumericalPrimitive(String),
    /// A constant s-op outside of a selector.
    #[error("the constant {0} is no model component")]
    Constant(String),
    /// Numerical keys or queries.
    #[error("the {0} of a selector must be categorical, `{1}` is numerical")]
    NumericalSelector(&'static str, String),
    /// An aggregate of another encoding than what it aggregates.
    #[error(
        "an aggregate is encoded as what it aggregates: this one is {aggregate}, `{name}` is {sop}"
    )]
    AggregateEncoding {
        /// The aggregate's encoding.
        aggregate: &'static str,
        /// The aggregated s-op's name.
        name: String,
        /// Its encoding.
        sop: &'static str,
    },
    /// A default that is no value of such an aggregate.
    #[error("the default of a {0} aggregate must be {1}, not {2}")]
    AggregateDefault(&'static str, &'static str, String),
    /// A numerical argument or result of a sequence map.
    #[error(
        "a sequence map has categorical arguments and a categorical result, `{0}` is numerical"
    )]
    NumericalSequenceMap(String),
    /// A categorical argument or result of a linear sequence map.
    #[error("`linear` has numerical arguments and a numerical result, `{0}` is categorical")]
    CategoricalLinear(String),
    /// Nothing left after dropping the values whose function failed.
    #[error("`{name}` has no value for any input: {example}")]
    NoValues {
        /// The expression's name.
        name: String,
        /// One failure.
        example: String,
    },
    /// A numerical s-op with a value that is no finite number.
    #[error("`{name}` is numerical, but can be {value}")]
    NotANumber {
        /// The expression's name.
        name: String,
        /// The value.
        value: String,
    },
    /// A mean of something other than zeros and ones.
    #[error("a numerical aggregate can only average 0 and 1, but `{name}` can be {value}")]
    NotBinary {
        /// The aggregated s-op's name.
        name: String,
        /// The value.
        value: String,
    },
    /// Too many values or combinations to even list them.
    #[error("`{name}` has {count} {what}, {limit}")]
    TooMany {
        /// The expression's name.
        name: String,
        /// How many.
        count: String,
        /// `values`, `pairs of values`.
        what: &'static str,
        /// What is exceeded, in words.
        limit: String,
    },
    /// Positions that alone need more than the limit.
    #[error("max_seq_len is {given}, too long for a model of {limit} bytes")]
    TooLong {
        /// `max_seq_len`.
        given: usize,
        /// `max_bytes`.
        limit: u64,
    },
    /// The model would be larger than the limit.
    #[error(
        "the model would have {report}, the limit is {limit} bytes; most of it is due to \
         `{name}` with {share}"
    )]
    TooLarge {
        /// The sizes.
        report: Box<Report>,
        /// `max_bytes`.
        limit: u64,
        /// The expression that contributes most.
        name: String,
        /// Its contribution.
        share: String,
    },
}

impl Reason {
    /// What to do about it in general; none of an option, which says so itself, and of a bug.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Options(_) | Self::Malformed(_) => return None,
            Self::NothingToCompute(_) => "apply an operator to it, as in `map(x -> x, tokens)`",
            Self::NoTokens => {
                "a program has to read its input: use `tokens` on the way to the output"
            }
            Self::NumericalPrimitive(_) => {
                "give each of its values a number by a map, and make that numerical"
            }
            Self::Constant(_) => "use it in a map or a selector",
            Self::NumericalSelector(..) => {
                "select on a categorical s-op: a map of the numerical one is categorical"
            }
            Self::AggregateEncoding { .. } => {
                "leave `numerical` or `categorical` around the aggregate or its s-op out"
            }
            Self::AggregateDefault(..) => "leave the default out",
            Self::NumericalSequenceMap(_) => {
                "compute it with categorical s-ops, and make a number of a map of it, as in `numerical(map(x -> x, a * \
                 b))`; a sum of numerical s-ops is `linear(a, b, 1, 1)`"
            }
            Self::CategoricalLinear(_) => {
                "make each operand numerical, or add categorical s-ops with `+`"
            }
            Self::NoValues { .. } => {
                "the tokens are those of the vocabulary (`#! vocab`, --vocab): use a function that has a value for \
                 some of them"
            }
            Self::NotANumber { .. } => "make it categorical, or map its values to numbers",
            Self::NotBinary { .. } => {
                "average an indicator; a mean of other numbers is a sum of such averages with `linear`"
            }
            Self::TooMany { .. } | Self::TooLarge { .. } | Self::TooLong { .. } => {
                "use fewer tokens (`#! vocab`, --vocab), shorter inputs (`#! max_seq_len`, --max-seq-len), or a \
                 function of fewer combinations"
            }
        })
    }

    /// Whether it is about the values that the program is compiled for, which are looked at only if nothing is
    /// wrong with its operators.
    pub fn is_of_values(&self) -> bool {
        matches!(
            self,
            Self::NoValues { .. }
                | Self::NotANumber { .. }
                | Self::NotBinary { .. }
                | Self::TooMany { .. }
                | Self::TooLarge { .. }
        )
    }

    /// The problem of an expression.
    pub fn at(self, node: NodeId) -> Problem {
        Problem {
            node: Some(node),
            reason: self,
        }
    }
}

impl From<Problem> for CompileError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl From<Reason> for CompileError {
    fn from(reason: Reason) -> Self {
        Problem { node: None, reason }.into()
    }
}

/// What the author should know about a program that compiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The expression it is about.
    pub node: NodeId,
    /// What happened, for stderr.
    pub text: String,
}

/// All notes of a compilation, in the order of the expressions.
pub type Notes = Vec<Note>;
