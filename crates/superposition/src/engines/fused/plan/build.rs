//! From the frozen weights and an input space to a plan.

use tracr::model::Frozen;

use super::alive::{attention, columns_of, mlp, sparse};
use super::costs;
use super::grouping::MOST_GROUPS;
use super::parts::{Block, Domain, Expansion, Method, Pass, Plan, Reader, SparseRow, Work};
use crate::engines::fused::simd::LANES;
use crate::inputs::InputSpace;

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
        let per_lane = self.numbers_per_sequence() * size_of::<f32>() * LANES;
        self.piece = (PIECE_BYTES / per_lane.max(1)).clamp(1, 16) * LANES;
        let work = self.multiplications_per_sequence() + 10.0 * self.lookups_per_sequence();
        if work * 256.0 > WORTH_A_THREAD {
            self.shares = SHARES;
            self.piece = self.piece.min(256 / SHARES);
        }
    }
}
