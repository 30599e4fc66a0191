//! RASP: the language in which programs are written.
//!
//! - [`graph`]: a program as a graph of operators.
//! - [`python`]: Python's semantics on values, on which Tracr's results depend.

pub mod graph;
pub mod python;
