//! What a circuit is worth: its edges against the true ones, and what it does alone.
//!
//! In a circuit alone, each of its edges carries what its sender then writes, and every other edge carries what it
//! carries on the source. With `M` the mean answer difference ([`super::metric`]) over the pairs,
//!
//! ```text
//! faithfulness(C) = (M(C) − M(source)) / (M(base) − M(source))        completeness(C) = 1 − faithfulness(rest)
//! ```
//!
//! where the rest has all edges but those of `C`: a complete circuit leaves nothing that could do the task.

use ndarray::Array2;
use rand::seq::SliceRandom;
use serde::Serialize;

use super::candidate::Candidate;
use super::effects::{Chunk, Exchanges, Mean};
use super::metric::NONE_BELOW;
use super::ranking::{Hits, auroc, average_precision};
use super::truth::Truth;
use crate::results::statistics::quantile;
use base::rng::{self, Purpose};

/// What a circuit does alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Behaviour {
    /// None where base and source do not differ.
    pub faithfulness: Option<f64>,
    /// Likewise.
    pub completeness: Option<f64>,
    /// The share of the base's answers that it gives.
    pub accuracy: Option<f64>,
    /// The same of those answers that differ from the source's.
    pub accuracy_affected: Option<f64>,
}

/// Ranking of the edges by score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// Against the true edges.
    pub auroc: Option<f64>,
    /// Likewise.
    pub average_precision: Option<f64>,
    /// Without the true edges whose value is the same on all inputs, which no exchange of inputs can find.
    pub auroc_varying: Option<f64>,
    /// Likewise.
    pub average_precision_varying: Option<f64>,
}

/// A number over random circuits: its mean, and between which values the middle 95 % of the draws lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Spread {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// Everything of one circuit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Scores {
    #[serde(flatten)]
    pub ranking: Ranking,
    #[serde(flatten)]
    pub hits: Hits,
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

/// The same over random circuits; none where no draw has a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct RandomScores {
    pub draws: usize,
    pub auroc: Option<Spread>,
    pub average_precision: Option<Spread>,
    pub auroc_varying: Option<Spread>,
    pub average_precision_varying: Option<Spread>,
    pub precision: Option<Spread>,
    pub recall: Option<Spread>,
    pub f1: Option<Spread>,
    pub faithfulness: Option<Spread>,
    pub completeness: Option<Spread>,
    pub accuracy: Option<Spread>,
    pub accuracy_affected: Option<Spread>,
}

/// A verdict on a circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Edges that are judged, and true ones among them.
    pub edges: usize,
    #[allow(missing_docs)]
    pub true_edges: usize,
    /// True ones whose value is the same on all inputs.
    pub constant_edges: usize,
    /// How the circuit was chosen.
    pub chosen: String,
    /// Whether the edges of both embeddings to one receiver are judged as one.
    pub embeddings_are_one: bool,
    /// Edges of the list that are left out: of nodes that write nothing, and inside a node.
    pub left_out_dead: usize,
    #[allow(missing_docs)]
    pub left_out_inside: usize,
    /// Edges judged that the list does not have: with a score of 0.
    pub unlisted: usize,
    /// Pairs of inputs, and whether these are all.
    pub pairs: u64,
    #[allow(missing_docs)]
    pub pairs_are_all: bool,
    /// The seed of the sample of pairs, where it is one, and of the random circuits.
    pub seed: u64,
    /// The list's circuit.
    pub circuit: Scores,
    /// The true one.
    pub truth: Scores,
    /// Random ones with as many edges.
    pub random: RandomScores,
}

/// Judges a circuit beside the true one and `draws` random ones.
pub fn judge(
    exchanges: &Exchanges<'_>,
    candidate: &Candidate,
    truth: &Truth,
    (draws, seed): (usize, u64),
) -> Verdict {
    let edges = 0..exchanges.network.graph.edges.len();
    let groups = &candidate.groups;
    let of =
        |keep: &dyn Fn(usize) -> bool| groups.any(&edges.clone().map(keep).collect::<Vec<bool>>());
    let is_true = of(&|edge| truth.is_true(edge));
    let varies = of(&|edge| truth.is_true(edge) && truth.varies[edge]);
    let mut circuits = vec![candidate.chosen.clone(), is_true.clone()];
    let wanted = candidate.chosen.iter().filter(|c| **c).count();
    // A stream of its own beside that of the pairs.
    let mut rng = rng::stream_of_start(seed, Purpose::Interventions, 1);
    for _ in 0..draws {
        let mut circuit: Vec<bool> = (0..groups.len()).map(|i| i < wanted).collect();
        circuit.shuffle(&mut rng);
        circuits.push(circuit);
    }
    let sets: Vec<Vec<bool>> = circuits.iter().map(|c| groups.edges(c)).collect();
    let behaviours = behaviours(exchanges, &sets);
    let against = Against {
        is_true: &is_true,
        varies: &varies,
    };
    let scores = |number: usize, by: Option<&[f64]>| {
        let chosen = &circuits[number];
        let flags: Vec<f64> = chosen.iter().map(|c| f64::from(u8::from(*c))).collect();
        Scores {
            ranking: against.rank(by.unwrap_or(&flags)),
            hits: Hits::new(chosen, &is_true),
            behaviour: behaviours[number],
        }
    };
    let random: Vec<Scores> = (2..circuits.len())
        .map(|number| scores(number, None))
        .collect();
    let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
    Verdict {
        edges: groups.len(),
        true_edges: count(&is_true),
        constant_edges: count(&is_true) - count(&varies),
        chosen: candidate.how.clone(),
        embeddings_are_one: candidate.embeddings_are_one,
        left_out_dead: candidate.dead,
        left_out_inside: candidate.inside,
        unlisted: candidate.unlisted,
        pairs: exchanges.pairs.len() as u64,
        pairs_are_all: exchanges.pairs.are_all(),
        seed,
        circuit: scores(0, candidate.scores.as_deref()),
        truth: scores(1, None),
        random: RandomScores::new(&random),
    }
}

