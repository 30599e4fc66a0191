//! What a program computes on an input, without compiling it: the semantics of Tracr's evaluators
//! (`DefaultRASPEvaluator`, and `CausalEvaluator`, which masks every selector).

use super::doubts::{self, Doubt};
pub use super::eval_error::EvalError;
use super::eval_error::MAX_SIZE;
use super::graph::{Function, Graph, Kind, NodeId, ValueError, describe};
use super::python::{self, arithmetic};
use crate::model::Value;

/// Operations of one run, over all operators and positions.
const MAX_STEPS: usize = 1 << 30;

/// What an operator gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An s-op: one value a position, None where it is undefined.
    Values(Vec<Value>),
    /// A selector: for each query, which keys it selects.
    Selected(Vec<Vec<bool>>),
    /// The output does not depend on it.
    Unused,
}

/// What a program computed on one input.
#[derive(Clone, Debug)]
pub struct Run {
    /// What each node gave, by its number.
    pub nodes: Vec<Outcome>,
    /// Where the compiled model may differ from these values.
    pub doubts: Vec<Doubt>,
    output: NodeId,
}

impl Run {
    /// The program's output: one value a position.
    pub fn output(&self) -> &[Value] {
        self.values(self.output)
    }

    /// The values of an s-op; none of a selector.
    pub fn values(&self, node: NodeId) -> &[Value] {
        match self.nodes.get(node.0) {
            Some(Outcome::Values(values)) => values,
            _ => &[],
        }
    }

    /// The rows of a selector; none of an s-op.
    pub fn selected(&self, node: NodeId) -> &[Vec<bool>] {
        match self.nodes.get(node.0) {
            Some(Outcome::Selected(rows)) => rows,
            _ => &[],
        }
    }
}

/// Evaluates `output` and all that it depends on. With `causal`, selectors select no key behind
/// their query.
///
/// # Errors
/// See [`EvalError`].
pub fn run(graph: &Graph, output: NodeId, input: &[Value], causal: bool) -> Result<Run, EvalError> {
    let used = reachable(graph, output);
    let operators = used.iter().filter(|used| **used).count();
    let nodes = graph.nodes.iter().zip(&used).filter(|(_, used)| **used);
    let steps = nodes.fold(0_usize, |steps, (node, _)| {
        steps.saturating_add(cost(&node.kind, input.len()))
    });
    if steps > MAX_STEPS {
        return Err(EvalError::TooLong {
            length: input.len(),
            operators,
        });
    }
    let nodes = Vec::with_capacity(graph.nodes.len());
    let mut evaluator = Evaluator {
        graph,
        input,
        causal,
        run: Run {
            nodes,
            doubts: Vec::new(),
            output,
        },
        size: 0,
    };
    for (number, used) in used.into_iter().enumerate() {
        let outcome = if used {
            evaluator.node(NodeId(number))?
        } else {
            Outcome::Unused
        };
        evaluator.run.nodes.push(outcome);
    }
    Ok(evaluator.run)
}

/// The operations of one operator on an input of this length.
fn cost(kind: &Kind, length: usize) -> usize {
    let (arguments, each) = match kind {
        Kind::Map { f, .. } | Kind::SequenceMap { f, .. } => (length, f.cost),
        Kind::Select { predicate, .. } => (length.saturating_mul(length), predicate.cost),
        _ => (length.saturating_mul(length), 1),
    };
    arguments.saturating_mul(each)
}

/// Which nodes `output` depends on, itself included, by number.
pub fn reachable(graph: &Graph, output: NodeId) -> Vec<bool> {
    let mut used = vec![false; graph.nodes.len()];
    if let Some(used) = used.get_mut(output.0) {
        *used = true;
    }
    // Children come before their parents.
    for number in (0..graph.nodes.len()).rev() {
        if used[number] {
            for child in graph.nodes[number].kind.children() {
                used[child.0] = true;
            }
        }
    }
    used
}

struct Evaluator<'a> {
    graph: &'a Graph,
    input: &'a [Value],
    causal: bool,
    run: Run,
    /// Of all values so far, for [`MAX_SIZE`].
    size: usize,
}

