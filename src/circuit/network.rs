//! A model as its graph: one forward pass in which each receiver adds up what each sender's edge carries.
//!
//! The sender `s` writes `h_s` `[N, written]`, `N = B·T` rows. The receiver `r` reads
//!
//! ```text
//! x_r = c_r + Σ_s h_s·G_{s→r}        G_{s→r} = W_{write(s)}ᵀ W_{read(r)}, [written, read]
//! ```
//!
//! in the features that it reads (rows of its matrix that are not zero); `c_r` are biases of attention outputs, which no
//! input changes. With `W = I` this is the compiled model. An edge's message `h_s·G_{s→r}` can be exchanged for that of
//! another input while all other edges carry the run's own: path patching, edge by edge (Goldowsky-Dill et al. 2023;
//! Conmy et al. 2023, ACDC).

use std::collections::HashMap;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::body::{Body, Parts};
use super::graph::{Graph, Node, Receiver};
use super::map::Map;
use tracr::model::wiring::Reader;
use tracr::model::{CompiledModel, Linear, Site, Wiring};

/// A model, taken apart along its edges.
#[derive(Clone, Debug)]
pub struct Network {
    /// Nodes and edges.
    pub graph: Graph,
    /// By sender: the features that it can write.
    pub written: Vec<Vec<usize>>,
    /// By receiver: the features that it reads.
    pub read: Vec<Vec<usize>>,
    /// By receiver: `c_r`, `[read]`.
    offsets: Vec<Array1<f64>>,
    /// By edge: `G_{s→r}`, `[written, read]`.
    edges: Vec<Map>,
    /// `[V, written]` and `[T, written]`.
    embeddings: [Array2<f64>; 2],
    /// What the heads, MLPs and the unembedding compute, in the order of the forward pass.
    bodies: Vec<(Node, Body)>,
    columns: usize,
}

/// What a pass over `B` inputs of `T` positions computes; row `b·T + t` belongs to position `t` of input `b`.
#[derive(Clone, Debug)]
pub struct Trace {
    /// `(B, T)`.
    pub shape: (usize, usize),
    /// By sender: `h_s`, `[N, written]`.
    pub values: Vec<Array2<f64>>,
    /// By edge: what it carries, `[N, read]`.
    pub messages: Vec<Array2<f64>>,
    /// By receiver: `x_r`, `[N, read]`.
    pub reads: Vec<Array2<f64>>,
    /// `[N, O]`.
    pub output: Array2<f64>,
}

impl Network {
    /// The model compressed by `w`; the compiled model is that of the identity.
    pub fn new(model: &CompiledModel, w: &Array2<f64>, wiring: &Wiring) -> Self {
        let graph = Graph::new(model);
        let (mut written, mut bodies) = (Vec::new(), Vec::new());
        let mut embeddings = [Array2::zeros((0, 0)), Array2::zeros((0, 0))];
        for (embedding, matrix) in embeddings
            .iter_mut()
            .zip([&model.token_embed, &model.pos_embed])
        {
            let own = nonzero_columns(matrix);
            *embedding = matrix.select(Axis(1), &own);
            written.push(own);
        }
        let mut read = Vec::new();
        for node in graph.senders.iter().copied().chain([Node::Unembedding]) {
            let Some(parts) = Parts::of(model, node) else {
                continue;
            };
            read.extend(parts.read);
            if node != Node::Unembedding {
                written.push(parts.written);
            }
            bodies.push((node, parts.body));
        }
        let mut grams = Grams {
            w,
            wiring,
            known: HashMap::new(),
        };
        let edges = graph.edges.iter().map(|edge| {
            let (from, to) = (graph.senders[edge.sender], graph.receivers[edge.receiver]);
            let gram = grams.between(from.site(), to);
            let rows = gram.select(Axis(0), &written[edge.sender]);
            Map::new(rows.select(Axis(1), &read[edge.receiver]))
        });
        let edges = edges.collect();
        let offsets = graph.receivers.iter().zip(&read);
        let offsets = offsets.map(|(receiver, read)| {
            let all = offset(model, *receiver, &mut grams);
            Array1::from_iter(read.iter().map(|feature| all[*feature]))
        });
        Self {
            offsets: offsets.collect(),
            graph,
            written,
            read,
            edges,
            embeddings,
            bodies,
            columns: model.unembed.ncols(),
        }
    }

