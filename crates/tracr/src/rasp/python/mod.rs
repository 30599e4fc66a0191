//! Python's semantics on [`Value`]s, as far as Tracr's results depend on them.
//!
//! Tracr's programs are Python: their functions are evaluated by Python, their value sets are
//! Python sets (where 1, 1.0 and True are one element) and their features are sorted by Python's
//! `<`, or by `str` where that fails. So all three are reproduced here.
//!
//! Where Python raises, a function here returns a [`ValueError`]. Integers are `i64`: where Python
//! would go on with a larger integer, the result is a [`ValueError`] too, never a wrong number.
//!
//! - [`arithmetic`]: `+ - * / // % **`, negation, `round`.
//! - [`order`]: `==`, `<`, sets, the order of features.
//! - [`text`]: `str` and `repr`, and a value as a program writes it.

pub mod arithmetic;
pub mod order;
pub mod text;

pub use arithmetic::{add, divide, floor_divide, modulo, multiply, negate, power, round, subtract};
pub use order::{Key, compare, direction_less, equal, less};
pub use text::{literal, repr, str, type_name};

use super::graph::ValueError;
use crate::model::Value;

/// Python's `bool(x)`.
pub fn truthy(x: &Value) -> bool {
    match x {
        Value::None => false,
        Value::Bool(b) => *b,
        Value::Int(i) => *i != 0,
        Value::Float(x) => *x != 0.0,
        Value::Str(s) => !s.is_empty(),
        Value::Tuple(items) => !items.is_empty(),
    }
}

/// `item in container`: an element of a tuple, or a part of a string.
///
/// # Errors
/// If the container is neither, or a string and the item is not.
pub fn contains(container: &Value, item: &Value) -> Result<bool, ValueError> {
    match (container, item) {
        (Value::Tuple(items), _) => Ok(items.iter().any(|x| equal(x, item))),
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(part.as_str())),
        (Value::Str(_), _) => Err(ValueError(format!(
            "only a string can be in a string, not {}",
            literal(item)
        ))),
        _ => Err(ValueError(format!(
            "nothing can be in {}",
            literal(container)
        ))),
    }
}

/// `container[position]`, from the end if negative.
///
/// # Errors
/// If there is no such element, or nothing to index.
pub fn index(container: &Value, position: &Value) -> Result<Value, ValueError> {
    let Some(arithmetic::Number::Int(wanted)) = arithmetic::number(position) else {
        return Err(ValueError(format!(
            "{} is not a position",
            literal(position)
        )));
    };
    let length = length(container)
        .map_err(|_| ValueError(format!("{} has no elements", literal(container))))?;
    let found = if wanted < 0 {
        length.checked_sub_unsigned(wanted.unsigned_abs())
    } else {
        Some(wanted)
    };
    let found = found
        .and_then(|i| usize::try_from(i).ok())
        .and_then(|i| match container {
            Value::Tuple(items) => items.get(i).cloned(),
            Value::Str(text) => text.chars().nth(i).map(|c| Value::Str(c.into())),
            _ => None,
        });
    found.ok_or_else(|| {
        ValueError(format!(
            "{} has no element {wanted}: it has {length}",
            literal(container)
        ))
    })
}

/// `len(x)`: the characters of a string, the elements of a tuple.
///
/// # Errors
/// If `x` is neither.
pub fn length(x: &Value) -> Result<i64, ValueError> {
    let length = match x {
        Value::Str(text) => text.chars().count(),
        Value::Tuple(items) => items.len(),
        _ => return Err(ValueError(format!("{} has no length", literal(x)))),
    };
    i64::try_from(length).map_err(|_| ValueError("the length is out of range".into()))
}

#[cfg(test)]
mod tests;
