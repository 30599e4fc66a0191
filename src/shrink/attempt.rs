//! One training of a `W` that has lost a dimension, until it works again or its steps are over.

use std::convert::Infallible;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::standard::{Examiner, Standard, Standing};
use crate::config::RunConfig;
use crate::run::experiment::Experiment;
use superposition::engines;
use superposition::inputs::Sampler;
use superposition::trainer::{Intervals, Observer, Record, State};
use superposition::{
    AdamW, CategoricalTargets, Evaluation, LinearDecay, Objective, Teacher, Trainer,
};
use tracr::model::Wiring;

/// How a training goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What classes are compared with.
    pub targets: CategoricalTargets,
    /// The learning rate at first; at last a hundredth of it.
    pub learning_rate: f64,
    /// The weight of `L_layer`.
    pub layer_weight: f64,
    /// AdamW's.
    pub weight_decay: f64,
}

/// The end of a training.
#[derive(Clone, Debug)]
pub struct Ended {
    pub w: Array2<f64>,
    pub steps: u64,
    pub standing: Standing,
    /// Whether it works.
    pub is_met: bool,
}

/// What all trainings of a search share.
#[derive(Clone, Debug)]
pub struct Workshop<'a> {
    pub experiment: &'a Experiment,
    pub hard: Arc<Teacher>,
    /// Of classes, with their scores' softmax as targets.
    pub soft: Arc<Teacher>,
    pub examiner: Examiner,
    pub steps: u64,
    pub seed: u64,
}

impl Workshop<'_> {
    fn config(&self) -> &RunConfig {
        &self.experiment.config
    }

    /// The teacher of a recipe.
    pub fn teacher(&self, targets: CategoricalTargets) -> &Arc<Teacher> {
        match targets {
            CategoricalTargets::Hard => &self.hard,
            CategoricalTargets::Soft => &self.soft,
        }
    }

    /// The objective of a recipe: the run file's, with its weight of the layers.
    pub fn objective(&self, recipe: &Recipe) -> Objective {
        Objective {
            layer_weight: recipe.layer_weight,
            ..self.experiment.objective()
        }
    }

    /// An engine for a recipe, with one thread.
    pub fn engine(&self, recipe: &Recipe) -> Box<dyn superposition::Engine> {
        let training = &self.config().training;
        engines::build(
            (training.engine, training.precision),
            &self.experiment.model,
            self.teacher(recipe.targets),
            self.objective(recipe),
            1,
            Wiring::default(),
        )
    }

    /// Trains `w`; `number` tells its random numbers from those of other trainings. None if it was to stop.
    pub fn train(
        &self,
        w: Array2<f64>,
        recipe: &Recipe,
        standard: Standard,
        number: u32,
        is_to_stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Ended> {
        let first = self.train_for(w, recipe, standard, 2 * number, self.steps, is_to_stop)?;
        if first.is_met || !self.examiner.is_near(&first.standing) {
            return Some(first);
        }
        let steps = 2 * self.steps;
        let again = self.train_for(first.w, recipe, standard, 2 * number + 1, steps, is_to_stop)?;
        Some(Ended {
            steps: first.steps + again.steps,
            ..again
        })
    }

    fn train_for(
        &self,
        w: Array2<f64>,
        recipe: &Recipe,
        standard: Standard,
        start: u32,
        steps: u64,
        is_to_stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Ended> {
        let config = self.config();
        let rate = recipe.learning_rate;
        let fraction = config.training.learning_rate.decay_fraction;
        let space = self.experiment.space.clone();
        let evaluation = self.teacher(recipe.targets).evaluation();
        let mut trainer = Trainer::new(
            self.engine(recipe),
            Sampler::of_start(space, evaluation, self.seed, start),
            self.objective(recipe),
            LinearDecay::new(rate, rate / 100.0, fraction, steps),
            AdamW {
                weight_decay: recipe.weight_decay,
                ..config.adamw()
            },
            config.training.batch_size,
            State::initial(w),
        );
        let mut watch = Watch {
            examiner: &self.examiner,
            standard,
            is_to_stop,
            best: None,
            is_over: false,
        };
        let intervals = Intervals {
            steps,
            log_every: (steps / 10).clamp(1, 1000),
            checkpoint_every: u64::MAX,
            diagnose_every: 0,
        };
        let Ok(_) = trainer.run(intervals, &mut watch);
        if is_to_stop() {
            return None;
        }
        let state = trainer.into_state();
        let steps = state.step;
        Some(match watch.best {
            Some((w, standing)) => Ended {
                w,
                steps,
                standing,
                is_met: true,
            },
            None => Ended {
                standing: self.examiner.examine(&state.w).0,
                w: state.w,
                steps,
                is_met: false,
            },
        })
    }
}

/// Examines `W` now and then, keeps the best that works, and ends the training when one works well.
struct Watch<'a> {
    examiner: &'a Examiner,
    standard: Standard,
    is_to_stop: &'a (dyn Fn() -> bool + Sync),
    best: Option<(Array2<f64>, Standing)>,
    is_over: bool,
}

impl Observer for Watch<'_> {
    type Error = Infallible;

    fn evaluate(&mut self, w: &Array2<f64>) -> Option<Evaluation> {
        let (standing, evaluation) = self.examiner.examine(w);
        let better = |(_, best): &(_, Standing)| self.examiner.is_better(&standing, best);
        if self.examiner.is_met(self.standard, &standing) && self.best.as_ref().is_none_or(better) {
            self.best = Some((w.clone(), standing));
        }
        self.is_over |= self.examiner.is_ample(self.standard, &standing);
        Some(evaluation)
    }

    fn record(&mut self, _record: &Record) -> Result<(), Infallible> {
        Ok(())
    }

    fn checkpoint(&mut self, _state: &State) -> Result<(), Infallible> {
        Ok(())
    }

    fn step_done(&mut self, step: u64, _loss: f64) -> bool {
        self.is_over || (step.is_multiple_of(256) && (self.is_to_stop)())
    }
}
