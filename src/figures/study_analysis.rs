//! What the analysis of a study adds to its figures: agreement of `G` and verdicts.

use std::collections::HashMap;
use std::path::Path;

use super::bars;
use super::by_setting::by_setting;
use super::by_width::against_width;
use super::colour::VERDICTS;
use super::figure::Figure;
use super::series::{Plot, Series};
use super::study::{INTERVAL, Study, entry, has_several_widths};
use super::table::{FigureError, Table};
use crate::analysis::answer::group_name;

/// A pair of runs that differ by their seeds, a row.
const PAIRS: &str = "gram_agreement.csv";
/// A run beside the reference, a row.
const REFERENCE: &str = "reference_agreement.csv";
const ANALYZE: &str = "`compress analyze DIR` rebuilds it from the runs";

/// The place of each run directory in the study, so that series have one order, and one colour, in all
/// figures.
fn order_of_runs(study: &Study) -> HashMap<&str, usize> {
    let runs = study.members.iter().enumerate();
    runs.map(|(i, member)| (member.directory.as_str(), i))
        .collect()
}

/// The analysis' groups in the order in which the study has their first runs.
fn order_of_groups(directory: &Path, study: &Study) -> Result<Vec<String>, FigureError> {
    let Some(table) = Table::read_if_there(directory, "study_verdicts.csv", ANALYZE)? else {
        return Ok(Vec::new());
    };
    let order = order_of_runs(study);
    let (groups, runs) = (table.texts("group")?, table.texts("run")?);
    let mut first: Vec<(usize, &str)> = Vec::new();
    for (group, run) in groups.into_iter().zip(runs) {
        let place = order.get(run).copied().unwrap_or(usize::MAX);
        match first.iter_mut().find(|(_, known)| *known == group) {
            Some(known) => known.0 = known.0.min(place),
            None => first.push((place, group)),
        }
    }
    first.sort_by_key(|(place, _)| *place);
    Ok(first
        .into_iter()
        .map(|(_, group)| group.to_owned())
        .collect())
}

/// Agreement of `G` between seeds and with a reference, a panel each, against `d` or by setting.
///
/// # Errors
/// If a table is garbled.
pub fn agreement(directory: &Path, study: &Study) -> Result<Vec<Figure>, FigureError> {
    let order = order_of_groups(directory, study)?;
    let mut sources = Vec::new();
    let mut panels = Vec::new();
    for (file, title) in [
        (PAIRS, "correlation between seeds"),
        (REFERENCE, "correlation with reference"),
    ] {
        if let Some(table) = Table::read_if_there(directory, file, ANALYZE)? {
            let series = correlations(&table, &order, file == PAIRS)?;
            if !series.is_empty() {
                sources.push(file);
                panels.push((title, series));
            }
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
fn correlations(
    table: &Table,
    order: &[String],
    no_sample: bool,
) -> Result<Vec<(String, Series)>, FigureError> {
    let groups = table.texts("group")?;
    let (ds, values) = (table.numbers("d")?, table.numbers("correlation")?);
    let mut rows: Vec<usize> = (0..table.rows.len()).collect();
    rows.sort_by_key(|row| order.iter().position(|known| known == groups[*row]));
    let mut series = Vec::new();
    for row in rows {
        if let (Some(d), Some(value)) = (ds[row], values[row]) {
            let found = entry(&mut series, &group_name(groups[row]));
            found.points.push((d, value));
            found.no_sample = no_sample;
        }
    }
    Ok(series)
}

/// What points, lines and bars are.
fn agreement_caption(sources: &[&str], medians: &str) -> String {
    let mut caption = format!(
        "Pearson's correlation between the upper triangles of two G (no unit); {medians} the medians."
    );
    if sources.contains(&PAIRS) {
        caption += " Between seeds: each point is a pair of runs with different seeds. Pairs have no interval, since \
                    every run is in several of them.";
    }
    if sources.contains(&REFERENCE) {
        caption += &format!(" With the reference: each point is a run, and bars are {INTERVAL}.");
    }
    caption
}

/// Verdict counts at each `d`.
///
/// # Errors
/// If the table is garbled.
pub fn verdicts(directory: &Path, study: &Study) -> Result<Option<Figure>, FigureError> {
    let Some(table) = Table::read_if_there(directory, "study_verdicts.csv", ANALYZE)? else {
        return Ok(None);
    };
    let groups: Vec<String> = table.texts("group")?.into_iter().map(group_name).collect();
    let ds = table.texts("d")?;
    let (runs, names) = (table.texts("run")?, table.texts("verdict")?);
    let counts = table.numbers("features")?;
    let mut rows: Vec<(String, Vec<&str>, Vec<f64>)> = Vec::new();
    let one_group = groups.iter().all(|g| *g == groups[0]);
    for row in 0..table.rows.len() {
        let name = if one_group {
            format!("d = {}", ds[row])
        } else {
            format!("{}, d = {}", groups[row], ds[row])
        };
        let at = rows
            .iter()
            .position(|(known, ..)| *known == name)
            .unwrap_or_else(|| {
                rows.push((name, Vec::new(), vec![0.0; VERDICTS.len()]));
                rows.len() - 1
            });
        if !rows[at].1.contains(&runs[row]) {
            rows[at].1.push(runs[row]);
        }
        let verdict = VERDICTS.iter().position(|(known, _)| *known == names[row]);
        let verdict =
            verdict.ok_or_else(|| table.wrong(row, format!("`{}` is no verdict", names[row])))?;
        rows[at].2[verdict] += counts[row].unwrap_or(0.0);
    }
    let order = order_of_runs(study);
    rows.sort_by_key(|(_, runs, _)| runs.iter().filter_map(|run| order.get(run)).min());
    let means: Vec<(String, Vec<f64>)> = rows
        .into_iter()
        .map(|(name, runs, counts)| (name, counts.iter().map(|c| c / runs.len() as f64).collect()))
        .collect();
    Ok((!means.is_empty()).then(|| bars::verdicts(&means)))
}
