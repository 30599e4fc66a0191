//! Whatever the source, there is an answer: no crash, no hang.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tracr::model::Value;
use tracr::rasp::{self, Options, interpreter};

/// Builds, renders what is wrong, or runs the program on an input.
fn survive(source: &str) -> String {
    match rasp::compile_source("any.rasp", source, &Options::default()) {
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            rasp::render(&diagnostics)
        }
        Ok(program) => {
            let input = [
                Value::Int(3),
                Value::Str("a".into()),
                Value::Float(0.5),
                Value::None,
            ];
            for causal in [false, true] {
                let _ = interpreter::run(&program.graph, program.output, &input, causal);
            }
            String::new()
        }
    }
}

fn refused(source: &str, reason: &str) {
    let start = Instant::now();
    let report = survive(source);
    let shown: String = report.chars().take(500).collect();
    assert!(report.contains(reason), "{shown}");
    assert!(report.len() < 100_000, "a report of {} bytes", report.len());
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn source_nested_ten_thousand_levels_is_a_report() {
    let deep = |open: &str, close: &str| {
        format!(
            "out = {}indices{};",
            open.repeat(10_000),
            close.repeat(10_000)
        )
    };
    refused(&deep("(", ")"), "deeper than");
    refused(&deep("[", "]"), "deeper than");
    refused(&deep("-", ""), "deeper than");
    refused(&deep("not ", ""), "deeper than");
    refused(&deep("1 + (", ")"), "deeper than");
    refused(&deep("2 ^ ", ""), "deeper than");
    refused(&deep("round(", ")"), "deeper than");
    refused(&deep("x -> ", ""), "deeper than");
    refused(&deep("1 if indices else ", ""), "deeper than");
    refused(&deep("", " + 1"), "deeper than");
    refused(&deep("", "[0]"), "deeper than");
    refused(&deep("", "(0)"), "deeper than");
    refused(&"for i in [1] {\n".repeat(10_000), "deeper than");
    refused(&"def f(x) {\n".repeat(10_000), "deeper than");
}

#[test]
fn source_too_large_is_a_report() {
    refused(&"x = 1;\n".repeat(200_000), "the limit is");
    refused(
        &format!("out = \"{}\";", "a".repeat(1_000_000)),
        "must be an s-op",
    );
    refused(
        &format!("out = [{}];", "1,".repeat(400_000)),
        "must be an s-op",
    );
    refused(&"x = ;\n".repeat(100_000), "expected an expression");
    refused(&"@".repeat(1_000_000), "means nothing");
    refused(&"}".repeat(1_000_000), "closes nothing");
}

#[test]
fn source_that_never_ends_is_a_report() {
    refused(
        "def f(x) { return f(x); }\nout = f(indices);",
        "nested deeper",
    );
    refused(
        "for i in range(1000000000) { x = i; }\nout = indices;",
        "steps",
    );
    refused(
        "l = [1];\nfor i in range(100) { l = l + l; }\nout = indices;",
        "steps",
    );
    refused(
        "l = [1];\nfor i in range(100) { l = [l, l]; }\nout = indices;",
        "nested too deep",
    );
    refused(
        "s = \"ab\";\nfor i in range(100) { s = s + s; }\nout = indices;",
        "longer than",
    );
    refused(
        "x = indices;\nfor i in range(10000) { x = x + 1; }",
        "follow each other",
    );
    refused(
        "x = indices;\nfor i in range(30000) { x = x + indices; }",
        "operators",
    );
    refused(
        "x = 3;\nfor i in range(100) { x = x * x; }\nout = indices;",
        "out of range",
    );
    refused(
        "l = [[i, j] for i in range(2000) for j in range(2000)];",
        "expected",
    );
}

#[test]
fn formula_evaluates_shared_parts_once() {
    // 2^100 additions if they were not.
    let source = "def double(x) { return x + x; }\n\
                  def many(x) { y = x; for i in range(60) { y = double(y); } return y; }\n\
                  out = map(many, tokens);";
    let program = rasp::compile_source("any.rasp", source, &Options::default())
        .map_err(|e| rasp::render(&e))
        .unwrap();
    let run = interpreter::run(&program.graph, program.output, &[Value::Int(1)], false).unwrap();
    assert_eq!(run.output(), [Value::Int(1 << 60)]);
}

#[test]
fn values_that_grow_are_an_error() {
    let many = "def many(x) { y = x; for i in range(60) { y = twice(y); } return y; }\n\
                out = map(many, tokens);";
    refused(
        &format!("def twice(x) {{ return (x, x); }}\n{many}"),
        "nested too deep",
    );
    let source = format!("def twice(x) {{ return x + x; }}\n{many}");
    let program = rasp::compile_source("any.rasp", &source, &Options::default());
    let program = program.map_err(|e| rasp::render(&e)).unwrap();
    let input = [Value::Str("a".into())];
    let error = interpreter::run(&program.graph, program.output, &input, false);
    assert!(error.unwrap_err().to_string().contains("longer than"));
}

/// Words of the language, and a few that are not.
const WORDS: &[&str] = &[
    "tokens",
    "indices",
    "length",
    "x",
    "y",
    "f",
    "select",
    "aggregate",
    "selector_width",
    "map",
    "sequence_map",
    "numerical",
    "categorical",
    "linear",
    "named",
    "round",
    "indicator",
    "range",
    "zip",
    "len",
    "reverse",
    "sort",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ";",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "->",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "^",
    "and",
    "or",
    "not",
    "in",
    "if",
    "else",
    "for",
    "def",
    "return",
    "load",
    "true",
    "None",
    "0",
    "1",
    "2.5",
    "1e9",
    "\"a\"",
    "\"\"",
    "\n",
    "#",
    "#! vocab: a, b\n",
    "&",
    "é",
    "'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn source_of_any_bytes_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn source_of_any_text_has_an_answer(text in "\\PC{0,100}") {
        survive(&text);
    }

    #[test]
    fn source_of_any_words_has_an_answer(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..80)) {
        survive(&words.join(" "));
    }

    /// Nearly right programs get further.
    #[test]
    fn source_with_a_word_changed_has_an_answer(
        at in 0_usize..200,
        word in proptest::sample::select(WORDS),
    ) {
        let source = std::fs::read_to_string(
            concat!(env!("CARGO_MANIFEST_DIR"), "/programs/shuffle_dyck2.rasp")
        ).unwrap();
        let mut words: Vec<&str> = source.split(' ').collect();
        let at = at % words.len();
        words[at] = word;
        survive(&words.join(" "));
    }
}
