//! What a source means: its operators, labels and output, and where its values are in doubt.

use std::path::Path;

use tracr::model::Value;
use tracr::rasp::doubts::Reason;
use tracr::rasp::graph::{Encoding, Kind};
use tracr::rasp::interpreter::{self, EvalError};
use tracr::rasp::{self, Options, Program};

fn program(source: &str) -> Program {
    with(source, &Options::default())
}

fn with(source: &str, options: &Options) -> Program {
    rasp::compile_source("test.rasp", source, options)
        .unwrap_or_else(|e| panic!("{source}\n{}", rasp::render(&e)))
}

/// The operators that the output depends on, primitives and selectors left out, in order.
fn operators(source: &str) -> Vec<String> {
    let program = program(source);
    let used = interpreter::reachable(&program.graph, program.output);
    let nodes = program.graph.nodes.iter().zip(used);
    nodes
        .filter(|(node, used)| *used && !matches!(node.kind, Kind::Tokens | Kind::Indices))
        .map(|(node, _)| match &node.kind {
            Kind::Map { f, .. } | Kind::SequenceMap { f, .. } => {
                format!("{} {}", node.kind.default_name(), f.text)
            }
            Kind::Select { predicate, .. } => format!("select {}", predicate.text),
            kind => kind.default_name().to_owned(),
        })
        .collect()
}

fn ints(values: &[i64]) -> Vec<Value> {
    values.iter().copied().map(Value::Int).collect()
}

#[test]
fn operator_is_one_node() {
    let map = |text: &str| vec![format!("map {text}")];
    assert_eq!(operators("out = tokens == \"a\";"), map("x == \"a\""));
    assert_eq!(operators("out = 1 - indices;"), map("1 - x"));
    assert_eq!(operators("out = -indices;"), map("-x"));
    assert_eq!(operators("out = tokens in [1, 2];"), map("x in (1, 2)"));
    assert_eq!(
        operators("out = 1 if tokens == 2 else 0;"),
        map("1 if (x == 2) else 0")
    );
    assert_eq!(operators("out = tokens + indices;"), ["sequence_map x + y"]);
    assert_eq!(
        operators("out = tokens and indices;"),
        ["sequence_map x and y"]
    );
    assert_eq!(
        operators("out = tokens if indices else 0;"),
        ["sequence_map y if x else 0"]
    );
    assert_eq!(
        operators("out = tokens if tokens > 1 else indices;"),
        [
            "map x > 1",
            "sequence_map (x, y)",
            "sequence_map x[1] if x[0] else y"
        ]
    );
    assert_eq!(
        operators("out = sequence_map((x, y, z) -> x + y - z, tokens, tokens, indices);"),
        [
            "sequence_map (x, y)",
            "sequence_map x + (y,)",
            "map (x[0] + x[1]) - x[2]"
        ]
    );
}

#[test]
fn map_of_a_map_is_one_map() {
    assert_eq!(operators("out = 1 + 2 * indices;"), ["map 1 + (2 * x)"]);
    // A name and an encoding in between do not matter, as in Tracr.
    assert_eq!(
        operators("a = numerical(tokens == 1); out = not a;"),
        ["map not (x == 1)"]
    );
    assert_eq!(operators("a = tokens + indices; out = a + 1;").len(), 2);
}

#[test]
fn selectors_combine_into_one_where_tracr_combines_them() {
    let combined = |selector: &str| operators(&format!("out = selector_width({selector});"));
    let same = "select(tokens, tokens, ==)";
    assert_eq!(
        combined(&format!("not {same}")),
        ["select not (k == q)", "selector_width"]
    );
    assert_eq!(
        combined(&format!("{same} and not {same}")),
        ["select (k == q) and (not (k == q))", "selector_width"]
    );
    assert_eq!(
        combined(&format!("{same} or select(tokens, 1, <)")),
        ["select (k == q) or (k < 1)", "selector_width"]
    );
    assert_eq!(
        combined(&format!("{same} and select(indices, indices, <)")),
        [
            "select k == q",
            "select k < q",
            "selector_and",
            "selector_width"
        ]
    );
    // A constant in the place of keys or queries leaves no trace.
    assert_eq!(
        combined("select(tokens, 1, ==)"),
        ["select k == 1", "selector_width"]
    );
    assert_eq!(
        combined("select(1, 1, ==)"),
        ["select 1 == 1", "selector_width"]
    );
}

