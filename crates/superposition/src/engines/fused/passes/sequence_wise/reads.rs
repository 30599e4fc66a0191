//! Where what a reader reads lies: in `P` as it is folded, and in the two forms that the kernels walk through.

use std::ops::Range;

use crate::engines::fused::passes::sequence_wise::maps::{by_both, by_tiles};
use crate::engines::fused::plan::Tokens;
use crate::engines::fused::plan::{self, Plan};

/// A reader.
#[derive(Debug)]
pub struct Reads {
    /// Where its columns are among those of all readers.
    pub columns: Range<usize>,
    /// Where its part of `P` is in the form that goes from inputs to columns.
    pub forth: Range<usize>,
    /// The same of the form that goes from columns to the columns of blocks among the inputs.
    pub back: Range<usize>,
    /// Where each number of `forth` is in the folded matrix.
    pub forth_from: Vec<usize>,
    /// Where each of `back` is.
    pub back_from: Vec<usize>,
    /// Where each sum of the gradient belongs.
    pub gradient_to: Vec<usize>,
    /// Sources that it reads.
    pub sources: usize,
    /// What is added to each of its columns.
    pub bias: Vec<f64>,
    /// How many columns of blocks it reads.
    pub read_sources: usize,
}

impl Reads {
    /// A reader that reads so many columns of blocks and comes after `last`.
    pub fn new(
        plan: &Plan,
        tokens: &Tokens,
        reader: &plan::Reader,
        read_sources: usize,
        last: Option<&Self>,
    ) -> Self {
        let columns = reader.columns.len();
        let indicated = tokens.indicated.len();
        let inputs = indicated + read_sources;
        let first_column = plan.vocabulary + plan.positions;
        let source = |input: usize| match input.checked_sub(indicated) {
            Some(column) => first_column + column,
            None => tokens.indicated[input],
        };
        let at = |column: usize, source: usize| column * reader.sources + source;
        let forth = by_tiles(inputs, columns).into_iter();
        let back = by_tiles(columns, read_sources).into_iter();
        let gradient = by_both(inputs, tokens.silent(), columns).into_iter();
        let after = |range: Option<&Range<usize>>, count: usize| {
            let start = range.map_or(0, |range| range.end);
            start..start + count
        };
        Self {
            columns: after(last.map(|last| &last.columns), columns),
            forth: after(last.map(|last| &last.forth), columns * inputs),
            back: after(last.map(|last| &last.back), columns * read_sources),
            forth_from: forth.map(|(i, c)| at(c, source(i))).collect(),
            back_from: back.map(|(c, s)| at(c, first_column + s)).collect(),
            gradient_to: gradient.map(|(i, c)| at(c, source(i))).collect(),
            sources: reader.sources,
            bias: reader.bias.clone(),
            read_sources,
        }
    }
}
