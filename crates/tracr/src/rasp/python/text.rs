//! Python's `str` and `repr`, which Tracr puts into its labels, and values as a program writes them.

use std::fmt::Write;

use crate::model::Value;
use crate::model::value;

/// Python's `str(x)`: strings bare, the rest as [`repr`].
pub fn str(x: &Value) -> String {
    match x {
        Value::Str(s) => s.clone(),
        other => repr(other),
    }
}

/// Python's `repr(x)`: `1.0`, `1e-05`, `'a'`, `('a', 1)`, `(1,)`.
pub fn repr(x: &Value) -> String {
    match x {
        Value::None => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(i) => i.to_string(),
        Value::Float(x) => float(*x),
        Value::Str(s) => quoted(s),
        Value::Tuple(items) => match items.as_slice() {
            [one] => format!("({},)", repr(one)),
            items => format!(
                "({})",
                items.iter().map(repr).collect::<Vec<_>>().join(", ")
            ),
        },
    }
}

/// The shortest digits that give `x` back, with an exponent below 1e-4 and from 1e16.
fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{x:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(-4..16) => {
            // Rust's plain notation has the same shortest digits.
            let plain = format!("{x}");
            if plain.contains('.') {
                plain
            } else {
                format!("{plain}.0")
            }
        }
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => scientific.clone(),
    }
}

/// In single quotes, or in double quotes if that saves escaping.
fn quoted(s: &str) -> String {
    let quote = if s.contains('\'') && !s.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in s.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let code = u32::from(c);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..0x100 => write!(out, "\\x{code:02x}"),
                    0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// The value as a program writes it, for messages: as [`repr`], with strings in double quotes and with
/// the escapes that the language has.
pub fn literal(x: &Value) -> String {
    match x {
        Value::Str(s) => value::quoted(s),
        Value::Tuple(items) => match items.as_slice() {
            [one] => format!("({},)", literal(one)),
            items => {
                let items: Vec<String> = items.iter().map(literal).collect();
                format!("({})", items.join(", "))
            }
        },
        other => repr(other),
    }
}

/// The type's name, as Python calls it, for messages.
pub fn type_name(x: &Value) -> &'static str {
    match x {
        Value::None => "None",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "str",
        Value::Tuple(_) => "tuple",
    }
}
