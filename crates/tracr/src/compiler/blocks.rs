//! From operators to blocks (Tracr's `expr_to_craft_graph.py`).

use super::craft::attention::{self, Bos, Side};
use super::craft::{Dim, Head, Mlp, Space, categorical, numerical, space::Variable, width};
use super::error::{Note, Notes};
use super::inference::Inferred;
use super::lowering::Lowered;
use super::options::Options;
use super::program::{self, OpId, OpKind, Program};
use super::values::{has_order, number, pair_order};

/// Builds the blocks of a program's operators.
pub struct Blocks<'a> {
    /// The graph that is compiled.
    pub lowered: &'a Lowered<'a>,
    /// The operators.
    pub program: &'a Program,
    /// Their values.
    pub inferred: &'a Inferred,
    /// The residual stream.
    pub space: &'a Space,
    /// `mlp_exactness` and `max_seq_len`.
    pub options: &'a Options,
    /// Grows as blocks are built.
    pub notes: Notes,
}

impl Blocks<'_> {
    /// The head of an aggregate or a selector width.
    pub fn head(&mut self, id: OpId) -> Head {
        match &self.program.op(id).kind {
            OpKind::Aggregate { selector, sop } => {
                let values = self.basis(*sop).into_iter().zip(self.basis(id)).collect();
                self.selecting(selector, Bos::Default, values)
            }
            OpKind::Width { selector } => {
                let to = self.space.dim(Variable::WidthHead(id));
                self.selecting(selector, Bos::Always, vec![(self.space.bos(), to)])
            }
            _ => Head::default(),
        }
    }

    fn selecting(&mut self, selector: &program::Head, bos: Bos, values: Vec<(Dim, Dim)>) -> Head {
        let (keys, queries) = (self.basis(selector.keys), self.basis(selector.queries));
        let side = |id: OpId| self.inferred.set(id).values();
        let mut scratch = Vec::new();
        let (head, failure) = attention::head(
            self.space,
            Side {
                values: side(selector.keys),
                basis: &keys,
            },
            Side {
                values: side(selector.queries),
                basis: &queries,
            },
            bos,
            values,
            |key, query| selector.predicate.selects(key, query, &mut scratch),
        );
        if let Some(failure) = failure {
            let text = format!(
                "the selector's predicate has no value {failure}; nothing is selected there"
            );
            self.notes.push(Note {
                node: selector.node,
                text,
            });
        }
        head
    }

    /// The MLP of a map, a sequence map or a selector width.
    pub fn mlp(&mut self, id: OpId) -> Mlp {
        let op = self.program.op(id);
        let one = self.space.dim(Variable::One);
        let table = &self.inferred.tables[id.0];
        let outputs = self.basis(id);
        match &op.kind {
            OpKind::Map { inner, .. } => {
                let is_categorical = self.program.op(*inner).is_categorical();
                match (is_categorical, op.is_categorical()) {
                    (true, true) => {
                        categorical::map(&op.label, &self.basis(*inner), &table.results, &outputs)
                    }
                    (true, false) => self.map_to_number(id, *inner),
                    (false, _) => self.map_from_number(id, *inner),
                }
            }
            OpKind::SequenceMap { first, second, .. } if first == second => {
                let inputs = self.basis(*first);
                // f(x, x): the diagonal.
                let diagonal = (0..inputs.len()).map(|i| table.results[i * (table.seconds + 1)]);
                categorical::map(&op.label, &inputs, &diagonal.collect::<Vec<_>>(), &outputs)
            }
            OpKind::SequenceMap { first, second, .. } => self.sequence_map(id, *first, *second),
            OpKind::Linear {
                first,
                second,
                a,
                b,
            } => {
                let dim = |id: OpId| self.basis(id).first().copied().unwrap_or(Dim(0));
                numerical::linear(&op.label, (dim(*first), *a), (dim(*second), *b), dim(id))
            }
            OpKind::Filled { inner, width, .. } => {
                // Where nothing is selected, `inner` has no feature and the width has that of 0; elsewhere it is
                // the other way round. So one map reads both.
                let mut inputs = self.basis(*inner);
                inputs.extend(self.basis(*width).first());
                categorical::map(&op.label, &inputs, &table.results, &outputs)
            }
            OpKind::Width { .. } => {
                self.note_large_counts(id);
                let op = self.program.op(id);
                width::mlp(
                    &op.label,
                    self.space.dim(Variable::WidthHead(id)),
                    (one, self.space.bos()),
                    self.options.mlp_exactness,
                    self.options.max_seq_len,
                    &outputs,
                    op.is_categorical(),
                )
            }
            _ => Mlp::new(),
        }
    }

    /// Counts that thresholds do not tell apart. The check against the interpreter may not meet them, as inputs
    /// are many.
    fn note_large_counts(&mut self, id: OpId) {
        let Options {
            mlp_exactness,
            max_seq_len,
            ..
        } = self.options;
        let first = |exactness: f64| {
            let mut counts = 1..=*max_seq_len;
            counts.find(|n| exactness < width::exactness_for(*n))
        };
        let (Some(inexact), Some(wrong)) = (first(*mlp_exactness), first(2.0 * mlp_exactness))
        else {
            return;
        };
        let op = self.program.op(id);
        // Of a width that a default needs, nothing but 0 is read.
        if self.lowered.is_added(op.node) {
            return;
        }
        self.notes.push(Note {
            node: op.node,
            text: format!(
                "`{}` counts up to {max_seq_len}: with an mlp_exactness of {mlp_exactness} it is exact up to {} and one \
                 too small from {wrong} on, in Tracr too; {} is enough for all",
                op.name,
                inexact - 1,
                width::exactness_for(*max_seq_len),
            ),
        });
    }

    fn sequence_map(&self, id: OpId, first: OpId, second: OpId) -> Mlp {
        let (op, one) = (self.program.op(id), self.space.dim(Variable::One));
        let (x, y) = (self.basis(first), self.basis(second));
        let results = &self.inferred.tables[id.0].results;
        let mut mlp = categorical::sequence_map(&op.label, &x, &y, one, results, &self.basis(id));
        let side = |id: OpId| {
            (
                self.program.op(id).label.as_str(),
                self.inferred.set(id).values(),
            )
        };
        let (x, y) = (side(first), side(second));
        if !(has_order(x.1) && has_order(y.1)) {
            for group in &mut mlp {
                let order = pair_order(x, y);
                group.units = order
                    .into_iter()
                    .map(|place| group.units[place].clone())
                    .collect();
            }
        }
        mlp
    }

    fn map_to_number(&mut self, id: OpId, inner: OpId) -> Mlp {
        let op = self.program.op(id);
        let numbers = self.inferred.numbers(id);
        let table = &self.inferred.tables[id.0];
        let results: Vec<Option<f64>> = table
            .results
            .iter()
            .map(|place| Some(numbers[(*place)?]))
            .collect();
        if let Some(lowest) = numbers.iter().find(|x| **x < 0.0) {
            let text = format!(
                "`{}` can be {lowest}, but a map from categorical to numerical comes out as 0 \
                 below 0, in Tracr too; the difference of two maps that are not below 0 is `linear(a, b, 1, -1)`",
                op.name
            );
            self.notes.push(Note {
                node: op.node,
                text,
            });
        }
        categorical::map_to_number(
            &op.label,
            &self.basis(inner),
            &results,
            self.space.dim(Variable::Op(id)),
        )
    }

    /// Thresholds between the arguments that the function has a value for.
    fn map_from_number(&self, id: OpId, inner: OpId) -> Mlp {
        let (arguments, results) = steps(self.program, self.inferred, (id, inner), &self.basis(id));
        let (input, one) = (
            self.space.dim(Variable::Op(inner)),
            self.space.dim(Variable::One),
        );
        let (label, exactness) = (&self.program.op(id).label, self.options.mlp_exactness);
        numerical::staircase(label, input, one, exactness, &arguments, &results)
    }

    fn basis(&self, id: OpId) -> Vec<Dim> {
        self.space.basis(self.program, self.inferred, id)
    }
}

/// Between what the map `id` of the numbers of `inner` steps: arguments that its function has a value for,
/// ascending, and what it writes at each, a feature or its number.
pub fn steps(
    program: &Program,
    inferred: &Inferred,
    (id, inner): (OpId, OpId),
    outputs: &[Dim],
) -> (Vec<f64>, Vec<numerical::Written>) {
    let values = inferred.set(id).values();
    let defined = inferred
        .numbers(inner)
        .into_iter()
        .zip(&inferred.tables[id.0].results);
    defined
        .filter_map(|(x, place)| {
            let place = (*place)?;
            let written = match program.op(id).is_categorical() {
                true => (outputs[place], 1.0),
                false => (outputs[0], number(&values[place])?),
            };
            Some((x, vec![written]))
        })
        .unzip()
}
