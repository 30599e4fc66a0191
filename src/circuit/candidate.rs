//! A circuit to be judged: the edges of a list as edges of the graph, with scores, and those that are chosen.

use std::collections::HashMap;

use thiserror::Error;

use super::graph::Graph;
use super::list::Entry;
use super::names::{Names, Resolved};

/// Which edges of a list make up the circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// As the list says; if it does not, as many of the highest scores as there are true edges.
    Listed,
    /// So many of the highest scores.
    Highest(usize),
    /// Those whose score is at least this, in magnitude.
    AtLeast(f64),
}

/// A list that makes no circuit of this model.
#[derive(Debug, Error)]
#[error("{place}: {problem}")]
pub struct CandidateError {
    /// The list's file and the place in it.
    pub place: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// The edges of a graph in groups that are judged as one: an edge each, or the edges of both embeddings to one receiver
/// where a list does not tell the two apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups(Vec<Vec<usize>>);

impl Groups {
    /// Of a graph.
    pub fn new(graph: &Graph, embeddings_are_one: bool) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (number, edge) in graph.edges.iter().enumerate() {
            // The embeddings are the first two senders.
            match groups.last_mut() {
                Some(before) if embeddings_are_one && edge.sender == 1 => before.push(number),
                _ => groups.push(vec![number]),
            }
        }
        Self(groups)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the graph has no edge.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which groups have an edge of these.
    pub fn any(&self, edges: &[bool]) -> Vec<bool> {
        let groups = self.0.iter();
        groups
            .map(|group| group.iter().any(|edge| edges[*edge]))
            .collect()
    }

    /// The edges of some groups.
    pub fn edges(&self, chosen: &[bool]) -> Vec<bool> {
        let mut edges = vec![false; self.0.iter().map(Vec::len).sum()];
        for (group, chosen) in self.0.iter().zip(chosen) {
            for edge in group {
                edges[*edge] = *chosen;
            }
        }
        edges
    }

    fn of_edge(&self, edge: usize) -> Option<usize> {
        self.0.iter().position(|group| group.contains(&edge))
    }
}

/// A circuit to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What is judged as one.
    pub groups: Groups,
    /// Whether the list knows one embedding alone.
    pub embeddings_are_one: bool,
    /// The magnitudes of the scores, by group; an edge that is not listed has 0. None of a list without scores.
    pub scores: Option<Vec<f64>>,
    /// By group.
    pub chosen: Vec<bool>,
    /// How it was chosen, in words.
    pub how: String,
    /// Edges listed of heads and MLPs that write nothing.
    pub dead: usize,
    /// Edges listed that are inside a node.
    pub inside: usize,
    /// Edges judged that are not listed.
    pub unlisted: usize,
}

impl Candidate {
    /// Of a list; `truth` are the true edges, by number.
    ///
    /// # Errors
    /// If a name is wrong, an edge cannot exist or is listed twice, or no edge is left.
    pub fn new(
        entries: &[Entry],
        names: Names<'_>,
        truth: &[bool],
        choice: Choice,
    ) -> Result<Self, CandidateError> {
        let at = |entry: &Entry, problem: String| CandidateError {
            place: entry.place.clone(),
            problem,
        };
        let resolved = entries.iter().map(|entry| {
            let edge = names.resolve(&entry.from, &entry.to);
            edge.map(|edge| (entry, edge))
                .map_err(|problem| at(entry, problem))
        });
        let resolved: Vec<(&Entry, Resolved)> = resolved.collect::<Result<_, _>>()?;
        let both = resolved
            .iter()
            .any(|(_, edge)| matches!(edge, Resolved::BothEmbeddings(_)));
        let groups = Groups::new(names.graph, both);
        let mut listed: HashMap<usize, &Entry> = HashMap::new();
        let (mut dead, mut inside) = (0, 0);
        for (entry, edge) in resolved {
            let edge = match edge {
                Resolved::Dead => {
                    dead += 1;
                    continue;
                }
                Resolved::Inside => {
                    inside += 1;
                    continue;
                }
                Resolved::BothEmbeddings([edge, _]) => edge,
                Resolved::Edge(edge) if both && names.graph.edges[edge].sender < 2 => {
                    return Err(at(
                        entry,
                        "the list has one embedding alone (input, blocks.0.hook_resid_pre) and here the other two \
                         (token_embed, pos_embed): give one or the other"
                            .into(),
                    ));
                }
                Resolved::Edge(edge) => edge,
            };
            let Some(group) = groups.of_edge(edge) else {
                continue;
            };
            if let Some(before) = listed.insert(group, entry) {
                let (from, to) = names.graph.names(edge);
                return Err(at(
                    entry,
                    format!(
                        "the edge from {from} to {to} is listed already ({}): give it once",
                        before.place
                    ),
                ));
            }
        }
        if listed.is_empty() {
            return Err(CandidateError {
                place: "the list".into(),
                problem: "none of its edges is one between nodes that write".into(),
            });
        }
        let scores =
            scores(&listed, groups.len()).map_err(|(entry, problem)| at(entry, problem))?;
        let truth = groups.any(truth);
        let (chosen, how) =
            choose(&listed, scores.as_deref(), &truth, choice).map_err(|problem| {
                CandidateError {
                    place: "the list".into(),
                    problem,
                }
            })?;
        Ok(Self {
            unlisted: groups.len() - listed.len(),
            groups,
            embeddings_are_one: both,
            scores,
            chosen,
            how,
            dead,
            inside,
        })
    }

