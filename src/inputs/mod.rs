//! The program's inputs: which there are, how a run draws them, how all are visited.
//!
//! - [`space`]: the input space: every sequence of the wanted lengths, enumerable by index.
//! - [`sampler`]: batches drawn i.i.d. uniformly, and the sequences that evaluation uses.
//! - [`rng`]: the run's own random numbers, in named streams.

pub mod rng;
pub mod sampler;
pub mod space;

pub use sampler::{EvaluationSet, Sampler};
pub use space::{InputSpace, SpaceError};
