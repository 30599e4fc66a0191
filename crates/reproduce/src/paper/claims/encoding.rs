//! sort_unique: right outputs beside blocks that say something else.

use super::words::{ACCURACY, COSINE, DIM, line};
use crate::layout::{STUDY_LAYERS, STUDY_VARIABLES};
use crate::paper::estimate::{Criterion, Estimate};
use crate::paper::study::{Setting, Source};
use crate::paper::writer::{Row, Writer};
use base::numbers::listed;
use tracr_compress::results::Metric;
use tracr_compress::results::ReadError;

/// A variable is re-encoded where an affine map explains so much of its variance.
const ANEW: f64 = 0.9;
/// The program's variables, at all positions: the position that a token goes to, the number of smaller
/// tokens that it is found from, and the result.
const TARGET: &[(&str, &str)] = &[("variable", "target_pos"), ("positions", "all")];
const COUNT: &[(&str, &str)] = &[
    ("variable", "target_pos_selector_width_attn_output"),
    ("site", "layer0.attn"),
    ("positions", "all"),
];
const SORTED: &[(&str, &str)] = &[("variable", "sort"), ("positions", "all")];

/// The statement.
pub(super) fn write(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "sort_unique, D = 25, reaches almost perfect accuracy at d = 12 while a layer's cosine similarity \
                 stays near 0.8: `target_pos` is re-encoded.";
    writer.heading("5. sort_unique works although its layers do not agree");
    let Some(study) = writer.study("sort_unique_dims")? else {
        writer.unknown(paper);
        return Ok(());
    };
    let twelve: Setting<'_> = &[(DIM, "12")];
    let of = |source: Source<'_>| study.estimate(twelve, &source);
    let block = |block| of(Source::of(STUDY_LAYERS, "cosine", block));
    let target = |column| of(Source::of(STUDY_VARIABLES, column, TARGET));
    let widths = study.levels(&[], DIM)?;
    let mut good = Vec::new();
    for d in &widths {
        let at = |source| study.estimate(&[(DIM, d)], source);
        let found = at(&ACCURACY)?.zip(at(&COSINE)?);
        if found.is_some_and(|(accuracy, cosine)| accuracy.median >= 0.99 && cosine.median < 0.9) {
            good.push(d.clone());
        }
    }
    let lines = [
        line(
            "token accuracy, d = 12",
            "almost 1",
            of(ACCURACY)?,
            Criterion::AtLeast(0.98),
        ),
        line(
            "mean cosine of the blocks, flattened, d = 12",
            "near 0.8",
            of(COSINE)?,
            Criterion::Between(0.7, 0.9),
        ),
        line(
            "cosine of `layer0.attn`, d = 12",
            "",
            block(&[("block", "layer0.attn")])?,
            None,
        ),
        line(
            "cosine of `layer0.mlp`, d = 12",
            "",
            block(&[("block", "layer0.mlp")])?,
            None,
        ),
        line(
            "cosine of `layer1.attn`, d = 12",
            "",
            block(&[("block", "layer1.attn")])?,
            None,
        ),
        line(
            "widths with a token accuracy of at least 0.99 and a mean cosine below 0.9",
            "at least 1",
            Some(Estimate::single(good.len() as f64, widths.len())),
            Criterion::AtLeast(1.0),
        ),
        line(
            "variance of `target_pos` explained as it is, d = 12",
            "low",
            target("r2")?,
            Criterion::AtMost(0.8),
        ),
        line(
            "the same after the best affine map, d = 12",
            "high",
            target("r2_mapped")?,
            Criterion::AtLeast(ANEW),
        ),
    ];
    writer.judge(&study.name, paper, &lines);
    let mapped = |variable| of(Source::of(STUDY_VARIABLES, "r2_mapped", variable));
    let kept = mapped(TARGET)?.zip(mapped(COUNT)?).zip(mapped(SORTED)?);
    if let Some(((target, width), sorted)) = kept.filter(|kept| kept.0.0.median < ANEW) {
        for (figure, found) in [
            ("the count before `target_pos`", width),
            ("the result", sorted),
        ] {
            let figure = format!("variance of {figure} explained after the best affine map");
            writer.file(&study.name, "d = 12", &figure, Some(found));
        }
        writer.paragraph(&format!(
            "Why: no affine map recovers `target_pos`; the best one explains {} of its variance. Other variables are \
             recovered: the count of smaller tokens, from which `target_pos` is computed and which `layer0.attn` writes, to \
             {} of its variance, and the sorted tokens, which `layer1.attn` writes, to {}. In this sense `target_pos` is \
             mostly lost rather than re-encoded.",
            target.text(),
            width.text(),
            sorted.text(),
        ));
    }
    if !good.is_empty() {
        writer.paragraph(&format!(
            "The median run is accurate (at least 0.99) and unfaithful (mean cosine below 0.9) at d = {}.",
            listed(&good)
        ));
    }
    let rows: Vec<Row<'_>> = widths
        .into_iter()
        .map(|d| (d.clone(), vec![(DIM, d)]))
        .collect();
    let columns = [
        ("token accuracy", ACCURACY),
        (
            "whole inputs right",
            Source::of_metric(Metric::SequenceAccuracy),
        ),
        ("mean cosine of blocks", COSINE),
    ];
    writer.matrix(&study, "d", &rows, &columns)?;
    writer.colophon(&study, &["metrics_by_d", "verdicts", "gram_multiples"])
}
