//! The one number of the output: what it reads of the block's one column and of the table.

use crate::engines::fused::fold::Folded;
use crate::engines::fused::plan::{Block, Plan};
use crate::engines::fused::simd::{Lanes, Precision};
use crate::engines::fused::table::{Table, TableGradient};

/// `z = table + h·P`, with the sums of a step.
#[derive(Debug)]
pub struct Score<F> {
    /// Its reader's number.
    reader: usize,
    /// The source that the block's column is.
    source: usize,
    /// `P` and `dP`.
    pub p: F,
    pub dp: Lanes<F>,
    /// What the table has at the row at hand, and its gradient.
    pub base: F,
    pub d_base: Lanes<F>,
    /// Sums of the loss parts.
    pub loss_output: Lanes<F>,
    pub loss_layers: Lanes<F>,
}

impl<F: Precision> Score<F> {
    /// Of a plan whose last block is `block`.
    pub fn new(plan: &Plan, block: &Block) -> Self {
        Self {
            reader: plan.blocks.len(),
            source: block.first_source,
            p: F::zero(),
            dp: Lanes::zero(),
            base: F::zero(),
            d_base: Lanes::zero(),
            loss_output: Lanes::zero(),
            loss_layers: Lanes::zero(),
        }
    }

    /// Before the first row of a step.
    pub fn begin(&mut self, folded: &Folded<F>) {
        self.p = folded.readers[self.reader][self.source];
        self.dp = Lanes::zero();
        self.loss_output = Lanes::zero();
        self.loss_layers = Lanes::zero();
    }

    /// After the last row of a step: adds to `dL/dP`.
    pub fn end(&self, gradient: &mut Folded<F>) {
        gradient.readers[self.reader][self.source] += self.dp.sum();
    }

    /// Before the token positions of a table row.
    #[inline(always)]
    pub fn begin_row(&mut self, row: usize, table: &Table<F>) {
        self.base = table.z[self.reader][row];
    }

    /// After them.
    #[inline(always)]
    pub fn end_row(&self, row: usize, gradient: &mut TableGradient<F>) {
        gradient.z[self.reader][row] = self.d_base.sum();
    }
}
