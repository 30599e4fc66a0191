//! What a run needs of memory, estimated from its sizes before anything of these sizes is made.
//!
//! An upper estimate of what is held at the same time: the largest moment of training and that of the
//! analysis after it, whichever is more, on top of what is there throughout. `docs/reliability.md` has it
//! beside measurements.

use sizes::Sizes;

use crate::config::keys::{self, MODEL};
use crate::config::{Engine, RunConfig};
use base::limits;
use superposition::engines::fused::plan::Plan;
use superposition::engines::{autodiff, fused};
use superposition::inputs::InputSpace;
use tracr::model::{CompiledModel, Frozen, Linear, Wiring};

mod sizes;

/// The process itself: code, stacks, what libraries keep.
const PROCESS: u128 = 32 << 20;

/// One part of the estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is, as a phrase.
    pub what: &'static str,
    /// How much.
    pub bytes: u128,
    /// The key to blame, and how to make it less.
    key: &'static str,
    remedy: &'static str,
}

/// A run's estimate.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Held throughout.
    pub parts: Vec<Part>,
}

/// Why a run is too large: which key to blame, and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct TooLarge {
    /// A key of run files.
    pub key: &'static str,
    /// What is too large, and what to do.
    pub problem: String,
}

impl TooLarge {
    /// The key as this configuration writes it: a model is a file or a program.
    pub fn key_of(&self, config: &RunConfig) -> &'static str {
        match (self.key, &config.model.program) {
            (MODEL, Some(_)) => keys::PROGRAM,
            _ => self.key,
        }
    }
}

impl Memory {
    /// All parts.
    pub fn bytes(&self) -> u128 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The estimate of a run, if it is within the limits.
    ///
    /// # Errors
    /// If a size, or the whole, is beyond [`limits`].
    pub fn of_run(
        config: &RunConfig,
        model: &CompiledModel,
        space: &InputSpace,
        wiring: &Wiring,
    ) -> Result<Self, TooLarge> {
        check_sizes(model)?;
        let mut memory = Self::default();
        memory.add_model(model);
        memory.check()?; // before the plan, which is as large as the model
        memory.add_rest(config, model, space, wiring);
        memory.check()?;
        Ok(memory)
    }

    fn check(&self) -> Result<(), TooLarge> {
        let bytes = self.bytes();
        if bytes <= u128::from(limits::RUN_BYTES) {
            return Ok(());
        }
        let Some(largest) = self.parts.iter().max_by_key(|part| part.bytes) else {
            return Ok(());
        };
        Err(TooLarge {
            key: largest.key,
            problem: format!(
                "the run would need about {} of memory, the limit is {}; {} of it is for {}: {}",
                limits::readable(bytes),
                limits::readable(limits::RUN_BYTES.into()),
                limits::readable(largest.bytes),
                largest.what,
                largest.remedy,
            ),
        })
    }

    fn add(&mut self, what: &'static str, bytes: u128, key: &'static str, remedy: &'static str) {
        self.parts.push(Part {
            what,
            bytes,
            key,
            remedy,
        });
    }

    /// The weights, as the study, the run, the teacher and the analysis have them, and in the plan's lists.
    fn add_model(&mut self, model: &CompiledModel) {
        let linear = |l: &Linear<f64>| (l.weight.len() + l.bias.len()) as u128;
        let layers = model.layers.iter().flat_map(|layer| layer.named());
        let numbers: u128 = layers.map(|(_, l)| linear(l)).sum::<u128>()
            + (model.token_embed.len() + model.pos_embed.len() + model.unembed.len()) as u128;
        self.add("the process itself", PROCESS, MODEL, "");
        self.add(
            "copies of the model's weights",
            4 * 8 * numbers,
            MODEL,
            "compile a smaller one",
        );
    }

    fn add_rest(
        &mut self,
        config: &RunConfig,
        model: &CompiledModel,
        space: &InputSpace,
        wiring: &Wiring,
    ) {
        let plan = Plan::new(&Frozen::new(model), space, false);
        let training = &config.training;
        let engine = fused::Memory::new(&plan, training.precision, training.batch_size, wiring);
        let sizes = Sizes::new(&plan, wiring);
        self.add(
            "lists of the weights that count",
            engine.lists(),
            MODEL,
            "compile a smaller one",
        );
        self.add(
            "W, its gradient and its moments",
            sizes.matrices(config),
            keys::DIM,
            "choose a smaller d, or one W instead of several",
        );
        self.add("the Gram matrices", engine.grams(), MODEL, FEWER_PAIRS);
        self.add(
            "the analysis and the tables of G",
            sizes.analysis(),
            MODEL,
            FEWER_PAIRS,
        );
        self.add(
            "the engine's tables",
            engine.tables(),
            MODEL,
            "compile for fewer tokens or a smaller max_seq_len",
        );
        self.add(
            "the sequences that are computed together",
            engine.sequences() + sizes.passes(),
            MODEL,
            "compile for a smaller max_seq_len: an attention has a number for each pair of positions",
        );
        self.add(
            "a batch",
            sizes.batch(config, space),
            "training.batch_size",
            "choose a smaller one",
        );
        self.add(
            "the inputs of evaluation",
            sizes.evaluation(config, space),
            "inputs.evaluation_sample",
            "choose a smaller one",
        );
        if config.training.diagnostics_every > 0 {
            self.add(
                "the diagnostics, which keep all logits of 64 inputs",
                sizes.diagnostics(model),
                "training.diagnostics_every",
                "leave it at 0",
            );
        }
        if config.training.engine == Engine::Autodiff {
            self.add(
                "the graphs of the autodiff engine",
                autodiff::graphs(
                    model,
                    training.precision,
                    (
                        training.batch_size,
                        training.threads,
                        config.compression.dim,
                    ),
                    wiring,
                ),
                "training.engine",
                "take the fused engine, or fewer training.threads",
            );
        }
    }
}

const SMALLER_WIDTH: &str = "compile for fewer tokens, positions or values, so that D is smaller";
const FEWER_PAIRS: &str = "compile for fewer tokens, positions or values, so that D is smaller, or take one W for \
                           all blocks";

/// The sizes that have a limit of their own.
fn check_sizes(model: &CompiledModel) -> Result<(), TooLarge> {
    let (width, positions) = (model.width(), model.positions());
    let vocabulary = model.token_embed.nrows();
    let refuse = |problem: String| {
        Err(TooLarge {
            key: MODEL,
            problem,
        })
    };
    if width > limits::WIDTH {
        return refuse(format!(
            "the model's residual stream has D = {width} features, the limit is {}: G would have {} entries; \
             {SMALLER_WIDTH}",
            limits::WIDTH,
            width as u128 * width as u128,
        ));
    }
    if positions > limits::POSITIONS {
        return refuse(format!(
            "the model has {positions} positions, the limit is {}: an attention has a number for each pair of \
             them; compile for a smaller max_seq_len",
            limits::POSITIONS,
        ));
    }
    let pairs = vocabulary as u128 * positions as u128;
    if pairs > limits::PAIRS as u128 {
        return refuse(format!(
            "the model has {vocabulary} tokens and {positions} positions, {pairs} pairs of both, and the limit \
             is {}: compile for fewer tokens or a smaller max_seq_len",
            limits::PAIRS,
        ));
    }
    Ok(())
}
