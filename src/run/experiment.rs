//! A configuration together with the model and the input space it speaks of: everything that can
//! be wrong with a run before it starts is found here, and nothing is written.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::memory::{Memory, TooLarge};
use crate::config::{
    ConfigError, ConfigSource, Method, ModelConfig, RunConfig, Start, StartFile, keys,
};
use crate::results::layout::PROJECTION;
use base::files::{self, hex};
use base::limits;
use superposition::inputs::space::{ENUMERATION_LIMIT, SpaceError};
use superposition::inputs::{EvaluationSet, InputSpace};
use superposition::{Objective, Projection, Teacher};
use tracr::model::file::ModelFileError;
use tracr::model::{CompiledModel, Wiring};
use tracr::program::{self, BuildError, Settings};

const WEIGHTS: &str = "inputs.token_weights";
const VALID: &str = "inputs.valid";

/// A held-out sample may make up this share of what would be drawn without it.
const LARGEST_HELD_OUT: f64 = 0.25;

/// A run that can start.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// With every default filled in.
    pub config: RunConfig,
    /// The model it compresses.
    pub model: CompiledModel,
    /// The inputs it is about.
    pub space: InputSpace,
    /// The `W` to start from, where the configuration names one: a stack for the run's wiring, or one matrix.
    start: Option<Array2<f64>>,
}

/// Why a run cannot start.
#[derive(Debug, Error)]
pub enum ExperimentError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model file is wrong.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// The program is wrong.
    #[error(transparent)]
    Program(#[from] BuildError),
}

impl Experiment {
    /// The inputs of the exact metrics.
    pub fn evaluation_set(&self) -> EvaluationSet {
        EvaluationSet::new(&self.space, self.config.inputs.evaluation_sample)
    }

    /// The compiled model's targets, of the kind that the objective compares with.
    pub fn teacher(&self) -> Arc<Teacher> {
        let targets = self.config.objective.categorical_targets;
        Teacher::with_targets(
            &self.model,
            self.space.clone(),
            self.evaluation_set(),
            targets,
        )
    }

    /// The `W` that the configuration names to start from, if it does: for the run's wiring, or one matrix.
    pub fn start_matrix(&self) -> Option<&Array2<f64>> {
        self.start.as_ref()
    }

    /// Which matrices the run's `W` is. A baseline is always one.
    pub fn wiring(&self) -> Wiring {
        let compression = &self.config.compression;
        match compression.method {
            Method::Train => Wiring::new(&self.model, compression.tied, compression.per_layer),
            Method::Pca | Method::Random | Method::Subset => Wiring::default(),
        }
    }

    /// `W` with what belongs to it.
    pub fn projection(&self, w: &Array2<f64>) -> Projection {
        Projection {
            w: w.clone(),
            wiring: self.wiring(),
            labels: self.model.metadata.residual_labels.clone(),
        }
    }

    /// The shape of `W`, or of the stack of all: `[k·d, D]`.
    pub fn shape(&self) -> (usize, usize) {
        let d = self.config.compression.dim;
        (self.wiring().count() * d, self.model.width())
    }

    /// Reads the run file, its model, and checks them against each other.
    ///
    /// # Errors
    /// See [`ExperimentError`].
    pub fn load(
        config: &Path,
        overrides: &[String],
        output: Option<&Path>,
    ) -> Result<Self, ExperimentError> {
        let source = ConfigSource::read(config, overrides)?;
        Self::from_source(&source, output, &Models::default())
    }

    /// As [`Experiment::load`], from a run file that is read already and with models that may be
    /// read already.
    ///
    /// # Errors
    /// See [`ExperimentError`].
    pub fn from_source(
        source: &ConfigSource,
        output: Option<&Path>,
        models: &Models,
    ) -> Result<Self, ExperimentError> {
        let mut config = RunConfig::new(source, output)?;
        let (model, sha256) = models.get(&config.model)?;
        if let Some(expected) = &config.model.sha256
            && !expected.eq_ignore_ascii_case(&sha256)
        {
            return Err(source
                .conflict(
                    "model.sha256",
                    format!(
                        "{} is not the model that this configuration was made with (its SHA-256 is \
                         {sha256}): restore that one, or delete this key",
                        config.model.source().display()
                    ),
                )
                .into());
        }
        config.model.sha256 = Some(sha256);
        let (dim, width) = (config.compression.dim, model.width());
        if dim > width {
            return Err(source
                .conflict(
                    keys::DIM,
                    format!("it is {dim}, but it must be from 1 to {width}, the model's width D"),
                )
                .into());
        }
        let lengths = config
            .inputs
            .lengths
            .take()
            .unwrap_or_else(|| vec![model.metadata.max_seq_len]);
        let space = InputSpace::new(&model, &lengths, config.inputs.unique_tokens)
            .map_err(|e| source.conflict(space_key(&e), e))?
            .weighted(&model, &config.inputs.token_weights)
            .map_err(|e| source.conflict(WEIGHTS, e))?;
        config.inputs.valid = config.inputs.valid.or_else(|| model.metadata.valid.clone());
        let space = match &config.inputs.valid {
            None => space,
            Some(text) => space
                .restricted(&model.metadata.input_vocab, text)
                .map_err(|e| source.conflict(VALID, e))?,
        };
        let largest_sample = (space.estimated_size() / 4.0).min((ENUMERATION_LIMIT / 4) as f64);
        if space.size().is_none() && config.inputs.evaluation_sample as f64 > largest_sample {
            return Err(source
                .conflict(
                    "inputs.evaluation_sample",
                    "it is too large a share of the space",
                )
                .into());
        }
        config.objective.check(source, &model)?;
        config.inputs.lengths = Some(lengths);
        let mut experiment = Self {
            config,
            model,
            space,
            start: None,
        };
        experiment.read_start(source)?;
        experiment
            .memory()
            .map_err(|e| source.conflict(e.key_of(&experiment.config), e.problem))?;
        let sample = experiment.config.inputs.evaluation_sample;
        check_held_out(source, &experiment.space, sample)?;
        Ok(experiment)
    }

