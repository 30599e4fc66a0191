//! One drop after the other, from a `W` that works to the first `d` at which no training succeeds.

use std::sync::Arc;
use std::time::Instant;

use ndarray::Array2;
use thiserror::Error;

use super::attempt::Workshop;
use super::directory::{DirectoryError, ShrinkDirectory};
use super::outcome::{FOUND, Found, Outcome, RESULT, of_descent};
use super::path::{self, Descent, Row};
use super::standard::{Examiner, Standard, Standing};
use super::tries::Dropping;
use crate::certify::lower_bounds;
use crate::config::{Criterion, ShrinkConfig};
use crate::run::experiment::Experiment;
use base::files::FileError;
use superposition::baselines::live::LiveFeatures;
use superposition::{CategoricalTargets, Teacher};
use tracr::model::OutputKind;

/// The seeds of two descents differ by this, 2^64 over the golden ratio, so that they are not those of the next `shrink.seed`.
const SEEDS_APART: u64 = 0x9E37_79B9_7F4A_7C15;

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

    /// A training failed, of this number from 1 on and of so many at most, after so many seconds.
    fn failed(&mut self, dropping: Dropping, number: (usize, usize), seconds: f64);
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Session {
    /// No training succeeds at one dimension less; or that was so before.
    Complete(Outcome),
    /// `shrink.max_seconds` are over.
    TimeIsOver,
}

/// A search.
pub struct Shrink<'a> {
    pub(super) workshop: Workshop<'a>,
    pub(super) settings: ShrinkConfig,
    pub(super) jobs: usize,
    pub(super) live: LiveFeatures,
    rows: Vec<Row>,
    begun: Instant,
    last_row: Instant,
}

