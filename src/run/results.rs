//! What a finished run leaves: `layers.csv`, `gram.csv`, `projection.safetensors`, `summary.json`; the
//! analysis adds its tables (`super::analyzed`).

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::directory::{GRAM, GRAMS, LAYERS, PROJECTION, RunDirectory, SUMMARY};
use super::ending::Ending;
use super::warnings;
use crate::analysis::ending::Origin;
use crate::config::{Method, RunConfig};
use base::files::{self, FileError};
use base::limits;
use superposition::gram::write_read_grams;
use superposition::projection::ProjectionError;
use superposition::{Evaluation, Projection, StopReason};
use tracr::model::CompiledModel;

/// `summary.json`: written last; its presence means that the run is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The run's name.
    pub name: String,
    /// Where `W` comes from: `train` or a baseline.
    #[serde(default)]
    pub method: Method,
    /// `completed` or `diverged`.
    pub stop_reason: String,
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

impl Summary {
    /// The summary of a run that ended for `reason`.
    pub fn new(
        config: &RunConfig,
        reason: &StopReason,
        steps: u64,
        seconds: f64,
        last: Option<&Evaluation>,
    ) -> Self {
        Self {
            name: config.name.clone(),
            method: config.compression.method,
            stop_reason: match reason {
                StopReason::Completed => "completed",
                StopReason::Interrupted => "interrupted",
                StopReason::Diverged { .. } => "diverged",
            }
            .into(),
            ending: match reason {
                StopReason::Diverged { .. } => Some(Ending::DIVERGED),
                StopReason::Completed | StopReason::Interrupted => None,
            },
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

    /// Writes `summary.json`, with the warnings that the run was given, and before that lets go of
    /// what a run that is over does not need.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&mut self, directory: &RunDirectory) -> Result<(), FileError> {
        self.warnings = warnings::read(directory.path())?;
        directory.remove_unneeded()?;
        let path = directory.file(SUMMARY);
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| FileError::new("write", &path)(e.into()))?;
        files::write_atomically(&path, format!("{text}\n").as_bytes())
    }
}

/// Writes the tables of the final `W` and `W` itself.
///
/// # Errors
/// If one of them cannot be written.
pub fn write(
    directory: &RunDirectory,
    model: &CompiledModel,
    projection: &Projection,
    evaluation: &Evaluation,
) -> Result<(), ProjectionError> {
    let layers = model
        .block_names()
        .into_iter()
        .zip(&evaluation.blocks)
        .map(|(block, fit)| (block, fit.mse, fit.cosine));
    write_csv(&directory.file(LAYERS), &["block", "mse", "cosine"], layers)?;
    let gram = projection.gram(model);
    let labels = &projection.labels;
    let pairs = gram
        .indexed_iter()
        .map(|((a, b), value)| (&labels[a], &labels[b], value));
    write_csv(
        &directory.file(GRAM),
        &["feature_a", "feature_b", "value"],
        pairs,
    )?;
    if projection.wiring.count() > 2 {
        write_grams(directory, model, projection)?;
    }
    projection.save(&directory.file(PROJECTION))
}

/// `grams.csv`: of several `G` each, in the rows that its writer writes.
fn write_grams(
    directory: &RunDirectory,
    model: &CompiledModel,
    projection: &Projection,
) -> Result<(), FileError> {
    let labels = &projection.labels;
    let all = write_read_grams(model, &projection.w, &projection.wiring);
    let rows = all.iter().flat_map(|one| {
        let names = (one.writer.name(), one.reader.name());
        one.written.iter().flat_map(move |&a| {
            let (writer, reader) = names.clone();
            let row = one.gram.row(a);
            let cells: Vec<_> = row
                .iter()
                .zip(labels)
                .map(|(value, b)| (writer.clone(), reader.clone(), &labels[a], b, *value))
                .collect();
            cells
        })
    });
    let header = ["writer", "reader", "feature_a", "feature_b", "value"];
    write_csv(&directory.file(GRAMS), &header, rows)
}

/// A table, whole or not there at all; a row is a tuple or a struct with the header's fields in its
/// order.
///
/// # Errors
/// If it cannot be written.
pub fn write_csv<R: Serialize>(
    path: &Path,
    header: &[&str],
    rows: impl Iterator<Item = R>,
) -> Result<(), FileError> {
    let text = || -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        writer.write_record(header)?;
        for row in rows {
            writer.serialize(row)?;
        }
        writer
            .into_inner()
            .map_err(|e| io::Error::other(e.to_string()).into())
    };
    let bytes =
        text().map_err(|e| FileError::new("write", path)(io::Error::other(e.to_string())))?;
    files::write_atomically(path, &bytes)
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
