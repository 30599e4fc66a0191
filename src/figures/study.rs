//! What a study's tables say, as series against `d`.

use std::collections::BTreeSet;
use std::path::Path;

use super::by_setting::by_setting;
use super::by_width::against_width;
use super::figure::Figure;
use super::series::{Plot, SMALLEST, Series};
use super::table::{FigureError, Table};
use crate::analysis::answer::{depends_on_seed, group_name};
use crate::config::Method;

const COLLECT: &str = "`compress sweep --collect DIR` rebuilds it from the runs";
const ANALYZE: &str = "`compress analyze DIR` rebuilds it from the runs";
const DIM: &str = "compression.dim";
const SEED: &str = "training.seed";
/// Metric, title of its axis, whether the axis is logarithmic.
const METRICS: [(&str, &str, bool); 11] = [
    ("eval_loss", "loss (evaluation)", true),
    ("mae", "mean absolute error", true),
    ("max_error", "largest error", true),
    ("token_accuracy", "tokens right", false),
    ("sequence_accuracy", "inputs right", false),
    ("eval_loss_output", "output loss", true),
    ("eval_loss_layers", "layer loss", true),
    ("cosine_mean", "mean cosine of blocks", false),
    ("cosine_min", "lowest cosine of blocks", false),
    ("variance_explained_min", "lowest variance explained", false),
    (
        "interchange_accuracy_min",
        "lowest interchange accuracy",
        false,
    ),
];

/// Metric → series by name, in the study's order.
type Metrics = Vec<(&'static str, &'static str, bool, Vec<(String, Series)>)>;

/// A run of a study, for the small multiples.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Member {
    pub directory: String,
    pub series: String,
    pub d: f64,
    pub seed: String,
    /// The smaller, the better.
    pub loss: Option<f64>,
}

/// What a study's tables say.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Study {
    pub metrics: Metrics,
    pub members: Vec<Member>,
    source: &'static str,
}

/// Reads `runs.csv`, or `study_metrics.csv` where there is none. Medians and intervals are computed from the runs,
/// as the answers' are: `summary.csv` says the same, but older ones have no interval of the median.
///
/// # Errors
/// If a table is garbled.
pub fn read(directory: &Path) -> Result<Study, FigureError> {
    match Table::read_if_there(directory, "runs.csv", COLLECT)? {
        Some(runs) => from_sweep(&runs),
        None => from_analysis(&Table::read(directory, "study_metrics.csv", ANALYZE)?),
    }
}

/// The columns that tell series apart: the grid's keys but `d` and the seed, and the method, where they
/// differ. The method stands for a study of one series.
fn series_keys(runs: &Table) -> Result<Vec<String>, FigureError> {
    let method = runs.column("method")?;
    let first = usize::from(runs.header.first().is_some_and(|name| name == "run"));
    let differs = |&column: &usize| {
        let mut cells = runs.rows.iter().map(|row| &row[column]);
        let first = cells.next();
        cells.any(|cell| Some(cell) != first)
    };
    let keys = (first..method)
        .filter(|&i| ![DIM, SEED, "compression.method"].contains(&runs.header[i].as_str()));
    // A key that never differs without one before it tells nothing new.
    let mut columns: Vec<usize> = Vec::new();
    let mut told = 1;
    for column in std::iter::once(method).chain(keys).filter(differs) {
        columns.push(column);
        let combination = |row: &Vec<String>| -> Vec<String> {
            columns.iter().map(|&column| row[column].clone()).collect()
        };
        let found: BTreeSet<Vec<String>> = runs.rows.iter().map(combination).collect();
        if found.len() == told {
            columns.pop();
        }
        told = found.len();
    }
    if columns.is_empty() {
        columns.push(method);
    }
    Ok(columns
        .into_iter()
        .map(|i| runs.header[i].clone())
        .collect())
}

fn series_name(table: &Table, row: usize, keys: &[String]) -> Result<String, FigureError> {
    let mut words = Vec::new();
    for key in keys {
        let cell = &table.rows[row][table.column(key)?];
        if key == "method" {
            words.push(cell.clone());
        } else if !cell.is_empty() {
            let key = key.rsplit('.').next().unwrap_or_default();
            // Of a path, the name.
            let name = cell.rsplit('/').next().unwrap_or_default();
            words.push(format!("{key}={}", name.trim_end_matches(".rasp")));
        }
    }
    Ok(words.join(", "))
}

/// The series of a name, made where there is none.
pub fn entry<'a>(series: &'a mut Vec<(String, Series)>, name: &str) -> &'a mut Series {
    let found = series.iter().position(|(known, _)| known == name);
    let at = found.unwrap_or_else(|| {
        series.push((name.to_owned(), Series::default()));
        series.len() - 1
    });
    &mut series[at].1
}

