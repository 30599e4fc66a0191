//! A run's configuration as values, with every default filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml_edit::Item;

use super::choices::{Engine, Init, InitMatrices, Method, Precision};
use super::error::ConfigError;
use super::objective::ObjectiveConfig;
use super::source::ConfigSource;
use super::training::{LearningRateConfig, RestartsConfig, TrainingConfig};
use super::values::{number_item, number_value, weights};
use super::{kind, schema};
use base::files::{self, hex};
use superposition::{AdamW, LinearDecay};
use tracr::model::Value;

/// Everything about a run. [`super::schema::KEYS`] says what each key means.
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
    pub evaluation_sample: usize,
    /// By token; one that is not named weighs 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub token_weights: BTreeMap<String, f64>,
}

/// `[compression]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CompressionConfig {
    #[serde(default)]
    pub method: Method,
    pub dim: usize,
    #[serde(default)]
    pub init: Init,
    pub init_std: f64,
    #[serde(default = "yes")]
    pub tied: bool,
    #[serde(default)]
    pub per_layer: bool,
    #[serde(default)]
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

    /// One source, and the compiler's settings only where there is something to compile.
    fn check(&self, source: &ConfigSource) -> Result<(), ConfigError> {
        match (&self.path, &self.program) {
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
        let settings = ["output", "vocab", "max_seq_len", "causal", "mlp_exactness"];
        for key in schema::KEYS {
            if let Some(name) = key.name.strip_prefix("model.")
                && settings.contains(&name)
                && source.get(key.name).is_some()
            {
                return Err(source.conflict(
                    key.name,
                    "it is for compiling a model.program, but model.path is compiled already",
                ));
            }
        }
        Ok(())
    }
}

impl RunConfig {
    /// Takes the values out of a checked source; `output` is the command line's `--output`.
    ///
    /// # Errors
    /// If a required key is missing or values contradict each other.
    pub fn new(source: &ConfigSource, output: Option<&Path>) -> Result<Self, ConfigError> {
        let number = |key, default| source.get(key).and_then(number_item).unwrap_or(default);
        let integer = |key| source.get(key).and_then(Item::as_integer);
        let count = |key, default| {
            integer(key)
                .and_then(|i| i.try_into().ok())
                .unwrap_or(default)
        };
        let long = |key, default| {
            integer(key)
                .and_then(|i| i.try_into().ok())
                .unwrap_or(default)
        };
        let word = |key| source.get(key).and_then(Item::as_str);
        let flag = |key, default| source.get(key).and_then(Item::as_bool).unwrap_or(default);
        let list = |key| source.get(key).and_then(Item::as_array);
        let betas: Vec<f64> = list("training.betas")
            .map(|list| list.iter().filter_map(number_value).collect())
            .unwrap_or_default();
        let config = Self {
            name: word("name").map_or_else(|| stem(source.path()), str::to_owned),
            model: ModelConfig {
                path: source.get_path("model.path"),
                program: source.get_path("model.program"),
                output: word("model.output").map(str::to_owned),
                vocab: list("model.vocab")
                    .map(|list| list.iter().filter_map(kind::token).collect()),
                max_seq_len: integer("model.max_seq_len").and_then(|i| i.try_into().ok()),
                causal: source.get("model.causal").and_then(Item::as_bool),
                mlp_exactness: source.get("model.mlp_exactness").and_then(number_item),
                sha256: word("model.sha256").map(str::to_owned),
            },
            inputs: InputsConfig {
                lengths: list("inputs.lengths").map(|list| {
                    list.iter()
                        .filter_map(|v| v.as_integer().and_then(|i| i.try_into().ok()))
                        .collect()
                }),
                unique_tokens: flag("inputs.unique_tokens", false),
                evaluation_sample: count("inputs.evaluation_sample", 4096),
                token_weights: weights(source, "inputs.token_weights"),
            },
            compression: CompressionConfig {
                method: word("compression.method")
                    .and_then(Method::named)
                    .unwrap_or_default(),
                dim: integer("compression.dim")
                    .and_then(|i| i.try_into().ok())
                    .ok_or_else(|| source.missing("compression.dim"))?,
                init: word("compression.init")
                    .and_then(Init::named)
                    .unwrap_or_default(),
                init_std: number("compression.init_std", 1.0),
                tied: flag("compression.tied", true),
                per_layer: flag("compression.per_layer", false),
                init_matrices: match word("compression.init_matrices") {
                    Some("independent") => InitMatrices::Independent,
                    _ => InitMatrices::Equal,
                },
            },
            objective: ObjectiveConfig::new(source)?,
            training: TrainingConfig {
                engine: match word("training.engine") {
                    Some("autodiff") => Engine::Autodiff,
                    _ => Engine::Fused,
                },
                precision: match word("training.precision") {
                    Some("f64") => Precision::F64,
                    _ => Precision::F32,
                },
                steps: long("training.steps", 300_000),
                batch_size: count("training.batch_size", 256),
                learning_rate: LearningRateConfig {
                    initial: number("training.learning_rate.initial", 1e-3),
                    last: number("training.learning_rate.final", 1e-6),
                    warmup_fraction: number("training.learning_rate.warmup_fraction", 0.0),
                    decay_fraction: number("training.learning_rate.decay_fraction", 0.5),
                },
                weight_decay: number("training.weight_decay", 0.1),
                betas: betas.try_into().unwrap_or([0.9, 0.99]),
                epsilon: number("training.epsilon", 1e-8),
                seed: long("training.seed", 0),
                threads: count("training.threads", 2),
                log_every: long("training.log_every", 1000),
                diagnostics_every: long("training.diagnostics_every", 0),
                checkpoint_every: long("training.checkpoint_every", 10_000),
                restarts: RestartsConfig::new(source),
            },
            output: OutputConfig {
                dir: output
                    .map(Path::to_owned)
                    .or_else(|| source.get_path("output.dir"))
                    .ok_or_else(|| source.missing("output.dir"))?,
            },
        };
        config.model.check(source)?;
        config.training.check(source)?;
        Ok(config)
    }

