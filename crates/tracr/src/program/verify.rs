//! Interpreter against compiled model: does the model compute what the program says?
//!
//! The static checks cannot see what depends on the input (a selector that picks two different
//! values for some inputs, a None that meets another operator). So both are run, over the whole
//! input space where that is cheap, over a fixed sample otherwise. Positions where the program is
//! undefined (None) are not compared: whatever the model does there is as good.
//!
//! Where it is a sample, the interpreter goes through further inputs, and the model through those of
//! them that the interpreter has doubts about.

use ndarray::{Array2, Axis};
use rand::{Rng, RngExt};

use super::mask::{self, Masked};
use crate::model::{CompiledModel, Frozen, Stream, Value};
use crate::rasp::Valid;
use crate::rasp::graph::{Graph, NodeId};
use crate::rasp::interpreter::{self, EvalError, Run};
use crate::rasp::python;
use crate::rasp::python::arithmetic::{Number, number};
use crate::rasp::unselected::Unselected;
use base::rng::{self, Purpose};

/// Multiplications that a check may cost: some milliseconds.
const BUDGET: u64 = 8_000_000;
/// At least so many inputs are tried, whatever they cost.
const FEWEST: u64 = 16;
/// Of a program for long inputs, so many lengths are tried.
const LENGTHS: usize = 16;
/// Never more than so many.
const MOST: u64 = 4096;
/// Pairs of positions that the interpreter may look at for further inputs: milliseconds.
const INTERPRETED: u64 = 1 << 18;
/// So many inputs are drawn for one that is valid.
const TRIES: u64 = 32;
/// Further inputs of one length.
const PER_LENGTH: u64 = 64;
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

impl Difference {
    /// Whether a token occurs twice in the input.
    pub fn has_repeats(&self) -> bool {
        (1..self.input.len()).any(|t| self.input[..t].contains(&self.input[t]))
    }
}

/// A position where the program is undefined because a None reached an operator, and the model
/// gives a value as if it were not.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// The tokens.
    pub input: Vec<Value>,
    /// Counting from 0.
    pub position: usize,
    /// What the model gives there.
    pub model: Value,
    /// Which operator met the None, in words.
    pub doubt: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Inputs compared.
    pub inputs: u64,
    /// Whether these were all there are.
    pub complete: bool,
    /// How many there are, valid or not; none if beyond counting.
    pub all: Option<u64>,
    /// Inputs on which they disagree.
    pub different: u64,
    /// The shortest of them, the first one.
    pub example: Option<Difference>,
    /// Inputs on which the program itself fails, and the first of them with the reason.
    pub failed: u64,
    /// The first of these, and why.
    pub failure: Option<(Vec<Value>, String)>,
    /// The first undefined position at which the model looks defined.
    pub silence: Option<Silence>,
    /// Of a causal model: the first input for which the mask changes what the program computes.
    pub masked: Option<Masked>,
    /// The first aggregate without a default that selects nothing.
    pub unselected: Option<Unselected>,
    /// Inputs with at least two different tokens, and those on which model and program agree.
    varied: u64,
    varied_agree: u64,
}

impl Verdict {
    /// Whether the model is wrong wherever it has anything to tell apart: on every input with at
    /// least two different tokens. Such a program is not compilable at all; one that differs here
    /// and there may be meant for other inputs.
    pub fn is_hopeless(&self) -> bool {
        self.varied > 0 && self.varied_agree == 0
    }
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

/// Runs a program and its compiled model side by side, on valid inputs.
pub fn verify(graph: &Graph, output: NodeId, model: &CompiledModel) -> Verdict {
    let inputs = Inputs::of(model);
    let mut check = Check {
        graph,
        output,
        model,
        frozen: Frozen::new(model),
        verdict: Verdict {
            complete: inputs.complete(),
            all: (1..=inputs.longest)
                .try_fold(0_u64, |sum, length| sum.checked_add(inputs.all(length)?)),
            ..Verdict::default()
        },
    };
    let mut random = rng::stream(0, Purpose::HeldOut);
    for length in inputs.lengths() {
        for number in 0..inputs.count(length) {
            if let Some(ids) = inputs.input(length, number, &mut random) {
                match check.interpreted(&ids) {
                    Ok(run) => check.compare(&ids, &run),
                    Err(e) => check.failed(&ids, &e),
                }
            }
        }
    }
    check.doubtful(&inputs, &mut random);
    check.verdict
}

/// A verification under way.
struct Check<'a> {
    graph: &'a Graph,
    output: NodeId,
    model: &'a CompiledModel,
    frozen: Frozen<f64>,
    verdict: Verdict,
}

