//! `runs.csv`: a row for each run of a study that is over, in the study's order.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::error::ReadError;
use super::group::{Group, Grouping};
use super::layout::{COLLECT, RUNS};
use super::metric::Metric;
use super::state::{RunState, Status};
use super::table::{Table, number, to_csv};
use super::trainings::{Origin, Verdict};
use crate::config::Method;
use crate::config::keys::{DIM, METHOD, SEED};

/// How a training ended; empty for a baseline, and where a version before that column trained the run.
pub const ENDING: &str = "ending";
/// The final error beside that of the best constant answer; empty as [`ENDING`] is, and where a constant answer is right
/// everywhere.
pub const ERROR_SHARE: &str = "error_share";
/// How a run ended: its [`Status`].
pub const STOP_REASON: &str = "stop_reason";
/// Time in the training loop.
pub const SECONDS: &str = "wall_time_seconds";
/// Updates done.
pub const STEPS: &str = "steps";
const RUN: &str = "run";
const FAILURE: &str = "failure";
const CONFIG_HASH: &str = "config_hash";
/// Where `W` comes from; beside the study's keys, of which `compression.method` may be one.
pub const METHOD_COLUMN: &str = "method";

/// The table.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// The study's keys.
    pub keys: Vec<String>,
    /// In the study's order.
    pub rows: Vec<RunRow>,
}

/// A run that is over. What earlier versions did not write is none.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its directory, below the study's.
    pub run: String,
    /// Of each of the study's keys.
    pub values: Vec<String>,
    /// Where `W` comes from.
    pub method: Method,
    /// How it ended.
    pub status: Option<Status>,
    /// Whether a training learned.
    pub ending: Option<Verdict>,
    /// Its error beside that of the best constant answer.
    pub error_share: Option<f64>,
    /// Updates done.
    pub steps: Option<u64>,
    /// The final metrics of a completed run; may be non-finite.
    pub metrics: BTreeMap<Metric, f64>,
    /// Why there is no result.
    pub failure: String,
    /// Of everything that decides the results.
    pub config_hash: String,
    /// Time in the training loop.
    pub seconds: Option<f64>,
}

impl RunRow {
    /// Of a run that is over.
    pub fn new(run: &str, method: Method, values: &[String], state: &RunState) -> Self {
        let summary = state.summary();
        let ending = summary.and_then(|summary| summary.ending);
        let metrics = Metric::OF_EVALUATION.into_iter();
        let failure = state.failure().unwrap_or_default();
        Self {
            run: run.to_owned(),
            values: values.to_vec(),
            method,
            status: Some(state.status()),
            ending: ending.map(|ending| ending.verdict),
            error_share: ending.and_then(|ending| ending.error_share),
            steps: summary.map(|summary| summary.steps),
            metrics: metrics
                .filter_map(|metric| Some((metric, state.metric(metric)?)))
                .collect(),
            failure: failure.split_whitespace().collect::<Vec<_>>().join(" "),
            config_hash: summary.map_or_else(String::new, |summary| summary.config_hash.clone()),
            seconds: summary.map(|summary| summary.wall_time_seconds),
        }
    }

    /// Whether it has a result.
    pub fn is_completed(&self) -> bool {
        self.status == Some(Status::Completed)
    }

    /// Where its `W` comes from, as answers count it.
    pub fn origin(&self) -> Origin {
        match self.method {
            Method::Train => Origin::Trained(self.ending),
            Method::Pca | Method::Random | Method::Subset => Origin::Baseline,
        }
    }
}

