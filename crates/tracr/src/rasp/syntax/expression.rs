//! Tokens to expressions, by precedence climbing. As in Python, from loosest to tightest: lambda,
//! `if else`, `or`, `and`, `not`, comparisons and `in`, `+ -`, `* / // %`, sign, `^`, call and index.

use std::sync::Arc;

use super::ast::{Binary, Expr, ExprKind, Name, Unary};
use super::parser::{MAX_DEPTH, PYTHON, Parsed, Parser, too_deep};
use super::published::{self, Infix};
use super::token::{Keyword, Sign, TokenKind};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};

/// The height of an expression's tree; `1 + 1 + 1 + ...` is as high as it is long.
const MAX_HEIGHT: usize = 2 * MAX_DEPTH;

const COMPARISON: u8 = 4;

/// Precedence of `not x`: its operand holds comparisons.
const NOT: u8 = 3;

/// Precedence of `-x`: its operand holds powers.
const SIGN: u8 = 7;

fn binary(token: &TokenKind) -> Option<(Binary, u8)> {
    Some(match token {
        TokenKind::Keyword(Keyword::Or) => (Binary::Or, 1),
        TokenKind::Keyword(Keyword::And) => (Binary::And, 2),
        TokenKind::Keyword(Keyword::In) => (Binary::In, COMPARISON),
        TokenKind::Sign(sign) => match sign {
            Sign::Plus => (Binary::Add, 5),
            Sign::Minus => (Binary::Subtract, 5),
            Sign::Times => (Binary::Multiply, 6),
            Sign::Divide => (Binary::Divide, 6),
            Sign::FloorDivide => (Binary::FloorDivide, 6),
            Sign::Modulo => (Binary::Modulo, 6),
            Sign::Power | Sign::Power2 => (Binary::Power, 8),
            sign => (comparison(*sign)?, COMPARISON),
        },
        _ => return None,
    })
}

