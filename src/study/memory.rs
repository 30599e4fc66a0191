//! What a run needs of memory, estimated from its sizes before anything of these sizes is made.
//!
//! An upper estimate of what is held at the same time: the largest moment of training and that of the
//! analysis after it, whichever is more, on top of what is there throughout. `docs/reliability.md` has it
//! beside measurements.

use crate::compression::engines::fused::plan::{Method, Plan, Work};
use crate::compression::teacher::{PASS_NUMBERS, TABLE_BYTES};
use crate::config::{Engine, Precision, RunConfig};
use crate::inputs::InputSpace;
use crate::limits;
use crate::model::{CompiledModel, Frozen, Linear, Wiring};

/// The process itself: code, stacks, what libraries keep.
const PROCESS: u128 = 32 << 20;
/// Inputs per graph of the autodiff engine.
const AUTODIFF_PIECE: u128 = 128;
/// Bytes of a row of `gram.csv` while it is written.
const GRAM_ROW: u128 = 96;

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
            (MODEL, Some(_)) => "model.program",
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
        let sizes = Sizes::of(config, &plan, wiring);
        self.add(
            "lists of the weights that count",
            sizes.lists(),
            MODEL,
            "compile a smaller one",
        );
        self.add(
            "W, its gradient and its moments",
            sizes.matrices(config),
            "compression.dim",
            "choose a smaller d, or one W instead of several",
        );
        self.add("the Gram matrices", sizes.grams(), MODEL, FEWER_PAIRS);
        self.add(
            "the analysis and the tables of G",
            sizes.analysis(),
            MODEL,
            FEWER_PAIRS,
        );
        self.add(
            "the engine's tables",
            sizes.tables(),
            MODEL,
            "compile for fewer tokens or a smaller max_seq_len",
        );
        self.add(
            "the sequences that are computed together",
            sizes.pieces(),
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
                sizes.graphs(config, model),
                "training.engine",
                "take the fused engine, or fewer training.threads",
            );
        }
    }
}

const MODEL: &str = "model.path";
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

/// What the parts are computed from.
struct Sizes<'a> {
    plan: &'a Plan,
    /// Bytes of a number of the engine.
    float: u128,
    /// Matrices `G`, and matrices `W`.
    pairs: u128,
    count: u128,
    /// Numbers of `P`, over all readers.
    folded: u128,
    /// Rows of the (position, token) table, as many as there can be.
    rows: u128,
}

impl<'a> Sizes<'a> {
    fn of(config: &RunConfig, plan: &'a Plan, wiring: &Wiring) -> Self {
        let batch = config.training.batch_size.max(256) as u128 * plan.positions as u128;
        let all = plan.vocabulary as u128 * plan.positions as u128;
        Self {
            plan,
            float: match config.training.precision {
                Precision::F32 => 4,
                Precision::F64 => 8,
            },
            pairs: wiring.pairs().len() as u128,
            count: wiring.count() as u128,
            folded: plan
                .readers
                .iter()
                .map(|r| (r.columns.len() * r.sources) as u128)
                .sum(),
            rows: plan
                .rows
                .as_ref()
                .map_or(batch.min(all), |rows| rows.len() as u128),
        }
    }

    /// Bytes of what the engine, its shares' gradients, the evaluator and the compiled model each have once.
    fn everywhere(&self, numbers: u128) -> u128 {
        numbers * (self.float * (1 + self.plan.shares as u128) + 2 * 8)
    }

    fn square(&self) -> u128 {
        let width = self.plan.width as u128;
        8 * width * width.next_multiple_of(16)
    }

    /// Sparse rows and columns: a plan and a folder each in the engine, the evaluator and the compiled model.
    fn lists(&self) -> u128 {
        let sources: usize = self.plan.sources.iter().map(Vec::len).sum();
        let columns = self.plan.readers.iter().flat_map(|r| &r.columns);
        let columns: usize = columns.map(Vec::len).sum();
        let empty = (self.plan.sources.len() + self.plan.readers.len()) as u128 * 24;
        6 * (16 * (sources + columns) as u128 + empty)
    }

    fn matrices(&self, config: &RunConfig) -> u128 {
        let numbers = self.count * (config.compression.dim * self.plan.width) as u128;
        12 * 8 * numbers
    }

    /// Of the three folders, for each pair of a matrix that writes and one that reads.
    fn grams(&self) -> u128 {
        3 * (self.pairs + 1) * self.square()
    }

