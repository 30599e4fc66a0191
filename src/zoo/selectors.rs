//! The selectors of random programs.

use rand::Rng;

use super::draft::{Meaning, Values};
use super::growth::{Growth, INDICES, int_set, spoken};

impl<R: Rng> Growth<R> {
    /// Adds a selector, if it is not there.
    fn select(&mut self, name: &str, expression: String, reads: &[usize]) -> usize {
        let there = self
            .statements
            .iter()
            .position(|known| known.expression == expression);
        there.unwrap_or_else(|| self.add(name, expression, reads, Meaning::Selector, 0))
    }

    /// Any selector: one that is there, a new one, or a combination.
    pub(super) fn selector(&mut self) -> Option<usize> {
        let known: Vec<usize> = (0..self.statements.len())
            .filter(|i| self.statements[*i].meaning == Meaning::Selector)
            .collect();
        if !known.is_empty() && self.one_in(4) {
            return Some(*self.pick(&known));
        }
        if known.len() > 1 && self.one_in(5) {
            let (x, y) = (*self.pick(&known), *self.pick(&known));
            let (a, b) = (self.name(x).to_owned(), self.name(y).to_owned());
            let (name, expression) = match self.below(3) {
                0 => ("joint", format!("{a} and {b}")),
                1 => ("any", format!("{a} or {b}")),
                _ => ("except", format!("{a} and not {b}")),
            };
            return (x != y).then(|| self.select(name, expression, &[x, y]));
        }
        match self.below(6) {
            0 => self.equal(),
            1 => self.compared(),
            2 => self.by_value(),
            3 => self.by_two(),
            _ => Some(self.by_position()),
        }
    }

    /// Keys with the query's value.
    fn equal(&mut self) -> Option<usize> {
        let x = self.sop(|values| !values.is_numerical())?;
        let s = self.name(x).to_owned();
        Some(self.select("same", format!("select({s}, {s}, ==)"), &[x]))
    }

    /// Keys with a smaller or larger value.
    fn compared(&mut self) -> Option<usize> {
        let x = self.sop(|values| values.ints().is_some())?;
        let s = self.name(x).to_owned();
        let (name, sign) = *self.pick(&[
            ("lower", "<"),
            ("at_most", "<="),
            ("higher", ">"),
            ("other", "!="),
        ]);
        Some(self.select(name, format!("select({s}, {s}, {sign})"), &[x]))
    }

    /// Keys with one value.
    fn by_value(&mut self) -> Option<usize> {
        let x = self.sop(|values| !values.is_numerical())?;
        let s = self.name(x).to_owned();
        let (word, literal) = match self.values(x).clone() {
            Values::Words(words) => {
                let word = self.pick(&words).clone();
                (spoken(&word), format!("\"{word}\""))
            }
            Values::Ints(ints) => {
                let int = self.pick(&ints).to_string();
                (spoken(&int), int)
            }
            _ => ("true".into(), "True".into()),
        };
        Some(self.select(
            &format!("with_{word}"),
            format!("select({s}, {literal}, ==)"),
            &[x],
        ))
    }

    /// Keys of one s-op by queries of another.
    fn by_two(&mut self) -> Option<usize> {
        let ints = |values: &Values| values.ints().is_some();
        let (x, y) = (self.sop(ints)?, self.sop(ints)?);
        let (k, q) = (self.name(x).to_owned(), self.name(y).to_owned());
        let (name, sign) = *self.pick(&[("matching", "=="), ("under", "<"), ("over", ">")]);
        (x != y).then(|| self.select(name, format!("select({k}, {q}, {sign})"), &[x, y]))
    }

    /// Keys by where they are.
    fn by_position(&mut self) -> usize {
        let (name, condition) = *self.pick(&[
            ("before", "<"),
            ("until", "<="),
            ("after", ">"),
            ("others", "!="),
            ("near", "(k, q) -> abs(k - q) <= 1"),
            ("everywhere", "true"),
        ]);
        let expression = format!("select(indices, indices, {condition})");
        self.select(name, expression, &[INDICES])
    }

    /// A selector of at most one position, and whether it selects none somewhere.
    pub(super) fn single(&mut self) -> Option<(usize, bool)> {
        let last = self.longest as i64 - 1;
        let constant = |growth: &mut Self, name: &str, at: i64| {
            let expression = format!("select(indices, {at}, ==)");
            (growth.select(name, expression, &[INDICES]), false)
        };
        let source = match self.below(8) {
            0 => return Some(constant(self, "first", 0)),
            1 => return Some(constant(self, "last", last)),
            2 => {
                let before = self.pointer("before_here", "indices - 1".into(), -1..=last - 1);
                let expression = format!("select(indices, {}, ==)", self.name(before));
                return Some((
                    self.select("previous", expression, &[INDICES, before]),
                    true,
                ));
            }
            3 => self.pointer("opposite", format!("{last} - indices"), 0..=last),
            4 => self.pointer(
                "source",
                "map(i -> max(i - 1, 0), indices)".into(),
                0..=last - 1,
            ),
            5 => self.pointer(
                "source",
                format!("map(i -> min(i + 1, {last}), indices)"),
                1..=last,
            ),
            _ => self
                .sop(|values| {
                    let within = |ints: &[i64]| ints.iter().all(|x| (0..=last).contains(x));
                    values.ints().is_some_and(within)
                })
                .filter(|source| *source != INDICES)?,
        };
        let expression = format!("select(indices, {}, ==)", self.name(source));
        Some((self.select("there", expression, &[INDICES, source]), false))
    }

    /// A map of the position.
    fn pointer(
        &mut self,
        name: &str,
        expression: String,
        values: std::ops::RangeInclusive<i64>,
    ) -> usize {
        let there = self
            .statements
            .iter()
            .position(|s| s.expression == expression);
        there.unwrap_or_else(|| {
            let meaning = Meaning::Sop(int_set(values));
            self.add(name, expression, &[INDICES], meaning, 1)
        })
    }
}
