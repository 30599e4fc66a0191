//! Selectors: predicates over keys and queries, and how Tracr simplifies their combinations.

use std::sync::Arc;

use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Item};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Kind, NodeId};
use crate::rasp::syntax::ast::{Binary, Unary};

/// A `select` as it is taken apart for combination with another.
struct Parts {
    keys: NodeId,
    queries: NodeId,
    predicate: Arc<Formula>,
}

impl Elaborator {
    /// `select(keys, queries, predicate)`
    pub(super) fn select_from(&mut self, arguments: &[Argument], span: &Span) -> Outcome<Item> {
        let [keys, queries, predicate] = arguments else {
            return Err(Box::new(Problem::new(
                span,
                "`select` takes 3 arguments",
                "here",
            )));
        };
        let keys = self.key_or_query(keys, "keys")?;
        let queries = self.key_or_query(queries, "queries")?;
        let (key, query) = (Formula::argument(0), Formula::argument(1));
        let compared = |operator| {
            let known = |x: &Arc<Formula>| Formula::unary(Unary::NotNone, x.clone());
            Formula::binary(operator, known(&key), known(&query))
        };
        let formula = match &predicate.item {
            Item::Comparator(operator) => compared(*operator),
            Item::Value(Value::Bool(true)) => compared(Binary::Always),
            Item::Value(Value::Bool(false)) => compared(Binary::Never),
            Item::Function(_) => self.formula_of(predicate, &[key, query], span)?,
            other => {
                let message = format!(
                    "the third argument of `select` is {}, but must be a comparison",
                    other.describe()
                );
                return Err(Box::new(
                    Problem::new(&predicate.span, message, other.describe()).help(
                        "write one of == != < <= > >= true, or a function of key and query, as \
                         (k, q) -> k == q + 1",
                    ),
                ));
            }
        };
        self.select(keys, queries, formula, span)
            .map(Item::Selector)
    }

    /// An s-op; a constant is the s-op that has it everywhere.
    fn key_or_query(&mut self, argument: &Argument, role: &str) -> Outcome<NodeId> {
        if let Item::Sop(id) = argument.item {
            return Ok(id);
        }
        if let Some(value) = self.constant(argument)? {
            return self.add(Kind::Full(value), Encoding::Categorical, &argument.span);
        }
        let found = argument.item.describe();
        let message = format!("the {role} of `select` are {found}, but must be an s-op");
        let problem = Problem::new(&argument.span, message, found);
        Err(Box::new(match argument.item {
            Item::Selector(_) => {
                problem.help("make an s-op of it by `aggregate` or `selector_width`")
            }
            Item::List(_) => problem.help(
                "give an s-op; one of tuples is made of several as in `sequence_map((x, y) -> (x, y), tokens, indices)`",
            ),
            _ => problem.help("give an s-op, such as `tokens` or `indices`, or a constant"),
        }))
    }

    pub(super) fn select(
        &mut self,
        keys: NodeId,
        queries: NodeId,
        formula: Arc<Formula>,
        span: &Span,
    ) -> Outcome<NodeId> {
        let formula = self.bounded(formula, span)?;
        let predicate = formula.function(&["k", "q"]);
        let id = self.add(
            Kind::Select {
                keys,
                queries,
                predicate,
            },
            Encoding::Categorical,
            span,
        )?;
        self.formulas.insert(id, formula);
        Ok(id)
    }

    pub(super) fn selector_not(&mut self, inner: NodeId, span: &Span) -> Outcome<Item> {
        let negated = match self.parts(inner) {
            Some(Parts {
                keys,
                queries,
                predicate,
            }) => self.select(keys, queries, Formula::unary(Unary::Not, predicate), span)?,
            None => self.add(Kind::SelectorNot(inner), Encoding::Categorical, span)?,
        };
        Ok(Item::Selector(negated))
    }

