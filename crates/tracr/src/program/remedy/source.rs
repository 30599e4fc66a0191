//! The program's text and its syntax tree, by the places that nodes carry.

use std::ops::Range;

use super::edit::Remedy;
use crate::rasp::Program;
use crate::rasp::graph::NodeId;
use crate::rasp::syntax;
use crate::rasp::syntax::ast::{Binary, Expr, ExprKind, Statement, StatementKind};

/// Longer pieces of a program are not repeated in a line of advice.
const LONGEST: usize = 400;

/// The text of a program, whose number among its sources is 0.
pub struct Source<'a> {
    program: &'a Program,
    pub text: &'a str,
    statements: Vec<Statement>,
}

impl<'a> Source<'a> {
    pub fn of(program: &'a Program) -> Self {
        let text = program.sources.0.first().map_or("", |file| &file.text);
        Self {
            program,
            text,
            statements: syntax::parse(0, text, &mut Vec::new()).statements,
        }
    }

    /// The expression that made a node; nothing if a function of the prelude or another file did.
    pub fn expression(&self, node: NodeId) -> Option<&Expr> {
        let (file, range) = self.program.graph.node(node).span.as_ref()?;
        let is = |expr: &&Expr| *file == 0 && expr.span.range == *range;
        self.statements
            .iter()
            .find_map(|statement| in_statement(statement, &is))
    }

    /// As written, in one line.
    pub fn written(&self, expr: &Expr) -> Option<String> {
        in_one_line(self.text.get(expr.span.range.clone())?)
    }

    /// What is written before and after a part of an expression, each in one line.
    pub fn around(&self, whole: &Expr, part: &Expr) -> Option<(String, String)> {
        let (whole, part) = (&whole.span.range, &part.span.range);
        let text = |range: Range<usize>| in_one_line(self.text.get(range)?);
        let ends_in_space = self.text.get(whole.start..part.start)?.ends_with(' ');
        let before = text(whole.start..part.start)?;
        let space = if ends_in_space { " " } else { "" };
        Some((
            before.trim_end().to_owned() + space,
            text(part.end..whole.end)?,
        ))
    }

    /// The smallest conditional that an expression is one of the results of.
    pub fn conditional(&self, of: &Expr) -> Option<&Expr> {
        let is_result = |expr: &&Expr| match &expr.kind {
            ExprKind::If {
                then, otherwise, ..
            } => [then, otherwise]
                .iter()
                .any(|branch| branch.span == of.span),
            _ => false,
        };
        self.statements
            .iter()
            .find_map(|statement| in_statement(statement, &is_result))
    }

    /// The parts of an expression that are written so, from the left.
    pub fn parts<'e>(&self, whole: &'e Expr, written: &str) -> Vec<&'e Expr> {
        let mut found: Vec<&Expr> = Vec::new();
        loop {
            let is_next = |expr: &&Expr| {
                self.written(expr).is_some_and(|text| text == written)
                    && !found.iter().any(|other| other.span == expr.span)
            };
            match in_expression(whole, &is_next) {
                Some(next) => found.push(next),
                None => break,
            }
        }
        found.sort_by_key(|expr| expr.span.range.start);
        found
    }

    /// The remedy of writing something else in the place of an expression.
    pub fn instead(&self, expr: &Expr, new: &str) -> Option<Remedy> {
        self.with_parts(expr, &[(expr, new.to_owned())])
    }

    /// The remedy of writing an expression with other parts. It is shown whole, as the parts may stand
    /// elsewhere too.
    pub fn with_parts(&self, whole: &Expr, parts: &[(&Expr, String)]) -> Option<Remedy> {
        let range = &whole.span.range;
        let mut new = self.text.get(range.clone())?.to_owned();
        for (part, text) in parts.iter().rev() {
            let part = &part.span.range;
            let start = part.start.checked_sub(range.start)?;
            new.replace_range(start..start + part.len(), text);
        }
        let (new, old) = (in_one_line(&new)?, self.written(whole)?);
        Some(Remedy {
            help: format!("write `{new}` instead of `{old}`"),
            edits: vec![(range.clone(), new)],
            ..Remedy::default()
        })
    }
}

