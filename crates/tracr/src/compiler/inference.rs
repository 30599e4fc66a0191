//! Which values each s-op can take, and so which features it gets (Tracr's `basis_inference.py`).
//!
//! A set is an over-estimate built from the children's sets alone: a map's is the image, a sequence
//! map's the image of all pairs, a categorical aggregate's that of what it moves, a width's 0 to
//! `max_seq_len`. A numerical aggregate's is `{v / n}`, which has 1/3 but not 2/3: that is Tracr's,
//! and a map of such an aggregate sees the nearest value of the set.
//!
//! Where a function fails, the value is dropped and noted: no such input is assumed to occur.

use super::dropped::Dropped;
use super::error::{Note, Notes, Problem, Reason};
use super::options::Options;
use super::program::{Op, OpId, OpKind, Program};
use super::values::{ValueSet, is_finite, number};
use crate::model::Value;
use crate::rasp::graph::Function;
use crate::rasp::python::literal;

/// More evaluations of one function than this are refused: they would take minutes.
const MAX_EVALUATIONS: u128 = 1 << 26;

/// What the function of an operator gives, as places in the operator's own set; `None` where it
/// has no value.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// How many second arguments there are; 1 for a map.
    pub seconds: usize,
    /// At `first · seconds + second`.
    pub results: Vec<Option<usize>>,
}

/// The value sets of a program.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// By [`OpId`]; of `tokens` the vocabulary without BOS and PAD.
    pub sets: Vec<ValueSet>,
    /// By [`OpId`]; empty for all but maps, sequence maps and what is filled.
    pub tables: Vec<Table>,
    /// Values dropped.
    pub notes: Notes,
}

impl Inferred {
    /// The s-op's values.
    pub fn set(&self, id: OpId) -> &ValueSet {
        &self.sets[id.0]
    }

    /// How many features the s-op has.
    pub fn dims(&self, op: &Op, id: OpId) -> usize {
        if op.is_categorical() {
            self.set(id).len()
        } else {
            1
        }
    }

    /// The values of a numerical s-op, ascending.
    pub fn numbers(&self, id: OpId) -> Vec<f64> {
        self.set(id).values().iter().filter_map(number).collect()
    }
}

/// Infers all value sets.
///
/// # Errors
/// If an s-op has no values, too many, or values that its encoding cannot hold.
pub fn infer(program: &Program, options: &Options) -> Result<Inferred, Problem> {
    let mut inference = Inference {
        program,
        options,
        inferred: Inferred {
            sets: vec![ValueSet::default(); program.ops.len()],
            tables: vec![Table::default(); program.ops.len()],
            notes: Notes::new(),
        },
        // Every feature is a column of the embeddings.
        features: options.vocab.len() + 2 + options.max_seq_len,
    };
    for id in &program.order {
        inference.infer(*id)?;
    }
    Ok(inference.inferred)
}

struct Inference<'a> {
    program: &'a Program,
    options: &'a Options,
    inferred: Inferred,
    features: usize,
}

