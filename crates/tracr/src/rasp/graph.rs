//! The expression graph: a RASP program as nodes, one operator a node, as in Tracr's Python
//! embedding, so that layer counts agree. Interpreter, checks and compiler all read this.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::model::Value;

/// A node's place in [`Graph::nodes`]. Children come before their parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// How an s-op's values lie in the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One dimension a value.
    Categorical,
    /// One dimension, whose coordinate is the value.
    Numerical,
}

/// Why a function has no value for its arguments (division by zero, `"a" - 1`): the value is
/// dropped from the value set, as in Tracr.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueError(pub String);

/// What a [`Function`] calls.
pub type Call = Arc<dyn Fn(&[Value]) -> Result<Value, ValueError> + Send + Sync>;

/// A pure function of one or two values: an operator, or a lambda of the source.
#[derive(Clone)]
pub struct Function {
    /// What it does, for messages: `x + 1`, `x == "a"`.
    pub text: String,
    /// The function itself; the slice has as many values as the node has arguments.
    pub call: Call,
    /// Operations that one call takes at most.
    pub cost: usize,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.text)
    }
}

/// What a node computes. The names are Tracr's.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The input tokens.
    Tokens,
    /// 0, 1, 2, ... (BOS is not counted).
    Indices,
    /// The same value at every position; Tracr cannot compile it, selectors may compare with it.
    Full(Value),
    /// `f(inner)` at each position.
    Map {
        /// The s-op that is mapped.
        inner: NodeId,
        /// One argument.
        f: Function,
    },
    /// `f(first, second)` at each position.
    SequenceMap {
        /// First argument.
        first: NodeId,
        /// Second argument.
        second: NodeId,
        /// Two arguments.
        f: Function,
    },
    /// `a·first + b·second` at each position, all numerical.
    LinearSequenceMap {
        /// First argument.
        first: NodeId,
        /// Second argument.
        second: NodeId,
        /// Factor of the first.
        a: f64,
        /// Factor of the second.
        b: f64,
    },
    /// The mean of `sop` over the positions that `selector` selects; a categorical one may only
    /// move a value.
    Aggregate {
        /// A selector node.
        selector: NodeId,
        /// The s-op that is moved or averaged.
        sop: NodeId,
        /// Where nothing is selected.
        default: Value,
    },
    /// `inner`, and `filler` where `width` is 0. No operator of the language: the compiler puts it in the
    /// place of an aggregate whose default is `filler`.
    Filled {
        /// An aggregate, categorical.
        inner: NodeId,
        /// The width of its selector.
        width: NodeId,
        /// What stands where nothing is selected.
        filler: Value,
    },
    /// How many positions `selector` selects.
    SelectorWidth {
        /// A selector node.
        selector: NodeId,
    },
    /// A selector: key position k is selected by query position q if `predicate(keys[k],
    /// queries[q])`.
    Select {
        /// S-op of the keys.
        keys: NodeId,
        /// S-op of the queries.
        queries: NodeId,
        /// Two arguments, key first.
        predicate: Function,
    },
    /// A selector: both.
    SelectorAnd(NodeId, NodeId),
    /// A selector: at least one.
    SelectorOr(NodeId, NodeId),
    /// A selector: not this one.
    SelectorNot(NodeId),
}

/// One operator of a program.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub kind: Kind,
    /// The name its features get: `is_x`, `target_pos`; given by an assignment, else the
    /// operator's own (`map`, `sequence_map`, `aggregate`, `select`, ...). Not unique.
    pub name: String,
    /// Whether `name` was given by the program.
    pub named: bool,
    /// Of an s-op; [`Encoding::Categorical`] unless the program says numerical. Nothing to say of a
    /// selector.
    pub encoding: Encoding,
    /// Where it stands in the source, in bytes of the file with this number.
    pub span: Option<(usize, Range<usize>)>,
}

