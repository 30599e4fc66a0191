//! The tables' columns that statements are about.

use crate::paper::estimate::{Criterion, Estimate};
use crate::paper::study::Source;
use crate::paper::writer::Line;

pub const DIM: &str = "compression.dim";
pub const MAE: Source<'_> = Source::of_run("mae");
pub const ACCURACY: Source<'_> = Source::of_run("token_accuracy");
pub const COSINE: Source<'_> =
    Source::of("study_metrics.csv", "value", &[("metric", "cosine_mean")]);
/// How `G` agrees with the published heat map, BOS aside.
pub const AGREEMENT: Source<'_> = Source::of(
    "study_reference.csv",
    "correlation",
    &[("excluded", "tokens:BOS")],
);

/// An entry of `G`.
pub const fn entry<'a>(pair: &'a [(&'a str, &'a str); 2]) -> Source<'a> {
    Source::of("study_gram.csv", "value", pair)
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
