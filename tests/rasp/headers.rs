//! What a header says of its program is checked when that is compiled: examples, and the mask.

use tracr::model::Value;
use tracr::program::verify::verify;
use tracr::program::{Settings, Source};

fn compiled(text: &str, settings: &Settings) -> Result<tracr::program::Compiled, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.rasp");
    std::fs::write(&path, text).unwrap();
    Source::File(path)
        .compile(settings)
        .map_err(|e| e.to_string())
}

/// The vocabulary and the rest of the header, a wrong example, what is said, and the right one.
const WRONG: &[(&str, &str, &str, &str, &str)] = &[
    (
        "1, 2, 3",
        "1 2 -> 2 2",
        "the program gives `2 4` for the example `1 2`, not `2 2`",
        "1 2 -> 2 4",
        "out = 2 * tokens;",
    ),
    (
        "a, \"1\", \"x y\"",
        "a \"1\" \"x y\" -> a \"1\" \"x y\"",
        "the program gives `\"x y\" \"1\" a` for the example",
        "a \"1\" \"x y\" -> \"x y\" \"1\" a",
        "out = reverse(tokens);",
    ),
    // Undefined is None, and nothing else.
    (
        "a, b",
        "a b -> a a",
        "the program gives `None a` for the example",
        "a b -> None a",
        "out = shift_by(1, tokens);",
    ),
    (
        "a, b",
        "a b -> a None",
        "the program gives `a b` for the example",
        "a b -> a b",
        "out = reverse(reverse(tokens));",
    ),
    // Digits beyond the third are not asked for.
    (
        "a, b",
        "a b b -> 1 1/2 0.34",
        "for the example `a b b`, not `1 0.5 0.34`",
        "a b b -> 1 1/2 0.3333",
        "out = frac_prevs(tokens == \"a\");",
    ),
];

#[test]
fn an_example_that_is_wrong_is_refused_with_what_the_program_gives() {
    for (vocab, wrong, message, right, body) in WRONG {
        let source = |example: &str| {
            format!("#! vocab: {vocab}\n#! max_seq_len: 3\n#! example: {example}\n{body}\n")
        };
        let refused = compiled(&source(wrong), &Settings::default()).unwrap_err();
        assert!(refused.contains(message), "{refused}");
        assert_eq!(refused.matches("Error: ").count(), 1, "{refused}");
        assert!(refused.contains("p.rasp:3:1"), "{refused}");
        compiled(&source(right), &Settings::default()).unwrap_or_else(|e| panic!("{body}\n{e}"));
        // The line that the advice gives.
        let line = refused.split("write `#! example: ").nth(1).unwrap();
        let line = line.split('`').next().unwrap();
        compiled(&source(line), &Settings::default()).unwrap_or_else(|e| panic!("{body}\n{e}"));
    }
}

#[test]
fn an_example_without_a_value_is_refused_with_the_reason() {
    let source = "#! vocab: 0, 1\n#! max_seq_len: 2\n#! example: 1 0 -> 1 0\nout = 1 / tokens;\n";
    let refused = compiled(source, &Settings::default()).unwrap_err();
    assert!(
        refused.contains("the program has no value for the example `1 0`")
            && refused.contains("division of 1 by zero"),
        "{refused}"
    );
    // Values that no word stands for.
    let source = "#! vocab: 0, 1\n#! max_seq_len: 2\n#! example: 1 0 -> 1 0\nout = map(x -> (x, x), tokens);\n";
    let refused = compiled(source, &Settings::default()).unwrap_err();
    assert!(
        refused.contains("leave the line out: no example can have such values"),
        "{refused}"
    );
}

#[test]
fn an_example_is_of_the_program_that_its_header_describes() {
    let source = "#! vocab: 1, 2, 3\n#! max_seq_len: 3\n#! example: 1 2 3 -> 3 2 1\n\
                  twice = 2 * tokens;\nout = reverse(tokens);\n";
    let fits = |settings: &Settings| compiled(source, settings).map(drop);
    // Another output, another mask, other tokens, shorter inputs.
    for settings in [
        Settings {
            output: Some("twice".into()),
            ..Settings::default()
        },
        Settings {
            causal: Some(true),
            ..Settings::default()
        },
        Settings {
            vocab: Some(vec![Value::Int(1), Value::Int(5)]),
            ..Settings::default()
        },
        Settings {
            max_seq_len: Some(2),
            ..Settings::default()
        },
        Settings::default(),
    ] {
        assert_eq!(fits(&settings), Ok(()), "{settings:?}");
    }
    // Of a header that says so, the mask counts.
    let masked = source.replace("max_seq_len: 3\n", "max_seq_len: 3\n#! causal: true\n");
    let refused = compiled(&masked, &Settings::default()).unwrap_err();
    assert!(refused.contains("the program gives `1 1 1`"), "{refused}");
}

