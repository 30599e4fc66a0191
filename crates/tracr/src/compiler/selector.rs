//! Composite selectors: and, or, not of selects folded into one select where one head can do it.
//!
//! A head scores pairs (key, query), so a combination of selects is one select if all read the same
//! keys and the same queries. A constant fits any s-op: its value goes into the predicate, and the
//! s-op of the other select takes its place. If a single select compares with a constant, the other
//! side's s-op stands in for it (`select(k, 3, ==)` is `select(k, k, (k, q) -> k == 3)`), which
//! costs no layer. What reads more s-ops is [joined](super::lowering) before.

use std::collections::HashSet;

use super::error::{Problem, Reason};

use crate::model::Value;
use crate::rasp::graph::{Function, Graph, Kind, NodeId, ValueError};
use crate::rasp::python::truthy;

/// Where a select finds its key or its query.
#[derive(Clone, Debug)]
enum Read {
    /// It is the argument itself.
    Whole,
    /// It is this element of the argument, a tuple.
    Element(usize),
    /// It is the same everywhere.
    Constant(Value),
}

impl Read {
    fn from(&self, argument: &Value) -> Result<Value, ValueError> {
        match (self, argument) {
            (Self::Whole, value) | (Self::Constant(value), _) => Ok(value.clone()),
            (Self::Element(place), Value::Tuple(items)) if *place < items.len() => {
                Ok(items[*place].clone())
            }
            (Self::Element(place), other) => {
                Err(ValueError(format!("{other} has no element {place}")))
            }
        }
    }
}

/// One step of a folded predicate; the numbers are earlier steps.
#[derive(Clone, Debug)]
enum Step {
    /// A select's own predicate.
    Leaf {
        key: Read,
        query: Read,
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

/// The s-ops that the selects of a combination read, each once, in the order in which it names them;
/// constants are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sides {
    /// As keys.
    pub keys: Vec<NodeId>,
    /// As queries.
    pub queries: Vec<NodeId>,
}

impl Sides {
    /// Of the selector at `root`.
    pub fn of(graph: &Graph, root: NodeId, canonical: &impl Fn(NodeId) -> NodeId) -> Self {
        let mut sides = Self::default();
        let mut seen = HashSet::from([root]);
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            let kind = &graph.node(id).kind;
            if let Kind::Select { keys, queries, .. } = kind {
                for (side, sop) in [(&mut sides.keys, keys), (&mut sides.queries, queries)] {
                    let sop = canonical(*sop);
                    let is_constant = matches!(graph.node(sop).kind, Kind::Full(_));
                    if !is_constant && !side.contains(&sop) {
                        side.push(sop);
                    }
                }
            } else {
                let below = kind.children().into_iter().rev();
                let below = below.filter(|child| graph.node(*child).kind.is_selector());
                pending.extend(below.filter(|child| seen.insert(*child)));
            }
        }
        sides
    }

    /// Whether one head can compare them.
    pub fn fit_one_head(&self) -> bool {
        self.keys.len() <= 1 && self.queries.len() <= 1
    }
}

impl Predicate {
    /// Of the selector at `root`, whose keys and queries are these s-ops: themselves if it is one, else
    /// their tuple.
    ///
    /// # Errors
    /// If an s-op is where a selector belongs.
    pub fn of(
        graph: &Graph,
        root: NodeId,
        canonical: &impl Fn(NodeId) -> NodeId,
        sides: &Sides,
    ) -> Result<Self, Problem> {
        let below = nodes_below(graph, root);
        // Children come first, so each is at its place in `below` when its parent asks for it.
        let place = |id: NodeId| below.binary_search(&id).unwrap_or(0);
        let read = |side: &[NodeId], sop: NodeId| match &graph.node(sop).kind {
            Kind::Full(value) => Read::Constant(value.clone()),
            _ => match side.iter().position(|known| *known == canonical(sop)) {
                Some(place) if side.len() > 1 => Read::Element(place),
                _ => Read::Whole,
            },
        };
        let step = |id: &NodeId| match &graph.node(*id).kind {
            Kind::Select {
                keys,
                queries,
                predicate,
            } => Ok(Step::Leaf {
                key: read(&sides.keys, *keys),
                query: read(&sides.queries, *queries),
                f: predicate.clone(),
            }),
            Kind::SelectorNot(a) => Ok(Step::Not(place(*a))),
            Kind::SelectorAnd(a, b) => Ok(Step::And(place(*a), place(*b))),
            Kind::SelectorOr(a, b) => Ok(Step::Or(place(*a), place(*b))),
            _ => Err(Reason::Malformed("an s-op where a selector belongs".into()).at(*id)),
        };
        let steps = below.iter().map(step).collect::<Result<_, _>>()?;
        Ok(Self { steps })
    }

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
                } => truthy(&(f.call)(&[k.from(key)?, q.from(query)?])?),
                Step::And(a, b) => scratch[*a] && scratch[*b],
                Step::Or(a, b) => scratch[*a] || scratch[*b],
                Step::Not(a) => !scratch[*a],
            };
            scratch.push(result);
        }
        Ok(scratch.last().copied().unwrap_or(false))
    }

    /// Operations that one call takes at most.
    pub fn cost(&self) -> usize {
        let cost = |step: &Step| match step {
            Step::Leaf { f, .. } => f.cost,
            _ => 1,
        };
        self.steps.iter().map(cost).sum()
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
    let sides = Sides::of(graph, root, canonical);
    let (keys, queries) = match (sides.keys.as_slice(), sides.queries.as_slice()) {
        ([], []) => (tokens, tokens),
        ([sop], []) | ([], [sop]) => (*sop, *sop),
        ([keys], [queries]) => (*keys, *queries),
        _ => {
            let several = "a selector that reads several keys or queries, which are not joined";
            return Err(Reason::Malformed(several.into()).at(root));
        }
    };
    Ok(Selector {
        node: root,
        keys,
        queries,
        predicate: Predicate::of(graph, root, canonical, &sides)?,
    })
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
    fn combinations_over_different_sops_are_one_head_over_tuples() {
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let (same, before) = (
            b.select(tokens, tokens, "=="),
            b.select(indices, indices, "<"),
        );
        let both = b.graph.add(Kind::SelectorAnd(same, before));
        let width = b.selector_width(both);
        assert_eq!(widths(&b, width, 3), ints(&[0, 0, 0]));
        let report = report(&b.graph, width, &options(&[1, 2, 3], 3)).unwrap();
        // The tuples are made in the MLP of the first layer.
        assert_eq!(report.layers, 2);
        let shares: Vec<String> = report.added.iter().map(ToString::to_string).collect();
        let share = "tuples of tokens and indices: 9 features, 9 hidden units";
        assert_eq!(shares, [share]);
        let either = b.graph.add(Kind::SelectorOr(same, before));
        let width = b.selector_width(either);
        assert_eq!(widths(&b, width, 3), ints(&[1, 2, 3]));
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
