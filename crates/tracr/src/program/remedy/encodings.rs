//! Numerical where categorical is needed, and the other way round.

use super::edit::Remedy;
use super::source::{atom, call, operands, unbracketed};
use super::{Candidates, samples};
use crate::model::Value;
use crate::rasp::graph::{Encoding, Kind, NodeId};
use crate::rasp::interpreter::{self, Run};
use crate::rasp::python::arithmetic::number;
use crate::rasp::python::literal;
use crate::rasp::syntax::ast::{Binary, Expr, ExprKind};

/// Two ways to make a categorical s-op of a numerical one: a copy, or a map (of a mean or a sum, which
/// have no copy).
const CATEGORICAL: [&str; 2] = ["categorical(_)", "map(x -> x, _)"];

/// The same for a numerical one.
const NUMERICAL: [&str; 2] = ["numerical(_)", "numerical(map(x -> x, _))"];

impl Candidates<'_> {
    /// Wraps the operands of an expression, one at a time and then all of them.
    fn wrapped(&self, whole: &Expr, wrappers: &[String]) -> Vec<Remedy> {
        let operands = operands(whole);
        let mut choices: Vec<Vec<&Expr>> = operands.iter().map(|one| vec![*one]).collect();
        if operands.len() > 1 {
            choices.push(operands);
        }
        let mut remedies = Vec::new();
        for wrapper in wrappers {
            for chosen in &choices {
                let edits = chosen
                    .iter()
                    .map(|expr| Some((*expr, self.filled(wrapper, expr)?)));
                let edits: Option<Vec<_>> = edits.collect();
                remedies.extend(edits.and_then(|edits| self.source.with_parts(whole, &edits)));
            }
        }
        remedies
    }

    fn wrapped_operands(&self, node: NodeId, wrappers: &[&str]) -> Vec<Remedy> {
        let wrappers: Vec<String> = wrappers.iter().map(|w| (*w).to_owned()).collect();
        let expr = self.source.expression(node);
        expr.map_or_else(Vec::new, |expr| self.wrapped(expr, &wrappers))
    }

    /// `f(a)` as something else of `a`.
    fn argument_of(&self, node: NodeId, function: &str, new: &str) -> Option<Remedy> {
        let expr = self.source.expression(node)?;
        let [argument] = call(expr, function)? else {
            return None;
        };
        let new = self.filled(new, argument)?;
        self.source.instead(expr, &new)
    }

    /// An expression in the place of `_`.
    fn filled(&self, wrapper: &str, expr: &Expr) -> Option<String> {
        // A copy in the other form of a copy is what was copied.
        let copied = call(expr, "numerical").filter(|_| wrapper == CATEGORICAL[0]);
        if let Some([inner]) = copied {
            return self.source.written(inner);
        }
        let written = self.source.written(expr)?;
        let is_operand = wrapper.contains("_ ");
        let written = if is_operand {
            atom(expr, &written)
        } else {
            written
        };
        Some(wrapper.replacen('_', &written, 1))
    }

    /// Keys and queries of a selector.
    pub(super) fn categorical_operands(&self, node: NodeId) -> Vec<Remedy> {
        self.wrapped_operands(node, &CATEGORICAL)
    }

    /// Operands of `linear`, or a copy of it.
    pub(super) fn numerical_operands(&self, node: NodeId) -> Vec<Remedy> {
        let mut remedies = Vec::from_iter(self.argument_of(node, "categorical", CATEGORICAL[1]));
        if remedies.is_empty() {
            remedies = self.wrapped_operands(node, &NUMERICAL);
        }
        remedies
    }

    /// A sequence map of numerical s-ops: sums can be numerical, everything else is categorical.
    pub(super) fn one_encoding(&self, node: NodeId) -> Vec<Remedy> {
        let mut remedies = Vec::from_iter(self.argument_of(node, "numerical", NUMERICAL[1]));
        if !remedies.is_empty() {
            remedies.extend(self.sum_of_numbers(node));
            return remedies;
        }
        let operator = self.source.expression(node).map(|expr| &expr.kind);
        match operator {
            Some(ExprKind::Binary(Binary::Add | Binary::Subtract, ..)) => {
                remedies.extend(self.wrapped_operands(node, &NUMERICAL));
            }
            Some(ExprKind::Binary(Binary::Multiply, ..)) => remedies.extend(self.counted(node)),
            _ => {}
        }
        remedies.extend(self.wrapped_operands(node, &CATEGORICAL));
        remedies
    }

    /// `numerical(a - b)`, which a map cannot give where it is below 0, as a sum of numerical s-ops.
    fn sum_of_numbers(&self, node: NodeId) -> Option<Remedy> {
        let expr = self.source.expression(node)?;
        let [argument] = call(expr, "numerical")? else {
            return None;
        };
        let ExprKind::Binary(operator @ (Binary::Add | Binary::Subtract), a, b) = &argument.kind
        else {
            return None;
        };
        let (a, b) = (self.filled(NUMERICAL[1], a)?, self.filled(NUMERICAL[1], b)?);
        let new = format!("{a} {} {b}", operator.text());
        self.source.instead(expr, &new)
    }

    /// An aggregate in another encoding than its s-op: `numerical(aggregate(...))`.
    pub(super) fn copied(&self, node: NodeId) -> Vec<Remedy> {
        [("numerical", NUMERICAL[1]), ("categorical", CATEGORICAL[1])]
            .into_iter()
            .filter_map(|(function, new)| self.argument_of(node, function, new))
            .collect()
    }

    /// `numerical(tokens)`: a number of each token, or whether it is one of them.
    pub(super) fn number_of_tokens(&self, node: NodeId) -> Vec<Remedy> {
        let mut remedies = Vec::from_iter(self.argument_of(node, "numerical", NUMERICAL[1]));
        if let Some(token) = self.options.vocab.first() {
            remedies.extend(self.indicated(node, &literal(token)));
        }
        remedies
    }

    /// Numbers of a map that are below 0 in a run, of which a model makes 0: a difference of two maps that are not.
    pub(super) fn of_negatives(&self, run: &Run) -> Vec<Remedy> {
        let is_negative = |value: &Value| number(value).is_some_and(|x| x.float() < 0.0);
        let nodes = self.graph().nodes.iter().enumerate();
        let maps = nodes.filter(|(id, node)| {
            matches!(node.kind, Kind::Map { .. })
                && node.encoding == Encoding::Numerical
                && run.values(NodeId(*id)).iter().any(is_negative)
        });
        maps.filter_map(|(id, _)| {
            let expr = self.source.expression(NodeId(id))?;
            let [argument] = call(expr, "numerical")? else {
                return None;
            };
            let s = self.source.written(argument)?;
            let part = |of: &str| format!("numerical(map(x -> max({of}, 0), {s}))");
            self.source.instead(
                expr,
                &format!("linear({}, {}, 1, -1)", part("x"), part("-x")),
            )
        })
        .collect()
    }

    /// Something numerical with a value that is not a number.
    pub(super) fn not_numerical(&self, node: NodeId, value: &str) -> Vec<Remedy> {
        let mut remedies = Vec::from_iter(self.argument_of(node, "numerical", "_"));
        remedies.extend(self.indicated(node, value));
        remedies
    }

    /// Whether it is this value, instead of the value itself.
    fn indicated(&self, node: NodeId, value: &str) -> Vec<Remedy> {
        let new = format!("indicator(_ == {value})");
        let mut remedies = Vec::from_iter(self.argument_of(node, "numerical", &new));
        // In a call of the prelude's, which makes its argument numerical itself.
        if let Some(expr) = self.source.expression(node)
            && call(expr, "numerical").is_none()
        {
            remedies.extend(self.wrapped(expr, &[format!("_ == {value}")]));
        }
        remedies
            .into_iter()
            .map(|remedy| Remedy {
                help: format!("{}, for one of the values", remedy.help),
                differs: true,
                ..remedy
            })
            .collect()
    }

    /// A function without a value for anything it is given: other types may have one.
    pub(super) fn of_no_value(&self, node: NodeId) -> Vec<Remedy> {
        let mut remedies = self.with_defaults(node);
        remedies.extend(self.as_one_map(node));
        remedies.extend(self.wrapped_operands(node, &["int(_)", "float(_)", "str(_)"]));
        if self
            .options
            .vocab
            .iter()
            .all(|v| matches!(v, Value::Str(_)))
        {
            let vocab: Vec<Value> = (1..)
                .take(self.options.vocab.len())
                .map(Value::Int)
                .collect();
            let words: Vec<String> = vocab.iter().map(literal).collect();
            remedies.push(Remedy {
                help: format!(
                    "for numbers as tokens, write `#! vocab: {}` at the top, or --vocab {}",
                    words.join(", "),
                    words.join(",")
                ),
                vocab: Some(vocab),
                ..Remedy::default()
            });
        }
        for remedy in &mut remedies {
            remedy.differs = true;
            if remedy.help.contains("int(") && self.has_fractions(node) {
                remedy.help += ", which leaves out what follows the decimal point";
            }
        }
        remedies
    }

    /// A lookup in one branch of a conditional, of which every branch is computed everywhere, as one function of the value
    /// that is looked up: inside of a function only the branch that is taken is.
    fn as_one_map(&self, node: NodeId) -> Option<Remedy> {
        let lookup = self.source.expression(node)?;
        let ExprKind::Binary(Binary::Index, _, key) = &lookup.kind else {
            return None;
        };
        let whole = self.source.conditional(lookup)?;
        let s = self.source.written(key)?;
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        let words = || self.source.text.split(|c| !is_letter(c));
        let mut names = ["x", "t", "value", "looked_up"].into_iter();
        let name = names.find(|name| words().all(|word| word != *name))?;
        let keys = self.source.parts(whole, &s);
        let renamed: Vec<_> = keys.into_iter().map(|key| (key, name.to_owned())).collect();
        let body = self.source.with_parts(whole, &renamed)?;
        let (_, body) = body.edits.into_iter().next()?;
        let body = unbracketed(&body).unwrap_or(&body).to_owned();
        self.source
            .instead(whole, &format!("map({name} -> {body}, {s})"))
    }

    /// Whether an operand has a value with a fraction on one of a few inputs.
    fn has_fractions(&self, node: NodeId) -> bool {
        let graph = self.graph();
        let operands = graph.node(node).kind.children();
        let is_fraction =
            |value: &Value| matches!(value, Value::Float(x) if x.is_finite() && x.fract() != 0.0);
        samples::inputs(self.options).iter().any(|input| {
            operands.iter().any(|operand| {
                let run = interpreter::run(graph, *operand, input, self.options.causal);
                run.is_ok_and(|run| run.values(*operand).iter().any(is_fraction))
            })
        })
    }
}
