//! RASP: the language in which programs are written.
//!
//! - [`graph`]: a program as a graph of operators.

pub mod graph;
