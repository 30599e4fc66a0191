//! The header of a program: lines `#! key: value` above its first statement.
//!
//! ```text
//! #! about: the tokens in ascending order, if none is repeated
//! #! vocab: 1, 2, 3, 4, 5
//! #! max_seq_len: 5
//! #! unique_tokens: true
//! #! example: 3 1 2 -> 1 2 3
//! ```
//!
//! A word is an integer, a float, a fraction (`1/3`), `None`, `True`, `False`, or a string, bare
//! (`a`) or in quotes (`"1"`, `","`, with the escapes of strings: `"\n"`).

use std::collections::HashSet;

use super::lexer::ESCAPES;
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span, nearest};
use crate::rasp::python;
use base::escape;

/// What a program says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// What it computes, in a sentence.
    pub about: Option<String>,
    /// The tokens to compile it for.
    pub vocab: Option<Vec<Value>>,
    /// The longest input to compile it for.
    pub max_seq_len: Option<usize>,
    /// Whether positions see only what stands before them.
    pub causal: Option<bool>,
    /// Accuracy of the discretising layers.
    pub mlp_exactness: Option<f64>,
    /// The s-op that is the program's output.
    pub output: Option<String>,
    /// Whether it is defined only for inputs without repeated tokens.
    pub unique_tokens: bool,
    /// A condition of the inputs that it is meant for, in RASP.
    pub valid: Option<String>,
    /// Where that stands.
    pub valid_at: Option<Span>,
    /// Inputs and what comes out, position by position.
    pub examples: Vec<Example>,
}

/// An input of a program and what comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Tokens.
    pub input: Vec<Value>,
    /// As many values.
    pub output: Vec<Value>,
    /// Its line in the source.
    pub span: Span,
}

const KEYS: [&str; 9] = [
    "about",
    "vocab",
    "max_seq_len",
    "causal",
    "mlp_exactness",
    "output",
    "unique_tokens",
    "valid",
    "example",
];

/// Reads the header of file number `file`.
pub fn header(file: usize, text: &str, problems: &mut Vec<Problem>) -> Header {
    let mut header = Header::default();
    let mut seen = Vec::new();
    // Editors put a byte order mark before the first line.
    let bare = text.trim_start_matches('\u{feff}');
    let mut start = text.len() - bare.len();
    for line in bare.split_inclusive('\n') {
        let span = Span {
            file,
            range: start..start + line.trim_end().len(),
        };
        start += line.len();
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            break;
        }
        let Some(entry) = line.strip_prefix("#!") else {
            continue;
        };
        let Some((key, value)) = entry.split_once(':') else {
            problems.push(
                Problem::new(
                    &span,
                    "a header line without a colon",
                    "expected `#! key: value`",
                )
                .help(format!("keys are {}", KEYS.join(", "))),
            );
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if key != "example" && seen.contains(&key) {
            let message = format!("the header has `{key}` twice");
            problems.push(
                Problem::new(&span, message, "again here").help("leave one of the lines out"),
            );
        }
        seen.push(key);
        if let Err((message, help)) = header.set(key, value, &span) {
            problems.push(Problem::new(&span, message, "in this line").maybe_help(help));
        }
    }
    header
}

/// How words that are not plain are written.
const WORDS: &str = r#"tokens have commas between them, the words of an example blanks; a word with one of these in it stands in quotes: ",""#;

/// No header asks for longer inputs.
const LONGEST: usize = 1 << 20;

/// What `max_seq_len` takes; of a number that is too large, how large it may be.
fn range_of_lengths(value: &str) -> String {
    let digits = value.strip_prefix('+').unwrap_or(value);
    let is_number = digits.chars().all(|c| c.is_ascii_digit());
    match is_number && digits.chars().any(|c| c != '0') {
        true => format!("a whole number of at most {LONGEST}"),
        false => "a whole number from 1".into(),
    }
}

type Refusal = (String, Option<String>);

