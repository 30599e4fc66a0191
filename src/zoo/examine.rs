//! What a program has to be to belong to a zoo, found by running it and its compiled model on every input.

use std::collections::HashMap;

use ndarray::{Array2, Axis};
use sha2::{Digest, Sha256};

use super::draft::Draft;
use superposition::baselines::live::LiveFeatures;
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::compiler::{self, Options};
use tracr::model::{CompiledModel, Frozen, OutputKind, Stream, Value};
use tracr::program::verify::agree;
use tracr::rasp::graph::{Encoding, Kind, NodeId};
use tracr::rasp::python::Key;
use tracr::rasp::{self, Program, interpreter};

/// A wider model is given up, since training it takes long: `D` may have this, or [`FEATURES_OF_AN_OPERATOR`] for each operator.
const MOST_FEATURES: usize = 48;
const FEATURES_OF_AN_OPERATOR: usize = 6;
/// The most frequent answer may have this share of all: else nearly every constant would do.
const MOST_OF_ONE_ANSWER: f64 = 0.9;
/// Fewer directions leave no room for three widths.
pub const LEAST_RANK: usize = 4;
/// Inputs that show most of what is wrong with a program before all are run.
const SAMPLE: usize = 24;
/// Inputs through the model at a time.
const BATCH: usize = 64;

/// What is known of a program that belongs to a zoo. Its space: all sequences of `max_seq_len` tokens.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Operators of its graph; selectors, `tokens` and `indices` are none.
    pub operators: usize,
    /// `D`.
    pub width: usize,
    /// `L`.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: usize,
    /// Inputs of the space.
    pub inputs: usize,
    /// Different answers that occur.
    pub answers: usize,
    /// Number or class.
    pub output: OutputKind,
    /// The rank of the visited states in the live features: at that `d` a `W` loses nothing.
    pub rank: usize,
    /// Of the function on its space, up to the names of its tokens and answers.
    pub fingerprint: [u8; 32],
    /// Inputs and outputs as a header writes them.
    pub examples: Vec<String>,
}

/// What a draft's program is, if it belongs to a zoo.
///
/// It compiles. On every input of its space it has a value everywhere, the model gives it, and with no tie. So does the
/// model on shorter inputs, where the program has a value. It depends on the tokens, has several answers, none of which is
/// nearly always right, and no operator that is constant or repeats another one.
pub fn examine(draft: &Draft) -> Option<Facts> {
    let program = rasp::compile_source(
        "draft",
        &draft.text("draft", &[]),
        &rasp::Options::default(),
    );
    let program = program.ok().filter(|program| program.notes.is_empty())?;
    let mut options = Options::new(
        "draft",
        program.header.vocab.clone()?,
        program.header.max_seq_len?,
    );
    options.causal = draft.causal;
    let inputs = sequences(options.vocab.len(), options.max_seq_len);
    let spread = (inputs.len() / SAMPLE).max(1);
    let columns = |inputs: &[Vec<usize>]| Columns::of(&program, &options, inputs);
    let sample: Vec<Vec<usize>> = inputs.iter().step_by(spread).cloned().collect();
    columns(&sample)?.are_different(&program).then_some(())?;
    let report = compiler::report(&program.graph, program.output, &options).ok()?;
    if report.width > MOST_FEATURES.max(FEATURES_OF_AN_OPERATOR * operators(&program)) {
        return None;
    }
    let columns = columns(&inputs)?;
    columns.are_different(&program).then_some(())?;
    let (classes, answers) = columns.classes(program.output)?;
    varies_with_tokens(&classes, options.max_seq_len).then_some(())?;
    let (model, _) = compiler::compile(&program.graph, program.output, &options).ok()?;
    gives(&model, &inputs, columns.of_node(program.output)).then_some(())?;
    for length in 1..options.max_seq_len {
        agrees_on_shorter(&program, &options, &model, length).then_some(())?;
    }
    let space = InputSpace::new(&model, &[options.max_seq_len], false).ok()?;
    let evaluation = EvaluationSet::new(&space, inputs.len());
    let live = LiveFeatures::of(&Frozen::new(&model), &space, &evaluation);
    if live.rank < LEAST_RANK {
        return None;
    }
    let examples = examples(&options, &inputs, columns.of_node(program.output));
    Some(Facts {
        operators: operators(&program),
        width: report.width,
        layers: report.layers,
        heads: report.heads,
        inputs: inputs.len(),
        answers,
        output: model.metadata.output_kind,
        rank: live.rank,
        fingerprint: fingerprint(options.vocab.len(), options.max_seq_len, &classes),
        examples,
    })
}

