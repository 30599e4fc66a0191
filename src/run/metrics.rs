//! `metrics.csv`: one row per logged step.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::step_log::{LogError, StepLog};
use crate::results::Metric;
use crate::results::summary::FinalMetrics;
use base::files::{self, FileError};
use superposition::Evaluation;
use superposition::trainer::Record;

/// The columns of a training, before the metrics.
const TRAINING: [&str; 5] = [
    "step",
    "learning_rate",
    "loss",
    "loss_output",
    "loss_layers",
];

/// The columns, in order. Cells are empty where a metric does not apply.
pub fn columns() -> Vec<&'static str> {
    let metrics = Metric::OF_EVALUATION.map(Metric::name);
    [&TRAINING[..], &metrics, &["steps_per_second"]].concat()
}

/// The open file.
#[derive(Debug)]
pub struct Metrics(StepLog);

impl Metrics {
    /// Opens the file for the rows after `step`, of which there must be `rows` up to there.
    ///
    /// # Errors
    /// See [`StepLog::resume`].
    pub fn resume(path: &Path, step: u64, rows: u64) -> Result<Self, LogError> {
        StepLog::resume(path, &columns(), step + 1, rows).map(Self)
    }

    /// Appends a row and hands it to the system.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, record: &Record) -> Result<(), FileError> {
        let line = row(record).map_err(FileError::new("write", self.0.path()))?;
        self.0.append(&line)
    }

    /// Makes all rows durable; done before each checkpoint, so that none is ever missing beside it.
    ///
    /// # Errors
    /// If the system cannot.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.0.sync()
    }
}

/// Writes the whole file of a `W` that was not trained: one row, step 0, exact metrics alone.
///
/// # Errors
/// If it cannot be written.
pub fn write_untrained(path: &Path, evaluation: &Evaluation) -> Result<(), FileError> {
    let mut text = format!("{}\n", columns().join(",")).into_bytes();
    let empty: Option<f64> = None;
    let line = line((0, empty, (empty, empty, empty)), evaluation, "".into());
    text.extend(line.map_err(FileError::new("write", path))?);
    files::write_atomically(path, &text)
}

fn row(record: &Record) -> io::Result<Vec<u8>> {
    let losses = (record.total, record.loss.output, record.loss.layers);
    line(
        (record.step, record.learning_rate, losses),
        &record.evaluation,
        format!("{:.1}", record.steps_per_second),
    )
}

fn line(training: impl Serialize, e: &Evaluation, speed: String) -> io::Result<Vec<u8>> {
    let metrics = FinalMetrics::from(e);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.serialize((
        training,
        Metric::OF_EVALUATION.map(|metric| metrics.get(metric)),
        speed,
    ))?;
    writer
        .into_inner()
        .map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use superposition::Loss;

    fn record(step: u64) -> Record {
        Record {
            step,
            learning_rate: 1e-3,
            loss: Loss {
                output: 0.1,
                layers: 0.25,
                penalty: 0.0,
            },
            total: 0.35,
            evaluation: Evaluation {
                loss: 1.5,
                loss_output: 1.0,
                loss_layers: 0.5,
                mae: Some(1e-9),
                max_error: Some(0.2),
                token_accuracy: None,
                sequence_accuracy: None,
                blocks: Vec::new(),
            },
            steps_per_second: 123.456,
        }
    }

    #[test]
    fn rows_have_the_columns_of_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        Metrics::resume(&path, 0, 0)
            .unwrap()
            .append(&record(10))
            .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "step,learning_rate,loss,loss_output,loss_layers,eval_loss,eval_loss_output,\
             eval_loss_layers,mae,max_error,token_accuracy,sequence_accuracy,steps_per_second\n\
             10,0.001,0.35,0.1,0.25,1.5,1.0,0.5,1e-9,0.2,,,123.5\n"
        );
    }

    #[test]
    fn a_baseline_has_one_row_without_training() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        write_untrained(&path, &record(0).evaluation).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.split_once('\n').unwrap(),
            (
                columns().join(",").as_str(),
                "0,,,,,1.5,1.0,0.5,1e-9,0.2,,,\n"
            )
        );
    }

    #[test]
    fn resuming_cuts_later_rows_and_half_a_row_and_misses_lost_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.csv");
        let mut metrics = Metrics::resume(&path, 0, 0).unwrap();
        (1..=3).for_each(|i| metrics.append(&record(10 * i)).unwrap());
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}40,0.0")).unwrap();
        Metrics::resume(&path, 20, 2)
            .unwrap()
            .append(&record(30))
            .unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        let error = Metrics::resume(&path, 40, 4).unwrap_err().to_string();
        assert!(error.contains("has 3 rows up to step 40"), "{error}");
        std::fs::write(&path, "a,b\n").unwrap();
        let error = Metrics::resume(&path, 0, 0).unwrap_err().to_string();
        assert!(error.contains("does not start with the columns"), "{error}");
    }
}
