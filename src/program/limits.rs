//! What Tracr's construction is known not to hold exactly, beyond what the interpreter
//! [doubts](crate::rasp::doubts): each limit, with the inputs on which it may show.
//!
//! A limit is no error: of most inputs that meet one, the model says what the program says. Where
//! [`verify`](super::verify) finds a difference, it is the reason to name. Found by random programs,
//! which are compared with their models on every input that meets none (`tests/program_property.rs`
//! and the fuzz target `compiled`).

use std::collections::BTreeMap;
use std::fmt;

use crate::compiler::Options;
use crate::compiler::blocks::steps;
use crate::compiler::craft::attention::COLDNESS;
use crate::compiler::craft::numerical::staircase;
use crate::compiler::craft::width::exactness_for;
use crate::compiler::craft::{Dim, Group};
use crate::compiler::inference::{Inferred, infer};
use crate::compiler::program::{Head, OpId, OpKind, Program};
use crate::model::{Metadata, Value};
use crate::rasp::graph::{Function, Graph, Kind, NodeId};
use crate::rasp::interpreter::{Run, describe};
use crate::rasp::python::{
    arithmetic::{Number, number},
    repr,
};

/// What a number may be off by where it is read.
const NOISE: f64 = 1e-3;
/// What one block may bring of that, as several follow each other.
const ERROR: f64 = 1e-4;
/// Keys of more values than this soften attention so much that features show it.
const MAX_KEY_SIZE: usize = 60;
/// The same for numbers, which thresholds read.
const MAX_KEY_SIZE_OF_NUMBERS: usize = 30;
/// What a sum in float64 may lose of its terms.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// One limit that an input meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The operator; none for a limit of the whole model.
    pub node: Option<NodeId>,
    /// Which limit.
    pub reason: Reason,
}

/// A limit of the construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Scores are divided by the root of the key size, so that softmax leaves a part of the weight
    /// on what is not selected.
    SoftAttention {
        /// Dimensions of the largest head's queries and keys.
        key_size: usize,
    },
    /// A selector width counts by steps between `1/(n + 1)` and `1/n`, and these are narrower than thresholds.
    Width {
        /// `n`.
        count: usize,
    },
    /// A map of numbers maps the 0 that it finds at BOS, and a selector's keys hold what it gives.
    KeysAtBos,
    /// The same under an aggregate that selects nothing.
    DefaultAtBos,
    /// A map of numbers is a staircase over the values that it knows, and this is not one of them.
    Staircase,
    /// Weights are float32: numbers, thresholds or factors of this size lose digits.
    Float32,
    /// A map gives a number below 0, and ReLU leaves 0 of it.
    BelowZero,
    /// 1, 1.0 and True are one value, and one feature, but `str` tells them apart.
    Retyped,
}

impl Limit {
    /// In words, with the operator.
    pub fn describe(&self, graph: &Graph) -> String {
        match self.node {
            Some(node) => format!("{} {}", describe(graph, node), self.reason),
            None => self.reason.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SoftAttention { key_size } => write!(
                f,
                "attention is soft: with a key size of {key_size} softmax leaves {:.0e} of the weight on each position \
                 that is not selected, and {:.0e} on BOS",
                leak(*key_size, 1.0),
                leak(*key_size, 0.5)
            ),
            Self::Width { count } => write!(
                f,
                "counts {count}, which it tells exactly from {} with an mlp_exactness of {} or more",
                count - 1,
                exactness_for(*count)
            ),
            Self::KeysAtBos => {
                f.write_str("has keys that hold a value at BOS, which may be selected too")
            }
            Self::DefaultAtBos => f.write_str(
                "selects nothing at some position and gives there what a map of numbers left at BOS",
            ),
            Self::Staircase => f.write_str(
                "is a staircase over the numbers it may get, and takes one that it gets here for another",
            ),
            Self::Float32 => f.write_str(
                "has numbers so large, or steps at numbers so large, that float32 weights do not hold them",
            ),
            Self::BelowZero => f.write_str("gives a number below 0, of which the model makes 0"),
            Self::Retyped => f.write_str(
                "makes a string of a value that equals another one: 1, 1.0 and True are one feature",
            ),
        }
    }
}

/// The weight of a score that is lower than the selected one by `below·`[`COLDNESS`].
fn leak(key_size: usize, below: f64) -> f64 {
    (-below * COLDNESS / (key_size as f64).sqrt()).exp()
}

/// The limits of one compiled program.
#[derive(Debug)]
pub struct Limits<'a> {
    graph: &'a Graph,
    program: Program,
    inferred: Inferred,
    exactness: f64,
    max_seq_len: usize,
    key_size: usize,
    soft: Option<Reason>,
    /// Holds nothing at BOS, as heads rely on. A map of numbers maps the 0 that it finds there.
    clean: Vec<bool>,
}