impl Header {
    fn set(&mut self, key: &str, value: &str, span: &Span) -> Result<(), Refusal> {
        let expected = |what: &str| (format!("`{key}` is `{value}`, but it takes {what}"), None);
        let flag = || match value {
            "true" | "True" => Ok(true),
            "false" | "False" => Ok(false),
            _ => Err(expected("true or false")),
        };
        match key {
            "about" => self.about = Some(value.to_owned()),
            "vocab" => {
                let words = words(value, true).map_err(|problem| (problem, Some(WORDS.into())))?;
                if words.is_empty() {
                    return Err(expected("tokens with commas between"));
                }
                let mut seen = HashSet::new();
                for word in &words {
                    if *word == Value::None {
                        return Err((
                            "None cannot be a token".into(),
                            Some("leave it out; `\"None\"` is a string, and can be one".into()),
                        ));
                    }
                    let Some(before) = seen.replace(python::Key(word.clone())) else {
                        continue;
                    };
                    let (before, word) = (python::literal(&before.0), python::literal(word));
                    let message = if before == word {
                        format!("the vocabulary has {word} twice")
                    } else {
                        format!("the vocabulary has {before} and {word}, which are equal")
                    };
                    return Err((
                        message,
                        Some("leave one out; `\"1\"` is a string, unlike the number `1`".into()),
                    ));
                }
                self.vocab = Some(words);
            }
            "max_seq_len" => {
                let length = value.parse().ok();
                let length = length.filter(|n| (1..=LONGEST).contains(n));
                self.max_seq_len = Some(length.ok_or_else(|| expected(&range_of_lengths(value)))?);
            }
            "causal" => self.causal = Some(flag()?),
            "mlp_exactness" => {
                let exactness = value.parse().ok().filter(|x: &f64| *x > 0.0);
                let exactness = exactness.ok_or_else(|| expected("a number above 0"))?;
                if !exactness.is_finite() {
                    return Err(expected("a number that is not infinite"));
                }
                self.mlp_exactness = Some(exactness);
            }
            "output" => self.output = Some(value.to_owned()),
            "unique_tokens" => self.unique_tokens = flag()?,
            "valid" if value.is_empty() => {
                return Err(expected("a condition on the input, as `tokens != \"x\"`"));
            }
            "valid" => {
                self.valid = Some(value.to_owned());
                self.valid_at = Some(Span {
                    file: span.file,
                    range: span.range.end.saturating_sub(value.len())..span.range.end,
                });
            }
            "example" => self.examples.push(example(value, span)?),
            _ => {
                let help =
                    nearest(key, KEYS).unwrap_or_else(|| format!("keys are {}", KEYS.join(", ")));
                return Err((format!("the header has no key `{key}`"), Some(help)));
            }
        }
        Ok(())
    }
}

fn example(text: &str, span: &Span) -> Result<Example, Refusal> {
    let (input, output) = text.split_once("->").ok_or_else(|| {
        (
            format!("the example `{text}` has no `->`"),
            Some("write `#! example: 3 1 2 -> 1 2 3`".into()),
        )
    })?;
    let read = |part| words(part, false).map_err(|problem| (problem, Some(WORDS.into())));
    let example = Example {
        input: read(input)?,
        output: read(output)?,
        span: span.clone(),
    };
    if example.input.is_empty() {
        return Err((
            "the example has no tokens".into(),
            Some("write some, as in `#! example: 3 1 2 -> 1 2 3`, or leave the line out".into()),
        ));
    }
    if example.input.len() != example.output.len() {
        let (tokens, values) = (example.input.len(), example.output.len());
        return Err((
            format!("the example has {tokens} tokens on the left and {values} on the right"),
            Some("give one value for each token, `None` where there is none".into()),
        ));
    }
    Ok(example)
}

/// Words with commas between (`a, b`), or with blanks (`a b`).
///
/// # Errors
/// Says what is wrong: a quote that does not end, nothing between two commas.
pub fn words(text: &str, commas: bool) -> Result<Vec<Value>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        // A quote alone is a token of its own, as in `(, ), "`.
        let in_quotes = match quote {
            Some(quote) => quoted(rest, quote)?,
            None => None,
        };
        let (word, after) = match in_quotes {
            Some((content, after)) => (Value::Str(content), after),
            None => {
                let end = rest.find(|c: char| if commas { c == ',' } else { c.is_whitespace() });
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                (bare(word.trim()), after)
            }
        };
        if word == Value::Str(String::new()) && quote.is_none() {
            return Err(format!("there is nothing between two commas of `{text}`"));
        }
        words.push(word);
        rest = after.trim_start();
        if commas && !rest.is_empty() {
            rest = rest
                .strip_prefix(',')
                .ok_or_else(|| format!("a comma is missing before `{rest}`"))?
                .trim_start();
        }
    }
    Ok(words)
}

