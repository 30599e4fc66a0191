//! The graph of a model: nodes that write to the residual stream, receivers that read it, and the edges between them.

use std::fmt;
use std::ops::Range;

use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Layer, Site};

/// What writes to the stream, or unembeds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// `token_embed[x]`.
    TokenEmbedding,
    /// `pos_embed`.
    PositionEmbedding,
    /// One head of a layer's attention.
    Head {
        /// From 0.
        layer: usize,
        /// From 0, within the layer.
        head: usize,
    },
    /// A layer's MLP.
    Mlp {
        /// From 0.
        layer: usize,
    },
    /// The unembedding, which writes nothing.
    Unembedding,
}

/// Which of a head's three inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Input {
    Query,
    Key,
    Value,
}

impl Input {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Query, Self::Key, Self::Value];

    /// `query`, `key` or `value`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// What reads the stream: a head's query, key or value, an MLP or the unembedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receiver {
    /// Whose input it is.
    pub node: Node,
    /// Which one, of a head; others have one input.
    pub input: Option<Input>,
}

impl Node {
    /// Its place in the forward pass: the embeddings have 0, layer `l` has `2l + 1` and `2l + 2`.
    pub fn stage(self) -> usize {
        match self {
            Self::TokenEmbedding | Self::PositionEmbedding => 0,
            Self::Head { layer, .. } => 2 * layer + 1,
            Self::Mlp { layer } => 2 * layer + 2,
            Self::Unembedding => usize::MAX,
        }
    }

    /// What writes its output, in the words of the wiring of `W`; none for the unembedding.
    pub fn site(self) -> Option<Site> {
        match self {
            Self::TokenEmbedding | Self::PositionEmbedding => Some(Site::Embedding),
            Self::Head { .. } | Self::Mlp { .. } => Some(Site::Block(self.stage() - 1)),
            Self::Unembedding => None,
        }
    }

    /// What reads its input, likewise; none for the embeddings.
    pub fn reader(self) -> Option<Reader> {
        match self {
            Self::TokenEmbedding | Self::PositionEmbedding => None,
            Self::Head { .. } | Self::Mlp { .. } => Some(Reader::Block(self.stage() - 1)),
            Self::Unembedding => Some(Reader::Unembedding),
        }
    }

    /// Its inputs, one after the other.
    pub fn receivers(self) -> Vec<Receiver> {
        let receiver = |input| Receiver { node: self, input };
        match self {
            Self::TokenEmbedding | Self::PositionEmbedding => Vec::new(),
            Self::Head { .. } => Input::ALL.map(|input| receiver(Some(input))).to_vec(),
            Self::Mlp { .. } | Self::Unembedding => vec![receiver(None)],
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenEmbedding => f.write_str("token_embed"),
            Self::PositionEmbedding => f.write_str("pos_embed"),
            Self::Head { layer, head } => write!(f, "layer{layer}.head{head}"),
            Self::Mlp { layer } => write!(f, "layer{layer}.mlp"),
            Self::Unembedding => f.write_str("unembed"),
        }
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.input {
            None => self.node.fmt(f),
            Some(input) => write!(f, "{}.{}", self.node, input.name()),
        }
    }
}

/// One edge, by the numbers of its ends in [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Edge {
    pub sender: usize,
    pub receiver: usize,
}

/// Nodes and edges: every sender with every receiver that comes after it.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Whatever writes, in the order of the forward pass: heads and MLPs that write nothing are left out.
    pub senders: Vec<Node>,
    /// Whatever reads, in the same order, the unembedding last.
    pub receivers: Vec<Receiver>,
    /// Receiver by receiver, for each its senders in their order.
    pub edges: Vec<Edge>,
    /// Where the edges into each receiver stand.
    into: Vec<Range<usize>>,
}

