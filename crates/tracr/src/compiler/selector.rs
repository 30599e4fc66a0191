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
    Leaf {
        key: Option<Value>,
        query: Option<Value>,
        f: Function,
    },
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
                Step::Leaf {
                    key: k,
                    query: q,
                    f,
                } => {
                    let arguments = [
                        k.as_ref().unwrap_or(key).clone(),
                        q.as_ref().unwrap_or(query).clone(),
                    ];
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
            Kind::Select {
                keys,
                queries,
                predicate,
            } => {
                let side = |sop: NodeId| match &graph.node(sop).kind {
                    Kind::Full(value) => (Side::Constant(value.clone()), Some(value.clone())),
                    _ => (Side::Sop(canonical(sop)), None),
                };
                let ((keys, key), (queries, query)) = (side(*keys), side(*queries));
                (
                    (keys, queries),
                    Step::Leaf {
                        key,
                        query,
                        f: predicate.clone(),
                    },
                )
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
                        Reason::Composite {
                            role,
                            first: name(first),
                            second: name(second),
                        }
                        .at(*id)
                    })
                };
                let pair = (
                    join("keys", &sides[a].0, &sides[b].0)?,
                    join("queries", &sides[a].1, &sides[b].1)?,
                );
                let is_and = matches!(graph.node(*id).kind, Kind::SelectorAnd(..));
                (
                    pair,
                    if is_and {
                        Step::And(a, b)
                    } else {
                        Step::Or(a, b)
                    },
                )
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
    Ok(Selector {
        node: root,
        keys,
        queries,
        predicate: Predicate { steps },
    })
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

#[cfg(test)]
mod tests {
    use crate::compiler::test_graphs::{Builder, options};
    use crate::compiler::{compile, report};
    use crate::model::Value;
    use crate::rasp::graph::{Kind, NodeId};
    use crate::rasp::python;

    /// The widths of a selector on the tokens `1, 2, ..., n`, from the compiled model.
    fn widths(b: &Builder, width: NodeId, n: usize) -> Vec<Value> {
        let vocab: Vec<i64> = (1..=n as i64).collect();
        let mut options = options(&vocab, n);
        options.example = Some((options.vocab.clone(), None));
        let (model, _) = compile(&b.graph, width, &options).unwrap();
        serde_json::from_value(model.metadata.extra["model_output"].clone()).unwrap()
    }

    fn ints(values: &[i64]) -> Vec<Value> {
        values.iter().copied().map(Value::Int).collect()
    }

    #[test]
    fn combinations_over_the_same_sops_are_one_head() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let (less, equal) = (
            b.select(tokens, tokens, "<"),
            b.select(tokens, tokens, "=="),
        );
        let not_less = b.graph.add(Kind::SelectorNot(less));
        let greater_or_less = b.graph.add(Kind::SelectorOr(not_less, less));
        let not_equal = b.graph.add(Kind::SelectorNot(equal));
        let both = b.graph.add(Kind::SelectorAnd(greater_or_less, not_equal));
        let width = b.selector_width(both);
        assert_eq!(widths(&b, width, 3), ints(&[2, 2, 2]));
        let and = b.graph.add(Kind::SelectorAnd(not_less, not_equal));
        let width = b.selector_width(and);
        assert_eq!(widths(&b, width, 3), ints(&[2, 1, 0]));
        assert_eq!(
            report(&b.graph, width, &options(&[1, 2, 3], 3))
                .unwrap()
                .layers,
            1
        );
    }

    #[test]
    fn constants_go_into_the_predicate() {
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let two = b.graph.add(Kind::Full(Value::Int(2)));
        let is_two = b.select(tokens, two, "==");
        let width = b.selector_width(is_two);
        assert_eq!(widths(&b, width, 3), ints(&[1, 1, 1]));
        // The keys of one, the queries of the other: at most as many twos as come before.
        let late = b.select(two, indices, "<=");
        let both = b.graph.add(Kind::SelectorAnd(is_two, late));
        let width = b.selector_width(both);
        assert_eq!(widths(&b, width, 3), ints(&[0, 0, 1]));
        // Constants alone: any s-op will do.
        let always = b.select(two, two, "==");
        let length = b.selector_width(always);
        let sum = b.sequence_map("x + y", tokens, length, |v| python::add(&v[0], &v[1]));
        assert_eq!(widths(&b, sum, 3), ints(&[4, 5, 6]));
    }

    #[test]
    fn combinations_over_different_sops_are_refused() {
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let (same, before) = (
            b.select(tokens, tokens, "=="),
            b.select(indices, indices, "<"),
        );
        let both = b.graph.add(Kind::SelectorAnd(same, before));
        let width = b.selector_width(both);
        let error = compile(&b.graph, width, &options(&[1, 2], 3)).unwrap_err();
        assert_eq!(error.problems.len(), 1);
        assert_eq!(error.problems[0].node, Some(both));
        assert!(
            error
                .to_string()
                .contains("here the keys are `tokens` and `indices`")
        );
    }

    #[test]
    fn ten_thousand_levels_and_shared_parts_are_no_trouble() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let mut selector = b.select(tokens, tokens, "==");
        for _ in 0..5_000 {
            let not = b.graph.add(Kind::SelectorNot(selector));
            let not = b.graph.add(Kind::SelectorAnd(not, not));
            selector = b.graph.add(Kind::SelectorNot(not));
        }
        let width = b.selector_width(selector);
        assert_eq!(widths(&b, width, 3), ints(&[1, 1, 1]));
        let mut deep = tokens;
        for _ in 0..10_000 {
            deep = b.map("x", deep, |v| Ok(v[0].clone()));
        }
        let error = compile(&b.graph, deep, &options(&[1, 2], 3)).unwrap_err();
        assert!(
            error.to_string().contains("the limit is 1073741824 bytes"),
            "{error}"
        );
    }
}
