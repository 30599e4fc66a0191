//! What a plan consists of.

use std::ops::Range;

use super::grouping::Grouping;
use super::head::Head;

/// Own combinations of a row that are computed together, with the same sixteen of the other half, where a space is worked
/// through row by row.
pub const WIDE: usize = 4;

/// One row of `S`: (dimension, weight), the zeros left out.
pub type SparseRow = Vec<(usize, f64)>;

/// What runs in a step.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `D`.
    pub width: usize,
    /// `V`.
    pub vocabulary: usize,
    /// `T`.
    pub positions: usize,
    /// The number of inputs, if the space is enumerable.
    pub space_size: Option<u64>,
    /// Whether a query sees earlier keys and its own only.
    pub causal: bool,
    /// The (position, token) pairs of the table, by position; none if each batch brings its own.
    pub rows: Option<Vec<(usize, usize)>>,
    /// `S`: `V` tokens, `T` positions, then the live columns of each block in order.
    pub sources: Vec<SparseRow>,
    /// One in front of each live block, then the unembedding.
    pub readers: Vec<Reader>,
    /// The live blocks in order.
    pub blocks: Vec<Block>,
    /// All blocks, dead ones included.
    pub total_blocks: usize,
    /// Whether a token is taken from a table by a product with its indicator or by its number.
    pub expansion: Expansion,
    /// Sequences of a piece, a multiple of the lanes.
    pub piece: usize,
    /// Parts of the batch that can be computed side by side.
    pub shares: usize,
    /// Two halves of the positions, where batches of members are worked through row by row of the table.
    pub row_wise: Option<Grouping>,
    /// Whether they pass through the whole model sixteen sequences at a time.
    pub sequence_wise: bool,
}

/// How rows of a table reach the sequences of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// As products with 0 and 1: cheapest where a position has few tokens.
    Indicators,
    /// Row by row.
    Lookup,
}

/// Where a block is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Once for each (position, token): nothing before it has mixed positions.
    Table,
    /// For each sequence of the batch.
    Batch,
}

/// One reader's columns of `M`.
#[derive(Clone, Debug)]
pub struct Reader {
    /// For each column its (dimension, weight).
    pub columns: Vec<SparseRow>,
    /// For each column what is added.
    pub bias: Vec<f64>,
    /// It reads sources `0..sources`.
    pub sources: usize,
    /// The columns that the (position, token) table has.
    pub tabulated: Vec<usize>,
}

/// A live block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its number among all `2L`.
    pub index: usize,
    /// Where it is computed.
    pub domain: Domain,
    /// The dimensions it writes to.
    pub columns: Vec<usize>,
    /// The source that its first column is.
    pub first_source: usize,
    /// Added to each of its columns.
    pub bias: Vec<f64>,
    /// What it does.
    pub work: Work,
}

/// What a block does with what it reads.
#[derive(Clone, Debug)]
pub enum Work {
    /// Heads that are not dead; none if the block writes a constant.
    Attention {
        /// The heads.
        heads: Vec<Head>,
        /// How they are computed.
        method: Method,
    },
    /// `ReLU`, then `weights` `[hidden, columns]`, row-major.
    Mlp {
        /// `fc2`'s rows of live hidden units.
        weights: Vec<f64>,
    },
}

/// The passes, for a comparison of them: otherwise the plan takes the one that it expects to be fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Sequence by sequence, the first attention logit by logit.
    Dense,
    /// The same, its first attention from tabulated sums of exponentials.
    Grouped,
    /// The same, its first attention from a matrix over pairs of sources.
    Factored,
    /// All token positions of a small space, row by row of the table.
    RowWise,
    /// Sixteen sequences at a time through the whole model.
    SequenceWise,
}

impl Pass {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Dense,
        Self::Grouped,
        Self::Factored,
        Self::RowWise,
        Self::SequenceWise,
    ];

    /// Its name on the bench's command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Grouped => "grouped",
            Self::Factored => "factored",
            Self::RowWise => "row-wise",
            Self::SequenceWise => "sequence-wise",
        }
    }
}

