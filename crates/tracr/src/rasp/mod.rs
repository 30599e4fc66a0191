//! RASP: the language in which programs are written.
//!
//! - [`graph`]: a program as a graph of operators.
//! - [`python`]: Python's semantics on values, on which Tracr's results depend.
//! - [`syntax`]: text to syntax tree, and the header of a program.
//! - [`elaborate`]: syntax tree to graph; [`formula`]: what a node does at one position, and
//!   [`operation`]: what an operator does to values.
//! - [`program`]: all of that in one call.
//! - [`interpreter`]: what a program computes, without compiling it.
//! - [`valid`]: which inputs it is meant for.
//! - [`doubts`]: where the compiled model may differ from it.
//! - [`unselected`]: where an aggregate selects nothing.
//! - [`diagnostics`]: reports that point into the source.
//!
//! ```
//! use tracr::model::Value;
//! use tracr::rasp::{self, interpreter};
//!
//! let source = "smaller = select(tokens, tokens, <); rank = selector_width(smaller);";
//! let options = rasp::Options::default();
//! let program = rasp::compile_source("rank.rasp", source, &options).map_err(|e| rasp::render(&e))?;
//! let input = [Value::Int(30), Value::Int(10), Value::Int(20)];
//! let run = interpreter::run(&program.graph, program.output, &input, false)
//!     .map_err(|e| e.to_string())?;
//! assert_eq!(run.output(), [Value::Int(2), Value::Int(0), Value::Int(1)]);
//! # Ok::<(), String>(())
//! ```

pub mod diagnostics;
pub mod doubts;
pub mod elaborate;
mod eval_error;
pub mod formula;
pub mod graph;
pub mod interpreter;
pub mod operation;
pub mod program;
pub mod python;
pub mod syntax;
pub mod unselected;
pub mod valid;

pub use diagnostics::{Diagnostic, render};
pub use program::{Options, Program, compile_file, compile_source};
pub use syntax::Header;
pub use valid::Valid;