fn comparison(sign: Sign) -> Option<Binary> {
    Some(match sign {
        Sign::Equal => Binary::Equal,
        Sign::Unequal => Binary::Unequal,
        Sign::Less => Binary::Less,
        Sign::AtMost => Binary::AtMost,
        Sign::Greater => Binary::Greater,
        Sign::AtLeast => Binary::AtLeast,
        _ => return None,
    })
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn node(kind: ExprKind, span: Span) -> Parsed<Expr> {
    let below = match &kind {
        ExprKind::Name(_) | ExprKind::Literal(_) | ExprKind::Comparator(_) => 0,
        ExprKind::List(items) => highest(items),
        ExprKind::Dictionary(entries) => {
            let depths = entries
                .iter()
                .map(|(key, value)| key.depth.max(value.depth));
            depths.max().unwrap_or(0)
        }
        ExprKind::Comprehension {
            key,
            value,
            iterable,
            condition,
            ..
        } => value
            .depth
            .max(iterable.depth)
            .max(key.as_ref().map_or(0, |k| k.depth))
            .max(condition.as_ref().map_or(0, |c| c.depth)),
        ExprKind::Unary(_, x) => x.depth,
        ExprKind::Binary(_, a, b) => a.depth.max(b.depth),
        ExprKind::If {
            condition,
            then,
            otherwise,
        } => condition.depth.max(then.depth).max(otherwise.depth),
        ExprKind::Call(f, arguments) => f.depth.max(highest(arguments)),
        ExprKind::Lambda { body, .. } => body.depth,
    };
    if below >= MAX_HEIGHT {
        return Err(Box::new(too_deep(&span)));
    }
    Ok(Expr {
        kind,
        span,
        depth: below + 1,
        bracketed: false,
    })
}

fn highest(items: &[Expr]) -> usize {
    items.iter().map(|item| item.depth).max().unwrap_or(0)
}

impl Parser {
    /// `x`, or `x, y`, which is a list.
    pub fn expressions(&mut self) -> Parsed<Expr> {
        let first = self.expression()?;
        if !self.is(Sign::Comma) {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.is(Sign::Comma) {
            self.advance();
            items.push(self.expression()?);
        }
        let span = items[0].span.to(&self.last_span());
        node(ExprKind::List(items), span)
    }

    /// One expression.
    pub fn expression(&mut self) -> Parsed<Expr> {
        let expr = self.choice()?;
        Ok(self.noted(expr))
    }

    /// `a`, or `a if condition else b`.
    fn choice(&mut self) -> Parsed<Expr> {
        self.nested(|parser| {
            if let Some(parameters) = parser.lambda_parameters() {
                return parser.lambda(parameters);
            }
            let then = parser.operators(1)?;
            if !parser.is_keyword(Keyword::If) {
                return Ok(then);
            }
            parser.advance();
            let condition = boxed(parser.condition()?);
            parser.expect_keyword(Keyword::Else, "after the condition")?;
            let otherwise = boxed(parser.choice()?);
            let span = then.span.to(&otherwise.span);
            node(
                ExprKind::If {
                    condition,
                    then: boxed(then),
                    otherwise,
                },
                span,
            )
        })
    }

    /// An expression without `if` and lambda.
    fn condition(&mut self) -> Parsed<Expr> {
        let expr = self.operators(1)?;
        Ok(self.noted(expr))
    }

    /// The names of `x -> ` or `(x, y) -> `, if that is what comes; nothing is taken otherwise.
    fn lambda_parameters(&mut self) -> Option<Vec<Name>> {
        let bracketed = self.is(Sign::OpenRound);
        let mut places = usize::from(bracketed);
        loop {
            matches!(self.ahead(places), TokenKind::Name(_)).then_some(())?;
            places += 1;
            match self.ahead(places) {
                TokenKind::Sign(Sign::Comma) if bracketed => places += 1,
                TokenKind::Sign(Sign::CloseRound) if bracketed => {
                    places += 1;
                    break;
                }
                _ if bracketed => return None,
                _ => break,
            }
        }
        (self.ahead(places) == &TokenKind::Sign(Sign::Arrow)).then_some(())?;
        if bracketed {
            self.advance();
        }
        let names = self.names().ok()?;
        if bracketed {
            self.advance();
        }
        Some(names)
    }

    fn lambda(&mut self, parameters: Vec<Name>) -> Parsed<Expr> {
        self.expect(Sign::Arrow, "after the parameters")?;
        let body = self.expression()?;
        let span = match parameters.first() {
            Some(first) => first.span.to(&body.span),
            None => body.span.clone(),
        };
        node(
            ExprKind::Lambda {
                parameters,
                body: Arc::new(body),
            },
            span,
        )
    }

    /// Operators that bind at least as tightly as `least`.
    fn operators(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.operand(least)?;
        let mut compared = None;
        loop {
            let negated =
                self.is_keyword(Keyword::Not) && self.ahead(1) == &TokenKind::Keyword(Keyword::In);
            let found = if negated {
                Some((Binary::In, COMPARISON))
            } else {
                binary(self.peek())
            };
            let Some((operator, precedence)) = found.filter(|(_, p)| *p >= least) else {
                return Ok(left);
            };
            if precedence == COMPARISON {
                let infix = match negated {
                    true => Infix::NotIn,
                    false => Infix::Binary(operator),
                };
                if let Some(first) = compared.replace(infix) {
                    return Err(Box::new(
                        Problem::new(
                            &self.span(),
                            "comparisons do not chain",
                            "a second comparison",
                        )
                        .help(published::chained(first, infix)),
                    ));
                }
            }
            self.advance();
            if negated {
                self.advance();
            }
            // `^` groups to the right and holds a sign: 2 ^ -1.
            let next = if operator == Binary::Power {
                SIGN
            } else {
                precedence + 1
            };
            let right = self.nested(|parser| parser.operators(next))?;
            let span = left.span.to(&right.span);
            left = node(
                ExprKind::Binary(operator, boxed(left), boxed(right)),
                span.clone(),
            )?;
            if negated {
                left = node(ExprKind::Unary(Unary::Not, boxed(left)), span)?;
            }
        }
    }

    /// Notes where the published RASP reads an expression in another way.
    fn noted(&mut self, expr: Expr) -> Expr {
        for (span, text) in published::readings(&expr) {
            self.note(span, text);
        }
        expr
    }

    fn operand(&mut self, least: u8) -> Parsed<Expr> {
        let start = self.span();
        let (operator, holds) = match self.peek() {
            TokenKind::Keyword(Keyword::Not) if least <= NOT => (Unary::Not, NOT),
            TokenKind::Keyword(Keyword::Not) => {
                let problem = Problem::new(&start, "`not` needs brackets here", "this `not`");
                return Err(Box::new(problem.help(
                    "write `(not x)`: `not` binds looser than the operator before it; in the published RASP \
                     it binds the tightest",
                )));
            }
            TokenKind::Sign(Sign::Minus) => (Unary::Negate, SIGN),
            TokenKind::Sign(Sign::Plus) => (Unary::Plus, SIGN),
            _ => return self.postfix(),
        };
        self.advance();
        let operand = self.nested(|parser| parser.operators(holds))?;
        let span = start.to(&operand.span);
        node(ExprKind::Unary(operator, boxed(operand)), span)
    }

    /// An atom with calls and indices behind it.
    fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.atom()?;
        loop {
            if self.is(Sign::OpenRound) {
                self.advance();
                let arguments =
                    self.list(Sign::CloseRound, "after the arguments", Self::argument)?;
                let span = expr.span.to(&self.last_span());
                expr = node(ExprKind::Call(boxed(expr), arguments), span)?;
            } else if self.is(Sign::OpenSquare) {
                self.advance();
                let position = self.expression()?;
                self.expect(Sign::CloseSquare, "after the index")?;
                let span = expr.span.to(&self.last_span());
                expr = node(
                    ExprKind::Binary(Binary::Index, boxed(expr), boxed(position)),
                    span,
                )?;
            } else if self.is(Sign::Dot) {
                return Err(Box::new(self.no_methods(&expr)));
            } else {
                return Ok(expr);
            }
        }
    }

    /// The report of `x.y`.
    fn no_methods(&self, of: &Expr) -> Problem {
        let module = match &of.kind {
            ExprKind::Name(name) => name.as_str(),
            _ => "",
        };
        let help = match (&of.kind, module) {
            (ExprKind::Literal(Value::Int(_) | Value::Float(_)), _) => {
                "a number needs a digit behind its point, as in `1.0`"
            }
            (_, "rasp" | "tracr") => PYTHON,
            (_, "math" | "np" | "numpy" | "jnp") => {
                "there are no modules: write `sqrt(x)`, `exp(x)` and the like alone"
            }
            _ => {
                "write an operator or a function: `d[key]` is the value of a key, at each position too, as in \
                 `{\"a\": \"A\"}[tokens]`, and `xs + [x]` is a longer list"
            }
        };
        let span = self.span().to(&self.span_ahead(1));
        Problem::new(&span, "values have no methods and no parts", "here").help(help)
    }

    /// Expressions with commas between (and perhaps one behind) up to `end`.
    fn list(
        &mut self,
        end: Sign,
        place: &str,
        item: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Vec<Expr>> {
        let open = self.last_span();
        let mut items = Vec::new();
        while !self.is(end) {
            items.push(item(self)?);
            if !self.is(Sign::Comma) {
                break;
            }
            self.advance();
        }
        self.expect(end, place)
            .map_err(|problem| Box::new(problem.also(&open, "opened here")))?;
        Ok(items)
    }

    /// An expression, or a bare comparator.
    fn argument(&mut self) -> Parsed<Expr> {
        let bare = matches!(
            self.ahead(1),
            TokenKind::Sign(Sign::Comma | Sign::CloseRound)
        );
        if let TokenKind::Sign(sign) = *self.peek()
            && let Some(operator) = comparison(sign)
            && bare
        {
            let span = self.span();
            self.advance();
            return node(ExprKind::Comparator(operator), span);
        }
        if self.is(Sign::Assign) && bare {
            let mut problem = self.unexpected("a comparison", "here");
            problem.help = Some("write `==`".into());
            return Err(problem);
        }
        self.expression()
    }

    fn atom(&mut self) -> Parsed<Expr> {
        let span = self.span();
        match self.peek().clone() {
            TokenKind::Name(name) => {
                self.advance();
                node(ExprKind::Name(name), span)
            }
            TokenKind::Literal(value) => {
                self.advance();
                node(ExprKind::Literal(value), span)
            }
            TokenKind::Sign(Sign::OpenRound) => self.bracketed(span),
            TokenKind::Sign(Sign::OpenSquare) => self.square(span),
            TokenKind::Sign(Sign::OpenCurly) => self.curly(span),
            TokenKind::Sign(Sign::Assign) if self.is_augmented() => {
                let problem = self.unexpected("an expression", "here");
                Err(Box::new(problem.help(
                    "an assignment has `=` alone, and its name may stand behind it: `x = x + 1;`",
                )))
            }
            _ => {
                let problem = self.unexpected("an expression", "here");
                let otherwise =
                    "a name, a constant, a call or something in brackets is missing before this";
                Err(Box::new(problem.help_unless_given(otherwise)))
            }
        }
    }

    /// `(x)`, `()`, `(x,)` or `(x, y)`.
    fn bracketed(&mut self, start: Span) -> Parsed<Expr> {
        self.advance();
        let items = self.list(
            Sign::CloseRound,
            "after what stands in brackets",
            Self::expression,
        )?;
        let comma = self.closed_behind_comma();
        let span = start.to(&self.last_span());
        match <[Expr; 1]>::try_from(items) {
            Ok([one]) if !comma => Ok(Expr {
                span,
                bracketed: true,
                ..one
            }),
            Ok([one]) => node(ExprKind::List(vec![one]), span),
            Err(items) => node(ExprKind::List(items), span),
        }
    }

    /// `[a, b]` or `[a for x in xs if c]`.
    fn square(&mut self, start: Span) -> Parsed<Expr> {
        self.advance();
        if self.is(Sign::CloseSquare) {
            self.advance();
            return node(ExprKind::List(Vec::new()), start.to(&self.last_span()));
        }
        let first = self.expression()?;
        if !self.is_keyword(Keyword::For) {
            let mut items = vec![first];
            if self.is(Sign::Comma) {
                self.advance();
                items.extend(self.list(Sign::CloseSquare, "after the list", Self::expression)?);
            } else {
                self.expect(Sign::CloseSquare, "after the list")?;
            }
            return node(ExprKind::List(items), start.to(&self.last_span()));
        }
        let kind = self.comprehension(None, first)?;
        self.expect(Sign::CloseSquare, "after the list")?;
        node(kind, start.to(&self.last_span()))
    }

    /// ` for targets in iterable if condition`, behind what it makes.
    fn comprehension(&mut self, key: Option<Expr>, value: Expr) -> Parsed<ExprKind> {
        self.advance();
        let targets = self.names()?;
        self.expect_keyword(Keyword::In, "after the variables")?;
        let iterable = boxed(self.condition()?);
        let condition = if self.is_keyword(Keyword::If) {
            self.advance();
            Some(boxed(self.condition()?))
        } else {
            None
        };
        Ok(ExprKind::Comprehension {
            key: key.map(boxed),
            value: boxed(value),
            targets,
            iterable,
            condition,
        })
    }

    /// `{a: b, c: d}` or `{a: b for a in xs if c}`.
    fn curly(&mut self, start: Span) -> Parsed<Expr> {
        self.advance();
        let mut entries = Vec::new();
        while !self.is(Sign::CloseCurly) {
            let key = self.expression()?;
            self.expect(Sign::Colon, "after the key of a dictionary")?;
            let value = self.expression()?;
            if entries.is_empty() && self.is_keyword(Keyword::For) {
                let kind = self.comprehension(Some(key), value)?;
                self.expect(Sign::CloseCurly, "after the dictionary")?;
                return node(kind, start.to(&self.last_span()));
            }
            entries.push((key, value));
            if !self.is(Sign::Comma) {
                break;
            }
            self.advance();
        }
        self.expect(Sign::CloseCurly, "after the dictionary")
            .map_err(|mut problem| {
                if !entries.is_empty() {
                    problem.help =
                        Some("entries have a `,` between them: `{\"a\": 1, \"b\": 2}`".into());
                }
                Box::new(problem.also(&start, "opened here"))
            })?;
        node(ExprKind::Dictionary(entries), start.to(&self.last_span()))
    }
}
