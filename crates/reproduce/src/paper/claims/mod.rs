//! What the paper states, against what was found.

mod encoding;
mod gram;
mod time;
mod words;

use super::estimate::{Criterion, Estimate, Verdict};
use super::study::{Setting, Study, of_method};
use super::writer::{Row, Writer};
use base::numbers::four_digits;
use tracr_compress::config::Method;
use tracr_compress::results::Metric;
use tracr_compress::results::ReadError;
use tracr_compress::results::critical::Tolerance;
use tracr_compress::results::runs::METHOD_COLUMN;

pub(super) use words::{ACCURACY, AGREEMENT, COSINE, LOWEST_COSINE, MAE, entry};
use words::{DIM, line};

/// A run of frac_prevs above this mean absolute error ended on a plateau (`docs/stuck_seeds.md`).
const STUCK: f64 = 0.01;

/// All statements.
///
/// # Errors
/// If a table is garbled.
pub fn write(writer: &mut Writer) -> Result<(), ReadError> {
    smallest_width(writer)?;
    gram::write(writer)?;
    pca(writer)?;
    faithful(writer)?;
    encoding::write(writer)?;
    time::write(writer)
}

fn smallest_width(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "frac_prevs, D = 14, compresses to d = 6 without losing performance; below that the error rises.";
    writer.heading("1. frac_prevs compresses to d = 6");
    let Some(study) = writer.study("frac_prevs_dims")? else {
        writer.unknown(paper);
        return Ok(());
    };
    let at = |d: &str| study.estimate(&[of_method(Method::Train), (DIM, d)], &MAE);
    let (five, six, eight) = (at("5")?, at("6")?, at("8")?);
    let ratio = five
        .zip(six)
        .map(|(five, six)| Estimate::single(five.median / six.median, five.runs + six.runs));
    let tolerance = Tolerance {
        metric: Metric::Mae,
        value: 0.005,
    };
    let critical = study.critical_width(&[of_method(Method::Train)], &tolerance)?;
    let lines = [
        line(
            "mean absolute error, d = 6",
            "as at D = 14",
            six,
            Criterion::AtMost(0.002),
        ),
        line(
            "mean absolute error, d = 8",
            "as at D = 14",
            eight,
            Criterion::AtMost(0.0005),
        ),
        line(
            "error at d = 5 over that at d = 6",
            "above 1",
            ratio,
            Criterion::AtLeast(2.0),
        ),
        line(
            "smallest sufficient d (median error at most 0.005 at it and at every larger d tried)",
            "6",
            critical,
            Criterion::AtMost(6.0),
        ),
    ];
    let verdict = writer.judge(&study.name, paper, &lines);
    let stuck = stuck(
        writer,
        &study,
        &[of_method(Method::Train), (DIM, "6")],
        "d = 6",
    )?;
    if let (Some(stuck), true) = (stuck, verdict != Verdict::Holds) {
        writer.paragraph(&stuck);
    }
    let rows: Vec<Row<'_>> = study
        .levels(&[], DIM)?
        .into_iter()
        .map(|d| (d.clone(), vec![(DIM, d)]))
        .collect();
    writer.paragraph(
        "Mean absolute error over all 1024 inputs, median over the seeds, by where `W` comes from:",
    );
    by_method(writer, &study, &rows)?;
    writer.colophon(&study, &["metrics_by_d", "verdicts", "gram_multiples"])
}

