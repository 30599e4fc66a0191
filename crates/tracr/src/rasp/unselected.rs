//! Where an aggregate selects nothing and the program does not say what it is then: undefined here, as in Tracr, and 0
//! in the published RASP.

use super::graph::{Graph, Kind, NodeId, describe};
use super::interpreter::Run;
use crate::model::{Value, value};

/// Such a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Unselected {
    /// The tokens.
    pub input: Vec<Value>,
    /// Counting from 0.
    pub position: usize,
    /// The aggregate, in words.
    pub aggregate: String,
}

impl Unselected {
    /// The first one of a run, if there is any.
    pub fn of(graph: &Graph, input: &[Value], run: &Run) -> Option<Self> {
        graph.without_default.iter().find_map(|node| {
            let position = empty(graph, *node, run)?;
            Some(Self {
                input: input.to_vec(),
                position,
                aggregate: describe(graph, *node),
            })
        })
    }

    /// In a sentence, with what the published RASP has there.
    pub fn describe(&self) -> String {
        format!(
            "on input {} {} selects nothing at position {}, and the program gives it no default: it is None there, \
             undefined, where the published RASP has 0; `aggregate(selector, s, 0)` has 0 here, too",
            value::list(&self.input),
            self.aggregate,
            self.position + 1,
        )
    }
}

/// The first position at which an aggregate that the output depends on selects nothing.
pub fn empty(graph: &Graph, aggregate: NodeId, run: &Run) -> Option<usize> {
    let Kind::Aggregate { selector, .. } = graph.node(aggregate).kind else {
        return None;
    };
    // What the output does not depend on has no values.
    let is_empty = |position: &usize| {
        let row = run.selected(selector).get(*position);
        row.is_some_and(|row| !row.contains(&true))
    };
    (0..run.values(aggregate).len()).find(is_empty)
}