impl<'a> Limits<'a> {
    /// Of the program whose output is `output`, compiled with these options to a model of this
    /// metadata; nothing if it is no such program.
    pub fn new(
        graph: &'a Graph,
        output: NodeId,
        options: &Options,
        metadata: &Metadata,
    ) -> Option<Self> {
        let program = Program::read(graph, output).ok()?;
        let inferred = infer(&program, options).ok()?;
        let mut clean = vec![true; program.ops.len()];
        for id in &program.order {
            clean[id.0] = match &program.op(*id).kind {
                OpKind::Tokens | OpKind::Indices => true,
                OpKind::Map { inner, .. } => program.op(*inner).is_categorical() && clean[inner.0],
                OpKind::SequenceMap { first, second, .. } => clean[first.0] || clean[second.0],
                OpKind::Linear { first, second, .. } => clean[first.0] && clean[second.0],
                OpKind::Width { selector } => clean[selector.queries.0],
                OpKind::Aggregate { selector, sop } => clean[selector.queries.0] && clean[sop.0],
            };
        }
        Some(Self {
            graph,
            soft: soft(&program, &inferred, metadata),
            program,
            inferred,
            exactness: options.mlp_exactness,
            max_seq_len: metadata.max_seq_len,
            key_size: metadata.key_size,
            clean,
        })
    }

    /// The first limit that this run meets.
    pub fn met(&self, run: &Run) -> Option<Limit> {
        let of_an_operator = self.program.order.iter().find_map(|id| {
            let reason = self.of(*id, run)?;
            let of_all = matches!(reason, Reason::SoftAttention { .. });
            Some(Limit {
                node: (!of_all).then_some(self.program.op(*id).node),
                reason,
            })
        });
        of_an_operator.or(self.soft.map(|reason| Limit { node: None, reason }))
    }

    fn of(&self, id: OpId, run: &Run) -> Option<Reason> {
        let op = self.program.op(id);
        let dirty = |id: OpId| !self.clean[id.0];
        let values = |id: OpId| run.values(self.program.op(id).node);
        match &op.kind {
            OpKind::Aggregate { selector, .. } | OpKind::Width { selector }
                if dirty(selector.keys) =>
            {
                Some(Reason::KeysAtBos)
            }
            OpKind::Width { selector } => self.miscounted(selector, run),
            OpKind::Aggregate { sop, .. } if dirty(*sop) => {
                let Kind::Aggregate { selector, .. } = &self.graph.node(op.node).kind else {
                    return None;
                };
                let nothing = run
                    .selected(*selector)
                    .iter()
                    .any(|row| !row.contains(&true));
                nothing.then_some(Reason::DefaultAtBos)
            }
            OpKind::Map { inner, f } if !self.program.op(*inner).is_categorical() => values(*inner)
                .iter()
                .filter(|x| **x != Value::None)
                .find_map(|x| self.misstepped(id, *inner, f, x)),
            OpKind::Map { .. } if !op.is_categorical() => {
                let mut numbers = values(id).iter().filter_map(number).map(Number::float);
                numbers.find_map(|x| match x {
                    _ if x < 0.0 => Some(Reason::BelowZero),
                    _ => (lost(x) > ERROR).then_some(Reason::Float32),
                })
            }
            OpKind::Linear {
                first,
                second,
                a,
                b,
            } => {
                let off = |id: OpId, factor: f64| {
                    let mut numbers = values(id).iter().filter_map(number).map(Number::float);
                    numbers.any(|x| (lost(factor) * x).abs() > ERROR)
                };
                (off(*first, *a) || off(*second, *b)).then_some(Reason::Float32)
            }
            OpKind::Map { inner, f } if f.text.contains("str(") => self.retyped(*inner, run),
            OpKind::SequenceMap { first, second, f } if f.text.contains("str(") => self
                .retyped(*first, run)
                .or_else(|| self.retyped(*second, run)),
            _ => None,
        }
    }

