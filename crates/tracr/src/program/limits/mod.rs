//! What Tracr's construction is known not to hold exactly, beyond what the interpreter
//! [doubts](crate::rasp::doubts): each limit, with the inputs on which it may show.
//!
//! A limit is no error: of most inputs that meet one, the model says what the program says. Where
//! [`verify`](super::verify) finds a difference, it is the reason to name. Found by random programs,
//! which are compared with their models on every input that meets none (`tests/compiler/sources.rs`
//! and the fuzz target `compiled`).

mod reason;
mod staircase;

use crate::compiler::blocks::steps;
use crate::compiler::craft::Dim;
use crate::compiler::craft::attention::COLDNESS;
use crate::compiler::craft::numerical;
use crate::compiler::craft::width::exactness_for;
use crate::compiler::inference::Inferred;
use crate::compiler::program::{Head, OpId, OpKind, Program};
use crate::compiler::{Options, Plan};
use crate::model::{Metadata, Value};
use crate::rasp::graph::{Function, Graph, Kind, NodeId};
use crate::rasp::interpreter::{self, Run};
use crate::rasp::python::{
    arithmetic::{Number, number},
    repr,
};

use reason::leak;
pub use reason::{Limit, Reason};
use staircase::{ERROR, lost, writes};

/// What a number may be off by where it is read.
const NOISE: f64 = 1e-3;
/// Keys of more values than this soften attention so much that features show it.
const MAX_KEY_SIZE: usize = 60;
/// The same for numbers, which thresholds read.
const MAX_KEY_SIZE_OF_NUMBERS: usize = 30;

