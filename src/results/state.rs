//! What a run directory says about its run, without the configuration that made it.

use std::path::Path;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use super::layout::{CONFIG, FAILURE, METRICS, SUMMARY};
use super::metric::Metric;
use super::summary::Summary;
use base::files::{self, FileError, links, remove};
use base::limits;
use superposition::StopReason;

/// How far a run is.
#[derive(Clone, Debug)]
pub enum RunState {
    /// Nothing is there.
    Pending,
    /// Begun; at least this many steps are done.
    Unfinished {
        /// The last logged step.
        step: u64,
    },
    /// All files are there.
    Completed(Box<Summary>),
    /// The loss became non-finite.
    Diverged(Box<Summary>),
    /// It could not start or broke off, for this reason. The next sweep tries again.
    Failed(String),
}

/// The same in a word: in `runs.csv`, and where runs without a result are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Status {
    Completed,
    Diverged,
    Failed,
    #[serde(rename = "not finished")]
    NotFinished,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[derive(Serialize, Deserialize)]
struct Failure {
    reason: String,
}

impl RunState {
    /// Looks into a run directory.
    ///
    /// # Errors
    /// If a file that is there cannot be read.
    pub fn read(directory: &Path) -> Result<Self, FileError> {
        let summary = directory.join(SUMMARY);
        if summary.exists() {
            let summary = Box::new(Summary::load(&summary)?);
            return Ok(match summary.stop_reason {
                StopReason::Diverged => Self::Diverged(summary),
                StopReason::Completed | StopReason::Interrupted => Self::Completed(summary),
            });
        }
        let failure = directory.join(FAILURE);
        if failure.exists() {
            let text = files::read_text(&failure, limits::CONFIG_BYTES)?;
            let failure: Failure = serde_json::from_str(&text)
                .map_err(|e| FileError::new("read", &failure)(e.into()))?;
            return Ok(Self::Failed(failure.reason));
        }
        if !directory.join(CONFIG).exists() {
            return Ok(Self::Pending);
        }
        let logged = speed(directory).map_or(0, |(step, _)| step);
        Ok(Self::Unfinished { step: logged })
    }

    /// In a word.
    pub fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Diverged(_) => Status::Diverged,
            Self::Failed(_) => Status::Failed,
            Self::Unfinished { .. } | Self::Pending => Status::NotFinished,
        }
    }

    /// Whether nothing more will come of it in this sweep.
    pub fn is_over(&self) -> bool {
        self.status() != Status::NotFinished
    }

    /// The summary of a run that has one.
    pub fn summary(&self) -> Option<&Summary> {
        match self {
            Self::Completed(summary) | Self::Diverged(summary) => Some(summary),
            _ => None,
        }
    }

    /// A final metric of a completed run.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match self {
            Self::Completed(summary) => summary.last.as_ref()?.get(metric),
            _ => None,
        }
    }

    /// Why it has no result, if it has none and will have none.
    pub fn failure(&self) -> Option<String> {
        match self {
            Self::Failed(reason) => Some(reason.clone()),
            Self::Diverged(summary) => Some(format!(
                "diverged: the loss is not a finite number after step {} (try a lower \
                 training.learning_rate.initial or compression.init_std)",
                summary.steps
            )),
            _ => None,
        }
    }
}

/// Records why a run has no result, for the tables and for who looks into its directory. A run whose
/// last write failed may have one all the same.
///
/// # Errors
/// If it cannot be written.
pub fn record_failure(directory: &Path, reason: &str) -> Result<(), FileError> {
    if directory.join(SUMMARY).exists() {
        return Ok(());
    }
    links::make_directory(directory)?;
    let path = directory.join(FAILURE);
    let failure = Failure {
        reason: reason.to_owned(),
    };
    let text = serde_json::to_string_pretty(&failure)
        .map_err(|e| FileError::new("write", &path)(io::Error::other(e)))?;
    files::write_atomically(&path, format!("{text}\n").as_bytes())
}

/// Forgets an earlier failure, before the run is tried again.
///
/// # Errors
/// If the system refuses.
pub fn forget_failure(directory: &Path) -> Result<(), FileError> {
    remove(&directory.join(FAILURE))
}

/// The last logged step of a run, and its mean speed in steps per second as `metrics.csv` measured
/// it; none where nothing is logged.
pub fn speed(directory: &Path) -> Option<(u64, f64)> {
    speed_of(&files::read_text(&directory.join(METRICS), limits::LOG_BYTES).ok()?)
}

/// As [`speed`], from the text of `metrics.csv`.
pub fn speed_of(text: &str) -> Option<(u64, f64)> {
    let (mut last, mut seconds) = (0, 0.0);
    for line in text.split_inclusive('\n').skip(1) {
        let cells: Vec<&str> = line.strip_suffix('\n')?.split(',').collect();
        let (Ok(step), Ok(speed)) = (cells.first()?.parse::<u64>(), cells.last()?.parse::<f64>())
        else {
            continue;
        };
        // Not what a run writes, if steps go back.
        let done = step.checked_sub(last)?;
        if speed > 0.0 {
            seconds += done as f64 / speed;
        }
        last = step;
    }
    (seconds > 0.0).then(|| (last, last as f64 / seconds))
}