/// As [`read`], from the runs of a sweep.
///
/// # Errors
/// If the table is garbled.
pub fn from_sweep(runs: &Table) -> Result<Study, FigureError> {
    let keys = series_keys(runs)?;
    // A study of one width does not list it among its keys: then it does not matter which.
    let width = |row: usize| -> Result<Option<f64>, FigureError> {
        runs.find(DIM)
            .map_or(Ok(Some(0.0)), |column| runs.number(row, column))
    };
    let mut members = Vec::new();
    let directories = runs.texts("run")?;
    let losses = runs.numbers("eval_loss")?;
    let methods = runs.texts("method")?;
    for row in 0..runs.rows.len() {
        members.push(Member {
            directory: directories[row].to_owned(),
            series: series_name(runs, row, &keys)?,
            d: width(row)?.unwrap_or(0.0),
            seed: runs
                .find(SEED)
                .map_or_else(String::new, |c| runs.rows[row][c].clone()),
            loss: losses[row],
        });
    }
    let mut metrics = Vec::new();
    for (metric, title, logarithmic) in METRICS {
        let Some(column) = runs.find(metric) else {
            continue;
        };
        let mut series = Vec::new();
        for (row, member) in members.iter().enumerate() {
            if let (Some(d), Some(value)) = (width(row)?, runs.value(row, column)?) {
                let series = entry(&mut series, &member.series);
                series.points.push((d, value));
                let method = Method::named(methods[row]);
                series.no_sample = method.is_some_and(|m| !m.depends_on(SEED));
            }
        }
        if !series.is_empty() {
            metrics.push((metric, title, logarithmic, series));
        }
    }
    Ok(Study {
        metrics,
        members,
        source: "runs.csv",
    })
}

/// As [`read`], from the table of an analysis.
///
/// # Errors
/// If it is garbled.
pub fn from_analysis(table: &Table) -> Result<Study, FigureError> {
    let groups = table.texts("group")?;
    let runs = table.texts("run")?;
    let column = table.column("value")?;
    let (names, seeds) = (table.texts("metric")?, table.texts("seed")?);
    let (ds, values) = (table.numbers("d")?, table.numbers("value")?);
    let mut metrics = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    for (metric, title, logarithmic) in METRICS {
        let mut series: Vec<(String, Series)> = Vec::new();
        for row in 0..table.rows.len() {
            let (Some(d), true) = (ds[row], names[row] == metric) else {
                continue;
            };
            if let Some(value) = table.value(row, column)? {
                let series = entry(&mut series, &group_name(groups[row]));
                series.points.push((d, value));
                series.no_sample = !depends_on_seed(groups[row]);
            }
            if metric == "eval_loss" {
                members.push(Member {
                    directory: runs[row].to_owned(),
                    series: group_name(groups[row]),
                    d,
                    seed: seeds[row].to_owned(),
                    loss: values[row],
                });
            }
        }
        if !series.is_empty() {
            metrics.push((metric, title, logarithmic, series));
        }
    }
    Ok(Study {
        metrics,
        members,
        source: "study_metrics.csv",
    })
}

/// Whether series have points at different widths.
pub fn has_several_widths<'a>(series: impl Iterator<Item = &'a (String, Series)>) -> bool {
    let mut widths = series.flat_map(|(_, s)| s.points.iter().map(|p| p.0));
    let first = widths.next();
    widths.any(|d| Some(d) != first)
}

/// What a bar is.
pub const INTERVAL: &str = "the 95 % interval of the median (percentile bootstrap over seeds)";

impl Study {
    /// The metrics against `d`, or by setting where there is one width; nothing of a single series at one
    /// width.
    pub fn draw(&self) -> Vec<Figure> {
        let drawn: Vec<_> = self
            .metrics
            .iter()
            .filter(|(name, ..)| !["eval_loss_output", "eval_loss_layers"].contains(name))
            .filter(|(_, _, log, series)| {
                let mut points = series.iter().flat_map(|(_, s)| &s.points);
                points.any(|(_, value)| value.is_finite() && (!log || *value >= SMALLEST))
            })
            .collect();
        let plots: Vec<Plot<'_>> = drawn
            .iter()
            .map(|(_, title, log, series)| (*title, *log, series.as_slice()))
            .collect();
        let all = || plots.iter().flat_map(|(.., series)| *series);
        let one_series = all().all(|(name, _)| *name == drawn[0].3[0].0);
        if has_several_widths(all()) {
            let beside = if one_series {
                ""
            } else {
                " (series are offset horizontally)"
            };
            let caption = format!(
                "Final metrics against the width d of the residual stream. Each point is a completed run{beside}, \
                 lines join the medians over seeds, and bars are {INTERVAL}{}.",
                self.without()
            );
            let title = "Metrics against the width d";
            return against_width("metrics_by_d", title, &caption, self.source, &plots);
        }
        if one_series {
            return Vec::new();
        }
        let caption = format!(
            "Final metrics. Each point is a completed run, strokes are the medians over seeds, and bars are {INTERVAL}{}.",
            self.without()
        );
        let title = "Metrics by setting";
        vec![by_setting(
            "metrics_by_setting",
            title,
            &caption,
            self.source,
            &plots,
        )]
    }

    /// Where there is no interval, if that is anywhere.
    fn without(&self) -> &'static str {
        let all = || self.metrics.iter().flat_map(|(.., series)| series);
        let baseline = all().any(|(_, series)| series.no_sample);
        let single = all().any(|(_, series)| !series.no_sample && series.has_single_run());
        match (baseline, single) {
            (true, true) => {
                "; a single run and a baseline that does not depend on the seed have none"
            }
            (true, false) => "; a baseline that does not depend on the seed has none",
            (false, true) => "; a single run has none",
            (false, false) => "",
        }
    }
}
