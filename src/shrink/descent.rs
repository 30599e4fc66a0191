//! One drop after the other, from a `W` that works to the first `d` at which no training succeeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ndarray::{Array1, Array2};
use rand::RngExt;
use thiserror::Error;

use super::attempt::{Ended, Recipe, Workshop};
use super::candidates::{directions, without};
use super::directory::{DirectoryError, ShrinkDirectory};
use super::outcome::{FOUND, Found, Outcome, RESULT};
use super::path::{self, RANDOM_DECAY, Row};
use super::standard::{Examiner, Standard, Standing};
use crate::config::{Criterion, ShrinkConfig};
use crate::run::experiment::Experiment;
use base::files::FileError;
use base::rng::{Purpose, normal, stream_of_start};
use superposition::baselines::live::LiveFeatures;
use superposition::inputs::sampler::{Batch, Sampler};
use superposition::{CategoricalTargets, Engine, Teacher};
use tracr::model::OutputKind;

/// Inputs whose loss candidates are compared by.
const COMPARED: usize = 4096;
/// Two candidates with a larger cosine are the same drop.
const ALIKE: f64 = 0.95;
/// The first candidates, of which later tries draw one.
const FIRST: usize = 8;
/// Later tries are perturbed by this share of the entries' root mean square, and by two and three times it.
const NOISE: f64 = 0.1;
/// The standard deviation of the entries of random starts.
const RANDOM: f64 = 0.1;

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
    workshop: Workshop<'a>,
    settings: ShrinkConfig,
    jobs: usize,
    live: LiveFeatures,
    rows: Vec<Row>,
    begun: Instant,
    last_row: Instant,
}

/// A training that may be made.
struct Plan {
    w: Array2<f64>,
    recipe: Recipe,
    origin: &'static str,
}

/// Trainings that were made, up to the first that succeeded, and maybe some beyond it.
struct Trainings {
    ended: Vec<Option<Ended>>,
    winner: Option<usize>,
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

