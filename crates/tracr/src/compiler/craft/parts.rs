//! What blocks are made of.

use super::space::Dim;

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
