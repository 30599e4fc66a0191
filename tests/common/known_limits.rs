//! What Tracr's construction is known not to hold exactly, beyond what [`doubts`] says: each limit
//! with the input on which it shows.

use tracr_compress::compiler::Options;
use tracr_compress::compiler::inference::{Inferred, infer};
use tracr_compress::compiler::program::{OpId, OpKind, Program};
use tracr_compress::model::Value;
use tracr_compress::rasp::graph::{Function, Graph, Kind, NodeId};
use tracr_compress::rasp::interpreter::Run;
use tracr_compress::rasp::python::{
    arithmetic::{Number, number},
    equal, repr,
};

/// What must hold of values that are read by a threshold.
const NOISE: f64 = 1e-3;
/// The two biases of a threshold differ by 1; beyond this, in float32, they may not.
const LARGEST_BIAS: f64 = 16_777_216.0;

pub struct Limits<'a> {
    graph: &'a Graph,
    program: Program,
    inferred: Inferred,
    exactness: f64,
    /// Holds nothing at BOS, as heads rely on. A map of numbers maps the 0 that it finds there.
    clean: Vec<bool>,
}

impl<'a> Limits<'a> {
    pub fn new(graph: &'a Graph, output: NodeId, options: &Options) -> Self {
        let program = Program::read(graph, output).unwrap();
        let inferred = infer(&program, options).unwrap();
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
        Self {
            graph,
            program,
            inferred,
            exactness: options.mlp_exactness,
            clean,
        }
    }

    /// The first limit that this run meets.
    pub fn met(&self, run: &Run) -> Option<&'static str> {
        self.program.order.iter().find_map(|id| self.of(*id, run))
    }

    fn of(&self, id: OpId, run: &Run) -> Option<&'static str> {
        let op = self.program.op(id);
        let dirty = |id: OpId| !self.clean[id.0];
        let values = |id: OpId| run.values(self.program.op(id).node);
        match &op.kind {
            OpKind::Aggregate { selector, .. } | OpKind::Width { selector }
                if dirty(selector.keys) =>
            {
                Some("keys hold a value at BOS")
            }
            OpKind::Aggregate { sop, .. } if dirty(*sop) => {
                let Kind::Aggregate { selector, .. } = &self.graph.node(op.node).kind else {
                    return None;
                };
                let nothing = run
                    .selected(*selector)
                    .iter()
                    .any(|row| !row.contains(&true));
                nothing.then_some("the default is what a map of numbers left at BOS")
            }
            OpKind::Map { inner, f } if !self.program.op(*inner).is_categorical() => {
                let mut known = values(*inner).iter().filter(|x| **x != Value::None);
                let wrong = known.any(|x| !self.stepped(id, *inner, f, x));
                wrong.then_some("a map of numbers is a staircase over the values it knows")
            }
            OpKind::Map { .. } if !op.is_categorical() => {
                let mut numbers = values(id).iter().filter_map(number);
                numbers
                    .any(|x| x.float() < 0.0)
                    .then_some("a number below 0 comes out as 0")
            }
            OpKind::Map { inner, f } if f.text.contains("str(") => self.retyped(*inner, run),
            OpKind::SequenceMap { first, second, f } if f.text.contains("str(") => self
                .retyped(*first, run)
                .or_else(|| self.retyped(*second, run)),
            _ => None,
        }
    }

    /// Whether the staircase of `f` has `f(x)` at `x`.
    fn stepped(&self, id: OpId, inner: OpId, f: &Function, value: &Value) -> bool {
        let Some(x) = number(value).map(Number::float) else {
            return false;
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
                return false;
            }
            if x >= threshold {
                if self.exactness * threshold.abs() >= LARGEST_BIAS {
                    return false;
                }
                step = i + 1;
            }
        }
        let expected = (f.call)(std::slice::from_ref(value));
        let found = known
            .get(step)
            .map(|(_, place)| &self.inferred.set(id).values()[*place]);
        matches!((expected, found), (Ok(a), Some(b)) if equal(&a, b))
    }

    /// 1, 1.0 and True are one value, and one feature, but `str` tells them apart.
    fn retyped(&self, id: OpId, run: &Run) -> Option<&'static str> {
        let set = self.inferred.set(id);
        let other = run.values(self.program.op(id).node).iter().any(|value| {
            set.place(value)
                .is_some_and(|place| repr(&set.values()[place]) != repr(value))
        });
        other.then_some("`str` of a value that is equal to another one")
    }
}
