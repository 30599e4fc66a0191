//! What the engine holds: upper estimates in bytes, from its plan, before anything of these sizes is made.

use super::plan::{Method, Plan, Work};
use crate::engines::engine::Precision;
use tracr::model::Wiring;

/// The bytes of each part.
#[derive(Debug)]
pub struct Memory<'a> {
    plan: &'a Plan,
    /// Bytes of a number of the engine.
    float: u128,
    /// Matrices `G`.
    pairs: u128,
    /// Numbers of `P`, over all readers.
    folded: u128,
    /// Rows of the (position, token) table, as many as there can be.
    rows: u128,
}

impl<'a> Memory<'a> {
    /// Of an engine with this plan, for batches of this many inputs.
    pub fn new(plan: &'a Plan, precision: Precision, batch: usize, wiring: &Wiring) -> Self {
        let in_batch = batch.max(256) as u128 * plan.positions as u128;
        let all = plan.vocabulary as u128 * plan.positions as u128;
        let folded = plan.readers.iter().map(|r| r.columns.len() * r.sources);
        Self {
            plan,
            float: precision.bytes(),
            pairs: wiring.pairs().len() as u128,
            folded: folded.sum::<usize>() as u128,
            rows: match &plan.rows {
                Some(rows) => rows.len() as u128,
                None => in_batch.min(all),
            },
        }
    }

    /// Numbers that the engine and the gradient of each of its shares have once, twice in `f64` elsewhere.
    fn of(&self, numbers: u128) -> u128 {
        numbers * (self.float * (1 + self.plan.shares as u128) + 2 * 8)
    }

    /// Sparse rows and columns: the plan and the folder have them, and so do the plain passes of teacher and
    /// evaluation; six copies are more than there ever are.
    pub fn lists(&self) -> u128 {
        let sources: usize = self.plan.sources.iter().map(Vec::len).sum();
        let columns = self.plan.readers.iter().flat_map(|r| &r.columns);
        let columns: usize = columns.map(Vec::len).sum();
        let empty = (self.plan.sources.len() + self.plan.readers.len()) as u128 * 24;
        6 * (16 * (sources + columns) as u128 + empty)
    }

    /// `G` of each pair of a matrix that writes and one that reads, as three folders have them.
    pub fn grams(&self) -> u128 {
        let width = self.plan.width as u128;
        3 * (self.pairs + 1) * 8 * width * width.next_multiple_of(16)
    }

    /// `P`, and what is computed once for each (position, token).
    pub fn tables(&self) -> u128 {
        let columns: usize = self.plan.readers.iter().map(|r| r.tabulated.len()).sum();
        let columns = columns + self.plan.written_columns();
        let table = columns as u128 * self.rows.next_multiple_of(16);
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
        self.of(self.folded + 2 * table + attention) + 3 * numbered
    }

    /// The sequences that are computed together.
    pub fn sequences(&self) -> u128 {
        let positions = self.plan.positions as u128;
        let heads = self.plan.blocks.iter().map(|b| match &b.work {
            Work::Attention { heads, .. } => heads.len(),
            Work::Mlp { .. } => 0,
        });
        let heads: usize = heads.sum();
        let columns: usize = self.plan.readers.iter().map(|r| r.columns.len()).sum();
        let row = 2 * columns + 5 * self.plan.written_columns() + 4 * heads;
        let sequence = positions * row as u128 + heads as u128 * positions * (positions + 16);
        self.of(sequence * (self.plan.piece as u128 + 64))
    }
}
