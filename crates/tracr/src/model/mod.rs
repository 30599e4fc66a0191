//! The compiled transformer: frozen weights whose every dimension has a name.
//!
//! - [`value`]: what a token or a class of the output is (None, boolean, number, string, tuple).
//! - [`metadata`]: labels, vocabulary and sizes: the JSON inside a model file.
//! - [`file`](mod@file): the `.safetensors` format, read and written with every check.
//! - [`frozen`]: the weights as matrices of one precision.
//! - [`forward`]: the exact forward pass, uncompressed or through any `W`.
//! - [`patterns`]: how much each position attends to each.
//! - [`sparse`]: products with matrices that are mostly zero.
//! - [`wiring`]: which of several `W` each block reads and writes with.
//! - [`visited`]: the residual states that a model visits, and their rank.
//! - [`codec`]: words to token ids, unembedded scores to values.

pub mod codec;
mod compiled;
pub mod file;
pub mod forward;
pub mod frozen;
pub mod metadata;
pub mod patterns;
pub mod real;
pub mod sparse;
pub mod value;
pub mod visited;
pub mod wiring;

pub use compiled::{CompiledModel, Layer, Layers, Linear, Site, block_name};
pub use forward::{Stream, Trace};
pub use frozen::Frozen;
pub use metadata::{Metadata, OutputKind};
pub use patterns::Pattern;
pub use real::Real;
pub use value::Value;
pub use wiring::Wiring;

#[cfg(test)]
pub mod test_models;
