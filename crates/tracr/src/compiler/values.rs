//! Sets of values with Python's equality, in the order in which Tracr sorts features.
//!
//! Python holds `1`, `1.0` and `True` for one value, so a set keeps the first of them. Features of
//! one variable are sorted by value where Python can compare the two, and by their text where it
//! cannot (`1` and `"BOS"`). Over numbers and strings mixed that is not always an order (`9 < 10`,
//! `"10" < "5"`, `"5" < "9"`), so the sort here is a merge sort, which ends with some definite
//! sequence whatever it is told, and with the sorted one where there is one.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::model::Value;
use crate::rasp::python::{Key, compare, str};

/// Distinct values in the order of their features.
#[derive(Clone, Debug, Default)]
pub struct ValueSet {
    values: Vec<Value>,
    places: HashMap<Key, usize>,
}

impl ValueSet {
    /// The distinct ones of `values`, sorted; of equal ones the first is kept.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        let mut seen = HashSet::new();
        let distinct = values
            .into_iter()
            .filter(|value| seen.insert(Key(value.clone())))
            .collect();
        let values = merge_sort(distinct, feature_order);
        let places = values
            .iter()
            .enumerate()
            .map(|(i, value)| (Key(value.clone()), i))
            .collect();
        Self { values, places }
    }

    /// The values, sorted.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The place of the value equal to this one.
    pub fn place(&self, value: &Value) -> Option<usize> {
        self.places.get(&Key(value.clone())).copied()
    }

    /// The values as numbers, or the first that is none.
    ///
    /// # Errors
    /// That value.
    pub fn numbers(&self) -> Result<Vec<f64>, &Value> {
        self.values
            .iter()
            .map(|value| number(value).ok_or(value))
            .collect()
    }
}

/// A boolean, integer or finite float as a number.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::Int(i) => Some(*i as f64),
        Value::Float(x) if x.is_finite() => Some(*x),
        _ => None,
    }
}

/// Whether the value holds an infinity or not-a-number, which no model file can.
pub fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(x) => x.is_finite(),
        Value::Tuple(items) => items.iter().all(is_finite),
        _ => true,
    }
}

/// The order of two features of one variable: by value, or else by text.
fn feature_order(a: &Value, b: &Value) -> Ordering {
    match compare(a, b) {
        Ok(order) => order.unwrap_or(Ordering::Equal),
        Err(_) => str(a).cmp(&str(b)),
    }
}

/// Whether Python orders the values among themselves, so that text plays no part.
pub fn has_order(sorted: &[Value]) -> bool {
    sorted
        .windows(2)
        .all(|pair| compare(&pair[0], &pair[1]).is_ok())
}

/// Tracr's order of the pairs `(first[i], second[j])`, as places `i · len(second) + j`.
///
/// A pair is the tuple of both variables and values, and compares as such: where Python does not
/// order the values, by the text of the whole tuple, in which strings are quoted. So numbers and
/// strings mixed may stand in another order here than among the features.
pub fn pair_order(first: (&str, &[Value]), second: (&str, &[Value])) -> Vec<usize> {
    let pairs = first
        .1
        .iter()
        .flat_map(|x| second.1.iter().map(move |y| (x, y)));
    let name = |variable: &str| Value::Str(variable.to_owned());
    let tuples = pairs.enumerate().map(|(place, (x, y))| {
        (
            place,
            Value::Tuple(vec![name(first.0), x.clone(), name(second.0), y.clone()]),
        )
    });
    let sorted = merge_sort(tuples.collect(), |a, b| feature_order(&a.1, &b.1));
    sorted.into_iter().map(|(place, _)| place).collect()
}

/// Stable; takes any answer of `order` for what it is, and never panics.
fn merge_sort<T>(items: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut runs: Vec<Vec<T>> = items.into_iter().map(|item| vec![item]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(first) = pairs.next() {
            merged.push(match pairs.next() {
                Some(second) => merge(first, second, &order),
                None => first,
            });
        }
        runs = merged;
    }
    runs.pop().unwrap_or_default()
}

fn merge<T>(first: Vec<T>, second: Vec<T>, order: &impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut out = Vec::with_capacity(first.len() + second.len());
    let mut first = first.into_iter().peekable();
    let mut second = second.into_iter().peekable();
    while let (Some(a), Some(b)) = (first.peek(), second.peek()) {
        let from = if order(b, a) == Ordering::Less {
            &mut second
        } else {
            &mut first
        };
        out.extend(from.next());
    }
    out.extend(first);
    out.extend(second);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> Value {
        Value::Str(text.into())
    }

    #[test]
    fn equal_values_of_python_are_one() {
        let set = ValueSet::new([Value::Bool(true), Value::Int(1), Value::Float(1.0), s("1")]);
        // As text, "1" comes before "True".
        assert_eq!(set.values(), [s("1"), Value::Bool(true)]);
        assert_eq!(set.place(&Value::Float(1.0)), Some(1));
        assert_eq!(set.place(&Value::Float(1.5)), None);
        assert_eq!(set.place(&Value::Float(-0.0)), None);
    }

    #[test]
    fn numbers_sort_as_numbers_and_against_text_as_text() {
        let set = ValueSet::new([
            s("BOS"),
            Value::Int(10),
            Value::Float(2.5),
            s("a"),
            Value::Int(9),
        ]);
        assert_eq!(
            set.values(),
            [
                Value::Float(2.5),
                Value::Int(9),
                Value::Int(10),
                s("BOS"),
                s("a")
            ]
        );
    }

    #[test]
    fn values_without_an_order_sort_all_the_same() {
        let values: Vec<Value> = (0..100)
            .flat_map(|i| [Value::Int(i * 7 % 100), s(&(i * 3 % 100).to_string())])
            .collect();
        assert_eq!(ValueSet::new(values).len(), 200);
    }
}
