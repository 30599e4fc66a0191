//! The operators of random programs: maps, sequence maps, linear ones, aggregates and selector widths.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::draft::Values;
use super::growth::{Growth, int_set, spoken};

/// What dictionaries give.
const WORDS: [&str; 3] = ["p", "q", "r"];

impl<R: Rng> Growth<R> {
    /// One more s-op; none if the choices do not fit together.
    pub(super) fn step(&mut self) -> Option<usize> {
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
