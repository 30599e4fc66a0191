//! What `G` looks like, and the heat map that the authors published.

use super::words::{AGREEMENT, entry, line};
use crate::layout::{STUDY_FEATURES, STUDY_REFERENCE};
use crate::paper::estimate::{Criterion, Estimate};
use crate::paper::study::{Setting, Source};
use crate::paper::writer::Writer;
use tracr_compress::results::ReadError;
use tracr_compress::results::feature::Verdict;
use tracr_compress::results::statistics::median;

/// The squared length of a feature's direction, its diagonal entry of `G`; of several the median.
const fn square<'a>(feature: &'a [(&'a str, &'a str); 1]) -> Source<'a> {
    Source::of(STUDY_FEATURES, "norm", feature).folded(|norms| {
        let norm = median(norms);
        norm * norm
    })
}

fn largest_square(norms: &[f64]) -> f64 {
    norms
        .iter()
        .fold(0.0, |largest: f64, norm| largest.max(norm * norm))
}

/// The statement.
pub(super) fn write(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "at d = 8, `frac_prevs` and `tokens:x` have directions of full length, `is_x` shares that of \
                 `tokens:x`, `tokens:a/b/c` and PAD are dropped, and the `indices` are stored shrunk, in directions \
                 that are not orthogonal; the heat map that the authors published has the numbers.";
    writer.heading("2. What G looks like at d = 8, and the published heat map");
    let Some(study) = writer.study("output_positions")? else {
        writer.unknown(paper);
        return Ok(());
    };
    let all: Setting<'_> = &[("objective.output_positions", "all")];
    let of = |source: Source<'_>| study.estimate(all, &source);
    let superposed = Source::of(STUDY_FEATURES, "verdict", &[("feature", "indices:*")])
        .valued(|verdict| Some(f64::from(verdict == Verdict::Superposed.name())))
        .folded(|counts| counts.iter().sum::<f64>() / counts.len() as f64);
    let everything = Source::of(STUDY_REFERENCE, "correlation", &[("excluded", "")]);
    let unused = |pattern| of(Source::of(STUDY_FEATURES, "norm", pattern).folded(largest_square));
    let lines = [
        line(
            "correlation of G's upper triangle with the heat map, BOS aside",
            "1",
            of(AGREEMENT)?,
            Criterion::AtLeast(0.95),
        ),
        line(
            "the same with BOS, whose direction differs between seeds",
            "1",
            of(everything)?,
            None,
        ),
        line(
            "`frac_prevs`·`frac_prevs`",
            "1.0",
            of(square(&[("feature", "frac_prevs")]))?,
            Criterion::Between(0.9, 1.1),
        ),
        line(
            "`tokens:x`·`tokens:x`",
            "0.99",
            of(square(&[("feature", "tokens:x")]))?,
            Criterion::Between(0.9, 1.1),
        ),
        line(
            "`is_x`·`is_x`",
            "0.38",
            of(square(&[("feature", "is_x")]))?,
            Criterion::Between(0.28, 0.48),
        ),
        line(
            "`is_x`·`tokens:x`",
            "0.62",
            of(entry(&[("feature_a", "is_x"), ("feature_b", "tokens:x")]))?,
            Criterion::Between(0.52, 0.72),
        ),
        line(
            "`tokens:a`·`tokens:a`",
            "about 0",
            unused(&[("feature", "tokens:a")])?,
            Criterion::AtMost(0.1),
        ),
        line(
            "`tokens:b`·`tokens:b`",
            "about 0",
            unused(&[("feature", "tokens:b")])?,
            Criterion::AtMost(0.1),
        ),
        line(
            "`tokens:c`·`tokens:c`",
            "about 0",
            unused(&[("feature", "tokens:c")])?,
            Criterion::AtMost(0.1),
        ),
        line(
            "PAD·PAD",
            "about 0",
            unused(&[("feature", "tokens:compiler_pad")])?,
            Criterion::AtMost(0.1),
        ),
        line(
            "BOS·BOS",
            "kept",
            of(square(&[("feature", "tokens:BOS")]))?,
            Criterion::AtLeast(0.1),
        ),
        line(
            "diagonal of `indices:*`, the median of the five in a run",
            "0.25 to 0.44",
            of(square(&[("feature", "indices:*")]))?,
            Criterion::Between(0.2, 0.5),
        ),
        line(
            "share of `indices:*` in superposition",
            "all",
            of(superposed)?,
            Criterion::AtLeast(0.6),
        ),
    ];
    writer.judge(&study.name, paper, &lines);
    let agreements = study.values(all, &AGREEMENT)?;
    let low = agreements.iter().filter(|x| **x < 0.95).count();
    let count = Estimate::single(low as f64, agreements.len());
    writer.file(
        &study.name,
        "all",
        "seeds with a correlation below 0.95",
        Some(count),
    );
    writer.paragraph(&format!(
        "{low} of {} seeds {} a correlation below 0.95.",
        agreements.len(),
        if low == 1 { "has" } else { "have" },
    ));
    writer.colophon(
        &study,
        &["gram_multiples", "agreement", "metrics_by_setting"],
    )
}
