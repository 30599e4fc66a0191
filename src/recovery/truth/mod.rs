//! The rows of a run's compressed stream with the true features behind them.
//!
//! - [`part`]: which part of the stream.
//! - [`places`]: which states there are, and where each occurs.
//! - [`gauge`]: what the rows leave open about `W`, and the directions that they determine.
//! - [`targets`]: the features that can be found.

pub mod gauge;
pub mod part;
pub mod places;
pub mod targets;

use ndarray::Array2;

use super::rows::Rows;
use crate::analysis::Subject;
use gauge::Gauge;
pub use part::{Part, TruthError};
use places::Places;
use targets::Target;

/// The compressed stream as data, and the truth about it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// `z = W s` and the rows' weights.
    pub rows: Rows,
    /// `s`, the compressed model's own feature sums, `[n, D]`.
    pub features: Array2<f64>,
    /// The compiled model's, `[n, D]`.
    pub compiled: Array2<f64>,
    /// `W`, `[d, D]`.
    pub w: Array2<f64>,
    /// `W̃ = W P`, `[d, D]`.
    pub canonical: Array2<f64>,
    /// The features' names.
    pub labels: Vec<String>,
    /// What the rows leave open.
    pub gauge: Gauge,
    /// What can be found, the largest share of the variance first.
    pub targets: Vec<Target>,
    /// Where the rows occur.
    pub places: Places,
}

impl Truth {
    /// Runs both models over the inputs, with up to `threads` threads; the result does not depend on their number.
    ///
    /// # Errors
    /// See [`TruthError`].
    pub fn new(subject: Subject<'_>, part: Part, threads: usize) -> Result<Self, TruthError> {
        if !subject.wiring.is_single() {
            return Err(TruthError::Several(subject.wiring.names().to_vec()));
        }
        let (places, found) = places::collect(subject, part, threads)?;
        let rows = Rows {
            z: found.features.dot(&subject.w.t()),
            weights: found.weights,
        };
        if !(finite(&rows.z) && finite(&found.features) && finite(&found.compiled)) {
            return Err(TruthError::NotFinite);
        }
        let labels = subject.model.metadata.residual_labels.clone();
        Self::of_rows(
            rows,
            (found.features, found.compiled),
            subject.w.clone(),
            labels,
            places,
        )
    }

    /// The truth about rows whose features are known: the compressed model's and the compiled one's.
    ///
    /// # Errors
    /// If the rows are all the same.
    pub fn of_rows(
        rows: Rows,
        (features, compiled): (Array2<f64>, Array2<f64>),
        w: Array2<f64>,
        labels: Vec<String>,
        places: Places,
    ) -> Result<Self, TruthError> {
        let gauge = Gauge::new(features.view(), &rows.weights, &labels);
        let canonical = w.dot(&gauge.projection);
        let targets = targets::find(&rows, features.view(), canonical.view(), &labels);
        if targets.is_empty() {
            return Err(TruthError::Constant);
        }
        Ok(Self {
            rows,
            features,
            compiled,
            w,
            canonical,
            labels,
            gauge,
            targets,
            places,
        })
    }

    /// The targets' canonical directions, of length 1: `[K, d]`.
    pub fn target_directions(&self) -> Array2<f64> {
        let mut directions = Array2::zeros((self.targets.len(), self.w.nrows()));
        for (mut row, target) in directions.rows_mut().into_iter().zip(&self.targets) {
            row.assign(&target.direction);
        }
        directions
    }

    /// How much of each target a row has: `[n, K]`.
    pub fn target_activations(&self) -> Array2<f64> {
        let mut activations = Array2::zeros((self.features.nrows(), self.targets.len()));
        for (mut column, target) in activations.columns_mut().into_iter().zip(&self.targets) {
            for member in &target.members {
                column.scaled_add(member.weight, &self.features.column(member.feature));
            }
        }
        activations
    }
}

fn finite(matrix: &Array2<f64>) -> bool {
    matrix.iter().all(|x| x.is_finite())
}
