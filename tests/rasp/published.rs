//! The published RASP beside this one: the values of its own tests, and every construct that it has.
//!
//! The values are those of `tests/tgt` and `README.md` of <https://github.com/tech-srl/RASP> at commit
//! 61dde62577589b291db39d192de7d481ce97fdae. The programs are written anew from what its files compute.

use std::path::{Path, PathBuf};

use tracr::model::Value;
use tracr::model::value::quoted;
use tracr::rasp::syntax::header;
use tracr::rasp::{self, Options, interpreter, python};

/// What the published tests ask for.
enum Wanted {
    /// These values, position by position.
    Values(&'static str),
    /// An error there, and here one that says this.
    Error(&'static str),
    /// An error there; here it runs, for this reason.
    Runs(&'static str),
    /// A value there; here it is refused with this sentence.
    Refused(&'static str),
}
use Wanted::{Error, Refused, Runs, Values};

/// A published value: its file, statements, the input's words, what is wanted.
type Row = (&'static str, &'static str, &'static str, Wanted);

/// Its longer programs, in our own words.
const OF_THE_PAPER: &str = "
same = select(tokens, tokens, ==);
first = select(indices, 0, ==);
hist_bos = selector_width(same or first) - 1;
hist_nobos = selector_width(same);
sort_bos = sort(tokens, sequence_map((i, t) -> (i > 0, t), indices, tokens));
seen = selector_width(same and select(indices, indices, <) and not first) > 0;
hist2_bos = selector_width(select(hist_bos, hist_bos, ==) and select(seen, False, ==) and not first);
rank = sequence_map((i, s, n) -> (i > 0, s, -n), indices, seen, hist_bos);
sort_by_most_freq = sort(\"§\" if seen else tokens, rank);
def ptf(pairs) {
    up_to_here = select(indices, indices, <=);
    opens = tokens in [pair[0] for pair in pairs];
    closes = tokens in [pair[1] for pair in pairs];
    opened = selector_width(up_to_here and select(opens, True, ==));
    depth = opened - selector_width(up_to_here and select(closes, True, ==));
    level = depth + 1 if closes else depth;
    turn = selector_width(up_to_here and select(level, level, ==));
    here = sequence_map((x, y) -> (x, y), level, turn);
    before = map(x -> (x[0], x[1] - 1), here);
    opener = aggregate(select(here, before, ==), tokens, \"-\");
    wrong = closes and not ((opener + tokens) in pairs);
    failed = aggregate(up_to_here, indicator(wrong or depth < 0)) > 0;
    return \"F\" if failed else (\"T\" if depth == 0 else \"P\");
}
dyck1_ptf = ptf([\"()\"]);
dyck2_ptf = ptf([\"()\", \"{}\"]);
dyck3_ptf = ptf([\"()\", \"{}\", \"[]\"]);
";

const INDEXED: &str = "d = {\"1\": 1, \"2\": 2, \"3\": 3, \"4\": 5, \"5\": 4};
a = \"qwertyuioplkjhgfdsazxcvbnm\"; b = [5, 8, 2, 9, 4, 7, 5];\n";

const FIVE: &str = "\"1\" \"2\" \"3\" \"4\" \"5\"";

fn rows() -> Vec<Row> {
    let indexing: [(&str, Wanted); 11] = [
        ("map(x -> d[\"4\"], tokens)", Values("5 5 5 5 5")),
        ("d[tokens]", Values("1 2 3 5 4")),
        ("indices + d[4]", Error("the dictionary has no key 4")),
        ("d[indices]", Error("0 is not a key of the dictionary")),
        ("map(x -> a[6], tokens)", Values("u u u u u")),
        ("a[indices]", Values("q w e r t")),
        ("a[indices * 3]", Values("q r u p j")),
        ("tokens[4]", Values("\"5\" \"5\" \"5\" \"5\" \"5\"")),
        ("tokens[indices]", Error("a position is a constant")),
        ("b[indices]", Values("5 8 2 9 4")),
        ("map(x -> b[5], tokens)", Values("7 7 7 7 7")),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for (what, wanted) in indexing {
        rows.push((
            "indexing",
            leaked(format!("{INDEXED}out = {what};")),
            FIVE,
            wanted,
        ));
    }
    let hello = "h e l l o";
    rows.extend([
        ("smol", "out = tokens + \"\";", hello, Values("h e l l o")),
        ("forloop", "a = 3; out = indices * 0 + a;", "x", Values("3")),
        (
            "forloop",
            "a = 3; for i in range(4) { a = a + i; } out = indices * 0 + a;",
            "x",
            Values("9"),
        ),
        (
            "simple_sequences_no_errors",
            "out = indices + 0;",
            hello,
            Values("0 1 2 3 4"),
        ),
        (
            "simple_sequences_no_errors",
            "out = length;",
            hello,
            Values("5 5 5 5 5"),
        ),
        (
            "simple_sequences_no_errors",
            "out = named(map(x -> x, tokens), \"out\");",
            hello,
            Values("h e l l o"),
        ),
        (
            "simple_sequences_no_errors",
            "out = indices+1;",
            hello,
            Values("1 2 3 4 5"),
        ),
        (
            "simple_sequences_no_errors",
            "out = indices*3;",
            hello,
            Values("0 3 6 9 12"),
        ),
        (
            "simple_sequences_no_errors",
            "tokens=tokens_int; out = tokens * 1;",
            "4 7 10",
            Values("4 7 10"),
        ),
        (
            "simple_sequences_no_errors",
            "tokens=tokens_int; out = tokens*indices;",
            "4 7 10",
            Values("0 7 20"),
        ),
        (
            "simple_sequences_no_errors",
            "tokens=tokens_int; out = tokens[0];",
            "4 7 10",
            Values("4 4 4"),
        ),
        (
            "simple_sequences_no_errors",
            "tokens=tokens_str; out = tokens + \"\";",
            "h e l l o \" \" t h e r e",
            Values("h e l l o \" \" t h e r e"),
        ),
        (
            "simple_sequences_no_errors",
            "out = selector_width(select(tokens,tokens,==));",
            "h e l l o \" \" t h e r e",
            Values("2 3 2 2 1 1 1 2 3 1 3"),
        ),
        (
            "simple_sequences_no_errors",
            "out = \"a\" if indices%2==1 else tokens;",
            "h e l l o \" \" t h e r e",
            Values("h a l a o a t a e a e"),
        ),
        (
            "stay_constant",
            "a=4; b=a; a=3; out = indices * 0 + a;",
            "x",
            Values("3"),
        ),
        (
            "stay_constant",
            "a=4; b=a; a=3; out = indices * 0 + b;",
            "x",
            Values("4"),
        ),
        (
            "stay_constant",
            "a=indices; b=a; a=a+1; out = a;",
            hello,
            Values("1 2 3 4 5"),
        ),
        (
            "stay_constant",
            "a=indices; b=a; a=a+1; out = b + 0;",
            hello,
            Values("0 1 2 3 4"),
        ),
        (
            "load_multi_assigns1",
            "a=4; a=a+5; out = indices + a;",
            "x",
            Values("9"),
        ),
        (
            "load_multi_assigns2",
            "a=4; a=a+5; b=3; a=a+b; out = indices + b;",
            "x",
            Values("3"),
        ),
        (
            "load_multi_assigns2",
            "a=4; a=a+5; b=3; a=a+b; out = indices + a;",
            "x",
            Values("12"),
        ),
        (
            "load_multi_assigns3",
            "a,b=4,3; a=a+b; b=b+a; out = indices + a;",
            "x",
            Values("7"),
        ),
        (
            "load_multi_assigns3",
            "c,d=5,6; d=d+c; out = indices + c;",
            "x",
            Values("5"),
        ),
        (
            "load_multi_assigns3",
            "c,d=5,6; d=d+c; out = indices + d;",
            "x",
            Values("11"),
        ),
        (
            "load_multi_assigns3",
            "a,b=4,3; b=b+a; b=8; out = indices + b;",
            "x",
            Values("8"),
        ),
        (
            "simple_assignments",
            "a,b=3,5; out = indices + a;",
            "x",
            Values("3"),
        ),
        (
            "simple_assignments",
            "a,b=3,5; out = indices + b;",
            "x",
            Values("5"),
        ),
        (
            "simple_assignments",
            "c=indices+4; out = c;",
            hello,
            Values("4 5 6 7 8"),
        ),
        (
            "simple_assignments",
            "def foo(a,b) { return a+b,5; } e,f=foo(6,7); out = indices + e;",
            "x",
            Values("13"),
        ),
        (
            "simple_assignments",
            "def foo(a,b) { return a+b,5; } e,f=foo(6,7); out = indices + f;",
            "x",
            Values("5"),
        ),
        (
            "skip_bad_assign",
            "a=g; out = indices;",
            "x",
            Error("there is no name `g`"),
        ),
        (
            "skip_bad_assign",
            "b=a; out = indices;",
            "x",
            Error("there is no name `a`"),
        ),
        (
            "skip_bad_assign",
            "g=3; out = indices + g;",
            "x",
            Values("3"),
        ),
        (
            "skip_bad_assign",
            "g=3; a=g; out = indices + a;",
            "x",
            Values("3"),
        ),
        (
            "skip_bad_assign",
            "g=3; a=g; b=a; out = indices + b;",
            "x",
            Values("3"),
        ),
        (
            "whitespace_okay",
            "out = indices+\n\n4;",
            hello,
            Values("4 5 6 7 8"),
        ),
        (
            "whitespace_okay",
            "out = tokens==tokens\n;",
            hello,
            Values("True True True True True"),
        ),
        (
            "whitespace_okay",
            "out = selector_width(select(\nindices,\n\n\t\tindices,<));",
            hello,
            Values("0 1 2 3 4"),
        ),
        (
            "load_eval",
            "a= indices+4; a(\"hello\"); out = a;",
            hello,
            Refused("a program does not contain its input"),
        ),
        (
            "some_errors",
            "dgsdfsdf;",
            hello,
            Error("there is no name `dgsdfsdf`"),
        ),
        (
            "some_errors",
            "out = 1/tokens;",
            hello,
            Error("1 / \"h\" is not defined for int and str"),
        ),
        (
            "some_errors",
            "1(\"hi\");",
            hello,
            Error("the constant 1 is called like a function"),
        ),
        (
            "some_errors",
            "selector_width(tokens,tokens,==);",
            hello,
            Error("takes 1 argument, not 3"),
        ),
        (
            "some_errors",
            "out = aggregate(full_s,tokens);",
            hello,
            Error("cannot be averaged"),
        ),
        (
            "some_errors",
            "1+\"a\";",
            hello,
            Error("1 + \"a\" is not defined"),
        ),
        ("some_errors", "for in;", hello, Error("expected a name")),
        (
            "some_errors",
            "in 4;",
            hello,
            Error("expected an expression"),
        ),
        (
            "some_errors",
            "range(7)+6;",
            hello,
            Error("is not defined for tuple and int"),
        ),
        (
            "some_errors",
            "if tokens else;",
            hello,
            Error("expected an expression"),
        ),
        (
            "some_errors",
            "tokens;;",
            hello,
            Error("expected an expression"),
        ),
        ("some_errors", ";", hello, Error("expected an expression")),
        (
            "some_errors",
            "d = {}; out = indices + len(d);",
            "x",
            Values("0"),
        ),
        ("some_errors", "if;", hello, Error("expected an expression")),
        (
            "some_errors",
            "tokens_asis([\"a\",3]);",
            hello,
            Error("an s-op is called like a function"),
        ),
        (
            "some_errors",
            "tokens_asis([[1,2]]);",
            hello,
            Error("an s-op is called like a function"),
        ),
    ]);
    let fraction = "my_frac=aggregate(full_s,indicator(tokens==\"e\")); out = my_frac;";
    rows.extend([
        (
            "README",
            "threexindices =3 * indices;",
            hello,
            Values("0 3 6 9 12"),
        ),
        (
            "README",
            "out = indices+indices;",
            hello,
            Values("0 2 4 6 8"),
        ),
        (
            "README",
            "threexindices =3 * indices;",
            "h e y",
            Values("0 3 6"),
        ),
        (
            "README",
            "threexindices =3 * indices;",
            "hi there",
            Values("0 3"),
        ),
        (
            "README",
            "prevs=select(indices,indices,<); out = selector_width(prevs);",
            "h e y",
            Values("0 1 2"),
        ),
        (
            "README",
            "out = selector_width(full_s);",
            "h e y",
            Values("3 3 3"),
        ),
        ("README", fraction, "h e y", Values("1/3 1/3 1/3")),
        (
            "README",
            "out = \"e\" in tokens;",
            "h e y",
            Values("True True True"),
        ),
        (
            "README",
            "vowels = [\"a\",\"e\",\"i\",\"o\",\"u\"]; out = tokens in vowels;",
            "h e y",
            Values("False True False"),
        ),
        (
            "README",
            fraction,
            "a b c d e e e e",
            Values("1/2 1/2 1/2 1/2 1/2 1/2 1/2 1/2"),
        ),
        (
            "README",
            "histogram=selector_width(select(tokens,tokens,==));",
            hello,
            Values("1 1 2 2 1"),
        ),
    ]);
    let numbers = "\n#! vocab: 0, 1, 2\n";
    for (name, values) in [
        ("tokens", "0 1 2"),
        ("tokens_asis", "0 1 2"),
        ("tokens_str", "\"0\" \"1\" \"2\""),
        ("tokens_int", "0 1 2"),
        ("tokens_bool", "False True True"),
        ("tokens_float", "0 1 2"),
        ("indices", "0 1 2"),
        ("length", "3 3 3"),
        ("selector_width(full_s)", "3 3 3"),
    ] {
        let text = format!("{}out = map(x -> x, {name});", numbers.trim_start());
        rows.push(("set_reserved", leaked(text), "0 1 2", Values(values)));
    }
    for name in [
        "tokens_asis",
        "tokens_str",
        "tokens_int",
        "tokens_bool",
        "tokens_float",
        "indices",
    ] {
        rows.push((
            "set_reserved",
            leaked(format!("{name}=6;")),
            "x",
            Error("cannot be assigned"),
        ));
    }
    for name in [
        "True", "False", "if", "else", "not", "and", "or", "def", "return", "for", "in",
    ] {
        let wanted = match name {
            "True" | "False" => "only a name can be assigned to",
            "return" => "`return` outside of a function",
            _ => "expected",
        };
        rows.push((
            "set_reserved",
            leaked(format!("{name}=3;")),
            "x",
            Error(wanted),
        ));
    }
    for name in [
        "out",
        "range",
        "zip",
        "len",
        "get",
        "length",
        "full_s",
        "selector_width",
        "has_focus",
        "count",
        "contains",
        "max",
        "min",
        "average",
        "load_from_location",
        "shift",
        "mark_last_instance",
        "mark_first_instance",
        "select_from_last",
        "select_from_first",
        "sort",
        "select_next_identical",
    ] {
        let text = leaked(format!("{name} = indices + 3;"));
        rows.push((
            "set_reserved",
            text,
            "x",
            Runs("a program's own names hide the prelude's"),
        ));
    }
    for (name, input, values) in [
        (
            "hist_bos",
            "§hiya how are you doing there ey",
            "0 3 2 3 2 6 3 3 1 6 2 2 4 6 3 3 1 6 1 3 2 1 1 6 1 3 4 2 4 6 4 3",
        ),
        (
            "hist_nobos",
            "hiya howdy doodly doo",
            "2 1 3 1 3 2 5 1 4 3 3 4 5 5 4 1 3 3 4 5 5",
        ),
        (
            "sort_bos",
            "§dfgfhfghDVSHRDFHdfsfsfegDGDFHDFG",
            "§ D D D D D F F F G G H H H R S V d d e f f f f f f g g g h h s s",
        ),
        (
            "hist2_bos",
            "§dkdnvdlvnksmncksnsknvkjns",
            "0 2 1 2 1 2 2 4 2 1 1 1 4 1 4 1 1 1 1 1 1 2 1 4 1 1",
        ),
        (
            "sort_by_most_freq",
            "§dnv,dmnvs,alaadslksmvxlmvlskd",
            "§ d v s l m a n , k x § § § § § § § § § § § § § § § § § § §",
        ),
        (
            "dyck1_ptf",
            "()(()())(((())(()(()))))((())((()()))(()))))(())((",
            "P T P P P P P T P P P P P P P P P P P P P P P T P P P P P P P P P P P P P P P P P T F F F F F F F F",
        ),
        (
            "dyck2_ptf",
            "{{({(){}()})}({}){}{}}{(({}(){}))}{}(){}({}(){()(){}}){)()}",
            "P P P P P P P P P P P P P P P P P P P P P T P P P P P P P P P P P T P T P T P T P P P P P P P P P P P P P T P F F F F",
        ),
        (
            "dyck3_ptf",
            "()[](){{}(){}[]}[[]]([]){}()(])[[]]{{}}()[]",
            "P T P T P T P P P P P P P P P T P P P T P P P T P T P T P F F F F F F F F F F F F F F",
        ),
    ] {
        let text = leaked(format!("#! output: {name}\n{OF_THE_PAPER}"));
        rows.push((
            "paper_examples",
            text,
            leaked(letters(input)),
            Values(values),
        ));
    }
    rows
}

/// For a table of references.
fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// An input of single characters, as words.
fn letters(text: &str) -> String {
    let words: Vec<String> = text.chars().map(|c| quoted(&c.to_string())).collect();
    words.join(" ")
}

/// The output, or what is said instead of it.
fn outcome(program: &str, input: &str) -> Result<Vec<Value>, String> {
    let input = header::words(input, false).unwrap();
    let program = rasp::compile_source("published.rasp", program, &Options::default())
        .map_err(|reports| rasp::render(&reports))?;
    let run = interpreter::run(&program.graph, program.output, &input, false);
    Ok(run.map_err(|e| e.to_string())?.output().to_vec())
}

/// The same values of the same kinds; 1.0 is 1 where the published tests show the two alike.
fn same(found: &[Value], wanted: &[Value]) -> bool {
    let kind = |x: &Value| match x {
        Value::Int(_) | Value::Float(_) => "number",
        x => python::type_name(x),
    };
    found.len() == wanted.len()
        && found
            .iter()
            .zip(wanted)
            .all(|(x, y)| python::equal(x, y) && kind(x) == kind(y))
}

#[test]
fn the_published_tests_have_the_same_values_here() {
    let rows = rows();
    let (mut equal, mut others) = (0, Vec::new());
    for (file, program, input, wanted) in &rows {
        let found = outcome(program, input);
        let place = format!("{file}: {program}");
        match (wanted, found) {
            (Values(values), Ok(found)) => {
                let values = header::words(values, false).unwrap();
                assert!(same(&found, &values), "{place}\n{found:?}\n{values:?}");
                equal += 1;
            }
            (Error(reason), Err(text)) => {
                assert!(text.contains(reason), "{place}\n{text}");
                equal += 1;
            }
            (Runs(reason), Ok(_)) => others.push(*reason),
            (Refused(reason), Err(text)) => {
                assert!(text.contains(reason), "{place}\n{text}");
                others.push(*reason);
            }
            (_, found) => panic!("{place}\n{found:?}"),
        }
    }
    assert_eq!(
        (equal, rows.len()),
        (110, 133),
        "docs/rasp.md says how many"
    );
    let hidden = "a program's own names hide the prelude's";
    assert_eq!(
        others.iter().filter(|reason| **reason == hidden).count(),
        22
    );
    assert_eq!(others.len(), 23);
}

#[test]
fn the_files_of_the_published_tests_keep_their_names_to_themselves() {
    // load_nesteds: a file sees neither the names of who loads it nor what begins with `_` elsewhere.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let run = |text: &str| {
        write("main.rasp", text);
        let program = rasp::compile_file(&folder.path().join("main.rasp"), &Options::default());
        program.unwrap().map_err(|reports| rasp::render(&reports))
    };
    write(
        "outer.rasp",
        "a = 3; load \"inner\"; c = b; _a = 4; e = _a; def plus(s) { return s + c; }",
    );
    write("inner.rasp", "b = 7; _b = 8;");
    for (name, value) in [("a", 3), ("b", 7), ("c", 7), ("e", 4), ("f", 10)] {
        let text = format!("f = 10; load \"outer\"; out = indices + {name};");
        let program = run(&text).unwrap();
        let run = interpreter::run(&program.graph, program.output, &[Value::Int(9)], false);
        assert_eq!(run.unwrap().output(), [Value::Int(value)], "{name}");
    }
    for private in ["_a", "_b", "d"] {
        let report = run(&format!("load \"outer\"; out = indices + {private};")).unwrap_err();
        assert!(
            report.contains(&format!("there is no name `{private}`")),
            "{report}"
        );
    }
    // What a loaded function means does not change with names of who loads it.
    let program =
        run("c = 100; _a = 5; load \"outer\"; c = 100; out = plus(indices) + _a;").unwrap();
    let run_of = interpreter::run(&program.graph, program.output, &[Value::Int(9)], false);
    assert_eq!(run_of.unwrap().output(), [Value::Int(12)]);
    write("outer.rasp", "a = f;");
    let report = run("f = 10; load \"outer\"; out = indices;").unwrap_err();
    assert!(report.contains("there is no name `f`"), "{report}");
}

/// Of its `rover.rasp`, the inputs in the order of its examples, each with the answer at every position.
const ROVER: [(&str, &str); 22] = [
    ("a<A,a<A?", "T"),
    ("a<A,a#A?", "F"),
    ("a<A,a<B?", "?"),
    ("a<A,x<A:x<B,a<B?", "T"),
    ("a#A,x#A:x<B,a<B?", "T"),
    ("a<A,x<A:x#B,a<B?", "F"),
    ("a#A,x#A:x#B,a<A?", "F"),
    ("a#B,x<A:x<B,a<A?", "F"),
    ("b#B,x<A:x<B,a<B?", "?"),
    ("x<A:x<B,x#B:x<C,b#B,b<A?", "F"),
    ("x<A:x<B,x#B:x<C,b#B,b<C?", "T"),
    ("a<A,x<A:x<B,x<B:x<C,a<C?", "T"),
    ("a<A,x<A:x<B,x<B:x#C,a<C?", "F"),
    ("a<A,x<A:x<B,x<C:x#B,a<C?", "F"),
    ("a<A,b<A?", "?"),
    ("a<A,a<X:b<X,b<A?", "T"),
    ("a<A,a<X:b#X,b<A?", "F"),
    ("a#A,a#X:b<X,b<A?", "T"),
    ("a#A,a#X:b#X,b<A?", "F"),
    ("a#A,b<X:a<X,b<A?", "F"),
    ("a<A,a<X:b<X,b<X:c<X,c<A?", "T"),
    ("a<A,a<X:b<X,x<A:x<C,b<C?", "T"),
];

#[test]
#[ignore = "needs a checkout of tech-srl/RASP: RASP_CHECKOUT=/path cargo test --test rasp -- --ignored"]
fn every_file_of_a_checkout_runs_or_is_refused_with_a_sentence() {
    let root = PathBuf::from(std::env::var_os("RASP_CHECKOUT").unwrap());
    let run = |file: &str, output: &str, input: &str| {
        let options = Options {
            output: (!output.is_empty()).then(|| output.to_owned()),
            ..Options::default()
        };
        let program = rasp::compile_file(&root.join(file), &options).unwrap();
        let program = program.map_err(|reports| rasp::render(&reports))?;
        let input = header::words(&letters(input), false).unwrap();
        let run = interpreter::run(&program.graph, program.output, &input, false);
        Ok::<_, String>(run.map_err(|e| e.to_string())?.output().to_vec())
    };
    for (input, answer) in ROVER {
        let answers = vec![Value::Str(answer.into()); input.chars().count()];
        assert_eq!(run("rover.rasp", "", input), Ok(answers.clone()), "{input}");
        assert_eq!(
            run("tests/rasps/rover.rasp", "", input),
            Ok(answers),
            "{input}"
        );
    }
    for (_, program, input, wanted) in rows().iter().filter(|row| row.0 == "paper_examples") {
        let name = program
            .lines()
            .next()
            .unwrap()
            .trim_start_matches("#! output: ");
        let Values(values) = wanted else { panic!() };
        let input: String = header::words(input, false)
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        let found = run("paper_examples.rasp", name, &input).unwrap();
        assert!(
            same(&found, &header::words(values, false).unwrap()),
            "{name}"
        );
    }
    let sum = run("long_addition.rasp", "", "683+345").unwrap();
    assert_eq!(sum, [0, 0, 0, 1, 0, 2, 8].map(Value::Int));
    assert!(run("RASP_support/rasplib.rasp", "length", "hello").is_ok());
    for (file, reason) in [
        (
            "tests/rasps/eval.rasp",
            "a program does not contain its input",
        ),
        (
            "tests/rasps/loadA.rasp",
            "paths are relative to the file that loads",
        ),
        ("tests/rasps/loadB.rasp", "there is no name `f`"),
        (
            "tests/rasps/multi_assigns1.rasp",
            "is the constant 9, but must be an s-op",
        ),
        (
            "tests/rasps/multi_assigns2.rasp",
            "is the constant 12, but must be an s-op",
        ),
        (
            "tests/rasps/multi_assigns3.rasp",
            "is the constant 8, but must be an s-op",
        ),
        (
            "tests/broken_libs/lib/unknown_var.rasp",
            "there is no name `dfgdgdfg`",
        ),
        (
            "tests/broken_libs/lib/other_errors.rasp",
            "expected an expression",
        ),
    ] {
        let report = run(file, "", "hello").unwrap_err();
        assert!(report.contains(reason), "{file}\n{report}");
    }
    assert!(Path::new(&root).join("RASP_support/RASP.g4").is_file());
}