/// The content of a word in quotes and what follows it; none if it does not end.
fn quoted(text: &str, quote: char) -> Result<Option<(String, &str)>, String> {
    let start = quote.len_utf8();
    let mut content = String::new();
    let mut rest = text.get(start..).unwrap_or_default();
    loop {
        let Some(c) = rest.chars().next() else {
            // A backslash alone, as in `"\"`, escapes nothing.
            let whole = text.get(start..).and_then(|text| text.split_once(quote));
            return Ok(whole.map(|(content, after)| (content.to_owned(), after)));
        };
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == quote {
            return Ok(Some((content, rest)));
        }
        if c != '\\' {
            content.push(c);
            continue;
        }
        let (c, length) = escape::read(rest)
            .ok_or_else(|| format!("an escape that does not exist in `{text}`: {ESCAPES}"))?;
        content.push(c);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// A word without quotes: a number where it reads as one, else a string.
pub fn bare(word: &str) -> Value {
    match word {
        "None" => return Value::None,
        "True" => return Value::Bool(true),
        "False" => return Value::Bool(false),
        _ => {}
    }
    let numeric = word
        .starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '.')
        && word.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    if numeric {
        if let Ok(i) = word.parse() {
            return Value::Int(i);
        }
        if let Ok(x) = word.parse() {
            return Value::Float(x);
        }
        let ratio = word
            .split_once('/')
            .and_then(|(a, b)| python::divide(&bare_int(a)?, &bare_int(b)?).ok());
        if let Some(ratio) = ratio {
            return ratio;
        }
    }
    Value::Str(word.to_owned())
}

fn bare_int(word: &str) -> Option<Value> {
    word.parse().ok().map(Value::Int)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_have_the_escapes_of_strings() {
        let read = |text: &str| words(text, true).unwrap();
        let strings = |texts: &[&str]| -> Vec<Value> {
            texts
                .iter()
                .map(|text| Value::Str((*text).into()))
                .collect()
        };
        assert_eq!(
            read(r#"a, "1", '\'', "\"", ",", "\n\t\r\\", "\u00e9\u001b\ud83d\ude00""#),
            strings(&["a", "1", "'", "\"", ",", "\n\t\r\\", "é\u{1b}😀"])
        );
        // Alone, a quote and a backslash are tokens, and without quotes a backslash is a letter.
        assert_eq!(read(r#"(, ), ""#), strings(&["(", ")", "\""]));
        assert_eq!(read(r#""\""#), strings(&["\\"]));
        assert_eq!(read(r"a\n"), strings(&["a\\n"]));
        let problem = words(r#""\x""#, true).unwrap_err();
        assert!(
            problem.contains("an escape that does not exist"),
            "{problem}"
        );
    }

    #[test]
    fn a_number_that_is_too_large_is_refused_for_its_size() {
        let refusal = |line: &str| {
            let mut problems = Vec::new();
            header(0, line, &mut problems);
            problems[0].message.clone()
        };
        for value in ["99999999999999999999", "+1048577", "1048577"] {
            assert_eq!(
                refusal(&format!("#! max_seq_len: {value}")),
                format!(
                    "`max_seq_len` is `{value}`, but it takes a whole number of at most 1048576"
                )
            );
        }
        for value in ["0", "-5", "5.0", "five", ""] {
            let refusal = refusal(&format!("#! max_seq_len: {value}"));
            assert!(refusal.ends_with("a whole number from 1"), "{refusal}");
        }
        assert!(refusal("#! mlp_exactness: 1e999").ends_with("that is not infinite"));
        assert!(refusal("#! mlp_exactness: -1").ends_with("a number above 0"));
    }

    #[test]
    fn a_byte_order_mark_hides_no_header() {
        let mut problems = Vec::new();
        let header = header(
            0,
            "\u{feff}#! max_seq_len: 3\n#! vocab: a, a\n",
            &mut problems,
        );
        assert_eq!(header.max_seq_len, Some(3));
        let (span, _) = &problems[0].labels[0];
        assert_eq!(span.range, 21..35);
    }
}
