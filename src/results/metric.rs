//! The metrics of a finished run: one table of their names, words and directions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that says how well a finished run's model works, or how faithful it is. In alphabetical order, as tables of
/// many metrics have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
#[allow(missing_docs)]
pub enum Metric {
    CosineMean,
    CosineMin,
    EvalLoss,
    EvalLossLayers,
    EvalLossOutput,
    InterchangeAccuracyMin,
    Mae,
    MaxError,
    SequenceAccuracy,
    TokenAccuracy,
    VarianceExplainedMin,
}

/// Whether a metric should be small or large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Losses and errors: at least 0, and compared by their factors.
    Lower,
    /// Accuracies, cosines and shares: at most 1, and compared by their differences.
    Higher,
}

/// What is known of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its column in `metrics.csv`, `runs.csv` and `summary.csv`, and its row in `study_metrics.csv`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub meaning: &'static str,
    /// The title of its axis.
    pub axis: &'static str,
    /// What its training curve is called, beside others of its kind; none of the analysis' metrics.
    pub curve: &'static str,
    /// What it is called where a finished run is printed; none of the analysis' metrics.
    pub label: &'static str,
    /// In which direction it is good.
    pub better: Better,
    /// The value from which on the metric counts as good; `None` if that depends on the program.
    pub tolerance: Option<f64>,
}

impl Metric {
    /// Those of the exact evaluation, in the order of `metrics.csv` and `runs.csv`; `summary.json` has the final ones.
    pub const OF_EVALUATION: [Self; 7] = [
        Self::EvalLoss,
        Self::EvalLossOutput,
        Self::EvalLossLayers,
        Self::Mae,
        Self::MaxError,
        Self::TokenAccuracy,
        Self::SequenceAccuracy,
    ];

    /// Those of the analysis, which `analysis.json` has, too.
    pub const OF_ANALYSIS: [Self; 4] = [
        Self::CosineMean,
        Self::CosineMin,
        Self::VarianceExplainedMin,
        Self::InterchangeAccuracyMin,
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OF_EVALUATION.into_iter().chain(Self::OF_ANALYSIS)
    }

    /// What is known of it. The tolerances: the paper's performance is kept at d = 6 of frac_prevs with an error of
    /// 0.002 and lost at d = 5 with 0.011; sort_unique's accuracy is 0.98 to 1.
    pub const fn column(self) -> Column {
        let lower = Column {
            name: "",
            meaning: "",
            axis: "",
            curve: "",
            label: "",
            better: Better::Lower,
            tolerance: None,
        };
        let higher = Column {
            better: Better::Higher,
            ..lower
        };
        match self {
            Self::EvalLoss => Column {
                name: "eval_loss",
                meaning: "loss",
                axis: "loss (evaluation)",
                curve: "evaluation",
                label: "loss, exact",
                ..lower
            },
            Self::EvalLossOutput => Column {
                name: "eval_loss_output",
                meaning: "loss of the output",
                axis: "output loss",
                curve: "evaluation, output",
                label: "  of the output",
                ..lower
            },
            Self::EvalLossLayers => Column {
                name: "eval_loss_layers",
                meaning: "loss of the layers",
                axis: "layer loss",
                curve: "evaluation, layers",
                label: "  of the layers",
                ..lower
            },
            Self::Mae => Column {
                name: "mae",
                meaning: "mean absolute error",
                axis: "mean absolute error",
                curve: "mean absolute",
                label: "mean absolute error",
                tolerance: Some(0.005),
                ..lower
            },
            Self::MaxError => Column {
                name: "max_error",
                meaning: "largest error",
                axis: "largest error",
                curve: "largest",
                label: "largest error",
                tolerance: Some(0.05),
                ..lower
            },
            Self::TokenAccuracy => Column {
                name: "token_accuracy",
                meaning: "share of right tokens",
                axis: "tokens right",
                curve: "tokens",
                label: "token accuracy",
                tolerance: Some(0.98),
                ..higher
            },
            Self::SequenceAccuracy => Column {
                name: "sequence_accuracy",
                meaning: "share of right inputs",
                axis: "inputs right",
                curve: "whole inputs",
                label: "sequence accuracy",
                tolerance: Some(0.95),
                ..higher
            },
            Self::CosineMean => Column {
                name: "cosine_mean",
                meaning: "mean cosine of blocks",
                axis: "mean cosine of blocks",
                tolerance: Some(0.95),
                ..higher
            },
            Self::CosineMin => Column {
                name: "cosine_min",
                meaning: "lowest cosine of any block",
                axis: "lowest cosine of blocks",
                tolerance: Some(0.95),
                ..higher
            },
            Self::VarianceExplainedMin => Column {
                name: "variance_explained_min",
                meaning: "lowest share of variance explained of any block",
                axis: "lowest variance explained",
                tolerance: Some(0.9),
                ..higher
            },
            Self::InterchangeAccuracyMin => Column {
                name: "interchange_accuracy_min",
                meaning: "lowest interchange accuracy of any variable",
                axis: "lowest interchange accuracy",
                tolerance: Some(0.95),
                ..higher
            },
        }
    }

    /// Its column's name.
    pub const fn name(self) -> &'static str {
        self.column().name
    }

    /// The metric of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|metric| metric.name() == name)
    }

    /// Whether its axis is logarithmic.
    pub fn is_logarithmic(self) -> bool {
        self.column().better == Better::Lower
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Metric> for &'static str {
    fn from(metric: Metric) -> Self {
        metric.name()
    }
}

impl TryFrom<String> for Metric {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("there is no metric `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_written_by_its_name_and_found_by_it() {
        let mut names = Vec::new();
        for metric in Metric::all() {
            let name = metric.name();
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
            assert!(!names.contains(&name), "{name} is there twice");
            names.push(name);
        }
        assert_eq!(Metric::named("eval"), None);
        let mut sorted: Vec<Metric> = Metric::all().collect();
        sorted.sort();
        assert!(sorted.is_sorted_by_key(|metric| metric.name()));
    }

    #[test]
    fn a_metric_is_explained_in_the_documentation() {
        let docs = [
            include_str!("../../docs/results.md"),
            include_str!("../../docs/analysis.md"),
        ];
        for metric in Metric::all() {
            let name = format!("`{metric}`");
            assert!(docs.iter().any(|doc| doc.contains(&name)), "{name}");
        }
    }
}
