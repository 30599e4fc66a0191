//! Functions of one or two values as data: what an operator or a lambda of the source does at each
//! position. Being data they can be put into each other (map of map is one map, as in Tracr) and
//! printed.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use super::graph::{Function, ValueError};
use super::operation::{binary, unary};
use super::python::{self, Key, literal};
use super::syntax::ast::{Binary, Unary};
use crate::model::Value;

/// Formulas higher than this are refused.
pub const MAX_HEIGHT: usize = 500;

/// Characters and elements that the shared parts of a formula hold while it is evaluated.
const MAX_HELD: usize = 1 << 20;

/// Characters or elements of a constant that count as a step.
const SIZE_OF_A_STEP: usize = 16;

/// Printed formulas stop here.
const MAX_TEXT: usize = 60;

/// A function of the values `Argument(0)`, `Argument(1)`. Parts may be shared.
#[derive(Clone, Debug)]
pub struct Formula {
    kind: FormulaKind,
    height: usize,
}

#[derive(Clone, Debug)]
enum FormulaKind {
    Constant(Value),
    Argument(usize),
    Unary(Unary, Arc<Formula>),
    Binary(Binary, Arc<Formula>, Arc<Formula>),
    If {
        condition: Arc<Formula>,
        then: Arc<Formula>,
        otherwise: Arc<Formula>,
    },
    Tuple(Vec<Arc<Formula>>),
    Table(Asked, Arc<Table>, Arc<Formula>),
}

/// What is asked of a table.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// The value of a key.
    Value,
    /// Whether it is a key.
    IsKey,
}

/// A dictionary of constants.
#[derive(Debug)]
pub struct Table {
    values: HashMap<Key, Value>,
    text: String,
    /// What is said of what is no key of it.
    missing: &'static str,
    steps: usize,
}

impl Table {
    /// `values` has a value for each of the keys.
    pub fn new(keys: &[Value], values: HashMap<Key, Value>) -> Self {
        let mut text = String::from("{");
        for (i, key) in keys.iter().enumerate() {
            if text.len() > MAX_TEXT {
                text.push_str(", ...");
                break;
            }
            let value = values
                .get(&Key(key.clone()))
                .map_or_else(String::new, literal);
            text.push_str(if i > 0 { ", " } else { "" });
            let _ = write!(text, "{}: {value}", literal(key));
        }
        text.push('}');
        let steps = values.values().map(steps_of).max().unwrap_or(0);
        Self {
            values,
            text,
            missing: "is not a key of the dictionary",
            steps,
        }
    }

    /// The places of the values that `max` or `min` of a selector compares, in their order.
    pub fn of_places(places: HashMap<Key, Value>) -> Self {
        Self {
            text: "place".into(),
            missing: "is not one of the values that are compared",
            ..Self::new(&[], places)
        }
    }

    fn ask(&self, asked: Asked, key: Value) -> Result<Value, ValueError> {
        let key = Key(key);
        match (asked, self.values.get(&key)) {
            (Asked::IsKey, found) => Ok(Value::Bool(found.is_some())),
            (Asked::Value, Some(value)) => Ok(value.clone()),
            (Asked::Value, None) => {
                Err(ValueError(format!("{} {}", literal(&key.0), self.missing)))
            }
        }
    }
}

impl Formula {
    /// Always this value.
    pub fn constant(value: Value) -> Arc<Self> {
        Arc::new(Self {
            kind: FormulaKind::Constant(value),
            height: 1,
        })
    }

    /// The argument of this number.
    pub fn argument(number: usize) -> Arc<Self> {
        Arc::new(Self {
            kind: FormulaKind::Argument(number),
            height: 1,
        })
    }

    /// `operator x`
    pub fn unary(operator: Unary, x: Arc<Self>) -> Arc<Self> {
        let height = x.height + 1;
        Arc::new(Self {
            kind: FormulaKind::Unary(operator, x),
            height,
        })
    }

    /// `a operator b`
    pub fn binary(operator: Binary, a: Arc<Self>, b: Arc<Self>) -> Arc<Self> {
        let height = a.height.max(b.height) + 1;
        Arc::new(Self {
            kind: FormulaKind::Binary(operator, a, b),
            height,
        })
    }

