//! How the published RASP groups the operators of an expression, where that is not as here: its grammar has
//! `and` and `or` on one level, `in` below everything, `not` and signs above, `%` below `*` and `/`, and
//! groups `^` and `if else` to the left.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::ast::{Binary, Expr, ExprKind, Unary};
use crate::rasp::diagnostics::Span;

/// Operands and operators that a note shows.
const MAX_SHOWN: usize = 16;

/// The published precedence of `not` and signs.
const PREFIX: u8 = 8;

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infix {
    /// `a + b`
    Binary(Binary),
    /// `a not in b`
    NotIn,
    /// `a if condition else b`
    Choice,
}

impl Infix {
    const fn text(self) -> &'static str {
        match self {
            Self::Binary(operator) => operator.text(),
            Self::NotIn => "not in",
            Self::Choice => "if else",
        }
    }

    /// Whether the published RASP has it.
    const fn is_published(self) -> bool {
        !matches!(
            self,
            Self::NotIn | Self::Binary(Binary::Unequal | Binary::FloorDivide)
        )
    }

    /// The published precedence; all of them group to the left.
    const fn published(self) -> u8 {
        match self {
            Self::NotIn | Self::Binary(Binary::In) => 0,
            Self::Choice => 1,
            Self::Binary(Binary::And | Binary::Or) => 2,
            Self::Binary(Binary::Add | Binary::Subtract) => 4,
            Self::Binary(Binary::Modulo) => 5,
            Self::Binary(Binary::Multiply | Binary::Divide | Binary::FloorDivide) => 6,
            Self::Binary(Binary::Power) => 7,
            Self::Binary(_) => 3,
        }
    }
}

/// What to write instead of two comparisons in a row.
pub fn chained(first: Infix, second: Infix) -> String {
    let (a, b) = (first.text(), second.text());
    let help = format!("write `a {a} b and b {b} c`");
    if !first.is_published() || !second.is_published() {
        return help;
    }
    let there = if second.published() > first.published() {
        format!("a {a} (b {b} c)")
    } else {
        format!("(a {a} b) {b} c")
    };
    format!("{help}; the published RASP reads `{there}`")
}

/// Where the published RASP groups the operators of an expression otherwise, and a sentence on that. What
/// stands in brackets is not looked into.
pub fn readings(expr: &Expr) -> Vec<(Span, String)> {
    let mut sequence = Sequence::default();
    sequence.flatten(expr);
    let (mut there, mut at) = (Grouping::new(), 0);
    sequence.group(&mut at, 0, &mut there);
    let places = std::mem::take(&mut sequence.places);
    let found = places.into_iter().filter_map(|(part, span)| {
        let (here, there_at) = (sequence.here.get(&part)?, there.get(&part)?);
        (here != there_at).then_some(())?;
        Some((span, sequence.note(part, &there)?))
    });
    found.collect()
}

/// Some words in a row, from the first to behind the last.
type Part = (usize, usize);

/// The parts of a sequence that an operator makes, and which it is.
type Grouping = BTreeMap<Part, usize>;

#[derive(Clone, Copy)]
enum Word {
    Operand,
    Prefix(Unary),
    Infix(Infix),
}

/// An expression without its brackets.
#[derive(Default)]
struct Sequence {
    words: Vec<Word>,
    /// As this grammar groups them.
    here: Grouping,
    /// Where the parts stand.
    places: BTreeMap<Part, Span>,
}

impl Sequence {
    fn flatten(&mut self, expr: &Expr) {
        let from = self.words.len();
        let operator = match &expr.kind {
            _ if expr.bracketed => return self.words.push(Word::Operand),
            // It changes nothing, wherever it stands.
            ExprKind::Unary(Unary::Plus, x) => return self.flatten(x),
            ExprKind::Unary(Unary::Not, x) if starts_with(expr, x) => match &x.kind {
                ExprKind::Binary(_, a, b) => self.infix(a, Infix::NotIn, b),
                _ => return self.words.push(Word::Operand),
            },
            ExprKind::Unary(operator, x) => {
                self.words.push(Word::Prefix(*operator));
                self.flatten(x);
                from
            }
            ExprKind::Binary(operator, a, b) if *operator != Binary::Index => {
                self.infix(a, Infix::Binary(*operator), b)
            }
            ExprKind::If {
                then, otherwise, ..
            } => self.infix(then, Infix::Choice, otherwise),
            _ => return self.words.push(Word::Operand),
        };
        let part = (from, self.words.len());
        self.here.insert(part, operator);
        self.places.insert(part, expr.span.clone());
    }

    fn infix(&mut self, a: &Expr, operator: Infix, b: &Expr) -> usize {
        self.flatten(a);
        let at = self.words.len();
        self.words.push(Word::Infix(operator));
        self.flatten(b);
        at
    }

