//! `runs.csv` and `summary.csv`: a study's results, from its run directories.
//!
//! Rows stand in the study's order, whichever run ended first; timing is the last column, and the
//! rest is the same however the work was shared, interrupted or ordered.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::record::{Record, RunEntry};
use super::study_lock::StudyLock;
use crate::config::keys::SEED;
use crate::results::group::by_key;
use crate::results::layout::{POINTS, RUNS};
use crate::results::runs::{METHOD_COLUMN, RunRow};
use crate::results::statistics::Statistics;
use crate::results::table::{number, to_csv};
use crate::results::{Metric, RunState, Runs, Status};
use base::files::FileError;
use base::interrupt;

/// What `summary.csv` has of each metric.
const STATISTICS: [&str; 9] = [
    "mean",
    "std",
    "median",
    "min",
    "max",
    "ci_low",
    "ci_high",
    "median_low",
    "median_high",
];

/// A study's tables, which look again only at runs that were not completed at the last look.
#[derive(Debug)]
pub struct Tables {
    directory: PathBuf,
    record: Record,
    states: Vec<RunState>,
    /// Statistics of the last look, by their values: resampling takes longer than all the rest.
    known: HashMap<Vec<u64>, [String; STATISTICS.len()]>,
}

impl Tables {
    /// The tables of a study's directory.
    pub fn new(directory: &Path, record: &Record) -> Self {
        Self {
            directory: directory.to_owned(),
            record: record.clone(),
            states: vec![RunState::Pending; record.runs.len()],
            known: HashMap::new(),
        }
    }

    /// How far each run is, in the study's order, at the last look.
    pub fn states(&self) -> &[RunState] {
        &self.states
    }

    /// Looks at the run directories.
    ///
    /// # Errors
    /// If a run's file cannot be read.
    pub fn look(&mut self) -> Result<(), FileError> {
        for (run, state) in self.record.runs.iter().zip(&mut self.states) {
            if !matches!(state, RunState::Completed(_)) {
                *state = RunState::read(&self.directory.join(&run.directory))?;
            }
        }
        Ok(())
    }

    /// Looks at the run directories and replaces both files. Only one process at a time does, so
    /// that the last to write has seen all that those before it saw.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn rewrite(&mut self) -> Result<(), FileError> {
        let lock = StudyLock::take(&self.directory)?;
        self.look()?;
        let _both = interrupt::hold();
        self.write(&lock, RUNS, self.runs().to_csv())?;
        let points = self.points();
        self.write(&lock, POINTS, points)
    }

    fn write(
        &self,
        lock: &StudyLock,
        name: &str,
        table: io::Result<Vec<u8>>,
    ) -> Result<(), FileError> {
        let bytes = table.map_err(FileError::new("write", &self.directory.join(name)))?;
        lock.write(name, &bytes)
    }

    fn runs(&self) -> Runs {
        let runs = self.record.runs.iter().zip(&self.states);
        let over = runs.filter(|(_, state)| state.is_over());
        Runs {
            keys: self.record.keys.clone(),
            rows: over
                .map(|(run, state)| RunRow::new(&run.directory, run.method, &run.values, state))
                .collect(),
        }
    }

    /// A row for each grid point of which a run is over, in the order in which the points come first in the study.
    fn points(&mut self) -> io::Result<Vec<u8>> {
        let folded = self.record.keys.iter().position(|key| key == SEED);
        let without_seed = |cells: &[String]| -> Vec<String> {
            let kept = cells.iter().enumerate().filter(|(i, _)| Some(*i) != folded);
            kept.map(|(_, cell)| cell.clone()).collect()
        };
        let mut header = without_seed(&self.record.keys);
        header.extend([METHOD_COLUMN, "n", "failed"].map(String::from));
        for metric in Metric::OF_EVALUATION {
            header.extend(STATISTICS.map(|statistic| format!("{metric}_{statistic}")));
        }
        let point = |run: &RunEntry| (without_seed(&run.values), run.method.name());
        let runs = self.record.runs.iter().zip(&self.states);
        let points = by_key(runs.map(|(run, state)| (point(run), state)));
        // What no point has any more would pile up: all values of each look.
        let mut before = std::mem::take(&mut self.known);
        let mut rows: Vec<Point> = Vec::new();
        for ((values, method), states) in points {
            let of = |status: Status| {
                states
                    .iter()
                    .filter(|state| state.status() == status)
                    .count()
            };
            let completed = of(Status::Completed);
            let failed = of(Status::Diverged) + of(Status::Failed);
            if completed + failed == 0 {
                continue;
            }
            let mut statistics = Vec::new();
            for metric in Metric::OF_EVALUATION {
                let values: Vec<f64> = states.iter().filter_map(|s| s.metric(metric)).collect();
                let bits: Vec<u64> = values.iter().map(|x| x.to_bits()).collect();
                let known = self.known.entry(bits).or_insert_with_key(|bits| {
                    let known = before.remove(bits);
                    known.unwrap_or_else(|| cells(&values))
                });
                statistics.extend(known.iter().cloned());
            }
            rows.push((values, method, completed, failed, statistics));
        }
        to_csv(&header, rows)
    }
}

