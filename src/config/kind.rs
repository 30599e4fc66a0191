//! What may stand behind a key: types and ranges, checked and put in words.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use toml::Value;

/// The longest name of a study.
const LONGEST_NAME: usize = 100;
/// Longer values are cut short in messages.
const LONGEST_SHOWN: usize = 60;

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that may name a directory on any system, and is no option of a command.
    Name,
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
    /// One of a few words: see [`words`].
    Choice(fn() -> &'static [&'static str]),
    /// A list of some of a few words, none of them twice.
    Choices(fn() -> &'static [&'static str]),
    /// One of a few words, or a table with a path `from` and, in resolved files, its `sha256`.
    ChoiceOrFile(fn() -> &'static [&'static str]),
    /// A table of names and numbers: what they name, and an example. Which names there are and how large the
    /// numbers may be depends on the model.
    Weights(&'static str, &'static str),
    /// A table of keys, in words.
    Table(&'static str),
    /// A list of tables of keys, in words.
    Tables(&'static str),
}

/// An interval of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The lower end; −∞ if there is none.
    pub min: f64,
    /// Whether the lower end itself is allowed.
    pub min_allowed: bool,
    /// The upper end; ∞ if there is none.
    pub max: f64,
    /// Whether the upper end itself is allowed.
    pub max_allowed: bool,
}

impl Kind {
    /// What may stand there, for a message: `an integer from 1 to 1000000`.
    pub fn describe(&self) -> String {
        match self {
            Kind::Text => "a text in quotes".into(),
            Kind::Name => format!(
                "a text in quotes of at most {LONGEST_NAME} letters, digits, `_`, `-` and `.`, starting with \
                 neither `.` nor `-`"
            ),
            Kind::Path => "a path in quotes".into(),
            Kind::Flag => "true or false".into(),
            Kind::Integer(min, max) => format!("an integer {}", integer_range(*min, *max)),
            Kind::Integers(min, max) => {
                format!("a list of integers {}", integer_range(*min, *max))
            }
            Kind::Number(bounds) => format!("a number{}", bounds.describe()),
            Kind::Numbers(count, bounds) => {
                format!("a list of {count} numbers, each{}", bounds.describe())
            }
            Kind::Tokens => "a list of tokens (texts in quotes, numbers, true or false)".into(),
            Kind::Choice(words) => quoted(words()),
            Kind::Choices(words) => {
                let words: Vec<String> = words().iter().map(|w| format!("\"{w}\"")).collect();
                format!("a list of one or more of {}", words.join(", "))
            }
            Kind::ChoiceOrFile(words) => {
                format!(
                    "{} or a table {{ from = \"RUN or projection file\" }}",
                    quoted(words())
                )
            }
            Kind::Weights(names, example) => {
                format!("a table of {names} and numbers, like {example}")
            }
            Kind::Table(words) | Kind::Tables(words) => (*words).to_owned(),
        }
    }

    /// Whether a TOML value may stand there.
    pub fn allows(&self, value: &Value) -> bool {
        match self {
            Kind::Text | Kind::Path => value.as_str().is_some_and(|text| !text.is_empty()),
            Kind::Name => value.as_str().is_some_and(is_safe_name),
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
                .is_some_and(|list| !list.is_empty() && list.iter().all(is_token)),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words().contains(&word)),
            Kind::Choices(words) => value.as_array().is_some_and(|list| {
                let known = |value: &Value| value.as_str().is_some_and(|w| words().contains(&w));
                let is_first = |i: usize| !list[..i].contains(&list[i]);
                !list.is_empty() && list.iter().all(known) && (0..list.len()).all(is_first)
            }),
            Kind::ChoiceOrFile(words) => match value {
                Value::String(word) => words().contains(&word.as_str()),
                Value::Table(table) => {
                    let is_text = |value: &Value| value.as_str().is_some_and(|t| !t.is_empty());
                    table.contains_key("from")
                        && table
                            .iter()
                            .all(|(k, v)| ["from", "sha256"].contains(&k.as_str()) && is_text(v))
                }
                _ => false,
            },
            Kind::Weights(..) => value
                .as_table()
                .is_some_and(|table| table.values().all(|value| number(value).is_some())),
            Kind::Table(_) => value.is_table(),
            Kind::Tables(_) => value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_table)),
        }
    }
}

/// Words for a message: `"a" or "b"`.
fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    quoted.join(" or ")
}

/// A number, which may be written as an integer.
pub fn number(value: &Value) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|i| i as f64))
}

/// A value for a message: on one line and not too long.
pub fn shown(value: &Value) -> String {
    let text = match value {
        // With an exponent rather than hundreds of zeros.
        Value::Float(x) if x.is_finite() => format!("{x:?}"),
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn is_token(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Integer(_) | Value::Boolean(_) => true,
        Value::Float(x) => x.is_finite(),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => false,
    }
}

fn is_safe_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
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
    /// What follows `a number`, with the blank before it.
    fn describe(&self) -> String {
        if self.min.is_infinite() {
            return String::new();
        }
        let lower = if self.min_allowed {
            format!(" of at least {}", self.min)
        } else {
            format!(" above {}", self.min)
        };
        match (self.max.is_finite(), self.max_allowed) {
            (false, _) => lower,
            (true, true) => format!("{lower} and at most {}", self.max),
            (true, false) => format!("{lower} and below {}", self.max),
        }
    }

    fn contain(&self, value: &Value) -> bool {
        number(value).is_some_and(|x| {
            x.is_finite()
                && (x > self.min || (self.min_allowed && x == self.min))
                && (x < self.max || (self.max_allowed && x == self.max))
        })
    }
}

/// The names of an enum's variants as files have them, in their order.
pub fn words<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    // The error that ends it says nothing: the names are there.
    let _ = T::deserialize(Variants(&mut names));
    names
}

/// Asked for an enum, it notes the names of the variants and gives none.
struct Variants<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Variants<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        Err(Error::custom("only the names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("not an enum"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
