//! The language: what a source means, what is said of a wrong one, and that there is always an answer.
#![allow(clippy::unwrap_used, clippy::panic)]

mod diagnostics;
mod docs;
mod headers;
mod interpreter;
mod language;
mod library;
mod limits;
mod published;
mod remedies;
mod robustness;
mod semantics;
mod support;