    /// Reads the `W` that the configuration starts from, if it names one.
    fn read_start(&mut self, source: &ConfigSource) -> Result<(), ConfigError> {
        let Start::File(StartFile { from, sha256 }) = &mut self.config.compression.init else {
            return Ok(());
        };
        let refuse = |problem: String| Err(source.conflict("compression.init", problem));
        if from.is_dir() {
            from.push(PROJECTION);
        }
        let path = from.clone();
        let read = files::read_bounded(&path, limits::PROJECTION_BYTES);
        let bytes = read.map_err(|e| source.conflict("compression.init", e))?;
        let found = hex(&Sha256::digest(&bytes));
        match sha256 {
            Some(expected) if !expected.eq_ignore_ascii_case(&found) => {
                return refuse(format!(
                    "{} is not the W that this configuration started from (its SHA-256 is {found}): restore that one, \
                     or delete sha256",
                    path.display()
                ));
            }
            _ => *sha256 = Some(found),
        }
        let projection = Projection::from_bytes(&path, &bytes, &self.model)
            .map_err(|e| source.conflict("compression.init", e))?;
        if projection.labels != self.model.metadata.residual_labels {
            return refuse(format!(
                "{} is the W of another model: its features have other names",
                path.display()
            ));
        }
        let (dim, expected) = (projection.width(), self.config.compression.dim);
        if dim != expected {
            return refuse(format!(
                "{} has d = {dim}, but compression.dim is {expected}: set compression.dim={dim}",
                path.display()
            ));
        }
        let wiring = self.wiring();
        if projection.wiring.count() > 1 && projection.wiring.names() != wiring.names() {
            return refuse(format!(
                "{} has the matrices {}, but this run has {}: choose the same compression.tied and \
                 compression.per_layer, or a start with one W",
                path.display(),
                projection.wiring.names().join(", "),
                wiring.names().join(", "),
            ));
        }
        self.start = Some(projection.w);
        Ok(())
    }

    /// What the run will need of memory, if that is within the limits.
    ///
    /// # Errors
    /// If it is not.
    pub fn memory(&self) -> Result<Memory, TooLarge> {
        Memory::of_run(&self.config, &self.model, &self.space, &self.wiring())
    }

    /// The objective that the configuration means for this model.
    pub fn objective(&self) -> Objective {
        self.config.objective.objective(&self.model.block_names())
    }
}

/// Where weights are so uneven that a few inputs make up most of the draws, the held-out sample would
/// take from training what it is about.
fn check_held_out(
    source: &ConfigSource,
    space: &InputSpace,
    sample: usize,
) -> Result<(), ConfigError> {
    if space.size().is_some() || !space.is_weighted() {
        return Ok(());
    }
    let share = EvaluationSet::new(space, sample).share(space);
    if share <= LARGEST_HELD_OUT {
        return Ok(());
    }
    Err(source.conflict(
        WEIGHTS,
        format!(
            "these weights make a few inputs so likely that the held-out sample of {sample} would take \
             away {:.0} % of what training draws: choose weights nearer to each other, a smaller \
             inputs.evaluation_sample, or inputs.lengths with at most 2^20 inputs, which need no sample",
            100.0 * share
        ),
    ))
}

/// Models that many runs share: each is read or compiled once.
#[derive(Debug, Default)]
pub struct Models(Mutex<HashMap<String, (CompiledModel, String)>>);

impl Models {
    /// The model that a configuration names, and its SHA-256.
    fn get(&self, config: &ModelConfig) -> Result<(CompiledModel, String), ExperimentError> {
        let key = format!("{config:?}");
        // A panic elsewhere cannot leave the map half changed.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let (model, bytes) = load_model(config)?;
        let known = (model, hex(&Sha256::digest(&bytes)));
        lock().insert(key, known.clone());
        Ok(known)
    }
}

/// Reads the model file, or compiles the program; and the bytes of its model file.
fn load_model(config: &ModelConfig) -> Result<(CompiledModel, Vec<u8>), ExperimentError> {
    let Some(program) = &config.program else {
        return Ok(CompiledModel::load_with_bytes(config.source())?);
    };
    let settings = Settings {
        output: config.output.clone(),
        vocab: config.vocab.clone(),
        max_seq_len: config.max_seq_len,
        causal: config.causal,
        mlp_exactness: config.mlp_exactness,
    };
    let model = program::compile(program, &settings)?.model;
    let bytes = model
        .to_bytes()
        .map_err(|problem| ModelFileError::Malformed {
            path: program.clone(),
            problem,
        })?;
    Ok((model, bytes))
}

/// The key that an impossible input space is blamed on.
fn space_key(error: &SpaceError) -> &'static str {
    match error {
        SpaceError::NeedsUniqueTokens(_) => "inputs.unique_tokens",
        _ => "inputs.lengths",
    }
}