    /// `then if condition else otherwise`; only the branch taken is evaluated.
    pub fn choice(condition: Arc<Self>, then: Arc<Self>, otherwise: Arc<Self>) -> Arc<Self> {
        let height = condition.height.max(then.height).max(otherwise.height) + 1;
        Arc::new(Self {
            kind: FormulaKind::If {
                condition,
                then,
                otherwise,
            },
            height,
        })
    }

    /// `(a, b, ...)`
    pub fn tuple(items: Vec<Arc<Self>>) -> Arc<Self> {
        let height = items.iter().map(|item| item.height).max().unwrap_or(0) + 1;
        Arc::new(Self {
            kind: FormulaKind::Tuple(items),
            height,
        })
    }

    /// The value that the table has for a key.
    pub fn lookup(table: Arc<Table>, key: Arc<Self>) -> Arc<Self> {
        Self::table(Asked::Value, table, key)
    }

    /// Whether the table has a key.
    pub fn is_key(table: Arc<Table>, key: Arc<Self>) -> Arc<Self> {
        Self::table(Asked::IsKey, table, key)
    }

    fn table(asked: Asked, table: Arc<Table>, key: Arc<Self>) -> Arc<Self> {
        let height = key.height + 1;
        Arc::new(Self {
            kind: FormulaKind::Table(asked, table, key),
            height,
        })
    }

    /// The height of the tree, for [`MAX_HEIGHT`].
    pub fn height(&self) -> usize {
        self.height
    }

    /// How many parts it has, for limits: one that several others share counts once, a constant with
    /// [`steps_of`] its value.
    pub fn size(self: &Arc<Self>) -> usize {
        let mut seen = HashSet::new();
        let mut pending = vec![self];
        let mut size = 0;
        while let Some(formula) = pending.pop() {
            if seen.insert(Arc::as_ptr(formula)) {
                pending.extend(formula.parts());
                size += match &formula.kind {
                    FormulaKind::Constant(value) => 1 + steps_of(value),
                    FormulaKind::Table(_, table, _) => 1 + table.steps,
                    _ => 1,
                };
            }
        }
        size
    }

    fn parts(&self) -> Vec<&Arc<Self>> {
        match &self.kind {
            FormulaKind::Constant(_) | FormulaKind::Argument(_) => Vec::new(),
            FormulaKind::Unary(_, x) | FormulaKind::Table(_, _, x) => vec![x],
            FormulaKind::Binary(_, a, b) => vec![a, b],
            FormulaKind::If {
                condition,
                then,
                otherwise,
            } => vec![condition, then, otherwise],
            FormulaKind::Tuple(items) => items.iter().collect(),
        }
    }

    /// The same with `arguments[i]` in the place of argument `i`.
    pub fn substitute(self: &Arc<Self>, arguments: &[Arc<Self>]) -> Arc<Self> {
        substitute(self, arguments, &mut HashMap::new())
    }

    /// For the graph, with arguments called by these names in its text.
    pub fn function(self: &Arc<Self>, names: &[&str]) -> Function {
        let text = self.text(names);
        let steps = Steps::new(self);
        Function {
            text,
            cost: self.size(),
            call: Arc::new(move |arguments| steps.run(arguments)),
        }
    }

    /// As it would be written in a source, cut after `MAX_TEXT` characters.
    pub fn text(&self, names: &[&str]) -> String {
        let mut out = String::new();
        self.write(names, &mut out, true);
        if out.chars().count() > MAX_TEXT {
            out = out.chars().take(MAX_TEXT).collect::<String>() + "...";
        }
        out
    }