/// All sequences of `length` tokens out of `tokens`, by their numbers.
fn sequences(tokens: usize, length: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..length {
        all = all
            .into_iter()
            .flat_map(|start: Vec<usize>| {
                (0..tokens).map(move |token| [&start[..], &[token]].concat())
            })
            .collect();
    }
    all
}

/// Operators of the graph that the output depends on.
fn operators(program: &Program) -> usize {
    let used = interpreter::reachable(&program.graph, program.output);
    let nodes = program.graph.nodes.iter().zip(used);
    nodes
        .filter(|(node, used)| *used && is_operator(&node.kind))
        .count()
}

fn is_operator(kind: &Kind) -> bool {
    !kind.is_selector() && !matches!(kind, Kind::Tokens | Kind::Indices | Kind::Full(_))
}

/// What the interpreter gives for every s-op that the output depends on: by node, the values at all positions of all inputs.
struct Columns(HashMap<usize, Vec<Value>>);

impl Columns {
    /// None where the program fails or has no value.
    fn of(program: &Program, options: &Options, inputs: &[Vec<usize>]) -> Option<Self> {
        let used = interpreter::reachable(&program.graph, program.output);
        let nodes: Vec<usize> = (0..used.len())
            .filter(|i| used[*i] && is_operator(&program.graph.nodes[*i].kind))
            .collect();
        let mut columns: HashMap<usize, Vec<Value>> =
            nodes.iter().map(|i| (*i, Vec::new())).collect();
        for input in inputs {
            let words = words(options, input);
            let run = interpreter::run(&program.graph, program.output, &words, options.causal);
            let run = run.ok()?;
            if run.output().contains(&Value::None) {
                return None;
            }
            for (node, column) in &mut columns {
                column.extend_from_slice(run.values(NodeId(*node)));
            }
        }
        Some(Self(columns))
    }

    fn of_node(&self, node: NodeId) -> &[Value] {
        self.0.get(&node.0).map_or(&[], Vec::as_slice)
    }

    /// Whether no operator is constant, and none that lies in the stream in the same way has the values of another one.
    fn are_different(&self, program: &Program) -> bool {
        let mut seen = std::collections::HashSet::new();
        self.0.iter().all(|(node, column)| {
            let classes = numbered(column);
            let form = match program.graph.nodes[*node].encoding {
                Encoding::Categorical => 0,
                Encoding::Numerical => 1,
            };
            classes.iter().any(|class| *class != 0) && seen.insert((form, classes))
        })
    }

    /// The answers as numbers by first occurrence, and how many there are; none if one of them is nearly all.
    fn classes(&self, output: NodeId) -> Option<(Vec<usize>, usize)> {
        let classes = numbered(self.of_node(output));
        let mut counts = vec![0_usize; classes.iter().max()? + 1];
        for class in &classes {
            counts[*class] += 1;
        }
        let most = *counts.iter().max()? as f64;
        let is_mixed = most <= MOST_OF_ONE_ANSWER * classes.len() as f64;
        let answers = counts.len();
        is_mixed.then_some((classes, answers))
    }
}

/// Values as numbers, by first occurrence.
fn numbered(values: &[Value]) -> Vec<usize> {
    let mut known = HashMap::new();
    let number = |value: &Value| {
        let next = known.len();
        *known.entry(Key(value.clone())).or_insert(next)
    };
    values.iter().map(number).collect()
}

