//! Aggregates: what they average, and where they select nothing.

use super::edit::Remedy;
use super::source::{atom, call, operands};
use super::{Candidates, samples};
use crate::model::Value;
use crate::rasp::graph::{Kind, NodeId};
use crate::rasp::interpreter;
use crate::rasp::python::arithmetic::{Number, number};
use crate::rasp::python::{Key, literal, repr};
use crate::rasp::syntax::ast::{Expr, ExprKind};
use crate::rasp::unselected::empty;

/// A mean is written out as a sum over so many values, and no more.
const MAX_VALUES: usize = 4;

/// An expression that averages one of its operands, which stands between two texts: `aggregate(selector, s)` without its
/// default, or a call of the prelude's, such as `average(s)`.
struct Averaging<'e> {
    expr: &'e Expr,
    operand: &'e Expr,
    before: String,
    after: String,
}

impl Averaging<'_> {
    fn of(&self, operand: &str) -> String {
        format!("{}{operand}{}", self.before, self.after)
    }

    fn share(&self, is_one: &str) -> String {
        self.of(&format!("indicator({is_one})"))
    }
}

/// An `aggregate(selector, s)` of the source, in words.
struct Written<'e> {
    expr: &'e Expr,
    /// As an operand.
    selector: String,
    sop: &'e Expr,
    default: Option<String>,
}