    /// What the two embeddings write on token ids `[B, T]`.
    pub fn embed(&self, tokens: ArrayView2<'_, usize>) -> [Array2<f64>; 2] {
        let ids: Vec<usize> = tokens.iter().copied().collect();
        let positions: Vec<usize> = (0..ids.len()).map(|row| row % tokens.ncols()).collect();
        let [of_tokens, of_positions] = &self.embeddings;
        [
            of_tokens.select(Axis(0), &ids),
            of_positions.select(Axis(0), &positions),
        ]
    }

    /// The pass over token ids `[B, T]`.
    pub fn forward(&self, tokens: ArrayView2<'_, usize>) -> Trace {
        self.forward_from(self.embed(tokens), tokens.dim())
    }

    /// The pass from what the embeddings write.
    pub fn forward_from(&self, embedded: [Array2<f64>; 2], shape: (usize, usize)) -> Trace {
        let mut trace = Trace {
            shape,
            values: embedded.into(),
            messages: Vec::with_capacity(self.edges.len()),
            reads: Vec::with_capacity(self.read.len()),
            output: Array2::zeros((shape.0 * shape.1, self.columns)),
        };
        for (node, body) in &self.bodies {
            let receivers = self.graph.receivers_of(*node);
            for receiver in receivers.clone() {
                for edge in self.graph.into_receiver(receiver) {
                    let value = &trace.values[self.graph.edges[edge].sender];
                    trace.messages.push(self.edges[edge].apply(value));
                }
                let read = self.sum(receiver, shape.0 * shape.1, |edge| &trace.messages[edge]);
                trace.reads.push(read);
            }
            let reads: Vec<&Array2<f64>> = trace.reads[receivers].iter().collect();
            let computed = body.compute(&reads, shape);
            match node {
                Node::Unembedding => trace.output = computed,
                _ => trace.values.push(computed),
            }
        }
        trace
    }

    /// The output on `base` if each edge that is `exchanged` carries what it carries on `source`, and each other one
    /// what its sender then writes; none if nothing that is read changes.
    pub fn exchange(
        &self,
        base: &Trace,
        source: &Trace,
        exchanged: impl Fn(usize) -> bool,
    ) -> Option<Array2<f64>> {
        // By sender, where it differs from the base's.
        let mut values: Vec<Option<Array2<f64>>> = vec![None; self.graph.senders.len()];
        for (place, (node, body)) in self.bodies.iter().enumerate() {
            let receivers = self.graph.receivers_of(*node);
            let reads: Vec<Option<Array2<f64>>> = receivers
                .clone()
                .map(|receiver| self.changed_read(receiver, (base, source), &values, &exchanged))
                .collect();
            if reads.iter().all(Option::is_none) {
                continue;
            }
            let reads: Vec<&Array2<f64>> = reads
                .iter()
                .zip(&base.reads[receivers])
                .map(|(new, old)| new.as_ref().unwrap_or(old))
                .collect();
            let computed = body.compute(&reads, base.shape);
            if *node == Node::Unembedding {
                return Some(computed);
            }
            // The embeddings stand before the first body.
            let sender = place + 2;
            if computed != base.values[sender] {
                values[sender] = Some(computed);
            }
        }
        None
    }

    /// What a receiver reads under an exchange, if that differs from what it reads on the base.
    fn changed_read(
        &self,
        receiver: usize,
        (base, source): (&Trace, &Trace),
        values: &[Option<Array2<f64>>],
        exchanged: &impl Fn(usize) -> bool,
    ) -> Option<Array2<f64>> {
        let edges = self.graph.into_receiver(receiver);
        let new: Vec<Option<Array2<f64>>> = edges
            .clone()
            .map(|edge| {
                let value = values[self.graph.edges[edge].sender].as_ref();
                let value = value.filter(|_| !exchanged(edge));
                value.map(|value| self.edges[edge].apply(value))
            })
            .collect();
        if !edges.clone().any(&exchanged) && new.iter().all(Option::is_none) {
            return None;
        }
        let start = edges.start;
        let message = |edge: usize| match &new[edge - start] {
            Some(new) => new,
            None if exchanged(edge) => &source.messages[edge],
            None => &base.messages[edge],
        };
        let read = self.sum(receiver, base.reads[receiver].nrows(), message);
        (read != base.reads[receiver]).then_some(read)
    }

