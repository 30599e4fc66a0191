//! Blocks that compute one operator each, as weights between named dimensions.
//!
//! - [`space`]: the residual stream: which dimension is which feature.
//! - [`attention`]: a head that selects by a predicate over pairs of values.
//! - [`categorical`]: MLPs over one-hot encoded values.
//! - [`numerical`]: MLPs over numbers, linear or by thresholds.
//! - [`width`]: a selector's width: a head and an MLP.
//!
//! A block is sparse: a list of what each hidden unit, or each column of a head, reads and writes.

pub mod attention;
pub mod categorical;
pub mod numerical;
mod parts;
pub mod space;
pub mod width;

pub use parts::{Group, Head, Mlp, Unit};
pub use space::{Dim, Space};

/// MLPs executed, for unit tests.
#[cfg(test)]
mod test_mlp {
    use super::*;

    /// The MLP on a stream given as dense numbers.
    pub fn run(mlp: &Mlp, stream: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; stream.len()];
        for unit in mlp.iter().flat_map(|group| &group.units) {
            let sum: f64 = unit
                .inputs
                .iter()
                .map(|(dim, weight)| weight * stream[dim.0])
                .sum();
            unit.outputs
                .iter()
                .for_each(|(dim, weight)| out[dim.0] += weight * sum.max(0.0));
        }
        out
    }
}
