//! What a study's tables say, as series against `d`.

use std::collections::BTreeMap;
use std::path::Path;

use super::by_width::{SMALLEST, Series, against_width};
use super::colour::VERDICTS;
use super::table::{FigureError, Table};
use super::{Figure, bars};

const COLLECT: &str = "`compress sweep --collect DIR` makes it anew from the runs";
const ANALYZE: &str = "`compress analyze DIR` makes it anew from the runs";
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

/// What a study's tables say, and whether the intervals come from `summary.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Study {
    pub metrics: Metrics,
    pub members: Vec<Member>,
    from_summary: bool,
    source: &'static str,
}

/// Reads `runs.csv` and `summary.csv`, or `study_metrics.csv` where there are none.
///
/// # Errors
/// If a table is garbled.
pub fn read(directory: &Path) -> Result<Study, FigureError> {
    match Table::read_if_there(directory, "runs.csv", COLLECT)? {
        Some(runs) => from_sweep(&runs, Table::read(directory, "summary.csv", COLLECT)?),
        None => from_analysis(&Table::read(directory, "study_metrics.csv", ANALYZE)?),
    }
}

/// The settings that tell series apart: all grid keys but `d` and the seed, and the method.
fn series_columns(table: &Table) -> Result<Vec<usize>, FigureError> {
    let method = table.column("method")?;
    let first = usize::from(table.header.first().is_some_and(|name| name == "run"));
    let keys = (first..method)
        .filter(|&i| ![DIM, SEED, "compression.method"].contains(&table.header[i].as_str()));
    Ok(std::iter::once(method).chain(keys).collect())
}

fn series_name(table: &Table, row: usize, columns: &[usize]) -> String {
    let words = columns.iter().enumerate().filter_map(|(i, &column)| {
        let cell = &table.rows[row][column];
        if i == 0 {
            return Some(cell.clone());
        }
        let key = table.header[column].rsplit('.').next().unwrap_or_default();
        (!cell.is_empty()).then(|| format!("{key}={cell}"))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn entry<'a>(series: &'a mut Vec<(String, Series)>, name: &str) -> &'a mut Series {
    let found = series.iter().position(|(known, _)| known == name);
    let at = found.unwrap_or_else(|| {
        series.push((name.to_owned(), Series::default()));
        series.len() - 1
    });
    &mut series[at].1
}

fn from_sweep(runs: &Table, summary: Table) -> Result<Study, FigureError> {
    let columns = series_columns(runs)?;
    // A study of one width does not list it among its keys.
    let width = |table: &Table, row: usize| -> Result<Option<f64>, FigureError> {
        table
            .find(DIM)
            .map_or(Ok(None), |column| table.number(row, column))
    };
    let mut members = Vec::new();
    let directories = runs.texts("run")?;
    let losses = runs.numbers("eval_loss")?;
    for row in 0..runs.rows.len() {
        members.push(Member {
            directory: directories[row].to_owned(),
            series: series_name(runs, row, &columns),
            d: width(runs, row)?.unwrap_or(0.0),
            seed: runs
                .find(SEED)
                .map_or_else(String::new, |c| runs.rows[row][c].clone()),
            loss: losses[row],
        });
    }
    let summary_columns = series_columns(&summary)?;
    let mut metrics = Vec::new();
    for (metric, title, logarithmic) in METRICS {
        let Some(column) = runs.find(metric) else {
            continue;
        };
        let mut series = Vec::new();
        for (row, member) in members.iter().enumerate() {
            if let (Some(d), Some(value)) = (width(runs, row)?, runs.number(row, column)?) {
                entry(&mut series, &member.series).points.push((d, value));
            }
        }
        let figure = |name: &str| summary.numbers(&format!("{metric}_{name}"));
        let (means, lows, highs) = (figure("mean")?, figure("ci_low")?, figure("ci_high")?);
        for row in 0..summary.rows.len() {
            if let (Some(d), Some(mean)) = (width(&summary, row)?, means[row]) {
                let name = series_name(&summary, row, &summary_columns);
                entry(&mut series, &name)
                    .means
                    .push((d, mean, lows[row], highs[row]));
            }
        }
        if !series.is_empty() {
            metrics.push((metric, title, logarithmic, series));
        }
    }
    Ok(Study {
        metrics,
        members,
        from_summary: true,
        source: "runs.csv, summary.csv",
    })
}

fn from_analysis(table: &Table) -> Result<Study, FigureError> {
    let groups: Vec<String> = table.texts("group")?.into_iter().map(group_name).collect();
    let runs = table.texts("run")?;
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
            if let Some(value) = values[row] {
                entry(&mut series, &groups[row]).points.push((d, value));
            }
            if metric == "eval_loss" {
                members.push(Member {
                    directory: runs[row].to_owned(),
                    series: groups[row].clone(),
                    d,
                    seed: seeds[row].to_owned(),
                    loss: values[row],
                });
            }
        }
        for (_, series) in &mut series {
            series.means = over_seeds(&series.points);
        }
        if !series.is_empty() {
            metrics.push((metric, title, logarithmic, series));
        }
    }
    Ok(Study {
        metrics,
        members,
        from_summary: false,
        source: "study_metrics.csv",
    })
}

