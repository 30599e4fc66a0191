//! The words of the language.

use std::fmt;

use crate::model::Value;
use crate::rasp::diagnostics::Span;

/// A word of a source and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
    /// Whether a line break stands before it.
    pub first_of_line: bool,
}

/// The kinds of words.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// A name.
    Name(String),
    /// A number, a string, `True`, `False` or `None`.
    Literal(Value),
    /// A word that cannot be a name.
    Keyword(Keyword),
    /// An operator or a bracket.
    Sign(Sign),
    /// The end of the text.
    End,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl $name {
            /// As written in a source.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// All of them with their texts.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $text),)*];
        }
    };
}

words!(
    /// Words that cannot be names.
    Keyword {
        Def = "def",
        Return = "return",
        For = "for",
        In = "in",
        If = "if",
        Else = "else",
        And = "and",
        Or = "or",
        Not = "not",
        Load = "load",
    }
);

words!(
    /// Operators and brackets; the longer before those they begin with.
    Sign {
        Arrow = "->",
        Equal = "==",
        Unequal = "!=",
        AtMost = "<=",
        AtLeast = ">=",
        FloorDivide = "//",
        Power2 = "**",
        Less = "<",
        Greater = ">",
        Assign = "=",
        Plus = "+",
        Minus = "-",
        Times = "*",
        Divide = "/",
        Modulo = "%",
        Power = "^",
        OpenRound = "(",
        CloseRound = ")",
        OpenSquare = "[",
        CloseSquare = "]",
        OpenCurly = "{",
        CloseCurly = "}",
        Comma = ",",
        Semicolon = ";",
        Colon = ":",
        Dot = ".",
    }
);

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "the name `{name}`"),
            Self::Literal(Value::Str(_)) => f.write_str("a string"),
            Self::Literal(value) => write!(f, "`{value}`"),
            Self::Keyword(keyword) => write!(f, "`{}`", keyword.text()),
            Self::Sign(sign) => write!(f, "`{}`", sign.text()),
            Self::End => f.write_str("the end of the program"),
        }
    }
}
