//! Calls of functions of the program, and what a lambda computes.

use std::sync::Arc;

use super::elaborator::{Elaborator, Outcome};
use super::item::{Argument, Callable, Home, Item, ScopeId};
use super::operators::{CONSTANTS, NO_RESULT, ONE_POSITION};
use crate::rasp::diagnostics::{Problem, Span};
use crate::rasp::formula::Formula;
use crate::rasp::program::PRELUDE_FILE;
use crate::rasp::syntax::ast::Name;

/// Callers that a report shows.
const MAX_CALLERS: usize = 2;

impl Elaborator {
    /// The result of a call.
    pub(super) fn call(
        &mut self,
        function: &Argument,
        arguments: &[Argument],
        span: &Span,
    ) -> Outcome<Item> {
        let Item::Function(callable) = &function.item else {
            let problem = Problem::new(
                &function.span,
                format!("{} is called like a function", function.item.describe()),
                function.item.describe(),
            );
            return Err(Box::new(match function.item {
                Item::Sop(_) => problem
                    .help("a program does not contain its input: give that to `compress run`"),
                Item::Selector(_) => problem
                    .help("make an s-op of it by `aggregate(selector, s)` or `selector_width`"),
                Item::List(_) => problem.help("an element of a list is `list[0]`"),
                Item::Dictionary(_) => problem.help("the value of a key is `d[\"key\"]`"),
                _ => problem.help("for a product write `*`"),
            }));
        };
        match &**callable {
            Callable::Builtin(builtin) => self.builtin(*builtin, arguments, span),
            Callable::Either(functions) => {
                let given = |callable: &&Arc<Callable>| callable.parameters() == arguments.len();
                let Some(fits) = functions.iter().find(given) else {
                    let takes: Vec<String> = functions
                        .iter()
                        .map(|callable| callable.parameters().to_string())
                        .collect();
                    let takes = takes.join(" or ");
                    let given = arguments.len();
                    let called = functions.iter().find_map(|function| match &**function {
                        Callable::Def { name, .. } => Some(format!("`{name}`")),
                        _ => None,
                    });
                    let called = called.unwrap_or_else(|| "this function".into());
                    let message = format!("{called} takes {takes} arguments, not {given}");
                    let problem = Problem::new(span, message, format!("{} given", count(given)));
                    return Err(Box::new(
                        problem.help("give one of these numbers of arguments"),
                    ));
                };
                let function = Argument {
                    item: Item::Function(Arc::clone(fits)),
                    span: function.span.clone(),
                };
                self.call(&function, arguments, span)
            }
            Callable::Def {
                name,
                function,
                around,
                home,
            } => {
                let caller = *home == Home::Prelude && self.home != Home::Prelude;
                let outer = self.blamed.clone();
                if caller && self.blamed.is_none() {
                    self.blamed = Some(span.clone());
                }
                let called = format!("`{name}`");
                let function = Arc::clone(function);
                let run = |this: &mut Self| {
                    for statement in &function.body {
                        this.statement(statement)?;
                    }
                    this.evaluate(&function.result)
                };
                let outcome = self.enter(
                    &called,
                    &function.parameters,
                    around,
                    *home,
                    arguments,
                    span,
                    run,
                );
                self.blamed = outer;
                let outcome = outcome.map_err(|problem| self.called_from(problem, span));
                if !caller {
                    return outcome;
                }
                let parameters = function.parameters.iter().map(|name| name.text.as_str());
                let parameters: Vec<&str> = parameters.collect();
                outcome.map_err(|problem| of_arguments(problem, &called, &parameters))
            }
            Callable::Lambda {
                parameters,
                body,
                around,
                home,
            } => {
                let body = Arc::clone(body);
                let run = |this: &mut Self| this.evaluate(&body);
                self.enter(
                    "this lambda",
                    parameters,
                    around,
                    *home,
                    arguments,
                    span,
                    run,
                )
            }
        }
    }

