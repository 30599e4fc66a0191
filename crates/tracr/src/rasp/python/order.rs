//! Equality, order, membership in sets, and the order of a residual stream's features.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::arithmetic::{Number, number};
use super::text::{literal, str};
use crate::model::Value;
use crate::rasp::graph::ValueError;

/// Python's `a == b`: numbers by what they are worth (`1 == 1.0 == True`), the rest by kind.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Tuple(a), Value::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::None, Value::None) => true,
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => numeric_order(a, b) == Some(Ordering::Equal),
            _ => false,
        },
    }
}

/// Python's order of two values, or `None` where one is NaN.
///
/// # Errors
/// If they are of unlike types (or both `None`), where Python's `<` raises a TypeError.
pub fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, ValueError> {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => Ok(Some(a.cmp(b))),
        (Value::Tuple(first), Value::Tuple(second)) => {
            match first.iter().zip(second).find(|(a, b)| !equal(a, b)) {
                Some((a, b)) => compare(a, b),
                None => Ok(Some(first.len().cmp(&second.len()))),
            }
        }
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Ok(numeric_order(a, b)),
            _ => Err(ValueError(format!(
                "{} and {} have no order",
                literal(a),
                literal(b)
            ))),
        },
    }
}

/// Python's `a < b`.
///
/// # Errors
/// As [`compare`].
pub fn less(a: &Value, b: &Value) -> Result<bool, ValueError> {
    Ok(compare(a, b)? == Some(Ordering::Less))
}

/// Whether Tracr sorts the feature `a` before `b`, both as (variable, value; `None` if it has
/// none): by variable, then by value, and where Python does not order the values, by the text
/// `variable:value`. (`BasisDirection.__lt__` of `craft/bases.py`.) Not transitive where numbers
/// and strings meet in one variable.
pub fn direction_less(a: (&str, &Value), b: (&str, &Value)) -> bool {
    if a.0 != b.0 {
        return a.0 < b.0;
    }
    if equal(a.1, b.1) {
        return false;
    }
    less(a.1, b.1).unwrap_or_else(|_| direction_text(a.0, a.1) < direction_text(b.0, b.1))
}

/// A feature as Tracr writes it: `variable:value`, or `variable` if it has no value.
pub fn direction_text(variable: &str, value: &Value) -> String {
    match value {
        Value::None => variable.to_owned(),
        value => format!("{variable}:{}", str(value)),
    }
}

/// Exactly, without rounding an integer to a float; `None` if one is NaN.
fn numeric_order(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Int(a), Number::Float(b)) => int_against_float(a, b),
        (Number::Float(a), Number::Int(b)) => int_against_float(b, a).map(Ordering::reverse),
    }
}

fn int_against_float(a: i64, b: f64) -> Option<Ordering> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        return None;
    }
    if b >= TWO_TO_63 {
        return Some(Ordering::Less);
    }
    if b < -TWO_TO_63 {
        return Some(Ordering::Greater);
    }
    // In range, so the conversion is exact.
    let whole = b.trunc() as i64;
    Some(a.cmp(&whole).then(0.0_f64.partial_cmp(&b.fract())?))
}

/// A value as the element of a Python set or the key of a dict: 1, 1.0 and True are one key.
///
/// Insert into a `BTreeSet`, `HashSet` or `IndexSet` only if absent and the first-inserted
/// representative wins, as in Python. The order is total (None, numbers, strings, tuples) and
/// extends Python's; NaN is one key, after all other numbers.
#[derive(Clone, Debug)]
pub struct Key(pub Value);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        total_order(&self.0, &other.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

fn total_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.cmp(b),
        (Value::Tuple(first), Value::Tuple(second)) => first
            .iter()
            .zip(second)
            .map(|(a, b)| total_order(a, b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| first.len().cmp(&second.len())),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => numeric_order(a, b).unwrap_or_else(|| is_nan(a).cmp(&is_nan(b))),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn is_nan(x: Number) -> bool {
    matches!(x, Number::Float(x) if x.is_nan())
}

fn rank(x: &Value) -> u8 {
    match x {
        Value::None => 0,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => 1,
        Value::Str(_) => 2,
        Value::Tuple(_) => 3,
    }
}

fn hash<H: Hasher>(x: &Value, state: &mut H) {
    rank(x).hash(state);
    match x {
        Value::None => {}
        Value::Str(s) => s.hash(state),
        Value::Tuple(items) => {
            items.len().hash(state);
            items.iter().for_each(|item| hash(item, state));
        }
        Value::Bool(b) => i64::from(*b).hash(state),
        Value::Int(i) => i.hash(state),
        // The cast saturates: floats beyond i64 share a hash, which is allowed.
        Value::Float(x) if x.fract() == 0.0 => (*x as i64).hash(state),
        Value::Float(x) if x.is_nan() => f64::NAN.to_bits().hash(state),
        Value::Float(x) => x.to_bits().hash(state),
    }
}
