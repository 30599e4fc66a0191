//! What there is to compute, found once from the weights and the input space.
//!
//! A *source* is a row that writes to the stream: a token's embedding, a position's embedding, or one
//! live column of a block's output. A *reader* is the frozen matrix in front of a block (the query,
//! key and value columns of all its heads, or its hidden units) or the unembedding. Stacked as `S`
//! and `M`, all that a step needs of `W` is `P = S·G·M` for each reader: how strongly it reads each
//! source.
//!
//! Left out, because they never contribute: blocks and columns that write nothing, heads whose
//! values are not read, query and key dimensions of which one side is zero, hidden units that are
//! zero or not read.

use std::ops::Range;

use crate::inputs::InputSpace;
use tracr::model::Frozen;

use super::alive::{attention, columns_of, mlp, sparse};
use super::costs;
use super::grouping::{Grouping, MOST_GROUPS};

/// Up to this many (position, token) pairs are computed whether or not a batch has them.
const LARGEST_TABLE: usize = 8192;
/// The most numbers that the tables of an attention may hold.
const LARGEST_TABLES: usize = 1 << 21;
/// A working set of a piece of the batch that leaves room in a cache of 1 MiB.
const PIECE_BYTES: usize = 768 << 10;
/// Multiplications from which a step is worth a second thread; a lookup counts as ten.
const WORTH_A_THREAD: f64 = 2e7;
/// Parts of a batch whose sums are formed separately where threads share it; the number of threads
/// does not change them.
const SHARES: usize = 8;

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

/// One head: its columns among those of the block's reader.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its query columns; already divided by the root of the key size.
    pub query: Range<usize>,
    /// As many key columns.
    pub key: Range<usize>,
    /// Its value columns.
    pub value: Range<usize>,
    /// `[values, the block's columns]`, row-major.
    pub output: Vec<f64>,
}

impl Plan {
    /// The plan for a model on an input space. With `any_tokens`, for sequences that need not be of
    /// that space.
    pub fn new(model: &Frozen<f64>, space: &InputSpace, any_tokens: bool) -> Self {
        Self::with_pass(model, space, any_tokens, None)
    }

    /// The same, by a certain pass where it can compute this model and space.
    pub fn with_pass(
        model: &Frozen<f64>,
        space: &InputSpace,
        any_tokens: bool,
        pass: Option<Pass>,
    ) -> Self {
        let (vocabulary, positions) = (model.token_embed.nrows(), space.positions());
        let pairs: usize = (0..positions).map(|p| space.tokens_at(p).len()).sum();
        let rows = (!any_tokens && pairs <= LARGEST_TABLE).then(|| {
            (0..positions)
                .flat_map(|p| space.tokens_at(p).into_iter().map(move |t| (p, t)))
                .collect::<Vec<(usize, usize)>>()
        });
        let mut sources: Vec<SparseRow> = model
            .token_embed
            .rows()
            .into_iter()
            .chain(model.pos_embed.rows().into_iter().take(positions))
            .map(|row| sparse(row.iter().copied()))
            .collect();
        let mut readers = Vec::new();
        let mut blocks = Vec::new();
        let mut domain = Domain::Table;
        for (i, layer) in model.layers.iter().enumerate() {
            for (index, linear) in [(2 * i, &layer.output), (2 * i + 1, &layer.fc2)] {
                let columns = linear.live_columns();
                if columns.is_empty() {
                    continue;
                }
                let (reader, work) = if index % 2 == 0 {
                    attention(model, layer, &columns, sources.len())
                } else {
                    mlp(layer, &columns, sources.len())
                };
                if matches!(&work, Work::Attention { heads, .. } if !heads.is_empty()) {
                    domain = Domain::Batch;
                }
                readers.push(reader);
                blocks.push(Block {
                    index,
                    domain,
                    first_source: sources.len(),
                    bias: columns.iter().map(|&c| linear.bias[c]).collect(),
                    work,
                    columns: columns.clone(),
                });
                sources.extend(columns.iter().map(|&c| vec![(c, 1.0)]));
            }
        }
        readers.push(Reader {
            columns: columns_of(&model.unembed),
            bias: vec![0.0; model.unembed.ncols()],
            sources: sources.len(),
            tabulated: (0..model.unembed.ncols()).collect(),
        });
        let widest = (0..positions)
            .map(|p| space.tokens_at(p).len())
            .max()
            .unwrap_or(0);
        let mut plan = Self {
            width: model.width(),
            vocabulary,
            positions,
            space_size: space.size(),
            causal: model.causal,
            expansion: if rows.is_some() && widest <= 16 {
                Expansion::Indicators
            } else {
                Expansion::Lookup
            },
            rows,
            sources,
            readers,
            blocks,
            total_blocks: 2 * model.layers.len(),
            piece: 0,
            shares: 1,
            row_wise: None,
            sequence_wise: false,
        };
        plan.choose_methods(pass);
        plan.choose_pieces();
        if pass.is_none_or(|pass| pass == Pass::RowWise) {
            plan.row_wise = costs::row_wise(&plan, pass.is_some());
        }
        if pass.is_none_or(|pass| pass == Pass::SequenceWise) {
            plan.sequence_wise = costs::sequence_wise(&plan, pass.is_some());
        }
        plan
    }