impl Runs {
    /// Reads a study's table, if it is there.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn read(directory: &Path) -> Result<Option<Self>, ReadError> {
        let table = Table::read_if_there(directory, RUNS, COLLECT)?;
        table.as_ref().map(Self::from_table).transpose()
    }

    /// As [`Runs::read`], from the table's text. The study's keys are what stands between `run` and `method`.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn from_table(table: &Table) -> Result<Self, ReadError> {
        let (run, method) = (table.column(RUN)?, table.column(METHOD_COLUMN)?);
        let keys: Vec<usize> = (0..method).filter(|column| *column != run).collect();
        let mut metrics = Vec::new();
        for metric in Metric::all() {
            metrics.extend(table.find(metric.name()).map(|column| (metric, column)));
        }
        let row = |row: usize| -> Result<RunRow, ReadError> {
            let cell = |column: usize| table.rows[row][column].clone();
            let text = |name: &str| table.find(name).map_or_else(String::new, cell);
            if_there(table.find(DIM), |column| table.whole::<usize>(row, column))?;
            let mut found = BTreeMap::new();
            for (metric, column) in &metrics {
                found.extend(table.value(row, *column)?.map(|value| (*metric, value)));
            }
            let of = |name: &str| if_there(table.find(name), |column| table.value(row, column));
            Ok(RunRow {
                run: cell(run),
                values: keys.iter().map(|key| cell(*key)).collect(),
                method: table
                    .word(row, method)?
                    .ok_or_else(|| table.wrong(row, "`method` is empty"))?,
                status: if_there(table.find(STOP_REASON), |column| table.word(row, column))?,
                ending: if_there(table.find(ENDING), |column| table.word(row, column))?,
                error_share: of(ERROR_SHARE)?,
                steps: if_there(table.find(STEPS), |column| table.whole(row, column))?,
                metrics: found,
                failure: text(FAILURE),
                config_hash: text(CONFIG_HASH),
                seconds: of(SECONDS)?,
            })
        };
        Ok(Self {
            keys: keys.iter().map(|key| table.header[*key].clone()).collect(),
            rows: (0..table.rows.len()).map(row).collect::<Result<_, _>>()?,
        })
    }

    /// The table's bytes.
    ///
    /// # Errors
    /// If a row has more or fewer values than there are keys.
    pub fn to_csv(&self) -> io::Result<Vec<u8>> {
        let mut header = vec![RUN];
        header.extend(self.keys.iter().map(String::as_str));
        header.extend([METHOD_COLUMN, STOP_REASON, ENDING, ERROR_SHARE, STEPS]);
        header.extend(Metric::OF_EVALUATION.map(Metric::name));
        // Timing is the last column: the rest is the same however the work was shared or interrupted.
        header.extend([FAILURE, CONFIG_HASH, SECONDS]);
        let rows = self.rows.iter().map(|row| {
            let cell = |value: Option<f64>| value.map_or_else(String::new, number);
            (
                (&row.run, &row.values, row.method, row.status),
                (row.ending, cell(row.error_share), row.steps),
                Metric::OF_EVALUATION.map(|metric| cell(row.metrics.get(&metric).copied())),
                (&row.failure, &row.config_hash),
                row.seconds
                    .map_or_else(String::new, |seconds| format!("{seconds:.3}")),
            )
        });
        to_csv(&header, rows)
    }

    /// How many runs have a result.
    pub fn completed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_completed()).count()
    }

    /// The value of a key in a run; none if the study does not vary it.
    pub fn value<'a>(&self, row: &'a RunRow, key: &str) -> Option<&'a str> {
        let column = self.keys.iter().position(|known| known == key)?;
        row.values.get(column).map(String::as_str)
    }

    /// `d` of a run; none if the study does not vary it.
    pub fn width(&self, row: &RunRow) -> Option<usize> {
        self.value(row, DIM)?.parse().ok()
    }

    /// The group of each run of a study that was not analysed, told by every setting that differs.
    pub fn groups(&self) -> Vec<Group> {
        let settings = self.rows.iter().map(|row| {
            let mut settings = self.settings(row);
            settings.push((METHOD.to_owned(), row.method.name().to_owned()));
            settings
        });
        let grouping = Grouping::by_all(settings.collect());
        (0..self.rows.len())
            .map(|run| grouping.group(run))
            .collect()
    }

    /// What tells each run's series from others, the method first.
    pub(super) fn series(&self) -> Grouping {
        let settings = self.rows.iter().map(|row| {
            let mut settings = vec![(METHOD.to_owned(), row.method.name().to_owned())];
            settings.extend(self.settings(row));
            settings
        });
        Grouping::new(settings.collect())
    }

    /// The keys of a run with their values, but `d`, the seed and the method.
    fn settings(&self, row: &RunRow) -> Vec<(String, String)> {
        let pairs = self.keys.iter().cloned().zip(row.values.iter().cloned());
        pairs
            .filter(|(key, _)| ![DIM, SEED, METHOD].contains(&key.as_str()))
            .collect()
    }
}