/// What is true, by group.
struct Against<'a> {
    is_true: &'a [bool],
    varies: &'a [bool],
}

impl Against<'_> {
    fn rank(&self, scores: &[f64]) -> Ranking {
        let kept = (0..scores.len()).filter(|i| self.varies[*i] || !self.is_true[*i]);
        let (some, truth): (Vec<f64>, Vec<bool>) =
            kept.map(|i| (scores[i], self.is_true[i])).unzip();
        Ranking {
            auroc: auroc(scores, self.is_true),
            average_precision: average_precision(scores, self.is_true),
            auroc_varying: auroc(&some, &truth),
            average_precision_varying: average_precision(&some, &truth),
        }
    }
}

impl RandomScores {
    fn new(draws: &[Scores]) -> Self {
        let over =
            |value: fn(&Scores) -> Option<f64>| spread(draws.iter().filter_map(value).collect());
        Self {
            draws: draws.len(),
            auroc: over(|s| s.ranking.auroc),
            average_precision: over(|s| s.ranking.average_precision),
            auroc_varying: over(|s| s.ranking.auroc_varying),
            average_precision_varying: over(|s| s.ranking.average_precision_varying),
            precision: over(|s| s.hits.precision),
            recall: over(|s| s.hits.recall),
            f1: over(|s| s.hits.f1),
            faithfulness: over(|s| s.behaviour.faithfulness),
            completeness: over(|s| s.behaviour.completeness),
            accuracy: over(|s| s.behaviour.accuracy),
            accuracy_affected: over(|s| s.behaviour.accuracy_affected),
        }
    }
}

/// The mean of some values, and their 2.5 and 97.5 % quantiles.
fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| Spread {
        mean: values.iter().sum::<f64>() / values.len() as f64,
        low: quantile(&values, 0.025),
        high: quantile(&values, 0.975),
    })
}

/// What is summed of one circuit.
#[derive(Clone, Copy, Default)]
struct Alone {
    circuit: Mean,
    rest: Mean,
    /// Weights of answers that are right, and of all; then of those that differ from the source's.
    answers: [[f64; 2]; 2],
}

#[derive(Clone, Default)]
struct Sums {
    base: Mean,
    source: Mean,
    alone: Vec<Alone>,
}

/// What each of some sets of edges does alone.
fn behaviours(exchanges: &Exchanges<'_>, sets: &[Vec<bool>]) -> Vec<Behaviour> {
    let tolerance = crate::analysis::Settings::default().tolerance;
    let each = |chunk: &Chunk, sums: &mut Sums| {
        let (base, source) = (&chunk.base, &chunk.source);
        let pairs = 0..chunk.answers.counts().len();
        let weight = |pair: usize| exchanges.pairs.weight(chunk.start + pair);
        let add = |mean: &mut Mean, output: &Array2<f64>| {
            for pair in pairs.clone() {
                if let Some(difference) = chunk.answers.difference(pair, output) {
                    mean.add(difference, weight(pair));
                }
            }
        };
        add(&mut sums.base, &base.output);
        add(&mut sums.source, &source.output);
        for (set, sums) in sets.iter().zip(&mut sums.alone) {
            let circuit = exchanges.network.exchange(base, source, |edge| !set[edge]);
            let circuit = circuit.as_ref().unwrap_or(&base.output);
            let rest = exchanges.network.exchange(base, source, |edge| set[edge]);
            add(&mut sums.circuit, circuit);
            add(&mut sums.rest, rest.as_ref().unwrap_or(&base.output));
            for pair in pairs.clone() {
                let model = exchanges.subject.model;
                let shares = chunk.answers.right(model, pair, circuit, tolerance);
                for (sum, share) in sums.answers.iter_mut().zip(shares) {
                    sum[0] += weight(pair) * share.right as f64;
                    sum[1] += weight(pair) * share.all as f64;
                }
            }
        }
    };
    let zero = Sums {
        alone: vec![Alone::default(); sets.len()],
        ..Sums::default()
    };
    let sums = exchanges.sum(zero, each, |total, part| {
        total.base.merge(&part.base);
        total.source.merge(&part.source);
        for (total, part) in total.alone.iter_mut().zip(&part.alone) {
            total.circuit.merge(&part.circuit);
            total.rest.merge(&part.rest);
            let answers = total.answers.iter_mut().flatten();
            answers
                .zip(part.answers.iter().flatten())
                .for_each(|(a, b)| *a += b);
        }
    });
    let (base, source) = (sums.base.mean(), sums.source.mean());
    let faithfulness = |mean: Mean| {
        let whole = base - source;
        (whole.abs() > NONE_BELOW).then(|| (mean.mean() - source) / whole)
    };
    let share = |[right, all]: [f64; 2]| (all > 0.0).then(|| right / all);
    let alone = sums.alone.into_iter();
    alone
        .map(|alone| Behaviour {
            faithfulness: faithfulness(alone.circuit),
            completeness: faithfulness(alone.rest).map(|rest| 1.0 - rest),
            accuracy: share(alone.answers[0]),
            accuracy_affected: share(alone.answers[1]),
        })
        .collect()
}