    /// `x_r` of the messages into a receiver, added in one order.
    fn sum<'a>(
        &self,
        receiver: usize,
        rows: usize,
        message: impl Fn(usize) -> &'a Array2<f64>,
    ) -> Array2<f64> {
        let offset = &self.offsets[receiver];
        let mut read = Array2::zeros((rows, offset.len()));
        read += offset;
        for edge in self.graph.into_receiver(receiver) {
            read += message(edge);
        }
        read
    }

    /// The derivative of a sum over outputs, by every receiver's input: `∂/∂x_r Σ ⟨output, direction⟩`, `[N, read]` by
    /// receiver, where `direction` is `[N, O]`. That by an edge's message is the same as by its receiver's input.
    pub fn gradients(&self, trace: &Trace, direction: &Array2<f64>) -> Vec<Array2<f64>> {
        let zeros = |like: &Array2<f64>| Array2::zeros(like.dim());
        let mut by_value: Vec<Array2<f64>> = trace.values.iter().map(zeros).collect();
        let mut by_read: Vec<Array2<f64>> = trace.reads.iter().map(zeros).collect();
        for (place, (node, body)) in self.bodies.iter().enumerate().rev() {
            let receivers = self.graph.receivers_of(*node);
            let gradient = match node {
                Node::Unembedding => direction,
                _ => &by_value[place + 2],
            };
            let reads = &trace.reads[receivers.clone()];
            let gradients = body.gradients(reads, gradient, trace.shape);
            for (receiver, gradient) in receivers.zip(gradients) {
                for edge in self.graph.into_receiver(receiver) {
                    let back = self.edges[edge].back(&gradient);
                    by_value[self.graph.edges[edge].sender] += &back;
                }
                by_read[receiver] = gradient;
            }
        }
        by_read
    }

    /// Bytes of a trace of `rows` rows.
    pub fn trace_bytes(&self, rows: usize) -> u128 {
        let edges = self.graph.edges.iter();
        let messages: usize = edges.map(|edge| self.read[edge.receiver].len()).sum();
        let ends = self.read.iter().chain(&self.written);
        let numbers = messages + ends.map(Vec::len).sum::<usize>() + self.columns;
        8 * numbers as u128 * rows as u128
    }

    /// What an edge carries of a sender's value.
    pub fn message(&self, edge: usize, value: &Array2<f64>) -> Array2<f64> {
        self.edges[edge].apply(value)
    }
}

/// The Gram matrices between writers and readers, each computed once.
struct Grams<'a> {
    w: &'a Array2<f64>,
    wiring: &'a Wiring,
    known: HashMap<(usize, usize), Array2<f64>>,
}

impl Grams<'_> {
    /// `[D, D]`; zero between ends that are none.
    fn between(&mut self, site: Option<Site>, to: Receiver) -> &Array2<f64> {
        // Only the unembedding has no site and only the embeddings no reader; neither is such an end of an edge.
        let (site, reader) = (
            site.unwrap_or(Site::Embedding),
            to.node.reader().unwrap_or(Reader::Unembedding),
        );
        let key = (self.wiring.write(site), self.wiring.read(reader));
        self.known
            .entry(key)
            .or_insert_with(|| self.wiring.gram(self.w, site, reader))
    }
}

/// What a receiver reads of the biases of the attention blocks before it, which belong to no head: `[D]`.
fn offset(model: &CompiledModel, to: Receiver, grams: &mut Grams<'_>) -> Array1<f64> {
    let mut offset = Array1::zeros(model.width());
    for (layer, weights) in model.layers.iter().enumerate() {
        let Linear { bias, .. } = &weights.output;
        if 2 * layer + 1 < to.node.stage() && bias.iter().any(|x| *x != 0.0) {
            offset += &bias.dot(grams.between(Some(Site::Block(2 * layer)), to));
        }
    }
    offset
}

fn nonzero_columns(matrix: &Array2<f64>) -> Vec<usize> {
    let columns = matrix.columns().into_iter().enumerate();
    columns
        .filter(|(_, column)| column.iter().any(|x| *x != 0.0))
        .map(|(number, _)| number)
        .collect()
}
