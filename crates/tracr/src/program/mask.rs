//! The causal mask: where it changes what a program computes.

use crate::model::Value;
use crate::rasp::graph::{Graph, NodeId};
use crate::rasp::{interpreter, python};

/// An input for which a program computes something else under the mask than without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// The tokens.
    pub input: Vec<Value>,
    /// What the program gives where no position sees a later one.
    pub masked: Vec<Value>,
    /// What it gives where every position sees all.
    pub unmasked: Vec<Value>,
}

/// Whether the mask changes anything on this input, where the program gives `masked` under it. If the program
/// has no value without the mask, there is nothing to compare.
pub fn changed(graph: &Graph, output: NodeId, input: &[Value], masked: &[Value]) -> Option<Masked> {
    let run = interpreter::run(graph, output, input, false).ok()?;
    let mut pairs = masked.iter().zip(run.output());
    let is_changed = pairs.any(|(masked, unmasked)| !python::equal(masked, unmasked));
    is_changed.then(|| Masked {
        input: input.to_vec(),
        masked: masked.to_vec(),
        unmasked: run.output().to_vec(),
    })
}