#[test]
fn a_mask_that_changes_the_program_is_seen_with_the_first_input() {
    let masked = |body: &str| {
        let text = format!("#! vocab: 1, 2, 3\n#! max_seq_len: 3\n#! causal: true\n{body}\n");
        let compiled = compiled(&text, &Settings::default()).unwrap();
        let (program, model) = (&compiled.program, &compiled.model);
        let verdict = verify(&program.graph, program.output, model);
        let values = |values: &[Value]| {
            let shown: Vec<String> = values.iter().map(Value::to_string).collect();
            shown.join(" ")
        };
        let masked = verdict.masked?;
        Some([
            values(&masked.input),
            values(&masked.masked),
            values(&masked.unmasked),
        ])
    };
    let changed = |input: &str, masked: &str, unmasked: &str| {
        Some([input, masked, unmasked].map(str::to_owned))
    };
    // The shortest input that shows it.
    assert_eq!(
        masked("out = reverse(tokens);"),
        changed("2 1", "2 2", "1 2")
    );
    assert_eq!(
        masked("out = length + 0 * tokens;"),
        changed("1 1", "1 2", "2 2")
    );
    // Undefined under the mask.
    assert_eq!(
        masked("out = aggregate(select(indices, indices + 1, ==), tokens);"),
        changed("1 1", "None None", "1 None")
    );
    // What looks back alone is the same.
    for body in [
        "out = frac_prevs(tokens == 1);",
        "out = shift_by(1, tokens);",
        "out = shift(tokens, 2, 0);",
        "out = 2 * tokens;",
    ] {
        assert_eq!(masked(body), None, "{body}");
    }
}

#[test]
fn a_shift_has_its_filler_where_nothing_comes_from() {
    use tracr::rasp::{self, Options, interpreter};
    let shifted = |call: &str, input: &[&str]| {
        let source = format!("out = {call};");
        let program = rasp::compile_source("p.rasp", &source, &Options::default());
        let program = program.unwrap_or_else(|e| panic!("{}", rasp::render(&e)));
        let tokens: Vec<Value> = input.iter().map(|x| Value::Str((*x).into())).collect();
        let run = interpreter::run(&program.graph, program.output, &tokens, false).unwrap();
        let shown: Vec<String> = run.output().iter().map(Value::to_string).collect();
        shown.join(" ")
    };
    let abc = ["a", "b", "c"];
    for (call, expected) in [
        ("shift(tokens, 1, \"-\")", "- a b"),
        ("shift(tokens, 2, \"-\")", "- - a"),
        ("shift(tokens, 5, \"-\")", "- - -"),
        ("shift(tokens, 0, \"-\")", "a b c"),
        ("shift(tokens, -1, \"-\")", "b c -"),
        ("shift(tokens, -3, 0)", "0 0 0"),
        ("shift(shift(tokens, 1, \"-\"), 1, \"+\")", "+ - a"),
    ] {
        assert_eq!(shifted(call, &abc), expected, "{call}");
        // And the model says so, on every input of its sample.
        let text = format!("#! vocab: a, b, c\n#! max_seq_len: 4\nout = {call};\n");
        let compiled = compiled(&text, &Settings::default()).unwrap();
        let program = &compiled.program;
        let verdict = verify(&program.graph, program.output, &compiled.model);
        assert_eq!(verdict.different, 0, "{call}\n{verdict:?}");
        assert!(compiled.report.added.is_empty(), "{call}");
    }
}

#[test]
fn what_is_wrong_in_a_header_is_said_of_its_line() {
    let plain = "#! max_seq_len: 3\n";
    for (header, said, place) in [
        (
            "#! vocab: 1, None, 2",
            "None cannot be a token",
            "p.rasp:2:1",
        ),
        (
            "#! vocab: 1, True",
            "the vocabulary has 1 and True, which are equal",
            "p.rasp:2:1",
        ),
        (
            "#! vocab: 2, 2.0",
            "the vocabulary has 2 and 2.0, which are equal",
            "p.rasp:2:1",
        ),
        (
            "#! vocab: a, b, a",
            "the vocabulary has \"a\" twice",
            "p.rasp:2:1",
        ),
        (
            "#! vocab: 1, 2\n#! example: ->",
            "the example has no tokens",
            "p.rasp:3:1",
        ),
        (
            "#! vocab: 1, 2\n#!   valid:  tokens + ",
            "the expression ends too early",
            "p.rasp:3:21",
        ),
        (
            "#! vocab: 1, 2\n#! valid: tokens != foo",
            "there is no name `foo`",
            "p.rasp:3:21",
        ),
        ("#! vocab: 1, 2\n#! valid: tokens; out", "2 statements", ""),
    ] {
        let text = format!("{plain}{header}\nout = reverse(tokens);");
        let report = compiled(&text, &Settings::default()).unwrap_err();
        assert!(
            report.contains(said) && report.contains(place),
            "{text}\n{report}"
        );
        assert!(!report.contains("[ valid:"), "{text}\n{report}");
    }
}

#[test]
fn notes_on_the_largest_of_a_selector_name_its_values_and_nothing_of_the_prelude() {
    let text = "#! vocab: 1, 2, 3\n#! max_seq_len: 3\nout = max(select(indices, indices, <=), tokens, [1, 2]);";
    let notes = compiled(text, &Settings::default()).unwrap().notes;
    let said = "has no value for 3: 3 is not one of the values that are compared";
    assert!(!notes.is_empty());
    assert!(
        notes
            .iter()
            .all(|note| note.contains(said) && !note.contains('{')),
        "{notes:?}"
    );
}

#[test]
fn a_file_of_another_language_is_called_what_it_is() {
    for (text, what) in [
        (
            "<!DOCTYPE html>\n<html><body>404</body></html>\n",
            "an HTML page",
        ),
        ("<?xml version=\"1.0\"?>\n<a/>\n", "an XML document"),
        ("{\n  \"a\": [1, 2]\n}\n", "a JSON document"),
        ("[1, 2, 3]", "a JSON document"),
    ] {
        let report = compiled(text, &Settings::default()).map(drop).unwrap_err();
        assert!(
            report.contains(what) && report.contains("not a RASP program"),
            "{text}\n{report}"
        );
    }
}