    fn write(&self, names: &[&str], out: &mut String, outermost: bool) {
        if out.len() > 2 * MAX_TEXT {
            return;
        }
        let call = |out: &mut String, name: &str, items: &[&Arc<Self>]| {
            let _ = write!(out, "{name}(");
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                item.write(names, out, true);
            }
            out.push(')');
        };
        match &self.kind {
            FormulaKind::Constant(value) => out.push_str(&literal(value)),
            FormulaKind::Argument(i) => out.push_str(names.get(*i).copied().unwrap_or("_")),
            FormulaKind::Unary(Unary::NotNone | Unary::Truth | Unary::Plus, x) => {
                x.write(names, out, outermost);
            }
            FormulaKind::Table(Asked::Value, table, key) => {
                let _ = write!(out, "{}[", table.text);
                key.write(names, out, true);
                out.push(']');
            }
            FormulaKind::Table(Asked::IsKey, table, key) => {
                out.push_str(if outermost { "" } else { "(" });
                key.write(names, out, false);
                let _ = write!(out, " in {}", table.text);
                out.push_str(if outermost { "" } else { ")" });
            }
            FormulaKind::Unary(Unary::Negate, x) => {
                out.push('-');
                x.write(names, out, false);
            }
            FormulaKind::Unary(Unary::Not, x) => {
                out.push_str(if outermost { "not " } else { "(not " });
                x.write(names, out, false);
                out.push_str(if outermost { "" } else { ")" });
            }
            FormulaKind::Unary(operator, x) => call(out, operator.text(), &[x]),
            FormulaKind::Tuple(items) => {
                call(out, "", &items.iter().collect::<Vec<_>>());
                if items.len() == 1 {
                    out.insert(out.len() - 1, ',');
                }
            }
            FormulaKind::Binary(Binary::Always, ..) => out.push_str("true"),
            FormulaKind::Binary(Binary::Never, ..) => out.push_str("false"),
            FormulaKind::Binary(operator @ (Binary::Min | Binary::Max), a, b) => {
                call(out, operator.text(), &[a, b]);
            }
            FormulaKind::Binary(Binary::Index, a, b) => {
                a.write(names, out, false);
                out.push('[');
                b.write(names, out, true);
                out.push(']');
            }
            FormulaKind::Binary(operator, a, b) => {
                out.push_str(if outermost { "" } else { "(" });
                a.write(names, out, false);
                let _ = write!(out, " {} ", operator.text());
                b.write(names, out, false);
                out.push_str(if outermost { "" } else { ")" });
            }
            FormulaKind::If {
                condition,
                then,
                otherwise,
            } => {
                out.push_str(if outermost { "" } else { "(" });
                then.write(names, out, false);
                out.push_str(" if ");
                condition.write(names, out, false);
                out.push_str(" else ");
                otherwise.write(names, out, false);
                out.push_str(if outermost { "" } else { ")" });
            }
        }
    }
}

/// How many steps a copy of a value counts as: none, if it is small.
pub fn steps_of(value: &Value) -> usize {
    python::arithmetic::size(value) / SIZE_OF_A_STEP
}

type Known = HashMap<*const Formula, Arc<Formula>>;

fn substitute(
    formula: &Arc<Formula>,
    arguments: &[Arc<Formula>],
    known: &mut Known,
) -> Arc<Formula> {
    if let Some(done) = known.get(&Arc::as_ptr(formula)) {
        return done.clone();
    }
    let mut inner = |part: &Arc<Formula>| substitute(part, arguments, known);
    let done = match &formula.kind {
        FormulaKind::Constant(_) => formula.clone(),
        FormulaKind::Argument(i) => arguments.get(*i).unwrap_or(formula).clone(),
        FormulaKind::Unary(operator, x) => Formula::unary(*operator, inner(x)),
        FormulaKind::Binary(operator, a, b) => Formula::binary(*operator, inner(a), inner(b)),
        FormulaKind::If {
            condition,
            then,
            otherwise,
        } => Formula::choice(inner(condition), inner(then), inner(otherwise)),
        FormulaKind::Tuple(items) => Formula::tuple(items.iter().map(inner).collect()),
        FormulaKind::Table(asked, table, key) => {
            Formula::table(*asked, Arc::clone(table), inner(key))
        }
    };
    known.insert(Arc::as_ptr(formula), done.clone());
    done
}

/// A formula laid out for evaluation: parts that several others share are evaluated once.
struct Steps {
    steps: Vec<Step>,
    has_shared: bool,
}

struct Step {
    kind: StepKind,
    shared: bool,
}

enum StepKind {
    Constant(Value),
    Argument(usize),
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    If(usize, usize, usize),
    Tuple(Vec<usize>),
    Table(Asked, Arc<Table>, usize),
}

impl Steps {
    fn new(formula: &Arc<Formula>) -> Self {
        let mut steps = Vec::new();
        lay_out(formula, &mut steps, &mut HashMap::new());
        let has_shared = steps.iter().any(|step: &Step| step.shared);
        Self { steps, has_shared }
    }