    /// The resolved file that a run directory keeps: running it again means this run. Paths in it
    /// are relative to `directory`, so that the tree can be moved as a whole.
    ///
    /// # Errors
    /// If it cannot be written as TOML, or the paths have no relation.
    pub fn to_toml(&self, directory: &Path) -> Result<String, String> {
        let mut resolved = self.clone();
        for path in [&mut resolved.model.path, &mut resolved.model.program]
            .into_iter()
            .flatten()
        {
            *path = relative(path, directory)?;
        }
        resolved.output.dir = ".".into();
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

    /// What decides the results: everything but names, places, threads and checkpoint intervals
    /// (the model counts by its checksum, wherever it came from). What a baseline does not look at
    /// does not count for it.
    /// Two configurations with the same text give the same metrics and the same `W`.
    pub fn essence(&self) -> Vec<(String, String)> {
        let mut config = self.clone();
        config.name.clear();
        config.model = ModelConfig {
            sha256: config.model.sha256,
            ..ModelConfig::default()
        };
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

    /// SHA-256 of [`RunConfig::essence`] in hexadecimal.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (key, value) in self.essence() {
            if !LATER.contains(&(&key, &value)) {
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

fn yes() -> bool {
    true
}

/// Keys that earlier versions did not have, with the value that means what these did. They do not
/// count in [`RunConfig::hash`], so that a run of an earlier version is known again.
const LATER: [(&str, &str); 12] = [
    ("compression.init", "\"normal\""),
    ("training.learning_rate.warmup_fraction", "0.0"),
    ("training.diagnostics_every", "0"),
    ("training.restarts.count", "1"),
    ("training.restarts.steps", "0"),
    ("compression.tied", "true"),
    ("compression.per_layer", "false"),
    ("compression.init_matrices", "\"equal\""),
    ("objective.categorical_targets", "\"hard\""),
    ("objective.layer_reduction", "\"sum\""),
    ("objective.l1_weight", "0.0"),
    ("objective.gram_weight", "0.0"),
];

fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned())
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
                let name = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&name, value, pairs);
            }
        }
    }
}