    /// Groups what begins at a word as the published grammar does, up to an operator below a precedence.
    fn group(&self, at: &mut usize, least: u8, there: &mut Grouping) {
        let from = *at;
        *at += 1;
        if let Some(Word::Prefix(_)) = self.words.get(from) {
            self.group(at, PREFIX, there);
            there.insert((from, *at), from);
        }
        while let Some(Word::Infix(operator)) = self.words.get(*at)
            && operator.published() >= least
        {
            let operator_at = *at;
            *at += 1;
            self.group(at, operator.published() + 1, there);
            there.insert((from, *at), operator_at);
        }
    }

    /// Whether both grammars have this part, by whatever operator; an operand alone is one.
    fn is_common(&self, part: Part, there: &Grouping) -> bool {
        part.1 == part.0 + 1 || self.here.contains_key(&part) && there.contains_key(&part)
    }

    /// A sentence on a part that the grammars make by different operators. What both have of it is a
    /// letter. Nothing of operators that the published RASP does not have.
    fn note(&self, part: Part, there: &Grouping) -> Option<String> {
        let mut shown = Shown {
            sequence: self,
            there,
            whole: part,
            letters: 'a'..='z',
        };
        let pieces = shown.pieces();
        let is_published = |piece: &Piece| match piece {
            Piece::Operator(at) => self.is_published(*at),
            Piece::Letter => true,
        };
        if !pieces.iter().all(is_published) {
            return None;
        }
        if pieces.len() > MAX_SHOWN {
            return Some(
                "the operators of an expression are grouped as in Python; the published RASP groups them \
                 otherwise"
                    .into(),
            );
        }
        let written = shown.written(&pieces);
        let here = shown.grouped(&self.here, part);
        shown.letters = 'a'..='z';
        let there = shown.grouped(there, part);
        Some(format!(
            "`{written}` is read as `{here}`, as in Python; the published RASP reads `{there}`"
        ))
    }

    fn is_published(&self, at: usize) -> bool {
        match self.words.get(at) {
            Some(Word::Infix(operator)) => operator.is_published(),
            _ => true,
        }
    }
}

/// Whether an operator of one operand does not stand before that: the `not` of `not in`.
fn starts_with(expr: &Expr, operand: &Expr) -> bool {
    expr.span.range.start == operand.span.range.start
}

/// What is shown of a part, word by word.
enum Piece {
    Operator(usize),
    Letter,
}

/// A part in letters.
struct Shown<'a> {
    sequence: &'a Sequence,
    there: &'a Grouping,
    whole: Part,
    letters: RangeInclusive<char>,
}

