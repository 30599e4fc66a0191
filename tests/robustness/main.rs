//! What nobody should do to the program and somebody will: numbers and sizes at the edge, names made to break what
//! they pass through, files found by fuzzing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod extremes;
mod fuzz_findings;
mod hostile_text;
