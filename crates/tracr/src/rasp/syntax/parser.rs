//! Tokens to statements, by recursive descent; after an error it goes on with the next statement.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ast::{Binary, Expr, ExprKind, Function, Name, Statement, StatementKind};
use super::lexer;
use super::token::{Keyword, Sign, Token, TokenKind};
use crate::rasp::diagnostics::{Problem, Span};

/// Nesting of statements and expressions; deeper ones are refused.
pub const MAX_DEPTH: usize = 100;

/// Reports per file; further ones are left out.
const MAX_PROBLEMS: usize = 20;

/// Notes per file; further ones are left out.
const MAX_NOTES: usize = 20;

/// What to do with a program in Python.
pub const PYTHON: &str = "a program of RASP stands by itself, and `load \"file\";` reads another; a program in \
                          Python, for Tracr's library, is exported by scripts/export_tracr.py";

/// Commands that end the published prompt.
pub const LEAVE: [&str; 2] = ["exit", "quit"];

/// An error on its way up to the statement that it is in.
pub type Parsed<T> = Result<T, Box<Problem>>;

/// What was read, and what the reader should know: places that the published RASP reads otherwise.
pub struct Read {
    /// The statements.
    pub statements: Vec<Statement>,
    /// Where, and a sentence; one of a kind.
    pub notes: Vec<(Span, String)>,
}

/// Parses the text of file number `file`. Statements with errors are left out.
pub fn parse(file: usize, text: &str, problems: &mut Vec<Problem>) -> Read {
    let tokens = lexer::tokens(file, text, problems);
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        problems: Vec::new(),
        notes: Vec::new(),
        own: BTreeSet::new(),
    };
    let statements = parser.program();
    problems.append(&mut parser.problems);
    // In the order of the text, whoever found them.
    problems.sort_by_key(|problem| problem.labels.first().map(|(span, _)| span.range.start));
    problems.truncate(MAX_PROBLEMS);
    Read {
        statements,
        notes: parser.notes,
    }
}

/// The state of parsing.
pub struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// How deep the construct at hand is nested.
    pub depth: usize,
    problems: Vec<Problem>,
    notes: Vec<(Span, String)>,
    /// Those of [`LEAVE`] that the program has given a meaning.
    own: BTreeSet<String>,
}

impl Parser {
    fn program(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        while self.peek() != &TokenKind::End {
            let start = self.at;
            if self.is(Sign::CloseCurly) {
                let problem = Problem::new(&self.span(), "a `}` that closes nothing", "here");
                self.problems.push(problem.help("leave it out"));
                self.at += 1;
                continue;
            }
            match self.statement() {
                Ok(statement) => statements.push(statement),
                Err(problem) => self.recover(*problem, start),
            }
            if self.problems.len() > MAX_PROBLEMS {
                break;
            }
        }
        statements
    }