impl Candidates<'_> {
    fn aggregate(&self, node: NodeId) -> Option<Written<'_>> {
        let expr = self.source.expression(node)?;
        let (selector, sop, default) = match call(expr, "aggregate")? {
            [selector, sop] => (selector, sop, None),
            [selector, sop, default] => (selector, sop, Some(default)),
            _ => return None,
        };
        let default = match default {
            Some(default) => Some(self.source.written(default)?),
            None => None,
        };
        Some(Written {
            expr,
            selector: atom(selector, &self.source.written(selector)?),
            sop,
            default,
        })
    }

    /// How a node averages, as far as its source tells: of a call of the prelude's each operand may be what is averaged.
    fn averagings(&self, node: NodeId) -> Vec<Averaging<'_>> {
        if let Some(Written {
            expr,
            selector,
            sop,
            ..
        }) = self.aggregate(node)
        {
            return vec![Averaging {
                expr,
                operand: sop,
                before: format!("aggregate({selector}, "),
                after: ")".into(),
            }];
        }
        let Some(expr) = self.source.expression(node) else {
            return Vec::new();
        };
        let around = |operand| {
            let (before, after) = self.source.around(expr, operand)?;
            Some(Averaging {
                expr,
                operand,
                before,
                after,
            })
        };
        match expr.kind {
            ExprKind::Call(..) => operands(expr).into_iter().filter_map(around).collect(),
            _ => Vec::new(),
        }
    }

    /// The edit that leaves out a default that is not a number.
    pub(super) fn default_left_out(&self, node: NodeId) -> Vec<Remedy> {
        let left_out = || {
            let Written {
                expr,
                selector,
                sop,
                ..
            } = self.aggregate(node)?;
            let s = self.source.written(sop)?;
            let remedy = self
                .source
                .instead(expr, &format!("aggregate({selector}, {s})"))?;
            Some(Remedy {
                help: format!("{}; where nothing is selected it is then 0", remedy.help),
                differs: true,
                ..remedy
            })
        };
        Vec::from_iter(left_out())
    }

    /// A count, in the place of a mean times how many it is of.
    pub(super) fn counted(&self, node: NodeId) -> Option<Remedy> {
        let expr = self.source.expression(node)?;
        let Kind::SequenceMap { first, second, .. } = self.graph().node(node).kind else {
            return None;
        };
        let Written { selector, sop, .. } =
            self.aggregate(first).or_else(|| self.aggregate(second))?;
        let s = self.source.written(sop)?;
        let count = format!("selector_width({selector} and select(categorical({s}), 1, ==))");
        self.source.instead(expr, &count)
    }

    /// A mean of other numbers than 0 and 1, as the sum of each number times its share.
    pub(super) fn weighted(&self, node: NodeId) -> Vec<Remedy> {
        Vec::from_iter(self.sum_of_shares(node))
    }

    fn sum_of_shares(&self, node: NodeId) -> Option<Remedy> {
        let is_other = |written: &Written<'_>| {
            let default = written.default.as_deref();
            default.is_some_and(|default| default != "0")
        };
        if self.aggregate(node).as_ref().is_some_and(is_other) {
            return None;
        }
        let values = self.values(node)?;
        let zero = |value: &Value| number(value).is_some_and(|x| x.float() == 0.0);
        let numbers: Option<Vec<Number>> = values.iter().map(number).collect();
        numbers?;
        let values: Vec<&Value> = values.iter().filter(|value| !zero(value)).collect();
        if values.len() > MAX_VALUES {
            return None;
        }
        let averagings = self.averagings(node);
        let averaging = averagings.first()?;
        let inner = match call(averaging.operand, "numerical") {
            Some([inner]) => inner,
            _ => averaging.operand,
        };
        let s = atom(inner, &self.source.written(inner)?);
        let share = |value: &Value| averaging.share(&format!("{s} == {}", literal(value)));
        let (first, rest) = values.split_first()?;
        let mut sum = match rest.split_first() {
            None => format!("linear({0}, {0}, {1}, 0)", share(first), repr(first)),
            Some((second, _)) => format!(
                "linear({}, {}, {}, {})",
                share(first),
                share(second),
                repr(first),
                repr(second)
            ),
        };
        for value in rest.iter().skip(1) {
            sum = format!("linear({sum}, {}, 1, {})", share(value), repr(value));
        }
        self.source.instead(averaging.expr, &sum)
    }

    /// A categorical aggregate that selects different values: what is meant may be a share, a mean, or
    /// one of the values.
    pub(super) fn of_mixture(&self, node: NodeId, everywhere: bool) -> Vec<Remedy> {
        let averagings = self.averagings(node);
        let shares = averagings.iter().filter_map(|averaging| {
            let s = self.source.written(averaging.operand)?;
            self.source.instead(averaging.expr, &averaging.share(&s))
        });
        let mut remedies: Vec<Remedy> = shares.collect();
        remedies.extend(self.sum_of_shares(node));
        if everywhere && let Some(value) = self.values(node).and_then(|all| all.into_iter().next())
        {
            let of_value = averagings.iter().filter_map(|averaging| {
                let s = atom(
                    averaging.operand,
                    &self.source.written(averaging.operand)?,
                );
                let is_value = format!("{s} == {}", literal(&value));
                let remedy = self
                    .source
                    .instead(averaging.expr, &averaging.share(&is_value))?;
                Some(Remedy {
                    help: format!(
                        "a selector that selects one position moves its value; for the share of a value, {}",
                        remedy.help
                    ),
                    differs: true,
                    ..remedy
                })
            });
            remedies.extend(of_value);
        }
        if self.selects_nothing(node) {
            remedies
                .iter_mut()
                .for_each(|remedy| remedy.help += "; where nothing is selected it is then 0");
        }
        remedies
    }

    /// For an operator that gets None from an aggregate: that aggregate with the default 0.
    pub(super) fn with_defaults(&self, node: NodeId) -> Vec<Remedy> {
        let operands = self.graph().node(node).kind.children();
        let with_default = |operand: &NodeId| {
            let Written {
                expr,
                selector,
                sop,
                default: None,
            } = self.aggregate(*operand)?
            else {
                return None;
            };
            let s = self.source.written(sop)?;
            let remedy = self
                .source
                .instead(expr, &format!("aggregate({selector}, {s}, 0)"))?;
            Some(Remedy {
                help: format!(
                    "{}; where nothing is selected it is then 0, as in the published RASP",
                    remedy.help
                ),
                differs: true,
                ..remedy
            })
        };
        operands.iter().filter_map(with_default).collect()
    }

    /// Whether the aggregate has no default and, on one of a few inputs, selects nothing.
    fn selects_nothing(&self, aggregate: NodeId) -> bool {
        let graph = self.graph();
        samples::inputs(self.options).into_iter().any(|input| {
            let run = interpreter::run(graph, self.program.output, &input, self.options.causal);
            run.is_ok_and(|run| empty(graph, aggregate, &run).is_some())
        })
    }

    /// What the aggregated s-op can be, in the order of a few inputs; nothing if that is a lot.
    fn values(&self, aggregate: NodeId) -> Option<Vec<Value>> {
        let Kind::Aggregate { sop, .. } = self.graph().node(aggregate).kind else {
            return None;
        };
        let mut values: Vec<Value> = Vec::new();
        for input in samples::inputs(self.options) {
            let graph = self.graph();
            let Ok(run) = interpreter::run(graph, sop, &input, self.options.causal) else {
                continue;
            };
            for value in run.values(sop) {
                let known = values.iter().any(|v| Key(v.clone()) == Key(value.clone()));
                if !known && *value != Value::None {
                    values.push(value.clone());
                }
            }
            if values.len() > MAX_VALUES + 1 {
                break;
            }
        }
        (!values.is_empty()).then_some(values)
    }
}
