//! What each operator of the language does to values.

use super::graph::ValueError;
use super::python;
use super::syntax::ast::{Binary, Unary};
use crate::model::Value;

/// An operator of one operand on a value.
///
/// # Errors
/// Where Python raises.
pub fn unary(operator: Unary, x: &Value) -> Result<Value, ValueError> {
    let numeric = || python::arithmetic::number(x);
    let wrong = || {
        ValueError(format!(
            "{}({}) is not defined",
            operator.text(),
            python::literal(x)
        ))
    };
    match operator {
        Unary::Negate => python::negate(x),
        Unary::Plus => numeric().map(Value::from).ok_or_else(wrong),
        Unary::Not => Ok(Value::Bool(!python::truthy(x))),
        Unary::Round => python::round(x),
        Unary::Indicator => Ok(Value::Int(python::truthy(x).into())),
        Unary::Abs => match x {
            Value::Float(x) => Ok(Value::Float(x.abs())),
            _ if python::less(x, &Value::Int(0))? => python::negate(x),
            _ => numeric().map(Value::from).ok_or_else(wrong),
        },
        Unary::Str => Ok(Value::Str(python::str(x))),
        Unary::Int => match x {
            Value::Str(s) => s.trim().parse().map(Value::Int).map_err(|_| wrong()),
            Value::Float(x) => python::round(&Value::Float(x.trunc())),
            _ => numeric().map(Value::from).ok_or_else(wrong),
        },
        Unary::Float => match x {
            Value::Str(s) => s.trim().parse().map(Value::Float).map_err(|_| wrong()),
            _ => numeric().map(|x| Value::Float(x.float())).ok_or_else(wrong),
        },
        Unary::Len => python::length(x).map(Value::Int),
        Unary::Sin | Unary::Cos | Unary::Exp | Unary::Log | Unary::Sqrt => {
            real(operator, numeric().ok_or_else(wrong)?.float())
                .map(Value::Float)
                .ok_or_else(wrong)
        }
        Unary::Truth => Ok(Value::Bool(python::truthy(x))),
        Unary::NotNone if *x == Value::None => {
            Err(ValueError("None has no place in a comparison".into()))
        }
        Unary::NotNone => Ok(x.clone()),
    }
}

/// The functions of Python's `math`; nothing where it raises.
fn real(operator: Unary, x: f64) -> Option<f64> {
    let result = match operator {
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Exp => x.exp(),
        Unary::Log if x == 0.0 => return None,
        Unary::Log => x.ln(),
        _ => x.sqrt(),
    };
    let (undefined, too_large) = (
        result.is_nan() && !x.is_nan(),
        result.is_infinite() && x.is_finite(),
    );
    (!undefined && !too_large).then_some(result)
}

/// An operator of two operands on values (`and`, `or` too: both are values already).
///
/// # Errors
/// Where Python raises.
pub fn binary(operator: Binary, a: &Value, b: &Value) -> Result<Value, ValueError> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordered = |wanted: &[std::cmp::Ordering]| {
        python::compare(a, b).map(|order| Value::Bool(order.is_some_and(|o| wanted.contains(&o))))
    };
    match operator {
        Binary::Add => python::add(a, b),
        Binary::Subtract => python::subtract(a, b),
        Binary::Multiply => python::multiply(a, b),
        Binary::Divide => python::divide(a, b),
        Binary::FloorDivide => python::floor_divide(a, b),
        Binary::Modulo => python::modulo(a, b),
        Binary::Power => python::power(a, b),
        Binary::Equal => Ok(Value::Bool(python::equal(a, b))),
        Binary::Unequal => Ok(Value::Bool(!python::equal(a, b))),
        Binary::Less => ordered(&[Less]),
        Binary::AtMost => ordered(&[Less, Equal]),
        Binary::Greater => ordered(&[Greater]),
        Binary::AtLeast => ordered(&[Greater, Equal]),
        Binary::And => Ok(if python::truthy(a) { b } else { a }.clone()),
        Binary::Or => Ok(if python::truthy(a) { a } else { b }.clone()),
        Binary::In => python::contains(b, a).map(Value::Bool),
        Binary::Index => python::index(a, b),
        // Python keeps the first of equals.
        Binary::Min => Ok(if python::less(b, a)? { b } else { a }.clone()),
        Binary::Max => Ok(if python::less(a, b)? { b } else { a }.clone()),
        Binary::Always => Ok(Value::Bool(true)),
        Binary::Never => Ok(Value::Bool(false)),
    }
}
