//! The variants of the experiment: what the paper names and leaves untried.
//!
//! Each is checked against something that shares no code with it: the formulas written out over the plain
//! forward pass ([`oracle`]), central finite differences of these, probabilities by enumeration.
//! `cargo test --release --test variants -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../common/bench.rs"]
mod bench;
#[path = "../common/command.rs"]
mod command;
#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod drawing;
mod evaluation;
mod matrices;
mod objective;
mod oracle;
mod runs;
