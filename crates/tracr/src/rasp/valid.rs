//! Valid inputs: an expression of RASP that is true at every position of the inputs that a program is
//! meant for.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::diagnostics::{Diagnostic, Label};
use super::graph::{Graph, NodeId};
use super::interpreter::{self, EvalError};
use super::program::{self, Options, Program};
use super::syntax::token::{Sign, TokenKind};
use super::syntax::{self, lexer};
use crate::model::Value;

/// The name that the expression gets, in messages about it too.
const NAME: &str = "valid";

/// What stands between its name and the expression.
const ASSIGNS: &str = " = ";

/// Such an expression. It sees the input, the prelude and `max_seq_len`, and no name of a program, so that
/// it means the same in a header, in a run file and in a model file.
#[derive(Clone)]
pub struct Valid {
    text: String,
    graph: Graph,
    output: NodeId,
}

/// Why it cannot be said whether an input is valid.
#[derive(Debug, Error, PartialEq)]
pub enum NotBoolean {
    /// A value that is neither true nor false.
    #[error("it is {value} at position {position}, neither True nor False")]
    Value {
        /// As a literal.
        value: String,
        /// Counting from 1.
        position: usize,
    },
    /// No value.
    #[error("it has no value: {0}")]
    None(String),
}

impl Valid {
    /// Reads an expression for inputs of up to `longest` tokens.
    ///
    /// # Errors
    /// What is wrong with it, as reports that point into it.
    pub fn parse(text: &str, longest: usize) -> Result<Self, Vec<Diagnostic>> {
        // The end of the line ends a comment.
        let end = if ends_itself(text) { "\n" } else { "\n;" };
        let source = format!("{NAME}{ASSIGNS}{text}{end}");
        let mut problems = Vec::new();
        let statements = syntax::parse(0, &source, &mut problems).statements.len();
        if problems.is_empty() && statements != 1 {
            return Err(vec![Diagnostic {
                message: format!("`{NAME}` is {statements} statements, but must be one expression"),
                labels: Vec::new(),
                help: Some("join conditions by `and`".into()),
            }]);
        }
        let options = Options {
            max_seq_len: Some(longest),
            ..Options::default()
        };
        let mut program = program::compile_source(NAME, &source, &options);
        let written = source.len() - end.len();
        for report in program.as_mut().err().into_iter().flatten() {
            of_a_condition(report, written);
        }
        program.map(|program| Self {
            text: text.to_owned(),
            graph: program.graph,
            output: program.output,
        })
    }

    /// The condition in the header of a program.
    ///
    /// # Errors
    /// As [`Valid::parse`], pointing into the program.
    pub fn of(program: &Program, longest: usize) -> Result<Option<Self>, Vec<Diagnostic>> {
        let Some(text) = &program.header.valid else {
            return Ok(None);
        };
        let valid = Self::parse(text, longest).map_err(|mut reports| {
            let labels = reports.iter_mut().flat_map(|report| &mut report.labels);
            for label in labels.filter(|label| label.file.name == NAME) {
                place_in(program, label);
            }
            reports
        });
        valid.map(Some)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first position, counting from 1, at which it is not true of an input; none if it is valid.
    /// Selectors see the whole input, also where those of the program are causal.
    ///
    /// # Errors
    /// If it is neither true nor false at some position, or has no value.
    pub fn violation(&self, tokens: &[Value]) -> Result<Option<usize>, NotBoolean> {
        let run = interpreter::run(&self.graph, self.output, tokens, false)
            .map_err(|e: EvalError| NotBoolean::None(e.to_string()))?;
        let mut first = None;
        for (value, position) in run.output().iter().zip(1..) {
            match value {
                Value::Bool(true) => {}
                Value::Bool(false) => first = first.or(Some(position)),
                other => {
                    return Err(NotBoolean::Value {
                        value: super::python::repr(other),
                        position,
                    });
                }
            }
        }
        Ok(first)
    }

    /// Whether it is true at every position of an input.
    ///
    /// # Errors
    /// As [`Valid::violation`].
    pub fn holds(&self, tokens: &[Value]) -> Result<bool, NotBoolean> {
        Ok(self.violation(tokens)?.is_none())
    }
}

/// Whether the expression has a `;` at its end, as a statement has.
fn ends_itself(text: &str) -> bool {
    let tokens = lexer::tokens(0, text, &mut Vec::new());
    let last = tokens.iter().rev().nth(1);
    tokens.len() > 2 && last.is_some_and(|token| token.kind == TokenKind::Sign(Sign::Semicolon))
}

/// Moves a label from the condition alone to where it stands in the program.
fn place_in(program: &Program, label: &mut Label) {
    let Some(at) = &program.header.valid_at else {
        return;
    };
    let Some(file) = program.sources.0.get(at.file) else {
        return;
    };
    let before = NAME.len() + ASSIGNS.len();
    let place = |byte: usize| (at.range.start + byte.saturating_sub(before)).min(at.range.end);
    label.range = place(label.range.start)..place(label.range.end);
    label.file = Arc::clone(file);
}

/// Says of an expression what was said of it as a program; its text ends at byte `end` of that.
fn of_a_condition(report: &mut Diagnostic, end: usize) {
    let output = format!("the output `{NAME}` is ");
    let found = report.message.strip_prefix(&output).map(|found| {
        let found = found.strip_suffix(", but must be an s-op");
        found.unwrap_or_default().to_owned()
    });
    if let Some(found) = found {
        if found.starts_with("the constant") {
            report.message = format!("`{NAME}` does not depend on the input");
            report.help = Some("write a condition on it, as `tokens != \"x\"`".into());
        } else {
            report.message = format!(
                "`{NAME}` is {found}, but must be a condition: an s-op that is True or False"
            );
            report.help = Some(
                "write one, as `tokens != \"x\"`, or of a selector `selector_width(selector) > 0`"
                    .into(),
            );
        }
    }
    if report.message.starts_with("there is no name")
        && report
            .help
            .as_ref()
            .is_none_or(|help| help.starts_with("assign it"))
    {
        report.help = Some(
            "the condition sees tokens, indices, the prelude and max_seq_len, and no name of the program"
                .into(),
        );
    }
    if let Some(label) = report.labels.first_mut()
        && label.range.start >= end
    {
        // What is behind it was not written by whoever wrote it.
        let text = label.file.text.get(..end).unwrap_or_default().trim_end();
        let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
        label.range = last..text.len();
        label.text += " after this";
        report.message = "the expression ends too early".into();
        report.help = Some("write it to its end, as `tokens != \"x\"`".into());
    }
}

impl fmt::Debug for Valid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Valid").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rasp::render;