/// How the trainings of one drop ended.
enum Drop {
    Accepted(Array2<f64>, Box<Row>),
    Failed { trainings: usize, steps: u64 },
    TimeIsOver,
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
    fn standards(&self) -> &'static [Standard] {
        match self.settings.criterion {
            Criterion::Faithful => &[Standard::Faithful],
            Criterion::Outputs => &[Standard::Outputs],
            Criterion::Both => &[Standard::Faithful, Standard::Outputs],
        }
    }

    /// Goes on from what the directory has, or begins with `start` of [`Shrink::start`].
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(
        mut self,
        directory: &ShrinkDirectory,
        start: &Array2<f64>,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<Session, ShrinkError> {
        self.rows = directory.rows()?;
        if let Some(outcome) = directory.result(RESULT)? {
            return Ok(Session::Complete(outcome));
        }
        let mut all = Vec::new();
        // The first descent by a second criterion begins where the first criterion's best one ended: what is faithful has right
        // outputs, too.
        let mut first = start.clone();
        for &standard in self.standards() {
            let name = format!("{}/{FOUND}", standard.name());
            let found = match directory.result(&name)? {
                Some(found) => found,
                None => {
                    let starts = [&first, start];
                    let Some(found) = self.best(directory, starts, standard, watcher)? else {
                        return Ok(Session::TimeIsOver);
                    };
                    directory.keep_result(&name, &found)?;
                    found
                }
            };
            let experiment = self.workshop.experiment;
            first = directory.load(experiment, &directory.of(standard, found.d), found.d)?;
            all.push(found);
        }
        let outcome = Outcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            width: self.workshop.experiment.model.width(),
            live_features: self.live.features.len(),
            rank: self.live.rank,
            whole_space: self.workshop.hard.evaluation().is_whole(),
            different_answers: self.workshop.examiner.different_answers(),
            tied_answers: self.workshop.examiner.tied(),
            found: all,
        };
        directory.keep_result(RESULT, &outcome)?;
        Ok(Session::Complete(outcome))
    }

    /// The best of all descents by one criterion, of which the first begins with one `W` and all others with another; none if time
    /// is over before.
    fn best(
        &mut self,
        directory: &ShrinkDirectory,
        [first, others]: [&Array2<f64>; 2],
        standard: Standard,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<Option<Found>, ShrinkError> {
        let mut best: Option<Found> = None;
        for number in 1..=self.settings.descents {
            let descent = Descent { standard, number };
            let name = format!("{}/{}", standard.name(), of_descent(number));
            let found = match directory.result(&name)? {
                Some(found) => found,
                None => {
                    let start = if number == 1 { first } else { others };
                    let Some(found) = self.descend(directory, start, descent, watcher)? else {
                        return Ok(None);
                    };
                    directory.keep_result(&name, &found)?;
                    found
                }
            };
            best = Some(match best {
                None => found,
                Some(best) => best.beside(found),
            });
            Self::forget(directory)?;
            if best.as_ref().is_some_and(|best| best.d <= self.least()) {
                break;
            }
        }
        if let Some(found) = best.as_ref().filter(|found| found.descent > 1) {
            let (experiment, d) = (self.workshop.experiment, found.d);
            let winner = Descent {
                standard,
                number: found.descent,
            };
            let w = directory.load(experiment, &directory.of_descent(winner, d), d)?;
            directory.keep(experiment, standard, &directory.of(standard, d), &w)?;
        }
        Ok(best)
    }

    /// The `d` at which a descent ends: what the user asks for, or a lower bound.
    fn least(&self) -> usize {
        let kind = self.workshop.hard.kind();
        let different = self.workshop.examiner.different_answers();
        lower_bounds::of_outputs(kind, different).max(self.settings.min_dim)
    }

    /// Drops dimensions of a `W` that works until nothing succeeds any more, or goes on with that; none if time is over before.
    fn descend(
        &mut self,
        directory: &ShrinkDirectory,
        start: &Array2<f64>,
        descent: Descent,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<Option<Found>, ShrinkError> {
        let apart = u64::from(descent.number - 1).wrapping_mul(SEEDS_APART);
        self.workshop.seed = self.settings.seed.wrapping_add(apart);
        let mut w = match self.rows_of(descent).last().map(|row| row.d) {
            Some(d) => {
                let path = directory.of_descent(descent, d);
                directory.load(self.workshop.experiment, &path, d)?
            }
            None => {
                let (standing, _) = self.workshop.examiner.examine(start);
                let row = Row::new(descent, start.nrows(), &standing);
                self.accept(directory, start, descent, row, watcher)?;
                start.clone()
            }
        };
        let (mut failed_trainings, mut failed_steps) = (0, 0);
        while w.nrows() > self.least() {
            match self.drop(directory, &w, descent, watcher)? {
                Drop::Accepted(smaller, row) => {
                    w = smaller;
                    self.accept(directory, &w, descent, *row, watcher)?;
                }
                Drop::Failed { trainings, steps } => {
                    (failed_trainings, failed_steps) = (trainings, steps);
                    break;
                }
                Drop::TimeIsOver => return Ok(None),
            }
        }
        Ok(Some(Found {
            standard: descent.standard.name().to_owned(),
            d: w.nrows(),
            descent: descent.number,
            descents: 1,
            steps: self
                .rows_of(descent)
                .last()
                .map_or(0, |row| row.total_steps),
            other_steps: failed_steps,
            failed_trainings,
        }))
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

    fn accept(
        &mut self,
        directory: &ShrinkDirectory,
        w: &Array2<f64>,
        descent: Descent,
        mut row: Row,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<(), ShrinkError> {
        let before = self.rows_of(descent).last();
        row.total_steps = before.map_or(0, |row| row.total_steps) + row.steps;
        row.seconds = self.last_row.elapsed().as_secs_f64();
        self.last_row = Instant::now();
        let path = directory.of_descent(descent, w.nrows());
        directory.keep(self.workshop.experiment, descent.standard, &path, w)?;
        watcher.row(&row);
        self.rows.push(row);
        path::write(directory.path(), &self.rows)?;
        Self::forget(directory)
    }

    /// One drop: of several dimensions while that works, then of one.
    fn drop(
        &self,
        directory: &ShrinkDirectory,
        w: &Array2<f64>,
        descent: Descent,
        watcher: &mut (dyn Watcher + Send),
    ) -> Result<Drop, ShrinkError> {
        let recipes = self.recipes(descent);
        let d = w.nrows();
        let last = self.rows_of(descent).last().map_or(0, |row| row.dropped);
        let first = if last == 0 { (d / 8).max(1) } else { last };
        let (mut trainings, mut steps) = (0, 0);
        let mut dropped = first.min(d - self.least());
        loop {
            let plans = self.plans(w, &recipes, dropped);
            let dropping = Dropping {
                descent,
                d,
                dropped,
            };
            let Some(made) = self.try_all(directory, &plans, dropping, watcher)? else {
                return Ok(Drop::TimeIsOver);
            };
            trainings += made.count;
            steps += made.steps;
            if let Some((winner, w, standing)) = made.winner {
                let plan = &plans[winner];
                let row = Row {
                    dropped,
                    attempt: winner as u32 + 1,
                    origin: plan.origin.to_owned(),
                    targets: Some(plan.recipe.targets),
                    learning_rate: Some(plan.recipe.learning_rate),
                    layer_weight: Some(plan.recipe.layer_weight),
                    steps,
                    ..Row::new(descent, d - dropped, &standing)
                };
                return Ok(Drop::Accepted(w, Box::new(row)));
            }
            if dropped == 1 {
                return Ok(Drop::Failed { trainings, steps });
            }
            dropped /= 2;
        }
    }

    pub(super) fn time_is_over(&self) -> bool {
        self.begun.elapsed().as_secs_f64() > self.settings.max_seconds
    }
}
