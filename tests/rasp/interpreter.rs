//! The interpreter against Tracr: the cases of Tracr's `compiler/test_cases.py` as RASP sources in
//! `rasp_cases/`, and what Tracr's evaluators gave on random inputs (`scripts/tracr_cases.py`).

use tracr::model::Value;
use tracr::rasp::{interpreter, python};

use crate::support::{Case, Sample, cases, load, read};

fn run(name: &str, input: &[Value], causal: bool) -> Result<Vec<Value>, String> {
    let program = load(&format!("tests/rasp_cases/{name}.rasp"));
    interpreter::run(&program.graph, program.output, input, causal)
        .map(|run| run.output().to_vec())
        .map_err(|error| error.to_string())
}

#[test]
fn interpreter_gives_the_expected_output_of_every_case_of_tracr() {
    let mut checked = 0;
    for Case {
        name,
        causal,
        input,
        expected,
        ..
    } in cases()
    {
        let (Some(input), Some(expected)) = (input, expected) else {
            continue;
        };
        let ours = run(&name, &input, causal).unwrap_or_else(|e| panic!("{name}: {e}"));
        let equal = ours.len() == expected.len()
            && ours.iter().zip(&expected).all(|(a, b)| python::equal(a, b));
        assert!(
            equal,
            "{name} of {input:?}: {ours:?}, Tracr expects {expected:?}"
        );
        checked += 1;
    }
    assert_eq!(checked, 54);
}

#[test]
fn interpreter_equals_tracrs_evaluators_on_random_inputs() {
    let samples: Vec<Sample> = read("random.json");
    assert!(samples.len() > 500, "only {} inputs", samples.len());
    for Sample {
        name,
        causal,
        input,
        output,
        raises,
    } in samples
    {
        let ours = run(&name, &input.0, causal);
        // Kind by kind: 1, 1.0 and True are told apart.
        let theirs = (!raises).then_some(output.0);
        assert_eq!(
            ours.as_ref().ok(),
            theirs.as_ref(),
            "{name} of {:?}: {ours:?}",
            input.0
        );
    }
}

#[test]
fn cases_have_the_operators_of_tracrs_programs() {
    for Case {
        name,
        operators: mut theirs,
        ..
    } in cases()
    {
        let program = load(&format!("tests/rasp_cases/{name}.rasp"));
        let used = interpreter::reachable(&program.graph, program.output);
        let nodes = program
            .graph
            .nodes
            .iter()
            .zip(used)
            .filter(|(_, used)| *used);
        let mut ours: Vec<(String, String, Option<String>)> = nodes
            .map(|(node, _)| {
                let encoding = format!("{:?}", node.encoding).to_lowercase();
                let encoding = (!node.kind.is_selector()).then_some(encoding);
                (
                    node.kind.default_name().to_owned(),
                    node.name.clone(),
                    encoding,
                )
            })
            .collect();
        // What a selector is called shows nowhere.
        for operators in [&mut ours, &mut theirs] {
            operators
                .iter_mut()
                .filter(|o| o.2.is_none())
                .for_each(|o| o.1.clear());
            operators.sort();
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn cases_have_headers_that_say_what_tracr_says() {
    for Case {
        name,
        causal,
        vocab,
        max_seq_len,
        input,
        expected,
        ..
    } in cases()
    {
        let header = load(&format!("tests/rasp_cases/{name}.rasp")).header;
        assert_eq!(header.vocab, Some(vocab), "{name}");
        assert_eq!(header.max_seq_len, Some(max_seq_len), "{name}");
        // Some cases are run both ways; their header says the first.
        assert!(causal || header.causal.is_none(), "{name}");
        if let (Some(input), Some(expected), false) = (input, expected, causal) {
            let [example] = header.examples.as_slice() else {
                panic!("{name} has no example")
            };
            assert_eq!(example.input, input, "{name}");
            assert!(
                example
                    .output
                    .iter()
                    .zip(&expected)
                    .all(|(a, b)| python::equal(a, b)),
                "{name}"
            );
        }
    }
}