impl Evaluator<'_> {
    fn hold(&mut self, id: NodeId, position: usize, value: &Value) -> Result<(), EvalError> {
        self.size += 1 + arithmetic::size(value);
        if self.size > MAX_SIZE {
            return Err(self.too_large(id, position));
        }
        Ok(())
    }

    fn too_large(&self, node: NodeId, position: usize) -> EvalError {
        EvalError::TooLarge {
            node,
            what: describe(self.graph, node),
            position,
        }
    }

    fn node(&mut self, id: NodeId) -> Result<Outcome, EvalError> {
        let length = self.input.len();
        let values = match &self.graph.node(id).kind {
            Kind::Tokens => self.input.to_vec(),
            Kind::Indices => (0..length)
                .map(|i| Value::Int(i64::try_from(i).unwrap_or(i64::MAX)))
                .collect(),
            Kind::Full(value) => {
                for position in 0..length {
                    self.hold(id, position, value)?;
                }
                vec![value.clone(); length]
            }
            Kind::Map { inner, f } => self.map(id, &[*inner], f)?,
            Kind::SequenceMap { first, second, f } => self.map(id, &[*first, *second], f)?,
            Kind::LinearSequenceMap {
                first,
                second,
                a,
                b,
            } => self.linear(id, *first, *second, *a, *b)?,
            Kind::Aggregate {
                selector,
                sop,
                default,
            } => self.aggregate(id, *selector, *sop, default)?,
            Kind::Filled {
                inner,
                width,
                filler,
            } => {
                let widths = self.run.values(*width).iter();
                let values = widths.zip(self.run.values(*inner));
                values
                    .map(|(width, value)| match width {
                        Value::Int(0) => filler.clone(),
                        _ => value.clone(),
                    })
                    .collect()
            }
            Kind::SelectorWidth { selector } => self
                .run
                .selected(*selector)
                .iter()
                .map(|row| {
                    let width = row.iter().filter(|selected| **selected).count();
                    Value::Int(i64::try_from(width).unwrap_or(i64::MAX))
                })
                .collect(),
            Kind::Select {
                keys,
                queries,
                predicate,
            } => {
                return self.select(id, *keys, *queries, predicate);
            }
            Kind::SelectorAnd(a, b) => return Ok(self.combine(*a, *b, |a, b| a && b)),
            Kind::SelectorOr(a, b) => return Ok(self.combine(*a, *b, |a, b| a || b)),
            Kind::SelectorNot(inner) => return Ok(self.combine(*inner, *inner, |a, _| !a)),
        };
        Ok(Outcome::Values(values))
    }

    /// None where an argument is None, as in Tracr's evaluator.
    fn map(
        &mut self,
        id: NodeId,
        arguments: &[NodeId],
        f: &Function,
    ) -> Result<Vec<Value>, EvalError> {
        let mut out = Vec::with_capacity(self.input.len());
        for position in 0..self.input.len() {
            let given: Vec<Value> = arguments
                .iter()
                .map(|argument| {
                    self.run
                        .values(*argument)
                        .get(position)
                        .cloned()
                        .unwrap_or(Value::None)
                })
                .collect();
            let value = if given.contains(&Value::None) {
                self.run.doubts.push(Doubt::none_mapped(id, position));
                Value::None
            } else {
                (f.call)(&given).map_err(|error| self.no_value(id, position, &given, error))?
            };
            self.hold(id, position, &value)?;
            out.push(value);
        }
        Ok(out)
    }

    fn linear(
        &mut self,
        id: NodeId,
        first: NodeId,
        second: NodeId,
        a: f64,
        b: f64,
    ) -> Result<Vec<Value>, EvalError> {
        let call = move |given: &[Value]| {
            let [x, y] = given else {
                return Err(ValueError("a linear map takes two arguments".into()));
            };
            let x = python::multiply(&factor(a), x)?;
            python::add(&x, &python::multiply(&factor(b), y)?)
        };
        let f = Function {
            text: String::new(),
            call: std::sync::Arc::new(call),
            cost: 1,
        };
        self.map(id, &[first, second], &f)
    }

    fn aggregate(
        &mut self,
        id: NodeId,
        selector: NodeId,
        sop: NodeId,
        default: &Value,
    ) -> Result<Vec<Value>, EvalError> {
        let values = self.run.values(sop);
        let mut doubts = Vec::new();
        let mut size = self.size;
        let mut out = Vec::with_capacity(self.input.len());
        for (position, row) in self.run.selected(selector).iter().enumerate() {
            let selected: Vec<Value> = values
                .iter()
                .zip(row)
                .filter(|(_, selected)| **selected)
                .map(|(value, _)| value.clone())
                .collect();
            doubts.extend(doubts::of_aggregate(self.graph, id, position, &selected));
            let mean = mean(&selected, default);
            let mean = mean.map_err(|error| self.no_value(id, position, &selected, error))?;
            size += 1 + arithmetic::size(&mean);
            if size > MAX_SIZE {
                return Err(self.too_large(id, position));
            }
            out.push(mean);
        }
        self.size = size;
        doubts.extend(doubts::of_averaged(self.graph, id, sop, values));
        self.run.doubts.append(&mut doubts);
        Ok(out)
    }

    fn select(
        &mut self,
        id: NodeId,
        keys: NodeId,
        queries: NodeId,
        predicate: &Function,
    ) -> Result<Outcome, EvalError> {
        let [key_node, query_node] = [keys, queries];
        let (keys, queries) = (self.run.values(keys), self.run.values(queries));
        let (first_keys, first_queries) = (first_equals(keys), first_equals(queries));
        let mut doubts = Vec::new();
        // What the predicate says of each query and key, whether the key is visible or not.
        let mut said: Vec<Vec<bool>> = Vec::with_capacity(queries.len());
        let mut rows = Vec::with_capacity(queries.len());
        for (position, query) in queries.iter().enumerate() {
            let own = match said.get(first_queries[position]) {
                Some(row) => row.clone(),
                None => {
                    let mut row: Vec<bool> = Vec::with_capacity(keys.len());
                    let mut pair = [Value::None, query.clone()];
                    for (k, key) in keys.iter().enumerate() {
                        if let Some(known) = row.get(first_keys[k]) {
                            row.push(*known);
                            continue;
                        }
                        pair[0] = key.clone();
                        let selected = (predicate.call)(&pair).map_err(|error| {
                            let error = match (key, query) {
                                (Value::None, _) => self.undefined("key", key_node, k, error),
                                (_, Value::None) => {
                                    self.undefined("query", query_node, position, error)
                                }
                                _ => error,
                            };
                            self.no_value(id, position, &pair, error)
                        })?;
                        row.push(python::truthy(&selected));
                    }
                    row
                }
            };
            let visible = |(k, selected): (usize, &bool)| *selected && self.visible(k, position);
            let row: Vec<bool> = own.iter().enumerate().map(visible).collect();
            said.push(own);
            let known = |value: &Value| *value != Value::None;
            let mut selected = keys.iter().zip(&row).filter(|(_, selected)| **selected);
            if selected.any(|(key, _)| !known(key) || !known(query)) {
                doubts.push(Doubt::none_selected(id, position));
            }
            rows.push(row);
        }
        self.run.doubts.append(&mut doubts);
        Ok(Outcome::Selected(rows))
    }

    fn combine(&self, a: NodeId, b: NodeId, f: impl Fn(bool, bool) -> bool) -> Outcome {
        let pairs = self.run.selected(a).iter().zip(self.run.selected(b));
        let rows = pairs.enumerate().map(|(q, (a, b))| {
            let row = a.iter().zip(b).enumerate();
            row.map(|(k, (a, b))| f(*a, *b) && self.visible(k, q))
                .collect()
        });
        Outcome::Selected(rows.collect())
    }

    fn visible(&self, key: usize, query: usize) -> bool {
        !self.causal || key <= query
    }

    /// That an s-op is None there, as the cause of an error.
    fn undefined(&self, role: &str, s: NodeId, position: usize, error: ValueError) -> ValueError {
        ValueError(format!(
            "its {role}, {}, is undefined (None) at position {}, as an aggregate is that selects nothing, and {}",
            describe(self.graph, s),
            position + 1,
            error.0
        ))
    }

    fn no_value(
        &self,
        node: NodeId,
        position: usize,
        arguments: &[Value],
        error: ValueError,
    ) -> EvalError {
        let what = describe(self.graph, node);
        EvalError::NoValue {
            node,
            what,
            position,
            arguments: arguments.to_vec(),
            reason: error.0,
        }
    }
}