    /// The first live attention is computed in the cheapest way.
    fn choose_methods(&mut self, pass: Option<Pass>) {
        let choices: Option<Vec<usize>> = self.rows.as_ref().map(|rows| {
            (0..self.positions)
                .map(|p| rows.iter().filter(|row| row.0 == p).count())
                .collect()
        });
        let lookup = self.expansion == Expansion::Lookup;
        let Some(i) = self.blocks.iter().position(|b| b.domain == Domain::Batch) else {
            return;
        };
        let Work::Attention { heads, method } = &mut self.blocks[i].work else {
            return;
        };
        let dense = costs::dense(heads, self.positions, choices.as_deref(), lookup);
        let factored = costs::factored(heads, self.positions, self.readers[i].sources);
        let grouped = choices.and_then(|choices| {
            let (grouping, cost) = costs::grouped(heads, &choices);
            let rows: usize = choices.iter().sum();
            (grouping.numbers(heads, rows) <= LARGEST_TABLES).then_some((grouping, cost))
        });
        let (dense, factored, grouped) = match pass {
            Some(Pass::Dense | Pass::SequenceWise) => (0.0, f64::INFINITY, None),
            Some(Pass::Grouped) => (f64::INFINITY, f64::INFINITY, grouped),
            Some(Pass::Factored) => (f64::INFINITY, 0.0, None),
            Some(Pass::RowWise) => (dense, f64::INFINITY, grouped),
            None => (dense, factored, grouped),
        };
        match grouped {
            Some((grouping, cost))
                if cost < dense.min(factored) && grouping.groups.len() <= MOST_GROUPS =>
            {
                *method = Method::Grouped(grouping);
            }
            _ if factored < dense => {
                *method = Method::Factored;
                self.readers[i].tabulated = heads.iter().flat_map(|h| h.value.clone()).collect();
            }
            _ => {}
        }
    }

    /// Pieces that stay in the cache, and shares if the work is worth it.
    fn choose_pieces(&mut self) {
        let lanes = super::lanes::LANES;
        let per_lane = self.numbers_per_sequence() * size_of::<f32>() * lanes;
        self.piece = (PIECE_BYTES / per_lane.max(1)).clamp(1, 16) * lanes;
        let work = self.multiplications_per_sequence() + 10.0 * self.lookups_per_sequence();
        if work * 256.0 > WORTH_A_THREAD {
            self.shares = SHARES;
            self.piece = self.piece.min(256 / SHARES);
        }
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
