//! RASP programs: the interpreter against Tracr.

use tracr_compress::model::Value;
use tracr_compress::rasp::{self, interpreter};

#[test]
fn smoke() {
    let src =
        "#! vocab: 1, 2, \"3\"\n#! max_seq_len: 5\nout = sort(tokens, tokens, max_seq_len, 1);";
    let p = rasp::compile_source("a.rasp", src, &rasp::Options::default())
        .map_err(|e| rasp::render(&e))
        .unwrap_or_else(|e| panic!("{e}"));
    let run = interpreter::run(
        &p.graph,
        p.output,
        &[Value::Int(2), Value::Int(4), Value::Int(1), Value::Int(2)],
        false,
    )
    .unwrap();
    println!("{:?} {:?}", run.output(), p.header);
    let bad = "x = select(tokens, tokens, =);\ny = foo(tokens)\nz = 3;\n";
    println!(
        "{}",
        rasp::render(&rasp::compile_source("a.rasp", bad, &rasp::Options::default()).unwrap_err())
    );
    let bad = "x = select(tokens, tokens, ==);\ny = foo(tokens);\nz = x + 1; w = aggregat(x, tokens); v = aggregate(tokens); u = shift_by(1, x); t = 1 / 0;\n";
    println!(
        "{}",
        rasp::render(&rasp::compile_source("a.rasp", bad, &rasp::Options::default()).unwrap_err())
    );
}
