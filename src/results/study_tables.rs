//! The tables that the analysis of a study leaves, a struct a row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::ReadError;
use super::feature::Verdict;
use super::group::{Group, by_key};
use super::layout::{ANALYZE, GRAM_AGREEMENT, REFERENCE_AGREEMENT, STUDY_VERDICTS};
use super::metric::Metric;
use super::statistics::median;
use super::table::Table;

/// A row of `study_metrics.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MetricRow {
    pub group: Group,
    pub d: usize,
    pub seed: u64,
    pub run: String,
    pub metric: Metric,
    pub value: f64,
}

impl MetricRow {
    /// The columns.
    pub const COLUMNS: [&str; 6] = ["group", "d", "seed", "run", "metric", "value"];

    /// Reads the table; rows without a `d` or a value, and of other metrics, are left out.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn all(table: &Table) -> Result<Vec<Self>, ReadError> {
        let [group, d, seed, run, metric, value] = columns(table, Self::COLUMNS)?;
        let row = |row: usize| {
            let cells = &table.rows[row];
            let found = (table.whole(row, d)?, table.value(row, value)?);
            let (Some(d), Some(value), Some(metric)) =
                (found.0, found.1, Metric::named(&cells[metric]))
            else {
                return Ok(None);
            };
            Ok(Some(Self {
                group: Group::from(cells[group].as_str()),
                d,
                seed: table.whole(row, seed)?.unwrap_or_default(),
                run: cells[run].clone(),
                metric,
                value,
            }))
        };
        (0..table.rows.len())
            .filter_map(|i| row(i).transpose())
            .collect()
    }
}

/// A row of `study_verdicts.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct VerdictRow {
    pub group: Group,
    pub d: usize,
    pub seed: u64,
    pub run: String,
    pub verdict: Verdict,
    pub features: usize,
}

impl VerdictRow {
    /// The columns.
    pub const COLUMNS: [&str; 6] = ["group", "d", "seed", "run", "verdict", "features"];

    /// Reads the table of a study, if it is there.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn read(directory: &Path) -> Result<Option<Vec<Self>>, ReadError> {
        let Some(table) = Table::read_if_there(directory, STUDY_VERDICTS, ANALYZE)? else {
            return Ok(None);
        };
        let [group, d, seed, run, verdict, features] = columns(&table, Self::COLUMNS)?;
        let row = |row: usize| {
            let empty =
                |column: usize| table.wrong(row, format!("`{}` is empty", table.header[column]));
            let cells = &table.rows[row];
            Ok(Self {
                group: Group::from(cells[group].as_str()),
                d: table.whole(row, d)?.ok_or_else(|| empty(d))?,
                seed: table.whole(row, seed)?.unwrap_or_default(),
                run: cells[run].clone(),
                verdict: table.word(row, verdict)?.ok_or_else(|| empty(verdict))?,
                features: table.whole(row, features)?.unwrap_or_default(),
            })
        };
        let rows = (0..table.rows.len()).map(row);
        rows.collect::<Result<_, _>>().map(Some)
    }
}

/// The features of the runs of a group at one `d`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MeanVerdicts {
    pub group: Group,
    pub d: usize,
    /// How many runs.
    pub runs: usize,
    /// The number of features of each verdict that is there, in all runs together.
    #[serde(skip)]
    pub features: BTreeMap<Verdict, usize>,
    /// The mean over the runs.
    pub mean_features: BTreeMap<Verdict, f64>,
}

impl MeanVerdicts {
    /// Of each group at each `d`, in the rows' order.
    pub fn of(rows: &[VerdictRow]) -> Vec<Self> {
        let by_setting = by_key(rows.iter().map(|row| ((&row.group, row.d), row)));
        let mean = |((group, d), rows): ((&Group, usize), Vec<&VerdictRow>)| {
            let runs: BTreeSet<&str> = rows.iter().map(|row| row.run.as_str()).collect();
            let runs = runs.len();
            let mut features: BTreeMap<Verdict, usize> = BTreeMap::new();
            let mut mean_features: BTreeMap<Verdict, f64> = BTreeMap::new();
            for row in rows {
                *features.entry(row.verdict).or_default() += row.features;
                *mean_features.entry(row.verdict).or_default() += row.features as f64 / runs as f64;
            }
            Self {
                group: group.clone(),
                d,
                runs,
                features,
                mean_features,
            }
        };
        by_setting.into_iter().map(mean).collect()
    }
}

