//! From syntax tree to graph: the program is run, and what it runs are sequences operators.
//!
//! Constants are computed, functions are called, loops are gone through; every operator on an s-op
//! or a selector becomes a node. Steps, depth and the number of nodes are bounded.
//!
//! - [`item`]: what an expression can stand for; `builtin`: the names of the language's own functions.
//! - `elaborator`: the state of building a graph; `scopes`: the names that functions see.
//! - `statements`, `expressions`, `calls`: one method each for every construct of the language.
//! - `operators`, `selectors`: nodes for operators, with Tracr's simplifications.
//! - `positions`, `dictionaries`: `s[0]` and `d[key]`.
//! - `builtins`, `compile_time`: the functions that are part of the language.

mod builtin;
mod builtins;
mod calls;
mod compile_time;
mod dictionaries;
mod elaborator;
mod expressions;
pub mod item;
mod operators;
mod positions;
mod scopes;
mod selectors;
mod statements;

pub use elaborator::Elaborator;
pub use item::Item;
