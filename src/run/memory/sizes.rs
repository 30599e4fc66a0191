//! The bytes of each part of a run's estimate that no engine reports of itself.

use crate::config::{Engine, RunConfig};
use superposition::engines::fused::plan::Plan;
use superposition::inputs::InputSpace;
use superposition::teacher::{PASS_NUMBERS, TABLE_BYTES};
use tracr::model::{CompiledModel, Wiring};

/// Bytes of a row of `gram.csv` while it is written.
const GRAM_ROW: u128 = 96;

/// What the parts are computed from.
pub struct Sizes<'a> {
    plan: &'a Plan,
    /// Matrices `W`.
    count: u128,
}

impl<'a> Sizes<'a> {
    pub fn new(plan: &'a Plan, wiring: &Wiring) -> Self {
        Self {
            plan,
            count: wiring.count() as u128,
        }
    }

    fn square(&self) -> u128 {
        let width = self.plan.width as u128;
        8 * width * width.next_multiple_of(16)
    }

    pub fn matrices(&self, config: &RunConfig) -> u128 {
        let numbers = self.count * (config.compression.dim * self.plan.width) as u128;
        12 * 8 * numbers
    }

    /// A few matrices `[D, D]` for sums over the inputs and for eigenvectors, and a table of `D²` rows; where
    /// there are several `G`, one of a row for each column that is written, reader and feature.
    pub fn analysis(&self) -> u128 {
        let width = self.plan.width as u128;
        let several = match self.count {
            1 | 2 => 0,
            _ => {
                (self.plan.written_columns() + self.plan.width) as u128
                    * self.plan.readers.len() as u128
            }
        };
        16 * self.square() + GRAM_ROW * width * (width + several)
    }

    /// The plain passes: the analysis keeps what both models write on 32 inputs, the teacher a bounded part.
    pub fn passes(&self) -> u128 {
        let width = self.plan.width * (self.plan.total_blocks + 4);
        let plain = (self.plan.positions * width) as u128;
        let teacher = (256 * plain).min(PASS_NUMBERS as u128);
        8 * (3 * 32 * plain + 2 * teacher)
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
            bytes += inputs * positions * 8 * (2 * self.plan.written_columns() as u128 + 4);
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
        let classes = self.plan.readers.last().map_or(0, |r| r.columns.len());
        let targets = 8 * inputs * positions * (self.plan.written_columns() + classes + 1) as u128;
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
}
