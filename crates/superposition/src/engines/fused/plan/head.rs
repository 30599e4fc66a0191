//! One attention head among a reader's columns.

use std::ops::Range;

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
