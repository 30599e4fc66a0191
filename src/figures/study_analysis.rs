//! What the analysis of a study adds to its figures: agreement of `G` and verdicts.

use std::collections::HashMap;
use std::path::Path;

use super::bars;
use super::by_setting::by_setting;
use super::by_width::against_width;
use super::figure::Figure;
use super::series::Plot;
use super::study::{INTERVAL, has_several_widths};
use crate::results::feature::Verdict;
use crate::results::group::by_key;
use crate::results::layout::{GRAM_AGREEMENT, REFERENCE_AGREEMENT};
use crate::results::study_tables::{Correlation, MeanVerdicts, VerdictRow};
use crate::results::{Group, ReadError, Series, Study};

/// The place of each run directory in the study, so that series have one order, and one colour, in all
/// figures.
fn order_of_runs(study: &Study) -> HashMap<&str, usize> {
    let runs = study.runs.iter().enumerate();
    runs.map(|(i, run)| (run.directory.as_str(), i)).collect()
}

/// The analysis' groups in the order in which the study has their first runs.
fn order_of_groups(rows: &[VerdictRow], study: &Study) -> Vec<Group> {
    let order = order_of_runs(study);
    let place = |row: &VerdictRow| order.get(row.run.as_str()).copied().unwrap_or(usize::MAX);
    let mut groups = by_key(rows.iter().map(|row| (&row.group, place(row))));
    groups.sort_by_key(|(_, places)| places.iter().min().copied());
    groups.into_iter().map(|(group, _)| group.clone()).collect()
}

/// Agreement of `G` between seeds and with a reference, a panel each, against `d` or by setting.
///
/// # Errors
/// If a table is garbled.
pub fn agreement(directory: &Path, study: &Study) -> Result<Vec<Figure>, ReadError> {
    let verdicts = VerdictRow::read(directory)?.unwrap_or_default();
    let order = order_of_groups(&verdicts, study);
    let mut sources = Vec::new();
    let mut panels = Vec::new();
    let pairs = Correlation::between_seeds(directory)?;
    let compared = Correlation::with_reference(directory)?;
    for (file, title, correlations, no_sample) in [
        (GRAM_AGREEMENT, "correlation between seeds", pairs, true),
        (
            REFERENCE_AGREEMENT,
            "correlation with reference",
            compared,
            false,
        ),
    ] {
        let series = series(correlations.unwrap_or_default(), &order, no_sample);
        if !series.is_empty() {
            sources.push(file);
            panels.push((title, series));
        }
    }
    if panels.is_empty() {
        return Ok(Vec::new());
    }
    let plots: Vec<Plot<'_>> = panels
        .iter()
        .map(|(title, series)| (*title, false, series.as_slice()))
        .collect();
    let (title, source) = ("Agreement of G", sources.join(", "));
    let all = || panels.iter().flat_map(|(_, series)| series);
    let one_series = all().all(|(name, _)| *name == panels[0].1[0].0);
    Ok(if has_several_widths(all()) || one_series {
        let caption = agreement_caption(&sources, "lines join");
        against_width("agreement", title, &caption, &source, &plots)
    } else {
        let caption = agreement_caption(&sources, "strokes are");
        vec![by_setting("agreement", title, &caption, &source, &plots)]
    })
}

/// A series for each group with a correlation, in the study's order.
fn series(
    mut correlations: Vec<Correlation>,
    order: &[Group],
    no_sample: bool,
) -> Vec<(String, Series)> {
    correlations.sort_by_key(|found| order.iter().position(|group| *group == found.group));
    let points = correlations.iter().map(|found| {
        let point = (found.d as f64, found.value);
        (found.group.short(), point)
    });
    let series = |(name, points)| (name, Series { points, no_sample });
    by_key(points).into_iter().map(series).collect()
}

/// What points, lines and bars are.
fn agreement_caption(sources: &[&str], medians: &str) -> String {
    let mut caption = format!(
        "Pearson's correlation between the upper triangles of two G (no unit); {medians} the medians."
    );
    if sources.contains(&GRAM_AGREEMENT) {
        caption += " Between seeds: each point is a pair of runs with different seeds. Pairs have no interval, since \
                    every run is in several of them.";
    }
    if sources.contains(&REFERENCE_AGREEMENT) {
        caption += &format!(" With the reference: each point is a run, and bars are {INTERVAL}.");
    }
    caption
}

/// Verdict counts at each `d`.
///
/// # Errors
/// If the table is garbled.
pub fn verdicts(directory: &Path, study: &Study) -> Result<Option<Figure>, ReadError> {
    let Some(rows) = VerdictRow::read(directory)? else {
        return Ok(None);
    };
    let order = order_of_runs(study);
    let first = |rows: Vec<&VerdictRow>| {
        let places = rows.iter().filter_map(|row| order.get(row.run.as_str()));
        places.min().copied()
    };
    let by_setting = by_key(rows.iter().map(|row| ((&row.group, row.d), row)));
    let first: Vec<Option<usize>> = by_setting
        .into_iter()
        .map(|(_, rows)| first(rows))
        .collect();
    let mut means: Vec<_> = MeanVerdicts::of(&rows).into_iter().zip(first).collect();
    means.sort_by_key(|(_, first)| *first);
    let several_groups = rows.iter().any(|row| row.group != rows[0].group);
    let bars: Vec<(String, Vec<f64>)> = means
        .into_iter()
        .map(|(found, _)| {
            let name = if several_groups {
                format!("{}, d = {}", found.group.short(), found.d)
            } else {
                format!("d = {}", found.d)
            };
            let all = |verdict| found.features.get(&verdict).copied().unwrap_or(0);
            let mean = |verdict| all(verdict) as f64 / found.runs as f64;
            (name, Verdict::ALL.map(mean).to_vec())
        })
        .collect();
    Ok((!bars.is_empty()).then(|| bars::verdicts(&bars)))
}
