//! The true edges of a compiled model, read off its weights and the states that it visits.
//!
//! A feature travels on the edge `s → r` if `s` writes it (it is other than zero on some input, at some position) and `r`
//! reads it (its row of the receiver's matrix is not zero). An edge is true if a feature travels on it and its receiver's
//! node reaches the output over such edges.

use ndarray::Array2;

use super::graph::{Graph, Node};
use super::metric::NONE_BELOW;
use super::network::Network;
use crate::analysis::{Subject, sweep};

/// What is known of the edges without running anything twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// By sender: the features that it writes on the inputs.
    pub written: Vec<Vec<usize>>,
    /// By edge: the features that travel on it.
    pub features: Vec<Vec<usize>>,
    /// By edge: whether its receiver's node reaches the output.
    pub reaches_output: Vec<bool>,
    /// By edge: whether what travels on it differs, at some position, between two inputs.
    pub varies: Vec<bool>,
}

impl Truth {
    /// Of the compiled model, from all inputs of the subject.
    pub fn new(subject: Subject<'_>, compiled: &Network, threads: usize) -> Self {
        let ranges = Ranges::over(subject, compiled, threads);
        let graph = &compiled.graph;
        let of_senders = |keep: fn(&Ranges, usize, usize) -> bool| -> Vec<Vec<usize>> {
            let written = compiled.written.iter().enumerate();
            let kept = written.map(|(sender, features)| {
                let own = features.iter().enumerate();
                own.filter(|(column, _)| keep(&ranges, sender, *column))
                    .map(|(_, feature)| *feature)
                    .collect()
            });
            kept.collect()
        };
        let written = of_senders(Ranges::is_written);
        let varying = of_senders(Ranges::varies);
        let on_edges = |written: &[Vec<usize>]| -> Vec<Vec<usize>> {
            let edges = graph.edges.iter();
            let common = edges.map(|edge| {
                let read = &compiled.read[edge.receiver];
                let both = written[edge.sender].iter().filter(|f| read.contains(f));
                both.copied().collect()
            });
            common.collect()
        };
        let features = on_edges(&written);
        Self {
            varies: on_edges(&varying).iter().map(|f| !f.is_empty()).collect(),
            reaches_output: reaching(graph, &features),
            written,
            features,
        }
    }

    /// Whether an edge is true.
    pub fn is_true(&self, edge: usize) -> bool {
        !self.features[edge].is_empty() && self.reaches_output[edge]
    }
}

/// By edge: whether its receiver's node reaches the output over edges with features.
fn reaching(graph: &Graph, features: &[Vec<usize>]) -> Vec<bool> {
    let mut reaches = vec![Node::Unembedding];
    for (sender, node) in graph.senders.iter().enumerate().rev() {
        let mut out = graph.edges.iter().zip(features);
        let leads = out.any(|(edge, features)| {
            let next = graph.receivers[edge.receiver].node;
            edge.sender == sender && !features.is_empty() && reaches.contains(&next)
        });
        if leads {
            reaches.push(*node);
        }
    }
    let nodes = graph.edges.iter().map(|e| graph.receivers[e.receiver].node);
    nodes.map(|node| reaches.contains(&node)).collect()
}

/// The smallest and largest value of what each sender writes, by position, `[T, written]`.
struct Ranges {
    smallest: Vec<Array2<f64>>,
    largest: Vec<Array2<f64>>,
}

impl Ranges {
    fn over(subject: Subject<'_>, network: &Network, threads: usize) -> Self {
        let positions = subject.space.positions();
        let filled = |value: f64| {
            let widths = network.written.iter().map(Vec::len);
            widths
                .map(|width| Array2::from_elem((positions, width), value))
                .collect()
        };
        let none = || Self {
            smallest: filled(f64::INFINITY),
            largest: filled(f64::NEG_INFINITY),
        };
        let work = |range| {
            let mut ranges = none();
            for (_, tokens) in sweep::chunks(subject.space, subject.inputs, range) {
                let trace = network.forward(tokens.view());
                for (sender, values) in trace.values.iter().enumerate() {
                    for ((row, column), value) in values.indexed_iter() {
                        let at = [row % positions, column];
                        let smallest = &mut ranges.smallest[sender][at];
                        *smallest = smallest.min(*value);
                        let largest = &mut ranges.largest[sender][at];
                        *largest = largest.max(*value);
                    }
                }
            }
            ranges
        };
        let mut total = none();
        sweep::pieces(subject.inputs.len(), threads, work, |part| {
            for (mine, other) in total.smallest.iter_mut().zip(&part.smallest) {
                mine.zip_mut_with(other, |a, b| *a = a.min(*b));
            }
            for (mine, other) in total.largest.iter_mut().zip(&part.largest) {
                mine.zip_mut_with(other, |a, b| *a = a.max(*b));
            }
        });
        total
    }

    fn is_written(&self, sender: usize, column: usize) -> bool {
        let (low, high) = (&self.smallest[sender], &self.largest[sender]);
        let mut at = low.column(column).into_iter().zip(high.column(column));
        at.any(|(low, high)| low.abs().max(high.abs()) > NONE_BELOW)
    }

    fn varies(&self, sender: usize, column: usize) -> bool {
        let (low, high) = (&self.smallest[sender], &self.largest[sender]);
        let mut at = low.column(column).into_iter().zip(high.column(column));
        at.any(|(low, high)| high - low > NONE_BELOW)
    }
}
