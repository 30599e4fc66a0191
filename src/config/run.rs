//! A run's configuration as values, with every default filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::Table;

use super::choices::{InitMatrices, Method, Start};
use super::error::ConfigError;
use super::file::{join, stem};
use super::objective::ObjectiveConfig;
use super::schema;
use super::source::ConfigSource;
use super::training::TrainingConfig;
use base::files::{self, hex};
use superposition::{AdamW, LinearDecay};
use tracr::model::Value;

/// Everything about a run. [`schema::KEYS`] says what each key means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RunConfig {
    pub name: String,
    pub model: ModelConfig,
    pub inputs: InputsConfig,
    pub compression: CompressionConfig,
    pub objective: ObjectiveConfig,
    pub training: TrainingConfig,
    pub output: OutputConfig,
}

/// `[model]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ModelConfig {
    /// Exactly one of `path` and `program`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seq_len: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlp_exactness: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// `[inputs]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct InputsConfig {
    /// `None` until the model is known: its `max_seq_len` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Vec<usize>>,
    pub unique_tokens: bool,
    /// The expression of the inputs that are left; none where all are valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
    pub evaluation_sample: usize,
    /// By token; one that is not named weighs 1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token_weights: BTreeMap<String, f64>,
}

/// `[compression]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CompressionConfig {
    pub method: Method,
    pub dim: usize,
    pub init: Start,
    pub init_std: f64,
    pub tied: bool,
    pub per_layer: bool,
    pub init_matrices: InitMatrices,
}

/// `[output]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OutputConfig {
    pub dir: PathBuf,
}

impl ModelConfig {
    /// The model file or the program.
    pub fn source(&self) -> &Path {
        self.path
            .as_deref()
            .or(self.program.as_deref())
            .unwrap_or(Path::new(""))
    }
}

/// One source of the model, and the compiler's settings only where there is something to compile.
fn check_model(source: &ConfigSource) -> Result<(), ConfigError> {
    match (source.get("model.path"), source.get("model.program")) {
        (None, None) => return Err(source.missing("model.path")),
        (Some(_), Some(_)) => {
            return Err(source.conflict(
                "model.program",
                "model.path is there too: delete one of them, a model is read or compiled",
            ));
        }
        (None, Some(_)) => return Ok(()),
        (Some(_), None) => {}
    }
    let of_files = ["model.path", "model.sha256"];
    let setting = schema::KEYS.iter().find(|key| {
        schema::is_below(key.name, "model")
            && !of_files.contains(&key.name)
            && source.get(key.name).is_some()
    });
    match setting {
        Some(key) => Err(source.conflict(
            key.name,
            "it is for compiling a model.program, but model.path is compiled already",
        )),
        None => Ok(()),
    }
}

impl RunConfig {
    /// Takes the values out of a checked source; `output` is the command line's `--output`.
    ///
    /// # Errors
    /// If a required key is missing or values contradict each other.
    pub fn new(source: &ConfigSource, output: Option<&Path>) -> Result<Self, ConfigError> {
        let mut table = source.table()?;
        let dir = output
            .map(Path::to_owned)
            .or_else(|| source.get_path("output.dir"))
            .ok_or_else(|| source.missing("output.dir"))?;
        check_model(source)?;
        schema::fill(&mut table, "name", stem(source.path()).into());
        schema::fill(
            &mut table,
            "output.dir",
            dir.to_string_lossy().into_owned().into(),
        );
        let mut config = Self::from_table(table).map_err(|e| source.unread(&e))?;
        config.model.path = source.get_path("model.path");
        config.model.program = source.get_path("model.program");
        config.output.dir = dir;
        if let Start::File(start) = &mut config.compression.init {
            start.from = source.resolve("compression.init", &start.from);
        }
        config.objective.check_weights(source)?;
        config.training.check(source)?;
        if config.training.restarts.count == 1 {
            config.training.restarts.steps = 0; // it decides nothing
        }
        Ok(config)
    }