impl Inference<'_> {
    fn infer(&mut self, id: OpId) -> Result<(), Problem> {
        let op = self.program.op(id);
        let longest = self.options.max_seq_len;
        let set = match &op.kind {
            OpKind::Tokens => ValueSet::new(self.options.vocab.iter().cloned()),
            OpKind::Indices => ValueSet::new((0..longest as i64).map(Value::Int)),
            OpKind::Width { .. } => ValueSet::new((0..=longest as i64).map(Value::Int)),
            OpKind::Map { inner, f } => {
                let inner = self.inferred.set(*inner).values().to_vec();
                self.check_evaluations(op, inner.len() as u128, f)?;
                self.image(id, &inner, None, f)?
            }
            OpKind::SequenceMap { first, second, f } => {
                let (same, firsts) = (first == second, self.inferred.set(*first).values().to_vec());
                let seconds = self.inferred.set(*second).values().to_vec();
                // Without pairs there is no hidden unit a pair.
                self.check_pairs(op, firsts.len(), seconds.len(), !same)?;
                self.check_evaluations(op, firsts.len() as u128 * seconds.len() as u128, f)?;
                self.image(id, &firsts, Some(&seconds), f)?
            }
            OpKind::Linear {
                first,
                second,
                a,
                b,
            } => {
                let (x, y) = (self.inferred.set(*first), self.inferred.set(*second));
                self.check_pairs(op, x.len(), y.len(), false)?;
                let sums = |x: &Value| {
                    y.values()
                        .iter()
                        .filter_map(|y| linear(*a, x, *b, y))
                        .collect()
                };
                ValueSet::new(x.values().iter().flat_map(|x| -> Vec<Value> { sums(x) }))
            }
            OpKind::Filled { inner, filler, .. } => self.with_filler(id, *inner, filler),
            OpKind::Aggregate { sop, .. } if op.is_categorical() => self.inferred.set(*sop).clone(),
            OpKind::Aggregate { sop, .. } => self.means(id, *sop)?,
        };
        if !op.is_categorical()
            && let Err(value) = set.numbers()
        {
            let (name, value) = (op.name.clone(), literal(value));
            return Err(Reason::NotANumber { name, value }.at(op.node));
        }
        let dims = if op.is_categorical() { set.len() } else { 1 };
        self.features += if op.is_component() { dims } else { 0 };
        self.check_room(op, "values", set.len() as u128, 0)?;
        self.inferred.sets[id.0] = set;
        Ok(())
    }

    /// The image of `f` over all (pairs of) arguments; keeps the table.
    fn image(
        &mut self,
        id: OpId,
        firsts: &[Value],
        seconds: Option<&[Value]>,
        f: &Function,
    ) -> Result<ValueSet, Problem> {
        let op = self.program.op(id);
        let mut dropped = Dropped::default();
        let mut results: Vec<Option<Value>> = Vec::new();
        let mut evaluate = |arguments: &[Value]| {
            let result = match (f.call)(arguments) {
                Ok(value) if is_finite(&value) => Ok(value),
                Ok(value) => Err(format!("{value} is not finite")),
                Err(error) => Err(error.0),
            };
            results.push(match result {
                // Tracr has no feature for None: it is the absence of every feature.
                Ok(Value::None) => None,
                Ok(value) => Some(value),
                Err(problem) => {
                    dropped.add(arguments, &problem);
                    None
                }
            });
        };
        match seconds {
            None => firsts
                .iter()
                .for_each(|x| evaluate(std::slice::from_ref(x))),
            Some(seconds) => {
                for x in firsts {
                    seconds
                        .iter()
                        .for_each(|y| evaluate(&[x.clone(), y.clone()]));
                }
            }
        }
        let set = ValueSet::new(results.iter().flatten().cloned());
        if set.is_empty() {
            let (name, example) = (op.name.clone(), dropped.text(&f.text));
            return Err(Reason::NoValues { name, example }.at(op.node));
        }
        if dropped.count > 0 {
            self.inferred.notes.push(Note {
                node: op.node,
                text: dropped.note(&f.text),
            });
        }
        let results = results
            .iter()
            .map(|value| set.place(value.as_ref()?))
            .collect();
        self.inferred.tables[id.0] = Table {
            seconds: seconds.map_or(1, <[_]>::len),
            results,
        };
        Ok(set)
    }

    /// The values of `inner` and the filler; the table has the filler's place last.
    fn with_filler(&mut self, id: OpId, inner: OpId, filler: &Value) -> ValueSet {
        let mut values = self.inferred.set(inner).values().to_vec();
        values.push(filler.clone());
        let set = ValueSet::new(values.iter().cloned());
        self.inferred.tables[id.0] = Table {
            seconds: 1,
            results: values.iter().map(|value| set.place(value)).collect(),
        };
        set
    }

    /// `{v / n}` over the values `v`, zeros and ones, and the lengths `n`.
    fn means(&mut self, id: OpId, sop: OpId) -> Result<ValueSet, Problem> {
        let (op, of) = (self.program.op(id), self.program.op(sop));
        let numbers = self.inferred.numbers(sop);
        // Tracr asks for the integer parts to be 0 or 1.
        if let Some(x) = numbers.iter().find(|x| ![0.0, 1.0].contains(&x.trunc())) {
            let reason = Reason::NotBinary {
                name: of.name.clone(),
                value: x.to_string(),
            };
            return Err(reason.at(op.node));
        }
        if let Some(x) = numbers.iter().find(|x| ![0.0, 1.0].contains(*x)) {
            let text = format!(
                "the mean of `{}`, which can be {x}, is exact only for 0 and 1",
                of.name
            );
            self.inferred.notes.push(Note {
                node: op.node,
                text,
            });
        }
        // Tracr's set lacks the default, so a map takes it for the nearest value of the set.
        if !numbers.contains(&0.0) && self.is_mapped(id) {
            let text = format!(
                "`{}` is never 0, so a map of its mean does not tell 0, where nothing is \
                 selected, from the smallest mean, in Tracr too",
                of.name
            );
            self.inferred.notes.push(Note {
                node: op.node,
                text,
            });
        }
        let longest = self.options.max_seq_len;
        self.check_pairs(op, numbers.len(), longest, false)?;
        let quotient = |x: f64| (1..=longest).map(move |n| Value::Float(x / n as f64));
        Ok(ValueSet::new(numbers.into_iter().flat_map(quotient)))
    }

    /// Whether a map reads the number, itself or in a linear combination.
    fn is_mapped(&self, id: OpId) -> bool {
        let mut pending = vec![id];
        let mut seen = vec![false; self.program.ops.len()];
        while let Some(id) = pending.pop() {
            for (reader, op) in self.program.ops.iter().enumerate() {
                match op.kind {
                    OpKind::Map { inner, .. } if inner == id => return true,
                    OpKind::Linear { first, second, .. }
                        if [first, second].contains(&id) && !seen[reader] =>
                    {
                        seen[reader] = true;
                        pending.push(OpId(reader));
                    }
                    _ => {}
                }
            }
        }
        false
    }

    fn check_pairs(&self, op: &Op, x: usize, y: usize, hidden: bool) -> Result<(), Problem> {
        let pairs = x as u128 * y as u128;
        if pairs > MAX_EVALUATIONS {
            return Err(too_many(
                op,
                "pairs of values",
                pairs,
                format!("more than the limit of {MAX_EVALUATIONS}"),
            ));
        }
        self.check_room(op, "pairs of values", pairs, if hidden { pairs } else { 0 })
    }

    /// Refuses a function that would take minutes for so many arguments.
    fn check_evaluations(&self, op: &Op, count: u128, f: &Function) -> Result<(), Problem> {
        let steps = count.saturating_mul(f.cost as u128);
        if steps > MAX_EVALUATIONS {
            let limit = format!("more than the limit of {MAX_EVALUATIONS}");
            return Err(too_many(op, "steps to evaluate its function", steps, limit));
        }
        Ok(())
    }

    /// Refuses what is too large already: the embeddings have a row a position and a token, an
    /// MLP two rows a hidden unit, each as wide as there are features.
    fn check_room(
        &self,
        op: &Op,
        what: &'static str,
        count: u128,
        hidden: u128,
    ) -> Result<(), Problem> {
        let rows = (self.options.vocab.len() + 2 + self.options.max_seq_len) as u128 + 2 * hidden;
        let bytes = rows * self.features as u128 * 4;
        let too_large = bytes > u128::from(self.options.max_bytes);
        if too_large {
            let positions = self.options.max_seq_len + 1;
            let limit = format!(
                "and the model, of {positions} positions, would be larger than the limit of {} bytes",
                self.options.max_bytes
            );
            Err(too_many(op, what, count, limit))
        } else {
            Ok(())
        }
    }
}