/// The text without line breaks; nothing if it has a comment, which would swallow the rest, or is long.
fn in_one_line(text: &str) -> Option<String> {
    let has_comment = text.contains('\n') && text.contains('#');
    let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    (!has_comment && line.len() <= LONGEST).then_some(line)
}

/// The arguments of a call of this function, if that is what the expression is.
pub fn call<'e>(expr: &'e Expr, function: &str) -> Option<&'e [Expr]> {
    match &expr.kind {
        ExprKind::Call(called, arguments) if matches!(&called.kind, ExprKind::Name(name) if name == function) => {
            Some(arguments)
        }
        _ => None,
    }
}

/// What is written, in brackets where an operator beside it could bind tighter.
pub fn atom(expr: &Expr, written: &str) -> String {
    let is_open = match expr.kind {
        ExprKind::Binary(Binary::Index, ..) => false,
        ExprKind::Binary(..) | ExprKind::Unary(..) | ExprKind::If { .. } => {
            unbracketed(written).is_none()
        }
        _ => false,
    };
    if is_open {
        format!("({written})")
    } else {
        written.to_owned()
    }
}

/// What stands between brackets, if they hold all of it.
pub fn unbracketed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'))?;
    let mut open = 0_i32;
    let stays_inside = inner.chars().all(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open >= 0
    });
    stays_inside.then_some(inner)
}

/// The operands that may be s-ops.
pub fn operands(expr: &Expr) -> Vec<&Expr> {
    let all: Vec<&Expr> = match &expr.kind {
        ExprKind::Unary(_, x) => vec![x],
        ExprKind::Binary(_, a, b) => vec![a, b],
        ExprKind::If {
            condition,
            then,
            otherwise,
        } => vec![then, condition, otherwise],
        ExprKind::Call(_, arguments) => arguments.iter().collect(),
        _ => Vec::new(),
    };
    let is_sop = |expr: &&Expr| {
        !matches!(
            expr.kind,
            ExprKind::Literal(_) | ExprKind::Comparator(_) | ExprKind::Lambda { .. }
        )
    };
    all.into_iter().filter(is_sop).collect()
}

fn in_statement<'s>(statement: &'s Statement, is: &impl Fn(&&'s Expr) -> bool) -> Option<&'s Expr> {
    match &statement.kind {
        StatementKind::Assign { value, .. } | StatementKind::Expression(value) => {
            in_expression(value, is)
        }
        StatementKind::Def { function, .. } => function
            .body
            .iter()
            .find_map(|inner| in_statement(inner, is))
            .or_else(|| in_expression(&function.result, is)),
        StatementKind::For { iterable, body, .. } => in_expression(iterable, is)
            .or_else(|| body.iter().find_map(|inner| in_statement(inner, is))),
        StatementKind::Load(_) | StatementKind::Interactive => None,
    }
}

fn in_expression<'s>(expr: &'s Expr, is: &impl Fn(&&'s Expr) -> bool) -> Option<&'s Expr> {
    if is(&expr) {
        return Some(expr);
    }
    let below: Vec<&Expr> = match &expr.kind {
        ExprKind::Name(_) | ExprKind::Literal(_) | ExprKind::Comparator(_) => Vec::new(),
        ExprKind::List(items) => items.iter().collect(),
        ExprKind::Dictionary(entries) => entries
            .iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        ExprKind::Comprehension {
            key,
            value,
            iterable,
            condition,
            ..
        } => [
            key.as_ref(),
            Some(value),
            Some(iterable),
            condition.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(AsRef::as_ref)
        .collect(),
        ExprKind::Unary(_, x) => vec![x],
        ExprKind::Binary(_, a, b) => vec![a, b],
        ExprKind::If {
            condition,
            then,
            otherwise,
        } => vec![then, condition, otherwise],
        ExprKind::Call(function, arguments) => {
            std::iter::once(&**function).chain(arguments).collect()
        }
        ExprKind::Lambda { body, .. } => vec![body],
    };
    below.into_iter().find_map(|inner| in_expression(inner, is))
}
