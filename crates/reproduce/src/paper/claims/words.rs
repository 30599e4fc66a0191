//! The tables' columns that statements are about.

use crate::layout::{STUDY_GRAM, STUDY_REFERENCE};
use crate::paper::estimate::{Criterion, Estimate};
use crate::paper::study::Source;
use crate::paper::writer::Line;
pub use tracr_compress::config::keys::DIM;
use tracr_compress::results::Metric;
use tracr_compress::results::layout::STUDY_METRICS;

pub const MAE: Source<'_> = Source::of_metric(Metric::Mae);
pub const ACCURACY: Source<'_> = Source::of_metric(Metric::TokenAccuracy);
pub const COSINE: Source<'_> = Source::of(
    STUDY_METRICS,
    "value",
    &[("metric", Metric::CosineMean.name())],
);
pub const LOWEST_COSINE: Source<'_> = Source::of(
    STUDY_METRICS,
    "value",
    &[("metric", Metric::CosineMin.name())],
);
/// How `G` agrees with the published heat map, BOS aside.
pub const AGREEMENT: Source<'_> = Source::of(
    STUDY_REFERENCE,
    "correlation",
    &[("excluded", "tokens:BOS")],
);

/// An entry of `G`.
pub const fn entry<'a>(pair: &'a [(&'a str, &'a str); 2]) -> Source<'a> {
    Source::of(STUDY_GRAM, "value", pair)
}

pub fn line(
    figure: &str,
    paper: &str,
    found: Option<Estimate>,
    criterion: impl Into<Option<Criterion>>,
) -> Line {
    Line {
        figure: figure.to_owned(),
        paper: paper.to_owned(),
        found,
        criterion: criterion.into(),
    }
}
