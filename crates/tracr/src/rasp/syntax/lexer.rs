//! Text to tokens.

use super::token::{Keyword, Sign, Token, TokenKind};
use crate::model::Value;
use crate::rasp::diagnostics::{Problem, Span};
use base::escape;

/// Larger texts are refused.
pub const MAX_BYTES: usize = base::limits::PROGRAM_BYTES;
/// What strings may hold, in a program and in its header.
pub(super) const ESCAPES: &str =
    r#"there are \\, \", \', \n, \r, \t and \u with four digits, as in \u00e9"#;

/// Splits the text of file number `file`. Comments run from `#` to the end of the line. The last
/// token is [`TokenKind::End`].
pub fn tokens(file: usize, text: &str, problems: &mut Vec<Problem>) -> Vec<Token> {
    let mut lexer = Lexer {
        file,
        text,
        at: 0,
        first_of_line: true,
    };
    let mut tokens = Vec::new();
    if text.len() > MAX_BYTES {
        let length = text.len();
        let message = format!("the program has {length} bytes, the limit is {MAX_BYTES}");
        problems.push(
            Problem::new(&lexer.span(0), message, "starts here")
                .help("split it: `load \"file\";` reads the statements of another file"),
        );
        lexer.at = text.len();
    }
    loop {
        lexer.skip_blanks();
        let (start, first_of_line) = (lexer.at, lexer.first_of_line);
        lexer.first_of_line = false;
        match lexer.next() {
            Ok(kind) => {
                let end = kind == TokenKind::End;
                tokens.push(Token {
                    kind,
                    span: lexer.span(start),
                    first_of_line,
                });
                if end {
                    return tokens;
                }
            }
            Err(problem) => {
                problems.push(*problem);
                // Something in its place, so that one mistake is one report.
                let written = text.get(start..lexer.at).unwrap_or_default();
                if let Some(kind) = stand_in(written) {
                    tokens.push(Token {
                        kind,
                        span: lexer.span(start),
                        first_of_line,
                    });
                }
            }
        }
    }
}

struct Lexer<'a> {
    file: usize,
    text: &'a str,
    at: usize,
    first_of_line: bool,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize) -> Span {
        Span {
            file: self.file,
            range: start..self.at,
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            // A byte order mark is not one of the characters that Unicode calls blank.
            let blanks = self.take(|c| c.is_whitespace() || c == '\u{feff}');
            self.first_of_line |= blanks.contains('\n');
            if !self.rest().starts_with('#') {
                return;
            }
            self.take(|c| c != '\n');
        }
    }

    fn next(&mut self) -> Result<TokenKind, Box<Problem>> {
        let Some(first) = self.rest().chars().next() else {
            return Ok(TokenKind::End);
        };
        if starts_name(self.rest()) {
            return Ok(word(self.take(|c| c.is_alphanumeric() || c == '_')));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first == '"' || first == '\'' {
            return self.string(first);
        }
        // A point is a sign only before a name; the parser says that there are no methods.
        let is_sign = first != '.' || self.rest().get(1..).is_some_and(starts_name);
        if let Some((sign, text)) = Sign::ALL
            .iter()
            .find(|(_, text)| is_sign && self.rest().starts_with(text))
        {
            self.at += text.len();
            return Ok(TokenKind::Sign(*sign));
        }
        let start = self.at;
        self.at += first.len_utf8();
        let help = match first {
            '&' => "write `and`",
            '|' => "write `or`",
            '~' | '!' => "write `not`",
            '.' => "a number needs a digit before its point and one behind it, as in `0.5`",
            '@' | '$' | '?' | '`' | '\\' => "RASP has no such operator",
            _ => "only strings and comments may hold such characters",
        };
        if matches!(first, '&' | '|') && self.rest().starts_with(first) {
            self.at += 1;
        }
        let span = self.span(start);
        Err(Box::new(
            Problem::new(
                &span,
                format!(
                    "the character `{}` means nothing here",
                    first.escape_debug()
                ),
                "here",
            )
            .help(help),
        ))
    }

    fn number(&mut self) -> Result<TokenKind, Box<Problem>> {
        let start = self.at;
        self.take(|c| c.is_ascii_digit());
        let mut is_float = false;
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            is_float = true;
            self.at += 1;
            self.take(|c| c.is_ascii_digit());
        }
        let exponent = self.rest().trim_start_matches(['e', 'E']);
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if self.rest().len() == exponent.len() + 1
            && digits.starts_with(|c: char| c.is_ascii_digit())
        {
            is_float = true;
            self.at += self.rest().len() - digits.len();
            self.take(|c| c.is_ascii_digit());
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let value = if is_float {
            text.parse()
                .ok()
                .filter(|x: &f64| x.is_finite())
                .map(Value::Float)
        } else {
            text.parse().ok().map(Value::Int)
        };
        if self
            .rest()
            .starts_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            self.take(|c| c.is_alphanumeric() || c == '_');
            let problem = Problem::new(&self.span(start), "a number runs into a name", "here");
            return Err(Box::new(problem.help("names begin with a letter or `_`")));
        }
        value.map(TokenKind::Literal).ok_or_else(|| {
            Box::new(
                Problem::new(&self.span(start), "the number is out of range", "too large")
                    .help("integers have 64 bits; write a float, such as 1e30, for more"),
            )
        })
    }

    fn string(&mut self, quote: char) -> Result<TokenKind, Box<Problem>> {
        let start = self.at;
        self.at += 1;
        let mut content = String::new();
        loop {
            let Some(c) = self.rest().chars().next().filter(|c| *c != '\n') else {
                let problem =
                    Problem::new(&self.span(start), "the string does not end", "starts here");
                // What looks like the end of the statement is taken for that.
                let written = self.text.get(start..self.at).unwrap_or_default();
                self.at -= usize::from(written.ends_with(';'));
                return Err(Box::new(
                    problem.help(format!("close it with {quote} on the same line")),
                ));
            };
            self.at += c.len_utf8();
            if c == quote {
                return Ok(TokenKind::Literal(Value::Str(content)));
            }
            if c != '\\' {
                content.push(c);
                continue;
            }
            if let Some((c, length)) = escape::read(self.rest()) {
                content.push(c);
                self.at += length;
                continue;
            }
            let backslash = self.at - 1;
            self.take(|c| c != quote && c != '\n');
            self.at += usize::from(self.rest().starts_with(quote));
            let span = Span {
                file: self.file,
                range: backslash..backslash + 1,
            };
            let problem = Problem::new(&span, "an escape that does not exist", "here");
            return Err(Box::new(problem.help(ESCAPES)));
        }
    }
}

fn starts_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The token to go on with after an error.
fn stand_in(written: &str) -> Option<TokenKind> {
    Some(match written.chars().next()? {
        '&' => TokenKind::Keyword(Keyword::And),
        '|' => TokenKind::Keyword(Keyword::Or),
        '~' | '!' => TokenKind::Keyword(Keyword::Not),
        '"' | '\'' | '0'..='9' => TokenKind::Literal(Value::None),
        _ => return None,
    })
}

fn word(text: &str) -> TokenKind {
    match text {
        "True" | "true" => TokenKind::Literal(Value::Bool(true)),
        "False" | "false" => TokenKind::Literal(Value::Bool(false)),
        "None" => TokenKind::Literal(Value::None),
        _ => match Keyword::ALL.iter().find(|(_, keyword)| *keyword == text) {
            Some((keyword, _)) => TokenKind::Keyword(*keyword),
            None => TokenKind::Name(text.to_owned()),
        },
    }
}
