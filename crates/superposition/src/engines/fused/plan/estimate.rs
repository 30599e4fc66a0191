//! What a plan costs: numbers held, multiplications and lookups of a step. They choose pieces and shares
//! and are printed with the plan; nothing that is computed depends on their being exact.

use super::head::Head;
use super::parts::{Block, Expansion, Method, Plan, Work};
use super::tokens::Tokens;

/// Multiplications of an exponential and its part of a softmax.
const EXPONENTIAL: f64 = 12.0;

impl Plan {
    /// Numbers that a piece holds of each sequence.
    pub(super) fn numbers_per_sequence(&self) -> usize {
        let t = self.positions;
        let mut numbers = self.rows.as_ref().map_or(t, Vec::len);
        for (i, reader) in self.readers.iter().enumerate() {
            if !self.reads_batch(i) {
                continue;
            }
            match self.blocks.get(i).map(|b| &b.work) {
                Some(Work::Attention { heads, method }) => {
                    let values: usize = heads.iter().map(|h| h.value.len()).sum();
                    numbers += match method {
                        Method::Dense => 2 * reader.columns.len() * t + heads.len() * t * t,
                        Method::Grouped(_) => heads.len() * t,
                        Method::Factored => heads.len() * t * t,
                    } + 2 * values * t;
                }
                _ => numbers += 2 * reader.columns.len() * t,
            }
            numbers += self.blocks.get(i).map_or(0, |b| 3 * b.columns.len() * t);
        }
        numbers
    }

    /// How many different inputs a batch of this size has on average, all inputs being equally likely.
    pub(super) fn distinct(&self, batch: f64) -> f64 {
        self.space_size.map_or(batch, |size| {
            let size = size as f64;
            size * (1.0 - (1.0 - 1.0 / size).powf(batch))
        })
    }

    /// Estimated floating-point operations of a step with a batch of this size: two for each
    /// multiplication and addition, repetitions in the batch computed once, or all token positions of a space that
    /// is worked through row by row. A number that is 0 counts like another one.
    pub fn flops_per_step(&self, batch: f64) -> f64 {
        if let (Some(halves), Some(size), Some((_, heads))) =
            (&self.row_wise, self.space_size, self.first_attention())
        {
            let token_positions = size as f64 * self.positions as f64;
            let values: usize = heads.iter().map(|h| h.value.len()).sum();
            // A sum and a division, and the values' sums, both ways.
            let merged = 4.0 * heads.len() as f64 + 6.0 * values as f64;
            let softmaxes = halves.multiplications(heads, self.table_rows() as f64);
            let all =
                token_positions * (self.multiplications_per_token_position() + merged) + softmaxes;
            return 2.0 * (all + self.reader_table_multiplications());
        }
        let distinct = self.distinct(batch);
        if self.sequence_wise {
            let tokens = Tokens::new(self);
            return 2.0 * distinct * self.multiplications_sequence_wise(&tokens);
        }
        2.0 * (distinct * self.multiplications_per_sequence() + self.table_multiplications())
    }

    /// How many times the arithmetic of a step, its batch having so many different sequences, is that of
    /// sixteen sequences at a time.
    pub(super) fn more_sequence_wise(&self, distinct: f64) -> f64 {
        let tokens = Tokens::new(self);
        let own = distinct * self.multiplications_per_sequence() + self.table_multiplications();
        distinct * self.multiplications_sequence_wise(&tokens) / own
    }

    /// Estimated multiplications and additions of what readers read of the table in a step.
    fn reader_table_multiplications(&self) -> f64 {
        let rows = self.table_rows() as f64;
        self.readers
            .iter()
            .enumerate()
            .map(|(i, reader)| {
                let read_sources: usize = self
                    .table_blocks_before(i)
                    .map(|j| self.blocks[j].columns.len())
                    .sum();
                rows * (reader.columns.len() * (2 + 3 * read_sources)) as f64
            })
            .sum()
    }

    /// Estimated multiplications and additions of the tables in a step.
    fn table_multiplications(&self) -> f64 {
        let rows = self.table_rows() as f64;
        let grouped: f64 = self
            .blocks
            .iter()
            .filter_map(|block| match &block.work {
                Work::Attention {
                    heads,
                    method: Method::Grouped(grouping),
                } => Some(grouping.multiplications(heads, rows)),
                _ => None,
            })
            .sum();
        self.reader_table_multiplications() + grouped
    }