impl Check<'_> {
    fn words(&self, ids: &[usize]) -> Vec<Value> {
        let vocab = &self.model.metadata.input_vocab;
        ids.iter().map(|id| vocab[*id].clone()).collect()
    }

    fn interpreted(&self, ids: &[usize]) -> Result<Run, EvalError> {
        let causal = self.model.metadata.causal;
        interpreter::run(self.graph, self.output, &self.words(ids), causal)
    }

    fn failed(&mut self, ids: &[usize], error: &EvalError) {
        let words = self.words(ids);
        self.verdict.inputs += 1;
        self.verdict.varied += u64::from(is_varied(ids));
        self.verdict.failed += 1;
        self.verdict
            .failure
            .get_or_insert_with(|| (words, error.to_string()));
    }

    fn compare(&mut self, ids: &[usize], run: &Run) {
        self.verdict.inputs += 1;
        self.verdict.varied += u64::from(is_varied(ids));
        let expected = run.output();
        if self.model.metadata.causal && self.verdict.masked.is_none() {
            self.verdict.masked =
                mask::changed(self.graph, self.output, &self.words(ids), expected);
        }
        if self.verdict.unselected.is_none() {
            self.verdict.unselected = Unselected::of(self.graph, &self.words(ids), run);
        }
        let scores = scores(self.model, &self.frozen, ids);
        let found: Vec<Value> = scores
            .rows()
            .into_iter()
            .map(|s| self.model.decode(s))
            .collect();
        let looks_defined =
            |t: &usize| expected[*t] == Value::None && !self.model.is_undecided(scores.row(*t));
        if self.verdict.silence.is_none()
            && let Some(doubt) = run.doubts.iter().find(|doubt| doubt.is_of_none())
            && let Some(position) = (0..ids.len()).find(looks_defined)
        {
            self.verdict.silence = Some(Silence {
                input: self.words(ids),
                position,
                model: found[position].clone(),
                doubt: doubt.describe(self.graph),
            });
        }
        let positions: Vec<usize> = (0..ids.len())
            .filter(|t| !agree(&expected[*t], &found[*t]))
            .collect();
        if positions.is_empty() {
            self.verdict.varied_agree += u64::from(is_varied(ids));
            return;
        }
        self.verdict.different += 1;
        if self.verdict.example.is_none() {
            let doubt = run.doubts.first().map(|doubt| doubt.describe(self.graph));
            self.verdict.example = Some(Difference {
                doubt,
                input: self.words(ids),
                program: expected.to_vec(),
                model: found,
                positions,
            });
        }
    }

    /// Beyond the sample: the interpreter costs little and has doubts where a difference is likely,
    /// so it goes through more inputs, and the model only through those that it doubts.
    fn doubtful(&mut self, inputs: &Inputs, random: &mut impl Rng) {
        let operators = interpreter::reachable(self.graph, self.output);
        let operators = operators.into_iter().filter(|used| *used).count() as u64;
        let mut steps = INTERPRETED;
        let mut compared = 0;
        let lengths = (1..=inputs.longest).filter(|length| !inputs.enumerated(*length));
        let lengths: Vec<usize> = lengths.collect();
        for (before, &length) in lengths.iter().enumerate() {
            let cost = (operators * (length as u64).pow(2)).max(1);
            // What short inputs leave of their share is for the longer ones.
            let share = steps / (lengths.len() - before) as u64;
            for number in 0..PER_LENGTH.min(share / cost) {
                steps -= cost;
                let Some(ids) = inputs.input(length, number, random) else {
                    continue;
                };
                if let Ok(run) = self.interpreted(&ids)
                    && !run.doubts.is_empty()
                {
                    self.compare(&ids, &run);
                    compared += 1;
                }
                if compared == FEWEST {
                    return;
                }
            }
        }
    }
}

