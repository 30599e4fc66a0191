//! The exact effect of each edge, and how much of its message comes from features that its receiver does not read.

use std::ops::Range;

use super::graph::Edge;
use super::metric::Answers;
use super::network::{Network, Trace};
use super::truth::Truth;
use crate::analysis::interchange::Pairs;
use crate::analysis::{Subject, sweep};

/// 95 % of the standard normal distribution are within this many standard deviations.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A mean over pairs of inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    count: u64,
    weight: f64,
    sum: f64,
    squares: f64,
}

impl Mean {
    /// One more pair, with its weight.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.count += 1;
        self.weight += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    /// Others' pairs.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.weight += other.weight;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// The mean; 0 over no pairs.
    pub fn mean(&self) -> f64 {
        if self.weight == 0.0 {
            0.0
        } else {
            self.sum / self.weight
        }
    }

    /// Over a sample of independent pairs: the normal approximation's 95 % interval of the mean over all pairs.
    pub fn interval(&self) -> [f64; 2] {
        let mean = self.mean();
        let (n, weight) = (self.count as f64, self.weight.max(f64::MIN_POSITIVE));
        let variance = (self.squares / weight - mean * mean).max(0.0);
        let error = NORMAL_95 * (variance / (n - 1.0).max(1.0)).sqrt();
        [mean - error, mean + error]
    }
}

/// A chunk of pairs, run through the compiled model and the one that is looked at.
pub struct Chunk {
    /// The first pair's number.
    pub start: usize,
    /// What counts.
    pub answers: Answers,
    /// On the bases.
    pub base: Trace,
    /// On the sources.
    pub source: Trace,
}

/// A model with its pairs of inputs.
#[derive(Clone, Copy)]
pub struct Exchanges<'a> {
    /// The model and its inputs.
    pub subject: Subject<'a>,
    /// The compiled model: what the answers are.
    pub compiled: &'a Network,
    /// The model that is looked at.
    pub network: &'a Network,
    /// The pairs.
    pub pairs: &'a Pairs<'a>,
    /// Threads at most.
    pub threads: usize,
    /// Is told of pairs that are done, each time that a sum goes over them.
    pub watch: Watch<'a>,
}

/// Who is told how many pairs of inputs were done since the last time.
#[derive(Clone, Copy)]
pub struct Watch<'a>(pub &'a (dyn Fn(u64) + Sync));

impl Watch<'_> {
    /// Nobody.
    pub const NOBODY: Watch<'static> = Watch(&|_| {});
}

impl Exchanges<'_> {
    /// Bytes that they may need at a time: traces of a chunk's bases and sources in both models, and of an exchange.
    pub fn bytes(&self) -> u128 {
        let rows = sweep::CHUNK * self.subject.space.positions();
        let chunk = 2 * self.compiled.trace_bytes(rows) + 3 * self.network.trace_bytes(rows);
        self.threads as u128 * chunk
    }

    /// Runs some pairs.
    fn chunk(&self, pairs: Range<usize>) -> Chunk {
        let [base, source] = self.pairs.tokens(self.subject, pairs.clone());
        let right = [&base, &source].map(|tokens| self.compiled.forward(tokens.view()).output);
        Chunk {
            start: pairs.start,
            answers: Answers::new(
                self.subject.model,
                [base.view(), source.view()],
                [&right[0], &right[1]],
            ),
            base: self.network.forward(base.view()),
            source: self.network.forward(source.view()),
        }
    }

    /// Goes through all pairs, a chunk at a time, and adds up what `each` makes of them; the same for any number of
    /// threads.
    pub fn sum<S: Clone + Send + Sync>(
        &self,
        zero: S,
        each: impl Fn(&Chunk, &mut S) + Sync,
        merge: impl Fn(&mut S, &S),
    ) -> S {
        let work = |range: Range<usize>| {
            let mut sums = zero.clone();
            for start in range.clone().step_by(sweep::CHUNK) {
                let end = (start + sweep::CHUNK).min(range.end);
                each(&self.chunk(start..end), &mut sums);
                (self.watch.0)((end - start) as u64);
            }
            sums
        };
        let mut total = zero.clone();
        sweep::pieces(self.pairs.len(), self.threads, work, |part| {
            merge(&mut total, &part)
        });
        total
    }

    /// By edge: the mean over the pairs of the effect of exchanging what this edge alone carries. Edges that are left out
    /// have none.
    pub fn effects(&self, edges: &[bool]) -> Vec<Mean> {
        let each = |chunk: &Chunk, sums: &mut Vec<Mean>| {
            for (edge, sum) in sums.iter_mut().enumerate() {
                if !edges[edge] {
                    continue;
                }
                let changed = self
                    .network
                    .exchange(&chunk.base, &chunk.source, |e| e == edge);
                let after = changed.as_ref().unwrap_or(&chunk.base.output);
                for pair in 0..chunk.answers.counts().len() {
                    let effect = chunk.answers.effect(pair, &chunk.base.output, after);
                    if let Some(effect) = effect {
                        sum.add(effect, self.pairs.weight(chunk.start + pair));
                    }
                }
            }
        };
        self.sum(vec![Mean::default(); edges.len()], each, |total, part| {
            total.iter_mut().zip(part).for_each(|(a, b)| a.merge(b));
        })
    }
}

/// The two parts of an edge's message: the root mean square of the length of each, over inputs and positions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MessageParts {
    /// From features that the sender writes and the receiver reads.
    pub signal: f64,
    /// From the other features that the sender writes.
    pub interference: f64,
}

/// The parts of every edge's message, over all inputs. Which features an edge carries is the compiled model's
/// `truth`; the message is `h_s·G`, of these rows of `G` or of the others.
pub fn message_parts(
    subject: Subject<'_>,
    network: &Network,
    truth: &Truth,
    threads: usize,
) -> Vec<MessageParts> {
    let positions = subject.space.positions() as f64;
    let work = |range: Range<usize>| {
        let mut sums = vec![[0.0; 2]; network.graph.edges.len()];
        for (start, tokens) in sweep::chunks(subject.space, subject.inputs, range) {
            let trace = network.forward(tokens.view());
            for (number, (Edge { sender, .. }, sums)) in
                network.graph.edges.iter().zip(&mut sums).enumerate()
            {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let mut value = trace.values[*sender].clone();
                    for (column, feature) in network.written[*sender].iter().enumerate() {
                        if truth.features[number].contains(feature) != (part == 0) {
                            value.column_mut(column).fill(0.0);
                        }
                    }
                    let message = network.message(number, &value);
                    for (row, message) in message.rows().into_iter().enumerate() {
                        let weight = subject.inputs.weight(start + row / tokens.ncols().max(1));
                        *sum += weight * message.iter().map(|x| x * x).sum::<f64>();
                    }
                }
            }
        }
        sums
    };
    let mut total = vec![[0.0; 2]; network.graph.edges.len()];
    sweep::pieces(subject.inputs.len(), threads, work, |part| {
        for (total, part) in total.iter_mut().zip(part) {
            total.iter_mut().zip(part).for_each(|(a, b)| *a += b);
        }
    });
    // The weights are 1 on average.
    let count = subject.inputs.len() as f64 * positions;
    let root = |sum: f64| (sum / count).sqrt();
    total
        .into_iter()
        .map(|[signal, interference]| MessageParts {
            signal: root(signal),
            interference: root(interference),
        })
        .collect()
}