/// Whether the answer at some position is not the same for all inputs.
fn varies_with_tokens(classes: &[usize], length: usize) -> bool {
    let first = &classes[..length.min(classes.len())];
    classes.chunks(length).any(|row| row != first)
}

fn words(options: &Options, input: &[usize]) -> Vec<Value> {
    input.iter().map(|id| options.vocab[*id].clone()).collect()
}

/// The token ids of inputs of one length `[n, T]`, BOS first.
fn token_ids(model: &CompiledModel, inputs: &[Vec<usize>]) -> Array2<usize> {
    let length = inputs.first().map_or(0, Vec::len);
    let ids = model.metadata.word_ids();
    Array2::from_shape_fn((inputs.len(), length + 1), |(input, t)| match t {
        0 => model.metadata.bos_id,
        _ => ids[inputs[input][t - 1]],
    })
}

/// Whether the model gives the values, without a tie.
fn gives(model: &CompiledModel, inputs: &[Vec<usize>], expected: &[Value]) -> bool {
    let frozen = Frozen::<f64>::new(model);
    let mut expected = expected.iter();
    inputs.chunks(BATCH).all(|batch| {
        let tokens = token_ids(model, batch);
        let (_, scores) = frozen.evaluate(Stream::Full, tokens.view());
        let positions = tokens.ncols();
        (0..batch.len()).all(|input| {
            let own = input * positions + 1..(input + 1) * positions; // without BOS
            let rows = scores.slice_axis(Axis(0), own.into());
            rows.rows().into_iter().all(|row| {
                let value = expected.next();
                value.is_some_and(|value| agree(value, &model.decode(row)))
                    && !model.is_undecided(row)
            })
        })
    })
}

/// Whether the model gives what the program gives on all inputs of a shorter length, where that is defined.
fn agrees_on_shorter(
    program: &Program,
    options: &Options,
    model: &CompiledModel,
    length: usize,
) -> bool {
    let frozen = Frozen::<f64>::new(model);
    sequences(options.vocab.len(), length).iter().all(|input| {
        let words = words(options, input);
        let run = interpreter::run(&program.graph, program.output, &words, options.causal);
        let ids: Vec<usize> = token_ids(model, std::slice::from_ref(input))
            .iter()
            .skip(1)
            .copied()
            .collect();
        let found = tracr::program::verify::outputs(model, &frozen, &ids);
        run.is_ok_and(|run| {
            run.output()
                .iter()
                .zip(&found)
                .all(|(expected, found)| agree(expected, found))
        })
    })
}

/// Of a function, up to the names of its tokens and answers.
fn fingerprint(tokens: usize, length: usize, classes: &[usize]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for number in [tokens, length].iter().chain(classes) {
        hasher.update((*number as u64).to_le_bytes());
    }
    hasher.finalize().into()
}

/// Inputs that show different answers, with what the program gives.
fn examples(options: &Options, inputs: &[Vec<usize>], outputs: &[Value]) -> Vec<String> {
    let length = options.max_seq_len;
    let mut rows: Vec<(usize, usize)> = (0..inputs.len())
        .map(|input| {
            let row = numbered(&outputs[input * length..(input + 1) * length]);
            (row.into_iter().max().unwrap_or(0), input)
        })
        .collect();
    // The most different outputs in a row, on inputs that are far apart.
    let most = rows.iter().map(|(different, _)| *different).max();
    rows.retain(|(different, _)| Some(*different) == most);
    let far_apart = [rows.first(), rows.get(1..).and_then(<[_]>::last)];
    let shown = |values: &[Value]| {
        let words: Vec<String> = values.iter().map(Value::shown).collect();
        words.join(" ")
    };
    far_apart
        .into_iter()
        .flatten()
        .map(|(_, input)| {
            let output = &outputs[input * length..(input + 1) * length];
            format!(
                "{} -> {}",
                shown(&words(options, &inputs[*input])),
                shown(output)
            )
        })
        .collect()
}
