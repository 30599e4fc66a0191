//! The passes: ways from `P` to the loss and `dL/dP` of a batch. [`super::plan`] says which one computes a model's
//! batches; docs/engine.md has the measurements that each earns its place by.
//!
//! - [`pieces`]: any model on any batch, in pieces that fit the cache; what depends on (position, token) alone from a
//!   table, and the first attention logit by logit, from tabulated sums or from a matrix over pairs of sources.
//! - [`sequence_wise`]: a small space, sixteen sequences at a time through the whole model.
//! - [`row_wise`]: a small space whose first attention goes straight to a number, row by row of the table.

pub mod pieces;
pub mod row_wise;
pub mod sequence_wise;
