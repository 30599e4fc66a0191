//! Where, on one input, the compiled model may differ from the interpreter: what Tracr's dynamic
//! validator looks for, and what it misses.

use std::fmt;

use super::graph::describe;
use super::graph::{Encoding, Graph, Kind, NodeId};
use super::python;
use crate::model::Value;

/// One such place.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    /// The operator.
    pub node: NodeId,
    /// The position, from 0.
    pub position: usize,
    /// Why.
    pub reason: Reason,
}

/// Why the compiled model may differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// A categorical aggregate selects values that differ (at least these two): attention gives a
    /// mixture of them, not a value.
    Mixes(Value, Value),
    /// A numerical aggregate is over a value other than 0 and 1.
    NotBinary(Value),
    /// A categorical aggregate moves a None, which has no direction in the residual stream.
    MovesNone,
    /// A map of None: the model maps the zero vector.
    MapsNone,
    /// A key or a query that is selected, or selects, is None: in the model it has no direction, and
    /// neither selects nor is selected. Comparisons fail on None; other predicates may hold of it.
    SelectsNone,
}

impl Doubt {
    /// A map whose argument is None at this position.
    pub(super) fn none_mapped(node: NodeId, position: usize) -> Self {
        Self {
            node,
            position,
            reason: Reason::MapsNone,
        }
    }

    /// A selector that holds of a None, for the query at this position.
    pub(super) fn none_selected(node: NodeId, position: usize) -> Self {
        Self {
            node,
            position,
            reason: Reason::SelectsNone,
        }
    }

    /// Whether an undefined value reached an operator.
    pub fn is_of_none(&self) -> bool {
        matches!(
            self.reason,
            Reason::MovesNone | Reason::MapsNone | Reason::SelectsNone
        )
    }

    /// In words, with the operator; positions are counted from 1 there, as for people.
    pub fn describe(&self, graph: &Graph) -> String {
        format!(
            "{} {} at position {}",
            describe(graph, self.node),
            self.reason,
            self.position + 1
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mixes(a, b) => write!(
                f,
                "is categorical but selects different values, {} and {}, which cannot be averaged",
                python::literal(a),
                python::literal(b)
            ),
            Self::NotBinary(x) => {
                write!(
                    f,
                    "averages {}, but only 0 and 1 are supported",
                    python::literal(x)
                )
            }
            Self::MovesNone => f.write_str("moves an undefined value (None)"),
            Self::MapsNone => f.write_str("gets an undefined value (None)"),
            Self::SelectsNone => f.write_str("selects by an undefined value (None)"),
        }
    }
}

/// Doubts about what a categorical aggregate selects at one position.
pub(super) fn of_aggregate(
    graph: &Graph,
    node: NodeId,
    position: usize,
    selected: &[Value],
) -> Vec<Doubt> {
    if graph.node(node).encoding != Encoding::Categorical {
        return Vec::new();
    }
    let mut doubts = Vec::new();
    let mut doubt = |reason| {
        doubts.push(Doubt {
            node,
            position,
            reason,
        })
    };
    if selected.contains(&Value::None) {
        doubt(Reason::MovesNone);
    }
    if let Some((first, rest)) = selected.split_first()
        && let Some(other) = rest.iter().find(|other| !python::equal(first, other))
    {
        doubt(Reason::Mixes(first.clone(), other.clone()));
    }
    doubts
}

/// Doubts about the values that a numerical aggregate averages, selected or not.
pub(super) fn of_averaged(
    graph: &Graph,
    node: NodeId,
    sop: NodeId,
    values: &[Value],
) -> Vec<Doubt> {
    let Kind::Aggregate { .. } = graph.node(node).kind else {
        return Vec::new();
    };
    if graph.node(node).encoding != Encoding::Numerical
        || graph.node(sop).encoding != Encoding::Numerical
    {
        return Vec::new();
    }
    let binary = |x: &Value| python::equal(x, &Value::Int(0)) || python::equal(x, &Value::Int(1));
    values
        .iter()
        .enumerate()
        .filter(|(_, value)| !binary(value))
        .map(|(position, value)| Doubt {
            node,
            position,
            reason: Reason::NotBinary(value.clone()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rasp::{self, interpreter};

    #[test]
    fn a_predicate_that_holds_of_none_is_doubted_and_one_that_does_not_is_not() {
        let doubts = |predicate: &str| {
            let source = format!(
                "before = shift_by(1, tokens);\n\
                 out = selector_width(select(before, tokens, {predicate}));"
            );
            let program = rasp::compile_source("p.rasp", &source, &rasp::Options::default());
            let program = program.map_err(|reports| rasp::render(&reports)).unwrap();
            let input = [Value::Int(1), Value::Int(2)];
            let run = interpreter::run(&program.graph, program.output, &input, false).unwrap();
            run.doubts
                .iter()
                .map(|doubt| (doubt.position, doubt.reason.clone()))
                .collect::<Vec<_>>()
        };
        let both = [(0, Reason::SelectsNone), (1, Reason::SelectsNone)];
        assert_eq!(doubts("(k, q) -> k != q"), both);
        assert_eq!(doubts("(k, q) -> k == q"), []);
    }
}
