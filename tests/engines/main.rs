//! The engines and what they compute: beside each other, beside the plain forward pass and finite differences,
//! beside Tracr, JAX and Optax.
//!
//! `cargo test --release --test engines -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod diagnostics;
mod exact;
mod fused;
#[allow(deprecated)] // burn-ndarray is the backend this project is built on
mod operation;
mod parity;
mod variants;
