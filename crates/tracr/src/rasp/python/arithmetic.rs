//! `+ - * / // % **`, negation and `round`, as Python computes them.

use super::text::{literal, type_name};
use crate::model::Value;
use crate::rasp::graph::ValueError;

/// Characters of a string, or elements of a tuple with all that is in them: more are an error of
/// the program.
pub const LONGEST: usize = 4096;

/// A number of Python's: a bool counts as an int.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// `int` or `bool`.
    Int(i64),
    /// `float`.
    Float(f64),
}

impl Number {
    /// As a float; integers beyond 2^53 are rounded to the nearest.
    pub fn float(self) -> f64 {
        match self {
            Self::Int(i) => i as f64,
            Self::Float(x) => x,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(i) => Self::Int(i),
            Number::Float(x) => Self::Float(x),
        }
    }
}

/// The number that `x` is, if it is one.
pub fn number(x: &Value) -> Option<Number> {
    match x {
        Value::Bool(b) => Some(Number::Int((*b).into())),
        Value::Int(i) => Some(Number::Int(*i)),
        Value::Float(x) => Some(Number::Float(*x)),
        Value::None | Value::Str(_) | Value::Tuple(_) => None,
    }
}

/// `a + b`: numbers, or two strings, or two tuples.
///
/// # Errors
/// Unlike types; an integer out of range; a result that is too long.
pub fn add(a: &Value, b: &Value) -> Result<Value, ValueError> {
    match (a, b) {
        (Value::Str(first), Value::Str(second)) => {
            check_length(first.len().saturating_add(second.len()))?;
            Ok(Value::Str(format!("{first}{second}")))
        }
        (Value::Tuple(first), Value::Tuple(second)) => {
            check_length(size(a).saturating_add(size(b)))?;
            Ok(Value::Tuple(first.iter().chain(second).cloned().collect()))
        }
        _ => numeric("+", a, b, i64::checked_add, |a, b| a + b),
    }
}

/// `a - b`.
///
/// # Errors
/// Other than numbers; an integer out of range.
pub fn subtract(a: &Value, b: &Value) -> Result<Value, ValueError> {
    numeric("-", a, b, i64::checked_sub, |a, b| a - b)
}

/// `a * b`: numbers, or a string or tuple and how often to repeat it.
///
/// # Errors
/// Unlike types; an integer out of range; a result that is too long.
pub fn multiply(a: &Value, b: &Value) -> Result<Value, ValueError> {
    match (a, number(a), b, number(b)) {
        (Value::Str(_) | Value::Tuple(_), _, _, Some(Number::Int(times))) => repeat(a, times),
        (_, Some(Number::Int(times)), Value::Str(_) | Value::Tuple(_), _) => repeat(b, times),
        _ => numeric("*", a, b, i64::checked_mul, |a, b| a * b),
    }
}

fn repeat(x: &Value, times: i64) -> Result<Value, ValueError> {
    let times = usize::try_from(times).unwrap_or(0);
    match x {
        Value::Str(text) => {
            check_length(text.len().saturating_mul(times))?;
            Ok(Value::Str(text.repeat(times)))
        }
        Value::Tuple(items) => {
            check_length(size(x).saturating_mul(times))?;
            Ok(Value::Tuple(
                std::iter::repeat_n(items, times)
                    .flatten()
                    .cloned()
                    .collect(),
            ))
        }
        _ => Err(unsupported("*", x, &Value::Int(0))),
    }
}

/// `a / b`, always a float.
///
/// # Errors
/// Other than numbers; division by zero.
pub fn divide(a: &Value, b: &Value) -> Result<Value, ValueError> {
    let (x, y) = operands("/", a, b)?;
    nonzero(a, y)?;
    Ok(Value::Float(match (x, y) {
        (Number::Int(x), Number::Int(y)) => int_ratio(x, y),
        _ => x.float() / y.float(),
    }))
}

/// The float nearest to `x / y`, for `y` other than zero: Python does not round integers first.
fn int_ratio(x: i64, y: i64) -> f64 {
    const EXACT: u64 = 1 << 53;
    if x.unsigned_abs() <= EXACT && y.unsigned_abs() <= EXACT {
        return x as f64 / y as f64;
    }
    if x == 0 {
        return 0.0;
    }
    let (dividend, divisor) = (u128::from(x.unsigned_abs()), u128::from(y.unsigned_abs()));
    // With 126 bits above the point, the quotient has more bits than a float; whether anything
    // is left over goes into the lowest one, so that the conversion rounds as the exact ratio.
    let shift = dividend.leading_zeros() - 1;
    let scaled = dividend << shift;
    let sticky = u128::from(!scaled.is_multiple_of(divisor));
    let magnitude = ((scaled / divisor) | sticky) as f64 * (-f64::from(shift)).exp2();
    if (x < 0) == (y < 0) {
        magnitude
    } else {
        -magnitude
    }
}

/// `a // b`, rounded towards minus infinity.
///
/// # Errors
/// Other than numbers; division by zero; an integer out of range.
pub fn floor_divide(a: &Value, b: &Value) -> Result<Value, ValueError> {
    let (x, y) = operands("//", a, b)?;
    nonzero(a, y)?;
    if let (Number::Int(x), Number::Int(y)) = (x, y) {
        let quotient = x.checked_div(y).ok_or_else(|| out_of_range("//", a, b))?;
        let inexact = x.wrapping_rem(y) != 0;
        return Ok(Value::Int(
            quotient - i64::from(inexact && (x < 0) != (y < 0)),
        ));
    }
    let (x, y) = (x.float(), y.float());
    let remainder = x % y;
    let mut quotient = (x - remainder) / y;
    if remainder != 0.0 && (y < 0.0) != (remainder < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return Ok(Value::Float(0.0_f64.copysign(x / y)));
    }
    let floor = quotient.floor();
    Ok(Value::Float(if quotient - floor > 0.5 {
        floor + 1.0
    } else {
        floor
    }))
}

