//! A published study, read from its tables alone.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::estimate::Estimate;
use crate::layout::MEDIANS;
use tracr_compress::config::Method;
use tracr_compress::config::keys::DIM;
use tracr_compress::results::critical::{Tolerance, critical_width};
use tracr_compress::results::layout::RUNS;
use tracr_compress::results::runs::{METHOD_COLUMN, SECONDS, STOP_REASON};
use tracr_compress::results::statistics::median;
use tracr_compress::results::study_tables::VerdictRow;
use tracr_compress::results::{Metric, ReadError, Status, Table};

const REMEDY: &str = "`reproduce publish` on the study's directory rebuilds it";

/// Cells of `runs.csv` that tell a setting, all of which must be so: `("compression.dim", "8")`.
pub type Setting<'a> = &'a [(&'a str, &'a str)];

/// The cell of the runs whose `W` a method found.
pub fn of_method(method: Method) -> (&'static str, &'static str) {
    (METHOD_COLUMN, method.name())
}

/// A figure of every run: a column of a table, over the rows that are kept, folded into one number.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    table: &'a str,
    column: &'a str,
    keep: &'a [(&'a str, &'a str)],
    value: fn(&str) -> Option<f64>,
    fold: fn(&[f64]) -> f64,
}

impl<'a> Source<'a> {
    /// A column of `runs.csv`.
    pub const fn of_run(column: &'a str) -> Self {
        Self::of(RUNS, column, &[])
    }

    /// A metric of `runs.csv`.
    pub const fn of_metric(metric: Metric) -> Self {
        Self::of_run(metric.name())
    }

    /// The column of a table that has a row for some thing of each run, where other columns say which:
    /// a text, or the beginning of one with `*` after it. Of several rows the median counts.
    pub const fn of(table: &'a str, column: &'a str, keep: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            table,
            column,
            keep,
            value: |cell| cell.parse().ok(),
            fold: median,
        }
    }

    /// Several rows of a run become one number in another way.
    pub const fn folded(self, fold: fn(&[f64]) -> f64) -> Self {
        Self { fold, ..self }
    }

    /// Words become numbers.
    pub const fn valued(self, value: fn(&str) -> Option<f64>) -> Self {
        Self { value, ..self }
    }
}

/// A study of `results/`.
#[derive(Debug)]
pub struct Study {
    /// Its name, and that of its file in `experiments/`.
    pub name: String,
    directory: PathBuf,
    runs: Rc<Table>,
    tables: RefCell<HashMap<String, Rc<Table>>>,
}

impl Study {
    /// Reads a study's runs; none if it was not published by `reproduce publish`.
    ///
    /// # Errors
    /// If the table is garbled.
    pub fn load(results: &Path, name: &str) -> Result<Option<Self>, ReadError> {
        if !results.join(name).join(MEDIANS).is_file() {
            return Ok(None);
        }
        Self::of_sweep(results, name)
    }

    /// Reads a study's runs; none if there is no table of them. Other tables may be missing.
    ///
    /// # Errors
    /// If the table is garbled.
    pub fn of_sweep(results: &Path, name: &str) -> Result<Option<Self>, ReadError> {
        let directory = results.join(name);
        let runs = Table::read_if_there(&directory, RUNS, REMEDY)?;
        Ok(runs.map(|runs| {
            let runs = Rc::new(runs);
            Self {
                name: name.to_owned(),
                directory,
                tables: RefCell::new(HashMap::from([(RUNS.to_owned(), Rc::clone(&runs))])),
                runs,
            }
        }))
    }

    /// What became of the features of every run, if the study was analysed.
    ///
    /// # Errors
    /// If the table is garbled.
    pub fn verdicts(&self) -> Result<Option<Vec<VerdictRow>>, ReadError> {
        VerdictRow::read(&self.directory)
    }

    /// A file below the study's directory, if it is there, by its name below `results/`.
    pub fn file(&self, name: &str) -> Option<String> {
        let path = self.directory.join(name);
        path.is_file().then(|| format!("{}/{name}", self.name))
    }

    fn table(&self, name: &str) -> Result<Rc<Table>, ReadError> {
        if let Some(known) = self.tables.borrow().get(name) {
            return Ok(Rc::clone(known));
        }
        let table = Rc::new(Table::read(&self.directory, name, REMEDY)?);
        let mut tables = self.tables.borrow_mut();
        Ok(Rc::clone(tables.entry(name.to_owned()).or_insert(table)))
    }

