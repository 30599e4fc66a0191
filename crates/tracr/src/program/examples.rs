//! The examples of a header against the program: who reads them takes them for what it computes.

use super::verify::agree;
use crate::compiler::Options;
use crate::model::{Value, value};
use crate::rasp::diagnostics::{Diagnostic, Problem};
use crate::rasp::graph::Encoding;
use crate::rasp::python;
use crate::rasp::python::arithmetic::{Number, number};
use crate::rasp::syntax::header::{self, Example, words};
use crate::rasp::{Program, interpreter};

/// The examples that say something else than the program, as reports that point at them.
///
/// An example is of the program as its header describes it: with another output, which the settings may
/// choose, another length or mask, or of other tokens, there is nothing to check.
pub fn wrong(program: &Program, output: Option<&str>, options: &Options) -> Vec<Diagnostic> {
    let text = program.sources.0.first().map_or("", |file| &file.text);
    // The program's own header has the settings in it.
    let header = header::header(0, text, &mut Vec::new());
    let is_other = output.is_some() && output != header.output.as_deref()
        || options.causal != header.causal.unwrap_or(false)
        || header
            .max_seq_len
            .is_some_and(|length| length != options.max_seq_len);
    if is_other {
        return Vec::new();
    }
    // A length or a vocabulary that the settings choose is not what the examples are of.
    let has_own_vocabulary = header.vocab.as_ref() == Some(&options.vocab);
    let problems = header.examples.iter().filter_map(|example| {
        let misfit = misfit(example, options);
        match misfit {
            Some(misfit) => has_own_vocabulary.then_some(misfit),
            None => problem(program, example, options.causal),
        }
    });
    problems
        .map(|problem| program.sources.diagnostic(problem))
        .collect()
}

/// Why an example is no input of the program, if it is none.
fn misfit(example: &Example, options: &Options) -> Option<Problem> {
    let (length, longest) = (example.input.len(), options.max_seq_len);
    if length > longest {
        let message = format!("the example has {length} tokens, and the longest input {longest}");
        let help = format!("leave the line out, or say `#! max_seq_len: {length}`");
        return Some(Problem::new(&example.span, message, "in this line").help(help));
    }
    // What a header calls 1 may be 1.0 or True, but not "1".
    let is_word = |token: &Value| options.vocab.iter().any(|word| python::equal(word, token));
    let token = example.input.iter().find(|token| !is_word(token))?;
    let message = format!(
        "the example has the token {}, which is not in the vocabulary {}",
        token.shown(),
        value::list(&options.vocab)
    );
    let help = "write an example of tokens of the vocabulary, or add the token to that";
    Some(Problem::new(&example.span, message, "in this line").help(help))
}

fn problem(program: &Program, example: &Example, causal: bool) -> Option<Problem> {
    let input = listed(&example.input);
    let run = interpreter::run(&program.graph, program.output, &example.input, causal);
    let problem = match run {
        Err(error) => {
            let message = format!("the program has no value for the example `{input}`: {error}");
            Problem::new(&example.span, message, "in this line")
                .help("leave the line out, or give an input that the program has a value for")
        }
        Ok(run) => {
            // A numerical True is 1.
            let is_numerical = program.graph.node(program.output).encoding == Encoding::Numerical;
            let plain = |value: &Value| match value {
                Value::Bool(b) if is_numerical => Value::Int(i64::from(*b)),
                other => other.clone(),
            };
            let given: Vec<Value> = run.output().iter().map(plain).collect();
            let mut pairs = example.output.iter().zip(&given);
            if pairs.all(|(expected, found)| same(expected, found)) {
                return None;
            }
            let (expected, found) = (listed(&example.output), listed(&given));
            let message =
                format!("the program gives `{found}` for the example `{input}`, not `{expected}`");
            let line = format!("#! example: {input} -> {found}");
            let is_read = words(&found, false).is_ok_and(|words| words == given);
            let help = if is_read {
                format!("if the program is right, write `{line}`")
            } else {
                "if the program is right, leave the line out: no example can have such values"
                    .into()
            };
            Problem::new(&example.span, message, "in this line").help(help)
        }
    };
    Some(problem)
}

/// Whether the program gives what an example says, which may have fewer digits.
fn same(expected: &Value, found: &Value) -> bool {
    let is_close = || {
        let (Some(_), Some(x)) = (number(expected), number(found)) else {
            return false;
        };
        agree(expected, &Value::Float(Number::float(x)))
    };
    python::equal(expected, found) || is_close()
}

/// Values as the words of an example.
fn listed(values: &[Value]) -> String {
    let words: Vec<String> = values.iter().map(word).collect();
    words.join(" ")
}

fn word(value: &Value) -> String {
    let bare = value.to_string();
    let reads = |text: &str| words(text, false).is_ok_and(|read| read == [value.clone()]);
    match value {
        Value::Str(text) if !reads(&bare) => serde_json::Value::from(text.as_str()).to_string(),
        _ => bare,
    }
}
