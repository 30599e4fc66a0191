//! Projections that nobody trained, to compare a trained `W` with.
//!
//! - [`pca`]: the top `d` principal directions of the compiled residual stream, as in the paper.
//! - [`live`]: the features that something reads, and the span of the states in them: not to compare with, but to
//!   start from.
//! - [`random`]: random orthonormal rows.
//! - [`subset`]: the best `d` features, kept exactly, the others dropped.

pub mod live;
pub mod pca;
pub mod random;
pub mod subset;
