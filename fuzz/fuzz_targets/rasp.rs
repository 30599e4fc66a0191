//! RASP: parser, checker and interpreter, on any text.
#![no_main]

use std::path::PathBuf;

use compress_fuzz::{readable, readable_about};
use libfuzzer_sys::fuzz_target;
use tracr::model::Value;
use tracr::rasp::{self, Diagnostic, Program, interpreter, python};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let options = rasp::Options {
        // Nothing is there to be loaded.
        directory: Some(PathBuf::from("/nonexistent")),
        ..rasp::Options::default()
    };
    match rasp::compile_source("fuzz.rasp", &text, &options) {
        Err(reports) => check_reports(&reports),
        Ok(program) => check_program(&program),
    }
});

fn check_reports(reports: &[Diagnostic]) {
    assert!(!reports.is_empty());
    assert!(reports.len() <= 50, "{} reports", reports.len());
    for report in reports {
        readable(&report.message);
        assert!(!report.labels.is_empty(), "{report:?} points nowhere");
        for label in &report.labels {
            let text = &label.file.text;
            // Not only inside, but between two characters.
            assert!(text.get(label.range.clone()).is_some(), "{:?}", label.range);
        }
    }
    // Drawing takes longer than all the rest: some are drawn.
    let first = &reports[0];
    if (first.message.len() + first.labels[0].range.start).is_multiple_of(8) {
        readable_about("fuzz.rasp", &first.render());
    }
}

fn check_program(program: &Program) {
    let own = [
        Value::Int(3),
        Value::Str("a".into()),
        Value::Float(0.5),
        Value::Int(0),
    ];
    let words = program.header.vocab.as_deref().unwrap_or(&own);
    let input: Vec<Value> = words.iter().cycle().take(4).cloned().collect();
    for causal in [false, true] {
        let run = |length: usize| {
            interpreter::run(&program.graph, program.output, &input[..length], causal)
        };
        let whole = match run(input.len()) {
            Ok(whole) => whole,
            Err(error) => {
                readable(&error);
                continue;
            }
        };
        assert_eq!(whole.output().len(), input.len());
        if causal {
            // What comes later changes nothing.
            let part = run(2).expect("a part of what has a value has one");
            for (a, b) in part.output().iter().zip(whole.output()) {
                assert_eq!(python::repr(a), python::repr(b));
            }
        }
    }
}