    /// Goes on from what the directory has, or begins with `w` of [`Shrink::start`].
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(
        mut self,
        directory: &ShrinkDirectory,
        mut w: Array2<f64>,
        watcher: &mut dyn Watcher,
    ) -> Result<Session, ShrinkError> {
        self.rows = directory.rows()?;
        if let Some(outcome) = directory.result(RESULT)? {
            return Ok(Session::Complete(outcome));
        }
        let mut all = Vec::new();
        for &standard in self.standards() {
            match self.rows_of(standard).last().map(|row| row.d) {
                Some(d) => w = directory.load(self.workshop.experiment, standard, d)?,
                None => {
                    // What is faithful has right outputs, too.
                    let (standing, _) = self.workshop.examiner.examine(&w);
                    let row = Row::new(standard, w.nrows(), &standing);
                    self.accept(directory, &w, standard, row, watcher)?;
                }
            }
            let name = format!("{}/{FOUND}", standard.name());
            let found = match directory.result(&name)? {
                Some(found) => found,
                None => {
                    let Some(found) = self.descend(directory, &mut w, standard, watcher)? else {
                        return Ok(Session::TimeIsOver);
                    };
                    directory.keep_result(&name, &found)?;
                    found
                }
            };
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

    /// Drops dimensions of `w`, which works, until nothing succeeds any more; none if time is over before.
    fn descend(
        &mut self,
        directory: &ShrinkDirectory,
        w: &mut Array2<f64>,
        standard: Standard,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Found>, ShrinkError> {
        let (mut failed_trainings, mut failed_steps) = (0, 0);
        while w.nrows() > self.settings.min_dim {
            match self.drop(w, standard) {
                Drop::Accepted(smaller, row) => {
                    *w = smaller;
                    self.accept(directory, w, standard, *row, watcher)?;
                }
                Drop::Failed { trainings, steps } => {
                    (failed_trainings, failed_steps) = (trainings, steps);
                    break;
                }
                Drop::TimeIsOver => return Ok(None),
            }
        }
        Ok(Some(Found {
            standard: standard.name().to_owned(),
            d: w.nrows(),
            steps: self
                .rows_of(standard)
                .last()
                .map_or(0, |row| row.total_steps),
            failed_steps,
            failed_trainings,
        }))
    }

    fn rows_of(&self, standard: Standard) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.standard == standard.name())
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
        standard: Standard,
        mut row: Row,
        watcher: &mut dyn Watcher,
    ) -> Result<(), ShrinkError> {
        let before = self.rows_of(standard).last();
        row.total_steps = before.map_or(0, |row| row.total_steps) + row.steps;
        row.seconds = self.last_row.elapsed().as_secs_f64();
        self.last_row = Instant::now();
        directory.keep(self.workshop.experiment, standard, w)?;
        watcher.row(&row);
        self.rows.push(row);
        Ok(path::write(directory.path(), &self.rows)?)
    }

    /// One drop: of several dimensions while that works, then of one.
    fn drop(&self, w: &Array2<f64>, standard: Standard) -> Drop {
        let recipes = self.recipes(standard);
        let d = w.nrows();
        let last = self.rows_of(standard).last().map_or(0, |row| row.dropped);
        let first = if last == 0 { (d / 8).max(1) } else { last };
        let (mut trainings, mut steps) = (0, 0);
        let mut dropped = first.min(d - self.settings.min_dim);
        loop {
            let plans = self.plans(w, &recipes, dropped);
            let number = (d as u32) << 12 | u32::from(dropped > 1) << 11;
            let Some(Trainings { ended, winner }) = self.try_all(&plans, standard, number) else {
                return Drop::TimeIsOver;
            };
            let counted = winner.map_or(plans.len(), |winner| winner + 1);
            trainings += counted;
            steps += ended[..counted]
                .iter()
                .flatten()
                .map(|e| e.steps)
                .sum::<u64>();
            if let Some(winner) = winner
                && let Some(Some(end)) = ended.into_iter().nth(winner)
            {
                let plan = &plans[winner];
                let row = Row {
                    dropped,
                    attempt: winner as u32 + 1,
                    origin: plan.origin.to_owned(),
                    targets: Some(plan.recipe.targets),
                    learning_rate: Some(plan.recipe.learning_rate),
                    layer_weight: Some(plan.recipe.layer_weight),
                    steps,
                    ..Row::new(standard, d - dropped, &end.standing)
                };
                return Drop::Accepted(end.w, Box::new(row));
            }
            if dropped == 1 {
                return Drop::Failed { trainings, steps };
            }
            dropped /= 2;
        }
    }

    /// The recipes of a criterion: those that succeeded last come first.
    fn recipes(&self, standard: Standard) -> Vec<Recipe> {
        let recipe = |targets, learning_rate, layer_weight| Recipe {
            targets,
            learning_rate,
            layer_weight,
            weight_decay: 0.0,
        };
        let (hard, soft) = (CategoricalTargets::Hard, CategoricalTargets::Soft);
        let numerical = self.workshop.hard.kind() == OutputKind::Numerical;
        let mut recipes = if numerical {
            vec![recipe(hard, 1e-3, 1.0), recipe(hard, 3e-4, 1.0)]
        } else {
            vec![
                recipe(soft, 3e-4, 1.0),
                recipe(hard, 1e-4, 1.0),
                recipe(soft, 1e-3, 1.0),
            ]
        };
        if standard == Standard::Outputs {
            recipes.insert(usize::from(numerical), recipe(hard, 1e-3, 0.1));
        }
        for row in self.rows_of(standard) {
            if let Some(succeeded) = row.recipe()
                && let Some(at) = recipes.iter().position(|recipe| *recipe == succeeded)
            {
                recipes[..=at].rotate_right(1);
            }
        }
        recipes
    }

    /// The trainings to make, best first: from `w` without dimensions that cost little.
    fn plans(&self, w: &Array2<f64>, recipes: &[Recipe], dropped: usize) -> Vec<Plan> {
        let tries = self.settings.tries;
        let d = w.nrows();
        let mut rng = stream_of_start(
            self.settings.seed,
            Purpose::Shrink,
            (d as u32) << 12 | dropped as u32 & 0xfff,
        );
        let mut comparison = Comparison::new(&self.workshop, &recipes[0]);
        let candidates = self.ranked(w, &mut comparison, &mut rng);
        let mut plans = Vec::new();
        let mut used: Vec<Array1<f64>> = Vec::new();
        let count = if dropped == 1 { tries } else { tries.min(2) };
        for attempt in 0..count {
            let new = |u: &Array1<f64>| used.iter().all(|v| u.dot(v).abs() <= ALIKE);
            let late = attempt >= count.div_ceil(2) && dropped == 1;
            let choice = match candidates.iter().position(new) {
                Some(k) if !late => k,
                _ => rng.random_range(0..candidates.len().min(FIRST)),
            };
            let mut x = without(w, &candidates[choice]);
            used.push(candidates[choice].clone());
            for _ in 1..dropped {
                let next = self.ranked(&x, &mut comparison, &mut rng).swap_remove(0);
                x = without(&x, &next);
            }
            if late {
                let size = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
                let noise = NOISE * f64::from(1 + attempt % 3) * size;
                x += &normal(&mut rng, x.dim(), noise);
            }
            plans.push(Plan {
                w: x,
                recipe: recipes[attempt as usize % recipes.len()],
                origin: "drop",
            });
        }
        if dropped == 1 {
            plans.extend((0..self.settings.starts).map(|_| Plan {
                w: normal(&mut rng, (d - 1, w.ncols()), RANDOM),
                recipe: Recipe {
                    targets: CategoricalTargets::Hard,
                    learning_rate: 1e-3,
                    layer_weight: 1.0,
                    weight_decay: RANDOM_DECAY,
                },
                origin: "random",
            }));
        }
        plans
    }

    /// Directions that could be dropped, the cheapest first.
    fn ranked(
        &self,
        w: &Array2<f64>,
        comparison: &mut Comparison,
        rng: &mut impl rand::Rng,
    ) -> Vec<Array1<f64>> {
        let teacher = &self.workshop.hard;
        let found = directions(
            w,
            &self.live.features,
            teacher,
            self.settings.candidates,
            rng,
        );
        let mut ranked: Vec<(f64, Array1<f64>)> = found
            .into_iter()
            .map(|u| (comparison.loss(&without(w, &u)), u))
            .collect();
        // NaN is largest; of equals the first stays first.
        ranked.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        ranked.into_iter().map(|(_, u)| u).collect()
    }

    /// Trains, side by side, until the first of them that succeeds is known: how those up to it ended, and its
    /// number. None if time is over before.
    fn try_all(&self, plans: &[Plan], standard: Standard, number: u32) -> Option<Trainings> {
        let next = AtomicUsize::new(0);
        let winner = AtomicUsize::new(plans.len());
        let ended: Mutex<Vec<Option<Ended>>> = Mutex::new(vec![None; plans.len()]);
        let work = || {
            loop {
                let i = next.fetch_add(1, Ordering::SeqCst);
                if i >= plans.len() || i > winner.load(Ordering::SeqCst) || self.time_is_over() {
                    return;
                }
                let is_to_stop = || winner.load(Ordering::SeqCst) < i;
                let plan = &plans[i];
                let number = number | i as u32;
                let end = self.workshop.train(
                    plan.w.clone(),
                    &plan.recipe,
                    standard,
                    number,
                    &is_to_stop,
                );
                if end.as_ref().is_some_and(|end| end.is_met) {
                    winner.fetch_min(i, Ordering::SeqCst);
                }
                ended.lock().unwrap_or_else(PoisonError::into_inner)[i] = end;
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.jobs {
                scope.spawn(work);
            }
            work();
        });
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let winner = winner.into_inner();
        let all = &ended[..(winner + 1).min(plans.len())];
        if all.iter().any(Option::is_none) {
            return None;
        }
        Some(Trainings {
            ended,
            winner: (winner < plans.len()).then_some(winner),
        })
    }

    fn time_is_over(&self) -> bool {
        self.begun.elapsed().as_secs_f64() > self.settings.max_seconds
    }
}

/// The loss of many `W` on the same inputs.
struct Comparison {
    engine: Box<dyn Engine>,
    batch: Batch,
    objective: superposition::Objective,
    gradient: Array2<f64>,
}

impl Comparison {
    /// On the whole space, or as many inputs as are drawn from a larger one.
    fn new(workshop: &Workshop<'_>, recipe: &Recipe) -> Self {
        let teacher = workshop.teacher(recipe.targets);
        let batch = match teacher.space().size() {
            Some(size) if size <= COMPARED as u64 => Batch::Members((0..size).collect()),
            _ => {
                let space = teacher.space().clone();
                let mut sampler = Sampler::new(space, teacher.evaluation(), workshop.seed);
                let mut batch = sampler.batch(COMPARED);
                sampler.fill(&mut batch);
                batch
            }
        };
        Self {
            engine: workshop.engine(recipe),
            batch,
            objective: workshop.objective(recipe),
            gradient: Array2::zeros((0, 0)),
        }
    }

    fn loss(&mut self, w: &Array2<f64>) -> f64 {
        if self.gradient.dim() != w.dim() {
            self.gradient = Array2::zeros(w.dim());
        }
        let loss = self
            .engine
            .loss_and_gradient(w, &self.batch, &mut self.gradient);
        self.objective.total(&loss)
    }
}
