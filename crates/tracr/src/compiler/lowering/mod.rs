//! What Tracr has no operator for, said in operators that there are: a graph goes in, and one that says
//! the same comes out.
//!
//! - `joined`: `and` and `or` of selectors over different s-ops become one `select` over tuples of them.
//! - `defaults`: an aggregate with another default than what the BOS position gives gets it afterwards.
//!
//! A graph that has neither is taken as it is, so that its weights are Tracr's.

mod builder;
mod defaults;
mod joined;

use std::borrow::Cow;

use super::error::{CompileError, Problem, Reason};
use super::validate;
use crate::rasp::graph::{Encoding, Graph, Kind, NodeId};

pub use builder::Added;
use builder::Builder;

/// A graph to compile.
#[derive(Clone, Debug)]
pub struct Lowered<'a> {
    /// Without what Tracr has no operator for.
    pub graph: Cow<'a, Graph>,
    /// Its output.
    pub output: NodeId,
    /// What was added, and why.
    pub added: Vec<Added>,
    /// The node of the program that each node stems from; none if they are the same.
    origins: Option<Vec<NodeId>>,
}

impl Lowered<'_> {
    /// The node of the program that a node stems from.
    pub fn origin(&self, id: NodeId) -> NodeId {
        match &self.origins {
            Some(origins) => origins.get(id.0).copied().unwrap_or(id),
            None => id,
        }
    }

    /// Whether the program does not have this node.
    pub fn is_added(&self, id: NodeId) -> bool {
        self.added.iter().any(|added| added.nodes.contains(&id))
    }

    /// The problem of the program that a problem of the lowered graph is.
    pub fn blamed(&self, problem: Problem) -> Problem {
        let Some(node) = problem.node else {
            return problem;
        };
        let added = self.added.iter().find(|added| added.nodes.contains(&node));
        let mut reason = problem.reason;
        if let (Some(added), Reason::TooMany { name, .. } | Reason::TooLarge { name, .. }) =
            (added, &mut reason)
            && !self.graph.node(node).named
        {
            name.clone_from(&added.what);
        }
        reason.at(self.origin(node))
    }
}

/// Lowers the part of the graph that `output` depends on.
///
/// # Errors
/// If a child does not come before its parent, or is no node, or output is a selector.
pub fn lower(graph: &Graph, output: NodeId) -> Result<Lowered<'_>, CompileError> {
    let reachable = validate::reachable(graph, output)?;
    let canonical = validate::canonical(graph, &reachable);
    let is_lowered = |id: &NodeId| match &graph.node(*id).kind {
        Kind::Aggregate { selector, .. } => {
            defaults::filler(graph, *id).is_some()
                || joined::sides(graph, *selector, &canonical).is_some()
        }
        Kind::SelectorWidth { selector } => joined::sides(graph, *selector, &canonical).is_some(),
        _ => false,
    };
    if !reachable.iter().any(is_lowered) {
        return Ok(Lowered {
            graph: Cow::Borrowed(graph),
            output,
            added: Vec::new(),
            origins: None,
        });
    }
    let mut lowering = Builder::of(graph);
    for id in &reachable {
        lowering.node(*id, &canonical)?;
    }
    Ok(Lowered {
        output: lowering.place(output),
        graph: Cow::Owned(lowering.new),
        added: lowering.added,
        origins: Some(lowering.origins),
    })
}

impl Builder<'_> {
    /// The node in the place of an old one, and all that it needs.
    fn node(
        &mut self,
        id: NodeId,
        canonical: &impl Fn(NodeId) -> NodeId,
    ) -> Result<(), CompileError> {
        let mut kind = self.old.node(id).kind.clone();
        if let Kind::Aggregate { selector, .. } | Kind::SelectorWidth { selector } = &kind {
            self.joined(*selector, canonical)?;
        }
        let filler = defaults::filler(self.old, id);
        for child in kind.children_mut() {
            let joined = self.selectors.get(child).copied();
            *child = joined.unwrap_or_else(|| self.place(*child));
        }
        let new = match (kind, filler) {
            (Kind::Aggregate { selector, sop, .. }, Some(filler)) => {
                self.filled(id, selector, sop, filler)
            }
            (Kind::SelectorWidth { selector }, _) => {
                let width = self.instead(Kind::SelectorWidth { selector }, id);
                if self.old.node(id).encoding == Encoding::Categorical {
                    self.widths.entry(selector).or_insert(width);
                }
                width
            }
            (kind, _) => self.instead(kind, id),
        };
        self.places.insert(id, new);
        Ok(())
    }
}