impl Graph {
    /// The graph of a model.
    pub fn new(model: &CompiledModel) -> Self {
        let mut senders = vec![Node::TokenEmbedding, Node::PositionEmbedding];
        for (layer, weights) in model.layers.iter().enumerate() {
            let heads = (0..model.metadata.num_heads)
                .filter(|head| !head_columns(model, weights, *head).is_empty());
            senders.extend(heads.map(|head| Node::Head { layer, head }));
            if !weights.mlp_is_dead() {
                senders.push(Node::Mlp { layer });
            }
        }
        let nodes = senders.iter().copied().chain([Node::Unembedding]);
        let receivers: Vec<Receiver> = nodes.flat_map(Node::receivers).collect();
        let (mut edges, mut into) = (Vec::new(), Vec::new());
        for (to, receiver) in receivers.iter().enumerate() {
            let before = senders
                .iter()
                .filter(|sender| sender.stage() < receiver.node.stage());
            let start = edges.len();
            edges.extend((0..before.count()).map(|sender| Edge {
                sender,
                receiver: to,
            }));
            into.push(start..edges.len());
        }
        Self {
            senders,
            receivers,
            edges,
            into,
        }
    }

    /// The edges into a receiver.
    pub fn into_receiver(&self, receiver: usize) -> Range<usize> {
        self.into[receiver].clone()
    }

    /// The edge between two ends, if the receiver comes after the sender.
    pub fn edge(&self, sender: usize, receiver: usize) -> Option<usize> {
        let into = &self.into[receiver];
        (sender < into.len()).then(|| into.start + sender)
    }

    /// The numbers of a node's receivers.
    pub fn receivers_of(&self, node: Node) -> Range<usize> {
        let start = self.receivers.iter().position(|r| r.node == node);
        let start = start.unwrap_or(self.receivers.len());
        let count = self.receivers[start..]
            .iter()
            .take_while(|r| r.node == node)
            .count();
        start..start + count
    }

    /// The names of an edge's ends.
    pub fn names(&self, edge: usize) -> (String, String) {
        let Edge { sender, receiver } = self.edges[edge];
        (
            self.senders[sender].to_string(),
            self.receivers[receiver].to_string(),
        )
    }
}

/// The columns of a head through which a value gets out of it: none for a head that writes nothing.
pub(super) fn head_columns(model: &CompiledModel, layer: &Layer<f64>, head: usize) -> Vec<usize> {
    let k = model.metadata.key_size;
    (head * k..(head + 1) * k)
        .filter(|c| {
            layer.value.is_live(*c) && layer.output.weight.row(*c).iter().any(|x| *x != 0.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;

    #[test]
    fn the_graph_of_frac_prevs_has_what_is_alive_and_every_edge_in_the_order_of_the_pass() {
        // The first attention and the last MLP of frac_prevs are dead.
        let graph = Graph::new(&test_models::load("frac_prevs"));
        let names: Vec<String> = graph.senders.iter().map(Node::to_string).collect();
        assert_eq!(
            names,
            ["token_embed", "pos_embed", "layer0.mlp", "layer1.head0"]
        );
        let receivers: Vec<String> = graph.receivers.iter().map(Receiver::to_string).collect();
        assert_eq!(
            receivers,
            [
                "layer0.mlp",
                "layer1.head0.query",
                "layer1.head0.key",
                "layer1.head0.value",
                "unembed"
            ]
        );
        assert_eq!(graph.edges.len(), 2 + 3 * 3 + 4);
        for (number, edge) in graph.edges.iter().enumerate() {
            assert_eq!(graph.edge(edge.sender, edge.receiver), Some(number));
        }
        assert_eq!(graph.edge(2, 0), None);
        assert_eq!(graph.receivers_of(graph.senders[3]), 1..4);
        assert_eq!(graph.receivers_of(Node::TokenEmbedding), 5..5);
        assert_eq!(
            graph.names(4),
            ("layer0.mlp".into(), "layer1.head0.query".into())
        );
    }
}
