//! From text to syntax tree.
//!
//! - [`token`]: the words of the language.
//! - [`lexer`]: text to tokens.
//! - [`ast`]: the syntax tree.
//! - [`parser`]: tokens to statements; [`expression`]: tokens to expressions.
//! - [`published`]: expressions that the published RASP reads otherwise.
//! - [`header`]: the `#!` lines at the top of a program.
//!
//! Everything here is bounded: the length of a text, the depth of a tree, the number of reports.

pub mod ast;
pub mod expression;
pub mod header;
pub mod lexer;
pub mod parser;
pub mod published;
pub mod token;

pub use header::Header;
pub use parser::parse;

#[cfg(test)]
mod tests;
