//! What the frozen model does on each input: the targets of the objective.
//!
//! They do not depend on `W`. For an evaluation set that is small enough they are computed once
//! and kept. In float64, by the plain forward pass ([`tracr::model::forward`]), which shares nothing with the engines
//! that are compared with them.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};

use super::objective::{CategoricalTargets, Objective, OutputPositions};
use crate::inputs::{EvaluationSet, InputSpace, sampler::Batch};
use tracr::model::codec::{class_number, is_tied};
use tracr::model::{CompiledModel, Frozen, Linear, OutputKind, Stream, block_name};

/// Targets are kept in memory up to this many bytes.
pub const TABLE_BYTES: usize = 64 << 20;

/// The largest number whose fourth power is in float64's range, sums of many such included. What the
/// models compute must stay below it, since the analysis multiplies squares of it with each other.
pub const LARGEST: f64 = 1e70;

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// Numbers that a pass of the model holds at a time.
pub const PASS_NUMBERS: usize = 1 << 24;

/// The targets of `B` inputs of `T` positions; rows are `b·T + t`.
#[derive(Clone, Debug)]
pub struct Targets {
    /// What each block writes, in its live columns only: `2L` of `[B·T, columns]`, row-major.
    pub blocks: Vec<Array2<f64>>,
    /// The number, or the class as a number, NaN where a score is not finite: `[B·T]`.
    pub output: Vec<f64>,
    /// Classes: whether the model decides for none ([`TIE`](tracr::model::codec::TIE)), so that no metric counts the
    /// answer: `[B·T]`. Of numbers always false.
    pub tied: Vec<bool>,
    /// The softmax of the scores, `[B·T, O]`, row-major; only where the targets are soft.
    pub distribution: Option<Array2<f64>>,
}

/// What `L_out` averages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLoss {
    /// `(y − ỹ)²` of a number.
    SquaredError,
    /// `−ln softmax(z̃)_y` for the compiled model's class `y`.
    CrossEntropy,
    /// `−Σ_c q_c·ln softmax(z̃)_c` for the softmax `q` of the compiled model's scores.
    SoftCrossEntropy,
}

impl Targets {
    /// Adds the rows of others, of the same blocks.
    fn append(&mut self, other: Self) {
        for (all, part) in self.blocks.iter_mut().zip(&other.blocks) {
            // Of the same columns; were they not, the rows would be left out.
            let _ = all.append(Axis(0), part.view());
        }
        if let (Some(all), Some(part)) = (&mut self.distribution, &other.distribution) {
            let _ = all.append(Axis(0), part.view());
        }
        self.output.extend(other.output);
        self.tied.extend(other.tied);
    }

    /// What block `i` writes, row by row.
    pub fn of_block(&self, i: usize) -> &[f64] {
        // Never empty for want of an order: every constructor here makes row-major matrices.
        self.blocks[i].as_slice().unwrap_or_default()
    }
}

/// The compiled model itself computes something that is no finite number, or beyond [`LARGEST`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the compiled model computes {value:e}: {place}, input {input} of its inputs, position \
     {position}. Its weights are too large for float64, in which nothing may be beyond 1e70: make the program's \
     numbers smaller, or compile or export it again"
)]
pub struct NotFinite {
    /// What it computes.
    pub value: f64,
    /// A block's name, `the embedding` or `the output`.
    pub place: String,
    /// The input's number in the evaluation set.
    pub input: usize,
    /// The position, BOS being 0.
    pub position: usize,
}

/// The frozen model with its targets.
#[derive(Debug)]
pub struct Teacher {
    model: Frozen<f64>,
    kind: OutputKind,
    soft: bool,
    space: InputSpace,
    evaluation: EvaluationSet,
    live_columns: Vec<Vec<usize>>,
    /// The targets of the evaluation set, in its order, if they fit.
    table: Option<Targets>,
}

impl Teacher {
    /// Prepares the targets of an evaluation set: numbers, or classes.
    pub fn new(model: &CompiledModel, space: InputSpace, evaluation: EvaluationSet) -> Arc<Self> {
        Self::with_targets(model, space, evaluation, CategoricalTargets::Hard)
    }