/// A program: nodes, children before parents.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// All nodes ever made; not all need be reachable from the output.
    pub nodes: Vec<Node>,
    /// Aggregates of categorical s-ops for which the program gives no default.
    pub without_default: Vec<NodeId>,
}

impl Kind {
    /// The nodes that this one reads, in order (`keys` before `queries`, `selector` before `sop`).
    pub fn children(&self) -> Vec<NodeId> {
        match self {
            Self::Tokens | Self::Indices | Self::Full(_) => Vec::new(),
            Self::Map { inner, .. } => vec![*inner],
            Self::SequenceMap { first, second, .. }
            | Self::LinearSequenceMap { first, second, .. } => vec![*first, *second],
            Self::Aggregate { selector, sop, .. } => vec![*selector, *sop],
            Self::Filled { inner, width, .. } => vec![*inner, *width],
            Self::SelectorWidth { selector } => vec![*selector],
            Self::Select { keys, queries, .. } => vec![*keys, *queries],
            Self::SelectorAnd(a, b) | Self::SelectorOr(a, b) => vec![*a, *b],
            Self::SelectorNot(a) => vec![*a],
        }
    }

    /// The same, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut NodeId> {
        match self {
            Self::Tokens | Self::Indices | Self::Full(_) => Vec::new(),
            Self::Map { inner, .. } => vec![inner],
            Self::SequenceMap { first, second, .. }
            | Self::LinearSequenceMap { first, second, .. } => vec![first, second],
            Self::Aggregate { selector, sop, .. } => vec![selector, sop],
            Self::Filled { inner, width, .. } => vec![inner, width],
            Self::SelectorWidth { selector } => vec![selector],
            Self::Select { keys, queries, .. } => vec![keys, queries],
            Self::SelectorAnd(a, b) | Self::SelectorOr(a, b) => vec![a, b],
            Self::SelectorNot(a) => vec![a],
        }
    }

    /// Whether it is a selector and not an s-op.
    pub fn is_selector(&self) -> bool {
        matches!(
            self,
            Self::Select { .. }
                | Self::SelectorAnd(..)
                | Self::SelectorOr(..)
                | Self::SelectorNot(_)
        )
    }

    /// The operator's own name, as Tracr's `default_name` annotator gives it.
    pub fn default_name(&self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Indices => "indices",
            Self::Map { .. } => "map",
            Self::Full(_) => "full",
            Self::SequenceMap { .. } => "sequence_map",
            Self::LinearSequenceMap { .. } => "linear_sequence_map",
            Self::Aggregate { .. } => "aggregate",
            Self::Filled { .. } => "filled",
            Self::SelectorWidth { .. } => "selector_width",
            Self::Select { .. } => "select",
            Self::SelectorAnd(..) => "selector_and",
            Self::SelectorOr(..) => "selector_or",
            Self::SelectorNot(_) => "selector_not",
        }
    }
}

impl Graph {
    /// Adds a categorical node under its operator's own name.
    pub fn add(&mut self, kind: Kind) -> NodeId {
        let name = kind.default_name().to_owned();
        self.nodes.push(Node {
            kind,
            name,
            named: false,
            encoding: Encoding::Categorical,
            span: None,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// The node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}

/// A node for messages: ``the map `x / 2` ``, ``the aggregate `sort` ``.
pub fn describe(graph: &Graph, node: NodeId) -> String {
    let node = graph.node(node);
    let operator = node.kind.default_name().replace('_', " ");
    let text = match &node.kind {
        Kind::Map { f, .. } | Kind::SequenceMap { f, .. } | Kind::Select { predicate: f, .. } => {
            &f.text
        }
        _ => "",
    };
    match (node.named, text) {
        (true, "") => format!("the {operator} `{}`", node.name),
        (true, text) => format!("the {operator} `{}` ({text})", node.name),
        (false, "") => format!("the {operator}"),
        (false, text) => format!("the {operator} `{text}`"),
    }
}
