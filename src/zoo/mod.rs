//! A zoo: many models whose programs, features and circuits are known, to test methods of interpretability on.
//!
//! - [`draft`]: a program as statements, and its text; [`growth`]: one that is drawn at random, operator by operator.
//! - [`examine`]: which of them are worth keeping, by running program and compiled model on every input.
//! - [`generate`]: as many programs as asked for, no two of which compute the same.
//! - [`study`]: the files that go with them: a table, a run file, and a study that compresses each one.
//! - [`manifest`]: the table of a zoo's models.

pub mod draft;
pub mod examine;
pub mod generate;
pub mod growth;
pub mod manifest;
mod operators;
mod selectors;
pub mod study;
