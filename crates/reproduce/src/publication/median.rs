//! The run of a setting that is kept.

use tracr_compress::study::collection::Member;

/// A setting's run in the middle by its loss.
pub struct Median<'a> {
    pub run: &'a Member,
    pub loss: f64,
    pub runs: usize,
}
