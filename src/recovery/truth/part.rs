//! Which part of a run's stream, and why there is no truth about it.

use thiserror::Error;

/// Which part of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// One site, by its number in the order of the forward pass; none for all.
    pub site: Option<usize>,
    /// Whether the position of BOS counts.
    pub bos: bool,
}

/// Why there is no truth to score against.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TruthError {
    /// Several matrices: a feature has several directions.
    #[error(
        "the run has {} matrices ({}), so that a feature has no direction of its own: dictionaries are scored on runs with \
         compression.tied=true and compression.per_layer=false",
        .0.len(),
        .0.join(", ")
    )]
    Several(Vec<String>),
    /// No such site.
    #[error("there is no site {given}: the stream has {}", sites.join(", "))]
    Site {
        /// As given.
        given: usize,
        /// `0 (embed)`, ...
        sites: Vec<String>,
    },
    /// A number that is none.
    #[error("the compressed model's stream has numbers that are not finite: its W is too large")]
    NotFinite,
    /// All rows are the same.
    #[error(
        "the stream is the same at every input and position that counts: there is nothing to find in it"
    )]
    Constant,
}
