//! Random programs: the compiled model says what the interpreter says.

use std::cell::RefCell;

use ndarray::Array2;
use tracr::compiler::{self, Options, Reason};
use tracr::model::{CompiledModel, Frozen, Stream, Value};
use tracr::rasp::graph::{Encoding, Graph, Node};
use tracr::rasp::{doubts, interpreter, python as py};

use crate::choices::{choices, runner};
use crate::random::Random;
use crate::random_programs::Generator;
use crate::rasp::{int, string};

/// Attention leaks where many keys soften it (the scores are divided by `√key_size`).
const MAX_KEY_SIZE: usize = 60;
/// Of a number: what a head with that many keys may leak.
const TOLERANCE: f64 = 0.02;
const INPUTS: usize = 12;

#[derive(Default, Debug)]
struct Counts {
    compared: usize,
    inputs: usize,
    positions: usize,
    refused: usize,
    skipped: usize,
    undefined: usize,
}

#[test]
fn graphs_say_the_same_compiled_and_interpreted() {
    let mut runner = runner(500);
    let counts = RefCell::new(Counts::default());
    let result = runner.run(&choices(), |random| {
        check(random, &mut counts.borrow_mut());
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let counts = counts.into_inner();
    println!("{counts:?}");
    let cases = runner.config().cases as usize;
    assert!(
        2 * counts.compared > cases,
        "hardly any program is compared: {counts:?}"
    );
    assert!(counts.positions > 4 * cases, "{counts:?}");
}

fn check(random: Random, counts: &mut Counts) {
    let mut generator = Generator::new(random);
    let steps = 2 + generator.random.below(8);
    for _ in 0..steps {
        if let Some(sop) = generator.step() {
            generator.sops.push(sop);
        }
    }
    let random = &mut generator.random;
    let max_seq_len = 2 + random.below(4);
    let words = 2 + random.below(3);
    let numbers = random.one_in(2);
    let word = |i: usize| {
        if numbers {
            int(i as i64)
        } else {
            string(["a", "b", "c", "d"][i])
        }
    };
    let vocab: Vec<Value> = (0..words).map(word).collect();
    let mut options = Options::new("random", vocab.clone(), max_seq_len);
    options.causal = random.one_in(3);
    options.max_bytes = 64 << 20;

    let (graph, output) = (
        &generator.rasp.graph,
        generator.sops[generator.sops.len() - 1].id,
    );
    let (model, notes) = match compiler::compile(graph, output, &options) {
        Ok(compiled) => compiled,
        Err(error) => {
            let fine = |reason: &Reason| {
                matches!(
                    reason,
                    Reason::NoTokens
                        | Reason::NothingToCompute(_)
                        | Reason::NoValues { .. }
                        | Reason::TooLarge { .. }
                        | Reason::TooMany { .. }
                )
            };
            assert!(error.problems.iter().all(|p| fine(&p.reason)), "{error}");
            counts.refused += 1;
            return;
        }
    };
    // A staircase may go below 0, and heads of numbers other than 0 and 1 are not generated.
    assert!(
        !notes
            .iter()
            .any(|note| note.text.contains("comes out as 0")),
        "{notes:?}"
    );
    let without_default = notes
        .iter()
        .any(|note| note.text.contains("does not tell 0"));
    if model.metadata.key_size > MAX_KEY_SIZE || without_default {
        counts.skipped += 1;
        return;
    }
    counts.compared += 1;
    let frozen = Frozen::<f64>::new(&model);
    for _ in 0..INPUTS {
        let length = 1 + generator.random.below(max_seq_len);
        let input: Vec<Value> = (0..length)
            .map(|_| vocab[generator.random.below(words)].clone())
            .collect();
        let Ok(run) = interpreter::run(graph, output, &input, options.causal) else {
            counts.undefined += 1;
            continue;
        };
        let differs = |doubt: &doubts::Doubt| {
            matches!(
                doubt.reason,
                doubts::Reason::Mixes(..) | doubts::Reason::NotBinary(_)
            )
        };
        if run.doubts.iter().any(differs) {
            counts.undefined += 1;
            continue;
        }
        counts.inputs += 1;
        let said = apply(&model, &frozen, &input);
        for (t, (said, expected)) in said.iter().zip(run.output()).enumerate() {
            let same = match expected {
                Value::None => continue,
                x if graph.node(output).encoding == Encoding::Numerical => {
                    (as_number(said) - as_number(x)).abs() < TOLERANCE
                }
                x => py::equal(said, x),
            };
            counts.positions += 1;
            assert!(
                same,
                "on {input:?} the model says {said} and not {expected} at position {t}\n\
                 {}\n{notes:?}",
                text(graph, &run)
            );
        }
    }
}

/// The graph, and what each node is on the input.
fn text(graph: &Graph, run: &interpreter::Run) -> String {
    let line = |(i, node): (usize, &Node)| {
        let children: Vec<usize> = node.kind.children().iter().map(|child| child.0).collect();
        let (name, encoding) = (node.kind.default_name(), node.encoding);
        format!(
            "{i}: {name} of {children:?}, {encoding:?}: {:?}",
            run.nodes[i]
        )
    };
    graph
        .nodes
        .iter()
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

fn apply(model: &CompiledModel, frozen: &Frozen<f64>, input: &[Value]) -> Vec<Value> {
    let meta = &model.metadata;
    let id = |token| {
        meta.input_vocab
            .iter()
            .position(|known| known == token)
            .unwrap()
    };
    let ids: Vec<usize> = std::iter::once(meta.bos_id)
        .chain(input.iter().map(id))
        .collect();
    let tokens = Array2::from_shape_vec((1, ids.len()), ids).unwrap();
    let output = frozen.forward(Stream::Full, tokens.view()).output;
    (1..output.nrows())
        .map(|t| model.decode(output.row(t)))
        .collect()
}

fn as_number(value: &Value) -> f64 {
    match value {
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Int(i) => *i as f64,
        Value::Float(x) => *x,
        other => panic!("{other} is no number"),
    }
}