    /// Estimated multiplications of a forward and backward pass of one sequence, tables aside.
    pub fn multiplications_per_sequence(&self) -> f64 {
        (0..self.readers.len())
            .filter(|&i| self.reads_batch(i))
            .map(|i| self.reader_multiplications(i) + self.block_multiplications(i))
            .sum()
    }

    /// Multiplications of a forward and backward pass at one position of a sequence, from the outputs of the
    /// first attention's heads on, where nothing after it mixes positions.
    pub(super) fn multiplications_per_token_position(&self) -> f64 {
        let mut read_sources = 0;
        let mut all = 0;
        for (i, reader) in self
            .readers
            .iter()
            .enumerate()
            .filter(|(i, _)| self.reads_batch(*i))
        {
            let columns = self.blocks.get(i).map_or(0, |b| b.columns.len());
            all += match self.blocks.get(i).map(|b| &b.work) {
                Some(Work::Attention { heads, .. }) => {
                    2 * columns * heads.iter().map(|h| h.value.len()).sum::<usize>()
                }
                Some(Work::Mlp { weights }) => {
                    2 * weights.len() + 3 * read_sources * reader.columns.len()
                }
                None => 3 * read_sources * reader.columns.len(),
            };
            read_sources += columns;
        }
        all as f64
    }

    /// Numbers that a sequence takes from a table one by one, and their gradients.
    pub(super) fn lookups_per_sequence(&self) -> f64 {
        match self.table_attention() {
            Some((_, heads, Method::Factored)) => {
                2.0 * (heads.len() * self.positions * self.positions) as f64
            }
            _ => 0.0,
        }
    }

    /// What reader `i` costs for each sequence: forward, back to its sources, back to `P`.
    fn reader_multiplications(&self, i: usize) -> f64 {
        if self.blocks.get(i).is_some_and(Block::reads_tables) {
            return 0.0;
        }
        let read_sources: usize = self
            .batch_blocks_before(i)
            .map(|j| self.blocks[j].columns.len())
            .sum();
        let rows = match (&self.rows, self.expansion) {
            (Some(rows), Expansion::Indicators) => rows.len(),
            _ => self.positions,
        };
        (self.readers[i].columns.len() * (3 * read_sources * self.positions + 2 * rows)) as f64
    }

    /// What block `i` costs for each sequence after its reader.
    fn block_multiplications(&self, i: usize) -> f64 {
        match self.blocks.get(i) {
            Some(block) => self.multiplications_after_reader(block, None),
            None => 0.0,
        }
    }

    /// What a block costs for each sequence after its reader; an attention's way is its own, or another one.
    fn multiplications_after_reader(&self, block: &Block, way: Option<&Method>) -> f64 {
        let (t, columns) = (self.positions as f64, block.columns.len() as f64);
        let (heads, method) = match &block.work {
            Work::Mlp { weights } => return 2.0 * t * weights.len() as f64,
            Work::Attention { heads, method } => (heads, way.unwrap_or(method)),
        };
        let pairs = if self.causal {
            t * (t + 1.0) / 2.0
        } else {
            t * t
        };
        let of_head = |head: &Head| {
            let values = head.value.len() as f64;
            let attention = match method {
                Method::Dense => pairs * (3.0 * (head.query.len() as f64 + values) + EXPONENTIAL),
                Method::Grouped(grouping) => {
                    2.0 * t * grouping.groups.len() as f64 * (1.0 + values)
                }
                Method::Factored => pairs * (3.0 * (1.0 + values) + EXPONENTIAL),
            };
            2.0 * t * values * columns + attention
        };
        heads.iter().map(of_head).sum()
    }

    /// Multiplications of a forward and backward pass of one sequence that goes through the whole model by
    /// itself, with these tokens as indicators, which are left out at the first position where they are 0.
    fn multiplications_sequence_wise(&self, tokens: &Tokens) -> f64 {
        let indicators = tokens.indicated.len() * self.positions - tokens.silent();
        let mut read_sources = 0;
        let mut all = 0.0;
        for (i, reader) in self.readers.iter().enumerate() {
            let products = 3 * read_sources * self.positions + 2 * indicators;
            all += (reader.columns.len() * products) as f64;
            if let Some(block) = self.blocks.get(i) {
                all += self.multiplications_after_reader(block, Some(&Method::Dense));
                read_sources += block.columns.len();
            }
        }
        all
    }
}
