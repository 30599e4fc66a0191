//! What may stand behind a key of a run file: types and ranges, checked and put in words.

use toml_edit::{Item, Value};

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A file or directory: relative to the file it stands in, or to the working directory when
    /// given on the command line.
    Path,
    /// `true` or `false`.
    Flag,
    /// An integer from the first to the second.
    Integer(i64, i64),
    /// A list of integers from the first to the second.
    Integers(i64, i64),
    /// A number within bounds.
    Number(Bounds),
    /// Exactly this many numbers within bounds.
    Numbers(usize, Bounds),
    /// A list of tokens: texts, numbers, true or false.
    Tokens,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A table of names and numbers: what they name, and an example. Which names there are and how large the
    /// numbers may be depends on the model.
    Weights(&'static str, &'static str),
}

/// An interval of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The lower end.
    pub min: f64,
    /// Whether the lower end itself is allowed.
    pub min_allowed: bool,
    /// The upper end; may be infinite (no number is).
    pub max: f64,
    /// Whether the upper end itself is allowed.
    pub max_allowed: bool,
}

impl Kind {
    /// What may stand there, for a message: `an integer from 1 to 1000000`.
    pub fn describe(&self) -> String {
        match self {
            Kind::Text => "a text in quotes".into(),
            Kind::Path => "a path in quotes".into(),
            Kind::Flag => "true or false".into(),
            Kind::Integer(min, max) => format!("an integer {}", integer_range(*min, *max)),
            Kind::Integers(min, max) => {
                format!("a list of integers {}", integer_range(*min, *max))
            }
            Kind::Number(bounds) => format!("a number {}", bounds.describe()),
            Kind::Numbers(count, bounds) => {
                format!("a list of {count} numbers, each {}", bounds.describe())
            }
            Kind::Tokens => "a list of tokens (texts in quotes, numbers, true or false)".into(),
            Kind::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
                quoted.join(" or ")
            }
            Kind::Weights(names, example) => {
                format!("a table of {names} and numbers, like {example}")
            }
        }
    }

    /// Whether a TOML value may stand there.
    pub fn allows(&self, item: &Item) -> bool {
        if let Kind::Weights(..) = self {
            return item.as_table_like().is_some_and(|table| {
                table
                    .iter()
                    .all(|(_, item)| item.as_float().is_some() || item.as_integer().is_some())
            });
        }
        let Some(value) = item.as_value() else {
            return false;
        };
        match self {
            Kind::Text | Kind::Path => value.as_str().is_some_and(|text| !text.is_empty()),
            Kind::Flag => value.is_bool(),
            Kind::Integer(min, max) => integer_within(value, *min, *max),
            Kind::Integers(min, max) => value
                .as_array()
                .is_some_and(|list| list.iter().all(|value| integer_within(value, *min, *max))),
            Kind::Number(bounds) => bounds.contain(value),
            Kind::Numbers(count, bounds) => value.as_array().is_some_and(|list| {
                list.len() == *count && list.iter().all(|value| bounds.contain(value))
            }),
            Kind::Tokens => value
                .as_array()
                .is_some_and(|list| !list.is_empty() && list.iter().all(|v| token(v).is_some())),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Weights(..) => false, // seen to above: a table need not be a value
        }
    }
}

/// A token as TOML writes it.
pub fn token(value: &Value) -> Option<tracr::model::Value> {
    use tracr::model::Value as Token;
    match value {
        Value::String(text) => Some(Token::Str(text.value().clone())),
        Value::Integer(i) => Some(Token::Int(*i.value())),
        Value::Float(x) if x.value().is_finite() => Some(Token::Float(*x.value())),
        Value::Boolean(b) => Some(Token::Bool(*b.value())),
        _ => None,
    }
}

fn integer_range(min: i64, max: i64) -> String {
    if max == i64::MAX {
        format!("of at least {min}")
    } else {
        format!("from {min} to {max}")
    }
}

fn integer_within(value: &Value, min: i64, max: i64) -> bool {
    value.as_integer().is_some_and(|i| (min..=max).contains(&i))
}

impl Bounds {
    fn describe(&self) -> String {
        let lower = if self.min_allowed {
            format!("of at least {}", self.min)
        } else {
            format!("above {}", self.min)
        };
        match (self.max.is_finite(), self.max_allowed) {
            (false, _) => lower,
            (true, true) => format!("{lower} and at most {}", self.max),
            (true, false) => format!("{lower} and below {}", self.max),
        }
    }

    fn contain(&self, value: &Value) -> bool {
        let number = value
            .as_float()
            .or_else(|| value.as_integer().map(|i| i as f64));
        number.is_some_and(|x| {
            x.is_finite()
                && (x > self.min || (self.min_allowed && x == self.min))
                && (x < self.max || (self.max_allowed && x == self.max))
        })
    }
}
