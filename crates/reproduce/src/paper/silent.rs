//! Where the paper is silent: what each choice changes, and which one fits what it published.

use super::claims::{ACCURACY, AGREEMENT, COSINE, MAE, entry};
use super::estimate::Criterion;
use super::study::{Source, Study};
use super::writer::{Row, Writer};
use crate::layout::{STUDY_LAYERS, STUDY_REFERENCE, STUDY_VARIABLES};
use base::numbers::listed;
use tracr_compress::config::keys::DIM;
use tracr_compress::results::Metric;
use tracr_compress::results::ReadError;

/// All choices.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    positions(writer)?;
    targets(writer)?;
    lengths(writer)
}

/// A row for every combination of these keys' values.
pub(super) fn combinations<'a>(
    study: &Study,
    keys: &[(&'a str, &str)],
) -> Result<Vec<Row<'a>>, ReadError> {
    let mut rows: Vec<Row<'a>> = vec![(String::new(), Vec::new())];
    for (key, word) in keys {
        let mut longer = Vec::new();
        for (label, setting) in rows {
            let known: Vec<(&str, &str)> = setting
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect();
            for value in study.levels(&known, key)? {
                let word = if word.is_empty() {
                    value.clone()
                } else {
                    format!("{word} {value}")
                };
                let label = if label.is_empty() {
                    word
                } else {
                    format!("{label}, {word}")
                };
                let mut setting = setting.clone();
                setting.push((*key, value));
                longer.push((label, setting));
            }
        }
        rows = longer;
    }
    Ok(rows)
}

/// The rows whose figures all are as wanted, by their labels.
fn fitting(
    study: &Study,
    rows: &[Row<'_>],
    wanted: &[(Source<'_>, Criterion)],
) -> Result<Vec<String>, ReadError> {
    let mut fitting = Vec::new();
    for (label, setting) in rows {
        let setting: Vec<(&str, &str)> = setting
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let mut fits = true;
        for (source, criterion) in wanted {
            let found = study.estimate(&setting, source)?;
            fits &= found.is_some_and(|found| criterion.met_by(found.median));
        }
        if fits {
            fitting.push(format!("`{label}`"));
        }
    }
    Ok(fitting)
}

/// Which settings fit, and what it takes to fit.
fn verdict(writer: &mut Writer, fitting: &[String], what: &str) {
    let text = match fitting {
        [] => format!("**None of these settings fits**: {what}."),
        [one] => format!("**{one} alone fits**: {what}."),
        several => format!("**{} fit**: {what}.", listed(several)),
    };
    writer.paragraph(&text);
}

fn positions(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Which positions the output loss counts");
    writer.paragraph(
        "The paper averages over positions and does not say whether BOS is one. Where nothing punishes a wrong output \
         at BOS, `frac_prevs` and `tokens:BOS` are free to interfere; in the published heat map they do not.",
    );
    let Some(study) = writer.study("output_positions")? else {
        return Ok(());
    };
    let interference = entry(&[("feature_a", "frac_prevs"), ("feature_b", "tokens:BOS")])
        .folded(|values| values.iter().fold(0.0, |m: f64, x| m.max(x.abs())));
    let rows = combinations(&study, &[("objective.output_positions", "")])?;
    let everything = Source::of(STUDY_REFERENCE, "correlation", &[("excluded", "")]);
    let columns = [
        ("correlation with the heat map, BOS aside", AGREEMENT),
        ("with BOS", everything),
        ("size of `frac_prevs`·BOS (published: 0.01)", interference),
        ("mean absolute error, BOS aside", MAE),
    ];
    writer.matrix(&study, "counted", &rows, &columns)?;
    let wanted = [
        (AGREEMENT, Criterion::AtLeast(0.95)),
        (interference, Criterion::AtMost(0.05)),
    ];
    let fitting = fitting(&study, &rows, &wanted)?;
    verdict(
        writer,
        &fitting,
        "a median correlation of at least 0.95 and a median size of `frac_prevs`·BOS of at most 0.05",
    );
    writer.colophon(&study, &["metrics_by_setting"])
}

fn targets(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Soft or hard targets, sum or mean over the features");
    writer.paragraph(
        "The paper adds a cross-entropy and a squared error. It does not say whether classes are compared with the \
         compiled model's class or with the softmax of its scores, nor whether a block's squared error is summed over \
         the D features or averaged, which weighs the layers D times less.",
    );
    let Some(study) = writer.study("targets")? else {
        return Ok(());
    };
    let keys = [
        ("objective.categorical_targets", ""),
        ("objective.layer_reduction", ""),
    ];
    let rows = combinations(&study, &keys)?;
    let columns = [
        ("token accuracy", ACCURACY),
        ("mean cosine of blocks", COSINE),
        ("`layer0.attn`", block(&[("block", "layer0.attn")])),
        ("`layer0.mlp`", block(&[("block", "layer0.mlp")])),
        ("`layer1.attn`", block(&[("block", "layer1.attn")])),
    ];
    writer.matrix(&study, "targets, reduction", &rows, &columns)?;
    let wanted = [
        (ACCURACY, Criterion::AtLeast(0.98)),
        (COSINE, Criterion::Between(0.7, 0.9)),
    ];
    let fitting = fitting(&study, &rows, &wanted)?;
    verdict(
        writer,
        &fitting,
        "a median token accuracy of at least 0.98 (\"almost perfect\") beside a median cosine of 0.7 to 0.9 (\"near \
         0.8\")",
    );
    writer.colophon(&study, &["metrics_by_setting"])
}

const fn block<'a>(block: &'a [(&'a str, &'a str); 1]) -> Source<'a> {
    Source::of(STUDY_LAYERS, "cosine", block)
}

fn lengths(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Input lengths of sort_unique");
    writer.paragraph(
        "The vocabulary is as large as the context, so every input of full length has the answer 1 2 3 4 5: the output \
         can be read off the position, and no token needs to be kept. The paper does not say which lengths it drew.",
    );
    let Some(study) = writer.study("sort_unique_lengths")? else {
        return Ok(());
    };
    let rows = combinations(&study, &[("inputs.lengths", ""), (DIM, "d =")])?;
    let columns = [
        ("token accuracy", ACCURACY),
        (
            "whole inputs right",
            Source::of_metric(Metric::SequenceAccuracy),
        ),
        ("mean cosine of blocks", COSINE),
        (
            "variance of `target_pos` explained",
            Source::of(
                STUDY_VARIABLES,
                "r2",
                &[("variable", "target_pos"), ("positions", "all")],
            ),
        ),
    ];
    writer.matrix(&study, "lengths", &rows, &columns)?;
    let smallest: Vec<String> = study
        .levels(&[], "inputs.lengths")?
        .into_iter()
        .map(|lengths| {
            let widths = study.levels(&[("inputs.lengths", &lengths)], DIM)?;
            let mut smallest: Option<String> = None;
            for d in widths.into_iter().rev() {
                let at = [("inputs.lengths", lengths.as_str()), (DIM, d.as_str())];
                let found = study.estimate(&at, &ACCURACY)?;
                if found.is_some_and(|f| f.median >= 0.99) {
                    smallest = Some(d);
                }
            }
            Ok(match smallest {
                Some(d) => format!("d = {d} for lengths `{lengths}`"),
                None => format!("none of those tried for lengths `{lengths}`"),
            })
        })
        .collect::<Result<_, ReadError>>()?;
    writer.paragraph(&format!(
        "The smallest width tried with a median token accuracy of at least 0.99: {}.",
        listed(&smallest)
    ));
    writer.colophon(&study, &["metrics_by_d"])
}
