//! Rows of few numbers in one list, which a kernel walks through without a pointer for each.

use std::ops::Range;

use crate::engines::fused::plan::SparseRow;

/// Sparse rows, one after the other.
#[derive(Debug)]
pub struct SparseRows {
    /// Where each ends.
    ends: Vec<usize>,
    entries: SparseRow,
}

impl SparseRows {
    /// Those of `rows`.
    pub fn new(rows: &[SparseRow]) -> Self {
        let mut entries = Vec::new();
        let ends = rows.iter().map(|row| {
            entries.extend_from_slice(row);
            entries.len()
        });
        Self {
            ends: ends.collect(),
            entries,
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Those of a range.
    #[inline(always)]
    pub fn rows(&self, range: Range<usize>) -> impl Iterator<Item = &[(usize, f64)]> {
        let mut start = match range.start {
            0 => 0,
            first => self.ends[first - 1],
        };
        self.ends[range].iter().map(move |&end| {
            let row = &self.entries[start..end];
            start = end;
            row
        })
    }
}
