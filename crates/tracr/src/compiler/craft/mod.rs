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
pub mod space;
pub mod width;

pub use space::{Dim, Space};

/// A hidden unit `relu(Σ weight·input)` and what it adds to the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// Dimensions read, with weights.
    pub inputs: Vec<(Dim, f64)>,
    /// Dimensions written, with weights.
    pub outputs: Vec<(Dim, f64)>,
}

/// Hidden units of one name in Tracr; units are ordered by the names, then as they stand here.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Tracr's name of the hidden directions.
    pub name: String,
    /// The units, in the order of their directions' values.
    pub units: Vec<Unit>,
}

/// The MLP of one operator.
pub type Mlp = Vec<Group>;

/// A head of attention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// The dimension that each column of the keys copies.
    pub keys: Vec<Dim>,
    /// `(query dimension, key column, score)`; all other scores are 0.
    pub scores: Vec<(Dim, usize, f64)>,
    /// The dimension that each column of the values copies, and the one that it is written to.
    pub values: Vec<(Dim, Dim)>,
}

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
