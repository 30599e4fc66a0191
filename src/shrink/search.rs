//! A search: what it goes by, what it has so far, and who is told.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array2;
use thiserror::Error;

use super::attempt::Workshop;
use super::directory::DirectoryError;
use super::path::{Descent, Dropping, Row};
use super::standard::{Examiner, Standard, Standing};
use crate::certify::lower_bounds;
use crate::config::{Criterion, ShrinkConfig};
use crate::run::experiment::Experiment;
use base::files::FileError;
use superposition::baselines::live::LiveFeatures;
use superposition::{CategoricalTargets, Teacher};
use tracr::model::OutputKind;

/// Why there is nothing to search, or no way on.
#[derive(Debug, Error)]
pub enum ShrinkError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// All inputs have the same answer.
    #[error(
        "every answer of this input space is the same one, which a constant gives too: no d means anything; choose other \
         inputs.lengths, tokens or a larger max_seq_len"
    )]
    OneAnswer,
    /// The `W` to start from does not work.
    #[error(
        "the W to start from (d = {d}) does not meet the criterion `{standard}`: {found}; {remedy}"
    )]
    Start {
        /// Its width.
        d: usize,
        /// The criterion.
        standard: &'static str,
        /// What it does.
        found: String,
        /// What to do.
        remedy: String,
    },
}

impl ShrinkError {
    /// Whether the user can mend it.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Directory(e) => e.is_input(),
            Self::File(e) => !e.is_of_the_machine(),
            Self::OneAnswer | Self::Start { .. } => true,
        }
    }
}

/// Whoever is told how the search goes.
pub trait Watcher {
    /// A `W` was accepted.
    fn row(&mut self, row: &Row);

    /// A training of a drop failed: its number, counted from 1, the most that there can be, and the seconds it took.
    fn failed(&mut self, dropping: Dropping, number: (usize, usize), seconds: f64);
}

/// A search.
pub struct Shrink<'a> {
    pub(super) workshop: Workshop<'a>,
    pub(super) settings: ShrinkConfig,
    pub(super) jobs: usize,
    pub(super) live: LiveFeatures,
    pub(super) rows: Vec<Row>,
    /// The smallest `d` at which an earlier descent's random starts failed.
    pub(super) random_failed_at: Option<usize>,
    begun: Instant,
    pub(super) last_row: Instant,
}

impl<'a> Shrink<'a> {
    /// A search for the smallest `d` of an experiment's model on its inputs. Nothing is written yet.
    ///
    /// # Errors
    /// If all answers are the same.
    pub fn new(
        experiment: &'a Experiment,
        settings: ShrinkConfig,
        jobs: usize,
    ) -> Result<Self, ShrinkError> {
        let teacher = |targets| {
            Teacher::with_targets(
                &experiment.model,
                experiment.space.clone(),
                experiment.evaluation_set(),
                targets,
            )
        };
        let hard = teacher(CategoricalTargets::Hard);
        let soft = match hard.kind() {
            OutputKind::Categorical => teacher(CategoricalTargets::Soft),
            OutputKind::Numerical => Arc::clone(&hard),
        };
        let examiner = Examiner::new(&hard, settings);
        if examiner.different_answers() < 2 {
            return Err(ShrinkError::OneAnswer);
        }
        Ok(Self {
            live: LiveFeatures::of(hard.model(), hard.space(), hard.evaluation()),
            workshop: Workshop {
                experiment,
                hard,
                soft,
                examiner,
                steps: settings.steps,
                seed: settings.seed,
            },
            settings,
            jobs,
            rows: Vec::new(),
            random_failed_at: None,
            begun: Instant::now(),
            last_row: Instant::now(),
        })
    }

    /// The `W` to begin with: `given`, or one that loses nothing. Nothing is written.
    ///
    /// # Errors
    /// If it does not meet the first criterion.
    pub fn start(&self, given: Option<Array2<f64>>) -> Result<Array2<f64>, ShrinkError> {
        let is_given = given.is_some();
        let w = given.unwrap_or_else(|| self.live.principal_directions(self.live.rank.max(1)));
        let (examiner, standard) = (&self.workshop.examiner, self.standards()[0]);
        let (standing, _) = examiner.examine(&w);
        if examiner.is_met(standard, &standing) {
            Ok(w)
        } else {
            Err(self.refused(w.nrows(), standard, &standing, is_given))
        }
    }

    /// The criteria in their order.
    pub(super) fn standards(&self) -> &'static [Standard] {
        match self.settings.criterion {
            Criterion::Faithful => &[Standard::Faithful],
            Criterion::Outputs => &[Standard::Outputs],
            Criterion::Both => &[Standard::Faithful, Standard::Outputs],
        }
    }

    /// The `d` at which a descent ends: what the user asks for, or a lower bound.
    pub(super) fn least(&self) -> usize {
        let kind = self.workshop.hard.kind();
        let different = self.workshop.examiner.different_answers();
        lower_bounds::of_outputs(kind, different).max(self.settings.min_dim)
    }

    pub(super) fn rows_of(&self, descent: Descent) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_of(descent))
    }

    fn refused(
        &self,
        d: usize,
        standard: Standard,
        standing: &Standing,
        given: bool,
    ) -> ShrinkError {
        let answers = &standing.answers;
        let mut found = match (answers.gap, answers.mae, answers.max_error) {
            (Some(gap), ..) => format!(
                "{} of {} answers are right, the smallest lead is {gap:.4}",
                answers.right, answers.counted
            ),
            (_, Some(mae), Some(max)) => {
                format!("the mean absolute error is {mae:.3e}, the largest {max:.3e}")
            }
            _ => "it has no answers".into(),
        };
        if let Some(cosine) = standing.cosine {
            found += &format!(", the lowest cosine of a block {cosine:.4}");
        }
        ShrinkError::Start {
            d,
            standard: standard.name(),
            found,
            remedy: if given {
                "start from the run file instead of a run, which begins with a W that loses nothing"
                    .into()
            } else {
                format!(
                    "the compiled model itself decides no better: allow a smaller shrink.min_gap than {}",
                    self.settings.min_gap
                )
            },
        }
    }

    pub(super) fn time_is_over(&self) -> bool {
        self.begun.elapsed().as_secs_f64() > self.settings.max_seconds
    }
}