    /// `and` or `or` of two selectors: one `select` if keys and queries are the same, or constant
    /// on one side; else a composite, which Tracr cannot compile.
    pub(super) fn selector_pair(
        &mut self,
        operator: Binary,
        first: NodeId,
        second: NodeId,
        span: &Span,
    ) -> Outcome<Item> {
        if let (Some(mut a), Some(mut b)) = (self.parts(first), self.parts(second)) {
            // What follows may copy both.
            self.charge(a.predicate.size() + b.predicate.size(), span)?;
            let keys = self.common(0, a.keys, b.keys, &mut a.predicate, &mut b.predicate);
            let queries = self.common(1, a.queries, b.queries, &mut a.predicate, &mut b.predicate);
            if let (Some(keys), Some(queries)) = (keys, queries) {
                let both = Formula::binary(operator, a.predicate, b.predicate);
                return self.select(keys, queries, both, span).map(Item::Selector);
            }
        }
        let kind = match operator {
            Binary::And => Kind::SelectorAnd(first, second),
            _ => Kind::SelectorOr(first, second),
        };
        self.add(kind, Encoding::Categorical, span)
            .map(Item::Selector)
    }

    /// The s-op that can stand as argument `place` of both predicates. A constant goes into its
    /// predicate and leaves the place to the other s-op.
    fn common(
        &self,
        place: usize,
        a: NodeId,
        b: NodeId,
        predicate_a: &mut Arc<Formula>,
        predicate_b: &mut Arc<Formula>,
    ) -> Option<NodeId> {
        let mut common = (a == b).then_some(a);
        if let Kind::Full(value) = &self.graph.node(a).kind {
            *predicate_a = fixed(predicate_a, place, value);
            common = Some(b);
        }
        if let Kind::Full(value) = &self.graph.node(b).kind {
            *predicate_b = fixed(predicate_b, place, value);
            common = Some(a);
        }
        common
    }

    fn parts(&self, id: NodeId) -> Option<Parts> {
        let Kind::Select { keys, queries, .. } = &self.graph.node(id).kind else {
            return None;
        };
        let predicate = self.formulas.get(&id)?.clone();
        Some(Parts {
            keys: *keys,
            queries: *queries,
            predicate,
        })
    }

    /// The selector as an aggregate or a width uses it: Tracr cannot compile constant keys or
    /// queries, so `select(s, c, ==)` becomes `select(s, s, (k, q) -> k == c)`, which selects the
    /// same.
    pub(super) fn usable(&mut self, selector: NodeId, span: &Span) -> Outcome<NodeId> {
        let Some(Parts {
            keys,
            queries,
            mut predicate,
        }) = self.parts(selector)
        else {
            return Ok(selector);
        };
        let full = |id: NodeId| match &self.graph.node(id).kind {
            Kind::Full(value) => Some(value.clone()),
            _ => None,
        };
        let (key, query) = (full(keys), full(queries));
        if key.is_none() && query.is_none() {
            return Ok(selector);
        }
        let stand_in = match (&key, &query) {
            (None, _) => keys,
            (_, None) => queries,
            _ => self.indices,
        };
        if let Some(value) = &key {
            predicate = fixed(&predicate, 0, value);
        }
        if let Some(value) = &query {
            predicate = fixed(&predicate, 1, value);
        }
        let (keys, queries) = (
            if key.is_some() { stand_in } else { keys },
            if query.is_some() { stand_in } else { queries },
        );
        let original = self.graph.node(selector).clone();
        let id = self.select(keys, queries, predicate, span)?;
        if let Some(node) = self.graph.nodes.get_mut(id.0) {
            node.name = original.name;
            node.named = original.named;
            node.span = original.span;
        }
        Ok(id)
    }
}

/// The predicate with this value as its argument `place`.
fn fixed(predicate: &Arc<Formula>, place: usize, value: &Value) -> Arc<Formula> {
    let mut arguments = [Formula::argument(0), Formula::argument(1)];
    arguments[place] = Formula::constant(value.clone());
    predicate.substitute(&arguments)
}