/// `a % b`, with the sign of `b`.
///
/// # Errors
/// Other than numbers; division by zero.
pub fn modulo(a: &Value, b: &Value) -> Result<Value, ValueError> {
    let (x, y) = operands("%", a, b)?;
    nonzero(a, y)?;
    if let (Number::Int(x), Number::Int(y)) = (x, y) {
        let remainder = x.wrapping_rem(y);
        let wrong_sign = remainder != 0 && (remainder < 0) != (y < 0);
        return Ok(Value::Int(if wrong_sign {
            remainder + y
        } else {
            remainder
        }));
    }
    let (x, y) = (x.float(), y.float());
    let remainder = x % y;
    Ok(Value::Float(if remainder == 0.0 {
        0.0_f64.copysign(y)
    } else if (y < 0.0) != (remainder < 0.0) {
        remainder + y
    } else {
        remainder
    }))
}

/// `a ** b` (RASP's `^`): an integer if both are and `b` is not negative.
///
/// # Errors
/// Other than numbers; zero to a negative power; a complex result; a result out of range.
pub fn power(a: &Value, b: &Value) -> Result<Value, ValueError> {
    let (x, y) = operands("**", a, b)?;
    if let (Number::Int(base), Number::Int(exponent @ 0..)) = (x, y) {
        // 0, 1 and -1 depend on nothing but the exponent's parity, however large it is.
        let small = match base {
            -1..=1 if exponent > 2 => 2 - exponent % 2,
            _ => exponent,
        };
        let result = u32::try_from(small)
            .ok()
            .and_then(|small| base.checked_pow(small));
        return result
            .map(Value::Int)
            .ok_or_else(|| out_of_range("**", a, b));
    }
    let (base, exponent) = (x.float(), y.float());
    if base == 0.0 && exponent < 0.0 {
        return Err(ValueError(format!("{} to a negative power", literal(a))));
    }
    let result = base.powf(exponent);
    if base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(ValueError(format!(
            "{} ** {} is complex",
            literal(a),
            literal(b)
        )));
    }
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(out_of_range("**", a, b));
    }
    Ok(Value::Float(result))
}

/// `-x`.
///
/// # Errors
/// Other than a number; an integer out of range.
pub fn negate(x: &Value) -> Result<Value, ValueError> {
    match number(x) {
        Some(Number::Int(i)) => i
            .checked_neg()
            .map(Value::Int)
            .ok_or_else(|| out_of_range("-", &Value::Int(0), x)),
        Some(Number::Float(x)) => Ok(Value::Float(-x)),
        None => Err(ValueError(format!("{} cannot be negated", literal(x)))),
    }
}

/// `round(x)`: to the nearest integer, halves to the even one.
///
/// # Errors
/// Other than a number; not finite; out of range.
pub fn round(x: &Value) -> Result<Value, ValueError> {
    match number(x) {
        Some(Number::Int(i)) => Ok(Value::Int(i)),
        Some(Number::Float(float)) => {
            let whole = float.round_ties_even();
            // The largest float below 2^63 and the smallest i64 are both in range.
            if whole.is_finite() && (-(2.0_f64.powi(63))..2.0_f64.powi(63)).contains(&whole) {
                Ok(Value::Int(whole as i64))
            } else {
                Err(ValueError(format!(
                    "{} cannot be rounded to an integer",
                    literal(x)
                )))
            }
        }
        None => Err(ValueError(format!("{} cannot be rounded", literal(x)))),
    }
}

fn numeric(
    operator: &str,
    a: &Value,
    b: &Value,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value, ValueError> {
    match operands(operator, a, b)? {
        (Number::Int(x), Number::Int(y)) => ints(x, y)
            .map(Value::Int)
            .ok_or_else(|| out_of_range(operator, a, b)),
        (x, y) => Ok(Value::Float(floats(x.float(), y.float()))),
    }
}

fn operands(operator: &str, a: &Value, b: &Value) -> Result<(Number, Number), ValueError> {
    number(a)
        .zip(number(b))
        .ok_or_else(|| unsupported(operator, a, b))
}

fn nonzero(dividend: &Value, divisor: Number) -> Result<(), ValueError> {
    if divisor.float() == 0.0 {
        return Err(ValueError(format!(
            "division of {} by zero",
            literal(dividend)
        )));
    }
    Ok(())
}

/// The value itself, if it is not larger than [`LONGEST`].
///
/// # Errors
/// If it is.
pub fn bounded(x: Value) -> Result<Value, ValueError> {
    check_length(size(&x))?;
    Ok(x)
}

/// The characters of a string, the elements of a tuple with all that is in them.
pub fn size(x: &Value) -> usize {
    match x {
        Value::Str(text) => text.len(),
        Value::Tuple(items) => items.iter().map(|item| 1 + size(item)).sum(),
        _ => 0,
    }
}

fn check_length(length: usize) -> Result<(), ValueError> {
    if length > LONGEST {
        return Err(ValueError(format!(
            "a value of length {length} is longer than {LONGEST}"
        )));
    }
    Ok(())
}

fn unsupported(operator: &str, a: &Value, b: &Value) -> ValueError {
    ValueError(format!(
        "{} {operator} {} is not defined for {} and {}",
        literal(a),
        literal(b),
        type_name(a),
        type_name(b)
    ))
}

fn out_of_range(operator: &str, a: &Value, b: &Value) -> ValueError {
    ValueError(format!(
        "{} {operator} {} is out of range",
        literal(a),
        literal(b)
    ))
}
