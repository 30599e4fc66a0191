//! What an expression of the source stands for while the graph is being built.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::builtin::Builtin;
use crate::model::Value;
use crate::rasp::diagnostics::Span;
use crate::rasp::formula::{Formula, Table};
use crate::rasp::graph::NodeId;
use crate::rasp::python::{self, Key};
use crate::rasp::syntax::ast::{self, Binary, Expr, Name};

/// Lists in lists in lists: deeper ones are refused.
pub const MAX_NESTING: usize = 50;

/// Longer constants are cut in messages.
const LONGEST_CONSTANT: usize = 40;

/// What an expression stands for.
#[derive(Clone, Debug)]
pub enum Item {
    /// A constant.
    Value(Value),
    /// A list or tuple of items, known now.
    List(List),
    /// A dictionary, known now.
    Dictionary(Dictionary),
    /// A sequence operator: a node of the graph.
    Sop(NodeId),
    /// A selector: a node of the graph.
    Selector(NodeId),
    /// A function.
    Function(Arc<Callable>),
    /// `==` and the like, for `select`.
    Comparator(Binary),
    /// Inside a lambda: what depends on its arguments.
    Symbol(Arc<Formula>),
    /// What had an error, which was reported.
    Unknown,
}

/// A list.
#[derive(Clone, Debug)]
pub struct List {
    /// Its elements.
    pub items: Arc<Vec<Item>>,
    /// How deep lists are nested in it.
    pub nesting: usize,
}

/// A dictionary. What is in it is shared by its copies.
#[derive(Clone, Debug)]
pub struct Dictionary {
    /// In the order in which they first came.
    pub keys: Arc<Vec<Value>>,
    /// For each key.
    pub values: Arc<Vec<Item>>,
    /// Of each key, which it is.
    pub places: Arc<HashMap<Key, usize>>,
    /// What a map looks up in, if all values are constants.
    pub table: Option<Arc<Table>>,
    /// How deep lists and dictionaries are nested in it.
    pub nesting: usize,
}

/// Names and what they stand for.
pub type Scope = BTreeMap<String, Item>;

/// The scope of this number, of a function or a comprehension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeId(pub usize);

/// Where a function was written: its free names are looked up there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the prelude: it does not see the program's names.
    Prelude,
    /// In the program (0) or a file that it loads: it sees the names of that file.
    File(usize),
}

/// What can be called.
#[derive(Clone, Debug)]
pub enum Callable {
    /// Part of the language.
    Builtin(Builtin),
    /// `def`
    Def {
        /// Its name.
        name: String,
        /// Parameters and body.
        function: Arc<ast::Function>,
        /// The scopes around it, innermost last.
        around: Vec<ScopeId>,
        /// Where it was written.
        home: Home,
    },
    /// Functions of the prelude that have one name, and take different numbers of arguments.
    Either(Vec<Arc<Callable>>),
    /// `(x, y) -> body`
    Lambda {
        /// Its parameters.
        parameters: Vec<Name>,
        /// What it gives.
        body: Arc<Expr>,
        /// The scopes around it, innermost last.
        around: Vec<ScopeId>,
        /// Where it was written.
        home: Home,
    },
}

/// An item with the place it came from.
#[derive(Clone, Debug)]
pub struct Argument {
    /// The item.
    pub item: Item,
    /// Where it stands.
    pub span: Span,
}

impl Callable {
    /// How many parameters a function of the program or the prelude has.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Self::Def { function, .. } => function.parameters.len(),
            Self::Lambda { parameters, .. } => parameters.len(),
            Self::Builtin(_) | Self::Either(_) => 0,
        }
    }
}

impl List {
    /// `None` if it is nested deeper than [`MAX_NESTING`].
    pub fn new(items: Vec<Item>) -> Option<Self> {
        let nesting = items.iter().map(Item::nesting).max().unwrap_or(0) + 1;
        (nesting <= MAX_NESTING).then(|| Self {
            items: Arc::new(items),
            nesting,
        })
    }
}

impl Item {
    /// How deep lists and dictionaries are nested in it.
    pub(super) fn nesting(&self) -> usize {
        match self {
            Self::List(list) => list.nesting,
            Self::Dictionary(dictionary) => dictionary.nesting,
            _ => 0,
        }
    }

    /// For messages: `a selector`, `the constant 3`.
    pub fn describe(&self) -> String {
        match self {
            Self::Value(value) => {
                let text = python::literal(value);
                match text.char_indices().nth(LONGEST_CONSTANT) {
                    Some((end, _)) => {
                        format!("the constant {}...", text.get(..end).unwrap_or_default())
                    }
                    None => format!("the constant {text}"),
                }
            }
            Self::List(_) => "a list".into(),
            Self::Dictionary(_) => "a dictionary".into(),
            Self::Sop(_) => "an s-op".into(),
            Self::Selector(_) => "a selector".into(),
            Self::Function(callable) => match &**callable {
                Callable::Builtin(builtin) => format!("the function `{}`", builtin.name()),
                Callable::Def { name, .. } => format!("the function `{name}`"),
                Callable::Either(_) => "a function of the prelude".into(),
                Callable::Lambda { .. } => "a lambda".into(),
            },
            Self::Comparator(operator) => format!("the comparison `{}`", operator.text()),
            Self::Symbol(_) => "an argument of a lambda".into(),
            Self::Unknown => "something with an error".into(),
        }
    }
}
