//! Beyond the paper: questions that it leaves open.

use super::claims::{ACCURACY, AGREEMENT, COSINE, MAE, entry};
use super::silent::combinations;
use super::study::{Setting, Source, Study};
use super::writer::Writer;
use super::{circuits, continuation, dictionaries, programs};
use crate::layout::STUDY_FEATURES;
use base::numbers::{four_digits, listed};
use tracr_compress::config::keys::DIM;
use tracr_compress::results::ReadError;

/// All questions.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    programs::write(writer)?;
    continuation::write(writer)?;
    circuits::write(writer)?;
    dictionaries::write(writer)?;
    rarer_tokens(writer)?;
    untied(writer)?;
    per_layer(writer)?;
    training(writer)?;
    length(writer)
}

const fn feature<'a>(column: &'a str, name: &'a [(&'a str, &'a str); 1]) -> Source<'a> {
    Source::of(STUDY_FEATURES, column, name)
}

fn rarer_tokens(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Rarer tokens");
    writer.paragraph(
        "Toy models store features that occur seldom in superposition. Here the compiled model is fixed and `x` is \
         drawn more or less often than the other three tokens, whose weight is 1; weight 1 is the paper's setting.",
    );
    let Some(study) = writer.study("token_weights")? else {
        return Ok(());
    };
    let rows = combinations(&study, &[("inputs.token_weights", "")])?;
    let columns = [
        (
            "norm of `tokens:x`",
            feature("norm", &[("feature", "tokens:x")]),
        ),
        (
            "dimensionality of `tokens:x`",
            feature("dimensionality", &[("feature", "tokens:x")]),
        ),
        ("norm of `is_x`", feature("norm", &[("feature", "is_x")])),
        (
            "dimensionality of `is_x`",
            feature("dimensionality", &[("feature", "is_x")]),
        ),
        (
            "norm of `frac_prevs`",
            feature("norm", &[("feature", "frac_prevs")]),
        ),
        ("weighted mean absolute error", MAE),
    ];
    writer.matrix(&study, "weights", &rows, &columns)?;
    let norms = rows.iter().map(|(label, setting)| {
        let setting: Vec<(&str, &str)> = setting
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let found = study.estimate(&setting, &columns[0].1)?;
        Ok(found.map(|f| (label.clone(), f.median)))
    });
    let norms: Vec<(String, f64)> = norms
        .collect::<Result<Vec<_>, ReadError>>()?
        .into_iter()
        .flatten()
        .collect();
    if let [(rarest, low), .., (_, high)] = &norms[..] {
        let what = match low / high {
            ratio if ratio < 0.9 => "shorter than",
            ratio if ratio > 1.1 => "longer than",
            _ => "about as long as",
        };
        writer.paragraph(&format!(
            "At `{rarest}`, the first of these weights, the direction of `tokens:x` is {what} at the last: {} against {} \
             in the median.",
            four_digits(*low),
            four_digits(*high)
        ));
    }
    writer.colophon(
        &study,
        &["verdicts", "metrics_by_setting", "gram_multiples"],
    )
}

fn untied(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("Reading and writing with two matrices");
    writer.paragraph(
        "In the paper one `W` writes and reads, and `G` is symmetric. With two, a feature may be written where it does \
         not answer to others; twice as many numbers are trained. Mean absolute error of frac_prevs:",
    );
    let Some(study) = writer.study("untied")? else {
        return Ok(());
    };
    let keys = [
        ("compression.tied", "tied"),
        ("compression.init_matrices", "start"),
        (DIM, "d ="),
    ];
    let rows = combinations(&study, &keys)?;
    let columns = [
        ("mean absolute error", MAE),
        ("mean cosine of blocks", COSINE),
    ];
    writer.matrix(&study, "matrices", &rows, &columns)?;
    let one = [("compression.tied", "true")];
    for start in study.levels(
        &[("compression.tied", "false")],
        "compression.init_matrices",
    )? {
        let two = [
            ("compression.tied", "false"),
            ("compression.init_matrices", start.as_str()),
        ];
        let words = format!("Two matrices (start `{start}`) beside one, by the error");
        compare(writer, &study, (&two, &one), (&MAE, false), &words)?;
    }
    writer.colophon(&study, &["metrics_by_d", "gram_multiples"])
}

