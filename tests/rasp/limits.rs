//! What a source can make the program do is bounded: in steps, in memory, in the time that a report takes.
//!
//! Each of these ran for minutes, or took all memory, before it was a report.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tracr::model::Value;
use tracr::rasp::interpreter::{self, EvalError};
use tracr::rasp::{self, Options, Program};

/// Each takes less than a second; without its limit, days. The rest is for machines that are busy.
const MOMENT: Duration = Duration::from_secs(300);

fn program(source: &str) -> Result<Program, String> {
    rasp::compile_source("limits.rasp", source, &Options::default()).map_err(|e| rasp::render(&e))
}

/// Refused for this reason, with the line blamed, in a moment.
fn refused(source: &str, reason: &str, line: usize) {
    let start = Instant::now();
    let report = program(source).map(drop).unwrap_err();
    assert!(report.contains(reason), "{report}");
    assert!(report.contains(&format!("limits.rasp:{line}:")), "{report}");
    let took = start.elapsed();
    assert!(took < MOMENT, "{took:?}: {report}");
}

#[test]
fn selector_combined_with_itself_is_bounded() {
    // Constants are put into both sides, and so the sides have no part in common.
    refused(
        "s = select(1, indices, ==);\nfor i in range(60) {\ns = s and s;\n}\nout = selector_width(s);",
        "steps to unfold",
        3,
    );
}

#[test]
fn constant_counts_each_time_it_is_copied() {
    let tuple = "t = [0, 1] * 2000;\n";
    refused(
        &format!("{tuple}l = [t for i in range(100000)];\nout = indices;"),
        "steps to unfold",
        2,
    );
    let text = "s = \"ab\" * 2000;\n";
    refused(
        &format!("{text}l = [s for i in range(100000)];\nout = indices;"),
        "steps to unfold",
        2,
    );
    refused(
        &format!("{tuple}d = {{i: t for i in range(100000)}};\nout = indices;"),
        "steps to unfold",
        2,
    );
    // In the formula of a map, every map of that map has a copy of its own.
    refused(
        &format!("{tuple}m = tokens == t;\nl = [m == 1 for i in range(50000)];\nout = indices;"),
        "steps to unfold",
        3,
    );
    // A function keeps the names around it.
    let function = "def many(t) {\nl = [x -> x for i in range(100000)];\nreturn indices;\n}\n";
    refused(
        &format!("{tuple}{function}out = many(t);"),
        "steps to unfold",
        3,
    );
}

#[test]
fn formula_parts_count_for_every_operator_that_has_them() {
    // 20 000 additions, shared cleverly enough to be low, in each of 10 000 maps.
    let source = "def double(x) { return x + x; }\n\
                  def many(x) {\ny = x;\nfor i in range(200) { z = y;\nfor j in range(100) { z = (z, y)[0]; }\n\
                  y = y + 1; }\nreturn y;\n}\n\
                  m = map(many, tokens);\nl = [m + 1 for i in range(10000)];\nout = indices;";
    let start = Instant::now();
    let report = program(source).map(drop);
    assert!(start.elapsed() < MOMENT, "{report:?}");
}

#[test]
fn interpreter_holds_a_bounded_number_of_values() {
    // 4000 elements at every position of 5000 operators.
    let source = "t = [0, 1] * 2000;\nx = sequence_map((a, b) -> t, tokens, indices);\n\
                  for i in range(3000) { x = sequence_map((a, b) -> a, x, indices); }\nout = x;";
    let program = program(source).unwrap();
    let input = vec![Value::Int(1); 4];
    let error = interpreter::run(&program.graph, program.output, &input, false).unwrap_err();
    assert!(matches!(error, EvalError::TooLarge { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("the sequence map"), "{message}");
    assert!(message.contains("give a shorter input"), "{message}");
}

#[test]
fn interpreter_holds_shared_parts_of_a_formula_within_bounds() {
    // 400 parts of 4000 characters that are all used again.
    let source = "s = \"ab\" * 1000;\n\
                  def many(x) {\ny = str(x);\nz = y;\nfor i in range(450) {\nz = (z + s)[0] + s + y;\n}\nreturn z;\n}\n\
                  out = map(many, tokens);";
    let start = Instant::now();
    if let Ok(program) = program(source) {
        let input = vec![Value::Int(1); 4];
        let _ = interpreter::run(&program.graph, program.output, &input, false);
    }
    assert!(start.elapsed() < MOMENT);
}

#[test]
fn input_is_too_long_for_a_long_formula() {
    // 100 000 pairs of positions and thousands of parts each.
    let source = "def many(x, y) {\nz = x;\nfor i in range(200) { z = z + x - x; }\nreturn z == y;\n}\n\
                  out = selector_width(select(tokens, tokens, many));";
    let program = program(source).unwrap();
    let run = |length: usize| {
        let input = vec![Value::Int(1); length];
        interpreter::run(&program.graph, program.output, &input, false).map(drop)
    };
    run(20).unwrap();
    let start = Instant::now();
    let error = run(3000).unwrap_err();
    assert!(
        matches!(error, EvalError::TooLong { length: 3000, .. }),
        "{error}"
    );
    assert!(start.elapsed() < MOMENT);
}

#[test]
fn names_of_a_megabyte_are_compared_in_a_moment() {
    let (a, b) = ("a".repeat(400_000), "b".repeat(400_000));
    refused(&format!("{a} = 1;\nout = {b};"), "there is no name", 2);
    refused(
        &format!("#! {a}: 1\nout = indices;"),
        "the header has no key",
        1,
    );
}

#[test]
fn vocabulary_of_a_hundred_thousand_words_is_read_in_a_moment() {
    let mut header = String::from("#! vocab: ");
    for word in 0..100_000 {
        let _ = write!(header, "{word}, ");
    }
    let start = Instant::now();
    let program = program(&format!("{header}x\nout = tokens == 1;")).unwrap();
    assert_eq!(program.header.vocab.unwrap().len(), 100_001);
    assert!(start.elapsed() < MOMENT, "{:?}", start.elapsed());
    refused(
        &format!("{header}1.0\nout = tokens == 1;"),
        "the vocabulary has 1 and 1.0, which are equal",
        1,
    );
}