    /// The configuration of a run directory, written by this version or an earlier one, which may have had fewer
    /// keys.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn from_resolved(text: &str) -> Result<Self, toml::de::Error> {
        Self::from_table(text.parse()?)
    }

    fn from_table(mut table: Table) -> Result<Self, toml::de::Error> {
        schema::fill_defaults(&mut table, schema::KEYS);
        table.try_into()
    }

    /// The resolved file that a run directory keeps: running it again means this run. Paths in it
    /// are relative to `directory`, so that the tree can be moved as a whole; `output.dir` is that one, or below it.
    ///
    /// # Errors
    /// If it cannot be written as TOML, or the paths have no relation.
    pub fn to_toml(&self, directory: &Path) -> Result<String, String> {
        let mut resolved = self.clone();
        let model = [&mut resolved.model.path, &mut resolved.model.program];
        let start = match &mut resolved.compression.init {
            Start::File(start) => Some(&mut start.from),
            Start::Word(_) => None,
        };
        for path in model.into_iter().flatten().chain(start) {
            *path = relative(path, directory)?;
        }
        resolved.output.dir = match self.output.dir.strip_prefix(directory) {
            Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
            _ => ".".into(),
        };
        let body = resolved.text()?;
        Ok(format!(
            "# Resolved by compress: every default filled in, paths relative to here.\n{body}"
        ))
    }

    /// As a run file, with its paths as they are.
    ///
    /// # Errors
    /// If TOML has no form for it.
    pub fn text(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|e| e.to_string())
    }

    /// What decides the results: everything but names, paths, threads and checkpoint intervals
    /// (a model, and a `W` to start from, count by their checksums, wherever they came from). What a baseline does not look at
    /// does not count for it.
    /// Two configurations with the same text give the same metrics and the same `W`.
    pub fn essence(&self) -> Vec<(String, String)> {
        let mut config = self.clone();
        config.name.clear();
        config.model = ModelConfig {
            sha256: config.model.sha256,
            ..ModelConfig::default()
        };
        if let Start::File(start) = &mut config.compression.init {
            start.from.clear();
        }
        config.output.dir = PathBuf::new();
        config.training.threads = 0;
        config.training.checkpoint_every = 0;
        let mut pairs = Vec::new();
        flatten(
            "",
            &serde_json::to_value(&config).unwrap_or_default(),
            &mut pairs,
        );
        pairs.retain(|(key, _)| self.compression.method.depends_on(key));
        pairs
    }

    /// SHA-256 of [`RunConfig::essence`] in hexadecimal. A key that earlier versions did not have counts only where
    /// it says something else than what they did.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (key, value) in self.essence() {
            // A run of an earlier version, which did not have the key, is known again.
            let as_before = schema::find(&key).is_some_and(|known| known.is_as_before(&value));
            if !as_before {
                hasher.update(format!("{key}={value}\n"));
            }
        }
        hex(&hasher.finalize())
    }

    /// The learning rate's schedule.
    pub fn schedule(&self) -> LinearDecay {
        let rate = &self.training.learning_rate;
        LinearDecay::new(
            rate.initial,
            rate.last,
            rate.decay_fraction,
            self.training.steps,
        )
        .with_warmup(rate.warmup_fraction, self.training.steps)
    }

    /// The optimiser.
    pub fn adamw(&self) -> AdamW {
        let training = &self.training;
        AdamW {
            beta1: training.betas[0],
            beta2: training.betas[1],
            epsilon: training.epsilon,
            weight_decay: training.weight_decay,
        }
    }
}

/// `path` as seen from `directory`; both must exist.
fn relative(path: &Path, directory: &Path) -> Result<PathBuf, String> {
    let real = |p: &Path| {
        p.canonicalize()
            .map_err(|e| format!("{}: {e}", p.display()))
    };
    let path = real(path)?;
    let parent = real(files::parent_of(&path))?;
    let name = path.file_name().ok_or("the model path has no file name")?;
    Ok(pathdiff::diff_paths(&parent, real(directory)?)
        .unwrap_or(parent)
        .join(name))
}

fn flatten(prefix: &str, json: &serde_json::Value, pairs: &mut Vec<(String, String)>) {
    match json.as_object() {
        None => pairs.push((prefix.to_owned(), json.to_string())),
        Some(object) => {
            for (key, value) in object {
                flatten(&join(prefix, key), value, pairs);
            }
        }
    }
}
