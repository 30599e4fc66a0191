//! The functions that are part of the language, by name.

use crate::rasp::syntax::ast::{Binary, Unary};

/// A function that is part of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// `map(x -> ..., s)`
    Map,
    /// `sequence_map((x, y) -> ..., a, b)`
    SequenceMap,
    /// `select(keys, queries, ==)`
    Select,
    /// `aggregate(selector, s, default)`
    Aggregate,
    /// `selector_width(selector)`
    SelectorWidth,
    /// `numerical(s)`
    Numerical,
    /// `categorical(s)`
    Categorical,
    /// `linear(a, b, 1, -1)`
    Linear,
    /// `named(s, "label")`
    Named,
    /// `is_constant(x)`
    IsConstant,
    /// `range(n)`, `range(start, end)`
    Range,
    /// `zip(a, b)`
    Zip,
    /// `reversed(list)`
    Reversed,
    /// An operator of one operand.
    Unary(Unary),
    /// An operator of two operands.
    Binary(Binary),
}

/// Name, function, fewest and most arguments, parameters.
pub(super) type Entry = (&'static str, Builtin, usize, usize, &'static str);

/// All of them.
pub(super) const BUILTINS: &[Entry] = &[
    ("map", Builtin::Map, 2, 2, "function, s"),
    (
        "sequence_map",
        Builtin::SequenceMap,
        3,
        16,
        "function, a, b",
    ),
    ("select", Builtin::Select, 3, 3, "keys, queries, comparison"),
    (
        "aggregate",
        Builtin::Aggregate,
        2,
        3,
        "selector, s, default",
    ),
    ("selector_width", Builtin::SelectorWidth, 1, 1, "selector"),
    ("numerical", Builtin::Numerical, 1, 1, "s"),
    ("categorical", Builtin::Categorical, 1, 1, "s"),
    ("linear", Builtin::Linear, 4, 4, "a, b, factor_a, factor_b"),
    ("named", Builtin::Named, 2, 2, "s, label"),
    ("is_constant", Builtin::IsConstant, 1, 1, "x"),
    ("range", Builtin::Range, 1, 3, "start, end, step"),
    ("zip", Builtin::Zip, 1, 16, "a, b"),
    ("reversed", Builtin::Reversed, 1, 1, "list"),
    ("round", Builtin::Unary(Unary::Round), 1, 1, "x"),
    (
        "indicator",
        Builtin::Unary(Unary::Indicator),
        1,
        1,
        "condition",
    ),
    ("abs", Builtin::Unary(Unary::Abs), 1, 1, "x"),
    ("str", Builtin::Unary(Unary::Str), 1, 1, "x"),
    ("int", Builtin::Unary(Unary::Int), 1, 1, "x"),
    ("float", Builtin::Unary(Unary::Float), 1, 1, "x"),
    ("len", Builtin::Unary(Unary::Len), 1, 1, "list"),
    ("sin", Builtin::Unary(Unary::Sin), 1, 1, "x"),
    ("cos", Builtin::Unary(Unary::Cos), 1, 1, "x"),
    ("exp", Builtin::Unary(Unary::Exp), 1, 1, "x"),
    ("log", Builtin::Unary(Unary::Log), 1, 1, "x"),
    ("sqrt", Builtin::Unary(Unary::Sqrt), 1, 1, "x"),
    ("min", Builtin::Binary(Binary::Min), 2, 3, "a, b"),
    ("max", Builtin::Binary(Binary::Max), 2, 3, "a, b"),
];

impl Builtin {
    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        BUILTINS
            .iter()
            .find(|entry| entry.0 == name)
            .map(|entry| entry.1)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTINS.iter().map(|entry| entry.0)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        BUILTINS
            .iter()
            .find(|entry| entry.1 == self)
            .map_or("", |entry| entry.0)
    }
}
