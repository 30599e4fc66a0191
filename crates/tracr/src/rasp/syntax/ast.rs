//! The syntax tree.

use std::sync::Arc;

use crate::model::Value;
use crate::rasp::diagnostics::Span;

/// A name where it is bound.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// The height of the tree below, which the parser bounds.
    pub depth: usize,
    /// Whether it stands in brackets of its own.
    pub bracketed: bool,
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-x`
    Negate,
    /// `+x`
    Plus,
    /// `not x`
    Not,
    /// `round(x)`
    Round,
    /// `indicator(x)`: 1 if true, else 0.
    Indicator,
    /// `abs(x)`
    Abs,
    /// `str(x)`
    Str,
    /// `int(x)`
    Int,
    /// `float(x)`
    Float,
    /// `len(x)`
    Len,
    /// `sin(x)`
    Sin,
    /// `cos(x)`
    Cos,
    /// `exp(x)`
    Exp,
    /// `log(x)`: the natural logarithm.
    Log,
    /// `sqrt(x)`
    Sqrt,
    /// Whether the value counts as true, of `and` and `or` between s-ops.
    Truth,
    /// Of a comparator in `select`: the value, which must not be None.
    NotNone,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Modulo,
    /// `^`
    Power,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `and`
    And,
    /// `or`
    Or,
    /// `in`
    In,
    /// `x[i]`
    Index,
    /// `min(x, y)`
    Min,
    /// `max(x, y)`
    Max,
    /// The comparator `true` of `select`.
    Always,
    /// The comparator `false` of `select`.
    Never,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A variable.
    Name(String),
    /// A constant.
    Literal(Value),
    /// `[a, b]` or `(a, b)`.
    List(Vec<Expr>),
    /// `{"a": 1, "b": 2}`: keys and values in their order.
    Dictionary(Vec<(Expr, Expr)>),
    /// `[value for targets in iterable if condition]`, or `{key: value for ...}`
    Comprehension {
        /// Of a dictionary.
        key: Option<Box<Expr>>,
        /// One element.
        value: Box<Expr>,
        /// The loop's variables.
        targets: Vec<Name>,
        /// What is gone through.
        iterable: Box<Expr>,
        /// Which elements stay.
        condition: Option<Box<Expr>>,
    },
    /// An operator of one operand.
    Unary(Unary, Box<Expr>),
    /// An operator of two operands.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `then if condition else otherwise`
    If {
        /// Decides.
        condition: Box<Expr>,
        /// The value if it is true.
        then: Box<Expr>,
        /// The value if it is false.
        otherwise: Box<Expr>,
    },
    /// `f(a, b)`
    Call(Box<Expr>, Vec<Expr>),
    /// `==` and the like as an argument of `select`.
    Comparator(Binary),
    /// `(x, y) -> body`
    Lambda {
        /// Its parameters.
        parameters: Vec<Name>,
        /// What it gives.
        body: Arc<Expr>,
    },
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `a, b = x, y;`
    Assign {
        /// The names.
        targets: Vec<Name>,
        /// One value, or as many as there are names.
        value: Expr,
    },
    /// `x;`
    Expression(Expr),
    /// `def name(parameters) { body }`
    Def {
        /// The function's name.
        name: Name,
        /// The function.
        function: Arc<Function>,
    },
    /// `for targets in iterable { body }`
    For {
        /// The loop's variables.
        targets: Vec<Name>,
        /// What is gone through.
        iterable: Expr,
        /// What is done.
        body: Vec<Statement>,
    },
    /// `load "file";`
    Load(String),
    /// What the interactive RASP shows, as `set example "abc"`: nothing to a program.
    Interactive,
}

/// A function of the program.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its parameters.
    pub parameters: Vec<Name>,
    /// What it does first.
    pub body: Vec<Statement>,
    /// What it gives.
    pub result: Expr,
}

impl Binary {
    /// As written between its operands.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "^",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::And => "and",
            Self::Or => "or",
            Self::In => "in",
            Self::Index => "[]",
            Self::Min => "min",
            Self::Max => "max",
            Self::Always => "true",
            Self::Never => "false",
        }
    }
}

impl Unary {
    /// As written before its operand.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Plus => "+",
            Self::Not => "not",
            Self::Round => "round",
            Self::Indicator => "indicator",
            Self::Abs => "abs",
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Len => "len",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::NotNone | Self::Truth => "",
        }
    }
}