/// The limits of one compiled program.
#[derive(Debug)]
pub struct Limits<'a> {
    graph: &'a Graph,
    output: NodeId,
    options: &'a Options,
    plan: Plan<'a>,
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
        options: &'a Options,
        metadata: &Metadata,
    ) -> Option<Self> {
        let plan = Plan::new(graph, output, options).ok()?;
        let program = &plan.program;
        let mut clean = vec![true; program.ops.len()];
        for id in &program.order {
            clean[id.0] = match &program.op(*id).kind {
                OpKind::Tokens | OpKind::Indices => true,
                OpKind::Map { inner, .. } => program.op(*inner).is_categorical() && clean[inner.0],
                OpKind::SequenceMap { first, second, .. } => clean[first.0] || clean[second.0],
                OpKind::Linear { first, second, .. } => clean[first.0] && clean[second.0],
                OpKind::Width { selector } => clean[selector.queries.0],
                OpKind::Aggregate { selector, sop } => clean[selector.queries.0] && clean[sop.0],
                OpKind::Filled { inner, width, .. } => clean[inner.0] && clean[width.0],
            };
        }
        Some(Self {
            graph,
            output,
            options,
            soft: soft(&plan, metadata),
            max_seq_len: metadata.max_seq_len,
            key_size: metadata.key_size,
            clean,
            plan,
        })
    }

    /// The first limit that this input meets.
    pub fn met(&self, input: &[Value]) -> Option<Limit> {
        self.all_met(input).into_iter().next()
    }

    /// The limits that this input meets, those of an operator first and in the order of the operators.
    pub fn all_met(&self, input: &[Value]) -> Vec<Limit> {
        let mut limits = Vec::new();
        if let Ok(run) = self.run(input) {
            limits.extend(self.undefined(input, &run));
            limits.extend(self.program().order.iter().filter_map(|id| {
                let reason = self.of(*id, &run)?;
                let of_all = matches!(reason, Reason::SoftAttention { .. });
                let node = self.plan.lowered.origin(self.program().op(*id).node);
                Some(Limit {
                    node: (!of_all).then_some(node),
                    reason,
                })
            }));
        }
        limits.extend(self.soft.map(|reason| Limit { node: None, reason }));
        limits
    }

    /// The first operator that counts: in its thresholds a width's limit shows.
    pub fn width(&self) -> Option<NodeId> {
        let mut ops = self.program().order.iter().map(|id| self.program().op(*id));
        let width = ops.find(|op| {
            matches!(op.kind, OpKind::Width { .. }) && !self.plan.lowered.is_added(op.node)
        })?;
        Some(self.plan.lowered.origin(width.node))
    }

    fn program(&self) -> &Program {
        &self.plan.program
    }

    fn inferred(&self) -> &Inferred {
        &self.plan.inferred
    }

    /// What the operators of the model say.
    fn run(&self, input: &[Value]) -> Result<Run, interpreter::EvalError> {
        let lowered = &self.plan.lowered;
        interpreter::run(&lowered.graph, lowered.output, input, self.options.causal)
    }

    /// Where the program says something, and the operators that it is compiled to do not.
    fn undefined(&self, input: &[Value], run: &Run) -> Option<Limit> {
        if self.plan.lowered.added.is_empty() {
            return None;
        }
        let program = interpreter::run(self.graph, self.output, input, self.options.causal).ok()?;
        let is_same = program.output() == run.output();
        (!is_same).then_some(Limit {
            node: None,
            reason: Reason::UndefinedTuple,
        })
    }

    fn of(&self, id: OpId, run: &Run) -> Option<Reason> {
        let op = self.program().op(id);
        let dirty = |id: OpId| !self.clean[id.0];
        let values = |id: OpId| run.values(self.program().op(id).node);
        match &op.kind {
            OpKind::Aggregate { selector, .. } | OpKind::Width { selector }
                if dirty(selector.keys) =>
            {
                Some(Reason::KeysAtBos)
            }
            OpKind::Width { selector } => {
                // Of one that a default needs, nothing but 0 is read.
                let most = if self.plan.lowered.is_added(op.node) {
                    1
                } else {
                    self.max_seq_len
                };
                self.miscounted(selector, most, run)
            }
            OpKind::Aggregate { sop, .. } if dirty(*sop) => {
                let lowered = &self.plan.lowered.graph;
                let Kind::Aggregate { selector, .. } = &lowered.node(op.node).kind else {
                    return None;
                };
                let nothing = run
                    .selected(*selector)
                    .iter()
                    .any(|row| !row.contains(&true));
                nothing.then_some(Reason::DefaultAtBos)
            }
            OpKind::Map { inner, f } if !self.program().op(*inner).is_categorical() => {
                values(*inner)
                    .iter()
                    .filter(|x| **x != Value::None)
                    .find_map(|x| self.misstepped(id, *inner, f, x))
            }
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
    /// to the sum. Counts above `most` are of no interest.
    fn miscounted(&self, selector: &Head, most: usize, run: &Run) -> Option<Reason> {
        let own_size = 1 + self.inferred().set(selector.keys).len();
        let lost = 2.0 * leak(self.key_size, 0.5);
        let lowered = (-lost * COLDNESS / (own_size as f64).sqrt()).exp();
        let unselected = self.max_seq_len as f64 * leak(own_size, 1.0);
        let counts = run.selected(selector.node).iter().map(|row| {
            let selected = row.iter().filter(|selected| **selected);
            selected.count().min(most)
        });
        counts.filter(|count| *count > 0).find_map(|count| {
            let n = count as f64;
            if exactness_for(count) > self.options.mlp_exactness {
                return Some(Reason::Width { count });
            }
            let above = f64::midpoint(1.0 / (n + 1.0), 1.0 / n) - 1.0 / self.options.mlp_exactness;
            let below = f64::midpoint(1.0 / (n + 1.0), 1.0 / (n + 2.0));
            let sharp = 1.0 / (1.0 + n * lowered) < above && 1.0 / (1.0 + n + unselected) > below;
            (!sharp).then_some(Reason::SoftAttention {
                key_size: self.key_size,
            })
        })
    }

    /// Why the staircase of `f` may not write `f(x)` where its argument is `x` or almost `x`.
    fn misstepped(&self, id: OpId, inner: OpId, f: &Function, value: &Value) -> Option<Reason> {
        let set = self.inferred().set(id);
        let result = (f.call)(std::slice::from_ref(value)).ok();
        let (Some(x), Some(result)) = (number(value).map(Number::float), result) else {
            return Some(Reason::Staircase);
        };
        let is_categorical = self.program().op(id).is_categorical();
        let expected = if is_categorical {
            set.place(&result).map(|place| (Dim(2 + place), 1.0))
        } else {
            number(&result).map(|y| (Dim(2), y.float()))
        };
        let Some(expected) = expected else {
            return Some(Reason::Staircase);
        };
        let outputs: Vec<Dim> = (2..2 + set.len()).map(Dim).collect();
        let (arguments, results) = steps(self.program(), self.inferred(), (id, inner), &outputs);
        let exactness = self.options.mlp_exactness;
        let staircase = numerical::staircase("", Dim(0), Dim(1), exactness, &arguments, &results);
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
        let set = self.inferred().set(id);
        let other = run.values(self.program().op(id).node).iter().any(|value| {
            set.place(value)
                .is_some_and(|place| repr(&set.values()[place]) != repr(value))
        });
        other.then_some(Reason::Retyped)
    }
}

/// Whether attention in this model is so soft that features or numbers show it: a number that is not
/// selected comes in with its weight, from every position.
fn soft(plan: &Plan<'_>, metadata: &Metadata) -> Option<Reason> {
    let Plan {
        program, inferred, ..
    } = plan;
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

#[cfg(test)]
mod tests;