    /// Of scores of every edge of a graph: as many of the highest as there are true edges.
    pub fn of_scores(graph: &Graph, scores: &[f64], truth: &[bool]) -> Self {
        let scores: Vec<f64> = scores.iter().map(|score| score.abs()).collect();
        let wanted = truth.iter().filter(|is_true| **is_true).count();
        let (chosen, _) = highest(&scores, wanted);
        Self {
            groups: Groups::new(graph, false),
            embeddings_are_one: false,
            scores: Some(scores),
            chosen,
            how: "as many of the highest scores as there are true edges".into(),
            dead: 0,
            inside: 0,
            unlisted: 0,
        }
    }
}

/// The scores by group, if the list has any: then each listed edge has one.
fn scores<'a>(
    listed: &HashMap<usize, &'a Entry>,
    groups: usize,
) -> Result<Option<Vec<f64>>, (&'a Entry, String)> {
    let without = listed.values().filter(|entry| entry.score.is_none());
    let without = without.min_by_key(|entry| (entry.place.len(), entry.place.clone()));
    if listed.values().all(|entry| entry.score.is_none()) {
        return Ok(None);
    }
    if let Some(entry) = without {
        let problem =
            "this edge has no score and others have one: give each a score, or none".into();
        return Err((entry, problem));
    }
    let mut scores = vec![0.0; groups];
    for (group, entry) in listed {
        scores[*group] = entry.score.unwrap_or(0.0).abs();
    }
    Ok(Some(scores))
}

fn choose(
    listed: &HashMap<usize, &Entry>,
    scores: Option<&[f64]>,
    truth: &[bool],
    choice: Choice,
) -> Result<(Vec<bool>, String), String> {
    let flagged = |group: usize| listed.get(&group).is_some_and(|e| e.in_graph == Some(true));
    let flags = || (0..truth.len()).map(flagged).collect::<Vec<bool>>();
    let Some(scores) = scores else {
        if choice != Choice::Listed {
            return Err("it has no scores to choose by: leave --edges and --threshold out".into());
        }
        return Ok(if listed.values().any(|entry| entry.in_graph.is_some()) {
            (flags(), "the edges with in_graph".into())
        } else {
            let all = (0..truth.len()).map(|group| listed.contains_key(&group));
            (all.collect(), "all edges of the list".into())
        });
    };
    let wanted = match choice {
        Choice::AtLeast(least) => {
            let chosen = scores.iter().map(|score| *score >= least).collect();
            return Ok((
                chosen,
                format!("the edges with a score of at least {least}, in magnitude"),
            ));
        }
        Choice::Listed if flags().contains(&true) => {
            return Ok((flags(), "the edges with in_graph".into()));
        }
        Choice::Listed => truth.iter().filter(|is_true| **is_true).count(),
        Choice::Highest(wanted) => wanted,
    };
    let (chosen, found) = highest(scores, wanted);
    let as_many = match choice {
        Choice::Listed if found == wanted => ", as many as there are true ones",
        Choice::Listed => ", as all other scores are 0",
        _ => "",
    };
    Ok((
        chosen,
        format!("the {found} edges with the highest scores, in magnitude{as_many}"),
    ))
}

/// The highest scores above 0, at most `wanted` of them, and how many these are.
fn highest(scores: &[f64], wanted: usize) -> (Vec<bool>, usize) {
    let mut order: Vec<usize> = (0..scores.len())
        .filter(|group| scores[*group] > 0.0)
        .collect();
    // A stable sort: of equal scores the graph's first.
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order.truncate(wanted);
    let mut chosen = vec![false; scores.len()];
    for group in &order {
        chosen[*group] = true;
    }
    (chosen, order.len())
}
