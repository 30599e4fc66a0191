//! Valid inputs: an expression of RASP that is true at every position of the inputs that a program is
//! meant for.

use std::fmt;

use thiserror::Error;

use super::diagnostics::Diagnostic;
use super::graph::{Graph, NodeId};
use super::interpreter::{self, EvalError};
use super::program::{self, Options};
use super::syntax;
use crate::model::Value;

/// The name that the expression gets, in messages about it too.
const NAME: &str = "valid";

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
        let source = format!("{NAME} = {text}\n;");
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
        for report in program.as_mut().err().into_iter().flatten() {
            // What it says of a program's output is not true of an expression.
            if report.message.starts_with(&format!("the output `{NAME}`")) {
                report.message = format!("`{NAME}` does not depend on the input");
                report.help = Some("write a condition on it, as `tokens != \"x\"`".into());
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
        }
        program.map(|program| Self {
            text: text.to_owned(),
            graph: program.graph,
            output: program.output,
        })
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
    fn what_is_no_condition_is_refused() {
        let refusal = |text: &str| render(&Valid::parse(text, 3).unwrap_err());
        assert!(refusal("True").contains("does not depend on the input"));
        assert!(refusal("token != 1").contains("there is no name `token`"));
        assert!(refusal("tokens == 1; x = tokens").contains("2 statements"));
        assert!(refusal("tokens ==").contains("Error"));
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
