//! Every command as a user sees it: files, columns, messages, exit codes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod analyze;
mod bad_input;
mod bad_model;
mod bad_sweep;
mod bad_training;
mod bad_variants;
mod certify;
mod circuit;
mod compile;
mod compile_limits;
mod elsewhere;
mod export;
mod generate;
mod installed;
mod instructions;
mod other_kinds;
mod own_program;
mod plot;
mod recover;
mod recover_study;
mod report;
mod run;
mod run_many;
mod said;
mod score;
mod shrink;
mod starting_points;
mod sweep;
mod valid_inputs;
mod variants;
mod zoo;
