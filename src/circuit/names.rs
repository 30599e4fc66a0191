//! The names of edges' ends: ours, those of EAP and MIB, and TransformerLens' hooks as ACDC and InterpBench write them.
//!
//! | end | here | EAP, MIB | hooks |
//! |---|---|---|---|
//! | both embeddings | | `input` | `blocks.0.hook_resid_pre` |
//! | one embedding | `token_embed`, `pos_embed` | | `hook_embed`, `hook_pos_embed` |
//! | a head's output | `layer1.head0` | `a1.h0` | `blocks.1.attn.hook_result[:, :, 0]`, or `[0]` |
//! | a head's input | `layer1.head0.query` | `a1.h0<q>` | `blocks.1.hook_q_input[:, :, 0]` |
//! | an MLP's output | `layer0.mlp` | `m0` | `blocks.0.hook_mlp_out` |
//! | an MLP's input | `layer0.mlp` | `m0` | `blocks.0.hook_resid_mid`, `blocks.0.hook_mlp_in` |
//! | the unembedding | `unembed` | `logits` | `blocks.1.hook_resid_post`, of the last layer |
//!
//! ACDC's graph also has edges inside a node (`hook_q_input` → `attn.hook_q` → `attn.hook_result`, `hook_resid_mid` →
//! `hook_mlp_out`), which carry nothing between nodes.

use super::end::End;
use super::graph::{Graph, Node, Receiver};
use base::escape;

/// Longer names are not compared with the known ones.
const LONGEST_NAME: usize = 100;
/// Nearest names that a message has.
const NEAREST: usize = 3;

/// The ends that a model has.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Its graph.
    pub graph: &'a Graph,
    /// Its layers, those that are dead included.
    pub layers: usize,
    /// Its heads a layer, likewise.
    pub heads: usize,
}

/// What two names stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An edge of the graph.
    Edge(usize),
    /// The edges from both embeddings to one receiver.
    BothEmbeddings([usize; 2]),
    /// An edge from or to a head or an MLP that writes nothing.
    Dead,
    /// One inside a node.
    Inside,
}