    /// The completed runs of a setting, as rows of `runs.csv`.
    fn rows(&self, setting: Setting<'_>) -> Result<Vec<usize>, ReadError> {
        let reason = self.runs.column(STOP_REASON)?;
        let columns = setting
            .iter()
            .map(|(key, value)| Ok((self.runs.column(key)?, *value)));
        let columns = columns.collect::<Result<Vec<_>, ReadError>>()?;
        let completed = Status::Completed.to_string();
        let is_so = |row: &&Vec<String>| {
            row[reason] == completed && columns.iter().all(|(c, value)| row[*c] == *value)
        };
        let rows = self.runs.rows.iter().enumerate();
        Ok(rows.filter(|(_, row)| is_so(row)).map(|(i, _)| i).collect())
    }

    /// The values of a key among the completed runs of a setting, in the study's order.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn levels(&self, setting: Setting<'_>, key: &str) -> Result<Vec<String>, ReadError> {
        let column = self.runs.column(key)?;
        let mut levels: Vec<String> = Vec::new();
        for row in self.rows(setting)? {
            let cell = &self.runs.rows[row][column];
            if !levels.contains(cell) {
                levels.push(cell.clone());
            }
        }
        Ok(levels)
    }

    /// Whether a column of `runs.csv` says anything of the completed runs of a setting; older tables may be without it.
    ///
    /// # Errors
    /// If a column of the setting is missing.
    pub fn has(&self, setting: Setting<'_>, column: &str) -> Result<bool, ReadError> {
        let Some(column) = self.runs.find(column) else {
            return Ok(false);
        };
        let mut rows = self.rows(setting)?.into_iter();
        Ok(rows.any(|row| !self.runs.rows[row][column].is_empty()))
    }

    /// A figure of each completed run of a setting that has it, with the run's row in `runs.csv`.
    fn by_row(
        &self,
        setting: Setting<'_>,
        source: &Source<'_>,
    ) -> Result<Vec<(usize, f64)>, ReadError> {
        let table = self.table(source.table)?;
        let (run, column) = (table.column("run")?, table.column(source.column)?);
        let keep = source.keep.iter().map(|(key, wanted)| {
            Ok::<_, ReadError>((table.column(key)?, wanted.strip_suffix('*'), *wanted))
        });
        let keep = keep.collect::<Result<Vec<_>, _>>()?;
        let is_kept = |row: &Vec<String>| {
            keep.iter()
                .all(|(column, beginning, whole)| match beginning {
                    Some(beginning) => row[*column].starts_with(beginning),
                    None => row[*column] == *whole,
                })
        };
        let mut values: HashMap<&str, Vec<f64>> = HashMap::new();
        for row in table.rows.iter().filter(|row| is_kept(row)) {
            values
                .entry(&row[run])
                .or_default()
                .extend((source.value)(&row[column]).filter(|x| x.is_finite()));
        }
        let names = self.runs.texts("run")?;
        let rows = self.rows(setting)?.into_iter();
        let found = rows.filter_map(|row| {
            let values = values.get(names[row]).filter(|values| !values.is_empty())?;
            Some((row, (source.fold)(values)))
        });
        Ok(found.collect())
    }

    /// A figure of each completed run of a setting that has it.
    ///
    /// # Errors
    /// If a table or a column is missing.
    pub fn values(&self, setting: Setting<'_>, source: &Source<'_>) -> Result<Vec<f64>, ReadError> {
        let by_row = self.by_row(setting, source)?;
        Ok(by_row.into_iter().map(|(_, value)| value).collect())
    }

    /// A figure over the runs of a setting; none if no run has it.
    ///
    /// # Errors
    /// As [`Study::values`].
    pub fn estimate(
        &self,
        setting: Setting<'_>,
        source: &Source<'_>,
    ) -> Result<Option<Estimate>, ReadError> {
        Ok(Estimate::new(&self.values(setting, source)?))
    }

    /// The smallest width from which on a metric of `runs.csv` is good enough, over all runs of a setting.
    ///
    /// # Errors
    /// As [`Study::values`].
    pub fn critical_width(
        &self,
        setting: Setting<'_>,
        tolerance: &Tolerance,
    ) -> Result<Option<Estimate>, ReadError> {
        let column = self.runs.column(DIM)?;
        let mut values: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let found = self.by_row(setting, &Source::of_metric(tolerance.metric))?;
        let runs = found.len();
        for (row, value) in found {
            if let Some(d) = self.runs.number(row, column)? {
                values.entry(d as usize).or_default().push(value);
            }
        }
        let largest = values.keys().next_back().copied();
        Ok(largest.map(|largest| {
            Estimate::of_width(&critical_width(&values, tolerance, 0), runs, largest as f64)
        }))
    }

    /// Runs, seconds of computing, and the median of a training run's.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn time(&self) -> Result<(usize, f64, Option<f64>), ReadError> {
        let seconds = Source::of_run(SECONDS);
        let all = self.values(&[], &seconds)?;
        let trained = self.values(&[of_method(Method::Train)], &seconds)?;
        let middle = (!trained.is_empty()).then(|| median(&trained));
        Ok((self.runs.rows.len(), all.iter().sum(), middle))
    }
}