/// What a column says that earlier versions did not write.
fn if_there<T>(
    column: Option<usize>,
    read: impl FnOnce(usize) -> Result<Option<T>, ReadError>,
) -> Result<Option<T>, ReadError> {
    column.map_or(Ok(None), read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Runs, ReadError> {
        Runs::from_table(&Table::parse(Path::new(RUNS), text, COLLECT)?)
    }

    #[test]
    fn runs_are_read_as_they_were_written() {
        let row = |run: &str, status: Status| RunRow {
            run: run.into(),
            values: vec!["8".into(), "{x = 0.5}, \"y\"".into()],
            method: Method::Train,
            status: Some(status),
            ending: Some(Verdict::Stuck),
            error_share: Some(1e-5),
            steps: Some(7),
            metrics: BTreeMap::from([(Metric::Mae, 1e-7), (Metric::EvalLoss, f64::INFINITY)]),
            failure: String::new(),
            config_hash: "abc".into(),
            seconds: Some(1.25),
        };
        let failed = RunRow {
            method: Method::Pca,
            ending: None,
            error_share: None,
            steps: None,
            metrics: BTreeMap::new(),
            failure: "no space, \"left\"".into(),
            seconds: None,
            ..row("b", Status::Failed)
        };
        let runs = Runs {
            keys: vec![DIM.into(), "inputs.token_weights".into()],
            rows: vec![row("a", Status::Completed), failed],
        };
        let text = String::from_utf8(runs.to_csv().unwrap()).unwrap();
        assert!(
            text.contains(",train,completed,stuck,1e-5,7,inf,,,1e-7,"),
            "{text}"
        );
        assert_eq!(parse(&text).unwrap(), runs);
        assert_eq!((runs.completed(), runs.width(&runs.rows[0])), (1, Some(8)));
    }

    #[test]
    fn runs_of_earlier_versions_lack_columns_and_words_are_checked() {
        let old = parse("run,a,method,eval_loss\nx,1,pca,0.5\n").unwrap();
        let row = &old.rows[0];
        assert_eq!((row.status, row.origin()), (None, Origin::Baseline));
        assert_eq!((old.value(row, "a"), old.width(row)), (Some("1"), None));
        for (text, part) in [
            ("run,method\nx,guess\n", "line 2: `method` is `guess`"),
            ("run,method\nx,\n", "line 2: `method` is empty"),
            (
                "run,method,stop_reason\nx,pca,done\n",
                "line 2: `stop_reason` is `done`",
            ),
            (
                "run,compression.dim,method\nx,six,pca\n",
                "`six`, not a whole number",
            ),
            ("run,mae\nx,0.5\n", "there is no column `method`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn groups_and_series_are_told_apart_by_the_settings_that_differ() {
        let text = "run,compression.dim,model.program,training.steps,training.seed,method\n\
                    a,6,x/p.rasp,10,0,train\nb,8,x/p.rasp,20,1,train\nc,8,x/p.rasp,20,0,pca\n";
        let runs = parse(text).unwrap();
        let groups: Vec<Group> = runs.groups();
        assert_eq!(
            groups,
            [
                "training.steps=10, compression.method=train",
                "training.steps=20, compression.method=train",
                "training.steps=20, compression.method=pca"
            ]
            .map(Group::from)
        );
        let series = runs.series();
        assert_eq!(
            series.settings(2),
            [(METHOD, "pca"), ("training.steps", "20")]
        );
    }
}
