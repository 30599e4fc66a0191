//! Compress the residual stream of a Tracr-compiled transformer and see what survives.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod compression;
pub mod files;
pub mod inputs;
pub mod model;
pub mod tensors;
