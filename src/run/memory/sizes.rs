//! The bytes of each part of a run's estimate, from the plan and the configuration.

use crate::config::{Engine, Precision, RunConfig};
use superposition::engines::fused::plan::{Method, Plan, Work};
use superposition::inputs::InputSpace;
use superposition::teacher::{PASS_NUMBERS, TABLE_BYTES};
use tracr::model::{CompiledModel, Wiring};

/// Inputs per graph of the autodiff engine.
const AUTODIFF_PIECE: u128 = 128;
/// Bytes of a row of `gram.csv` while it is written.
const GRAM_ROW: u128 = 96;

/// What the parts are computed from.
pub struct Sizes<'a> {
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
    pub fn of(config: &RunConfig, plan: &'a Plan, wiring: &Wiring) -> Self {
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
    pub fn everywhere(&self, numbers: u128) -> u128 {
        numbers * (self.float * (1 + self.plan.shares as u128) + 2 * 8)
    }

    pub fn square(&self) -> u128 {
        let width = self.plan.width as u128;
        8 * width * width.next_multiple_of(16)
    }

    /// Sparse rows and columns: a plan and a folder each in the engine, the evaluator and the compiled model.
    pub fn lists(&self) -> u128 {
        let sources: usize = self.plan.sources.iter().map(Vec::len).sum();
        let columns = self.plan.readers.iter().flat_map(|r| &r.columns);
        let columns: usize = columns.map(Vec::len).sum();
        let empty = (self.plan.sources.len() + self.plan.readers.len()) as u128 * 24;
        6 * (16 * (sources + columns) as u128 + empty)
    }

    pub fn matrices(&self, config: &RunConfig) -> u128 {
        let numbers = self.count * (config.compression.dim * self.plan.width) as u128;
        12 * 8 * numbers
    }

    /// Of the three folders, for each pair of a matrix that writes and one that reads.
    pub fn grams(&self) -> u128 {
        3 * (self.pairs + 1) * self.square()
    }

    /// A few matrices `[D, D]` for sums over the inputs and for eigenvectors, and a table of `D²` rows; where
    /// there are several `G`, one of a row for each column that is written, reader and feature.
    pub fn analysis(&self) -> u128 {
        let width = self.plan.width as u128;
        let columns: usize = self.plan.blocks.iter().map(|b| b.columns.len()).sum();
        let several = match self.count {
            1 | 2 => 0,
            _ => (columns + self.plan.width) as u128 * self.plan.readers.len() as u128,
        };
        16 * self.square() + GRAM_ROW * width * (width + several)
    }

    pub fn tables(&self) -> u128 {
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

    pub fn pieces(&self) -> u128 {
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

    pub fn batch(&self, config: &RunConfig, space: &InputSpace) -> u128 {
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

    pub fn evaluation(&self, config: &RunConfig, space: &InputSpace) -> u128 {
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

    pub fn diagnostics(&self, model: &CompiledModel) -> u128 {
        let positions = self.plan.positions as u128;
        let layers = model.layers.len() as u128;
        let logits = layers * model.metadata.num_heads as u128 * positions * positions;
        let streams = positions * (self.plan.width * (2 * self.plan.total_blocks + 4)) as u128;
        2 * 8 * 64 * (logits + streams)
    }

    pub fn graphs(&self, config: &RunConfig, model: &CompiledModel) -> u128 {
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