/// A row of `gram_agreement.csv`: two runs that differ in their seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct AgreementRow {
    pub group: Group,
    pub d: usize,
    pub seed_a: u64,
    pub seed_b: u64,
    pub correlation: Option<f64>,
    pub correlation_off_diagonal: Option<f64>,
}

impl AgreementRow {
    /// The columns.
    pub const COLUMNS: [&str; 6] = [
        "group",
        "d",
        "seed_a",
        "seed_b",
        "correlation",
        "correlation_off_diagonal",
    ];
}

/// A row of `reference_agreement.csv`: a run beside a `G` from elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ReferenceRow {
    pub group: Group,
    pub d: usize,
    pub seed: u64,
    pub run: String,
    pub correlation: Option<f64>,
    pub correlation_off_diagonal: Option<f64>,
}

impl ReferenceRow {
    /// The columns.
    pub const COLUMNS: [&str; 6] = [
        "group",
        "d",
        "seed",
        "run",
        "correlation",
        "correlation_off_diagonal",
    ];
}

/// A finite correlation of two `G`, of either table.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Correlation {
    pub group: Group,
    pub d: usize,
    pub value: f64,
}

impl Correlation {
    /// Those of all pairs of seeds, if they are there.
    ///
    /// # Errors
    /// If the table is garbled.
    pub fn between_seeds(directory: &Path) -> Result<Option<Vec<Self>>, ReadError> {
        Self::read(directory, GRAM_AGREEMENT)
    }

    /// Those of all runs with a reference, if they are there.
    ///
    /// # Errors
    /// If the table is garbled.
    pub fn with_reference(directory: &Path) -> Result<Option<Vec<Self>>, ReadError> {
        Self::read(directory, REFERENCE_AGREEMENT)
    }

    fn read(directory: &Path, name: &str) -> Result<Option<Vec<Self>>, ReadError> {
        let Some(table) = Table::read_if_there(directory, name, ANALYZE)? else {
            return Ok(None);
        };
        let [group, d, value] = columns(&table, ["group", "d", "correlation"])?;
        let row = |row: usize| {
            let (Some(d), Some(value)) = (table.whole(row, d)?, table.number(row, value)?) else {
                return Ok(None);
            };
            Ok(Some(Self {
                group: Group::from(table.rows[row][group].as_str()),
                d,
                value,
            }))
        };
        let rows = (0..table.rows.len()).filter_map(|i| row(i).transpose());
        rows.collect::<Result<_, _>>().map(Some)
    }
}

fn columns<const N: usize>(table: &Table, names: [&str; N]) -> Result<[usize; N], ReadError> {
    let mut columns = [0; N];
    for (column, name) in columns.iter_mut().zip(names) {
        *column = table.column(name)?;
    }
    Ok(columns)
}

/// The agreement of all pairs of seeds of a group at one `d`, in `analysis.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AgreementMedian {
    pub group: Group,
    pub d: usize,
    pub pairs: usize,
    /// `None` if no pair has a correlation.
    pub median_correlation: Option<f64>,
    /// The same without the diagonal, and in analyses of earlier versions.
    pub median_correlation_off_diagonal: Option<f64>,
}

impl AgreementMedian {
    /// Of each group at each `d`, in the rows' order.
    pub fn of(rows: &[AgreementRow]) -> Vec<Self> {
        let by_setting = by_key(rows.iter().map(|row| ((&row.group, row.d), row)));
        let known = |median: f64| (!median.is_nan()).then_some(median);
        let medians = |((group, d), rows): ((&Group, usize), Vec<&AgreementRow>)| {
            let whole = median_of(rows.iter().map(|row| row.correlation));
            let apart = median_of(rows.iter().map(|row| row.correlation_off_diagonal));
            Self {
                group: group.clone(),
                d,
                pairs: rows.len(),
                median_correlation: known(whole),
                median_correlation_off_diagonal: known(apart),
            }
        };
        by_setting.into_iter().map(medians).collect()
    }
}

/// The median, where what is none counts as the largest value.
pub fn median_of(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let values: Vec<f64> = values.map(|value| value.unwrap_or(f64::NAN)).collect();
    median(&values)
}