impl Names<'_> {
    /// The edge between two names.
    ///
    /// # Errors
    /// If a name is none of the model's, or there can be no such edge; the message says what to write.
    pub fn resolve(&self, from: &str, to: &str) -> Result<Resolved, String> {
        let (sender, receiver) = (self.end(from, true)?, self.end(to, false)?);
        if sender.is_inside(receiver) {
            return Ok(Resolved::Inside);
        }
        let senders: Vec<Node> = match sender {
            End::BothEmbeddings => vec![Node::TokenEmbedding, Node::PositionEmbedding],
            End::Node(node) if node != Node::Unembedding => vec![node],
            End::MlpOutput(layer) => vec![Node::Mlp { layer }],
            _ => {
                return Err(format!(
                    "{} writes nothing to the stream{}",
                    escape::name(from),
                    self.nearest(from, true)
                ));
            }
        };
        let receiver = match receiver {
            End::Node(Node::Head { .. }) => {
                return Err(format!(
                    "{0} has three inputs: say which one, as in {0}{1}",
                    escape::name(to),
                    if to.starts_with('a') { "<q>" } else { ".query" }
                ));
            }
            End::Node(node @ (Node::Mlp { .. } | Node::Unembedding)) => {
                Receiver { node, input: None }
            }
            End::MlpInput(layer) => Receiver {
                node: Node::Mlp { layer },
                input: None,
            },
            End::HeadInput(layer, head, input) => Receiver {
                node: Node::Head { layer, head },
                input: Some(input),
            },
            _ => {
                return Err(format!(
                    "{} reads nothing from the stream{}",
                    escape::name(to),
                    self.nearest(to, false)
                ));
            }
        };
        if senders
            .iter()
            .any(|sender| sender.stage() >= receiver.node.stage())
        {
            return Err(format!(
                "there can be no edge from {} to {}: the model has read before this is written",
                escape::name(from),
                escape::name(to)
            ));
        }
        let number = |node: &Node| self.graph.senders.iter().position(|s| s == node);
        let to = self.graph.receivers.iter().position(|r| *r == receiver);
        let edge = |node: &Node| self.graph.edge(number(node)?, to?);
        Ok(match senders.as_slice() {
            [tokens, positions] => match (edge(tokens), edge(positions)) {
                (Some(tokens), Some(positions)) => Resolved::BothEmbeddings([tokens, positions]),
                _ => Resolved::Dead,
            },
            [sender] => edge(sender).map_or(Resolved::Dead, Resolved::Edge),
            _ => Resolved::Dead,
        })
    }

    fn end(&self, name: &str, sends: bool) -> Result<End, String> {
        let end = End::parse(name, self.layers).ok_or_else(|| {
            format!(
                "{} is no {} of this model{}",
                escape::name(name),
                if sends { "sender" } else { "receiver" },
                self.nearest(name, sends)
            )
        })?;
        let (layer, head) = match end {
            End::BothEmbeddings => (0, 0),
            End::Node(Node::Head { layer, head })
            | End::HeadInput(layer, head, _)
            | End::InsideHead(layer, head, _) => (layer, head),
            End::Node(Node::Mlp { layer }) | End::MlpInput(layer) | End::MlpOutput(layer) => {
                (layer, 0)
            }
            End::Node(_) => (0, 0),
        };
        if layer < self.layers.max(1) && head < self.heads.max(1) {
            Ok(end)
        } else {
            Err(format!(
                "{} is no part of this model: it has {} layers, counted from 0, with {} heads each{}",
                escape::name(name),
                self.layers,
                self.heads,
                self.nearest(name, sends)
            ))
        }
    }

    /// The known names most like a wrong one, for the end of a message.
    fn nearest(&self, wrong: &str, sends: bool) -> String {
        if wrong.len() > LONGEST_NAME {
            return String::new();
        }
        let mut known: Vec<(f64, String)> = self
            .known(sends)
            .into_iter()
            .map(|name| (strsim::jaro_winkler(&name, wrong), name))
            .collect();
        known.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<String> = known
            .into_iter()
            .take(NEAREST)
            .map(|(_, name)| name)
            .collect();
        format!("; the nearest names are {}", base::numbers::listed(&names))
    }

    /// Every name of a sender or a receiver of the graph.
    fn known(&self, sends: bool) -> Vec<String> {
        let mut names = Vec::new();
        if sends {
            names.extend(
                [
                    "input",
                    "hook_embed",
                    "hook_pos_embed",
                    "blocks.0.hook_resid_pre",
                ]
                .map(String::from),
            );
            for sender in &self.graph.senders {
                names.push(sender.to_string());
                match sender {
                    Node::Head { layer, head } => names.extend([
                        format!("a{layer}.h{head}"),
                        format!("blocks.{layer}.attn.hook_result[:, :, {head}]"),
                    ]),
                    Node::Mlp { layer } => {
                        names.extend([format!("m{layer}"), format!("blocks.{layer}.hook_mlp_out")]);
                    }
                    _ => {}
                }
            }
            return names;
        }
        let last = self.layers.saturating_sub(1);
        names.extend(["logits".into(), format!("blocks.{last}.hook_resid_post")]);
        for receiver in &self.graph.receivers {
            names.push(receiver.to_string());
            match (receiver.node, receiver.input) {
                (Node::Head { layer, head }, Some(input)) => {
                    let letter = &input.name()[..1];
                    names.extend([
                        format!("a{layer}.h{head}<{letter}>"),
                        format!("blocks.{layer}.hook_{letter}_input[:, :, {head}]"),
                    ]);
                }
                (Node::Mlp { layer }, _) => {
                    names.extend([
                        format!("m{layer}"),
                        format!("blocks.{layer}.hook_resid_mid"),
                    ]);
                }
                _ => {}
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;

    fn resolve(from: &str, to: &str) -> Result<Resolved, String> {
        // frac_prevs: token_embed, pos_embed, layer0.mlp and layer1.head0 are alive.
        let model = test_models::load("frac_prevs");
        let graph = Graph::new(&model);
        let names = Names {
            graph: &graph,
            layers: 2,
            heads: model.metadata.num_heads,
        };
        names.resolve(from, to)
    }

    #[test]
    fn an_edge_has_the_same_number_in_every_style() {
        for (number, styles) in [
            (
                0,
                vec![
                    ("token_embed", "layer0.mlp"),
                    ("hook_embed", "m0"),
                    ("hook_embed[:]", "blocks.0.hook_resid_mid[:]"),
                ],
            ),
            (
                1,
                vec![
                    ("pos_embed", "layer0.mlp"),
                    ("hook_pos_embed", "blocks.0.hook_mlp_in"),
                ],
            ),
            (
                4,
                vec![
                    ("layer0.mlp", "layer1.head0.query"),
                    ("m0", "a1.h0<q>"),
                    ("blocks.0.hook_mlp_out", "blocks.1.hook_q_input[:, :, 0]"),
                    ("blocks.0.hook_mlp_out", "blocks.1.hook_q_input[0]"),
                ],
            ),
            (
                10,
                vec![("m0", "a1.h0<v>"), ("layer0.mlp", "layer1.head0.value")],
            ),
            (
                14,
                vec![
                    ("layer1.head0", "unembed"),
                    ("a1.h0", "logits"),
                    (
                        "blocks.1.attn.hook_result[:, :, 0]",
                        "blocks.1.hook_resid_post",
                    ),
                ],
            ),
        ] {
            for (from, to) in styles {
                assert_eq!(
                    resolve(from, to),
                    Ok(Resolved::Edge(number)),
                    "{from} -> {to}"
                );
            }
        }
        for from in ["input", "blocks.0.hook_resid_pre"] {
            assert_eq!(resolve(from, "m0"), Ok(Resolved::BothEmbeddings([0, 1])));
        }
    }

    #[test]
    fn edges_of_dead_nodes_and_inside_nodes_are_told_apart_from_wrong_names() {
        for (from, to) in [
            ("input", "a0.h0<k>"),
            ("a0.h0", "logits"),
            ("layer1.mlp", "unembed"),
        ] {
            assert_eq!(resolve(from, to), Ok(Resolved::Dead), "{from} -> {to}");
        }
        for (from, to) in [
            (
                "blocks.1.hook_q_input[:, :, 0]",
                "blocks.1.attn.hook_q[:, :, 0]",
            ),
            ("blocks.1.attn.hook_v[0]", "blocks.1.attn.hook_result[0]"),
            ("blocks.0.hook_resid_mid", "blocks.0.hook_mlp_out"),
        ] {
            assert_eq!(resolve(from, to), Ok(Resolved::Inside), "{from} -> {to}");
        }
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_right_ones_and_an_impossible_edge_its_reason() {
        for (from, to, expected) in [
            ("layer0.mpl", "unembed", "layer0.mlp"),
            ("m0", "a1.h0<w>", "a1.h0<q>"),
            ("token_embedding", "unembed", "token_embed"),
            ("m7", "unembed", "2 layers"),
            ("a1.h9", "unembed", "heads each"),
            ("blocks.0.hook_resid_post", "unembed", "no sender"),
            ("a1.h0", "m0", "read before"),
            ("unembed", "m0", "writes nothing"),
            ("m0", "token_embed", "reads nothing"),
            ("m0", "a1.h0", "a1.h0<q>"),
            ("layer0.mlp", "layer1.head0", "layer1.head0.query"),
            ("a18446744073709551616.h0", "unembed", "no sender"),
            ("blocks.1.attn.hook_result[0, :, 0]", "unembed", "no sender"),
        ] {
            let message = resolve(from, to).unwrap_err();
            assert!(message.contains(expected), "{from} -> {to}: {message}");
        }
    }
}
