//! The program's inputs: which there are, how a run draws them, how all are visited.
//!
//! - [`space`]: the input space: every sequence of the wanted lengths, enumerable by index.
//! - [`weights`]: how often tokens occur, where that is not equally often.
//! - [`valid`]: which of them are valid, where a program says so.
//! - [`sampler`]: batches drawn i.i.d., and the sequences that evaluation uses.
//! - [`alias`]: draws from a list of probabilities.

pub mod alias;
pub mod sampler;
pub mod space;
pub mod valid;
pub mod weights;

pub use sampler::{EvaluationSet, Sampler};
pub use space::{InputSpace, SpaceError};
pub use valid::ValidError;
pub use weights::WeightError;