/// Whether there are at least two different tokens.
fn is_varied(ids: &[usize]) -> bool {
    ids.iter().any(|id| *id != ids[0])
}

/// What the compiled model gives for token ids without BOS.
pub fn outputs(model: &CompiledModel, frozen: &Frozen<f64>, ids: &[usize]) -> Vec<Value> {
    scores(model, frozen, ids)
        .rows()
        .into_iter()
        .map(|row| model.decode(row))
        .collect()
}

/// The unembedded output `[tokens, O]` for token ids without BOS.
fn scores(model: &CompiledModel, frozen: &Frozen<f64>, ids: &[usize]) -> Array2<f64> {
    let mut tokens = Array2::from_elem((1, ids.len() + 1), model.metadata.bos_id);
    tokens
        .iter_mut()
        .skip(1)
        .zip(ids)
        .for_each(|(token, id)| *token = *id);
    let (_, scores) = frozen.evaluate(Stream::Full, tokens.view());
    scores.slice_axis(Axis(0), (1..).into()).to_owned()
}

/// The inputs to compare on: all sequences of a length if there are few, else a sample of them.
struct Inputs {
    words: Vec<usize>,
    unique: bool,
    /// Which of them are valid, if not all, and the tokens by their ids.
    valid: Option<(Valid, Vec<Value>)>,
    /// Inputs of each length that may be tried.
    per_length: u64,
    longest: usize,
}

impl Inputs {
    fn of(model: &CompiledModel) -> Self {
        let meta = &model.metadata;
        let inputs = (BUDGET / model.multiplications()).clamp(FEWEST, MOST);
        let longest = meta.max_seq_len;
        Self {
            words: meta.word_ids(),
            unique: meta.unique_tokens,
            valid: meta
                .valid
                .as_ref()
                .and_then(|text| Valid::parse(text, longest).ok())
                .map(|valid| (valid, meta.input_vocab.clone())),
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

    /// The lengths to try: all, or about [`LENGTHS`] of many, up to the longest.
    fn lengths(&self) -> impl Iterator<Item = usize> + use<> {
        let (longest, step) = (self.longest, self.longest.div_ceil(LENGTHS));
        (1..=longest).filter(move |length| (longest - length).is_multiple_of(step))
    }

    fn complete(&self) -> bool {
        self.longest <= LENGTHS && self.lengths().all(|length| self.enumerated(length))
    }

    fn count(&self, length: usize) -> u64 {
        self.all(length)
            .map_or(self.per_length, |all| all.min(self.per_length))
    }

    /// Input `number` of this length, token ids without BOS; none if that is not valid, or none that was
    /// drawn.
    fn input(&self, length: usize, number: u64, random: &mut impl Rng) -> Option<Vec<usize>> {
        let Some((valid, vocabulary)) = &self.valid else {
            return self.any_input(length, number, random);
        };
        let is_valid = |ids: &Vec<usize>| {
            let words: Vec<Value> = ids.iter().map(|id| vocabulary[*id].clone()).collect();
            valid.holds(&words).unwrap_or(false)
        };
        let tries = if self.enumerated(length) { 1 } else { TRIES };
        (0..tries).find_map(|_| self.any_input(length, number, random).filter(is_valid))
    }

    /// As [`Inputs::input`], valid or not.
    fn any_input(&self, length: usize, number: u64, random: &mut impl Rng) -> Option<Vec<usize>> {
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
