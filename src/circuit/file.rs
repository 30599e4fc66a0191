//! `circuit.json`: the graph with what is known of each edge.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::effects::{Exchanges, Watch, message_parts};
use super::graph::{Node, Receiver};
use super::metric::NONE_BELOW;
use super::network::Network;
use super::truth::Truth;
use crate::analysis::Subject;
use crate::analysis::interchange::Pairs;
use crate::analysis::structure::variable_of;
use crate::results::ReadError;
use crate::results::documents::json;
use crate::results::layout::CIRCUIT;
use base::numbers::four_digits;

/// What rebuilds it.
pub const REBUILD: &str = "`compress circuit DIR` writes it again";

/// The content of `circuit.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CircuitFile {
    /// 1.
    pub format_version: u32,
    /// The model's name.
    pub program: String,
    /// `D`.
    pub width: usize,
    /// `d` of a compressed model.
    pub dim: Option<usize>,
    /// Inputs over which features, signal and interference are taken.
    pub inputs: usize,
    /// Whether these are all.
    pub inputs_are_all: bool,
    /// Pairs of inputs over which effects are taken.
    pub pairs: u64,
    /// Whether these are all.
    pub pairs_are_all: bool,
    /// The seed of their sample.
    pub seed: Option<u64>,
    /// In the order of the forward pass.
    pub nodes: Vec<NodeEntry>,
    /// Receiver by receiver, in the order of the forward pass.
    pub edges: Vec<EdgeEntry>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// `token_embed`, `pos_embed`, `layer0.head0`, `layer0.mlp` or `unembed`.
    pub name: String,
    /// The program's variables that it writes; of the unembedding those that it reads.
    pub variables: Vec<String>,
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeEntry {
    /// The node that writes.
    pub from: String,
    /// The node that reads; of a head with `.query`, `.key` or `.value`.
    pub to: String,
    /// The compiled model's features that travel on it.
    pub features: Vec<String>,
    /// Whether its receiver's node reaches the output.
    pub reaches_output: bool,
    /// Whether it belongs to the program: features travel on it, and it reaches the output.
    #[serde(rename = "true")]
    pub is_true: bool,
    /// Why exchanging it in the compiled model changes nothing, if it is true.
    pub redundant: Option<Redundant>,
    /// The exact effect.
    pub effect: f64,
    /// Of a sample of pairs: the 95 % interval of the effect over all of them.
    pub effect_interval: Option<[f64; 2]>,
    /// The exact effect in the compiled model, over the same pairs.
    pub effect_compiled: f64,
    /// The part of its message from features that the receiver reads.
    pub signal: f64,
    /// The part from the sender's other features.
    pub interference: f64,
}

/// Why a true edge has no effect in the compiled model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redundant {
    /// What travels on it is the same on all inputs, at each position.
    Constant,
    /// It differs between inputs, and no answer of the pairs depends on it.
    NoEffect,
}

impl CircuitFile {
    /// Whether an effect of the compiled model is more than rounding.
    pub fn is_effect(effect: f64) -> bool {
        effect > NONE_BELOW
    }

    /// Measures everything. `compressed` is none for the compiled model. Goes over the pairs once for each model.
    pub fn measure(
        subject: Subject<'_>,
        (compiled, compressed): (&Network, Option<&Network>),
        (pairs, seed): (&Pairs<'_>, u64),
        threads: usize,
        watch: Watch<'_>,
    ) -> Self {
        let truth = Truth::new(subject, compiled, threads);
        let graph = &compiled.graph;
        let network = compressed.unwrap_or(compiled);
        let exchanges = |network| Exchanges {
            subject,
            compiled,
            network,
            pairs,
            threads,
            watch,
        };
        // Without features nothing travels: exchanging nothing changes nothing.
        let carrying: Vec<bool> = truth.features.iter().map(|f| !f.is_empty()).collect();
        let of_compiled = exchanges(compiled).effects(&carrying);
        let effects = match compressed {
            None => of_compiled.clone(),
            Some(network) => exchanges(network).effects(&vec![true; graph.edges.len()]),
        };
        let heard = message_parts(subject, network, &truth, threads);
        let labels = &subject.model.metadata.residual_labels;
        let edges = (0..graph.edges.len()).map(|edge| {
            let (from, to) = graph.names(edge);
            let (is_true, effect_compiled) = (truth.is_true(edge), of_compiled[edge].mean());
            let redundant = match (truth.varies[edge], Self::is_effect(effect_compiled)) {
                (false, _) => Some(Redundant::Constant),
                (true, false) => Some(Redundant::NoEffect),
                (true, true) => None,
            };
            EdgeEntry {
                from,
                to,
                features: truth.features[edge]
                    .iter()
                    .map(|f| labels[*f].clone())
                    .collect(),
                reaches_output: truth.reaches_output[edge],
                is_true,
                redundant: redundant.filter(|_| is_true),
                effect: effects[edge].mean(),
                effect_interval: (!pairs.are_all()).then(|| effects[edge].interval()),
                effect_compiled,
                signal: heard[edge].signal,
                interference: heard[edge].interference,
            }
        });
        Self {
            format_version: 1,
            program: subject.model.metadata.program.clone(),
            width: subject.model.width(),
            dim: compressed.map(|_| subject.wiring.width(subject.w)),
            inputs: subject.inputs.len(),
            inputs_are_all: subject.inputs.is_whole(),
            pairs: pairs.len() as u64,
            pairs_are_all: pairs.are_all(),
            seed: (!pairs.are_all()).then_some(seed),
            edges: edges.collect(),
            nodes: nodes(subject, compiled, &truth),
        }
    }

    /// Reads that of a directory, if it has one.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn read(directory: &Path) -> Result<Option<Self>, ReadError> {
        json(directory, CIRCUIT, REBUILD)
    }