    fn run(&self, arguments: &[Value]) -> Result<Value, ValueError> {
        let places = if self.has_shared { self.steps.len() } else { 0 };
        let mut known = vec![None; places];
        let last = self.steps.len().saturating_sub(1);
        let value = self.step(last, arguments, &mut known, &Cell::new(0))?;
        Ok(value.into_owned())
    }

    /// Constants and arguments as they lie there, which is most of what operators are given.
    fn step<'a>(
        &'a self,
        number: usize,
        arguments: &'a [Value],
        known: &mut [Option<Value>],
        held: &Cell<usize>,
    ) -> Result<Cow<'a, Value>, ValueError> {
        let Some(step) = self.steps.get(number) else {
            return Err(ValueError("an empty formula has no value".into()));
        };
        if step.shared
            && let Some(Some(value)) = known.get(number)
        {
            return Ok(Cow::Owned(value.clone()));
        }
        let mut at = |number: &usize| self.step(*number, arguments, known, held);
        let value = match &step.kind {
            StepKind::Constant(value) => Cow::Borrowed(value),
            StepKind::Argument(i) => Cow::Borrowed(
                arguments
                    .get(*i)
                    .ok_or_else(|| ValueError(format!("argument {} is missing", i + 1)))?,
            ),
            StepKind::Unary(operator, x) => Cow::Owned(unary(*operator, at(x)?.as_ref())?),
            StepKind::Binary(Binary::And, a, b) => {
                let a = at(a)?;
                if python::truthy(&a) { at(b)? } else { a }
            }
            StepKind::Binary(Binary::Or, a, b) => {
                let a = at(a)?;
                if python::truthy(&a) { a } else { at(b)? }
            }
            StepKind::Binary(operator, a, b) => {
                let a = at(a)?;
                Cow::Owned(binary(*operator, a.as_ref(), at(b)?.as_ref())?)
            }
            StepKind::If(condition, then, otherwise) => {
                let decided = python::truthy(at(condition)?.as_ref());
                at(if decided { then } else { otherwise })?
            }
            StepKind::Table(asked, table, key) => {
                Cow::Owned(table.ask(*asked, at(key)?.into_owned())?)
            }
            StepKind::Tuple(items) => {
                let items = items.iter().map(|item| Ok(at(item)?.into_owned()));
                let items = items.collect::<Result<Vec<_>, ValueError>>()?;
                Cow::Owned(python::arithmetic::bounded(Value::Tuple(items))?)
            }
        };
        if step.shared
            && let Some(place) = known.get_mut(number)
        {
            held.set(held.get() + python::arithmetic::size(&value));
            if held.get() > MAX_HELD {
                return Err(ValueError(format!(
                    "the values on the way to it are larger than {MAX_HELD} altogether"
                )));
            }
            *place = Some(value.clone().into_owned());
        }
        Ok(value)
    }
}

fn lay_out(
    formula: &Arc<Formula>,
    steps: &mut Vec<Step>,
    known: &mut HashMap<*const Formula, usize>,
) -> usize {
    if let Some(number) = known.get(&Arc::as_ptr(formula)) {
        if let Some(step) = steps.get_mut(*number) {
            step.shared = !matches!(step.kind, StepKind::Constant(_) | StepKind::Argument(_));
        }
        return *number;
    }
    let mut inner = |part: &Arc<Formula>| lay_out(part, steps, known);
    let kind = match &formula.kind {
        FormulaKind::Constant(value) => StepKind::Constant(value.clone()),
        FormulaKind::Argument(i) => StepKind::Argument(*i),
        FormulaKind::Unary(operator, x) => StepKind::Unary(*operator, inner(x)),
        FormulaKind::Binary(operator, a, b) => StepKind::Binary(*operator, inner(a), inner(b)),
        FormulaKind::If {
            condition,
            then,
            otherwise,
        } => StepKind::If(inner(condition), inner(then), inner(otherwise)),
        FormulaKind::Tuple(items) => StepKind::Tuple(items.iter().map(inner).collect()),
        FormulaKind::Table(asked, table, key) => {
            StepKind::Table(*asked, Arc::clone(table), inner(key))
        }
    };
    steps.push(Step {
        kind,
        shared: false,
    });
    known.insert(Arc::as_ptr(formula), steps.len() - 1);
    steps.len() - 1
}