    /// Skips the statement with the error: to behind the next `;` or `}`, or up to a line that
    /// begins like a statement.
    fn recover(&mut self, problem: Problem, start: usize) {
        self.problems.push(problem);
        self.depth = 0;
        let mut open = 0_usize;
        if self.at == start {
            self.at += 1;
        }
        // What was read of the statement may have opened blocks.
        for token in self.tokens.get(start..self.at).unwrap_or_default() {
            match token.kind {
                TokenKind::Sign(Sign::OpenCurly) => open += 1,
                TokenKind::Sign(Sign::CloseCurly) => open = open.saturating_sub(1),
                _ => {}
            }
        }
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Sign(Sign::OpenCurly) => open += 1,
                TokenKind::Sign(Sign::CloseCurly) => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.at += 1;
                        self.at += usize::from(self.is(Sign::Semicolon));
                        return;
                    }
                }
                TokenKind::Sign(Sign::Semicolon) if open == 0 => {
                    self.at += 1;
                    return;
                }
                TokenKind::Keyword(Keyword::Def | Keyword::Load) if open == 0 => return,
                _ if open == 0 && self.begins_assignment() => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn begins_assignment(&self) -> bool {
        self.token().first_of_line
            && matches!(self.peek(), TokenKind::Name(_))
            && self.kind_at(self.at + 1) == &TokenKind::Sign(Sign::Assign)
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.nested(|parser| {
            let start = parser.span();
            if parser.interactive()? {
                return Ok(Statement {
                    kind: StatementKind::Interactive,
                    span: start.to(&parser.last_span()),
                });
            }
            let kind = match parser.peek() {
                _ if parser.leaves() => StatementKind::Expression(parser.expression()?),
                TokenKind::Name(word)
                    if matches!(word.as_str(), "import" | "from")
                        && matches!(parser.ahead(1), TokenKind::Name(_)) =>
                {
                    return Err(Box::new(parser.python()));
                }
                TokenKind::Sign(Sign::Semicolon) => {
                    if parser.problems.len() <= MAX_PROBLEMS {
                        let problem = parser.unexpected("an expression", "before this");
                        parser.problems.push(problem.help("leave it out"));
                    }
                    parser.advance();
                    StatementKind::Interactive
                }
                TokenKind::Keyword(Keyword::Def) => parser.def()?,
                TokenKind::Keyword(Keyword::For) => parser.for_loop()?,
                TokenKind::Keyword(Keyword::Load) => parser.load()?,
                TokenKind::Keyword(Keyword::Return) => {
                    return Err(Box::new(
                        Problem::new(&start, "`return` outside of a function's end", "here")
                            .help("a function has one `return`, as its last statement"),
                    ));
                }
                _ => parser.assignment()?,
            };
            Ok(Statement {
                kind,
                span: start.to(&parser.last_span()),
            })
        })
    }

    /// Whether a command comes that ends the published prompt, without `;`, and no name of the program.
    fn leaves(&self) -> bool {
        let TokenKind::Name(word) = self.peek() else {
            return false;
        };
        let is_command = LEAVE.contains(&word.as_str()) && !self.own.contains(word);
        let called = self.ahead(1) == &TokenKind::Sign(Sign::OpenRound)
            && self.ahead(2) == &TokenKind::Sign(Sign::CloseRound);
        let behind = self.at + if called { 3 } else { 1 };
        let ends = self
            .tokens
            .get(behind)
            .is_none_or(|token| token.first_of_line || matches!(token.kind, TokenKind::End));
        is_command && ends
    }

    /// The report of an `import`. What follows it is Python, and not looked at.
    fn python(&mut self) -> Problem {
        let span = self.span();
        self.at = self.tokens.len().saturating_sub(1);
        Problem::new(&span, "there are no modules to import", "this is Python").help(PYTHON)
    }

    /// Takes a command of the published RASP about what its prompt shows: `set example "abc"`,
    /// `s-op examples off`, `full seq display on`. They end without `;`, and no statement begins so.
    fn interactive(&mut self) -> Parsed<bool> {
        let start = self.at;
        let command = self.taken(&["set"]) || self.taken(&["show"]);
        let sets = command && self.kind_at(start) == &TokenKind::Name("set".into());
        let of_sops = self.is_word("s")
            && self.ahead(1) == &TokenKind::Sign(Sign::Minus)
            && self.ahead(2) == &TokenKind::Name("op".into());
        if of_sops {
            self.at += 3;
        } else {
            self.taken(&["selector"]);
        }
        let whole = if command {
            self.taken(&["example"])
        } else if self.at == start && self.taken(&["full", "seq", "display"]) {
            self.taken(&["on"]) || self.taken(&["off"])
        } else {
            self.taken(&["examples", "on"]) || self.taken(&["examples", "off"])
        };
        if whole && sets {
            self.expression()?;
        }
        if !whole || self.is(Sign::Semicolon) {
            self.at = start;
            return Ok(false);
        }
        Ok(true)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Name(name) if name == word)
    }

    /// Takes these words, if they come next.
    fn taken(&mut self, words: &[&str]) -> bool {
        let come = words.iter().enumerate().all(
            |(i, word)| matches!(self.kind_at(self.at + i), TokenKind::Name(name) if name == word),
        );
        self.at += if come { words.len() } else { 0 };
        come
    }

    fn assignment(&mut self) -> Parsed<StatementKind> {
        let mut ahead = self.at;
        while matches!(self.kind_at(ahead), TokenKind::Name(_))
            && self.kind_at(ahead + 1) == &TokenKind::Sign(Sign::Comma)
        {
            ahead += 2;
        }
        let assigns = matches!(self.kind_at(ahead), TokenKind::Name(_))
            && self.kind_at(ahead + 1) == &TokenKind::Sign(Sign::Assign);
        if assigns {
            let targets = self.names()?;
            self.expect(Sign::Assign, "after the name that is assigned")?;
            let value = self.expressions()?;
            self.semicolon()?;
            return Ok(StatementKind::Assign { targets, value });
        }
        let mut value = self.expression()?;
        if self.is(Sign::Comma) && self.assigns() {
            while is_name(&value) && self.is(Sign::Comma) {
                self.advance();
                value = self.expression()?;
            }
            if !is_name(&value) {
                return Err(Box::new(not_a_name(&value)));
            }
        }
        if self.is(Sign::Assign) {
            return Err(Box::new(not_a_name(&value)));
        }
        self.semicolon()?;
        Ok(StatementKind::Expression(value))
    }

    /// Whether a `=` follows in the statement.
    fn assigns(&self) -> bool {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let mut statement = rest
            .iter()
            .take_while(|token| token.kind != TokenKind::Sign(Sign::Semicolon));
        statement.any(|token| token.kind == TokenKind::Sign(Sign::Assign))
    }

    fn def(&mut self) -> Parsed<StatementKind> {
        self.at += 1;
        let name = self.name("a function's name")?;
        self.expect(Sign::OpenRound, "before the parameters")?;
        let parameters = if self.is(Sign::CloseRound) {
            Vec::new()
        } else {
            self.names()?
        };
        self.expect(Sign::CloseRound, "after the parameters")?;
        self.expect(Sign::OpenCurly, "before the function's body")?;
        let mut body = Vec::new();
        while self.peek() != &TokenKind::Keyword(Keyword::Return) {
            if self.is(Sign::CloseCurly) || self.peek() == &TokenKind::End {
                return Err(Box::new(
                    Problem::new(
                        &self.span(),
                        "the function returns nothing",
                        "`return` is missing here",
                    )
                    .also(&name.span, "this function")
                    .help("end its body with `return x;`"),
                ));
            }
            body.push(self.statement()?);
        }
        self.at += 1;
        let result = self.expressions()?;
        self.semicolon()?;
        self.expect(
            Sign::CloseCurly,
            "after the `return`, which ends a function",
        )?;
        let function = Arc::new(Function {
            parameters,
            body,
            result,
        });
        Ok(StatementKind::Def { name, function })
    }

    fn for_loop(&mut self) -> Parsed<StatementKind> {
        self.at += 1;
        let targets = self.names()?;
        self.expect_keyword(Keyword::In, "after the loop's variables")?;
        let iterable = self.expression()?;
        self.expect(Sign::OpenCurly, "before the loop's body")?;
        let mut body = Vec::new();
        while !self.is(Sign::CloseCurly) {
            if self.peek() == &TokenKind::End {
                let problem = self.unexpected("`}`", "after the loop's body");
                return Err(Box::new(
                    problem.help_unless_given("put `}` behind the loop's last statement"),
                ));
            }
            body.push(self.statement()?);
        }
        self.at += 1;
        Ok(StatementKind::For {
            targets,
            iterable,
            body,
        })
    }

    fn load(&mut self) -> Parsed<StatementKind> {
        self.at += 1;
        let TokenKind::Literal(crate::model::Value::Str(path)) = self.peek().clone() else {
            let problem = self.unexpected("a file's name in quotes", "after `load`");
            return Err(Box::new(problem.help("write `load \"file\";`")));
        };
        self.at += 1;
        self.semicolon()?;
        Ok(StatementKind::Load(path))
    }

    fn semicolon(&mut self) -> Parsed<()> {
        if self.is(Sign::Semicolon) {
            self.at += 1;
            return Ok(());
        }
        // The remark belongs to the end of the statement, not to what follows.
        let end = self.last_span();
        let mut problem = self.unexpected("`;`", "after the statement");
        let follows = self.token().first_of_line || self.peek() == &TokenKind::End;
        if follows {
            problem.labels = vec![(end, "`;` is missing after this".into())];
            problem.message = "the statement does not end with `;`".into();
            problem.help = Some("write `;` at its end".into());
            self.problems.push(*problem);
            return Ok(());
        }
        let help = match (self.peek(), self.ahead(1), self.ahead(2)) {
            (TokenKind::Sign(Sign::Assign), ..) => {
                "a statement has one `=`, after its name; to compare, write `==`"
            }
            (
                TokenKind::Sign(Sign::Colon),
                TokenKind::Name(_),
                TokenKind::Sign(Sign::Assign | Sign::Semicolon),
            ) => "leave `:` and what follows it out: names have no types",
            _ => "put `;` before this",
        };
        Err(Box::new(problem.help_unless_given(help)))
    }

    /// `a, b, c`
    pub fn names(&mut self) -> Parsed<Vec<Name>> {
        let mut names = vec![self.name("a name")?];
        while self.is(Sign::Comma) {
            self.at += 1;
            names.push(self.name("a name")?);
        }
        Ok(names)
    }

    /// A name that is bound here.
    fn name(&mut self, wanted: &str) -> Parsed<Name> {
        let TokenKind::Name(text) = self.peek().clone() else {
            let problem = self.unexpected(wanted, "here");
            let otherwise = "a name begins with a letter or `_`, and is no word of the language";
            return Err(Box::new(problem.help_unless_given(otherwise)));
        };
        if LEAVE.contains(&text.as_str()) {
            self.own.insert(text.clone());
        }
        let span = self.span();
        self.at += 1;
        Ok(Name { text, span })
    }

    /// Notes what the reader should know, once.
    pub fn note(&mut self, span: Span, text: String) {
        let is_known = self.notes.iter().any(|(_, known)| *known == text);
        if !is_known && self.notes.len() < MAX_NOTES {
            self.notes.push((span, text));
        }
    }

    /// Runs `parse` one level deeper, or refuses.
    pub fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Box::new(too_deep(&self.span())));
        }
        self.depth += 1;
        let parsed = parse(self);
        // After an error the statement is given up, and `recover` starts from the surface.
        self.depth = self.depth.saturating_sub(1);
        parsed
    }

    /// The token at hand.
    pub fn peek(&self) -> &TokenKind {
        self.kind_at(self.at)
    }

    /// The token so many places ahead.
    pub fn ahead(&self, places: usize) -> &TokenKind {
        self.kind_at(self.at + places)
    }

    fn kind_at(&self, at: usize) -> &TokenKind {
        self.tokens
            .get(at)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn token(&self) -> &Token {
        // The lexer ends every text with a token, and nothing goes behind that.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// Goes on to the next token.
    pub fn advance(&mut self) {
        self.at += 1;
    }

    /// Whether the token at hand is this sign.
    pub fn is(&self, sign: Sign) -> bool {
        self.peek() == &TokenKind::Sign(sign)
    }

    /// Whether the token at hand is this keyword.
    pub fn is_keyword(&self, keyword: Keyword) -> bool {
        self.peek() == &TokenKind::Keyword(keyword)
    }

    /// Where the token at hand stands.
    pub fn span(&self) -> Span {
        self.token().span.clone()
    }

    /// Where the token so many places ahead stands.
    pub fn span_ahead(&self, places: usize) -> Span {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + places).min(last)].span.clone()
    }

    /// Whether the token at hand is the `=` of `+=` and the like.
    pub fn is_augmented(&self) -> bool {
        let before = self.kind_at(self.at.saturating_sub(1));
        let is_operator = matches!(
            before,
            TokenKind::Sign(
                Sign::Plus
                    | Sign::Minus
                    | Sign::Times
                    | Sign::Divide
                    | Sign::FloorDivide
                    | Sign::Modulo
                    | Sign::Power
                    | Sign::Power2
            )
        );
        is_operator && self.last_span().range.end == self.span().range.start
    }

    /// Where the token before stands.
    pub fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1).min(self.tokens.len() - 1)]
            .span
            .clone()
    }

    /// Whether a comma stands before the bracket that was just closed: `(x,)`.
    pub fn closed_behind_comma(&self) -> bool {
        self.at >= 2 && self.kind_at(self.at - 2) == &TokenKind::Sign(Sign::Comma)
    }

    /// Takes this sign or says that it is missing.
    pub fn expect(&mut self, sign: Sign, place: &str) -> Parsed<()> {
        if !self.is(sign) {
            let problem = self.unexpected(&format!("`{}`", sign.text()), place);
            let otherwise = format!("put `{}` before this", sign.text());
            return Err(Box::new(problem.help_unless_given(otherwise)));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes this keyword or says that it is missing.
    pub fn expect_keyword(&mut self, keyword: Keyword, place: &str) -> Parsed<()> {
        if !self.is_keyword(keyword) {
            let problem = self.unexpected(&format!("`{}`", keyword.text()), place);
            let otherwise = format!("put `{}` before this", keyword.text());
            return Err(Box::new(problem.help_unless_given(otherwise)));
        }
        self.at += 1;
        Ok(())
    }

    /// The token at hand is not what may stand here.
    pub fn unexpected(&self, wanted: &str, place: &str) -> Box<Problem> {
        let found = self.peek();
        let message = format!("expected {wanted} {place}, found {found}");
        let problem = Problem::new(&self.span(), message, format!("expected {wanted}"));
        Box::new(problem.maybe_help(self.misconception()))
    }

    /// What the reader may have had in mind who wrote something that RASP does not have.
    fn misconception(&self) -> Option<String> {
        let help = match self.kind_at(self.at.saturating_sub(1)) {
            TokenKind::Name(name) => match name.as_str() {
                "set" | "show" | "draw" | "examples" | "full" | "exit" | "quit" => {
                    "commands of the interactive RASP are not part of a program: see `compress run`"
                }
                "while" => "loops go through lists: `for x in [1, 2] { ... }`",
                "lambda" => "write a lambda as `x -> x + 1`",
                _ => "",
            },
            _ => "",
        };
        let help = match self.peek() {
            TokenKind::Sign(Sign::Colon) if self.ahead(1) == &TokenKind::Sign(Sign::Assign) => {
                "write `=` instead of `:=`; an assignment is a statement of its own, as `z = tokens;`"
            }
            TokenKind::Keyword(Keyword::If | Keyword::Else) => {
                "`if` stands between two values: `a if condition else b`"
            }
            TokenKind::Keyword(Keyword::For) => {
                "a loop is a statement of its own, or stands inside of a list: `[x + 1 for x in xs]`"
            }
            _ => help,
        };
        (!help.is_empty()).then(|| help.to_owned())
    }
}

/// Whether it can be assigned to.
fn is_name(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Name(_)) && !expr.bracketed
}

/// The report of something else than a name before `=`.
fn not_a_name(value: &Expr) -> Problem {
    let help = match &value.kind {
        ExprKind::Binary(Binary::Index, ..) => {
            "values do not change: write a new list or dictionary, as in `xs = [3, xs[1]];`, or for an s-op \
             `3 if indices == 0 else s`"
        }
        ExprKind::Name(_) => "leave the brackets out, as in `a, b = x, y;`",
        ExprKind::List(items) if items.iter().all(is_name) => {
            "leave the brackets out, as in `a, b = x, y;`"
        }
        _ => "compare with `==`",
    };
    Problem::new(&value.span, "only a name can be assigned to", "not a name").help(help)
}

/// The report of a construct nested deeper than [`MAX_DEPTH`].
pub fn too_deep(span: &Span) -> Problem {
    Problem::new(
        span,
        format!("the nesting is deeper than {MAX_DEPTH}"),
        "too deep from here on",
    )
    .help("give the inner parts names")
}