impl Shown<'_> {
    /// The operators that stand otherwise, and a letter for each part between them; no more than one too
    /// many to be shown.
    fn pieces(&self) -> Vec<Piece> {
        let (mut at, to) = self.whole;
        let mut pieces = Vec::new();
        while at < to && pieces.len() <= MAX_SHOWN {
            let mut parts = self.sequence.here.range((at, 0)..=(at, to)).rev();
            let common = parts.find(|(part, _)| {
                **part != self.whole && self.sequence.is_common(**part, self.there)
            });
            let alone = matches!(self.sequence.words.get(at), Some(Word::Operand));
            pieces.push(match common {
                None if !alone => Piece::Operator(at),
                _ => Piece::Letter,
            });
            at = common.map_or(at + 1, |((_, to), _)| *to);
        }
        pieces
    }

    /// As it stands in the program.
    fn written(&mut self, pieces: &[Piece]) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Operator(at) => self.operator(*at),
            Piece::Letter => self.letter(),
        };
        let written = pieces.iter().map(piece).collect();
        self.letters = 'a'..='z';
        written
    }

    /// With brackets around what an operator holds.
    fn grouped(&mut self, grouping: &Grouping, part: Part) -> String {
        let (from, to) = part;
        let is_letter = part != self.whole && self.sequence.is_common(part, self.there);
        let Some(at) = grouping.get(&part).copied().filter(|_| !is_letter) else {
            return self.letter();
        };
        if at == from {
            let operator = self.operator(at);
            return operator + &self.held(grouping, (at + 1, to), true);
        }
        let left = self.held(grouping, (from, at), false);
        let operator = self.operator(at);
        left + &operator + &self.held(grouping, (at + 1, to), false)
    }

    /// What an operator holds; of one operand, signs in a row need no brackets.
    fn held(&mut self, grouping: &Grouping, part: Part, by_prefix: bool) -> String {
        let bare = match grouping.get(&part) {
            Some(at) => self.sequence.is_common(part, self.there) || by_prefix && *at == part.0,
            None => true,
        };
        let text = self.grouped(grouping, part);
        if bare { text } else { format!("({text})") }
    }

    fn operator(&mut self, at: usize) -> String {
        match self.sequence.words.get(at) {
            Some(Word::Prefix(Unary::Not)) => "not ".into(),
            Some(Word::Prefix(operator)) => operator.text().into(),
            Some(Word::Infix(Infix::Choice)) => format!(" if {} else ", self.letter()),
            Some(Word::Infix(operator)) => format!(" {} ", operator.text()),
            Some(Word::Operand) | None => String::new(),
        }
    }

    fn letter(&mut self) -> String {
        self.letters.next().map(String::from).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::rasp::syntax;

    /// What is said of an expression: as written, as read here, as in the published RASP.
    fn readings(expression: &str) -> Vec<[String; 3]> {
        let mut problems = Vec::new();
        let read = syntax::parse(0, &format!("z = {expression};"), &mut problems);
        assert!(problems.is_empty(), "{expression}\n{problems:?}");
        let quoted = |note: &String| {
            let parts: Vec<&str> = note.split('`').collect();
            [1, 3, 5].map(|i| parts[i].to_owned())
        };
        read.notes.iter().map(|(_, note)| quoted(note)).collect()
    }

    #[test]
    fn a_sign_between_operator_and_operand_hides_no_other_reading() {
        for (expression, written, here, there) in [
            (
                "not +3 ^ (tokens == \"l\")",
                "not a ^ b",
                "not (a ^ b)",
                "(not a) ^ b",
            ),
            ("-+indices ^ indices", "-a ^ b", "-(a ^ b)", "(-a) ^ b"),
            (
                "not +(indices-2) ^ 3",
                "not a ^ b",
                "not (a ^ b)",
                "(not a) ^ b",
            ),
            (
                "-+indices ^ --2 + +(indices-2)",
                "-a ^ b",
                "-(a ^ b)",
                "(-a) ^ b",
            ),
            ("+-x ^ 2", "-a ^ b", "-(a ^ b)", "(-a) ^ b"),
            ("--x ^ 2", "--a ^ b", "--(a ^ b)", "(--a) ^ b"),
            ("not -x ^ 2", "not -a ^ b", "not -(a ^ b)", "(not -a) ^ b"),
            (
                "2 ^ -x ^ 3",
                "a ^ -b ^ c",
                "a ^ (-(b ^ c))",
                "(a ^ (-b)) ^ c",
            ),
            ("2 ^ +x ^ 3", "a ^ b ^ c", "a ^ (b ^ c)", "(a ^ b) ^ c"),
            ("not -x == 1", "not a == b", "not (a == b)", "(not a) == b"),
        ] {
            let expected = [written, here, there].map(str::to_owned);
            assert_eq!(readings(expression), [expected], "{expression}");
        }
    }

    #[test]
    fn a_note_shows_the_operators_that_are_there() {
        for (expression, written, here, there) in [
            ("not x ^ 2", "not a ^ b", "not (a ^ b)", "(not a) ^ b"),
            (
                "not tokens + \"x\"",
                "not a + b",
                "not (a + b)",
                "(not a) + b",
            ),
            (
                "not tokens in [2]",
                "not a in b",
                "not (a in b)",
                "(not a) in b",
            ),
            ("not x < 2 * y", "not a < b", "not (a < b)", "(not a) < b"),
            (
                "not x + 1 == 2",
                "not a + b == c",
                "not ((a + b) == c)",
                "((not a) + b) == c",
            ),
            ("x % 2 / 3", "a % b / c", "(a % b) / c", "a % (b / c)"),
            (
                "x == 1 or x in [1]",
                "a or b in c",
                "a or (b in c)",
                "(a or b) in c",
            ),
            (
                "a or b and c or d",
                "a or b and c",
                "a or (b and c)",
                "(a or b) and c",
            ),
            (
                "x in [1] and a or b",
                "a in b and c or d",
                "((a in b) and c) or d",
                "a in ((b and c) or d)",
            ),
        ] {
            let expected = [written, here, there].map(str::to_owned);
            assert_eq!(readings(expression), [expected], "{expression}");
        }
        // Two that have nothing to do with each other.
        assert_eq!(readings("-x ^ 2 * (not y == 3)").len(), 2);
        assert_eq!(readings("-x ^ 2 + y % 2 * 3").len(), 2);
    }

    #[test]
    fn nothing_is_said_of_operators_that_the_published_rasp_has_not_or_reads_alike() {
        for expression in [
            "not x != 2",
            "x % 3 // 2",
            "x not in [1] and y",
            "+x ^ 2",
            "-+x * 2",
            "2 ^ -x * 3",
            "not -x",
            "not (x ^ 2)",
            "not x[0]",
            "not f(x) and y",
        ] {
            assert!(readings(expression).is_empty(), "{expression}");
        }
    }

    #[test]
    fn a_long_expression_is_not_repeated() {
        let mut problems = Vec::new();
        let source = format!("z = a or {}c;", "b and ".repeat(90));
        let read = syntax::parse(0, &source, &mut problems);
        let [(_, note)] = read.notes.as_slice() else {
            panic!("{:?}", read.notes);
        };
        assert!(note.starts_with("the operators of an expression"), "{note}");
    }
}