fn too_many(op: &Op, what: &'static str, count: u128, limit: String) -> Problem {
    let reason = Reason::TooMany {
        name: op.name.clone(),
        count: count.to_string(),
        what,
        limit,
    };
    reason.at(op.node)
}

/// `a·x + b·y`, an integer if all four are: the graph keeps the factors as floats.
fn linear(a: f64, x: &Value, b: f64, y: &Value) -> Option<Value> {
    let sum = a * number(x)? + b * number(y)?;
    let whole = |value: &Value| !matches!(value, Value::Float(_));
    let integer = a.fract() == 0.0 && b.fract() == 0.0 && whole(x) && whole(y) && sum.abs() < 9e15;
    Some(if integer {
        Value::Int(sum as i64)
    } else {
        Value::Float(sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::test_graphs::{Builder, options};
    use crate::rasp::graph::{Encoding, ValueError};

    fn infer_output(
        b: &Builder,
        output: crate::rasp::graph::NodeId,
        options: &Options,
    ) -> Inferred {
        infer(&Program::read(&b.graph, output).unwrap(), options).unwrap()
    }

    #[test]
    fn a_failing_function_drops_the_value_and_says_so() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let map = b.map("1 / x", tokens, |v| match v[0] {
            Value::Int(0) => Err(ValueError("division by zero".into())),
            Value::Int(i) => Ok(Value::Float(1.0 / i as f64)),
            _ => Ok(Value::None),
        });
        let inferred = infer_output(&b, map, &options(&[0, 1, 2], 3));
        assert_eq!(
            inferred.set(OpId(0)).values(),
            [Value::Float(0.5), Value::Float(1.0)]
        );
        assert_eq!(inferred.tables[0].results, [None, Some(1), Some(0)]);
        assert_eq!(
            inferred.notes[0].text,
            "`1 / x` has no value for 0: division by zero; assumed not to occur"
        );
    }

    #[test]
    fn a_mean_has_the_unit_fractions_and_not_their_multiples() {
        let mut b = Builder::default();
        let tokens = b.tokens();
        let is_one = b.map("x == 1", tokens, |v| Ok(Value::Bool(v[0] == Value::Int(1))));
        let is_one = b.encoded(is_one, Encoding::Numerical);
        let all = b.select(tokens, tokens, "true");
        let mean = b.aggregate(all, is_one, Value::Int(0));
        let inferred = infer_output(&b, mean, &options(&[1, 2], 3));
        assert_eq!(inferred.numbers(OpId(0)), [0.0, 1.0 / 3.0, 0.5, 1.0]);
    }

    #[test]
    fn a_product_too_large_is_refused_before_it_is_evaluated() {
        let mut b = Builder::default();
        let (tokens, indices) = (b.tokens(), b.indices());
        let pair = b.sequence_map("(x, y)", tokens, indices, |v| Ok(Value::Tuple(v.to_vec())));
        let copy = b.map("x", pair, |v| Ok(v[0].clone()));
        let both = b.sequence_map("(x, y)", pair, copy, |_| panic!("evaluated"));
        let program = Program::read(&b.graph, both).unwrap();
        let mut options = options(&(0..100).collect::<Vec<_>>(), 100);
        options.max_bytes = 1 << 24;
        let problem = infer(&program, &options).unwrap_err();
        let message = problem.to_string();
        assert!(
            message.contains("pairs of values, more than the limit"),
            "{message}"
        );
    }
}