    /// A few matrices `[D, D]` for sums over the inputs and for eigenvectors, and a table of `D²` rows; where
    /// there are several `G`, one of a row for each column that is written, reader and feature.
    fn analysis(&self) -> u128 {
        let width = self.plan.width as u128;
        let columns: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
        let several = match self.count {
            1 | 2 => 0,
            _ => (columns + self.plan.width) as u128 * self.plan.readers.len() as u128,
        };
        16 * self.square() + GRAM_ROW * width * (width + several)
    }

    fn tables(&self) -> u128 {
        let columns: usize = self.plan.readers.iter().map(|r| r.tabulated.len()).sum();
        let written: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
        let table = (columns + written) as u128 * self.rows.next_multiple_of(16);
        let attention: u128 = match self.plan.table_attention() {
            Some((_, heads, Method::Grouped(grouping))) => {
                2 * grouping.numbers(heads, self.rows as usize) as u128
            }
            Some((i, heads, Method::Factored)) => {
                let sources = self.plan.readers[i].sources as u128;
                heads.len() as u128 * sources * (sources + 32)
            }
            _ => 0,
        };
        let numbered = 4 * (self.plan.vocabulary * self.plan.positions) as u128;
        self.everywhere(self.folded + 2 * table + attention) + 3 * numbered
    }

    fn pieces(&self) -> u128 {
        let positions = self.plan.positions as u128;
        let heads = self.plan.blocks.iter().map(|b| match &b.work {
            Work::Attention { heads, .. } => heads.len(),
            Work::Mlp { .. } => 0,
        });
        let heads: usize = heads.sum();
        let columns: usize = self.plan.readers.iter().map(|r| r.columns.len()).sum();
        let written: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
        let row = 2 * columns + 5 * written + 4 * heads;
        let sequence = positions * row as u128 + heads as u128 * positions * (positions + 16);
        let piece = self.plan.piece as u128 + 64;
        // The plain passes: the analysis keeps what both models write on 32 inputs, the teacher a bounded part.
        let plain = positions * (self.plan.width * (self.plan.total_blocks + 4)) as u128;
        let teacher = (256 * plain).min(PASS_NUMBERS as u128);
        self.everywhere(sequence * piece) + 8 * (3 * 32 * plain + 2 * teacher)
    }

    fn batch(&self, config: &RunConfig, space: &InputSpace) -> u128 {
        let inputs = config.training.batch_size as u128;
        let positions = self.plan.positions as u128;
        let drawn = match space.size() {
            Some(_) => 8,
            None => 8 * positions,
        };
        let rows = 4 * positions + 32;
        let mut bytes = inputs * (2 * drawn + rows);
        if config.training.engine == Engine::Autodiff {
            let written: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
            bytes += inputs * positions * 8 * (2 * written as u128 + 4);
        }
        bytes
    }

    fn evaluation(&self, config: &RunConfig, space: &InputSpace) -> u128 {
        let positions = self.plan.positions as u128;
        let (inputs, an_input) = match space.size() {
            Some(size) => (size.into(), if space.is_weighted() { 32 } else { 8 }),
            None => (
                config.inputs.evaluation_sample as u128,
                3 * (8 * positions + 64),
            ),
        };
        // Their targets, where these are kept: the teacher's and the engine's.
        let written: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
        let classes = self.plan.readers.last().map_or(0, |r| r.columns.len());
        let targets = 8 * inputs * positions * (written + classes + 1) as u128;
        let kept = if targets <= TABLE_BYTES as u128 {
            2 * targets
        } else {
            0
        };
        inputs * an_input + kept
    }

    fn diagnostics(&self, model: &CompiledModel) -> u128 {
        let positions = self.plan.positions as u128;
        let layers = model.layers.len() as u128;
        let logits = layers * model.metadata.num_heads as u128 * positions * positions;
        let streams = positions * (self.plan.width * (2 * self.plan.total_blocks + 4)) as u128;
        2 * 8 * 64 * (logits + streams)
    }

    fn graphs(&self, config: &RunConfig, model: &CompiledModel) -> u128 {
        let positions = self.plan.positions as u128;
        let inner = (model.metadata.num_heads * model.metadata.key_size) as u128;
        let hidden = model.metadata.mlp_hidden_size as u128;
        let width = self.plan.width as u128;
        let layers = model.layers.len() as u128;
        let row = layers * (14 * width + 12 * inner + 6 * hidden) + 4 * width;
        let logits = layers * model.metadata.num_heads as u128 * positions * 8;
        let graph = AUTODIFF_PIECE * positions * (row + logits) * self.float;
        let parts = (config.training.batch_size as u128).div_ceil(AUTODIFF_PIECE);
        let gradients = parts * self.count * (config.compression.dim as u128) * width * 8;
        graph * (config.training.threads as u128).min(parts) + gradients
    }
}
