//! What is written about the program is true: the commands of the documentation, its tables, the map of the code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod architecture;
mod commands;
mod configuration;