/// The error by width and method, which are one setting together.
fn by_method(writer: &mut Writer, study: &Study, rows: &[Row<'_>]) -> Result<(), ReadError> {
    let methods = study.levels(&[], METHOD_COLUMN)?;
    let mut table = vec![
        ["d".to_owned()]
            .into_iter()
            .chain(methods.iter().cloned())
            .collect::<Vec<String>>(),
    ];
    for (label, setting) in rows {
        let mut cells = vec![label.clone()];
        for method in &methods {
            let mut keys: Vec<(&str, &str)> = setting
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect();
            keys.push((METHOD_COLUMN, method));
            let found = study.estimate(&keys, &MAE)?;
            cells.push(found.map_or_else(String::new, |f| f.text()));
            let place = format!("d {label}, {method}");
            writer.file(&study.name, &place, "mean absolute error", found);
        }
        table.push(cells);
    }
    writer.table(&table);
    Ok(())
}

/// Why a median may miss its mark: the seeds that are stuck, and what the study of them says.
fn stuck(
    writer: &mut Writer,
    study: &Study,
    setting: Setting<'_>,
    place: &str,
) -> Result<Option<String>, ReadError> {
    let errors = study.values(setting, &MAE)?;
    if errors.is_empty() {
        return Ok(None);
    }
    let (stuck, good): (Vec<f64>, Vec<f64>) = errors.iter().partition(|e| **e > STUCK);
    let count = Estimate::single(stuck.len() as f64, errors.len());
    writer.file(&study.name, place, "stuck seeds", Some(count));
    let good = Estimate::new(&good);
    writer.file(
        &study.name,
        place,
        "mean absolute error of the others",
        good,
    );
    let mut text = format!(
        "Why: {} of {} seeds at {place} end on a plateau, with an error above {}; the median of the others is {}. \
         `docs/stuck_seeds.md` shows what holds them there.",
        stuck.len(),
        errors.len(),
        four_digits(STUCK),
        good.map_or_else(|| "not defined".into(), |g| g.text())
    );
    if let Some(remedy) = Study::of_sweep(writer.results(), "stuck_seeds")? {
        let setting = [(DIM, "6"), ("training.restarts.count", "8")];
        if let Some(found) = remedy.estimate(&setting, &MAE)? {
            writer.file(
                &remedy.name,
                "d = 6, eight starts",
                "mean absolute error",
                Some(found),
            );
            text += &format!(
                " With eight starts from a small `W` ({} seeds, `results/stuck_seeds`) the median at d = 6 is {}.",
                found.runs,
                found.text()
            );
        }
    }
    Ok(Some(text))
}

fn pca(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "the principal directions of the residual stream do not do at the same d what training does.";
    writer.heading("3. PCA at the same d does not do this");
    let Some(study) = writer.study("frac_prevs_dims")? else {
        writer.unknown(paper);
        return Ok(());
    };
    let mut smallest: Option<f64> = None;
    let mut widths = 0;
    for d in study.levels(&[of_method(Method::Pca)], DIM)? {
        if d.parse::<usize>().is_ok_and(|d| d <= 8) {
            let error = study.estimate(&[of_method(Method::Pca), (DIM, &d)], &MAE)?;
            smallest = error
                .map(|e| e.median)
                .into_iter()
                .chain(smallest)
                .reduce(f64::min);
            widths += 1;
        }
    }
    let at_six = |method| study.estimate(&[of_method(method), (DIM, "6")], &MAE);
    let ratio = at_six(Method::Pca)?
        .zip(at_six(Method::Train)?)
        .map(|(pca, train)| Estimate::single(pca.median / train.median, pca.runs + train.runs));
    let lines = [
        line(
            "smallest mean absolute error of PCA at any d up to 8",
            "large",
            smallest.map(|error| Estimate::single(error, widths)),
            Criterion::AtLeast(0.1),
        ),
        line(
            "its error over that of training, d = 6",
            "above 1",
            ratio,
            Criterion::AtLeast(10.0),
        ),
    ];
    writer.judge(&study.name, paper, &lines);
    writer.paragraph("The table of statement 1 has every width.");
    Ok(())
}

fn faithful(writer: &mut Writer) -> Result<(), ReadError> {
    let paper = "frac_prevs, compressed, computes the same thing: the cosine similarity of every layer's output is \
                 near 1.";
    writer.heading("4. frac_prevs stays faithful");
    let Some(study) = writer.study("frac_prevs_dims")? else {
        writer.unknown(paper);
        return Ok(());
    };
    let mut lines = Vec::new();
    for d in ["6", "8"] {
        let setting = [of_method(Method::Train), (DIM, d)];
        lines.push(line(
            &format!("lowest cosine of a block, d = {d}"),
            "near 1",
            study.estimate(&setting, &LOWEST_COSINE)?,
            Criterion::AtLeast(0.95),
        ));
    }
    writer.judge(&study.name, paper, &lines);
    Ok(())
}
