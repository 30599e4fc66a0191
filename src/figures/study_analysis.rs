//! What the analysis of a study adds to its figures: agreement of `G` and verdicts.

use std::collections::HashMap;
use std::path::Path;

use super::by_setting::by_setting;
use super::by_width::{Series, against_width};
use super::colour::VERDICTS;
use super::study::{Study, entry, has_several_widths, over_seeds};
use super::table::{FigureError, Table};
use super::{Figure, bars};
use crate::analysis::answer::group_name;

const ANALYZE: &str = "`compress analyze DIR` makes it anew from the runs";

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

/// Agreement of `G` between seeds and with a reference, against `d`.
///
/// # Errors
/// If a table is garbled.
pub fn agreement(directory: &Path, study: &Study) -> Result<Option<Figure>, FigureError> {
    let order = order_of_groups(directory, study)?;
    let mut places: HashMap<String, Option<usize>> = HashMap::new();
    let mut series: Vec<(String, Series)> = Vec::new();
    let mut sources = Vec::new();
    let mut tables = Vec::new();
    for (file, name) in [
        ("gram_agreement.csv", "between seeds"),
        ("reference_agreement.csv", "with the reference"),
    ] {
        if let Some(table) = Table::read_if_there(directory, file, ANALYZE)? {
            tables.extend((!table.rows.is_empty()).then_some((file, name, table)));
        }
    }
    let one_table = tables.len() == 1;
    for (file, name, table) in &tables {
        let groups = table.texts("group")?;
        let (ds, values) = (table.numbers("d")?, table.numbers("correlation")?);
        let before = series.len();
        for row in 0..table.rows.len() {
            if let (Some(d), Some(value)) = (ds[row], values[row]) {
                let series_name = match groups[row] {
                    "all" => (*name).to_owned(),
                    group if one_table => group_name(group),
                    group => format!("{}, {name}", group_name(group)),
                };
                let place = order.iter().position(|known| known == groups[row]);
                let found = entry(&mut series, &series_name);
                found.points.push((d, value));
                places.insert(series_name, place);
            }
        }
        if series.len() > before {
            sources.push(*file);
        }
    }
    series.sort_by_key(|(name, _)| places.get(name).copied());
    for (_, series) in &mut series {
        let means = over_seeds(&series.points).into_iter();
        series.means = means.map(|(d, mean, ..)| (d, mean, None, None)).collect();
    }
    Ok((!series.is_empty()).then(|| {
        let draw = if has_several_widths(series.iter()) || series.len() == 1 {
            against_width
        } else {
            by_setting
        };
        draw(
            "agreement",
            "Agreement of G",
            "Pearson's correlation of the upper triangles of G (without unit): points are pairs of seeds, or \
             runs beside the reference; lines are means.",
            &sources.join(", "),
            &[("correlation of G", false, &series)],
        )
    }))
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
