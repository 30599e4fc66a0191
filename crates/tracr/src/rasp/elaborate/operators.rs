//! Operators on s-ops: one operator, one node, as in Tracr's Python embedding.

use std::sync::Arc;

use super::elaborator::{Elaborator, Outcome, not_too_high};
use super::item::{Argument, Item, List};
use super::positions::in_sop;
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Kind, NodeId, ValueError};
use crate::rasp::operation;
use crate::rasp::python::arithmetic::{Number, number};
use crate::rasp::python::literal;
use crate::rasp::syntax::ast::{Binary, Unary};

/// What a lambda can and cannot see.
pub(super) const ONE_POSITION: &str = "a lambda sees one position at a time: give it every s-op it needs as an \
                                       argument, as in `sequence_map((x, y) -> x + y, a, b)`";

/// Advice on constants that have no result, and how such a message begins.
pub(super) const CONSTANTS: &str =
    "constants are computed when the program is read: change one of them";
pub(super) const NO_RESULT: &str = "these constants have no result: ";

/// What can stand beside an operator, apart from selectors.
pub(super) enum Operand {
    /// Known now.
    Constant(Value),
    /// Part of a lambda.
    Symbol(Arc<Formula>),
    /// A node.
    Sop(NodeId),
}

impl Elaborator {
    pub(super) fn unary(&mut self, operator: Unary, x: &Argument, span: &Span) -> Outcome<Item> {
        match (&x.item, operator) {
            (Item::Selector(selector), Unary::Not) => return self.selector_not(*selector, span),
            (Item::List(list), Unary::Len) => {
                let length = i64::try_from(list.items.len()).unwrap_or(i64::MAX);
                return Ok(Item::Value(Value::Int(length)));
            }
            (Item::Dictionary(dictionary), Unary::Len) => {
                let length = i64::try_from(dictionary.keys.len()).unwrap_or(i64::MAX);
                return Ok(Item::Value(Value::Int(length)));
            }
            _ => {}
        }
        match self.operand(x, &format!("`{}`", operator.text()))? {
            Operand::Constant(value) => folded(operation::unary(operator, &value), span),
            Operand::Symbol(f) => self.symbol(Formula::unary(operator, f), span),
            Operand::Sop(inner) => {
                // What `indicator` gives is made to be averaged.
                let encoding = match operator {
                    Unary::Indicator => Encoding::Numerical,
                    _ => Encoding::Categorical,
                };
                let f = Formula::unary(operator, Formula::argument(0));
                self.map(f, inner, encoding, span).map(Item::Sop)
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        operator: Binary,
        a: &Argument,
        b: &Argument,
        span: &Span,
    ) -> Outcome<Item> {
        match (operator, &a.item, &b.item) {
            (Binary::And | Binary::Or, Item::Selector(first), Item::Selector(second)) => {
                return self.selector_pair(operator, *first, *second, span);
            }
            (Binary::Add, Item::List(_), Item::List(_) | Item::Value(Value::Tuple(_)))
            | (Binary::Add, Item::Value(Value::Tuple(_)), Item::List(_)) => {
                let mut items = self.elements(&a.item, &a.span)?;
                items.extend(self.elements(&b.item, &b.span)?);
                return self.list(items, span);
            }
            (Binary::Index, Item::List(list), Item::Value(position)) => {
                return element(list, position, span);
            }
            (Binary::Index, Item::Dictionary(dictionary), _) => {
                return self.looked_up(dictionary, b, span);
            }
            (Binary::In, _, Item::Dictionary(dictionary)) => {
                return self.is_key(a, dictionary, span);
            }
            (Binary::Index, Item::Sop(s), _) => return self.at_position(*s, b, span),
            (Binary::In, Item::Sop(_), Item::Sop(_)) => return Err(Box::new(in_sop(span))),
            (Binary::In, Item::Value(_) | Item::List(_), Item::Sop(_)) => {
                return self.occurs(a, b, span);
            }
            _ => {}
        }
        let sides = format!("`{}`", operator.text());
        let of_sops = |x, y| {
            let f = Formula::binary(operator, x, y);
            match operator {
                // Between s-ops they are true or false, as in the published RASP; in a lambda one of
                // their sides, as in Python.
                Binary::And | Binary::Or => Formula::unary(Unary::Truth, f),
                _ => f,
            }
        };
        match (self.operand(a, &sides)?, self.operand(b, &sides)?) {
            (Operand::Constant(x), Operand::Constant(y)) => {
                self.charge(1, span)?;
                folded(operation::binary(operator, &x, &y), span)
            }
            (Operand::Sop(inner), Operand::Constant(y)) => {
                let f = of_sops(Formula::argument(0), Formula::constant(y));
                self.map(f, inner, Encoding::Categorical, span)
                    .map(Item::Sop)
            }
            (Operand::Constant(x), Operand::Sop(inner)) => {
                let f = of_sops(Formula::constant(x), Formula::argument(0));
                self.map(f, inner, Encoding::Categorical, span)
                    .map(Item::Sop)
            }
            (Operand::Sop(first), Operand::Sop(second)) => {
                let numerical = [first, second]
                    .iter()
                    .all(|id| self.encoding(*id) == Encoding::Numerical);
                let factor = match operator {
                    Binary::Add => 1.0,
                    Binary::Subtract => -1.0,
                    _ => 0.0,
                };
                // The one form in which numerical s-ops can be added.
                if numerical && factor != 0.0 {
                    return self.linear(first, second, 1.0, factor, span).map(Item::Sop);
                }
                let f = of_sops(Formula::argument(0), Formula::argument(1));
                self.sequence_map(f, first, second, span).map(Item::Sop)
            }
            (Operand::Symbol(x), Operand::Symbol(y)) => {
                self.symbol(Formula::binary(operator, x, y), span)
            }
            (Operand::Symbol(x), Operand::Constant(y)) => {
                self.symbol(Formula::binary(operator, x, Formula::constant(y)), span)
            }
            (Operand::Constant(x), Operand::Symbol(y)) => {
                self.symbol(Formula::binary(operator, Formula::constant(x), y), span)
            }
            (Operand::Sop(_), Operand::Symbol(_)) => Err(Box::new(sop_in_lambda(&a.span))),
            (Operand::Symbol(_), Operand::Sop(_)) => Err(Box::new(sop_in_lambda(&b.span))),
        }
    }

    /// `then if condition else otherwise`, at each position. With constants on both sides it is one
    /// map of the condition, with one s-op besides the condition one sequence map, with two it
    /// takes two, by way of pairs.
    pub(super) fn choice(
        &mut self,
        condition: &Argument,
        then: &Argument,
        otherwise: &Argument,
        span: &Span,
    ) -> Outcome<Item> {
        let what = "`if else`";
        let operands = [
            self.operand(condition, what)?,
            self.operand(then, what)?,
            self.operand(otherwise, what)?,
        ];
        if let Operand::Symbol(_) = operands[0] {
            let mut parts = Vec::new();
            for argument in [condition, then, otherwise] {
                parts.push(self.as_formula(argument, "a part of this `if else`")?);
            }
            let [c, t, e] = [parts[0].clone(), parts[1].clone(), parts[2].clone()];
            return self.symbol(Formula::choice(c, t, e), span);
        }
        let spans = [&condition.span, &then.span, &otherwise.span];
        self.apply(&operands, &spans, span, |f| {
            Formula::choice(f[0].clone(), f[1].clone(), f[2].clone())
        })
    }

    /// A function of several operands at each position: a map of one s-op, a sequence map of two,
    /// and of more as in Tracr's `make_nary_sequencemap`: tuples, then one map. `function` gets one
    /// formula for each operand.
    pub(super) fn apply(
        &mut self,
        operands: &[Operand],
        spans: &[&Span],
        span: &Span,
        function: impl FnOnce(&[Arc<Formula>]) -> Arc<Formula>,
    ) -> Outcome<Item> {
        let mut sops: Vec<NodeId> = Vec::new();
        for (operand, at) in operands.iter().zip(spans) {
            match operand {
                Operand::Sop(id) if !sops.contains(id) => sops.push(*id),
                Operand::Symbol(_) => return Err(Box::new(sop_in_lambda(at))),
                _ => {}
            }
        }
        let formulas: Vec<Arc<Formula>> = operands
            .iter()
            .map(|operand| match operand {
                Operand::Constant(value) => Formula::constant(value.clone()),
                Operand::Symbol(f) => f.clone(),
                Operand::Sop(id) => {
                    Formula::argument(sops.iter().position(|sop| sop == id).unwrap_or(0))
                }
            })
            .collect();
        let f = self.bounded(function(&formulas), span)?;
        match sops.as_slice() {
            [] => folded((f.function(&[]).call)(&[]), span),
            [one] => self
                .map(f, *one, Encoding::Categorical, span)
                .map(Item::Sop),
            [first, second] => self.sequence_map(f, *first, *second, span).map(Item::Sop),
            [first, middle @ .., last] => {
                let tuple = self.tuples(*first, middle, span)?;
                let mut parts: Vec<_> = (0..=middle.len())
                    .map(|i| {
                        let place = i64::try_from(i).unwrap_or(i64::MAX);
                        let place = Formula::constant(Value::Int(place));
                        Formula::binary(Binary::Index, Formula::argument(0), place)
                    })
                    .collect();
                parts.push(Formula::argument(1));
                self.sequence_map(f.substitute(&parts), tuple, *last, span)
                    .map(Item::Sop)
            }
        }
    }

    /// The s-op of tuples `(first, rest[0], rest[1], ...)`, one sequence map for each of `rest`.
    pub(super) fn tuples(
        &mut self,
        first: NodeId,
        rest: &[NodeId],
        span: &Span,
    ) -> Outcome<NodeId> {
        let (x, y) = (Formula::argument(0), Formula::argument(1));
        let mut tuple = first;
        for (i, next) in rest.iter().enumerate() {
            let f = match i {
                0 => Formula::tuple(vec![x.clone(), y.clone()]),
                _ => Formula::binary(Binary::Add, x.clone(), Formula::tuple(vec![y.clone()])),
            };
            tuple = self.sequence_map(f, tuple, *next, span)?;
        }
        Ok(tuple)
    }

    /// A map; of a map, one map that does both, as Tracr's `Map` does with `simplify`.
    pub(super) fn map(
        &mut self,
        f: Arc<Formula>,
        inner: NodeId,
        encoding: Encoding,
        span: &Span,
    ) -> Outcome<NodeId> {
        let (f, inner) = match (&self.graph.node(inner).kind, self.formulas.get(&inner)) {
            (Kind::Map { inner: below, .. }, Some(g)) => {
                (f.substitute(std::slice::from_ref(g)), *below)
            }
            _ => (f, inner),
        };
        let f = self.bounded(f, span)?;
        let id = self.add(
            Kind::Map {
                inner,
                f: f.function(&["x"]),
            },
            encoding,
            span,
        )?;
        self.formulas.insert(id, f);
        Ok(id)
    }

    pub(super) fn sequence_map(
        &mut self,
        f: Arc<Formula>,
        first: NodeId,
        second: NodeId,
        span: &Span,
    ) -> Outcome<NodeId> {
        let f = self.bounded(f, span)?.function(&["x", "y"]);
        self.add(
            Kind::SequenceMap { first, second, f },
            Encoding::Categorical,
            span,
        )
    }

    pub(super) fn linear(
        &mut self,
        first: NodeId,
        second: NodeId,
        a: f64,
        b: f64,
        span: &Span,
    ) -> Outcome<NodeId> {
        let kind = Kind::LinearSequenceMap {
            first,
            second,
            a,
            b,
        };
        self.add(kind, Encoding::Numerical, span)
    }

    pub(super) fn encoding(&self, id: NodeId) -> Encoding {
        self.graph.node(id).encoding
    }

    /// The argument as what can stand beside `sides`; a list of constants is a tuple.
    pub(super) fn operand(&mut self, argument: &Argument, sides: &str) -> Outcome<Operand> {
        match &argument.item {
            Item::Sop(id) => return Ok(Operand::Sop(*id)),
            Item::Symbol(f) => return Ok(Operand::Symbol(f.clone())),
            _ => {}
        }
        if let Some(value) = self.constant(argument)? {
            return Ok(Operand::Constant(value));
        }
        let found = argument.item.describe();
        match &argument.item {
            Item::List(list)
                if list
                    .items
                    .iter()
                    .any(|item| matches!(item, Item::Symbol(_))) =>
            {
                Ok(Operand::Symbol(
                    self.as_formula(argument, "an element of this list")?,
                ))
            }
            Item::List(_) => Err(Box::new(
                Problem::new(
                    &argument.span,
                    format!("{sides} takes no list with s-ops in it"),
                    "not a list of constants",
                )
                .help("go through the list with a `for` loop, which runs at compile time"),
            )),
            Item::Selector(_) => Err(Box::new(
                Problem::new(
                    &argument.span,
                    format!("{sides} does not work on {found}"),
                    &found,
                )
                .help(
                    "selectors combine by `and`, `or` and `not` with each other; \
                         `aggregate` and `selector_width` make s-ops of them",
                ),
            )),
            other => {
                let help = match other {
                    Item::Function(_) => "call it with its arguments, as in `f(tokens)`",
                    Item::Dictionary(_) => "take the value of a key, as in `d[\"a\"]`",
                    _ => "a comparison stands alone only as the third argument of `select`",
                };
                let message = format!("{sides} does not work on {found}");
                Err(Box::new(
                    Problem::new(&argument.span, message, found).help(help),
                ))
            }
        }
    }

    pub(super) fn symbol(&mut self, formula: Arc<Formula>, span: &Span) -> Outcome<Item> {
        not_too_high(formula, span).map(Item::Symbol)
    }
}

pub(super) fn sop_in_lambda(span: &Span) -> Problem {
    Problem::new(
        span,
        "a lambda uses an s-op that is not its argument",
        "an s-op",
    )
    .help(ONE_POSITION)
}

/// The constant, or a report of why there is none.
pub(super) fn folded(result: Result<Value, ValueError>, span: &Span) -> Outcome<Item> {
    result.map(Item::Value).map_err(|error| {
        let message = format!("{NO_RESULT}{}", error.0);
        let problem = Problem::new(span, message, "computed at compile time");
        Box::new(problem.help(CONSTANTS))
    })
}

fn element(list: &List, position: &Value, span: &Span) -> Outcome<Item> {
    let length = list.items.len();
    let found = match number(position) {
        Some(Number::Int(i)) if i >= 0 => usize::try_from(i).ok(),
        Some(Number::Int(i)) => usize::try_from(i.unsigned_abs())
            .ok()
            .and_then(|back| length.checked_sub(back)),
        _ => None,
    };
    found
        .and_then(|i| list.items.get(i))
        .cloned()
        .ok_or_else(|| {
            let message = format!(
                "the list has no element {}: it has {length}",
                literal(position)
            );
            let problem = Problem::new(span, message, "positions count from 0, or back from -1");
            Box::new(match length.checked_sub(1) {
                Some(last) => problem.help(format!("write a position from 0 to {last}")),
                None => problem.help("the list is empty: give it elements first"),
            })
        })
}
