//! What a token or an output class is: the values that RASP programs compute with.

use std::fmt;

use serde::{Deserialize, Serialize};

use base::escape::{name, visible};

/// A RASP value as a model file stores it (JSON; tuples are arrays).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Python's `None`, JSON's `null`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string, such as the token `a`.
    Str(String),
    /// A tuple of values.
    Tuple(Vec<Value>),
}

impl Value {
    /// The JSON form, as in a model file.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
            Value::Float(x) => (*x).into(),
            Value::Str(s) => s.clone().into(),
            Value::Tuple(items) => items.iter().map(Value::to_json).collect(),
        }
    }
}

/// The plain form for tables and for words on the command line: strings without quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(i) => write!(f, "{i}"),
            // A whole float keeps its point, so that 1.0 does not read as the integer 1.
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Str(s) => f.write_str(s),
            Value::Tuple(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Value {
    /// The plain form as a word: a text that would read as something else, such as `"1"`, `""` or two words, is in
    /// quotes.
    pub fn word(&self) -> String {
        match self {
            Value::Str(s) if !is_bare(s) => quoted(s),
            Value::Tuple(items) => {
                let words: Vec<String> = items.iter().map(Value::word).collect();
                let end = if items.len() == 1 { ",)" } else { ")" };
                format!("({}{end}", words.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// The same for messages: one line that can be read, however long or odd the value is.
    pub fn shown(&self) -> String {
        name(&self.word()).into_owned()
    }
}

/// Whether a word without quotes means this text.
fn is_bare(s: &str) -> bool {
    let is_number =
        s.parse::<f64>().is_ok() || s.contains('/') && s.starts_with(|c: char| c.is_ascii_digit());
    let is_constant = matches!(s, "True" | "true" | "False" | "false" | "None");
    let has_signs =
        s.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '"'));
    !(s.is_empty() || is_number || is_constant || has_signs || s.starts_with('\''))
}

/// A text as programs and headers write it: in double quotes, with the escapes that they have.
pub fn quoted(s: &str) -> String {
    let content = s.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", visible(&content))
}

/// Values separated by commas, for messages: `a, b, c, x`.
pub fn list<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let shown: Vec<String> = values.into_iter().map(Value::shown).collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_kind_of_every_value() {
        let text = r#"[null,true,1,1.0,"a",["a",2]]"#;
        let values: Vec<Value> = serde_json::from_str(text).unwrap();
        assert_eq!(
            values,
            [
                Value::None,
                Value::Bool(true),
                Value::Int(1),
                Value::Float(1.0),
                Value::Str("a".into()),
                Value::Tuple(vec![Value::Str("a".into()), Value::Int(2)]),
            ]
        );
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
    }

    #[test]
    fn words_tell_integers_from_floats() {
        assert_eq!(Value::Int(1).to_string(), "1");
        assert_eq!(Value::Float(1.0).to_string(), "1.0");
        assert_eq!(
            list(&[Value::Str("a\n".into()), Value::None]),
            "\"a\\n\", None"
        );
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Value::Str((*text).into()))
                .collect()
        };
        let tuple = Value::Tuple(vec![
            Value::Tuple(texts(&["1", "a, b"])),
            Value::Tuple(texts(&["a"])),
            Value::Int(1),
        ]);
        assert_eq!(tuple.word(), "((\"1\", \"a, b\"), (a,), 1)");
    }
}
