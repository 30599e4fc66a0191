//! The input by its names, `s[0]`, an s-op's value at one position at every position, and `"a" in s`.

use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Home, Item};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::Formula;
use crate::rasp::graph::{Encoding, Kind, NodeId};
use crate::rasp::python::arithmetic::{self, Number};
use crate::rasp::syntax::ast::{Binary, Unary};

/// The input, as the published RASP calls it by the kind of its values.
pub(super) const INPUTS: [&str; 6] = [
    "tokens",
    "tokens_asis",
    "tokens_str",
    "tokens_int",
    "tokens_float",
    "tokens_bool",
];

impl Elaborator {
    /// The input under one of its names: the tokens themselves, or a map of them if the vocabulary has
    /// tokens of another kind.
    pub(super) fn input_called(&mut self, name: &str, span: &Span) -> Outcome<Option<NodeId>> {
        let Some(name) = INPUTS.into_iter().find(|input| *input == name) else {
            return Ok(None);
        };
        if name == "tokens" && self.home != Home::Prelude {
            return Ok(Some(self.input));
        }
        let (operator, is_so): (_, fn(&Value) -> bool) = match name {
            "tokens_str" => (Unary::Str, is_str),
            "tokens_int" => (Unary::Int, is_int),
            "tokens_float" => (Unary::Float, is_number),
            "tokens_bool" => (Unary::Truth, is_bool),
            _ => return Ok(Some(self.tokens)),
        };
        // An unknown input may be of another kind.
        let known = self.vocab.as_ref();
        if known.is_some_and(|vocab| vocab.iter().all(is_so)) {
            return Ok(Some(self.tokens));
        }
        if let Some(input) = self.inputs.get(name) {
            return Ok(Some(*input));
        }
        let f = Formula::unary(operator, Formula::argument(0));
        let input = self.map(f, self.tokens, Encoding::Categorical, span)?;
        let input = self.name(input, name, false, span)?;
        self.inputs.insert(name, input);
        Ok(Some(input))
    }

    /// `s[3]`, `s[-1]`: as in the published RASP, 0 where the input has no such position.
    pub(super) fn at_position(
        &mut self,
        s: NodeId,
        place: &Argument,
        span: &Span,
    ) -> Outcome<Item> {
        match &place.item {
            Item::Value(value) => match arithmetic::number(value) {
                Some(Number::Int(i)) => self.value_at(s, i, span).map(Item::Sop),
                _ => Err(Box::new(
                    Problem::new(
                        &place.span,
                        format!("an s-op is indexed by an integer, not by {}", place.item.describe()),
                        "not a position",
                    )
                    .help(
                        "`s[0]` is the value of `s` at the first position; an element of each value is \
                         taken in a lambda, as in `map(x -> x[0], s)`",
                    ),
                )),
            },
            other => Err(Box::new(
                Problem::new(
                    span,
                    format!(
                        "an s-op is indexed by {}, but a position is a constant",
                        other.describe()
                    ),
                    other.describe(),
                )
                .help(
                    "the value of `s` at the positions `i` is `aggregate(select(indices, i, ==), s)`; an \
                     element of each value is `sequence_map((x, i) -> x[i], s, i)`",
                ),
            )),
        }
    }

    fn value_at(&mut self, s: NodeId, i: i64, span: &Span) -> Outcome<NodeId> {
        let encoding = self.encoding(s);
        let (n, at) = (Formula::argument(0), Formula::constant(Value::Int(i)));
        // Whether there is such a position, and which it is, of the length.
        let (exists, position) = if i < 0 {
            let sum = Formula::binary(Binary::Add, n.clone(), at);
            let zero = Formula::constant(Value::Int(0));
            (Formula::binary(Binary::AtLeast, sum.clone(), zero), sum)
        } else {
            (Formula::binary(Binary::Greater, n, at.clone()), at)
        };
        // Every input has a first and a last position, and where a numerical aggregate selects nothing
        // it is 0 anyway. Elsewhere something has to be selected, since None would be undefined.
        let always = matches!(i, 0 | -1) || encoding == Encoding::Numerical;
        let queried = if always {
            position
        } else {
            let first = Formula::constant(Value::Int(0));
            Formula::choice(exists.clone(), position, first)
        };
        let (key, query) = (Formula::argument(0), Formula::argument(1));
        let selector = if always && i >= 0 {
            let is = Formula::binary(Binary::Equal, key, queried);
            self.select(self.indices, self.indices, is, span)?
        } else {
            let length = self.length()?;
            let queries = self.map(queried, length, Encoding::Categorical, span)?;
            let is = Formula::binary(Binary::Equal, key, query);
            self.select(self.indices, queries, is, span)?
        };
        let default = match encoding {
            Encoding::Categorical => Value::None,
            Encoding::Numerical => Value::Int(0),
        };
        let kind = Kind::Aggregate {
            selector,
            sop: s,
            default,
        };
        let found = self.add(kind, encoding, span)?;
        if always {
            return Ok(found);
        }
        let exists = exists.substitute(&[Formula::argument(1)]);
        let zero = Formula::constant(Value::Int(0));
        let value = Formula::choice(exists, Formula::argument(0), zero);
        let length = self.length()?;
        self.sequence_map(value, found, length, span)
    }

    /// The prelude's `length`, whatever the program calls by that name.
    fn length(&self) -> Outcome<NodeId> {
        match self.of_prelude("length") {
            Some(Item::Sop(id)) => Ok(*id),
            _ => Err(Box::new(Problem::silent())),
        }
    }

    /// `"a" in s`: whether it is the value of any position, at every position.
    pub(super) fn occurs(&mut self, value: &Argument, s: &Argument, span: &Span) -> Outcome<Item> {
        let Some(function) = self.of_prelude("contains").cloned() else {
            return Err(Box::new(Problem::silent()));
        };
        let function = Argument {
            item: function,
            span: span.clone(),
        };
        self.call(&function, &[s.clone(), value.clone()], span)
    }
}

fn is_str(token: &Value) -> bool {
    matches!(token, Value::Str(_))
}

fn is_int(token: &Value) -> bool {
    matches!(token, Value::Int(_))
}

fn is_number(token: &Value) -> bool {
    matches!(token, Value::Int(_) | Value::Float(_))
}

fn is_bool(token: &Value) -> bool {
    matches!(token, Value::Bool(_))
}

/// `s in t` of two s-ops.
pub(super) fn in_sop(span: &Span) -> Problem {
    Problem::new(
        span,
        "`in` looks for a constant in an s-op, or for each value of an s-op in a list of constants",
        "an s-op in an s-op",
    )
    .help(
        "at each position by itself it is `sequence_map((x, y) -> x in y, a, b)`; whether the value occurs \
         anywhere is `selector_width(select(b, a, ==)) > 0`",
    )
}
