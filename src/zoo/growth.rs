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

/// The most values of a categorical s-op: each one is a dimension, and so is each pair of a sequence map.
const MOST_VALUES: usize = 9;

/// How many statements are drawn for each operator before a program is given up.
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

/// A program with `operators` operators, if one comes of these random numbers.
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
    pub(super) fn base(&self, number: usize) -> &str {
        &self.statements[number].base
    }

    pub(super) fn categorical(&mut self) -> Option<usize> {
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
    pub(super) fn sop_of(
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
}

/// The integers once each, in ascending order.
pub(super) fn int_set(ints: impl IntoIterator<Item = i64>) -> Values {
    let set: BTreeSet<i64> = ints.into_iter().collect();
    Values::Ints(set.into_iter().collect())
}

/// A value as a part of a name.
pub(super) fn spoken(value: &str) -> String {
    match value {
        "-" => "none".into(),
        _ => value.replace('-', "minus_"),
    }
}
