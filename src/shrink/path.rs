//! `path.csv`: how the smallest `d` was reached, a row for the start and for every accepted drop.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attempt::Recipe;
use super::standard::{Standard, Standing};
use base::files::{self, FileError};
use superposition::CategoricalTargets;

/// Its name.
pub const PATH: &str = "path.csv";

/// What writes it, for whoever finds it garbled.
pub const SHRINK: &str = "`compress shrink` writes it again, into another directory";

/// Larger tables are none.
const MAX_BYTES: u64 = 16 << 20;

/// One way down, by one criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descent {
    /// The criterion.
    pub standard: Standard,
    /// From 1 on.
    pub number: u32,
}

/// A drop: whose, at which `d`, of how many dimensions.
#[derive(Clone, Copy, Debug)]
pub struct Dropping {
    /// Whose.
    pub descent: Descent,
    /// The width before.
    pub d: usize,
    /// Dimensions fewer.
    pub dropped: usize,
}

/// The descent of tables and results from before there were several.
pub(super) fn first() -> u32 {
    1
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `faithful` or `outputs`.
    pub standard: String,
    /// Which way down from the start, from 1 on.
    #[serde(default = "first")]
    pub descent: u32,
    /// The width of the `W` that works.
    pub d: usize,
    /// Dimensions that were dropped for it; 0 for the start.
    pub dropped: usize,
    /// The training that succeeded, from 1 on; 0 where none was needed.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// `start`, `drop`, or `random` for a random start.
    pub origin: String,
    /// The recipe of that training.
    pub targets: Option<CategoricalTargets>,
    /// Its learning rate.
    pub learning_rate: Option<f64>,
    /// Its weight of `L_layer`.
    pub layer_weight: Option<f64>,
    /// Updates of all trainings for this row, that one the last.
    pub steps: u64,
    /// Updates from this descent's beginning on.
    pub total_steps: u64,
    /// Answers that are right, of those that count.
    pub right: u64,
    /// Answers that count.
    pub answers: u64,
    /// Classes: the smallest lead of a right one.
    pub gap: Option<f64>,
    /// Numbers: the mean absolute error.
    pub mae: Option<f64>,
    /// Numbers: the largest absolute error.
    pub max_error: Option<f64>,
    /// The lowest cosine of a block's output with the compiled model's.
    pub lowest_cosine: Option<f64>,
    /// Seconds since the row before, or since this session began.
    pub seconds: f64,
}

impl Row {
    /// A row for a `W` that works.
    pub fn new(descent: Descent, d: usize, standing: &Standing) -> Self {
        let answers = standing.answers;
        Self {
            standard: descent.standard.name().to_owned(),
            descent: descent.number,
            d,
            dropped: 0,
            attempt: 0,
            origin: "start".to_owned(),
            targets: None,
            learning_rate: None,
            layer_weight: None,
            steps: 0,
            total_steps: 0,
            right: answers.right,
            answers: answers.counted,
            gap: answers.gap,
            mae: answers.mae,
            max_error: answers.max_error,
            lowest_cosine: standing.cosine,
            seconds: 0.0,
        }
    }

    /// Whether the row belongs to a descent.
    pub fn is_of(&self, descent: Descent) -> bool {
        self.standard == descent.standard.name() && self.descent == descent.number
    }

    /// The recipe, of a row that was trained.
    pub fn recipe(&self) -> Option<Recipe> {
        Some(Recipe {
            targets: self.targets?,
            learning_rate: self.learning_rate?,
            layer_weight: self.layer_weight?,
            weight_decay: if self.origin == "random" {
                RANDOM_DECAY
            } else {
                0.0
            },
        })
    }
}

/// The weight decay of random starts, as in the paper; who goes on from a `W` that works has none.
pub const RANDOM_DECAY: f64 = 0.1;

/// The rows that are there.
///
/// # Errors
/// If the table cannot be read, or holds something else.
pub fn read(directory: &Path) -> Result<Vec<Row>, String> {
    let path = directory.join(PATH);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&path, MAX_BYTES).map_err(|e| e.to_string())?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Result<Vec<Row>, csv::Error> = reader.deserialize().collect();
    rows.map_err(|e| {
        format!(
            "{} is not what compress shrink wrote ({e}): restore it, or choose another directory",
            path.display()
        )
    })
}

/// Replaces the table.
///
/// # Errors
/// If it cannot be written.
pub fn write(directory: &Path, rows: &[Row]) -> Result<(), FileError> {
    let path = directory.join(PATH);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.serialize(row));
    let failed = |e: &dyn std::fmt::Display| std::io::Error::other(e.to_string());
    written.map_err(|e| FileError::new("write", &path)(failed(&e)))?;
    let bytes = writer
        .into_inner()
        .map_err(|e| FileError::new("write", &path)(failed(&e)))?;
    files::write_atomically(&path, &bytes)
}
