//! The files of a run's directory and of a study's, and what rebuilds them.

use std::path::Path;

/// The resolved configuration; a directory with it is a run's.
pub const CONFIG: &str = "config.toml";
/// A row for each logged step.
pub const METRICS: &str = "metrics.csv";
/// Only with `training.diagnostics_every`.
pub const DIAGNOSTICS: &str = "diagnostics.csv";
/// Only with `training.restarts`.
pub const RESTARTS: &str = "restarts.csv";
/// How faithful each block is.
pub const LAYERS: &str = "layers.csv";
/// `G`.
pub const GRAM: &str = "gram.csv";
/// Several `G`, where each block has its own `W`.
pub const GRAMS: &str = "grams.csv";
/// `W`.
pub const PROJECTION: &str = "projection.safetensors";
/// The newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The one before it, until the run is over.
pub const PREVIOUS_CHECKPOINT: &str = "checkpoint.previous.safetensors";
/// Only if something happened that the results do not show.
pub const WARNINGS: &str = "warnings.txt";
/// Written last: the run is over.
pub const SUMMARY: &str = "summary.json";
/// Left by a study whose run could not start or broke off; says why.
pub const FAILURE: &str = "failure.json";
/// What became of each feature.
pub const FEATURES: &str = "features.csv";
/// How faithful each block is, by position.
pub const LAYER_POSITIONS: &str = "layer_positions.csv";
/// How right the output is, by position.
pub const POSITIONS: &str = "positions.csv";
/// How each variable is written.
pub const VARIABLES: &str = "variables.csv";
/// What exchanging each variable shows.
pub const INTERVENTIONS: &str = "interventions.csv";
/// The inputs that are most wrong, token by token.
pub const WORST_INPUTS: &str = "worst_inputs.csv";
/// The analysis of a run, or of a study.
pub const ANALYSIS: &str = "analysis.json";
/// What is proved of a run, where asked for.
pub const CERTIFICATE: &str = "certificate.json";
/// The edges of a run's model and what each does, where asked for.
pub const CIRCUIT: &str = "circuit.json";
/// The same, drawn.
pub const CIRCUIT_DRAWING: &str = "circuit.svg";

/// Which runs belong to a study; a directory with it is a study's.
pub const STUDY: &str = "study.toml";
/// A row for each run of a study that is over.
pub const RUNS: &str = "runs.csv";
/// A row for each grid point, seeds folded.
pub const POINTS: &str = "summary.csv";
/// Every metric of every run that was analysed.
pub const STUDY_METRICS: &str = "study_metrics.csv";
/// How many features of each verdict every run has.
pub const STUDY_VERDICTS: &str = "study_verdicts.csv";
/// The smallest sufficient `d` of each group, by each metric.
pub const CRITICAL_WIDTHS: &str = "critical_widths.csv";
/// How the `G` of two seeds agree.
pub const GRAM_AGREEMENT: &str = "gram_agreement.csv";
/// How each `G` agrees with one from elsewhere.
pub const REFERENCE_AGREEMENT: &str = "reference_agreement.csv";
/// How much of the truth the dictionaries of every run have, where they were looked for.
pub const RECOVERY_SCORES: &str = "recovery_scores.csv";

/// The directory of a published study that keeps the runs with the median loss.
pub const MEDIAN: &str = "median";

/// What rebuilds the tables of a training.
pub const TRAIN: &str = "training wrote it: run again with `--force`";
/// What rebuilds the summary of a run.
pub const RUN_AGAIN: &str = "run it again with `--force`";
/// What rebuilds the analysis of a run.
pub const ANALYZE_RUN: &str = "`compress analyze DIR` rebuilds it from the run";
/// What rebuilds the analysis of a study.
pub const ANALYZE: &str = "`compress analyze DIR` rebuilds it from the runs";
/// What rebuilds the tables of a sweep.
pub const COLLECT: &str = "`compress sweep --collect DIR` rebuilds it from the runs";

/// Whether a directory has a `W` and its configuration and is no run's: that of a `W` that `compress shrink` accepted.
pub fn is_accepted_w(directory: &Path) -> bool {
    let has = |name: &str| directory.join(name).is_file();
    has(CONFIG) && has(PROJECTION) && ![METRICS, SUMMARY].into_iter().any(has)
}
