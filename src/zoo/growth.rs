//! A random program, grown operator by operator.
//!
//! What is drawn keeps to what the compiler supports as far as a statement can know that: a categorical aggregate selects
//! one position, a selector compares categorical s-ops, an average is one of bits. What only the inputs can tell is left
//! to [`super::examine`].

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::draft::{Draft, Meaning, Statement, Values, cone};

/// The vocabularies, and how long inputs over them are.
const VOCABULARIES: [(&[&str], RangeInclusive<usize>); 7] = [
    (&["a", "b"], 4..=6),
    (&["a", "b", "c"], 4..=5),
    (&["a", "b", "c", "d"], 4..=5),
    (&["x", "y", "z"], 4..=5),
    (&["0", "1", "2"], 4..=5),
    (&["1", "2", "3"], 4..=5),
    (&["1", "2", "3", "4"], 4..=4),
];

/// A categorical s-op has at most so many values: each one is a dimension, and so is each pair of a sequence map.
const MOST_VALUES: usize = 9;

/// So many statements are drawn for each operator before a program is given up.
const TRIES: usize = 12;

/// The random choices and the statements so far.
pub(super) struct Growth<R> {
    pub(super) rng: R,
    pub(super) statements: Vec<Statement>,
    pub(super) longest: usize,
}

/// The numbers of `tokens` and `indices`.
pub(super) const TOKENS: usize = 0;
pub(super) const INDICES: usize = 1;

/// A program with so many operators, if one comes of these random numbers.
pub fn draft(rng: impl Rng, operators: usize, numerical: bool) -> Option<Draft> {
    let mut growth = Growth {
        rng,
        statements: Vec::new(),
        longest: 0,
    };
    let (words, lengths) = growth.pick(&VOCABULARIES).clone();
    growth.longest = growth.rng.random_range(lengths);
    let ints: Option<Vec<i64>> = words.iter().map(|word| word.parse().ok()).collect();
    let tokens = match ints {
        Some(ints) => Values::Ints(ints),
        None => Values::Words(words.iter().map(|w| (*w).to_owned()).collect()),
    };
    let indices = Values::Ints((0..growth.longest as i64).collect());
    for (name, values) in [("tokens", tokens), ("indices", indices)] {
        growth.statements.push(Statement {
            base: name.into(),
            name: name.into(),
            expression: String::new(),
            reads: Vec::new(),
            meaning: Meaning::Sop(values),
            operators: 0,
        });
    }
    let causal = growth.one_in(6);
    for _ in 0..TRIES * operators {
        let Some(number) = growth.step() else {
            continue;
        };
        let used = cone(&growth.statements, number);
        let size: usize = used.iter().map(|i| growth.statements[*i].operators).sum();
        let fits = growth.values(number).is_numerical() == numerical;
        if size == operators && fits && used.contains(&TOKENS) {
            return Some(Draft {
                vocabulary: words.iter().map(|w| (*w).to_owned()).collect(),
                max_seq_len: growth.longest,
                causal,
                statements: growth.statements,
                output: number,
            });
        }
        if size > operators {
            growth.statements.pop(); // nothing reads it yet, and it would lead too far
        }
    }
    None
}

