//! The functions that are part of the language.

use std::cmp::Ordering;

use super::builtin::{BUILTINS, Builtin};
use super::calls::count;
use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Item};
use super::operators::{ONE_POSITION, Operand, folded};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Kind, NodeId, ValueError};
use crate::rasp::python::{arithmetic, less, literal};
use crate::rasp::syntax::ast::Binary;

/// Longer constants are not repeated in a line of advice.
const LONGEST_CONSTANT: usize = 40;

/// Sorts values by Python's order.
fn sorted(values: &mut [Value]) -> Result<(), ValueError> {
    let first = values.first().cloned();
    for value in values.iter() {
        first.as_ref().map(|first| less(first, value)).transpose()?;
    }
    values.sort_by(|a, b| match (less(a, b), less(b, a)) {
        (Ok(true), _) => Ordering::Less,
        (_, Ok(true)) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    Ok(())
}

impl Elaborator {
    pub(super) fn builtin(
        &mut self,
        builtin: Builtin,
        arguments: &[Argument],
        span: &Span,
    ) -> Outcome<Item> {
        let given = arguments.len();
        if let Some((name, _, fewest, most, parameters)) =
            BUILTINS.iter().find(|entry| entry.1 == builtin)
            && !(*fewest..=*most).contains(&given)
        {
            let takes = if fewest == most {
                count(*fewest)
            } else {
                let or = if fewest + 1 == *most { "or" } else { "to" };
                format!("{fewest} {or} {}", count(*most))
            };
            return Err(Box::new(
                Problem::new(
                    span,
                    format!("`{name}` takes {takes}, not {given}"),
                    format!("{} given", count(given)),
                )
                .help(format!("write `{name}({parameters})`")),
            ));
        }
        match (builtin, arguments) {
            (Builtin::Map, [function, s]) => self.apply_function(function, &[s], span),
            (Builtin::SequenceMap, [function, operands @ ..]) => {
                let operands: Vec<&Argument> = operands.iter().collect();
                self.apply_function(function, &operands, span)
            }
            (Builtin::Select, arguments) => self.select_from(arguments, span),
            (Builtin::Aggregate, [selector, s]) => self.aggregate(selector, s, None, span),
            (Builtin::Aggregate, [selector, s, default]) => {
                self.aggregate(selector, s, Some(default), span)
            }
            (Builtin::SelectorWidth, [selector]) => {
                let selector = self.selector(selector, "the argument of `selector_width`")?;
                let selector = self.usable(selector, span)?;
                let kind = Kind::SelectorWidth { selector };
                self.add(kind, Encoding::Categorical, span).map(Item::Sop)
            }
            (Builtin::Numerical, [s]) => self.encoded(s, Encoding::Numerical, "numerical", span),
            (Builtin::Categorical, [s]) => {
                self.encoded(s, Encoding::Categorical, "categorical", span)
            }
            (Builtin::Linear, [first, second, a, b]) => {
                let first = self.sop(first, "the first argument of `linear`")?;
                let second = self.sop(second, "the second argument of `linear`")?;
                let (a, b) = (self.factor(a)?, self.factor(b)?);
                self.linear(first, second, a, b, span).map(Item::Sop)
            }
            (Builtin::Named, [s, label]) => self.labelled(s, label, span),
            (Builtin::Unary(operator), [x]) => self.unary(operator, x, span),
            (Builtin::Binary(operator), [selector, s, values @ ..])
                if matches!(selector.item, Item::Selector(_)) =>
            {
                self.extreme(operator, selector, s, values.first(), span)
            }
            (Builtin::Binary(operator), [a, b]) => self.binary(operator, a, b, span),
            (Builtin::Binary(operator), [a, b, c]) => {
                let item = self.binary(operator, a, b, span)?;
                let span = a.span.to(&b.span);
                let both = Argument { item, span };
                self.binary(operator, &both, c, &a.span.to(&c.span))
            }
            (Builtin::IsConstant, [x]) => {
                let is_constant = self.constant(x)?.is_some();
                Ok(Item::Value(Value::Bool(is_constant)))
            }
            (Builtin::Range, bounds) => self.range(bounds, span),
            (Builtin::Zip, lists) => self.zip(lists, span),
            (Builtin::Reversed, [list]) => {
                let mut items = self.elements(&list.item, &list.span)?;
                items.reverse();
                self.list(items, span)
            }
            // The table of arities leaves nothing else.
            _ => Err(Box::new(Problem::new(
                span,
                "a wrong number of arguments",
                "here",
            ))),
        }
    }

    /// `map` and `sequence_map`, with any number of s-ops.
    fn apply_function(
        &mut self,
        function: &Argument,
        arguments: &[&Argument],
        span: &Span,
    ) -> Outcome<Item> {
        let formals: Vec<_> = (0..arguments.len()).map(Formula::argument).collect();
        let f = self.formula_of(function, &formals, span)?;
        let mut sops: Vec<NodeId> = Vec::new();
        let mut formulas = Vec::new();
        for argument in arguments {
            match self.operand(argument, "a function of values")? {
                Operand::Sop(id) => {
                    formulas.push(Formula::argument(sops.len()));
                    sops.push(id);
                }
                Operand::Constant(value) => formulas.push(Formula::constant(value)),
                Operand::Symbol(symbol) => {
                    // Inside of a lambda: the function is called there and then.
                    formulas.push(symbol);
                }
            }
        }
        let symbolic = arguments.iter().any(|a| matches!(a.item, Item::Symbol(_)));
        let f = f.substitute(&formulas);
        match sops.as_slice() {
            [] if symbolic => self.bounded(f, span).map(Item::Symbol),
            [] => folded((f.function(&[]).call)(&[]), span),
            _ if symbolic => Err(Box::new(
                Problem::new(
                    span,
                    "a function of s-ops inside of a lambda",
                    "mixes an s-op with an argument of the lambda",
                )
                .help(ONE_POSITION),
            )),
            [one] => self
                .map(f, *one, Encoding::Categorical, span)
                .map(Item::Sop),
            [first, second] => self.sequence_map(f, *first, *second, span).map(Item::Sop),
            // As Tracr's make_nary_sequencemap: tuples of all, then one map.
            [first, rest @ ..] => {
                let tuple = self.tuples(*first, rest, span)?;
                let parts: Vec<_> = (0..i64::try_from(sops.len()).unwrap_or(0))
                    .map(|i| {
                        let place = Formula::constant(Value::Int(i));
                        Formula::binary(Binary::Index, Formula::argument(0), place)
                    })
                    .collect();
                self.map(f.substitute(&parts), tuple, Encoding::Categorical, span)
                    .map(Item::Sop)
            }
        }
    }

    fn aggregate(
        &mut self,
        selector: &Argument,
        s: &Argument,
        default: Option<&Argument>,
        span: &Span,
    ) -> Outcome<Item> {
        let selector = self.selector(selector, "the first argument of `aggregate`")?;
        let selector = self.usable(selector, span)?;
        let default = default
            .map(|default| {
                self.constant(default)?.ok_or_else(|| {
                    let message = format!(
                        "the default of `aggregate` is {}, but must be a constant",
                        default.item.describe()
                    );
                    let problem = Problem::new(&default.span, message, default.item.describe());
                    Box::new(
                        problem.help("leave it out: it is None, or 0 if the s-op is numerical"),
                    )
                })
            })
            .transpose()?;
        let (sop, default) = match self.constant(s)? {
            // The same value at every position, in a form that compiles.
            Some(value) => {
                // Without a default a number is 0 where nothing is selected, and so is a truth value.
                let (encoding, default) = match (&value, default) {
                    (Value::Bool(_), default) => {
                        (Encoding::Categorical, default.or(Some(Value::Int(0))))
                    }
                    (_, default) if averages(&value, default.as_ref()) => {
                        (Encoding::Numerical, default)
                    }
                    (_, default) => (Encoding::Categorical, default),
                };
                let value = Formula::constant(value);
                (self.map(value, self.indices, encoding, &s.span)?, default)
            }
            None => (self.sop(s, "the second argument of `aggregate`")?, default),
        };
        let encoding = self.encoding(sop);
        let is_open = default.is_none() && encoding == Encoding::Categorical;
        let default = match (default, encoding) {
            (Some(default), _) => default,
            (None, Encoding::Categorical) => Value::None,
            (None, Encoding::Numerical) => Value::Int(0),
        };
        let kind = Kind::Aggregate {
            selector,
            sop,
            default,
        };
        let aggregate = self.add(kind, encoding, span)?;
        if is_open {
            self.graph.without_default.push(aggregate);
        }
        Ok(Item::Sop(aggregate))
    }

    /// `max(selector, s, values)`: the value of `s` that comes last in `values`, of what is selected;
    /// `min` the first. The prelude's `last_of` makes it: a head for each value asks whether it is
    /// selected, and the answers are joined two by two.
    fn extreme(
        &mut self,
        operator: Binary,
        selector: &Argument,
        s: &Argument,
        values: Option<&Argument>,
        span: &Span,
    ) -> Outcome<Item> {
        let id = self.sop(s, &format!("the second argument of `{}`", operator.text()))?;
        let mut values = match (values, &self.vocab) {
            (Some(values), _) => self.elements(&values.item, &values.span)?,
            (None, Some(vocab)) if id == self.tokens => {
                let mut vocab = vocab.clone();
                sorted(&mut vocab).map_err(|error| {
                    let message = format!("the tokens have no order: {}", error.0);
                    let problem = Problem::new(span, message, "here");
                    Box::new(problem.help(
                        "give their order as a third argument, as in `max(selector, tokens, [\"b\", 1])`",
                    ))
                })?;
                vocab.into_iter().map(Item::Value).collect()
            }
            _ => {
                let name = operator.text();
                let message = format!("`{name}` of a selector needs the values that are compared");
                return Err(Box::new(Problem::new(span, message, "here").help(format!(
                    "give them in ascending order, as in `{name}(selector, s, [1, 2, 3])`: each costs an \
                     attention head"
                ))));
            }
        };
        if values.is_empty() {
            let problem = Problem::new(span, "there are no values to compare", "here");
            return Err(Box::new(
                problem.help("give at least one, as in `max(selector, s, [1])`"),
            ));
        }
        if operator == Binary::Min {
            values.reverse();
        }
        let values = Argument {
            item: self.list(values, span)?,
            span: span.clone(),
        };
        let Some(function) = self.of_prelude("last_of").cloned() else {
            return Err(Box::new(Problem::silent()));
        };
        let function = Argument {
            item: function,
            span: span.clone(),
        };
        let item = self.call(&function, &[selector.clone(), s.clone(), values], span)?;
        if let Item::Sop(id) = item {
            self.graph.without_default.push(id);
        }
        Ok(item)
    }

    /// `numerical(s)` and `categorical(s)`: a copy of the node, as in Tracr.
    fn encoded(
        &mut self,
        s: &Argument,
        encoding: Encoding,
        called: &str,
        span: &Span,
    ) -> Outcome<Item> {
        let id = self.sop(s, &format!("the argument of `{called}`"))?;
        if self.encoding(id) == encoding {
            return Ok(Item::Sop(id));
        }
        let id = self.copy(id, span)?;
        if let Some(node) = self.graph.nodes.get_mut(id.0) {
            node.encoding = encoding;
        }
        Ok(Item::Sop(id))
    }

    fn labelled(&mut self, s: &Argument, label: &Argument, span: &Span) -> Outcome<Item> {
        let Item::Value(Value::Str(name)) = &label.item else {
            let message = format!("a label is a string, not {}", label.item.describe());
            return Err(Box::new(
                Problem::new(&label.span, message, label.item.describe())
                    .help("write it in quotes, as in `named(s, \"label\")`"),
            ));
        };
        match s.item {
            Item::Sop(id) => self.name(id, name, false, span).map(Item::Sop),
            Item::Selector(id) => self.name(id, name, false, span).map(Item::Selector),
            _ => {
                let message = format!("{} has no label", s.item.describe());
                Err(Box::new(
                    Problem::new(&s.span, message, "only s-ops and selectors have")
                        .help("leave `named` out: an assignment gives anything a name"),
                ))
            }
        }
    }

    fn sop(&self, argument: &Argument, what: &str) -> Outcome<NodeId> {
        if let Item::Sop(id) = argument.item {
            return Ok(id);
        }
        let found = argument.item.describe();
        let message = format!("{what} is {found}, but must be an s-op");
        let problem = Problem::new(&argument.span, message, &found);
        Err(Box::new(match argument.item {
            Item::Selector(_) => {
                problem.help("make an s-op of it by `aggregate` or `selector_width`")
            }
            Item::Value(ref value) if arithmetic::size(value) <= LONGEST_CONSTANT => {
                problem.help(format!(
                    "the same value at every position is `map(x -> {}, tokens)`",
                    literal(value)
                ))
            }
            _ => problem.help("give an s-op, as `tokens`, `indices` or what is made of them"),
        }))
    }

    fn selector(&self, argument: &Argument, what: &str) -> Outcome<NodeId> {
        if let Item::Selector(id) = argument.item {
            return Ok(id);
        }
        let found = argument.item.describe();
        let message = format!("{what} is {found}, but must be a selector");
        let problem = Problem::new(&argument.span, message, &found);
        Err(Box::new(match argument.item {
            Item::Value(_) => {
                problem.help("all positions are selected by `select(indices, indices, true)`")
            }
            _ => problem.help("make a selector of s-ops by `select(keys, queries, ==)`"),
        }))
    }

    fn factor(&self, argument: &Argument) -> Outcome<f64> {
        let number = match &argument.item {
            Item::Value(value) => arithmetic::number(value),
            _ => None,
        };
        number.map(arithmetic::Number::float).ok_or_else(|| {
            let found = argument.item.describe();
            let message = format!("a factor of `linear` is {found}, but must be a number");
            let problem = Problem::new(&argument.span, message, found);
            Box::new(problem.help("write a constant, as in `linear(a, b, 1, -1)`"))
        })
    }
}

/// Whether an aggregate of a constant is a mean of numbers: not where a default of another kind stands beside it, or
/// the constant is one that no head averages.
fn averages(value: &Value, default: Option<&Value>) -> bool {
    let is_binary = |value: &Value| [0.0, 1.0].map(Some).contains(&as_float(value));
    match default {
        None => as_float(value).is_some(),
        Some(default) => is_binary(value) && as_float(default).is_some(),
    }
}

fn as_float(value: &Value) -> Option<f64> {
    arithmetic::number(value).map(arithmetic::Number::float)
}
