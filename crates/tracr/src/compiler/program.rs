//! The operators that a program's output depends on, numbered and named as Tracr does.
//!
//! Tracr's labels are `<name>_<number>`, numbered breadth first from the output as in a fresh
//! process, selectors included, `tokens` and `indices` not. The labels decide on the order of
//! features (as text: `map_10` before `map_9`), of hidden units and of attention heads.

use std::collections::HashMap;

use super::error::{CompileError, Reason};
use super::selector::{self, Selector};
use crate::model::Value;
use crate::rasp::graph::{Encoding, Function, Graph, Kind, NodeId};

/// An operator's place in [`Program::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub usize);

/// What an operator computes; as [`Kind`], selectors folded into what uses them.
#[derive(Clone, Debug)]
pub enum OpKind {
    /// The input tokens.
    Tokens,
    /// The positions.
    Indices,
    /// `f(inner)`.
    Map {
        /// The argument.
        inner: OpId,
        /// Of one argument.
        f: Function,
    },
    /// `f(first, second)`.
    SequenceMap {
        /// First argument.
        first: OpId,
        /// Second argument.
        second: OpId,
        /// Of two arguments.
        f: Function,
    },
    /// `a·first + b·second`.
    Linear {
        /// First argument.
        first: OpId,
        /// Second argument.
        second: OpId,
        /// Factor of the first.
        a: f64,
        /// Factor of the second.
        b: f64,
    },
    /// The mean of `sop` where `selector` selects.
    Aggregate {
        /// Selects.
        selector: Head,
        /// The s-op that is moved or averaged.
        sop: OpId,
    },
    /// `inner`, and `filler` where `width` is 0.
    Filled {
        /// A categorical aggregate.
        inner: OpId,
        /// The width of its selector.
        width: OpId,
        /// What stands where nothing is selected.
        filler: Value,
    },
    /// How many positions `selector` selects.
    Width {
        /// Selects.
        selector: Head,
    },
}

/// A folded selector over operators.
#[derive(Clone, Debug)]
pub struct Head {
    /// The selector's node.
    pub node: NodeId,
    /// S-op of the keys.
    pub keys: OpId,
    /// S-op of the queries.
    pub queries: OpId,
    /// Whether a query selects a key.
    pub predicate: selector::Predicate,
}

/// An s-op of the program.
#[derive(Clone, Debug)]
pub struct Op {
    /// Its node.
    pub node: NodeId,
    /// What it computes.
    pub kind: OpKind,
    /// How its values lie in the residual stream.
    pub encoding: Encoding,
    /// The name given or the operator's own.
    pub name: String,
    /// Tracr's label: `name_number`, or the name of a primitive.
    pub label: String,
}

/// The s-ops that the output depends on, breadth first from the output, which is the first.
#[derive(Clone, Debug)]
pub struct Program {
    /// All s-ops, the output first.
    pub ops: Vec<Op>,
    /// The same, children before parents.
    pub order: Vec<OpId>,
    /// The s-op `tokens`.
    pub tokens: OpId,
}

impl Op {
    /// Whether it is an operator that takes a layer, and not an input.
    pub fn is_component(&self) -> bool {
        !matches!(self.kind, OpKind::Tokens | OpKind::Indices)
    }

    /// Whether it is categorical.
    pub fn is_categorical(&self) -> bool {
        self.encoding == Encoding::Categorical
    }

    /// The s-ops it reads.
    pub fn children(&self) -> Vec<OpId> {
        match &self.kind {
            OpKind::Tokens | OpKind::Indices => Vec::new(),
            OpKind::Map { inner, .. } => vec![*inner],
            OpKind::SequenceMap { first, second, .. } | OpKind::Linear { first, second, .. } => {
                vec![*first, *second]
            }
            OpKind::Aggregate { selector, sop } => vec![selector.keys, selector.queries, *sop],
            OpKind::Filled { inner, width, .. } => vec![*inner, *width],
            OpKind::Width { selector } => vec![selector.keys, selector.queries],
        }
    }
}

impl Program {
    /// The operator.
    pub fn op(&self, id: OpId) -> &Op {
        &self.ops[id.0]
    }

    /// The operators that take a layer, in Tracr's order.
    pub fn components(&self) -> impl Iterator<Item = OpId> {
        (0..self.ops.len())
            .map(OpId)
            .filter(|id| self.op(*id).is_component())
    }

    /// Reads the part of the graph that `output` depends on.
    ///
    /// # Errors
    /// Everything that Tracr refuses whatever the vocabulary.
    pub fn read(graph: &Graph, output: NodeId) -> Result<Self, CompileError> {
        let reachable = super::validate::reachable(graph, output)?;
        let mut problems = super::validate::problems(graph, output, &reachable);
        let canonical = super::validate::canonical(graph, &reachable);
        let is_tokens = |id: &&NodeId| matches!(graph.node(**id).kind, Kind::Tokens);
        let tokens = reachable.iter().find(is_tokens).copied();
        let mut folded: HashMap<NodeId, Selector> = HashMap::new();
        // What is refused anyway may have selectors that do not fold.
        for id in reachable.iter().filter(|_| problems.is_empty()) {
            if let Kind::Aggregate { selector, .. } | Kind::SelectorWidth { selector } =
                &graph.node(*id).kind
                && graph.node(*selector).kind.is_selector()
                && !folded.contains_key(selector)
            {
                match selector::fold(graph, *selector, &canonical, tokens.unwrap_or(*id)) {
                    Ok(select) => drop(folded.insert(*selector, select)),
                    Err(problem) => return Err(problem.into()),
                }
            }
        }
        if problems.is_empty() && tokens.is_none() {
            problems.push(Reason::NoTokens.at(output));
        }
        if !problems.is_empty() {
            problems.sort_by_key(|problem| problem.node);
            return Err(CompileError { problems });
        }
        Ok(Numbering {
            graph,
            canonical: &canonical,
            folded: &folded,
        }
        .program(output))
    }
}