#[test]
fn numerical_sops_add_linearly() {
    let source = "a = indicator(tokens == 1); b = indicator(tokens == 2); out = a - b;";
    let linear = program(source);
    let node = linear.graph.node(linear.output);
    assert!(
        matches!(
            node.kind,
            Kind::LinearSequenceMap {
                a: 1.0,
                b: -1.0,
                ..
            }
        ),
        "{node:?}"
    );
    assert_eq!(node.encoding, Encoding::Numerical);
    // Not if one of them is categorical.
    assert_eq!(operators("out = indicator(tokens == 1) - tokens;").len(), 2);
}

#[test]
fn aggregate_has_the_default_of_its_encoding() {
    for (sop, default) in [
        ("tokens", Value::None),
        ("indicator(tokens == 1)", Value::Int(0)),
    ] {
        let aggregate = program(&format!(
            "out = aggregate(select(indices, indices, <), {sop});"
        ));
        let Kind::Aggregate { default: ours, .. } = &aggregate.graph.node(aggregate.output).kind
        else {
            panic!("not an aggregate")
        };
        assert_eq!(*ours, default);
    }
}

#[test]
fn assignment_names_and_a_reference_does_not() {
    let label = |source: &str| {
        let program = program(source);
        program.graph.node(program.output).name.clone()
    };
    assert_eq!(label("is_x = tokens == 1;"), "is_x");
    assert_eq!(label("is_x = tokens == 1; y = is_x;"), "is_x");
    assert_eq!(label("is_x = tokens == 1; y = numerical(is_x);"), "y");
    assert_eq!(
        label("def f(s) { inner = s + 1; return inner; } x = f(tokens);"),
        "x"
    );
    assert_eq!(
        label("def f(s) { inner = s + 1; return inner; } _x = f(tokens);"),
        "inner"
    );
    assert_eq!(label("_x = tokens + 1;"), "map");
    assert_eq!(label("_x = named(tokens + 1, \"a b\");"), "a b");
    assert_eq!(label("x = tokens;"), "tokens");
}

#[test]
fn output_is_the_last_assignment_or_the_one_asked_for() {
    let source = "#! output: a\na = indices + 1; b = indices + 2;";
    assert_eq!(program(source).output, program(source).names["a"]);
    let options = Options {
        output: Some("b".into()),
        ..Options::default()
    };
    assert_eq!(
        with(source, &options).output,
        with(source, &options).names["b"]
    );
    let options = Options {
        output: Some("length".into()),
        ..Options::default()
    };
    let length = with(source, &options);
    assert_eq!(length.graph.node(length.output).name, "length");
}

#[test]
fn length_is_that_of_the_options() {
    let source = "#! max_seq_len: 5\nout = indices + max_seq_len;";
    let options = Options {
        max_seq_len: Some(7),
        ..Options::default()
    };
    let program = with(source, &options);
    assert_eq!(program.header.max_seq_len, Some(7));
    let run = interpreter::run(&program.graph, program.output, &ints(&[9]), false).unwrap();
    assert_eq!(run.output(), ints(&[7]));
}

#[test]
fn load_is_relative_to_the_file_that_loads() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("main.rasp", "load \"lib/one\"; out = plus_two(indices);");
    write(
        "lib/one.rasp",
        "load \"two.rasp\"; def plus_two(s) { return plus_one(s) + 1; }",
    );
    // Going round in circles ends.
    write(
        "lib/two.rasp",
        "load \"one\"; def plus_one(s) { return s + 1; }",
    );
    let path = folder.path().join("main.rasp");
    let program = rasp::compile_file(&path, &Options::default())
        .unwrap()
        .unwrap();
    let run = interpreter::run(&program.graph, program.output, &ints(&[0, 0]), false).unwrap();
    assert_eq!(run.output(), ints(&[2, 3]));

    write("lib/two.rasp", "def plus_one(s) { return s + }");
    let report = rasp::render(
        &rasp::compile_file(&path, &Options::default())
            .unwrap()
            .unwrap_err(),
    );
    assert!(
        report.contains("two.rasp") && report.contains("expected an expression"),
        "{report}"
    );
    assert!(rasp::compile_file(Path::new("no/such.rasp"), &Options::default()).is_err());
}