    /// The same, where a categorical output may have soft targets. A number has none.
    pub fn with_targets(
        model: &CompiledModel,
        space: InputSpace,
        evaluation: EvaluationSet,
        categorical: CategoricalTargets,
    ) -> Arc<Self> {
        let frozen = Frozen::<f64>::new(model);
        let live_columns: Vec<Vec<usize>> = frozen
            .layers
            .iter()
            .flat_map(|layer| [&layer.output, &layer.fc2])
            .map(Linear::live_columns)
            .collect();
        let mut teacher = Self {
            model: frozen,
            kind: model.metadata.output_kind,
            soft: categorical == CategoricalTargets::Soft
                && model.metadata.output_kind == OutputKind::Categorical,
            space,
            evaluation,
            live_columns,
            table: None,
        };
        let scores = if teacher.soft {
            teacher.model.unembed.ncols()
        } else {
            0
        };
        let written: usize = teacher.live_columns.iter().map(Vec::len).sum();
        let numbers_per_row = 1 + scores + written;
        let rows = teacher
            .evaluation
            .len()
            .saturating_mul(teacher.space.positions());
        if rows
            .saturating_mul(numbers_per_row)
            .saturating_mul(size_of::<f64>())
            <= TABLE_BYTES
        {
            teacher.table = Some(teacher.make_table());
        }
        Arc::new(teacher)
    }

    /// Whether all that is compared with is finite, over the evaluation set.
    ///
    /// # Errors
    /// Says where it is not.
    pub fn check(&self) -> Result<(), NotFinite> {
        let largest = |rows: &Array2<f64>| -> Vec<f64> {
            let rows = rows.rows().into_iter();
            rows.map(|row| row.fold(0.0, |m, x| x.abs().max(m)))
                .collect()
        };
        let largest_of_tokens = largest(&self.model.token_embed);
        let largest_of_positions = largest(&self.model.pos_embed);
        let positions = self.space.positions();
        let size = self.evaluation.len();
        for start in (0..size).step_by(CHUNK) {
            let (tokens, targets) = self.of_evaluation(start, (start + CHUNK).min(size));
            let check = |place: &dyn Fn() -> String, row: usize, value: f64| {
                if value.abs() <= LARGEST {
                    return Ok(());
                }
                Err(NotFinite {
                    value,
                    place: place(),
                    input: start + row / positions,
                    position: row % positions,
                })
            };
            for (row, id) in tokens.iter().enumerate() {
                let position = &largest_of_positions[row % positions];
                let sum = largest_of_tokens[*id] + position;
                check(&|| "the embedding".into(), row, sum)?;
            }
            for (i, block) in targets.blocks.iter().enumerate() {
                for ((row, _), x) in block.indexed_iter() {
                    check(&|| block_name(i), row, *x)?;
                }
            }
            for (row, x) in targets.output.iter().enumerate() {
                check(&|| "the output".into(), row, *x)?;
            }
        }
        Ok(())
    }

    /// The frozen model.
    pub fn model(&self) -> &Frozen<f64> {
        &self.model
    }

    /// Whether the output is a number or a class.
    pub fn kind(&self) -> OutputKind {
        self.kind
    }

    /// What `L_out` averages.
    pub fn output_loss(&self) -> OutputLoss {
        match (self.kind, self.soft) {
            (OutputKind::Numerical, _) => OutputLoss::SquaredError,
            (OutputKind::Categorical, false) => OutputLoss::CrossEntropy,
            (OutputKind::Categorical, true) => OutputLoss::SoftCrossEntropy,
        }
    }

    /// The inputs that evaluation visits.
    pub fn evaluation(&self) -> &EvaluationSet {
        &self.evaluation
    }

    /// The space that inputs come from.
    pub fn space(&self) -> &InputSpace {
        &self.space
    }

    /// The feature dimensions that block `i` can write to; empty for a dead block.
    pub fn live_columns(&self, block: usize) -> &[usize] {
        &self.live_columns[block]
    }

    /// The targets of a training batch.
    pub fn of_batch(&self, batch: &Batch) -> Targets {
        match (self.table(), batch) {
            (Some(table), Batch::Members(members)) => {
                let positions = self.space.positions();
                let rows: Vec<usize> = members
                    .iter()
                    .flat_map(|m| *m as usize * positions..(*m as usize + 1) * positions)
                    .collect();
                Targets {
                    blocks: table
                        .blocks
                        .iter()
                        .map(|b| b.select(Axis(0), &rows))
                        .collect(),
                    output: rows.iter().map(|row| table.output[*row]).collect(),
                    tied: rows.iter().map(|row| table.tied[*row]).collect(),
                    distribution: table
                        .distribution
                        .as_ref()
                        .map(|all| all.select(Axis(0), &rows)),
                }
            }
            _ => self.compute(batch.tokens(&self.space).view()),
        }
    }

    /// The targets of the whole space, in its order, where they are kept.
    pub fn table(&self) -> Option<&Targets> {
        self.table.as_ref().filter(|_| self.evaluation.is_whole())
    }

