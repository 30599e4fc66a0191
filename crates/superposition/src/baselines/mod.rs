//! Projections that nobody trained, to compare a trained `W` with.
//!
//! - [`pca`]: the top `d` principal directions of the compiled residual stream, as in the paper.
//! - [`random`]: random orthonormal rows.
//! - [`subset`]: the best `d` features, kept exactly, the others dropped.

pub mod pca;
pub mod random;
pub mod subset;
