//! Expressions: what each stands for.

use std::sync::Arc;

use super::builtin::Builtin;
use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Callable, Home, Item, List, MAX_NESTING, Scope};
use super::positions::INPUTS;
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span, nearest};
use crate::rasp::formula;
use crate::rasp::python;
use crate::rasp::syntax::ast::{Expr, ExprKind, Name};

/// Longer names are not repeated in a line of advice.
const LONGEST_NAME: usize = 40;

impl Elaborator {
    /// What the expression stands for.
    pub(super) fn evaluate(&mut self, expr: &Expr) -> Outcome<Item> {
        let item = self.nested(&expr.span, |this| this.kind(expr))?;
        if let Item::Value(value) = &item {
            self.charge(formula::steps_of(value), &expr.span)?;
        }
        Ok(item)
    }

    fn kind(&mut self, expr: &Expr) -> Outcome<Item> {
        match &expr.kind {
            ExprKind::Name(name) => self.look_up(name, &expr.span),
            ExprKind::Literal(value) => Ok(Item::Value(value.clone())),
            ExprKind::List(items) => {
                let items = items
                    .iter()
                    .map(|e| self.evaluate(e))
                    .collect::<Outcome<Vec<_>>>()?;
                self.list(items, &expr.span)
            }
            ExprKind::Dictionary(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| Ok((self.argument(key)?, self.argument(value)?)))
                    .collect::<Outcome<Vec<_>>>()?;
                self.dictionary(entries, &expr.span)
            }
            ExprKind::Comprehension {
                key,
                value,
                targets,
                iterable,
                condition,
            } => {
                let items = self.evaluate(iterable)?;
                let items = self.elements(&items, &iterable.span)?;
                let condition = condition.as_deref();
                match key {
                    None => {
                        let list =
                            self.comprehension(targets, items, condition, &value.span, |this| {
                                this.evaluate(value)
                            })?;
                        self.list(list, &expr.span)
                    }
                    Some(key) => {
                        let entries =
                            self.comprehension(targets, items, condition, &value.span, |this| {
                                Ok((this.argument(key)?, this.argument(value)?))
                            })?;
                        self.dictionary(entries, &expr.span)
                    }
                }
            }
            ExprKind::Unary(operator, x) => {
                let argument = self.argument(x)?;
                self.unary(*operator, &argument, &expr.span)
            }
            ExprKind::Binary(operator, a, b) => {
                let a = self.argument(a)?;
                let b = self.argument(b)?;
                self.binary(*operator, &a, &b, &expr.span)
            }
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.argument(condition)?;
                if let Some(decided) = self.decided(&condition) {
                    return self.evaluate(if decided { then } else { otherwise });
                }
                let then = self.argument(then)?;
                let otherwise = self.argument(otherwise)?;
                self.choice(&condition, &then, &otherwise, &expr.span)
            }
            ExprKind::Call(function, arguments) => {
                let function = self.argument(function)?;
                let arguments = arguments
                    .iter()
                    .map(|e| self.argument(e))
                    .collect::<Outcome<Vec<_>>>()?;
                self.call(&function, &arguments, &expr.span)
            }
            ExprKind::Comparator(operator) => Ok(Item::Comparator(*operator)),
            ExprKind::Lambda { parameters, body } => {
                Ok(Item::Function(Arc::new(Callable::Lambda {
                    parameters: parameters.clone(),
                    body: Arc::clone(body),
                    around: self.captured(&expr.span)?,
                    home: self.home,
                })))
            }
        }
    }

    /// The item of an expression with its place.
    pub(super) fn argument(&mut self, expr: &Expr) -> Outcome<Argument> {
        match self.evaluate(expr)? {
            Item::Unknown => Err(Box::new(Problem::silent())),
            item => Ok(Argument {
                item,
                span: expr.span.clone(),
            }),
        }
    }

    pub(super) fn list(&mut self, items: Vec<Item>, span: &Span) -> Outcome<Item> {
        self.charge(items.len(), span)?;
        List::new(items).map(Item::List).ok_or_else(|| {
            let message =
                format!("lists are nested too deep, more than {MAX_NESTING} in each other");
            let problem = Problem::new(span, message, "here");
            Box::new(problem.help("join lists with `+` instead of putting one into the other"))
        })
    }

    /// What `make` gives for each of the items that fulfil the condition. Each has a scope of its own,
    /// which a lambda that is made there keeps.
    fn comprehension<T>(
        &mut self,
        targets: &[Name],
        items: Vec<Item>,
        condition: Option<&Expr>,
        span: &Span,
        make: impl Fn(&mut Self) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let mut made = Vec::new();
        for item in items {
            self.locals.push(Scope::new());
            let outcome = self.unpack(targets, item, span).and_then(|()| {
                let fulfilled = match condition {
                    Some(condition) => self.fulfilled(condition)?,
                    None => true,
                };
                fulfilled.then(|| make(self)).transpose()
            });
            self.locals.pop();
            made.extend(outcome?);
        }
        Ok(made)
    }

    /// Whether the condition of a comprehension is true.
    fn fulfilled(&mut self, condition: &Expr) -> Outcome<bool> {
        let argument = self.argument(condition)?;
        self.decided(&argument).ok_or_else(|| {
            let found = argument.item.describe();
            let message = format!("the condition is {found}, not a constant");
            Box::new(Problem::new(&argument.span, message, "here").help(
                "a list is made at compile time: for a value that depends on the input write \
                 `a if condition else b`",
            ))
        })
    }

    /// Whether a condition is true, if that is known now.
    fn decided(&self, condition: &Argument) -> Option<bool> {
        match &condition.item {
            Item::Value(value) => Some(python::truthy(value)),
            Item::List(list) => Some(!list.items.is_empty()),
            Item::Dictionary(dictionary) => Some(!dictionary.keys.is_empty()),
            _ => None,
        }
    }

    fn look_up(&mut self, name: &str, span: &Span) -> Outcome<Item> {
        if let Some(item) = self.locals.get(name) {
            return Ok(item.clone());
        }
        if let Home::File(file) = self.home
            && let Some(item) = self.files[file].get(name)
        {
            return Ok(item.clone());
        }
        if name == "indices" {
            return Ok(Item::Sop(self.indices));
        }
        if let Some(input) = self.input_called(name, span)? {
            return Ok(Item::Sop(input));
        }
        if let Some(item) = self.of_prelude(name) {
            return Ok(item.clone());
        }
        if let Some(builtin) = Builtin::named(name) {
            return Ok(Item::Function(Arc::new(Callable::Builtin(builtin))));
        }
        Err(Box::new(
            Problem::new(
                span,
                format!("there is no name `{name}`"),
                "not assigned before this",
            )
            .maybe_help(self.suggestion(name)),
        ))
    }

    /// What the prelude calls by this name.
    pub(super) fn of_prelude(&self, name: &str) -> Option<&Item> {
        // While the prelude itself is being read its names are still the globals.
        let prelude = if self.prelude.is_empty() {
            self.globals()
        } else {
            &self.prelude
        };
        prelude.get(name)
    }

    fn suggestion(&self, name: &str) -> Option<String> {
        let foreign = match name {
            "lambda" => "write a lambda as `x -> x + 1` or `(x, y) -> x + y`",
            "print" | "draw" | "set" | "show" | "examples" => {
                "commands of the interactive RASP are not part of a program: see `compress run`"
            }
            "while" | "elif" | "import" => "RASP has no such statement",
            "out" => {
                "the published RASP calls the last expression `out`: give it a name of its own"
            }
            "max_seq_len" => "set it in the header, as `#! max_seq_len: 5`, or with --max-seq-len",
            "Select" => "write `select(keys, queries, ==)`",
            "Aggregate" => "write `aggregate(selector, sop)`",
            "SelectorWidth" => "write `selector_width(selector)`",
            _ => "",
        };
        if !foreign.is_empty() {
            return Some(foreign.to_owned());
        }
        let mut known: Vec<&str> = Builtin::names().collect();
        let file = match self.home {
            Home::File(file) => &self.files[file],
            Home::Prelude => &self.prelude,
        };
        known.extend(self.locals.names());
        for scope in [file, &self.prelude] {
            known.extend(scope.keys().map(String::as_str));
        }
        known.extend(INPUTS);
        known.push("indices");
        nearest(name, known).or_else(|| {
            (name.len() <= LONGEST_NAME).then(|| {
                format!(
                    "assign it first, as `{name} = ...;`, or write `\"{name}\"` if it is a text"
                )
            })
        })
    }

    /// The constant that the argument is, if it is one; lists of constants are tuples.
    pub(super) fn constant(&mut self, argument: &Argument) -> Outcome<Option<Value>> {
        match &argument.item {
            Item::Value(value) => Ok(Some(value.clone())),
            Item::List(list) => {
                self.charge(list.items.len(), &argument.span)?;
                let mut values = Vec::new();
                for item in list.items.iter() {
                    let inner = Argument {
                        item: item.clone(),
                        span: argument.span.clone(),
                    };
                    let Some(value) = self.constant(&inner)? else {
                        return Ok(None);
                    };
                    values.push(value);
                }
                let tuple = python::arithmetic::bounded(Value::Tuple(values));
                tuple.map(Some).map_err(|e| {
                    let problem = Problem::new(&argument.span, e.0, "this list");
                    Box::new(problem.help("make it shorter, or several of it"))
                })
            }
            _ => Ok(None),
        }
    }
}
