//! Commands, runs and studies that are stopped, killed or damaged: they end as if nothing had been.
//!
//! A binary of their own: they wait for moments of other processes, and tests beside them would make these slower.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod faults;
mod restarts;
mod results;
mod resume;
mod sweep;