/// A group of the analysis as series are called: `compression.method=pca` is `pca`, of other keys the
/// last part is enough.
pub fn group_name(group: &str) -> String {
    let parts = group.split(", ").map(|part| match part.split_once('=') {
        Some(("compression.method", method)) => method.to_owned(),
        Some((key, value)) => {
            let key = key.rsplit('.').next().unwrap_or(key);
            format!("{key}={value}")
        }
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Mean, lowest and highest value at each `d`.
fn over_seeds(points: &[(f64, f64)]) -> Vec<(f64, f64, Option<f64>, Option<f64>)> {
    let mut by_width: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (d, value) in points {
        by_width.entry(d.to_bits()).or_default().push(*value);
    }
    by_width
        .into_iter()
        .map(|(d, values)| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let low = values.iter().copied().reduce(f64::min);
            (
                f64::from_bits(d),
                mean,
                low,
                values.into_iter().reduce(f64::max),
            )
        })
        .collect()
}

impl Study {
    /// Two figures: the metrics of the loop, and those of the analysis, against `d`.
    pub fn draw(&self) -> Option<Figure> {
        let drawn: Vec<_> = self
            .metrics
            .iter()
            .filter(|(name, ..)| !["eval_loss_output", "eval_loss_layers"].contains(name))
            .filter(|(_, _, log, series)| {
                let mut points = series.iter().flat_map(|(_, s)| &s.points);
                points.any(|(_, value)| !log || *value >= SMALLEST)
            })
            .collect();
        let several_widths = |series: &[(String, Series)]| {
            let mut ds = series
                .iter()
                .flat_map(|(_, s)| s.points.iter().map(|p| p.0));
            let first = ds.next();
            ds.any(|d| Some(d) != first)
        };
        if !drawn.iter().any(|(.., series)| several_widths(series)) {
            return None;
        }
        let band = if self.from_summary {
            "bands are the 95 % bootstrap interval of the mean"
        } else {
            "bands go from the lowest to the highest seed"
        };
        Some(against_width(
            "metrics_by_d",
            "Metrics against the width d",
            &format!(
                "Final figures against the width d of the residual stream: points are runs, lines their mean, \
                 {band}."
            ),
            self.source,
            &drawn
                .iter()
                .map(|(_, title, log, series)| (*title, *log, series.as_slice()))
                .collect::<Vec<_>>(),
        ))
    }
}

/// Agreement of `G` between seeds and with a reference, against `d`.
///
/// # Errors
/// If a table is garbled.
pub fn agreement(directory: &Path) -> Result<Option<Figure>, FigureError> {
    let mut series: Vec<(String, Series)> = Vec::new();
    let mut sources = Vec::new();
    for (file, name) in [
        ("gram_agreement.csv", "between seeds"),
        ("reference_agreement.csv", "with the reference"),
    ] {
        let Some(table) = Table::read_if_there(directory, file, ANALYZE)? else {
            continue;
        };
        let groups = table.texts("group")?;
        let (ds, values) = (table.numbers("d")?, table.numbers("correlation")?);
        let before = series.len();
        for row in 0..table.rows.len() {
            if let (Some(d), Some(value)) = (ds[row], values[row]) {
                let series_name = match groups[row] {
                    "all" => name.to_owned(),
                    group => format!("{}, {name}", group_name(group)),
                };
                entry(&mut series, &series_name).points.push((d, value));
            }
        }
        if series.len() > before {
            sources.push(file);
        }
    }
    for (_, series) in &mut series {
        let means = over_seeds(&series.points).into_iter();
        series.means = means.map(|(d, mean, ..)| (d, mean, None, None)).collect();
    }
    Ok((!series.is_empty()).then(|| {
        against_width(
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
pub fn verdicts(directory: &Path) -> Result<Option<Figure>, FigureError> {
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
    let means: Vec<(String, Vec<f64>)> = rows
        .into_iter()
        .map(|(name, runs, counts)| (name, counts.iter().map(|c| c / runs.len() as f64).collect()))
        .collect();
    Ok((!means.is_empty()).then(|| bars::verdicts(&means)))
}
