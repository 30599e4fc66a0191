//! `summary.json`: how a run ended, with its final metrics.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ending::Ending;
use super::metric::Metric;
use super::trainings::Origin;
use crate::config::{Method, RunConfig};
use base::files::{self, FileError};
use base::limits;
use superposition::{Evaluation, StopReason};

/// `summary.json`: written last; its presence means that the run is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The run's name.
    pub name: String,
    /// Where `W` comes from: `train` or a baseline.
    #[serde(default)]
    pub method: Method,
    /// Completed or diverged.
    pub stop_reason: StopReason,
    /// Whether it learned; null for a baseline, and in summaries of versions that did not say.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// Updates done, those of starts that were given up included (as if none of these had diverged).
    pub steps: u64,
    /// The exact metrics of the final `W`; null if the run diverged.
    #[serde(rename = "final")]
    pub last: Option<FinalMetrics>,
    /// Time in the training loop over all sessions, evaluation and checkpoints included.
    pub wall_time_seconds: f64,
    /// Of this program.
    pub version: String,
    /// The commit it was built from, if it was built from a repository.
    pub git_commit: Option<String>,
    /// The processor's name.
    pub cpu: String,
    /// `d`.
    pub dim: usize,
    /// The seed.
    pub seed: u64,
    /// The engine and its precision.
    pub engine: String,
    /// Threads used in the last session.
    pub threads: usize,
    /// Of everything that decides the results.
    pub config_hash: String,
    /// What happened on the way that the results do not show; absent if nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The exact metrics at the end; the names are those of `metrics.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct FinalMetrics {
    pub eval_loss: f64,
    pub eval_loss_output: f64,
    pub eval_loss_layers: f64,
    pub mae: Option<f64>,
    pub max_error: Option<f64>,
    pub token_accuracy: Option<f64>,
    pub sequence_accuracy: Option<f64>,
}

impl From<&Evaluation> for FinalMetrics {
    fn from(e: &Evaluation) -> Self {
        Self {
            eval_loss: e.loss,
            eval_loss_output: e.loss_output,
            eval_loss_layers: e.loss_layers,
            mae: e.mae,
            max_error: e.max_error,
            token_accuracy: e.token_accuracy,
            sequence_accuracy: e.sequence_accuracy,
        }
    }
}

impl FinalMetrics {
    /// A metric, where the run has it; those of the analysis are not here.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::EvalLoss => Some(self.eval_loss),
            Metric::EvalLossOutput => Some(self.eval_loss_output),
            Metric::EvalLossLayers => Some(self.eval_loss_layers),
            Metric::Mae => self.mae,
            Metric::MaxError => self.max_error,
            Metric::TokenAccuracy => self.token_accuracy,
            Metric::SequenceAccuracy => self.sequence_accuracy,
            Metric::CosineMean
            | Metric::CosineMin
            | Metric::VarianceExplainedMin
            | Metric::InterchangeAccuracyMin => None,
        }
    }
}

impl Summary {
    /// The summary of a run that ended for `reason`.
    pub fn new(
        config: &RunConfig,
        reason: StopReason,
        steps: u64,
        seconds: f64,
        last: Option<&Evaluation>,
    ) -> Self {
        Self {
            name: config.name.clone(),
            method: config.compression.method,
            stop_reason: reason,
            ending: (reason == StopReason::Diverged).then_some(Ending::DIVERGED),
            steps,
            last: last.map(FinalMetrics::from),
            wall_time_seconds: seconds,
            version: env!("CARGO_PKG_VERSION").into(),
            git_commit: option_env!("COMPRESS_GIT_COMMIT").map(str::to_owned),
            cpu: cpu(),
            dim: config.compression.dim,
            seed: config.training.seed,
            engine: format!(
                "{:?}/{:?}",
                config.training.engine, config.training.precision
            )
            .to_lowercase(),
            threads: config.training.threads,
            config_hash: config.hash(),
            warnings: Vec::new(),
        }
    }

    /// The same of a training that came to its end like this.
    pub fn with_ending(mut self, ending: Ending) -> Self {
        self.ending = Some(ending);
        self
    }

    /// Where its `W` comes from, as a study's answer counts it.
    pub fn origin(&self) -> Origin {
        match self.method {
            Method::Train => Origin::Trained(self.ending.map(|ending| ending.verdict)),
            Method::Pca | Method::Random | Method::Subset => Origin::Baseline,
        }
    }

    /// Reads the summary of a run that is over.
    ///
    /// # Errors
    /// If it cannot be read or is no summary.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &files::read_text(path, limits::CONFIG_BYTES)?)
    }

    /// As [`Summary::load`], from the text of the file `path`.
    ///
    /// # Errors
    /// If it is no summary.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        serde_json::from_str(text).map_err(|e| FileError::new("read", path)(e.into()))
    }
}

/// The processor's name, or its architecture where the system does not tell.
fn cpu() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
                .map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
