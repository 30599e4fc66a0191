//! The graph that is made node by node from another one.

use std::collections::HashMap;

use crate::rasp::graph::{Graph, Kind, Node, NodeId};

/// Operators that the program does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// What they are for.
    pub what: String,
    /// The nodes of the lowered graph.
    pub nodes: Vec<NodeId>,
}

/// A graph on its way from the old to the new one.
pub struct Builder<'a> {
    /// What there is.
    pub old: &'a Graph,
    /// What it becomes.
    pub new: Graph,
    /// By the new node, the old one.
    pub origins: Vec<NodeId>,
    /// By the old node, the new one.
    pub places: HashMap<NodeId, NodeId>,
    /// By the old selector, the new one that a head computes.
    pub selectors: HashMap<NodeId, NodeId>,
    /// By new s-ops, the tuple of them.
    pub tuples: HashMap<Vec<NodeId>, NodeId>,
    /// By the new selector, its width.
    pub widths: HashMap<NodeId, NodeId>,
    /// What the program does not have.
    pub added: Vec<Added>,
}

impl<'a> Builder<'a> {
    /// Of a graph of which nothing is lowered yet.
    pub fn of(old: &'a Graph) -> Self {
        Self {
            old,
            new: Graph::default(),
            origins: Vec::new(),
            places: HashMap::new(),
            selectors: HashMap::new(),
            tuples: HashMap::new(),
            widths: HashMap::new(),
            added: Vec::new(),
        }
    }

    /// Where an old node is now.
    pub fn place(&self, old: NodeId) -> NodeId {
        self.places.get(&old).copied().unwrap_or(old)
    }

    /// A node that comes from an old one; categorical, and under its operator's own name.
    pub fn add(&mut self, kind: Kind, origin: NodeId) -> NodeId {
        let id = self.new.add(kind);
        self.new.nodes[id.0]
            .span
            .clone_from(&self.old.node(origin).span);
        self.origins.push(origin);
        id
    }

    /// A node in the place of an old one, with its name.
    pub fn instead(&mut self, kind: Kind, old: NodeId) -> NodeId {
        let id = self.add(kind, old);
        let Node {
            name,
            named,
            encoding,
            ..
        } = self.old.node(old);
        let node = &mut self.new.nodes[id.0];
        (node.named, node.encoding) = (*named, *encoding);
        node.name.clone_from(name);
        id
    }
}
