//! The examples of `docs/rasp.md` are programs, and they compute what the page says.

use tracr::rasp::{self, Options, interpreter, python};

use crate::support::repository;

/// The fenced blocks of the page: what stands behind the fence, and the text.
fn blocks() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(repository("docs/rasp.md")).unwrap();
    let mut blocks = Vec::new();
    for (i, part) in page.split("```").enumerate() {
        if i % 2 == 1 {
            let (kind, text) = part.split_once('\n').unwrap();
            blocks.push((kind.to_owned(), text.to_owned()));
        }
    }
    blocks
}

#[test]
fn examples_compute_what_they_say() {
    let mut checked = 0;
    for (_, source) in blocks().into_iter().filter(|(kind, _)| kind == "rasp") {
        let program = rasp::compile_source("example.rasp", &source, &Options::default())
            .unwrap_or_else(|e| panic!("{source}\n{}", rasp::render(&e)));
        assert!(
            !program.header.examples.is_empty(),
            "no example in\n{source}"
        );
        for example in &program.header.examples {
            let run = interpreter::run(&program.graph, program.output, &example.input, false)
                .unwrap_or_else(|e| panic!("{source}\n{e}"));
            let ours = run.output();
            assert!(
                ours.iter()
                    .zip(&example.output)
                    .all(|(a, b)| python::equal(a, b)),
                "{source}\ngives {ours:?}"
            );
            checked += 1;
        }
    }
    assert!(checked >= 15, "only {checked} examples");
}

#[test]
fn examples_that_are_wrong_have_the_report_that_follows_them() {
    let blocks = blocks();
    let mut checked = 0;
    for pair in blocks.windows(2).filter(|pair| pair[0].0 == "rasp error") {
        let diagnostics = rasp::compile_source("example.rasp", &pair[0].1, &Options::default());
        assert_eq!(rasp::render(&diagnostics.unwrap_err()), pair[1].1);
        checked += 1;
    }
    assert!(checked > 0);
}