/// The breadth-first walk that gives operators their numbers.
struct Numbering<'a, C> {
    graph: &'a Graph,
    canonical: &'a C,
    folded: &'a HashMap<NodeId, Selector>,
}

impl<C: Fn(NodeId) -> NodeId> Numbering<'_, C> {
    fn program(&self, output: NodeId) -> Program {
        let output = (self.canonical)(output);
        let mut walk = vec![output];
        let mut ids: HashMap<NodeId, usize> = HashMap::from([(output, 0)]);
        let mut numbers = HashMap::new();
        let mut next = 0;
        while let Some(id) = walk.get(next).copied() {
            next += 1;
            if !matches!(self.graph.node(id).kind, Kind::Tokens | Kind::Indices) {
                numbers.insert(id, numbers.len() + 1);
            }
            for child in self.children(id) {
                ids.entry(child).or_insert_with(|| {
                    walk.push(child);
                    walk.len() - 1
                });
            }
        }
        let sops: Vec<NodeId> = walk
            .into_iter()
            .filter(|id| !self.graph.node(*id).kind.is_selector())
            .collect();
        let places: HashMap<NodeId, OpId> = sops
            .iter()
            .enumerate()
            .map(|(i, id)| (*id, OpId(i)))
            .collect();
        let ops: Vec<Op> = sops
            .iter()
            .map(|id| {
                let node = self.graph.node(*id);
                let label = match numbers.get(id) {
                    Some(number) => format!("{}_{number}", node.name),
                    None => node.kind.default_name().to_owned(),
                };
                Op {
                    node: *id,
                    kind: self.kind(*id, &places),
                    encoding: node.encoding,
                    name: node.name.clone(),
                    label,
                }
            })
            .collect();
        let mut order: Vec<OpId> = (0..ops.len()).map(OpId).collect();
        order.sort_by_key(|id| ops[id.0].node);
        let is_tokens = |op: &Op| matches!(op.kind, OpKind::Tokens);
        let tokens = OpId(ops.iter().position(is_tokens).unwrap_or(0));
        Program { ops, order, tokens }
    }

    /// What Tracr's graph has as children: a folded selector has its keys and its queries.
    fn children(&self, id: NodeId) -> Vec<NodeId> {
        match self.folded.get(&id) {
            Some(select) => vec![select.keys, select.queries],
            None => self
                .graph
                .node(id)
                .kind
                .children()
                .into_iter()
                .map(self.canonical)
                .collect(),
        }
    }

    fn kind(&self, id: NodeId, places: &HashMap<NodeId, OpId>) -> OpKind {
        let op = |sop: &NodeId| {
            places
                .get(&(self.canonical)(*sop))
                .copied()
                .unwrap_or(OpId(0))
        };
        let head = |selector: &NodeId| {
            let select = &self.folded[selector];
            Head {
                node: select.node,
                keys: op(&select.keys),
                queries: op(&select.queries),
                predicate: select.predicate.clone(),
            }
        };
        match &self.graph.node(id).kind {
            Kind::Indices => OpKind::Indices,
            Kind::Map { inner, f } => OpKind::Map {
                inner: op(inner),
                f: f.clone(),
            },
            Kind::SequenceMap { first, second, f } => OpKind::SequenceMap {
                first: op(first),
                second: op(second),
                f: f.clone(),
            },
            Kind::LinearSequenceMap {
                first,
                second,
                a,
                b,
            } => OpKind::Linear {
                first: op(first),
                second: op(second),
                a: *a,
                b: *b,
            },
            Kind::Aggregate { selector, sop, .. } => OpKind::Aggregate {
                selector: head(selector),
                sop: op(sop),
            },
            Kind::Filled {
                inner,
                width,
                filler,
            } => OpKind::Filled {
                inner: op(inner),
                width: op(width),
                filler: filler.clone(),
            },
            Kind::SelectorWidth { selector } => OpKind::Width {
                selector: head(selector),
            },
            // Validation leaves no constants and no selectors among the s-ops.
            _ => OpKind::Tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::test_graphs::Builder;

    #[test]
    fn labels_are_numbered_breadth_first_with_selectors() {
        // sort_unique: sort 1, select 2, target_pos 3, smaller 4.
        let mut b = Builder::default();
        let tokens = b.tokens();
        let indices = b.indices();
        let smaller = b.select(tokens, tokens, "<");
        let width = b.selector_width(smaller);
        let target_pos = b.named(width, "target_pos");
        let sel_new = b.select(target_pos, indices, "==");
        let sort = b.aggregate(sel_new, tokens, Value::None);
        let sort = b.named(sort, "sort");
        let program = Program::read(&b.graph, sort).unwrap();
        let labels: Vec<&str> = program.ops.iter().map(|op| op.label.as_str()).collect();
        assert_eq!(labels, ["sort_1", "tokens", "target_pos_3", "indices"]);
    }

    #[test]
    fn every_tokens_node_is_the_same_sop() {
        let mut b = Builder::default();
        let (one, other) = (b.tokens(), b.tokens());
        let sum = b.sequence_map("x", one, other, |v| Ok(v[0].clone()));
        let program = Program::read(&b.graph, sum).unwrap();
        assert_eq!(program.ops.len(), 2);
    }
}