/// How an attention is computed.
#[derive(Clone, Debug)]
pub enum Method {
    /// Logit by logit for each sequence.
    Dense,
    /// From sums of exponentials over groups of key positions, tabulated.
    Grouped(Grouping),
    /// From a matrix over pairs of sources.
    Factored,
}

impl Plan {
    /// The columns that all live blocks write.
    pub fn written_columns(&self) -> usize {
        self.blocks.iter().map(|block| block.columns.len()).sum()
    }

    /// The pass that computes batches of members.
    pub fn pass(&self) -> Pass {
        match (&self.row_wise, self.sequence_wise, self.table_attention()) {
            (Some(_), ..) => Pass::RowWise,
            (_, true, _) => Pass::SequenceWise,
            (_, _, Some((_, _, Method::Grouped(_)))) => Pass::Grouped,
            (_, _, Some((_, _, Method::Factored))) => Pass::Factored,
            _ => Pass::Dense,
        }
    }

    /// The attention that is computed from tables or from sources, if there is one: its number, its
    /// heads, and which of both.
    pub fn table_attention(&self) -> Option<(usize, &[Head], &Method)> {
        self.blocks
            .iter()
            .enumerate()
            .find_map(|(i, b)| match &b.work {
                Work::Attention { heads, method } if b.reads_tables() => {
                    Some((i, &heads[..], method))
                }
                _ => None,
            })
    }

    /// The first attention that is computed for each sequence, if there is one: its number and heads.
    pub fn first_attention(&self) -> Option<(usize, &[Head])> {
        let i = self.blocks.iter().position(|b| b.domain == Domain::Batch)?;
        match &self.blocks[i].work {
            Work::Attention { heads, .. } => Some((i, heads)),
            Work::Mlp { .. } => None,
        }
    }

    /// The columns of all blocks: the block's number among all, and the column's in the block.
    pub fn columns(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let columns = |b: &Block| {
            (0..b.columns.len())
                .map(|a| (b.index, a))
                .collect::<Vec<_>>()
        };
        self.blocks.iter().flat_map(columns)
    }

    /// The columns of the blocks that are computed for each sequence: the block's number among all, and
    /// the column's in the block.
    pub fn batch_columns(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let blocks = self.blocks.iter().filter(|b| b.domain == Domain::Batch);
        blocks.flat_map(|b| (0..b.columns.len()).map(|a| (b.index, a)))
    }

    /// The number of (position, token) pairs of the table, if it is fixed.
    pub fn table_rows(&self) -> usize {
        self.rows.as_ref().map_or(0, Vec::len)
    }

    /// The table's rows of each position; none if each batch brings its own.
    pub fn rows_at(&self) -> Vec<Range<usize>> {
        let Some(rows) = &self.rows else {
            return Vec::new();
        };
        let first = |p: usize| rows.partition_point(|row| row.0 < p);
        (0..self.positions)
            .map(|p| first(p)..first(p + 1))
            .collect()
    }

    /// The blocks before reader `i` that are computed for each sequence.
    pub fn batch_blocks_before(&self, reader: usize) -> impl Iterator<Item = usize> + '_ {
        (0..reader).filter(|&j| self.blocks[j].domain == Domain::Batch)
    }

    /// The blocks before reader `i` that are computed in the table.
    pub fn table_blocks_before(&self, reader: usize) -> impl Iterator<Item = usize> + '_ {
        (0..reader.min(self.blocks.len())).filter(|&j| self.blocks[j].domain == Domain::Table)
    }

    /// Whether reader `i` is read for each sequence of the batch: all but those of table blocks.
    pub fn reads_batch(&self, reader: usize) -> bool {
        self.blocks
            .get(reader)
            .is_none_or(|b| b.domain == Domain::Batch)
    }
}

impl Block {
    /// Whether it is an attention that does not read each sequence: from tables, or from sources.
    pub fn reads_tables(&self) -> bool {
        matches!(
            &self.work,
            Work::Attention {
                method: Method::Grouped(_) | Method::Factored,
                ..
            }
        )
    }
}
