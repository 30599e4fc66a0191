//! What Tracr's construction is known not to hold exactly, beyond what the interpreter
//! [doubts](crate::rasp::doubts): each limit, with the inputs on which it may show.
//!
//! A limit is no error: of most inputs that meet one, the model says what the program says. Where
//! [`verify`](super::verify) finds a difference, it is the reason to name. Found by random programs,
//! which are compared with their models on every input that meets none (`tests/compiler/sources.rs`
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
use crate::rasp::graph::describe;
use crate::rasp::graph::{Function, Graph, Kind, NodeId};
use crate::rasp::interpreter::Run;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::craft::Unit;
    use crate::{compiler, rasp};

    /// A source, compiled.
    struct Bench {
        program: rasp::Program,
        options: Options,
        metadata: Metadata,
    }

    impl Bench {
        /// For the vocabulary 1, 2 and inputs of up to 4 tokens, if the source does not say otherwise.
        fn new(source: &str) -> Self {
            let text = format!("#! vocab: 1, 2\n#! max_seq_len: 4\n{source}\n");
            Self::whole(&text)
        }

        fn whole(text: &str) -> Self {
            let program = rasp::compile_source("p.rasp", text, &rasp::Options::default());
            let program = program.map_err(|reports| rasp::render(&reports)).unwrap();
            let header = &program.header;
            let options = Options::new(
                "p",
                header.vocab.clone().unwrap(),
                header.max_seq_len.unwrap(),
            );
            let compiled = compiler::compile(&program.graph, program.output, &options);
            let metadata = compiled.map_err(|e| e.to_string()).unwrap().0.metadata;
            Self {
                program,
                options,
                metadata,
            }
        }

        fn limits(&self) -> Limits<'_> {
            let graph = &self.program.graph;
            Limits::new(graph, self.program.output, &self.options, &self.metadata).unwrap()
        }

        /// The first limit that an input of numbers meets.
        fn limit(&self, input: &[i64]) -> Option<Limit> {
            let input: Vec<Value> = input.iter().map(|x| Value::Int(*x)).collect();
            let (graph, output) = (&self.program.graph, self.program.output);
            let run = rasp::interpreter::run(graph, output, &input, self.options.causal)
                .ok()
                .unwrap();
            self.limits().met(&run)
        }

        fn met(&self, input: &[i64]) -> Option<Reason> {
            self.limit(input).map(|limit| limit.reason)
        }

        /// The same where the softest head's queries and keys had so many dimensions.
        fn met_with_keys(&mut self, key_size: usize, input: &[i64]) -> Option<Reason> {
            self.metadata.key_size = key_size;
            self.met(input)
        }
    }

    const MEAN: &str = "mean = aggregate(select(indices, indices, <=), indicator(tokens == 1));";

    #[test]
    fn a_limit_is_met_by_the_inputs_that_show_it_and_by_no_others() {
        use Reason::{BelowZero, DefaultAtBos, Float32, KeysAtBos, Retyped, Staircase};
        type Case<'a> = (&'a str, &'a str, &'a [i64], Option<Reason>);
        let cases: [Case<'_>; 22] = [
            (
                "",
                "out = numerical(map(x -> x - 2, tokens));",
                &[1],
                Some(BelowZero),
            ),
            ("", "out = numerical(map(x -> x - 2, tokens));", &[2], None),
            // 2/3 times 3 is 2 only up to rounding.
            (MEAN, "out = map(x -> 3 * x, mean);", &[1, 2], None),
            (
                MEAN,
                "out = map(x -> 3 * x, mean);",
                &[2, 1, 1],
                Some(Staircase),
            ),
            // A number that float32 has, and one that it has not, behind a feature and on its own.
            (
                "",
                "out = numerical(map(x -> 16777216 if x == 1 else 16777217, tokens));",
                &[1],
                None,
            ),
            (
                "",
                "out = numerical(map(x -> 16777216 if x == 1 else 16777217, tokens));",
                &[2],
                Some(Float32),
            ),
            (
                "",
                "out = numerical(map(x -> 0.1 if x == 1 else 2, tokens));",
                &[1],
                None,
            ),
            (
                "",
                "out = map(x -> x - 1, numerical(map(x -> x ^ 24, tokens)) - indicator(tokens == 2));",
                &[1],
                None,
            ),
            (
                "",
                "out = map(x -> x - 1, numerical(map(x -> x ^ 24, tokens)) - indicator(tokens == 2));",
                &[2],
                Some(Float32),
            ),
            // 0.1 loses 1.49e-9 in float32: of 60 000 that is 0.9e-4, of 70 000 more than 1e-4.
            (
                "x = numerical(map(x -> 60000 * x, tokens));",
                "out = linear(x, x, 0.1, 1);",
                &[1],
                None,
            ),
            (
                "x = numerical(map(x -> 70000 * x, tokens));",
                "out = linear(x, x, 0.1, 1);",
                &[1],
                Some(Float32),
            ),
            (
                "x = numerical(map(x -> 70000 * x, tokens));",
                "out = linear(x, x, 1, 0.1);",
                &[1],
                Some(Float32),
            ),
            (
                "x = numerical(map(x -> 70000 * x, tokens));",
                "out = linear(x, x, 0.5, 1);",
                &[1],
                None,
            ),
            // What a map of numbers makes of the 0 at BOS is in the keys, or is not.
            (
                MEAN,
                "low = categorical(map(x -> x < 0.6, mean)); out = selector_width(select(low, low, ==));",
                &[1],
                Some(KeysAtBos),
            ),
            (
                "",
                "out = selector_width(select(tokens, tokens, ==));",
                &[1],
                None,
            ),
            (
                MEAN,
                "low = categorical(map(x -> x < 0.6, mean)); out = selector_width(select(tokens, tokens, ==));",
                &[1],
                None,
            ),
            (
                MEAN,
                "low = numerical(map(x -> 1 if x < 0.3 else 0, mean));
                 out = aggregate(select(indices, indices, (k, q) -> k == q + 1), low);",
                &[1, 2],
                Some(DefaultAtBos),
            ),
            (
                MEAN,
                "low = numerical(map(x -> 1 if x < 0.3 else 0, mean));
                 out = aggregate(select(indices, indices, (k, q) -> k == q), low);",
                &[1, 2],
                None,
            ),
            (
                "",
                "out = aggregate(select(indices, indices, (k, q) -> k == q + 1), indicator(tokens == 1));",
                &[1, 2],
                None,
            ),
            // True, which equals 1.
            (
                "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
                "out = map(x -> str(x), x);",
                &[1, 1],
                Some(Retyped),
            ),
            (
                "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
                "out = map(x -> str(x), x);",
                &[2, 2],
                None,
            ),
            (
                "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);",
                "out = map(x -> x == 2, x);",
                &[1, 1],
                None,
            ),
        ];
        for (before, source, input, expected) in cases {
            let bench = Bench::new(&format!("{before}\n{source}"));
            assert_eq!(bench.met(input), expected, "{before} {source} on {input:?}");
            let of_an_operator = bench.limit(input).map(|limit| limit.node.is_some());
            assert_eq!(of_an_operator, expected.map(|_| true));
        }
    }

    #[test]
    fn a_value_at_bos_passes_through_what_does_not_stop_it() {
        let low = "low = categorical(map(x -> x < 0.6, mean));";
        let number =
            "low = numerical(map(x -> 1 if x < 0.3 else 0, mean)); none = indicator(tokens == 3);";
        let shifted = |sop: &str| {
            format!("out = aggregate(select(indices, indices, (k, q) -> k == q + 1), {sop});")
        };
        let width =
            |keys: &str| format!("keys = {keys}; out = selector_width(select(keys, keys, ==));");
        let (at_bos, default) = (Some(Reason::KeysAtBos), Some(Reason::DefaultAtBos));
        for (before, source, expected) in [
            // A sequence map needs both of its arguments, and nothing is there of the tokens.
            (
                low,
                width("sequence_map((a, b) -> b if a else 0, low, tokens)"),
                None,
            ),
            (
                low,
                width("sequence_map((a, b) -> a if b else 0, tokens, low)"),
                None,
            ),
            // A linear map needs one, whichever it is.
            (number, shifted("linear(low, none, 1, 1)"), default),
            (number, shifted("linear(none, low, 1, 1)"), default),
            (number, shifted("linear(none, none, 1, 1)"), None),
            // An aggregate brings what it selects, for the query that is there.
            (
                low,
                width("aggregate(select(indices, low, (k, q) -> k == 0), tokens)"),
                at_bos,
            ),
            (
                low,
                width("aggregate(select(indices, indices, (k, q) -> k == 0), low)"),
                at_bos,
            ),
            (
                low,
                width("aggregate(select(indices, indices, (k, q) -> k == 0), tokens)"),
                None,
            ),
        ] {
            let bench = Bench::new(&format!("{MEAN}\n{before}\n{source}"));
            assert_eq!(bench.met(&[1, 2]), expected, "{source}");
        }
    }

    #[test]
    fn a_staircase_needs_a_thousandth_around_its_numbers() {
        // Between two numbers stands a threshold, and the step to it begins 1/100 before: at the lower number's
        // 1.001 if they are 0.022 apart, and at the upper one's own if they are 0.002 apart.
        let met = |upper: f64, token: i64| {
            let numbers = format!("numerical(map(t -> 1 if t == 1 else {upper}, tokens))");
            let sum = format!("x = linear({numbers}, indicator(tokens == 3), 1, 1);");
            Bench::new(&format!("{sum}\nout = map(v -> 2 * v, x);")).met(&[token])
        };
        assert_eq!(
            (met(1.0219, 1), met(1.0221, 1)),
            (Some(Reason::Staircase), None)
        );
        assert_eq!((met(1.0219, 2), met(1.0221, 2)), (None, None));
        assert_eq!(met(1.0015, 2), Some(Reason::Staircase));
        // One result for all numbers.
        let constant = Bench::new(&format!("{MEAN}\nout = map(x -> 7, mean);"));
        assert_eq!(constant.met(&[1, 2]), None);
    }

    #[test]
    fn a_sequence_map_of_texts_retypes_either_of_its_arguments() {
        let mixed = "x = sequence_map((a, b) -> a == 1 if b == 0 else a, tokens, indices);";
        for arguments in ["x, tokens", "tokens, x"] {
            let bench = Bench::new(&format!(
                "{mixed}\nout = sequence_map((a, b) -> str(a) + str(b), {arguments});"
            ));
            assert_eq!(bench.met(&[1, 1]), Some(Reason::Retyped), "{arguments}");
            assert_eq!(bench.met(&[2, 2]), None, "{arguments}");
        }
        let compared = Bench::new(&format!(
            "{mixed}\nout = sequence_map((a, b) -> a == b, x, tokens);"
        ));
        assert_eq!(compared.met(&[1, 1]), None);
    }

    #[test]
    fn a_width_is_exact_up_to_half_of_its_step() {
        // 2·6·7 = 84 and 2·7·8 = 112 beside an exactness of 100.
        let source = "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 0));\n";
        let bench = Bench::whole(source);
        assert_eq!(bench.met(&[1; 6]), None);
        assert_eq!(bench.met(&[1; 7]), Some(Reason::Width { count: 7 }));
        // At 84 the step is as narrow as it may be, and nothing may be soft.
        let with = |mlp_exactness: f64| {
            let mut bench = Bench::whole(source);
            bench.options.mlp_exactness = mlp_exactness;
            bench.met(&[1; 6])
        };
        assert_eq!(with(83.0), Some(Reason::Width { count: 6 }));
        assert_eq!(with(84.0), Some(Reason::SoftAttention { key_size: 4 }));
        assert_eq!(with(85.0), None);
    }

    #[test]
    fn a_width_is_miscounted_where_soft_features_lower_its_scores() {
        let mut bench = Bench::whole(
            "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 0));\n",
        );
        let soft = |key_size| Some(Reason::SoftAttention { key_size });
        // Of n keys, 1/(1 + n·l) has to be below (1/(n + 1) + 1/n)/2 − 1/100, where l is
        // exp(−2·exp(−50/√K)·100/√3). For n = 6 that is K < 31.4, for n = 3 it is K < 57.98.
        assert_eq!(bench.met_with_keys(31, &[1; 6]), None);
        assert_eq!(bench.met_with_keys(32, &[1; 6]), soft(32));
        assert_eq!(bench.met_with_keys(57, &[1; 3]), None);
        assert_eq!(bench.met_with_keys(58, &[1; 3]), soft(58));
        // Of nothing there is nothing to miscount.
        let mut bench = Bench::whole(
            "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, (k, q) -> k > 2));\n",
        );
        assert_eq!(bench.met_with_keys(60, &[1; 6]), None);
    }

    #[test]
    fn a_width_is_miscounted_where_much_that_is_not_selected_adds_up() {
        let vocabulary: Vec<String> = (1..=100).map(|x| x.to_string()).collect();
        let vocabulary = vocabulary.join(", ");
        // One of its own: 1/(2 + u) has to be above (1/2 + 1/3)/2, so u below 0.4, where u is T·exp(−100/√101): for T
        // below 8384. For two, 1/(3 + u) above (1/3 + 1/4)/2: u below 0.4286, T below 8982.
        let met = |selector: &str, max_seq_len: usize, input: &[i64]| {
            let width = format!("out = selector_width(select(tokens, tokens, {selector}));");
            let mut bench = Bench::whole(&format!(
                "#! vocab: {vocabulary}\n#! max_seq_len: 2\n{width}\n"
            ));
            bench.metadata.max_seq_len = max_seq_len;
            bench.met_with_keys(1, input)
        };
        let soft = Some(Reason::SoftAttention { key_size: 1 });
        assert_eq!((met("==", 8380, &[5]), met("==", 8390, &[5])), (None, soft));
        assert_eq!(
            (met("==", 8975, &[5, 5]), met("==", 8990, &[5, 5])),
            (None, soft)
        );
        // Of nothing there is nothing to miscount.
        assert_eq!(met("(k, q) -> k > 200", 8990, &[5]), None);
    }

    #[test]
    fn attention_is_soft_from_a_key_size_of_61_or_of_31_with_numbers() {
        let soft = |key_size| {
            Some(Limit {
                node: None,
                reason: Reason::SoftAttention { key_size },
            })
        };
        for (source, hard) in [
            ("out = map(x -> x == 1, tokens);", 60),
            ("out = numerical(map(x -> x == 1, tokens));", 30),
        ] {
            let mut bench = Bench::new(source);
            for (key_size, expected) in [(hard, None), (hard + 1, soft(hard + 1))] {
                bench.metadata.key_size = key_size;
                assert_eq!(bench.limit(&[1]), expected, "{source} {key_size}");
            }
        }
    }

    #[test]
    fn attention_is_soft_where_large_numbers_lose_a_thousandth() {
        // A key size of 30 leaves exp(−50/√30) = 1.085e-4 on BOS: of 9 that is 0.98e-3, of 10 more than 1e-3.
        let of = |number: i64| {
            let source = format!("out = numerical(map(x -> {number} if x == 1 else 1, tokens));");
            Bench::new(&source).met_with_keys(30, &[1])
        };
        let soft = Some(Reason::SoftAttention { key_size: 30 });
        assert_eq!((of(9), of(10)), (None, soft));
        assert_eq!(
            (of(-9), of(-10)),
            (Some(Reason::BelowZero), Some(Reason::BelowZero))
        );
    }

    #[test]
    fn attention_is_soft_where_many_numbers_add_a_ten_thousandth() {
        // And exp(−100/√30) = 1.1773e-8 on each of T positions: of 8 that is 0.96e-4 for 1020 of them.
        let mut bench = Bench::new("out = numerical(map(x -> 8 if x == 1 else 1, tokens));");
        let mut of = |max_seq_len| {
            bench.metadata.max_seq_len = max_seq_len;
            bench.met_with_keys(30, &[1])
        };
        let soft = Some(Reason::SoftAttention { key_size: 30 });
        assert_eq!((of(1020), of(1100)), (None, soft));
    }

    #[test]
    fn a_factor_that_loses_a_ten_thousandth_exactly_is_held() {
        // 1 + 2^-25 is 1 in float32. 3355.4432 is 1e-4 times 2^25, in float64, too.
        let met = |number: f64| {
            Bench::new(&format!(
                "x = numerical(map(x -> {number} * x, tokens)); out = linear(x, x, 1.0000000298023224, 1);"
            ))
            .met(&[1])
        };
        assert_eq!(lost(1.000_000_029_802_322_4) * 3355.4432, ERROR);
        assert_eq!((met(3355.4432), met(3356.0)), (None, Some(Reason::Float32)));
    }

    #[test]
    fn a_width_between_two_thresholds_is_told_from_neither() {
        // With a key size of 1 the head gives 1/2 for one, and beside an exactness of 4 its threshold is 3/4 − 1/4.
        let one = "#! vocab: 1, 2\n#! max_seq_len: 12\nout = selector_width(select(tokens, tokens, ==));\n";
        let with = |mlp_exactness: f64| {
            let mut bench = Bench::whole(one);
            bench.options.mlp_exactness = mlp_exactness;
            bench.met_with_keys(1, &[1])
        };
        let soft = Some(Reason::SoftAttention { key_size: 1 });
        assert_eq!((with(4.0), with(4.01)), (soft, None));
        // What is not selected brings T·exp(−100/√7) to the sum. If that is 0.4, the head gives (1/2 + 1/3)/2.
        let mut bench = Bench::whole(
            "#! vocab: 1, 2, 3, 4, 5, 6\n#! max_seq_len: 2\nout = selector_width(select(tokens, tokens, ==));\n",
        );
        let each = leak(7, 1.0);
        let head = |positions: usize| 1.0 / (2.0 + positions as f64 * each);
        let [below, at] = [0.399, 0.4 + 4.4e-16].map(|sum: f64| (sum / each).round() as usize);
        assert_eq!(head(at), f64::midpoint(1.0 / 2.0, 1.0 / 3.0));
        let mut met = |max_seq_len: usize| {
            bench.metadata.max_seq_len = max_seq_len;
            bench.met_with_keys(1, &[5])
        };
        assert_eq!((met(below), met(at)), (None, soft));
    }

    #[test]
    fn attention_is_not_soft_where_numbers_lose_or_add_as_much_as_they_may() {
        // A key size of 4 leaves exp(−25) on BOS and exp(−50) on each of T positions. The number is another token's,
        // so that no operator has it.
        let met = |number: f64, max_seq_len: usize| {
            let source = format!("out = numerical(map(x -> {number:?} if x == 2 else 1, tokens));");
            let mut bench = Bench::new(&source);
            bench.metadata.max_seq_len = max_seq_len;
            bench.met_with_keys(4, &[1])
        };
        // A number whose product with a factor is a value, and the next one whose product is larger.
        let around = |factor: f64, value: f64| {
            let first = (value / factor).next_down().next_down();
            let near = std::iter::successors(Some(first), |x| Some(x.next_up()))
                .take(8)
                .collect::<Vec<f64>>();
            let at = near.iter().find(|x| factor * **x == value).unwrap();
            let above = near.iter().find(|x| factor * **x > value).unwrap();
            (*at, *above)
        };
        let soft = Some(Reason::SoftAttention { key_size: 4 });
        let (at, above) = around(leak(4, 0.5), NOISE);
        assert_eq!((met(at, 4), met(above, 4)), (None, soft));
        let many = 1 << 34;
        let (at, above) = around(many as f64 * leak(4, 1.0), ERROR);
        assert_eq!((met(at, many), met(above, many)), (None, soft));
    }

    #[test]
    fn a_limit_is_described_with_its_operator_and_its_numbers() {
        let bench = Bench::new("out = numerical(map(x -> x - 2, tokens));");
        let limit = bench.limit(&[1]).unwrap();
        let graph = &bench.program.graph;
        assert_eq!(
            limit.describe(graph),
            "the map `out` (x - 2) gives a number below 0, of which the model makes 0"
        );
        let of = |reason| Limit { node: None, reason }.describe(graph);
        // exp(−100/3) and exp(−50/3).
        let soft = of(Reason::SoftAttention { key_size: 9 });
        assert!(
            soft.contains("a key size of 9")
                && soft.contains("leaves 3e-15 of")
                && soft.contains("and 6e-8 on BOS"),
            "{soft}"
        );
        let width = of(Reason::Width { count: 10 });
        assert!(
            width.contains("counts 10") && width.contains("from 9 with an mlp_exactness of 220"),
            "{width}"
        );
    }

    #[test]
    fn what_float32_loses_of_a_number_is_its_distance() {
        assert_eq!(
            (lost(0.5), lost(16_777_217.0), lost(-16_777_217.0)),
            (0.0, 1.0, 1.0)
        );
        approx::assert_relative_eq!(lost(0.1), 1.490_116e-9, max_relative = 1e-6);
    }

    /// Dimensions with their weights.
    type Weights<'a> = &'a [(usize, f64)];

    /// Units of one group that read dimension 0, the number, and 1, which is 1.
    fn group(units: &[(Weights<'_>, Weights<'_>)]) -> Vec<Group> {
        let dims = |list: &[(usize, f64)]| list.iter().map(|(d, w)| (Dim(*d), *w)).collect();
        let units = units.iter().map(|(inputs, outputs)| Unit {
            inputs: dims(inputs),
            outputs: dims(outputs),
        });
        vec![Group {
            name: "g".into(),
            units: units.collect(),
        }]
    }

    #[test]
    fn a_staircase_writes_a_result_within_a_ten_thousandth_and_nothing_elsewhere() {
        // 3x − 1 times 1/2: 2.5 at 2, nothing at 0.
        let stairs = group(&[(&[(0, 3.0), (1, -1.0)], &[(2, 0.5)])]);
        let at = |x: f64, dim: usize, y: f64| writes(&stairs, x, (Dim(dim), y), |w| w);
        assert!(at(2.0, 2, 2.5) && at(2.0, 2, 2.500_095) && at(2.0, 2, 2.499_905));
        assert!(!at(2.0, 2, 2.500_105) && !at(2.0, 2, 2.499_895));
        assert!(at(0.0, 2, 0.0) && !at(0.0, 2, 2.5) && at(1.0 / 3.0, 2, 0.0));
        assert!(!at(2.0, 3, 2.5) && !at(2.0, 3, 0.0));
        // Weights as they are rounded: 2·(3·2 − 1) times 2/2.
        assert!(writes(&stairs, 2.0, (Dim(2), 10.0), |w| 2.0 * w));
        // Two units on one dimension.
        let stairs = group(&[(&[(0, 1.0)], &[(2, 1.0)]), (&[(1, 1.0)], &[(2, -0.25)])]);
        assert!(writes(&stairs, 2.0, (Dim(2), 1.75), |w| w));
    }

    #[test]
    fn a_unit_that_is_not_active_loses_nothing() {
        let stairs = group(&[(&[(0, 1e12), (1, -1e12)], &[(2, 1.0)])]);
        assert!(writes(&stairs, 1.0, (Dim(2), 0.0), |w| w));
    }

    #[test]
    fn a_staircase_of_large_terms_may_lose_a_ten_thousandth_to_rounding() {
        // Four times float64's ε of the terms is 1e-4 where these sum up to 1.126e11.
        let at = |terms: f64, weight: f64| {
            let half = terms / 2.0;
            let stairs = group(&[(&[(0, half), (1, 1.0 - half)], &[(2, weight)])]);
            writes(&stairs, 1.0, (Dim(2), weight), |w| w)
        };
        assert!(at(1.08e11, 1.0) && !at(1.17e11, 1.0));
        assert!(at(0.54e11, 2.0) && !at(0.585e11, 2.0));
        assert!(at(0.54e11, -2.0) && !at(0.585e11, -2.0));
        // Of two units on one dimension together.
        let stairs = |terms: f64| {
            group(&[
                (&[(1, 1.0)], &[(2, terms / 2.0)]),
                (&[(1, 1.0)], &[(2, -terms / 2.0)]),
            ])
        };
        let cancels = |terms: f64| writes(&stairs(terms), 1.0, (Dim(2), 0.0), |w| w);
        assert!(cancels(1.08e11) && !cancels(1.17e11));
    }
}
