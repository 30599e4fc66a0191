//! Composite selectors: and, or, not of selects folded into one select where one head can do it.
//!
//! A head scores pairs (key, query), so a combination of selects is one select if all read the same
//! keys and the same queries. A constant fits any s-op: its value goes into the predicate, and the
//! s-op of the other select takes its place. If a single select compares with a constant, the other
//! side's s-op stands in for it (`select(k, 3, ==)` is `select(k, k, (k, q) -> k == 3)`), which
//! costs no layer.

use super::error::{Problem, Reason};

use crate::model::Value;
use crate::rasp::graph::{Function, Graph, Kind, NodeId, ValueError};
use crate::rasp::python::truthy;

/// Keys or queries of a folded selector.
#[derive(Clone, Debug)]
enum Side {
    Sop(NodeId),
    Constant(Value),
}

/// One step of a folded predicate; the numbers are earlier steps.
#[derive(Clone, Debug)]
enum Step {
    /// A select's own predicate, constants filled in.
    Leaf { key: Option<Value>, query: Option<Value>, f: Function },
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
}

/// `predicate(key, query)` of a folded selector: steps instead of nested calls, so that neither
/// depth nor sharing of subexpressions costs more than their number.
#[derive(Clone, Debug, Default)]
pub struct Predicate {
    steps: Vec<Step>,
}

/// A selector as one attention head computes it.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The node of the program.
    pub node: NodeId,
    /// S-op of the keys.
    pub keys: NodeId,
    /// S-op of the queries.
    pub queries: NodeId,
    /// Whether a query selects a key.
    pub predicate: Predicate,
}

impl Predicate {
    /// Whether `query` selects `key`, by Python's truth. `scratch` is reused between calls.
    ///
    /// # Errors
    /// If one of the predicates has no value for its arguments.
    pub fn selects(
        &self,
        key: &Value,
        query: &Value,
        scratch: &mut Vec<bool>,
    ) -> Result<bool, ValueError> {
        scratch.clear();
        for step in &self.steps {
            let result = match step {
                Step::Leaf { key: k, query: q, f } => {
                    let arguments =
                        [k.as_ref().unwrap_or(key).clone(), q.as_ref().unwrap_or(query).clone()];
                    truthy(&(f.call)(&arguments)?)
                }
                Step::And(a, b) => scratch[*a] && scratch[*b],
                Step::Or(a, b) => scratch[*a] || scratch[*b],
                Step::Not(a) => !scratch[*a],
            };
            scratch.push(result);
        }
        Ok(scratch.last().copied().unwrap_or(false))
    }
}

/// Folds the selector at `root`. `tokens` stands in where both sides are constants.
///
/// # Errors
/// If the selects below it read different keys or queries.
pub fn fold(
    graph: &Graph,
    root: NodeId,
    canonical: &impl Fn(NodeId) -> NodeId,
    tokens: NodeId,
) -> Result<Selector, Problem> {
    let below = nodes_below(graph, root);
    let mut sides: Vec<(Side, Side)> = Vec::with_capacity(below.len());
    let mut steps = Vec::with_capacity(below.len());
    // Children come first, so each is at its place in `below` when its parent asks for it.
    let place = |id: NodeId| below.binary_search(&id).unwrap_or(0);
    for id in &below {
        let (pair, step) = match &graph.node(*id).kind {
            Kind::Select { keys, queries, predicate } => {
                let side = |sop: NodeId| match &graph.node(sop).kind {
                    Kind::Full(value) => (Side::Constant(value.clone()), Some(value.clone())),
                    _ => (Side::Sop(canonical(sop)), None),
                };
                let ((keys, key), (queries, query)) = (side(*keys), side(*queries));
                ((keys, queries), Step::Leaf { key, query, f: predicate.clone() })
            }
            Kind::SelectorNot(a) => (sides[place(*a)].clone(), Step::Not(place(*a))),
            Kind::SelectorAnd(a, b) | Kind::SelectorOr(a, b) => {
                let (a, b) = (place(*a), place(*b));
                let join = |role, first: &Side, second: &Side| {
                    unify(first, second).ok_or_else(|| {
                        let name = |side: &Side| match side {
                            Side::Sop(sop) => graph.node(*sop).name.clone(),
                            Side::Constant(value) => value.to_string(),
                        };
                        Reason::Composite { role, first: name(first), second: name(second) }.at(*id)
                    })
                };
                let pair = (
                    join("keys", &sides[a].0, &sides[b].0)?,
                    join("queries", &sides[a].1, &sides[b].1)?,
                );
                let is_and = matches!(graph.node(*id).kind, Kind::SelectorAnd(..));
                (pair, if is_and { Step::And(a, b) } else { Step::Or(a, b) })
            }
            _ => return Err(Reason::Malformed("an s-op where a selector belongs".into()).at(*id)),
        };
        sides.push(pair);
        steps.push(step);
    }
    let (keys, queries) = match sides.pop() {
        Some((Side::Sop(keys), Side::Sop(queries))) => (keys, queries),
        Some((Side::Sop(sop), Side::Constant(_)) | (Side::Constant(_), Side::Sop(sop))) => {
            (sop, sop)
        }
        _ => (tokens, tokens),
    };
    Ok(Selector { node: root, keys, queries, predicate: Predicate { steps } })
}

/// The s-op both read, if there is one. A constant fits everything: it is in the predicate already.
fn unify(first: &Side, second: &Side) -> Option<Side> {
    match (first, second) {
        (Side::Constant(_), other) | (other, Side::Constant(_)) => Some(other.clone()),
        (Side::Sop(a), Side::Sop(b)) => (a == b).then(|| first.clone()),
    }
}

/// The selectors that `root` is made of, itself included, in order of their ids.
fn nodes_below(graph: &Graph, root: NodeId) -> Vec<NodeId> {
    let mut found = std::collections::BTreeSet::from([root]);
    let mut pending = vec![root];
    while let Some(id) = pending.pop() {
        for child in graph.node(id).kind.children() {
            if graph.node(child).kind.is_selector() && found.insert(child) {
                pending.push(child);
            }
        }
    }
    found.into_iter().collect()
}