/// At which widths one setting is better or worse than another by more than the spread over seeds: the intervals
/// of the medians do not overlap.
fn compare(
    writer: &mut Writer,
    study: &Study,
    (first, second): (Setting<'_>, Setting<'_>),
    (source, higher): (&Source<'_>, bool),
    words: &str,
) -> Result<(), ReadError> {
    let (mut better, mut worse, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for d in study.levels(first, DIM)? {
        let at = |setting: Setting<'_>| {
            let setting: Vec<(&str, &str)> =
                setting.iter().copied().chain([(DIM, d.as_str())]).collect();
            study.estimate(&setting, source)
        };
        let Some((a, b)) = at(first)?.zip(at(second)?) else {
            continue;
        };
        let ((a_low, a_high), (b_low, b_high)) = (
            a.interval.unwrap_or((a.median, a.median)),
            b.interval.unwrap_or((b.median, b.median)),
        );
        if a_low > b_high {
            if higher { &mut better } else { &mut worse }.push(d);
        } else if a_high < b_low {
            if higher { &mut worse } else { &mut better }.push(d);
        } else {
            open.push(d);
        }
    }
    let at = |words: &str, widths: &[String]| {
        (!widths.is_empty()).then(|| format!("{words} at d = {}", listed(widths)))
    };
    let clear = [at("better", &better), at("worse", &worse)];
    let mut parts: Vec<String> = clear.into_iter().flatten().collect();
    parts.extend(at("no difference beyond the spread over seeds", &open));
    writer.paragraph(&format!("{words}: {}.", listed(&parts)));
    Ok(())
}

fn per_layer(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("A W for each block");
    writer.paragraph(
        "The paper names this alternative and does not try it. In sort_unique, whose tokens are read by two blocks, it \
         differs from two matrices.",
    );
    let Some(study) = writer.study("per_layer")? else {
        return Ok(());
    };
    let keys = [
        ("compression.per_layer", "per layer"),
        ("compression.tied", "tied"),
        (DIM, "d ="),
    ];
    let rows = combinations(&study, &keys)?;
    let columns = [
        ("token accuracy", ACCURACY),
        ("mean cosine of blocks", COSINE),
    ];
    writer.matrix(&study, "matrices", &rows, &columns)?;
    let one = [
        ("compression.per_layer", "false"),
        ("compression.tied", "true"),
    ];
    let own = [
        ("compression.per_layer", "true"),
        ("compression.tied", "true"),
    ];
    for (source, words) in [(&ACCURACY, "accuracy"), (&COSINE, "cosine")] {
        let words = format!("A `W` for each block beside one, by the {words}");
        compare(writer, &study, (&own, &one), (source, true), &words)?;
    }
    writer.colophon(&study, &["metrics_by_setting", "metrics_by_d"])
}

fn training(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("How G moves during training");
    writer.paragraph(
        "frac_prevs at d = 8, stopped at different steps of the paper's schedule: same seeds, same batches, same rates up \
         to there.",
    );
    let Some(study) = writer.study("gram_training")? else {
        return Ok(());
    };
    let rows = combinations(&study, &[("training.steps", "")])?;
    let columns = [
        ("correlation with the heat map, BOS aside", AGREEMENT),
        (
            "`is_x`·`tokens:x`",
            entry(&[("feature_a", "is_x"), ("feature_b", "tokens:x")]),
        ),
        (
            "norm of `frac_prevs`",
            feature("norm", &[("feature", "frac_prevs")]),
        ),
        (
            "norm of `tokens:a`",
            feature("norm", &[("feature", "tokens:a")]),
        ),
        (
            "norm of `indices:*`",
            feature("norm", &[("feature", "indices:*")]),
        ),
        ("mean absolute error", MAE),
    ];
    writer.matrix(&study, "steps", &rows, &columns)?;
    let mut reached = None;
    for (label, setting) in &rows {
        let setting: Vec<(&str, &str)> = setting
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let found = study.estimate(&setting, &AGREEMENT)?;
        if reached.is_none() && found.is_some_and(|f| f.median >= 0.9) {
            reached = Some(label);
        }
    }
    writer.paragraph(&match reached {
        Some(steps) => format!(
            "Of the steps looked at, {steps} are the first after which the median correlation with the published heat map \
             is at least 0.9."
        ),
        None => "The median correlation with the published heat map stays below 0.9.".to_owned(),
    });
    writer.colophon(
        &study,
        &["agreement", "gram_multiples", "metrics_by_setting"],
    )
}

fn length(writer: &mut Writer) -> Result<(), ReadError> {
    writer.heading("How many steps are needed");
    writer.paragraph(
        "The rate falls over the first half of any length, so that these runs are not parts of one another. frac_prevs at \
         d = 8:",
    );
    let Some(study) = writer.study("training_length")? else {
        return Ok(());
    };
    let rows = combinations(&study, &[("training.steps", "")])?;
    let seconds = Source::of_run("wall_time_seconds");
    let columns = [("mean absolute error", MAE), ("seconds a run", seconds)];
    writer.matrix(&study, "steps", &rows, &columns)?;
    let mut errors = Vec::new();
    for steps in study.levels(&[], "training.steps")? {
        let found = study.estimate(&[("training.steps", &steps)], &MAE)?;
        errors.extend(found.map(|f| (steps, f.median)));
    }
    if let Some((longest, error)) = errors.last() {
        let enough = errors
            .iter()
            .rev()
            .take_while(|(_, e)| *e <= 2.0 * error)
            .last();
        let enough = enough.map_or(longest, |(steps, _)| steps);
        let error = four_digits(*error);
        writer.paragraph(&if enough == longest {
            format!("No shorter training that was tried comes within twice the median error of {longest} steps ({error}).")
        } else {
            format!("{enough} steps are enough for a median error within twice that of {longest} steps ({error}).")
        });
    }
    writer.colophon(&study, &["metrics_by_setting"])
}