    fn words(text: &str) -> Vec<Value> {
        let words = text.split_whitespace();
        words.map(|word| Value::Str(word.into())).collect()
    }

    #[test]
    fn an_input_is_valid_where_the_expression_is_true_at_every_position() {
        for (text, valid, invalid) in [
            (r#"tokens != "x""#, "a b c", "a x c"),
            (
                "selector_width(select(tokens, tokens, ==)) == 1",
                "a b",
                "a b a",
            ),
            (
                r#"indices > 0 or tokens == "s" # the first"#,
                "s a b",
                "a s b",
            ),
            (
                r#"count(tokens, "(") == count(tokens, ")")"#,
                ") (",
                "( ) (",
            ),
            ("length < max_seq_len", "a a a", "a a a a"),
        ] {
            let parsed = Valid::parse(text, 4).map_err(|e| render(&e)).unwrap();
            assert_eq!(parsed.holds(&words(valid)), Ok(true), "{text}");
            assert_eq!(parsed.holds(&words(invalid)), Ok(false), "{text}");
        }
        let no_x = Valid::parse(r#"tokens != "x""#, 4).unwrap();
        assert_eq!(no_x.violation(&words("a b x x")), Ok(Some(3)));
    }

    #[test]
    fn a_semicolon_at_its_end_is_no_second_statement() {
        for text in [
            "length > 1;",
            "length > 1 ; # a sentence is longer",
            "length > 1 # a; b",
        ] {
            let parsed = Valid::parse(text, 3).map_err(|e| render(&e)).unwrap();
            assert_eq!(parsed.holds(&words("a b")), Ok(true), "{text}");
            assert_eq!(parsed.holds(&words("a")), Ok(false), "{text}");
        }
        let parsed = Valid::parse("tokens != \";\"", 3).unwrap();
        assert_eq!(parsed.holds(&words("a ;")), Ok(false));
        assert!(render(&Valid::parse("length > 1;;", 3).unwrap_err()).contains("valid:1:20"));
    }

    #[test]
    fn an_expression_that_ends_too_early_is_blamed_at_its_end() {
        for (text, place, expected) in [
            (
                "tokens ==",
                "valid:1:17",
                "expected an expression after this",
            ),
            ("(length > 1", "valid:1:19", "expected `)` after this"),
            (
                "not  # what?",
                "valid:1:20",
                "expected an expression after this",
            ),
        ] {
            let refusal = render(&Valid::parse(text, 3).unwrap_err());
            assert!(
                refusal.contains("the expression ends too early"),
                "{refusal}"
            );
            assert!(
                refusal.contains(place) && refusal.contains(expected),
                "{refusal}"
            );
            assert!(!refusal.contains("found `;`"), "{refusal}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let refusal = |text: &str| render(&Valid::parse(text, 3).unwrap_err());
        assert!(refusal("True").contains("does not depend on the input"));
        assert!(refusal("token != 1").contains("there is no name `token`"));
        assert!(refusal("tokens == 1; x = tokens").contains("2 statements"));
        let selector = refusal("select(tokens,tokens,==)");
        assert!(
            selector.contains("is a selector, but must be a condition"),
            "{selector}"
        );
        assert!(refusal("reverse").contains("is the function `reverse`, but must be a condition"));
        let value = |text: &str| {
            let parsed = Valid::parse(text, 3).unwrap();
            parsed.holds(&words("a b")).unwrap_err().to_string()
        };
        assert_eq!(
            value("hist(tokens)"),
            "it is 1 at position 1, neither True nor False"
        );
        assert!(value("aggregate(select(indices, indices, <), tokens == tokens)").contains("None"));
        assert!(value("1 / indices > 0").contains("it has no value"));
    }
}
