//! Where an aggregate, or `max` and `min` of a selector, select nothing and the program does not say what it is then: undefined
//! here, as in Tracr, and of an aggregate 0 in the published RASP. Tested in `tests/commands/said.rs`.

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
    /// The operator, in words.
    pub what: String,
    /// Whether it is an aggregate, which may have a default.
    pub is_aggregate: bool,
}

impl Unselected {
    /// The first one of a run, if there is any.
    pub fn of(graph: &Graph, input: &[Value], run: &Run) -> Option<Self> {
        graph.without_default.iter().find_map(|id| {
            let position = empty(graph, *id, run)?;
            let node = graph.node(*id);
            let is_aggregate = matches!(node.kind, Kind::Aggregate { .. });
            Some(Self {
                input: input.to_vec(),
                position,
                what: match (is_aggregate, node.named) {
                    (true, _) => describe(graph, *id),
                    (false, true) => format!("`{}`, of a selector,", node.name),
                    (false, false) => "`max` or `min` of a selector".into(),
                },
                is_aggregate,
            })
        })
    }

    /// In a sentence, with what the published RASP has in the place of an aggregate.
    pub fn describe(&self) -> String {
        let (what, position) = (&self.what, self.position + 1);
        let place = format!(
            "on input {} {what} selects nothing at position {position}",
            value::list(&self.input)
        );
        if self.is_aggregate {
            format!(
                "{place}, and the program gives it no default: it is None there, undefined, where the published RASP has 0; \
                 `aggregate(selector, s, 0)` has 0 here, too"
            )
        } else {
            format!("{place}: it is None there, undefined")
        }
    }
}

/// The first position at which an operator that the output depends on selects nothing.
pub fn empty(graph: &Graph, node: NodeId, run: &Run) -> Option<usize> {
    // What the output does not depend on has no values.
    let values = run.values(node);
    let Kind::Aggregate { selector, .. } = graph.node(node).kind else {
        return values.iter().position(|value| *value == Value::None);
    };
    let is_empty = |position: &usize| {
        let row = run.selected(selector).get(*position);
        row.is_some_and(|row| !row.contains(&true))
    };
    (0..values.len()).find(is_empty)
}
