//! A reader in front of each sequence: `z = (what the table knows) + Σ_j h̃_j·P_j`, and back.

use super::lanes::{Lanes, Precision};
use super::linear::{Onto, Rows, RowsMut, Weights, WeightsMut, linear, outer};
use super::plan::{Expansion, Plan};

/// How the numbers of a piece lie: feature by feature, position by position, then the sequences in
/// [`Lanes`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// `T`.
    pub positions: usize,
    /// Lanes that hold the piece's sequences.
    pub lanes: usize,
}

impl Shape {
    /// Lanes of one feature.
    pub fn row(self) -> usize {
        self.positions * self.lanes
    }

    /// Features `0..count` of a buffer.
    pub fn rows<F>(self, data: &[Lanes<F>], count: usize) -> Rows<'_, F> {
        Rows {
            data,
            stride: self.row(),
            count,
            length: self.row(),
        }
    }

    /// Features `0..count` of a buffer that is written to.
    pub fn rows_mut<F>(self, data: &mut [Lanes<F>], count: usize) -> RowsMut<'_, F> {
        RowsMut {
            data,
            stride: self.row(),
            count,
            length: self.row(),
        }
    }
}

/// Which token each sequence of a piece has at each position.
#[derive(Clone, Debug, Default)]
pub struct Tokens<F> {
    /// 1 where a sequence has the table's row, else 0: `[rows, lanes]`.
    pub indicators: Vec<Lanes<F>>,
    /// The rows of each position.
    pub rows_at: Vec<std::ops::Range<usize>>,
    /// The row of each sequence at each position, `[T, lanes]`; padding has row 0.
    pub row_of: Vec<[u32; super::lanes::LANES]>,
}

/// One reader with its tables, for both directions.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a, F> {
    /// The plan.
    pub plan: &'a Plan,
    /// The reader's number.
    pub reader: usize,
    /// Its `P`, `p[c · sources + s]`.
    pub p: &'a [F],
    /// Its rows of the table, `[columns, stride]`.
    pub table: &'a [F],
    /// The table's stride.
    pub stride: usize,
    /// The piece's shape.
    pub shape: Shape,
    /// The piece's tokens.
    pub tokens: &'a Tokens<F>,
}

impl<F: Precision> Reading<'_, F> {
    fn columns(&self) -> usize {
        self.plan.readers[self.reader].columns.len()
    }

    /// `P` from the block's columns to the reader's.
    fn weights_from(&self, block: usize) -> Weights<'_, F> {
        Weights {
            data: self
                .p
                .get(self.plan.blocks[block].first_source..)
                .unwrap_or_default(),
            input: 1,
            output: self.plan.readers[self.reader].sources,
        }
    }

    /// `z` from the table and the blocks' outputs `h`.
    pub fn forward(&self, h: &[Vec<Lanes<F>>], z: &mut [Lanes<F>]) {
        let (shape, columns) = (self.shape, self.columns());
        if columns == 0 {
            return;
        }
        match self.plan.expansion {
            Expansion::Indicators => {
                for (p, rows) in self.tokens.rows_at.iter().enumerate() {
                    linear(
                        self.indicators(rows),
                        Weights {
                            data: &self.table[rows.start..],
                            input: 1,
                            output: self.stride,
                        },
                        Onto::Nothing,
                        RowsMut {
                            data: &mut z[p * shape.lanes..],
                            stride: shape.row(),
                            count: columns,
                            length: shape.lanes,
                        },
                    );
                }
            }
            Expansion::Lookup => {
                for (z, table) in z
                    .chunks_exact_mut(shape.row())
                    .zip(self.table.chunks_exact(self.stride))
                {
                    for (z, rows) in z.iter_mut().zip(&self.tokens.row_of) {
                        for (z, row) in z.0.iter_mut().zip(rows) {
                            *z = table[*row as usize];
                        }
                    }
                }
            }
        }
        for j in self.plan.batch_blocks_before(self.reader) {
            linear(
                shape.rows(&h[j], self.plan.blocks[j].columns.len()),
                self.weights_from(j),
                Onto::Output,
                shape.rows_mut(z, columns),
            );
        }
    }

    /// From `dz` to the blocks' `dh`, to `P` and to the table.
    pub fn backward(
        &self,
        dz: &[Lanes<F>],
        h: &[Vec<Lanes<F>>],
        dh: &mut [Vec<Lanes<F>>],
        dp: &mut [F],
        dtable: &mut [F],
    ) {
        let (shape, columns) = (self.shape, self.columns());
        if columns == 0 {
            return;
        }
        for j in self.plan.batch_blocks_before(self.reader) {
            let block = &self.plan.blocks[j];
            let dz = shape.rows(dz, columns);
            outer(
                shape.rows(&h[j], block.columns.len()),
                dz,
                WeightsMut {
                    data: &mut dp[block.first_source..],
                    input: 1,
                    output: self.plan.readers[self.reader].sources,
                },
            );
            linear(
                dz,
                self.weights_from(j).transposed(),
                Onto::Output,
                shape.rows_mut(&mut dh[j], block.columns.len()),
            );
        }
        match self.plan.expansion {
            Expansion::Indicators => {
                for (p, rows) in self.tokens.rows_at.iter().enumerate() {
                    outer(
                        self.indicators(rows),
                        Rows {
                            data: &dz[p * shape.lanes..],
                            stride: shape.row(),
                            count: columns,
                            length: shape.lanes,
                        },
                        WeightsMut {
                            data: &mut dtable[rows.start..],
                            input: 1,
                            output: self.stride,
                        },
                    );
                }
            }
            Expansion::Lookup => {
                for (dz, dtable) in dz
                    .chunks_exact(shape.row())
                    .zip(dtable.chunks_exact_mut(self.stride))
                {
                    for (dz, rows) in dz.iter().zip(&self.tokens.row_of) {
                        for (dz, row) in dz.0.iter().zip(rows) {
                            dtable[*row as usize] += *dz;
                        }
                    }
                }
            }
        }
    }

    fn indicators(&self, rows: &std::ops::Range<usize>) -> Rows<'_, F> {
        Rows {
            data: &self.tokens.indicators[rows.start * self.shape.lanes..],
            stride: self.shape.lanes,
            count: rows.len(),
            length: self.shape.lanes,
        }
    }
}
