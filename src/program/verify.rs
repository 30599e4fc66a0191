//! Interpreter against compiled model: does the model compute what the program says?
//!
//! The static checks cannot see what depends on the input (a selector that picks two different
//! values for some inputs, a None that meets another operator). So both are run, over the whole
//! input space where that is cheap, over a fixed sample otherwise. Positions where the program is
//! undefined (None) are not compared: whatever the model does there is as good.

use ndarray::Array2;
use rand::{Rng, RngExt};

use crate::inputs::rng::{self, Purpose};
use crate::model::{CompiledModel, Frozen, Stream, Value};
use crate::rasp::graph::{Graph, NodeId};
use crate::rasp::python::arithmetic::{Number, number};
use crate::rasp::{interpreter, python};

/// Multiplications that a check may cost: tens of milliseconds.
const BUDGET: u64 = 40_000_000;
/// At least so many inputs are tried, whatever they cost.
const FEWEST: u64 = 16;
/// Never more than so many.
const MOST: u64 = 4096;
/// Numbers that differ by less than this, relative to the larger or to 1, agree: the compiled
/// model's float32 weights and its softmax leave an error of 1e-6.
pub const TOLERANCE: f64 = 1e-3;

/// An input on which model and program disagree.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The tokens.
    pub input: Vec<Value>,
    /// What the program gives, position by position.
    pub program: Vec<Value>,
    /// What the compiled model gives.
    pub model: Vec<Value>,
    /// Where they disagree, counting from 0.
    pub positions: Vec<usize>,
    /// What the interpreter suspects on this input, in words.
    pub doubt: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Inputs compared.
    pub inputs: u64,
    /// Whether these were all there are.
    pub complete: bool,
    /// Inputs on which they disagree.
    pub different: u64,
    /// The shortest of them, the first one.
    pub example: Option<Difference>,
    /// Inputs on which the program itself fails.
    pub failed: u64,
}

/// Whether two values agree where the program is defined.
pub fn agree(program: &Value, model: &Value) -> bool {
    match (program, model) {
        (Value::None, _) => true,
        (expected, Value::Float(found)) => number(expected)
            .map(Number::float)
            .is_some_and(|x| (x - found).abs() <= TOLERANCE * x.abs().max(1.0)),
        (expected, found) => python::equal(expected, found),
    }
}

/// Runs a program and its compiled model side by side.
pub fn verify(graph: &Graph, output: NodeId, model: &CompiledModel) -> Verdict {
    let frozen = Frozen::<f64>::new(model);
    let inputs = Inputs::of(model);
    let mut verdict = Verdict {
        complete: inputs.complete(),
        ..Verdict::default()
    };
    let mut random = rng::stream(0, Purpose::HeldOut);
    for length in 1..=model.metadata.max_seq_len {
        for number in 0..inputs.count(length) {
            let Some(ids) = inputs.input(length, number, &mut random) else {
                continue;
            };
            let words: Vec<Value> = ids
                .iter()
                .map(|id| model.metadata.input_vocab[*id].clone())
                .collect();
            verdict.inputs += 1;
            let Ok(run) = interpreter::run(graph, output, &words, model.metadata.causal) else {
                verdict.failed += 1;
                continue;
            };
            let expected = run.output();
            let found = outputs(model, &frozen, &ids);
            let positions: Vec<usize> = (0..length)
                .filter(|t| !agree(&expected[*t], &found[*t]))
                .collect();
            if positions.is_empty() {
                continue;
            }
            verdict.different += 1;
            verdict.example.get_or_insert_with(|| Difference {
                doubt: run.doubts.first().map(|doubt| doubt.describe(graph)),
                input: words,
                program: expected.to_vec(),
                model: found,
                positions,
            });
        }
    }
    verdict
}

/// What the compiled model gives for token ids without BOS.
pub fn outputs(model: &CompiledModel, frozen: &Frozen<f64>, ids: &[usize]) -> Vec<Value> {
    let mut tokens = Array2::from_elem((1, ids.len() + 1), model.metadata.bos_id);
    tokens
        .iter_mut()
        .skip(1)
        .zip(ids)
        .for_each(|(token, id)| *token = *id);
    let (_, scores) = frozen.evaluate(Stream::Full, tokens.view());
    scores
        .rows()
        .into_iter()
        .skip(1)
        .map(|row| model.decode(row))
        .collect()
}

/// The inputs to compare on: all sequences of a length if there are few, else a sample of them.
struct Inputs {
    words: Vec<usize>,
    unique: bool,
    /// Inputs of each length that may be tried.
    per_length: u64,
    longest: usize,
}

impl Inputs {
    fn of(model: &CompiledModel) -> Self {
        let meta = &model.metadata;
        let (d, t) = (meta.residual_labels.len() as u64, model.positions() as u64);
        let attention = (meta.num_heads * meta.key_size) as u64;
        let mlp = meta.mlp_hidden_size as u64;
        let layer = t * d * (4 * attention + 2 * mlp) + 2 * t * t * attention;
        let cost = layer.saturating_mul(meta.num_layers.max(1) as u64).max(1);
        let inputs = (BUDGET / cost).clamp(FEWEST, MOST);
        let longest = meta.max_seq_len;
        Self {
            words: meta.word_ids(),
            unique: meta.unique_tokens,
            per_length: (inputs / longest as u64).max(1),
            longest,
        }
    }

    /// How many sequences of this length there are; `None` if beyond counting.
    fn all(&self, length: usize) -> Option<u64> {
        (0..length).try_fold(1u64, |n, position| {
            n.checked_mul(self.choices(position) as u64)
        })
    }

    fn choices(&self, position: usize) -> usize {
        self.words
            .len()
            .saturating_sub(if self.unique { position } else { 0 })
    }

    fn enumerated(&self, length: usize) -> bool {
        self.all(length).is_some_and(|all| all <= self.per_length)
    }

    fn complete(&self) -> bool {
        (1..=self.longest).all(|length| self.enumerated(length))
    }

    fn count(&self, length: usize) -> u64 {
        self.all(length)
            .map_or(self.per_length, |all| all.min(self.per_length))
    }

    /// Input `number` of this length, token ids without BOS.
    fn input(&self, length: usize, number: u64, random: &mut impl Rng) -> Option<Vec<usize>> {
        let enumerated = self.enumerated(length);
        let mut rest = number;
        let mut ids: Vec<usize> = Vec::with_capacity(length);
        for position in 0..length {
            let choices = self.choices(position);
            if choices == 0 {
                return None;
            }
            let choice = if enumerated {
                let digit = rest % choices as u64;
                rest /= choices as u64;
                digit as usize
            } else {
                random.random_range(0..choices)
            };
            let id = self
                .words
                .iter()
                .filter(|id| !self.unique || !ids.contains(id))
                .nth(choice)
                .copied()?;
            ids.push(id);
        }
        Some(ids)
    }
}
