//! What Tracr's construction is known not to hold exactly, beyond what the interpreter
//! [doubts](crate::rasp::doubts): each limit, with the inputs on which it may show.
//!
//! A limit is no error: of most inputs that meet one, the model says what the program says. Where
//! [`verify`](super::verify) finds a difference, it is the reason to name. Found by random programs,
//! which are compared with their models on every input that meets none (`tests/program_property.rs`
//! and the fuzz target `compiled`).

use std::fmt;

use crate::compiler::Options;
use crate::compiler::craft::attention::COLDNESS;
use crate::compiler::inference::{Inferred, infer};
use crate::compiler::program::{OpId, OpKind, Program};
use crate::model::{Metadata, Value};
use crate::rasp::graph::{Function, Graph, Kind, NodeId};
use crate::rasp::interpreter::{Run, describe};
use crate::rasp::python::{
    arithmetic::{Number, number},
    equal, repr,
};

/// What must hold of values that are read by a threshold.
const NOISE: f64 = 1e-3;
/// The error that weights on what is not selected may bring into a number: below [`NOISE`], as
/// several heads may follow each other.
const LEAK: f64 = 1e-4;
/// Keys of more values than this soften attention so much that features show it.
const MAX_KEY_SIZE: usize = 60;
/// The same for numbers, which thresholds read.
const MAX_KEY_SIZE_OF_NUMBERS: usize = 30;
/// The two biases of a threshold differ by 1; beyond this, in float32, they may not.
const LARGEST_BIAS: f64 = 16_777_216.0;

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
    /// A map of numbers maps the 0 that it finds at BOS, and a selector's keys hold what it gives.
    KeysAtBos,
    /// The same under an aggregate that selects nothing.
    DefaultAtBos,
    /// A map of numbers is a staircase over the values that it knows, and this is not one of them.
    Staircase,
    /// A step of that staircase at a number where float32 holds no step as narrow.
    LargeThreshold,
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
            Self::KeysAtBos => {
                f.write_str("has keys that hold a value at BOS, which may be selected too")
            }
            Self::DefaultAtBos => f.write_str(
                "selects nothing at some position and gives there what a map of numbers left at BOS",
            ),
            Self::Staircase => f.write_str(
                "is a staircase over the numbers it may get, and takes one that it gets here for another",
            ),
            Self::LargeThreshold => write!(
                f,
                "is a staircase with a step at a number so large that float32 does not hold it \
                 (times mlp_exactness, 2^24 at most)"
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
            clean,
        })
    }

    /// The first limit that this run meets.
    pub fn met(&self, run: &Run) -> Option<Limit> {
        let of_an_operator = self.program.order.iter().find_map(|id| {
            Some(Limit {
                node: Some(self.program.op(*id).node),
                reason: self.of(*id, run)?,
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
                let mut numbers = values(id).iter().filter_map(number);
                numbers
                    .any(|x| x.float() < 0.0)
                    .then_some(Reason::BelowZero)
            }
            OpKind::Map { inner, f } if f.text.contains("str(") => self.retyped(*inner, run),
            OpKind::SequenceMap { first, second, f } if f.text.contains("str(") => self
                .retyped(*first, run)
                .or_else(|| self.retyped(*second, run)),
            _ => None,
        }
    }

    /// Why the staircase of `f` may not have `f(x)` at `x`.
    fn misstepped(&self, id: OpId, inner: OpId, f: &Function, value: &Value) -> Option<Reason> {
        let Some(x) = number(value).map(Number::float) else {
            return Some(Reason::Staircase);
        };
        let table = &self.inferred.tables[id.0].results;
        let known: Vec<(f64, usize)> = self
            .inferred
            .numbers(inner)
            .into_iter()
            .zip(table)
            .filter_map(|(x, place)| Some((x, (*place)?)))
            .collect();
        let mut step = 0;
        for (i, pair) in known.windows(2).enumerate() {
            let threshold = f64::midpoint(pair[0].0, pair[1].0);
            if x > threshold - 1.0 / self.exactness - NOISE && x < threshold + NOISE {
                return Some(Reason::Staircase);
            }
            if x >= threshold {
                if self.exactness * threshold.abs() >= LARGEST_BIAS {
                    return Some(Reason::LargeThreshold);
                }
                step = i + 1;
            }
        }
        let expected = (f.call)(std::slice::from_ref(value));
        let found = known
            .get(step)
            .map(|(_, place)| &self.inferred.set(id).values()[*place]);
        let same = matches!((expected, found), (Ok(a), Some(b)) if equal(&a, b));
        (!same).then_some(Reason::Staircase)
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
    let error = metadata.max_seq_len as f64 * leak(key_size, 1.0) * largest;
    (key_size > hard || error > LEAK).then_some(Reason::SoftAttention { key_size })
}