#[test]
fn doubts_note_what_the_compiled_model_may_get_wrong() {
    let doubts = |source: &str, input: &[i64]| {
        let program = program(source);
        let run = interpreter::run(&program.graph, program.output, &ints(input), false).unwrap();
        run.doubts
            .into_iter()
            .map(|doubt| (doubt.position, doubt.reason))
            .collect::<Vec<_>>()
    };
    let all = "aggregate(select(tokens, tokens, true), tokens)";
    let mixes = Reason::Mixes(Value::Int(1), Value::Int(2));
    // Its mean is 2, one of the values, which is why Tracr's validator misses it.
    assert_eq!(
        doubts(&format!("out = {all};"), &[1, 2, 3]),
        [(0, mixes.clone()), (1, mixes.clone()), (2, mixes)]
    );
    assert_eq!(doubts(&format!("out = {all};"), &[2, 2]), []);
    let numerical =
        "out = aggregate(select(indices, indices, <=), numerical(map(x -> x, tokens)));";
    assert_eq!(
        doubts(numerical, &[0, 5, 1]),
        [(1, Reason::NotBinary(Value::Int(5)))]
    );
    assert_eq!(doubts("out = shift_by(1, tokens);", &[1, 2]), []);
    assert_eq!(
        doubts("out = shift_by(1, shift_by(1, tokens));", &[1, 2]),
        [(1, Reason::MovesNone)]
    );
    assert_eq!(
        doubts("out = shift_by(1, tokens) + 1;", &[1, 2]),
        [(0, Reason::MapsNone)]
    );
}

#[test]
fn interpreter_names_expression_and_position_of_an_error() {
    let program = program("inverse = 1 / tokens;");
    let error =
        interpreter::run(&program.graph, program.output, &ints(&[2, 0]), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the map `inverse` (1 / x) has no value at position 2: division of 1 by zero"
    );
    assert!(matches!(error, EvalError::NoValue { position: 1, .. }));
    let long = vec![Value::Int(1); 100_000];
    let error = interpreter::run(&program.graph, program.output, &long, false).unwrap_err();
    assert!(matches!(
        error,
        EvalError::TooLong {
            length: 100_000,
            ..
        }
    ));
}

#[test]
fn aggregate_of_equal_values_is_that_value() {
    let source = "out = aggregate(select(tokens, tokens, ==), tokens);";
    let program = program(source);
    let run = |input: &[Value]| interpreter::run(&program.graph, program.output, input, false);
    let words = ["a", "b", "a"].map(|word| Value::Str(word.into()));
    assert_eq!(run(&words).unwrap().output(), words);
    // Numbers have the mean that Python gives, a float.
    assert_eq!(
        run(&ints(&[2, 2])).unwrap().output(),
        [Value::Float(2.0), Value::Float(2.0)]
    );
    let all = with(
        "out = aggregate(select(tokens, tokens, true), tokens);",
        &Options::default(),
    );
    assert!(interpreter::run(&all.graph, all.output, &words, false).is_err());
}

#[test]
fn causal_selectors_see_nothing_behind_their_query() {
    let program = program("out = selector_width(not select(tokens, tokens, ==));");
    let run = |causal| {
        interpreter::run(&program.graph, program.output, &ints(&[1, 2, 1]), causal)
            .unwrap()
            .output()
            .to_vec()
    };
    assert_eq!(run(false), ints(&[1, 2, 1]));
    assert_eq!(run(true), ints(&[0, 1, 1]));
}
