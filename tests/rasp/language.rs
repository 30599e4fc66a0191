//! The language's newer parts: positions of s-ops, dictionaries, functions of numbers, extremes, and
//! what is said of them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tracr::compiler;
use tracr::model::Value;
use tracr::program::verify::verify;
use tracr::rasp::syntax::header;
use tracr::rasp::{self, Options, Program, interpreter, python};

fn program(source: &str) -> Program {
    rasp::compile_source("test.rasp", source, &Options::default())
        .unwrap_or_else(|e| panic!("{source}\n{}", rasp::render(&e)))
}

fn report(source: &str) -> String {
    match rasp::compile_source("test.rasp", source, &Options::default()) {
        Ok(_) => panic!("this program is not wrong:\n{source}"),
        Err(reports) => rasp::render(&reports),
    }
}

fn words(text: &str) -> Vec<Value> {
    header::words(text, false).unwrap()
}

/// The output in words, or the error.
fn run(source: &str, input: &str) -> String {
    let program = program(source);
    match interpreter::run(&program.graph, program.output, &words(input), false) {
        Ok(run) => {
            let values: Vec<String> = run.output().iter().map(python::literal).collect();
            values.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

/// Compiles the program for its header and compares the model with the interpreter.
fn compiles_and_agrees(source: &str) {
    let program = program(source);
    let header = &program.header;
    let (vocab, longest) = (header.vocab.clone().unwrap(), header.max_seq_len.unwrap());
    let mut options = compiler::Options::new("test", vocab, longest);
    options.causal = header.causal.unwrap_or(false);
    let model = compiler::compile_with_report(&program.graph, program.output, &options);
    let (model, ..) = model.unwrap_or_else(|e| panic!("{source}\n{e:?}"));
    let verdict = verify(&program.graph, program.output, &model);
    assert!(verdict.inputs > 10, "{source}\n{verdict:?}");
    assert_eq!(verdict.different, 0, "{source}\n{verdict:?}");
    for example in &header.examples {
        let run = interpreter::run(
            &program.graph,
            program.output,
            &example.input,
            options.causal,
        );
        assert_eq!(run.unwrap().output(), example.output, "{source}");
    }
}

#[test]
fn an_sop_indexed_by_a_number_is_its_value_at_that_position() {
    for (index, input, output) in [
        ("0", "b a c", "\"b\" \"b\" \"b\""),
        ("-1", "b a c", "\"c\" \"c\" \"c\""),
        ("1", "b a c", "\"a\" \"a\" \"a\""),
        ("-3", "b a c", "\"b\" \"b\" \"b\""),
        // As in the published RASP: 0 where there is no such position.
        ("3", "b a c", "0 0 0"),
        ("-4", "b a c", "0 0 0"),
        ("9223372036854775807", "a", "0"),
        ("True", "b a c", "\"a\" \"a\" \"a\""),
        ("2 - 1", "7 8", "8 8"),
    ] {
        assert_eq!(
            run(&format!("out = tokens[{index}];"), input),
            output,
            "{index}"
        );
    }
    // Of a numerical s-op as of others, and inside of a lambda the value is indexed.
    assert_eq!(run("out = indicator(tokens == 3)[1];", "1 3"), "1 1");
    assert_eq!(run("out = indicator(tokens == 3)[5];", "3 3"), "0 0");
    assert_eq!(run("out = map(t -> t[0], tokens);", "ab cd"), "\"a\" \"c\"");
    assert_eq!(
        run(
            "def head(p) { return p[0]; } out = map(head, sequence_map((x, y) -> (x, y), tokens, indices));",
            "a b"
        ),
        "\"a\" \"b\""
    );
    assert_eq!(
        run("largest = sort(tokens, tokens)[8];", "a b a b c a b a b"),
        ["\"c\""; 9].join(" ")
    );
}

#[test]
fn an_sop_indexed_by_a_number_compiles() {
    let header = "#! vocab: a, b, c\n#! max_seq_len: 4\n";
    for (statements, example) in [
        ("out = tokens[0];", "b a c -> b b b"),
        ("out = tokens[-1];", "b a c -> c c c"),
        ("out = tokens[2];", "b a -> 0 0"),
        ("out = tokens[2];", "b a c -> c c c"),
        ("out = tokens[-3];", "a b c -> a a a"),
        ("out = tokens[-3];", "b -> 0"),
        (
            "out = numerical(tokens == \"b\")[1];",
            "a b c -> True True True",
        ),
        ("out = indices[-1] - indices;", "a a a -> 2 1 0"),
        (
            "out = selector_width(select(tokens, tokens, <))[0];",
            "b a -> 1 1",
        ),
    ] {
        compiles_and_agrees(&format!("{header}#! example: {example}\n{statements}"));
    }
    compiles_and_agrees(
        "#! vocab: a, b\n#! max_seq_len: 4\n#! causal: true\n#! example: b a a -> 0 a a\nout = tokens[1];",
    );
}

#[test]
fn an_index_that_is_no_number_is_refused_with_what_to_write() {
    for (source, said) in [
        (
            "out = tokens[indices];",
            "`aggregate(select(indices, i, ==), s)`",
        ),
        (
            "out = tokens[\"a\"];",
            "an s-op is indexed by an integer, not by the constant \"a\"",
        ),
        (
            "out = tokens[0.5];",
            "an s-op is indexed by an integer, not by the constant 0.5",
        ),
        ("out = tokens[None];", "not by the constant None"),
        (
            "out = select(tokens, tokens, ==)[0];",
            "`[]` does not work on a selector",
        ),
        (
            "out = map(x -> tokens[x], indices);",
            "an s-op is indexed by an argument of a lambda",
        ),
    ] {
        let report = report(source);
        assert!(report.contains(said), "{source}\n{report}");
    }
    // Following it works.
    assert_eq!(
        run(
            "i = 1 - indices; s = tokens; out = aggregate(select(indices, i, ==), s);",
            "a b"
        ),
        "\"b\" \"a\""
    );
    assert_eq!(
        run(
            "s = tokens; i = indices; out = sequence_map((x, i) -> x[i], s, i);",
            "ab cd"
        ),
        "\"a\" \"d\""
    );
}

#[test]
fn a_constant_in_an_sop_is_looked_for_at_every_position() {
    for (what, input, output) in [
        ("\"e\" in tokens", "h e y", "True True True"),
        ("\"e\" in tokens", "h o", "False False"),
        ("\"e\" in tokens", "he he", "False False"),
        ("2 in indices", "a b", "False False"),
        ("1 not in indices", "a b", "False False"),
        ("tokens in [\"a\", \"e\"]", "h e y", "False True False"),
        ("tokens in \"aeiou\"", "h e", "False True"),
    ] {
        assert_eq!(run(&format!("out = {what};"), input), output, "{what}");
    }
    compiles_and_agrees(
        "#! vocab: a, b, c\n#! max_seq_len: 4\n#! example: c b -> False False\nout = \"a\" in tokens;",
    );
    let refused = report("out = indices in tokens;");
    assert!(
        refused.contains("`sequence_map((x, y) -> x in y, a, b)`"),
        "{refused}"
    );
    assert_eq!(
        run(
            "a = tokens; b = tokens + \"x\"; out = sequence_map((x, y) -> x in y, a, b);",
            "a b"
        ),
        "True True"
    );
    assert_eq!(
        run(
            "a = tokens; b = tokens[0]; out = selector_width(select(b, a, ==)) > 0;",
            "a b"
        ),
        "True False"
    );
}

#[test]
fn and_and_or_of_sops_are_true_or_false() {
    for (what, output) in [
        ("tokens and indices", "False True True"),
        ("tokens or indices", "True True True"),
        ("indices and 5", "False True True"),
        ("\"\" or indices", "False True True"),
        ("sequence_map((x, y) -> x and y, tokens, indices)", "0 1 2"),
        ("map(x -> x or \"none\", indices)", "\"none\" 1 2"),
    ] {
        assert_eq!(run(&format!("out = {what};"), "7 8 9"), output, "{what}");
    }
}

#[test]
fn a_dictionary_is_looked_up_at_compile_time_and_at_each_position() {
    let d = "d = {\"a\": 1, \"b\": 2, 3: \"three\"};\n";
    for (what, input, output) in [
        ("indices + d[\"b\"]", "x y", "2 3"),
        ("d[tokens]", "a b 3", "1 2 \"three\""),
        ("map(x -> d[x] * 2, tokens)", "a b", "2 4"),
        ("map(x -> d[x] if x in d else 0, tokens)", "a q", "1 0"),
        ("tokens in d", "a q 3", "True False True"),
        ("tokens not in d", "a q", "False True"),
        (
            "indices + (1 if \"a\" in d and \"z\" not in d else 0)",
            "x",
            "1",
        ),
        ("indices + len(d)", "x", "3"),
        (
            "map(x -> [k for k in d][x], indices)",
            "x y z",
            "\"a\" \"b\" 3",
        ),
        (
            "{k: d[k] + 1 for k in [\"a\", \"b\"]}[tokens]",
            "b a",
            "3 2",
        ),
        (
            "{k: v for k, v in zip(\"ab\", [indices, tokens])}[\"b\"] + \"\"",
            "x",
            "\"x\"",
        ),
        ("{1: \"x\", True: \"y\"}[indices + 1.0]", "p", "\"y\""),
        (
            "{(1, 2): 5}[sequence_map((x, y) -> (x, y), tokens, indices + 2)]",
            "1",
            "5",
        ),
        (
            "indices + {\"in\": {\"out\": 4}}[\"in\"][\"out\"]",
            "x",
            "4",
        ),
        ("indices + (7 if {} else 8)", "x", "8"),
    ] {
        assert_eq!(run(&format!("{d}out = {what};"), input), output, "{what}");
    }
    assert_eq!(
        run(
            "n = 0; d = {\"a\": 1, \"b\": 20}; for k in d { n = n + d[k]; } out = indices + n;",
            "x"
        ),
        "21"
    );
    assert_eq!(
        run("p, q = {\"a\": 1, \"b\": 2}; out = tokens + p + q;", "x"),
        "\"xab\""
    );
    compiles_and_agrees(
        "#! vocab: a, b, c\n#! max_seq_len: 3\n#! example: c a -> 3 1\nout = {\"a\": 1, \"b\": 2, \"c\": 3}[tokens];",
    );
    compiles_and_agrees(
        "#! vocab: a, b, c\n#! max_seq_len: 3\n#! example: c a -> False True\nout = tokens in {\"a\": indices, \"b\": 2};",
    );
}

#[test]
fn a_dictionary_says_what_it_has_not() {
    for (source, said) in [
        (
            "d = {\"a\": 1}; out = indices + d[\"b\"];",
            "the dictionary has no key \"b\"",
        ),
        (
            "d = {\"a\": 1}; out = indices + d[0];",
            "its keys are \"a\"",
        ),
        (
            "d = {}; out = indices + d[\"\"];",
            "the dictionary has no key \"\"",
        ),
        (
            "d = {tokens: 1}; out = indices;",
            "a key of a dictionary is an s-op",
        ),
        (
            "d = {\"a\": tokens}; out = d[tokens];",
            "go through its keys with a `for` loop",
        ),
        (
            "d = {\"a\" 1}; out = indices;",
            "expected `:` after the key",
        ),
        (
            "d = {\"a\": 1 \"b\": 2}; out = indices;",
            "entries have a `,` between them",
        ),
        (
            "d = {\"a\": 1; out = indices;",
            "entries have a `,` between them",
        ),
        (
            "d = {\"a\": 1}; out = indices + d;",
            "`+` does not work on a dictionary",
        ),
        (
            "d = {\"a\": 1}; out = indices + d(\"a\");",
            "the value of a key is `d[\"key\"]`",
        ),
        (
            "names = {\"a\": 1};",
            "the output `names` is a dictionary, but must be an s-op",
        ),
        (
            "for k in {\"a\": 1} { out = k; }",
            "the output `out` is the constant \"a\"",
        ),
    ] {
        let report = report(source);
        assert!(report.contains(said), "{source}\n{report}");
    }
    assert_eq!(
        run("out = {\"a\": 1}[tokens];", "a b"),
        "the map `out` ({\"a\": 1}[x]) has no value at position 2: \"b\" is not a key of the dictionary"
    );
    // The loop that is advised.
    assert_eq!(
        run(
            "d = {\"a\": indices, \"b\": indices * 10}; res = -1; for k in d { res = d[k] if tokens == k else res; }",
            "b b c a"
        ),
        "0 10 -1 3"
    );
    assert!(
        report(&format!(
            "out = {}1{}[0];",
            "{0: ".repeat(90),
            "}".repeat(90)
        ))
        .contains("nested too deep")
    );
    assert!(
        report(&format!(
            "out = {}1{};",
            "{0: ".repeat(9000),
            "}".repeat(9000)
        ))
        .contains("deeper than")
    );
}

#[test]
fn a_dictionary_of_thousands_of_entries_is_no_trouble() {
    let mut source = String::from("d = {");
    for i in 0..5000 {
        let _ = write!(source, "\"word {i}\": {i}, ");
    }
    source.push_str("};\nsum = 0;\nfor k in d { sum = sum + d[k]; }\nout = map(x -> d[x] if x in d else sum, tokens);");
    let start = Instant::now();
    assert_eq!(
        run(&source, "\"word 4999\" \"word 0\" b"),
        "4999 0 12497500"
    );
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn the_functions_of_numbers_are_those_of_python() {
    // As CPython 3.11 prints `math.sin(x)` and so on.
    for (what, output) in [
        (
            "sin(tokens)",
            "0.8414709848078965 0.9092974268256817 0.479425538604203 0.1411200080598672",
        ),
        (
            "cos(tokens)",
            "0.5403023058681398 -0.4161468365471424 0.8775825618903728 -0.9899924966004454",
        ),
        (
            "exp(tokens)",
            "2.718281828459045 7.38905609893065 1.6487212707001282 20.085536923187668",
        ),
        (
            "log(tokens)",
            "0.0 0.6931471805599453 -0.6931471805599453 1.0986122886681098",
        ),
        (
            "sqrt(tokens)",
            "1.0 1.4142135623730951 0.7071067811865476 1.7320508075688772",
        ),
        (
            "map(x -> sqrt(x) * 0 + sqrt(True), tokens)",
            "1.0 1.0 1.0 1.0",
        ),
    ] {
        assert_eq!(
            run(&format!("out = {what};"), "1 2 0.5 3"),
            output,
            "{what}"
        );
    }
    for (what, reason) in [
        ("log(indices)", "log(0) is not defined"),
        ("sqrt(indices - 1)", "sqrt(-1) is not defined"),
        ("exp(indices + 1000)", "exp(1000) is not defined"),
        ("sin(tokens)", "sin(\"a\") is not defined"),
        ("log(-1.5 + indices)", "log(-1.5) is not defined"),
    ] {
        let said = run(&format!("out = {what};"), "a");
        assert!(said.ends_with(reason), "{said}");
    }
    assert!(report("out = indices + log(0);").contains("log(0) is not defined"));
    assert!(report("out = sqrt(tokens, 2);").contains("`sqrt` takes 1 argument, not 2"));
    compiles_and_agrees("#! vocab: 1, 2, 3\n#! max_seq_len: 3\nout = sqrt(tokens) + log(tokens);");
}

#[test]
fn the_largest_of_what_a_selector_selects_compiles() {
    let header = "#! vocab: a, b, c\n#! max_seq_len: 3\n";
    for (statements, example) in [
        (
            "out = max(select(indices, indices, <=), tokens);",
            "b a c -> b b c",
        ),
        (
            "out = min(select(indices, indices, <=), tokens);",
            "b a c -> b a a",
        ),
        (
            "out = max(select(indices, indices, <), tokens);",
            "b a c -> None b b",
        ),
        // The order is that of the list.
        (
            "out = max(select(indices, indices, true), tokens, [\"c\", \"a\", \"b\"]);",
            "c a a -> a a a",
        ),
        (
            "out = min(select(tokens, tokens, ==), indices, [0, 1, 2]);",
            "a b a -> 0 1 0",
        ),
        (
            "out = max(select(indices, indices, true), tokens, [\"c\", \"b\", \"a\"])[0];",
            "c b b -> b b b",
        ),
    ] {
        compiles_and_agrees(&format!("{header}#! example: {example}\n{statements}"));
    }
    compiles_and_agrees(
        "#! vocab: 0, 1, 2, 3, 4, 5\n#! max_seq_len: 4\n#! example: 3 5 0 1 -> 3 5 5 5\nout = max(select(indices, indices, <=), tokens);",
    );
    assert_eq!(
        run("out = max(indices, 1, 2) + min(3, indices);", "a b c"),
        "2 3 4"
    );
    for (source, said) in [
        (
            "out = max(select(tokens, tokens, ==), tokens);",
            "in ascending order, as in `max(selector, s, [1, 2, 3])`",
        ),
        (
            "out = min(select(tokens, tokens, ==), indices);",
            "`min` of a selector needs the values that are compared",
        ),
        (
            "#! vocab: 1, a\nout = max(select(tokens, tokens, ==), tokens);",
            "the tokens have no order",
        ),
        (
            "out = max(select(tokens, tokens, ==), tokens, []);",
            "there are no values to compare",
        ),
        (
            "out = max(select(tokens, tokens, ==), 3, [1]);",
            "must be an s-op",
        ),
    ] {
        let report = report(source);
        assert!(report.contains(said), "{source}\n{report}");
    }
    let unlisted = run(
        "out = max(select(indices, indices, ==), tokens, [1, 2]);",
        "1 3",
    );
    assert!(
        unlisted.contains("3 is not one of the values that are compared"),
        "{unlisted}"
    );
}

#[test]
fn an_undefined_key_is_named_with_its_position() {
    for (source, input, said) in [
        (
            "before = shift_by(1, tokens); both = sequence_map((p, i) -> (p, i), before, indices);\n\
             same = select(both, both, (k, q) -> k[0] == q[0]); n = selector_width(same);",
            "a b",
            "its key, the sequence map `both` ((x, y)), is undefined (None) at position 1",
        ),
        (
            "n = selector_width(select(tokens, shift_by(2, tokens), ==));",
            "a b",
            "its query, the aggregate `shift_by(2)`, is undefined (None) at position 1",
        ),
        (
            "late = aggregate(select(indices, indices, (k, q) -> k == q + 1), tokens);\n\
             n = selector_width(select(late, tokens, (k, q) -> len(k) == 1));",
            "a b",
            "its key, the aggregate `late`, is undefined (None) at position 2",
        ),
    ] {
        let found = run(source, input);
        assert!(found.contains(said), "{found}");
        assert!(
            !found.contains("None has no length") || source.contains("len("),
            "{found}"
        );
    }
    assert!(report("out = indices + None[0];").contains("None has no elements"));
}

#[test]
fn values_in_messages_are_written_as_programs_write_them() {
    for (source, input, said) in [
        ("out = 1 / tokens;", "\"0\"", "1 / \"0\" is not defined"),
        ("out = int(tokens);", "\"\"", "int(\"\") is not defined"),
        (
            "out = tokens < 1;",
            "\"a\\\"b\"",
            "\"a\\\"b\" and 1 have no order",
        ),
        (
            "out = tokens - (1, \"x\");",
            "'it is'",
            "\"it is\" - (1, \"x\") is not defined",
        ),
    ] {
        let found = run(source, input);
        assert!(found.contains(said), "{found}");
    }
    let text = "\u{1b}[0m\\\"\t";
    let literal = python::literal(&Value::Str(text.into()));
    assert_eq!(literal, "\"\\u001b[0m\\\\\\\"\\t\"");
    assert_eq!(
        run(
            &format!("out = map(x -> {literal} == x, tokens);"),
            &literal
        ),
        "True"
    );
    let shown =
        ["1", "", "None", "a b", "1.5", "a", "("].map(|text| Value::Str(text.into()).shown());
    assert_eq!(
        shown,
        ["\"1\"", "\"\"", "\"None\"", "\"a b\"", "\"1.5\"", "a", "("]
    );
}

#[test]
fn tokens_may_be_assigned_another_name_of_the_input() {
    assert_eq!(run("tokens = tokens_int; out = tokens + 1;", "1 2"), "2 3");
    assert_eq!(run("tokens = tokens_asis; out = tokens * 2;", "1 2"), "2 4");
    assert_eq!(
        run(
            "#! vocab: \"1\", \"2\"\ntokens = tokens_int; out = tokens + 1;",
            "\"1\" \"2\""
        ),
        "2 3"
    );
    assert_eq!(
        run(
            "#! vocab: 1, 2\ntokens = tokens_str; out = tokens + \"x\";",
            "1 2"
        ),
        "\"1x\" \"2x\""
    );
    assert_eq!(
        run("tokens, b = tokens_int, 1; out = tokens + b;", "1 2"),
        "2 3"
    );
    // It says how to read the input, and is no part of the model if nothing has to be done.
    let alias = program("#! vocab: a, b\ntokens = tokens_str; out = hist(tokens);");
    let names: Vec<&String> = alias.names.keys().collect();
    assert_eq!(names, ["length", "out"]);
    assert_eq!(
        alias.graph.nodes.len(),
        program("#! vocab: a, b\nout = hist(tokens);")
            .graph
            .nodes
            .len()
    );
    compiles_and_agrees(
        "#! vocab: \"1\", \"2\"\n#! max_seq_len: 3\n#! example: \"1\" \"2\" -> 1 3\nout = tokens_int + indices;",
    );
    for source in [
        "tokens = indices;",
        "tokens = tokens_int + 1;",
        "tokens, b = indices, 1;",
        "def f(x) { tokens = tokens_str; return tokens + x; } out = f(tokens);",
        "tokens_int = 3;",
        "indices = tokens;",
    ] {
        assert!(
            report(source).contains("is a primitive and cannot be assigned"),
            "{source}"
        );
    }
}

#[test]
fn the_functions_of_the_published_library_are_there() {
    for (what, input, output) in [
        ("average(indices)", "a b c", "1.0 1.0 1.0"),
        (
            "load_from_location(tokens, 2 - indices)",
            "a b c",
            "\"c\" \"b\" \"a\"",
        ),
        (
            "mark_last_instance(tokens, \"a\")",
            "a b a",
            "False False True",
        ),
        (
            "mark_first_instance(tokens, \"a\")",
            "a b a",
            "True False False",
        ),
        (
            "aggregate(select_from_last(tokens, \"a\"), indices)",
            "a b a",
            "2 2 2",
        ),
        (
            "aggregate(select_from_first(tokens, \"a\"), indices)",
            "b a a",
            "1 1 1",
        ),
        (
            "aggregate(select_next_identical(tokens), indices, -1)",
            "a b a",
            "2 -1 -1",
        ),
        (
            "sort(tokens, -1 * hist(tokens))",
            "a b b",
            "\"b\" \"b\" \"a\"",
        ),
        ("sort(tokens, tokens)", "b c a b", "\"a\" \"b\" \"b\" \"c\""),
        ("selector_width(full_s)", "a b", "2 2"),
    ] {
        assert_eq!(run(&format!("out = {what};"), input), output, "{what}");
    }
    assert!(report("out = sort(tokens);").contains("takes 2 or 4 arguments, not 1"));
    // In a program the later function replaces the earlier one, whatever it takes.
    assert!(
        report("def f(a) { return a; } def f(a, b) { return a; } out = f(indices);")
            .contains("takes 2 arguments, not 1")
    );
    assert_eq!(
        run("def sort(a) { return a; } out = sort(indices);", "a b"),
        "0 1"
    );
}

#[test]
fn the_commands_of_the_prompt_have_no_effect() {
    for command in [
        "set example \"hello\"",
        "set example [1, 2]\nset s-op example x",
        "set selector example \"abc\"",
        "show example",
        "show s-op example",
        "examples off",
        "s-op examples on",
        "selector examples off",
        "full seq display on",
    ] {
        let source = format!("x = \"ab\";\n{command}\nout = indices;\n{command}");
        assert_eq!(run(&source, "a b"), "0 1", "{command}");
    }
    for (wrong, said) in [
        (
            "set example \"hello\"; out = indices;",
            "expected `;` after the statement",
        ),
        ("set example\nout = indices;", "expected"),
        ("full seq display\nout = indices;", "expected `;`"),
        (
            "draw(tokens); out = indices;",
            "commands of the interactive RASP",
        ),
        (
            "out = indices;\nexit",
            "`exit` is a command of the published RASP's prompt",
        ),
        (
            "quit();\nout = indices;",
            "`quit` is a command of the published RASP's prompt",
        ),
    ] {
        assert!(report(wrong).contains(said), "{wrong}\n{}", report(wrong));
    }
    assert_eq!(
        run("exit = indices; quit = 2; exit; out = exit + quit;", "a b"),
        "2 3"
    );
    assert_eq!(
        run("set = indices; s = 5; op = 2; out = set + s - op;", "a b"),
        "3 4"
    );
}

#[test]
fn a_note_says_where_the_published_grammar_reads_otherwise() {
    let notes = |expression: &str| program(&format!("x = indices;\nout = {expression};")).notes;
    for (expression, here, there) in [
        (
            "x == 0 or x == 1 and x == 2",
            "a or (b and c)",
            "(a or b) and c",
        ),
        ("not x == 1", "not (a == b)", "(not a) == b"),
        ("not x in [1]", "not (a in b)", "(not a) in b"),
        ("not x ^ 2", "not (a ^ b)", "(not a) ^ b"),
        ("not +3 ^ x", "not (a ^ b)", "(not a) ^ b"),
        ("-+x ^ -2", "-(a ^ b)", "(-a) ^ b"),
        ("-x ^ 2", "-(a ^ b)", "(-a) ^ b"),
        ("2 ^ x ^ 2", "a ^ (b ^ c)", "(a ^ b) ^ c"),
        ("x % 3 * 2", "(a % b) * c", "a % (b * c)"),
        ("x in [1] and x == 1", "(a in b) and c", "a in (b and c)"),
        ("x == 1 or x in [1]", "a or (b in c)", "(a or b) in c"),
        (
            "1 if x == 0 else 2 if x == 1 else 3",
            "a if b else (c if d else e)",
            "(a if b else c) if d else e",
        ),
        (
            "1 if x == 0 else x in [2]",
            "a if b else (c in d)",
            "(a if b else c) in d",
        ),
        (
            "x in [1] if x == 0 else 1",
            "(a in b) if c else d",
            "a in (b if c else d)",
        ),
    ] {
        let found = notes(expression);
        let said = format!("is read as `{here}`, as in Python; the published RASP reads `{there}`");
        assert_eq!(found.len(), 1, "{expression}\n{found:?}");
        assert!(
            found[0].starts_with("line 2: ") && found[0].ends_with(&said),
            "{found:?}"
        );
    }
    for expression in [
        "(x == 0 or x == 1) and x == 2",
        "x == 0 or (x == 1 and x == 2)",
        "x == 0 and x == 1 or x == 2",
        "not (x == 1)",
        "not x and x == 2",
        "-(x ^ 2) + (-x) ^ 2",
        "(2 ^ x) ^ 2",
        "x * 2 % 3",
        "(x in [1]) and x == 1",
        "1 if x in [2] else 3",
        "1 if x == 0 else (2 if x == 1 else 3)",
        "x not in [1]",
        "not x != 1",
        "+x ^ 2",
        "-x * 2 + x[0]",
    ] {
        assert_eq!(notes(expression), Vec::<String>::new(), "{expression}");
    }
    assert_eq!(notes("not x == 1 and not x == 2").len(), 1);
    assert_eq!(
        program("out = detect_pattern(tokens, \"ab\");").notes,
        Vec::<String>::new()
    );
}

#[test]
fn a_function_sees_what_its_variables_are_when_it_is_called() {
    for (source, output) in [
        (
            "a = 1; def f(x) { return x + a; } a = 2; out = f(indices);",
            "2 3",
        ),
        (
            "def f(x) { z = 1; def g(y) { return y + z; } z = 3; return g(x); } out = f(indices);",
            "3 4",
        ),
        (
            "def f(x) { def g(y) { return y + z; } z = 3; return g(x); } out = f(indices);",
            "3 4",
        ),
        (
            "def f(x) { fs = []; for i in range(3) { def g(y) { return y + i; } fs = fs + [g]; } return fs[0](x); }\n\
             out = f(indices);",
            "2 3",
        ),
        (
            "fs = [y -> y + i for i in range(3)]; out = map(fs[0], indices);",
            "0 1",
        ),
        (
            "def adder(n) { return y -> y + n; } a = adder(1); b = adder(10); out = map(a, map(b, indices));",
            "11 12",
        ),
        (
            "def f(n) { def g(k) { return 0 if k == 0 else k + g(k - 1); } return g(n); } out = indices + f(4);",
            "10 11",
        ),
    ] {
        assert_eq!(run(source, "a b"), output, "{source}");
    }
    assert!(
        report("def f(x) { inner = x; return inner; } out = f(indices) + inner;")
            .contains("there is no name `inner`")
    );
}
