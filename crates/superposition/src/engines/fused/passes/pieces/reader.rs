//! A reader in front of each sequence: `z = (what the table knows) + Σ_j h̃_j·P_j`, and back.

use crate::engines::fused::plan::{Expansion, Plan};
use crate::engines::fused::simd::linear::{Onto, Rows, RowsMut, Term, Weights, WeightsMut, linear};
use crate::engines::fused::simd::outer::outer;
use crate::engines::fused::simd::{Lanes, Precision};

/// How the numbers of a piece lie: feature by feature, position by position, then the sequences in
/// [`Lanes`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// `T`.
    pub positions: usize,
    /// Lanes from one position to the next.
    pub lanes: usize,
    /// Those of them that hold the piece's sequences.
    pub filled: usize,
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
    pub row_of: Vec<[u32; crate::engines::fused::simd::LANES]>,
}

/// Terms of a sum that are computed together.
const TERMS: usize = 16;

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
        for p in 0..shape.positions {
            let at = p * shape.lanes;
            let mut terms = [Term::none(); TERMS];
            let mut filled = 0;
            let mut onto = Onto::Nothing;
            match self.plan.expansion {
                Expansion::Indicators => {
                    terms[0] = self.indicator_term(p);
                    filled = 1;
                }
                Expansion::Lookup => {
                    self.look_up(p, z);
                    onto = Onto::Output;
                }
            }
            let z = &mut z[at..];
            let mut add = |terms: &[Term<'_, F>], onto| {
                let z = RowsMut {
                    length: shape.filled,
                    ..shape.rows_mut(&mut *z, columns)
                };
                linear(terms, onto, z);
            };
            for j in self.plan.batch_blocks_before(self.reader) {
                if filled == TERMS {
                    add(&terms, onto);
                    (filled, onto) = (0, Onto::Output);
                }
                let x = Rows {
                    length: shape.filled,
                    ..shape.rows(&h[j][at..], self.plan.blocks[j].columns.len())
                };
                let weights = self.weights_from(j);
                terms[filled] = Term { x, weights };
                filled += 1;
            }
            add(&terms[..filled], onto);
        }
    }

    /// The table's part of `z` at position `p`, as a product with the indicators.
    fn indicator_term(&self, p: usize) -> Term<'_, F> {
        let rows = &self.tokens.rows_at[p];
        Term {
            x: self.indicators(rows),
            weights: Weights {
                data: &self.table[rows.start..],
                input: 1,
                output: self.stride,
            },
        }
    }

    /// The table's part of `z` at position `p`.
    fn look_up(&self, p: usize, z: &mut [Lanes<F>]) {
        let lanes = self.shape.lanes;
        let columns = z.chunks_exact_mut(self.shape.row());
        for (z, table) in columns.zip(self.table.chunks_exact(self.stride)) {
            let rows = &self.tokens.row_of[p * lanes..][..lanes];
            for (z, rows) in z[p * lanes..].iter_mut().zip(rows) {
                for (z, row) in z.0.iter_mut().zip(rows) {
                    *z = table[*row as usize];
                }
            }
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
            let weights = self.weights_from(j).transposed();
            linear(
                &[Term { x: dz, weights }],
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
                            length: shape.filled,
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
            length: self.shape.filled,
        }
    }
}