impl<R: Rng> Growth<R> {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n)
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// What is known of an s-op; a selector is asked for by nobody.
    pub(super) fn values(&self, number: usize) -> &Values {
        match &self.statements[number].meaning {
            Meaning::Sop(values) => values,
            Meaning::Selector => &Values::Number,
        }
    }

    pub(super) fn name(&self, number: usize) -> &str {
        &self.statements[number].name
    }

    /// An s-op that fits: a recent one more often than an early one, so that programs are deep.
    pub(super) fn sop(&mut self, fits: impl Fn(&Values) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.statements.len())
            .filter(|i| match &self.statements[*i].meaning {
                Meaning::Sop(values) => fits(values),
                Meaning::Selector => false,
            })
            .collect();
        let from = match self.one_in(3) {
            true => 0,
            false => fitting.len().saturating_sub(3),
        };
        let recent = fitting.get(from..).filter(|recent| !recent.is_empty())?;
        Some(*self.pick(recent))
    }

    /// The base of its name.
    fn base(&self, number: usize) -> &str {
        &self.statements[number].base
    }

    fn categorical(&mut self) -> Option<usize> {
        self.sop(|values| !values.is_numerical())
    }

    /// Adds a statement, under a name of its own.
    pub(super) fn add(
        &mut self,
        name: &str,
        expression: String,
        reads: &[usize],
        meaning: Meaning,
        operators: usize,
    ) -> usize {
        let is_taken = |name: &str| self.statements.iter().any(|known| known.name == name);
        let mut unique = name.to_owned();
        let mut number = 2;
        while is_taken(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        self.statements.push(Statement {
            base: name.to_owned(),
            name: unique,
            expression,
            reads: reads.to_vec(),
            meaning,
            operators,
        });
        self.statements.len() - 1
    }

    /// Adds an s-op of one operator.
    fn sop_of(
        &mut self,
        name: &str,
        expression: String,
        reads: &[usize],
        values: Values,
    ) -> Option<usize> {
        let fits = match &values {
            Values::Words(words) => (2..=MOST_VALUES).contains(&words.len()),
            Values::Ints(ints) => (2..=MOST_VALUES).contains(&ints.len()),
            _ => true,
        };
        fits.then(|| self.add(name, expression, reads, Meaning::Sop(values), 1))
    }

    /// One more s-op; none if the choices do not fit together.
    fn step(&mut self) -> Option<usize> {
        match self.below(18) {
            0 | 1 => self.test(),
            2 => self.arithmetic(),
            3 => self.recoding(),
            4..=6 => self.both(),
            7 => self.choice(),
            8 => self.indicator(),
            9 => self.number(),
            10 => self.linear(),
            11 | 12 => self.width(),
            13 | 14 => self.share(),
            _ => self.moved(),
        }
    }

    /// A map to true or false.
    fn test(&mut self) -> Option<usize> {
        let x =
            self.sop(|values| !matches!(values, Values::Bools | Values::Bits | Values::Number))?;
        let s = self.name(x).to_owned();
        let (name, expression) = match self.values(x).clone() {
            Values::Words(words) => {
                let word = self.pick(&words).clone();
                (
                    format!("is_{}", spoken(&word)),
                    format!("{s} == \"{word}\""),
                )
            }
            Values::Ints(ints) => {
                let int = *self.pick(&ints);
                let as_word = spoken(&int.to_string());
                match self.below(4) {
                    0 => (format!("is_{as_word}"), format!("{s} == {int}")),
                    1 => (format!("above_{as_word}"), format!("{s} > {int}")),
                    2 => (format!("below_{as_word}"), format!("{s} < {int}")),
                    _ => ("even".into(), format!("{s} % 2 == 0")),
                }
            }
            Values::Share(_) => ("some".into(), format!("{s} > 0")),
            _ => match self.below(3) {
                0 => ("more".into(), format!("{s} > 0")),
                1 => ("fewer".into(), format!("{s} < 0")),
                _ => ("balanced".into(), format!("{s} == 0")),
            },
        };
        self.sop_of(&name, expression, &[x], Values::Bools)
    }

    /// A map of integers to integers.
    fn arithmetic(&mut self) -> Option<usize> {
        let x = self.sop(|values| values.ints().is_some())?;
        let ints = self.values(x).ints()?.to_vec();
        let (s, c) = (self.name(x).to_owned(), self.rng.random_range(1..=3_i64));
        let (name, expression, f): (_, _, fn(i64, i64) -> i64) = match self.below(5) {
            0 => ("plus", format!("{s} + {c}"), |x, c| x + c),
            1 => ("minus", format!("{c} - {s}"), |x, c| c - x),
            2 => ("remainder", format!("{s} % {}", c + 1), |x, c| {
                x.rem_euclid(c + 1)
            }),
            3 => ("distance", format!("abs({s} - {c})"), |x, c| (x - c).abs()),
            _ => ("clipped", format!("map(x -> min(x, {c}), {s})"), Ord::min),
        };
        let values = int_set(ints.iter().map(|x| f(*x, c)));
        self.sop_of(name, expression, &[x], values)
    }

    /// A map by a dictionary, to positions or to words.
    fn recoding(&mut self) -> Option<usize> {
        let x = self.categorical()?;
        let keys: Vec<String> = match self.values(x) {
            Values::Words(words) => words.iter().map(|word| format!("\"{word}\"")).collect(),
            Values::Ints(ints) => ints.iter().map(i64::to_string).collect(),
            _ => vec!["False".into(), "True".into()],
        };
        let to_words = self.one_in(2);
        let mut found = BTreeSet::new();
        let mut entries = Vec::new();
        for key in keys {
            let value = self.below(if to_words { 3 } else { self.longest });
            found.insert(value);
            entries.push(match to_words {
                true => format!("{key}: \"{}\"", WORDS[value]),
                false => format!("{key}: {value}"),
            });
        }
        let (name, values) = if to_words {
            let words = found.iter().map(|i| WORDS[*i].to_owned());
            ("letter", Values::Words(words.collect()))
        } else {
            ("code", int_set(found.iter().map(|i| *i as i64)))
        };
        let expression = format!("{{{}}}[{}]", entries.join(", "), self.name(x));
        self.sop_of(name, expression, &[x], values)
    }

    /// A sequence map of two s-ops of one kind.
    fn both(&mut self) -> Option<usize> {
        let (x, y) = (self.categorical()?, self.categorical()?);
        if x == y {
            return None;
        }
        let (a, b) = (self.name(x).to_owned(), self.name(y).to_owned());
        let (name, expression, values) = match (self.values(x).clone(), self.values(y).clone()) {
            (Values::Bools, Values::Bools) => {
                let (name, expression) = match self.below(4) {
                    0 => ("both", format!("{a} and {b}")),
                    1 => ("either", format!("{a} or {b}")),
                    2 => ("only", format!("{a} and not {b}")),
                    _ => ("unlike", format!("{a} != {b}")),
                };
                (name, expression, Values::Bools)
            }
            (Values::Ints(first), Values::Ints(second)) => {
                let pairs = |f: fn(i64, i64) -> i64| {
                    int_set(
                        first
                            .iter()
                            .flat_map(|x| second.iter().map(move |y| f(*x, *y))),
                    )
                };
                match self.below(7) {
                    0 => ("sum", format!("{a} + {b}"), pairs(|x, y| x + y)),
                    1 => ("gap", format!("{a} - {b}"), pairs(|x, y| x - y)),
                    2 => ("equal", format!("{a} == {b}"), Values::Bools),
                    3 => ("less", format!("{a} < {b}"), Values::Bools),
                    4 => (
                        "larger",
                        format!("sequence_map((x, y) -> max(x, y), {a}, {b})"),
                        pairs(Ord::max),
                    ),
                    5 => (
                        "smaller",
                        format!("sequence_map((x, y) -> min(x, y), {a}, {b})"),
                        pairs(Ord::min),
                    ),
                    _ => (
                        "product",
                        format!("sequence_map((x, y) -> x * y % 3, {a}, {b})"),
                        pairs(|x, y| (x * y).rem_euclid(3)),
                    ),
                }
            }
            (Values::Words(_), Values::Words(_)) => ("equal", format!("{a} == {b}"), Values::Bools),
            _ => return None,
        };
        self.sop_of(name, expression, &[x, y], values)
    }

    /// One of two s-ops, or an s-op or a constant, by a third.
    fn choice(&mut self) -> Option<usize> {
        let condition = self.sop(|values| *values == Values::Bools)?;
        let x = self.sop(|values| matches!(values, Values::Words(_) | Values::Ints(_)))?;
        let (c, a) = (self.name(condition).to_owned(), self.name(x).to_owned());
        if self.one_in(2) {
            let y = self.sop(|values| matches!(values, Values::Words(_) | Values::Ints(_)))?;
            let values = union(self.values(x), self.values(y)).filter(|_| x != y)?;
            let expression = format!("{a} if {c} else {}", self.name(y));
            let number = self.sop_of("chosen", expression, &[x, condition, y], values)?;
            self.statements[number].operators = 2; // pairs of the condition and the first, and then the second
            return Some(number);
        }
        let (other, values) = match self.values(x) {
            Values::Ints(ints) => {
                let values = int_set(ints.iter().copied().chain([0]));
                ("0".to_owned(), values)
            }
            values => {
                let values = union(values, &Values::Words(vec!["-".into()]))?;
                ("\"-\"".to_owned(), values)
            }
        };
        let expression = format!("{a} if {c} else {other}");
        self.sop_of("kept", expression, &[x, condition], values)
    }

    /// A map to 0 and 1, as a number.
    fn indicator(&mut self) -> Option<usize> {
        let x = self.categorical()?;
        let s = self.name(x).to_owned();
        let (name, expression) = match self.values(x).clone() {
            Values::Bools => (format!("{}_bit", self.base(x)), format!("indicator({s})")),
            Values::Words(words) => {
                let word = self.pick(&words).clone();
                (
                    format!("bit_{}", spoken(&word)),
                    format!("numerical({s} == \"{word}\")"),
                )
            }
            Values::Ints(ints) => {
                let int = *self.pick(&ints);
                (
                    format!("bit_{}", spoken(&int.to_string())),
                    format!("numerical({s} >= {int})"),
                )
            }
            _ => return None,
        };
        self.sop_of(&name, expression, &[x], Values::Bits)
    }

    /// A map of integers to numbers.
    fn number(&mut self) -> Option<usize> {
        // Tracr's map to numbers is cut off below 0.
        let x = self.sop(|values| {
            values
                .ints()
                .is_some_and(|ints| ints.iter().all(|x| *x >= 0))
        })?;
        let s = self.name(x).to_owned();
        let (name, expression) = match self.below(3) {
            0 => ("amount", format!("numerical(map(x -> x, {s}))")),
            1 => ("half", format!("numerical(map(x -> x / 2, {s}))")),
            _ => ("square", format!("numerical(map(x -> x * x, {s}))")),
        };
        self.sop_of(name, expression, &[x], Values::Number)
    }

    /// A weighted sum of two numbers.
    fn linear(&mut self) -> Option<usize> {
        let (x, y) = (
            self.sop(Values::is_numerical)?,
            self.sop(Values::is_numerical)?,
        );
        if x == y {
            return None;
        }
        let (a, b) = (self.name(x).to_owned(), self.name(y).to_owned());
        let shares = match (self.values(x), self.values(y)) {
            (Values::Share(one), Values::Share(other)) => one == other,
            _ => false,
        };
        let (name, expression, values) = match self.below(3) {
            0 | 1 if shares => ("balance", format!("{a} - {b}"), Values::Difference),
            0 => ("excess", format!("{a} - {b}"), Values::Number),
            1 => ("total", format!("{a} + {b}"), Values::Number),
            _ => (
                "weighted",
                format!("linear({a}, {b}, 2, -1)"),
                Values::Number,
            ),
        };
        self.sop_of(name, expression, &[x, y], values)
    }

    /// How many positions a selector selects.
    fn width(&mut self) -> Option<usize> {
        let selector = self.selector()?;
        let s = self.name(selector).to_owned();
        let values = int_set(0..=self.longest as i64);
        self.sop_of(
            &format!("count_{}", self.base(selector)),
            format!("selector_width({s})"),
            &[selector],
            values,
        )
    }

    /// The mean of bits.
    fn share(&mut self) -> Option<usize> {
        let bits = self.sop(|values| *values == Values::Bits)?;
        let selector = self.selector()?;
        let s = self.name(selector).to_owned();
        let expression = format!("aggregate({s}, {})", self.name(bits));
        self.sop_of(
            &format!("share_{}", self.base(selector)),
            expression,
            &[selector, bits],
            Values::Share(selector),
        )
    }

    /// The value of another position.
    fn moved(&mut self) -> Option<usize> {
        let s = self.categorical()?;
        let (selector, filler) = self.single()?;
        let x = self.name(s).to_owned();
        let (values, default) = match (filler, self.values(s).clone()) {
            (false, values) => (values, String::new()),
            (true, Values::Ints(ints)) => {
                (int_set(ints.iter().copied().chain([-1])), ", -1".to_owned())
            }
            (true, values @ Values::Words(_)) => (
                union(&values, &Values::Words(vec!["-".into()]))?,
                ", \"-\"".to_owned(),
            ),
            _ => return None,
        };
        let selects = self.name(selector).to_owned();
        let expression = format!("aggregate({selects}, {x}{default})");
        let name = format!("{}_{}", self.base(s), self.base(selector));
        let name = if name.len() > 24 { "moved" } else { &name };
        self.sop_of(name, expression, &[selector, s], values)
    }
}

/// What dictionaries give.
const WORDS: [&str; 3] = ["p", "q", "r"];

/// The integers once each, in ascending order.
pub(super) fn int_set(ints: impl IntoIterator<Item = i64>) -> Values {
    let set: BTreeSet<i64> = ints.into_iter().collect();
    Values::Ints(set.into_iter().collect())
}

/// The values of either, if they are of one kind.
fn union(x: &Values, y: &Values) -> Option<Values> {
    match (x, y) {
        (Values::Ints(x), Values::Ints(y)) => Some(int_set(x.iter().chain(y).copied())),
        (Values::Words(x), Values::Words(y)) => {
            let all: BTreeSet<&String> = x.iter().chain(y).collect();
            Some(Values::Words(all.into_iter().cloned().collect()))
        }
        _ => None,
    }
}

/// A value as a part of a name.
pub(super) fn spoken(value: &str) -> String {
    match value {
        "-" => "none".into(),
        _ => value.replace('-', "minus_"),
    }
}
