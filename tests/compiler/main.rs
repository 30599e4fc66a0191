//! The compiler: Tracr's weights entry by entry, and what the interpreter says on random programs.
//!
//! `cargo test --release --test compiler -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod causes;
mod choices;
#[path = "../common/fixtures.rs"]
#[allow(dead_code)] // the engines' tests use the rest
mod fixtures;
mod graphs;
mod lowering;
mod matching;
mod parity;
#[path = "../common/random.rs"]
#[allow(dead_code)] // the engines' tests use the rest
mod random;
mod random_expression;
mod random_programs;
mod random_source;
mod rasp;
mod source_check;
mod sources;