    fn called_from(&self, mut problem: Box<Problem>, span: &Span) -> Box<Problem> {
        let shown = problem.labels.iter().any(|(shown, _)| shown == span);
        if !problem.is_silent() && !shown && problem.labels.len() <= MAX_CALLERS {
            problem.labels.push((span.clone(), "in this call".into()));
        }
        problem
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a function and of its call"
    )]
    fn enter(
        &mut self,
        called: &str,
        parameters: &[Name],
        around: &[ScopeId],
        home: Home,
        arguments: &[Argument],
        span: &Span,
        run: impl FnOnce(&mut Self) -> Outcome<Item>,
    ) -> Outcome<Item> {
        if parameters.len() != arguments.len() {
            let names: Vec<&str> = parameters.iter().map(|name| name.text.as_str()).collect();
            return Err(Box::new(
                Problem::new(
                    span,
                    format!(
                        "{called} takes {}, not {}",
                        count(parameters.len()),
                        arguments.len()
                    ),
                    format!("{} given", count(arguments.len())),
                )
                .help(format!("its parameters are ({})", names.join(", "))),
            ));
        }
        self.charge(around.len() + arguments.len(), span)?;
        let scope = parameters
            .iter()
            .zip(arguments)
            .map(|(name, argument)| (name.text.clone(), argument.item.clone()))
            .collect();
        let outer = self.locals.enter(around, scope);
        let outer_home = std::mem::replace(&mut self.home, home);
        let outcome = self.nested(span, run);
        self.locals.leave(outer);
        self.home = outer_home;
        outcome
    }

    /// What `function` computes from these, as a formula: it must not need an s-op.
    pub(super) fn formula_of(
        &mut self,
        function: &Argument,
        operands: &[Arc<Formula>],
        span: &Span,
    ) -> Outcome<Arc<Formula>> {
        if !matches!(function.item, Item::Function(_)) {
            let message = format!("expected a function, found {}", function.item.describe());
            return Err(Box::new(
                Problem::new(&function.span, message, function.item.describe())
                    .help("write it as `x -> x + 1` or `(x, y) -> x + y`"),
            ));
        }
        let arguments: Vec<Argument> = operands
            .iter()
            .map(|f| Argument {
                item: Item::Symbol(f.clone()),
                span: span.clone(),
            })
            .collect();
        let item = self.call(function, &arguments, &function.span)?;
        let result = Argument {
            item,
            span: function.span.clone(),
        };
        let formula = self.as_formula(&result, "the result of a function of values")?;
        self.bounded(formula, span)
    }

    /// A constant, a list of constants or a part of a lambda as a formula.
    pub(super) fn as_formula(&mut self, argument: &Argument, what: &str) -> Outcome<Arc<Formula>> {
        if let Item::Symbol(formula) = &argument.item {
            return Ok(formula.clone());
        }
        if let Some(value) = self.constant(argument)? {
            return Ok(Formula::constant(value));
        }
        match &argument.item {
            Item::List(list) => {
                let mut items = Vec::new();
                for item in list.items.iter() {
                    let inner = Argument {
                        item: item.clone(),
                        span: argument.span.clone(),
                    };
                    items.push(self.as_formula(&inner, what)?);
                }
                Ok(Formula::tuple(items))
            }
            Item::Unknown => Err(Box::new(Problem::silent())),
            other => Err(Box::new(
                Problem::new(
                    &argument.span,
                    format!("{what} is {}, but must be a value", other.describe()),
                    other.describe(),
                )
                .help(ONE_POSITION),
            )),
        }
    }
}

/// A problem within a function of the prelude, as one of what it is given: whoever calls it did not write its text.
fn of_arguments(mut problem: Box<Problem>, called: &str, parameters: &[&str]) -> Box<Problem> {
    let given = problem.labels.len();
    problem.labels.retain(|(span, _)| span.file != PRELUDE_FILE);
    if problem.labels.len() < given {
        let reason = problem.message.strip_prefix(NO_RESULT);
        let reason = reason.unwrap_or(&problem.message);
        problem.message = format!("{called} has no result for these arguments: {reason}");
        if problem.help.as_deref() == Some(CONSTANTS) {
            problem.help = Some(format!("its parameters are ({})", parameters.join(", ")));
        }
    }
    problem
}

/// `1 argument`, `2 arguments`.
pub(super) fn count(arguments: usize) -> String {
    format!(
        "{arguments} argument{}",
        if arguments == 1 { "" } else { "s" }
    )
}