    /// Inputs `start..end` of the evaluation set, `[end − start, T]`, and their targets.
    pub fn of_evaluation(&self, start: usize, end: usize) -> (Array2<usize>, Targets) {
        let tokens = self.evaluation.chunk(&self.space, start, end);
        let targets = match &self.table {
            None => self.compute(tokens.view()),
            Some(table) => {
                let positions = self.space.positions();
                let rows = start * positions..end * positions;
                Targets {
                    blocks: table
                        .blocks
                        .iter()
                        .map(|b| b.slice_axis(Axis(0), rows.clone().into()).to_owned())
                        .collect(),
                    output: table.output[rows.clone()].to_vec(),
                    tied: table.tied[rows.clone()].to_vec(),
                    distribution: table
                        .distribution
                        .as_ref()
                        .map(|all| all.slice_axis(Axis(0), rows.into()).to_owned()),
                }
            }
        };
        (tokens, targets)
    }

    /// The targets of any inputs `[B, T]`, by running the frozen model.
    pub fn compute(&self, tokens: ArrayView2<'_, usize>) -> Targets {
        // So many at a time that what the blocks write, in all dimensions, is of bounded size.
        let an_input = tokens.ncols() * self.model.width() * (2 * self.model.layers.len() + 4);
        let chunk = (PASS_NUMBERS / an_input.max(1)).clamp(1, CHUNK);
        let mut all: Option<Targets> = None;
        for tokens in tokens.axis_chunks_iter(Axis(0), chunk) {
            let (blocks, scores) = self.model.evaluate(Stream::Full, tokens);
            let live = blocks.iter().zip(&self.live_columns);
            let live = live.map(|(block, columns)| block.select(Axis(1), columns));
            let part = self.targets(live.collect(), &scores);
            match &mut all {
                Some(all) => all.append(part),
                None => all = Some(part),
            }
        }
        all.unwrap_or_else(|| self.targets(Vec::new(), &Array2::zeros((0, 0))))
    }

    /// Targets from what the blocks write in their live columns and the scores `[B·T, O]`.
    fn targets(&self, blocks: Vec<Array2<f64>>, scores: &Array2<f64>) -> Targets {
        Targets {
            blocks: blocks
                .iter()
                .map(|block| block.as_standard_layout().into_owned())
                .collect(),
            output: scores
                .rows()
                .into_iter()
                .map(|scores| match self.kind {
                    OutputKind::Numerical => scores[0],
                    OutputKind::Categorical => class_number(scores.iter().copied()),
                })
                .collect(),
            tied: scores
                .rows()
                .into_iter()
                .map(|scores| self.kind == OutputKind::Categorical && is_tied(scores))
                .collect(),
            distribution: self.soft.then(|| softmax(scores)),
        }
    }

    /// Whether `L_out` counts each of the positions of `tokens` `[B, T]`: `[B·T]`.
    pub fn counted(&self, objective: &Objective, tokens: ArrayView2<'_, usize>) -> Vec<bool> {
        match objective.output_positions {
            OutputPositions::All => vec![true; tokens.len()],
            OutputPositions::Tokens => tokens.iter().map(|id| self.space.is_word(*id)).collect(),
        }
    }

    /// The targets of the evaluation set, in buffers of their size from the beginning.
    fn make_table(&self) -> Targets {
        let size = self.evaluation.len();
        let rows = size * self.space.positions();
        let buffer = |columns: usize| Array2::zeros((rows, columns));
        let mut table = Targets {
            blocks: self.live_columns.iter().map(|c| buffer(c.len())).collect(),
            output: Vec::with_capacity(rows),
            tied: Vec::with_capacity(rows),
            distribution: self.soft.then(|| buffer(self.model.unembed.ncols())),
        };
        for start in (0..size).step_by(CHUNK) {
            let end = (start + CHUNK).min(size);
            let part = self.compute(self.evaluation.chunk(&self.space, start, end).view());
            let rows = start * self.space.positions()..end * self.space.positions();
            let own = |all: &mut Array2<f64>, part: &Array2<f64>| {
                all.slice_axis_mut(Axis(0), rows.clone().into())
                    .assign(part);
            };
            for (all, part) in table.blocks.iter_mut().zip(&part.blocks) {
                own(all, part);
            }
            if let (Some(all), Some(part)) = (&mut table.distribution, &part.distribution) {
                own(all, part);
            }
            table.output.extend(part.output);
            table.tied.extend(part.tied);
        }
        table
    }
}

/// `e^{z_c} / Σ_c e^{z_c}` row by row: `[rows, O]`.
fn softmax(scores: &Array2<f64>) -> Array2<f64> {
    let mut shares = scores.as_standard_layout().into_owned();
    for mut row in shares.rows_mut() {
        let largest = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        row.mapv_inplace(|z| libm::exp(z - largest));
        row /= row.sum();
    }
    shares
}