/// For each value where the first one equal to it is, so that what is asked of equal ones is asked once.
fn first_equals(values: &[Value]) -> Vec<usize> {
    let first = |i: usize| values[..i].iter().position(|value| *value == values[i]);
    (0..values.len()).map(|i| first(i).unwrap_or(i)).collect()
}

/// A factor as a program writes it: 1, not 1.0, so that integers stay integers.
fn factor(x: f64) -> Value {
    match python::round(&Value::Float(x)) {
        Ok(whole) if python::equal(&whole, &Value::Float(x)) => whole,
        _ => Value::Float(x),
    }
}

/// The mean of numbers, as Python gives it; one value, or equal ones that are no numbers, are
/// themselves.
fn mean(values: &[Value], default: &Value) -> Result<Value, ValueError> {
    let Some((first, rest)) = values.split_first() else {
        return Ok(default.clone());
    };
    if rest.is_empty() {
        return Ok(first.clone());
    }
    if let Some(text) = values
        .iter()
        .find(|value| arithmetic::number(value).is_none())
    {
        if rest.iter().all(|value| python::equal(value, first)) {
            return Ok(first.clone());
        }
        return Err(ValueError(format!(
            "{} values that differ are selected, and {} cannot be averaged",
            values.len(),
            python::literal(text)
        )));
    }
    let sum = values
        .iter()
        .try_fold(Value::Int(0), |sum, value| python::add(&sum, value))?;
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    python::divide(&sum, &Value::Int(count))
}