    /// Why a width may be off by one. Its head's output is `1/(n + 1)` if features are 1; what the softest
    /// head leaves of them lowers the scores of keys, but not that of BOS, and what is not selected adds
    /// to the sum.
    fn miscounted(&self, selector: &Head, run: &Run) -> Option<Reason> {
        let own_size = 1 + self.inferred.set(selector.keys).len();
        let lost = 2.0 * leak(self.key_size, 0.5);
        let lowered = (-lost * COLDNESS / (own_size as f64).sqrt()).exp();
        let unselected = self.max_seq_len as f64 * leak(own_size, 1.0);
        let counts = run.selected(selector.node).iter().map(|row| {
            let selected = row.iter().filter(|selected| **selected);
            selected.count()
        });
        counts.filter(|count| *count > 0).find_map(|count| {
            let n = count as f64;
            if exactness_for(count) > self.exactness {
                return Some(Reason::Width { count });
            }
            let above = f64::midpoint(1.0 / (n + 1.0), 1.0 / n) - 1.0 / self.exactness;
            let below = f64::midpoint(1.0 / (n + 1.0), 1.0 / (n + 2.0));
            let sharp = 1.0 / (1.0 + n * lowered) < above && 1.0 / (1.0 + n + unselected) > below;
            (!sharp).then_some(Reason::SoftAttention {
                key_size: self.key_size,
            })
        })
    }

    /// Why the staircase of `f` may not write `f(x)` where its argument is `x` or almost `x`.
    fn misstepped(&self, id: OpId, inner: OpId, f: &Function, value: &Value) -> Option<Reason> {
        let set = self.inferred.set(id);
        let result = (f.call)(std::slice::from_ref(value)).ok();
        let (Some(x), Some(result)) = (number(value).map(Number::float), result) else {
            return Some(Reason::Staircase);
        };
        let is_categorical = self.program.op(id).is_categorical();
        let expected = if is_categorical {
            set.place(&result).map(|place| (Dim(2 + place), 1.0))
        } else {
            number(&result).map(|y| (Dim(2), y.float()))
        };
        let Some(expected) = expected else {
            return Some(Reason::Staircase);
        };
        let outputs: Vec<Dim> = (2..2 + set.len()).map(Dim).collect();
        let (arguments, results) = steps(&self.program, &self.inferred, (id, inner), &outputs);
        let staircase = staircase("", Dim(0), Dim(1), self.exactness, &arguments, &results);
        let around = [x - NOISE, x, x + NOISE];
        let wrong = |round: fn(f64) -> f64| {
            let mut at = around.iter();
            at.any(|x| !writes(&staircase, *x, expected, round))
        };
        if wrong(|weight| weight) {
            Some(Reason::Staircase)
        } else {
            wrong(|weight| f64::from(weight as f32)).then_some(Reason::Float32)
        }
    }

    fn retyped(&self, id: OpId, run: &Run) -> Option<Reason> {
        let set = self.inferred.set(id);
        let other = run.values(self.program.op(id).node).iter().any(|value| {
            set.place(value)
                .is_some_and(|place| repr(&set.values()[place]) != repr(value))
        });
        other.then_some(Reason::Retyped)
    }
}

/// What a weight loses in float32.
fn lost(weight: f64) -> f64 {
    (f64::from(weight as f32) - weight).abs()
}

/// Whether a staircase from dimension 0, with its weights rounded, writes this at `x`, and nothing elsewhere.
fn writes(
    staircase: &[Group],
    x: f64,
    (expected, y): (Dim, f64),
    round: impl Fn(f64) -> f64,
) -> bool {
    // What is still to be written at each dimension, and the terms' size.
    let mut rest = BTreeMap::from([(expected, (y, 0.0))]);
    for unit in staircase.iter().flat_map(|group| &group.units) {
        let (mut sum, mut size) = (0.0, 0.0);
        for (dim, weight) in &unit.inputs {
            let term = round(*weight) * if dim.0 == 0 { x } else { 1.0 };
            sum += term;
            size += term.abs();
        }
        for (dim, weight) in unit.outputs.iter().filter(|_| sum > 0.0) {
            let (rest, terms) = rest.entry(*dim).or_default();
            *rest -= round(*weight) * sum;
            *terms += weight.abs() * size;
        }
    }
    rest.values()
        .all(|(rest, terms)| rest.abs() + ROUNDING * terms <= ERROR)
}

/// Whether attention in this model is so soft that features or numbers show it: a number that is not
/// selected comes in with its weight, from every position.
fn soft(program: &Program, inferred: &Inferred, metadata: &Metadata) -> Option<Reason> {
    let key_size = metadata.key_size;
    let numbers = program
        .order
        .iter()
        .filter(|id| !program.op(**id).is_categorical());
    let largest = numbers
        .clone()
        .flat_map(|id| inferred.numbers(*id))
        .fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let hard = match numbers.count() {
        0 => MAX_KEY_SIZE,
        _ => MAX_KEY_SIZE_OF_NUMBERS,
    };
    let added = metadata.max_seq_len as f64 * leak(key_size, 1.0) * largest;
    let missing = leak(key_size, 0.5) * largest;
    let soft = key_size > hard || added > ERROR || missing > NOISE;
    soft.then_some(Reason::SoftAttention { key_size })
}