/// A row of `summary.csv`: the values of the study's keys but the seed, the method, how many runs have a result and how
/// many have none, and the statistics of each metric.
type Point = (Vec<String>, &'static str, usize, usize, Vec<String>);

fn cells(values: &[f64]) -> [String; STATISTICS.len()] {
    let Some(found) = Statistics::new(values) else {
        return Default::default();
    };
    let (low, high) = found.interval;
    let (median_low, median_high) = found.median_interval;
    [
        number(found.mean),
        found.std.map_or_else(String::new, number),
        number(found.median),
        number(found.min),
        number(found.max),
        number(low),
        number(high),
        number(median_low),
        number(median_high),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Method;
    use crate::config::keys::DIM;
    use crate::results::layout::STUDY;
    use crate::results::statistics::median_interval;

    #[test]
    fn statistics_of_earlier_looks_are_forgotten() {
        let runs = 60;
        let entry = |seed: usize| RunEntry {
            directory: format!("seed={seed}"),
            method: Method::Train,
            values: vec![seed.to_string()],
        };
        let record = Record {
            name: "x".into(),
            question: "?".into(),
            set: Vec::new(),
            keys: vec![SEED.into()],
            recovery: None,
            runs: (0..runs).map(entry).collect(),
        };
        let mut tables = Tables::new(Path::new("x"), &record);
        for run in 0..runs {
            let loss = run as f64;
            let summary = serde_json::json!({
                "name": "x", "stop_reason": "completed", "steps": 1, "wall_time_seconds": 0.0, "version": "",
                "git_commit": null, "cpu": "", "dim": 1, "seed": run, "engine": "", "threads": 1, "config_hash": "",
                "final": {"eval_loss": loss, "eval_loss_output": 2.0 * loss, "eval_loss_layers": 3.0 * loss,
                    "mae": null, "max_error": null, "token_accuracy": null, "sequence_accuracy": null},
            });
            let summary = serde_json::from_value(summary).unwrap();
            tables.states[run] = RunState::Completed(Box::new(summary));
            tables.points().unwrap();
            // Three metrics, and no values of the others.
            assert!(tables.known.len() <= 4, "{}", tables.known.len());
        }
        let table = tables.points().unwrap();
        let mut table = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(table.as_slice());
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        assert_eq!(rows[1][1], *runs.to_string());
        assert_eq!(&rows[1][3], "29.5");
        let at = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
        let interval = ["low", "high"].map(|end| {
            let cell = &rows[1][at(&format!("eval_loss_median_{end}"))];
            cell.parse::<f64>().unwrap()
        });
        let losses: Vec<f64> = (0..runs).map(|run| run as f64).collect();
        assert_eq!((interval[0], interval[1]), median_interval(&losses));
        // The columns that were there before stand before them.
        assert_eq!(at("eval_loss_median_low"), at("eval_loss_ci_high") + 1);
        assert_eq!(rows[1].len(), rows[0].len());
    }

    /// What a run with this loss says of itself.
    fn summary_json(stop_reason: &str, loss: f64) -> String {
        let last = serde_json::json!({
            "eval_loss": loss, "eval_loss_output": 2.0 * loss, "eval_loss_layers": 3.0 * loss, "mae": 4.0 * loss,
            "max_error": 5.0 * loss, "token_accuracy": null, "sequence_accuracy": null,
        });
        serde_json::json!({
            "name": "x", "stop_reason": stop_reason, "steps": 7, "wall_time_seconds": 1.25, "version": "",
            "git_commit": null, "cpu": "", "dim": 1, "seed": 0, "engine": "", "threads": 1, "config_hash": "abc",
            "final": if stop_reason == "diverged" { serde_json::Value::Null } else { last },
        })
        .to_string()
    }

    /// Three seeds of two widths: one run diverged, one failed, and one has not begun.
    fn study(directory: &Path) -> Tables {
        let entry = |dim: &str, seed: &str| RunEntry {
            directory: format!("d={dim},seed={seed}"),
            method: Method::Train,
            values: vec![dim.into(), seed.into()],
        };
        let record = Record {
            name: "x".into(),
            question: "?".into(),
            set: Vec::new(),
            keys: vec![DIM.into(), SEED.into()],
            recovery: None,
            runs: vec![
                entry("8", "0"),
                entry("6", "0"),
                entry("8", "1"),
                entry("6", "1"),
                entry("8", "2"),
                entry("4", "0"),
            ],
        };
        for (run, text) in record.runs.iter().zip([
            ("summary.json", summary_json("completed", 1.0)),
            ("summary.json", summary_json("completed", 0.25)),
            ("summary.json", summary_json("completed", 4.0)),
            ("summary.json", summary_json("diverged", 0.0)),
            ("failure.json", r#"{"reason": "no\nspace"}"#.to_owned()),
        ]) {
            let path = directory.join(&run.directory);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join(text.0), text.1).unwrap();
        }
        std::fs::write(directory.join(STUDY), "").unwrap();
        Tables::new(directory, &record)
    }

    /// The columns of a table by their names.
    fn columns(path: &Path, names: &[&str]) -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let header = reader.headers().unwrap().clone();
        let places: Vec<usize> = names
            .iter()
            .map(|name| header.iter().position(|h| h == *name).expect(name))
            .collect();
        let rows = reader.records().map(Result::unwrap);
        rows.map(|row| places.iter().map(|place| row[*place].to_owned()).collect())
            .collect()
    }

    #[test]
    fn runs_that_are_over_have_a_row_each_in_the_studys_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut tables = study(directory.path());
        assert!(
            tables
                .states()
                .iter()
                .all(|state| matches!(state, RunState::Pending))
        );
        tables.rewrite().unwrap();
        let over: Vec<bool> = tables.states().iter().map(RunState::is_over).collect();
        assert_eq!(over, [true, true, true, true, true, false]);
        let names = [
            "run",
            DIM,
            "stop_reason",
            "steps",
            "eval_loss",
            "eval_loss_output",
            "eval_loss_layers",
            "mae",
            "max_error",
            "token_accuracy",
            "failure",
            "config_hash",
            "wall_time_seconds",
        ];
        let found = columns(&directory.path().join(RUNS), &names);
        let row = |cells: [&str; 13]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            found[..3],
            [
                row([
                    "d=8,seed=0",
                    "8",
                    "completed",
                    "7",
                    "1.0",
                    "2.0",
                    "3.0",
                    "4.0",
                    "5.0",
                    "",
                    "",
                    "abc",
                    "1.250"
                ]),
                row([
                    "d=6,seed=0",
                    "6",
                    "completed",
                    "7",
                    "0.25",
                    "0.5",
                    "0.75",
                    "1.0",
                    "1.25",
                    "",
                    "",
                    "abc",
                    "1.250"
                ]),
                row([
                    "d=8,seed=1",
                    "8",
                    "completed",
                    "7",
                    "4.0",
                    "8.0",
                    "12.0",
                    "16.0",
                    "20.0",
                    "",
                    "",
                    "abc",
                    "1.250"
                ]),
            ]
        );
        assert_eq!(
            found[3][..7],
            ["d=6,seed=1", "6", "diverged", "7", "", "", ""]
        );
        assert!(found[3][10].starts_with("diverged: the loss is not a finite number after step 7"));
        assert_eq!(found[4][..5], ["d=8,seed=2", "8", "failed", "", ""]);
        assert_eq!(found[4][10..], ["no space", "", ""]);
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn a_point_folds_its_seeds_and_counts_those_without_a_result() {
        let directory = tempfile::tempdir().unwrap();
        study(directory.path()).rewrite().unwrap();
        let path = directory.path().join(POINTS);
        let names = [
            DIM,
            "method",
            "n",
            "failed",
            "eval_loss_mean",
            "eval_loss_std",
            "eval_loss_median",
            "eval_loss_min",
            "eval_loss_max",
            "eval_loss_output_mean",
            "mae_max",
            "token_accuracy_mean",
        ];
        let found = columns(&path, &names);
        let std = number(4.5f64.sqrt());
        assert_eq!(
            found,
            [
                [
                    "8", "train", "2", "1", "2.5", &std, "2.5", "1.0", "4.0", "5.0", "16.0", ""
                ]
                .map(str::to_owned)
                .to_vec(),
                [
                    "6", "train", "1", "1", "0.25", "", "0.25", "0.25", "0.25", "0.5", "1.0", ""
                ]
                .map(str::to_owned)
                .to_vec(),
            ]
        );
        let header = csv::Reader::from_path(&path)
            .unwrap()
            .headers()
            .unwrap()
            .clone();
        assert!(header.iter().all(|name| name != SEED));
    }

    #[test]
    fn a_look_reads_only_runs_that_were_not_completed() {
        let directory = tempfile::tempdir().unwrap();
        let mut tables = study(directory.path());
        tables.look().unwrap();
        for name in ["d=8,seed=0", "d=6,seed=1"] {
            let path = directory.path().join(name).join("summary.json");
            std::fs::write(path, summary_json("completed", 9.0)).unwrap();
        }
        tables.look().unwrap();
        let losses: Vec<Option<f64>> = tables
            .states()
            .iter()
            .map(|state| state.metric(Metric::EvalLoss))
            .collect();
        assert_eq!(
            losses,
            [Some(1.0), Some(0.25), Some(4.0), Some(9.0), None, None]
        );
    }
}
