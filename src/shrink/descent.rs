//! One drop after the other, from a `W` that works to the first `d` at which no training succeeds; and one descent after the other.

use std::time::Instant;

use ndarray::Array2;

use super::directory::ShrinkDirectory;
use super::outcome::{FOUND, Found, Outcome, RESULT, of_descent};
use super::path::{self, Descent, Dropping, Row};
use super::search::{Shrink, ShrinkError, Watcher};
use super::standard::Standard;

/// The seeds of two descents differ by this, 2^64 over the golden ratio, so that they are not those of the next `shrink.seed`.
const SEEDS_APART: u64 = 0x9E37_79B9_7F4A_7C15;

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Session {
    /// No training succeeds at one dimension less; or that was so before.
    Complete(Outcome),
    /// `shrink.max_seconds` are over.
    TimeIsOver,
}

/// How the trainings of one drop ended.
enum Drop {
    Accepted(Array2<f64>, Box<Row>),
    Failed { trainings: usize, steps: u64 },
    TimeIsOver,
}

impl Shrink<'_> {
    /// Continues the search that the directory holds, or begins one with the `W` of [`Shrink::start`].
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
        self.random_failed_at = None;
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
            self.random_failed_at = best.as_ref().map(|best| best.d - 1);
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

    /// Drops dimensions of a `W` that works until nothing succeeds any more, or continues that descent; none if time runs out first.
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
            let plans = self.plans(w, &recipes, dropped, descent);
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
}
