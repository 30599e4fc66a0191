//! Ground truth for dictionary learning: which of a compressed model's features a dictionary finds.
//!
//! - [`rows`]: the compressed residual stream as data, and a dictionary's reconstruction of it.

pub mod rows;
