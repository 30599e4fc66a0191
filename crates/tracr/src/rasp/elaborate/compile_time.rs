//! Lists that are made at compile time.

use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Item};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};

impl Elaborator {
    /// `range(end)`, `range(start, end)`, `range(start, end, step)`
    pub(super) fn range(&mut self, bounds: &[Argument], span: &Span) -> Outcome<Item> {
        let mut numbers = Vec::new();
        for bound in bounds {
            let Item::Value(Value::Int(number)) = bound.item else {
                let found = bound.item.describe();
                let message = format!("`range` takes integers, not {found}");
                return Err(Box::new(Problem::new(&bound.span, message, found).help(
                    "loops run at compile time: a bound is a constant, such as 3, or `max_seq_len`, the longest input",
                )));
            };
            numbers.push(number);
        }
        let (start, end, step) = match numbers.as_slice() {
            [end] => (0, *end, 1),
            [start, end] => (*start, *end, 1),
            [start, end, step, ..] => (*start, *end, *step),
            [] => (0, 0, 1),
        };
        if step == 0 {
            let problem = Problem::new(span, "`range` with a step of 0 has no end", "here");
            return Err(Box::new(problem.help("leave the step out: it is then 1")));
        }
        let mut items = Vec::new();
        let mut next = Some(start);
        while let Some(i) = next.filter(|i| if step > 0 { *i < end } else { *i > end }) {
            self.charge(1, span)?;
            items.push(Item::Value(Value::Int(i)));
            next = i.checked_add(step);
        }
        self.list(items, span)
    }

    /// `zip(a, b)`: lists of one element of each, as long as the shortest.
    pub(super) fn zip(&mut self, lists: &[Argument], span: &Span) -> Outcome<Item> {
        let mut columns = Vec::new();
        for list in lists {
            columns.push(self.elements(&list.item, &list.span)?.into_iter());
        }
        let mut rows = Vec::new();
        loop {
            let row: Option<Vec<Item>> = columns.iter_mut().map(Iterator::next).collect();
            match row {
                Some(row) => rows.push(self.list(row, span)?),
                None => return self.list(rows, span),
            }
        }
    }
}
