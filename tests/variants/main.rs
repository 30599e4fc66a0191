//! The variants of the experiment: both engines against each other and against finite differences.
//!
//! `cargo test --release --test variants -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod matrices;