    /// The true edges, how many of them are redundant, and why.
    pub fn counts(&self) -> Counts {
        let of = |reason: Option<Redundant>| {
            let edges = self.edges.iter().filter(|e| e.is_true);
            edges.filter(|e| e.redundant == reason).count()
        };
        Counts {
            all: self.edges.len(),
            effective: of(None),
            constant: of(Some(Redundant::Constant)),
            no_effect: of(Some(Redundant::NoEffect)),
        }
    }
}

/// How many edges there are of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All edges that the order of the layers allows.
    pub all: usize,
    /// True ones with an effect in the compiled model.
    pub effective: usize,
    /// True ones whose value is the same on all inputs.
    pub constant: usize,
    /// True ones whose value differs between inputs, without effect.
    pub no_effect: usize,
}

impl Counts {
    /// All true edges.
    pub fn of_truth(self) -> usize {
        self.effective + self.constant + self.no_effect
    }
}

fn nodes(subject: Subject<'_>, compiled: &Network, truth: &Truth) -> Vec<NodeEntry> {
    let labels = &subject.model.metadata.residual_labels;
    let variables = |features: &[usize]| {
        let mut names: Vec<String> = Vec::new();
        for feature in features {
            let name = variable_of(&labels[*feature]);
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    };
    let graph = &compiled.graph;
    let senders = graph.senders.iter().zip(&truth.written);
    let mut nodes: Vec<NodeEntry> = senders
        .map(|(node, written)| NodeEntry {
            name: node.to_string(),
            variables: variables(written),
        })
        .collect();
    let unembedding = Receiver {
        node: Node::Unembedding,
        input: None,
    };
    let read = graph.receivers.iter().zip(&compiled.read);
    let read = read.filter(|(receiver, _)| **receiver == unembedding);
    nodes.extend(read.map(|(receiver, read)| NodeEntry {
        name: receiver.to_string(),
        variables: variables(read),
    }));
    nodes
}

impl CircuitFile {
    /// What the file says, in sentences.
    pub fn sentences(&self) -> Vec<String> {
        let counts = self.counts();
        let model = match self.dim {
            None => format!(
                "the compiled model of {} (D = {})",
                self.program, self.width
            ),
            Some(d) => format!(
                "the model of {}, compressed to d = {d} of D = {},",
                self.program, self.width
            ),
        };
        let mut sentences = vec![format!(
            "In {model} {} of {} edges are true: a feature travels on them, and they reach the output.",
            counts.of_truth(),
            counts.all
        )];
        if counts.constant > 0 {
            sentences.push(format!(
                "On {} of the true edges what travels in the compiled model is the same on all inputs, at each position: exchanging it \
                 changes nothing there.",
                counts.constant
            ));
        }
        if counts.no_effect > 0 {
            sentences.push(format!(
                "On {} more it differs between inputs, and no answer of the compiled model depends on it.",
                counts.no_effect
            ));
        }
        let which = match (self.pairs_are_all, self.seed) {
            (false, Some(seed)) => {
                format!("a sample of {} pairs of inputs (seed {seed})", self.pairs)
            }
            _ => format!("all {} pairs of inputs", self.pairs),
        };
        sentences.push(format!(
            "The effect of an edge is the mean, over {which} and the base's answers, of the distance that the output moves if \
             this edge alone carries what it carries on the other input."
        ));
        if self.dim.is_some() {
            let others = self.edges.iter().filter(|edge| !edge.is_true);
            let strongest = others.max_by(|a, b| a.effect.total_cmp(&b.effect));
            if let Some(edge) = strongest.filter(|edge| edge.effect > 0.0) {
                sentences.push(format!(
                    "Of the edges that are not true, the one from {} to {} has the largest effect, {}: its message \
                     comes from features that its receiver does not read.",
                    edge.from,
                    edge.to,
                    four_digits(edge.effect)
                ));
            }
        }
        sentences
    }
}
