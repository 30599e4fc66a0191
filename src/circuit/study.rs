//! `circuit_scores.csv`: how good the baselines are on every run of a study.

use serde::Serialize;

use super::judge::Verdict;

/// The file in a study's directory.
pub const CIRCUIT_SCORES: &str = "circuit_scores.csv";

/// The command that writes it again.
pub const JUDGE_STUDY: &str = "`compress judge STUDY` writes it again";

/// A baseline on a run, or on the compiled model of runs. Measures are as in [`super::judge`], a `true_` stands before those
/// of the true circuit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ScoreRow {
    pub program: String,
    /// `D`.
    pub width: usize,
    /// What found `W`; empty of the compiled model.
    pub method: String,
    /// `D` of the compiled model.
    pub d: usize,
    /// Empty where the study does not vary it, and of the compiled model.
    pub seed: String,
    /// Below the study's directory; empty of the compiled model.
    pub run: String,
    /// The baseline.
    pub scores: &'static str,
    pub edges: usize,
    pub true_edges: usize,
    pub constant_edges: usize,
    pub auroc: Option<f64>,
    pub average_precision: Option<f64>,
    pub auroc_varying: Option<f64>,
    pub average_precision_varying: Option<f64>,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    pub faithfulness: Option<f64>,
    pub completeness: Option<f64>,
    pub accuracy: Option<f64>,
    pub accuracy_affected: Option<f64>,
    pub true_faithfulness: Option<f64>,
    pub true_completeness: Option<f64>,
    pub true_accuracy: Option<f64>,
    pub true_accuracy_affected: Option<f64>,
}

impl ScoreRow {
    /// The table's columns: the fields in their order.
    pub const COLUMNS: [&str; 25] = [
        "program",
        "width",
        "method",
        "d",
        "seed",
        "run",
        "scores",
        "edges",
        "true_edges",
        "constant_edges",
        "auroc",
        "average_precision",
        "auroc_varying",
        "average_precision_varying",
        "precision",
        "recall",
        "f1",
        "faithfulness",
        "completeness",
        "accuracy",
        "accuracy_affected",
        "true_faithfulness",
        "true_completeness",
        "true_accuracy",
        "true_accuracy_affected",
    ];

    /// With what a verdict says.
    pub fn judged(mut self, verdict: &Verdict) -> Self {
        let (circuit, truth) = (&verdict.circuit, &verdict.truth.behaviour);
        self.edges = verdict.edges;
        self.true_edges = verdict.true_edges;
        self.constant_edges = verdict.constant_edges;
        self.auroc = circuit.ranking.auroc;
        self.average_precision = circuit.ranking.average_precision;
        self.auroc_varying = circuit.ranking.auroc_varying;
        self.average_precision_varying = circuit.ranking.average_precision_varying;
        self.precision = circuit.hits.precision;
        self.recall = circuit.hits.recall;
        self.f1 = circuit.hits.f1;
        self.faithfulness = circuit.behaviour.faithfulness;
        self.completeness = circuit.behaviour.completeness;
        self.accuracy = circuit.behaviour.accuracy;
        self.accuracy_affected = circuit.behaviour.accuracy_affected;
        self.true_faithfulness = truth.faithfulness;
        self.true_completeness = truth.completeness;
        self.true_accuracy = truth.accuracy;
        self.true_accuracy_affected = truth.accuracy_affected;
        self
    }
}
