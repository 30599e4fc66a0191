//! The training loop: batch, loss and gradient, update; records and checkpoints in between.
//!
//! All that the loop carries from step to step is a [`State`]. A run that is stopped at any step
//! and goes on from its state does the same arithmetic in the same order as one that is not.

use std::time::Instant;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::adamw::{AdamW, Moments};
use super::engines::Engine;
use super::evaluation::Evaluation;
use super::objective::{Loss, Objective};
use super::schedule::LinearDecay;
use super::teacher::LARGEST;
use crate::inputs::Sampler;
use crate::inputs::sampler::Batch;

/// Everything that the next step depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Which of the run's starts this is, and so which random numbers are drawn; 0 if there is one.
    pub start: u32,
    /// Updates done.
    pub step: u64,
    /// `W` `[d, D]`.
    pub w: Array2<f64>,
    /// AdamW's `m` and `v`.
    pub moments: Moments,
    /// Where the batches' random numbers stand.
    pub rng_position: u128,
    /// Losses since the last record.
    pub window: Window,
    /// Seconds spent in the loop so far, over all sessions.
    pub seconds: f64,
}

/// Sums over the steps since the last record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Sum of the batches' `L_out`.
    pub output: f64,
    /// Sum of the batches' `L_layer`.
    pub layers: f64,
    /// Sum of the penalties before each of the updates.
    pub penalty: f64,
    /// Number of batches.
    pub steps: u64,
}

/// How often something happens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Updates in all.
    pub steps: u64,
    /// Steps between records.
    pub log_every: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between diagnoses; 0 for none.
    pub diagnose_every: u64,
}

impl Intervals {
    /// After every `log_every` steps, and after the last one.
    fn record_is_due(&self, step: u64) -> bool {
        step.is_multiple_of(self.log_every) || step == self.steps
    }
}

/// What is known at a logged step.
#[derive(Clone, Debug)]
pub struct Record {
    /// Updates done.
    pub step: u64,
    /// The learning rate of the last of them.
    pub learning_rate: f64,
    /// Mean loss parts over the batches since the last record.
    pub loss: Loss,
    /// `L` of these.
    pub total: f64,
    /// The exact metrics at this step.
    pub evaluation: Evaluation,
    /// Speed since the last record or the start of this session, evaluation included.
    pub steps_per_second: f64,
}

/// Why the loop ended; in files a word: `completed`, `interrupted`, `diverged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// All steps are done.
    Completed,
    /// The observer asked for it; the state was given to it as a checkpoint.
    Interrupted,
    /// The loss of a batch, or the exact loss, is not a finite number; or the exact loss or `W` left the range
    /// in which it could be analysed ([`LARGEST`]).
    Diverged,
}

/// What the loop tells the outside.
pub trait Observer {
    /// What can go wrong outside.
    type Error;

    /// A record is due: the exact metrics of `w`, or none to stop here. Where there are many inputs they
    /// take as long as many steps.
    fn evaluate(&mut self, w: &Array2<f64>) -> Option<Evaluation>;
    /// A record was made.
    fn record(&mut self, record: &Record) -> Result<(), Self::Error>;
    /// A checkpoint is due.
    fn checkpoint(&mut self, state: &State) -> Result<(), Self::Error>;
    /// A diagnosis of `w` after `step` updates is due.
    fn diagnose(&mut self, _step: u64, _w: &Array2<f64>) -> Result<(), Self::Error> {
        Ok(())
    }
    /// A step is done; returns whether to stop here.
    fn step_done(&mut self, step: u64, loss: f64) -> bool;
}

/// The loop and what it works with.
pub struct Trainer {
    engine: Box<dyn Engine>,
    sampler: Sampler,
    objective: Objective,
    schedule: LinearDecay,
    adamw: AdamW,
    state: State,
    batch: Batch,
    gradient: Array2<f64>,
}

impl State {
    /// Whether training can go on from here.
    fn is_finite(&self) -> bool {
        let Moments { first, second } = &self.moments;
        self.w.iter().all(|x| x.abs() <= LARGEST)
            && first.iter().chain(second).all(|x| x.is_finite())
    }

    /// The state before the first step.
    pub fn initial(w: Array2<f64>) -> Self {
        let moments = Moments::zeros(w.dim());
        Self {
            start: 0,
            step: 0,
            w,
            moments,
            rng_position: 0,
            window: Window::default(),
            seconds: 0.0,
        }
    }
}

impl Trainer {
    /// A loop that goes on from `state`.
    pub fn new(
        engine: Box<dyn Engine>,
        mut sampler: Sampler,
        objective: Objective,
        schedule: LinearDecay,
        adamw: AdamW,
        batch_size: usize,
        state: State,
    ) -> Self {
        sampler.set_position(state.rng_position);
        let batch = sampler.batch(batch_size);
        let gradient = Array2::zeros(state.w.dim());
        Self {
            engine,
            sampler,
            objective,
            schedule,
            adamw,
            state,
            batch,
            gradient,
        }
    }

    /// Where the loop stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where the loop stood, when it is over.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Trains until all steps are done, the loss is non-finite, or the observer says stop.
    ///
    /// # Errors
    /// What the observer returns.
    pub fn run<O: Observer>(
        &mut self,
        intervals: Intervals,
        observer: &mut O,
    ) -> Result<StopReason, O::Error> {
        let before = self.state.seconds;
        let start = Instant::now();
        let mut last_record = (self.state.step, start);
        if self.state.step == 0 && intervals.diagnose_every > 0 {
            observer.diagnose(0, &self.state.w)?;
        }
        while self.state.step < intervals.steps {
            let due = intervals.record_is_due(self.state.step + 1);
            let kept = due.then(|| self.state.clone());
            let loss = self.step();
            let total = self.objective.total(&loss);
            let step = self.state.step;
            if !total.is_finite() {
                return Ok(StopReason::Diverged);
            }
            let last = step == intervals.steps;
            if let Some(kept) = kept {
                let Some(evaluation) = observer.evaluate(&self.state.w) else {
                    let seconds = before + start.elapsed().as_secs_f64();
                    return self.take_back(State { seconds, ..kept }, observer);
                };
                let elapsed = last_record.1.elapsed().as_secs_f64();
                let speed = (step - last_record.0) as f64 / elapsed.max(f64::MIN_POSITIVE);
                let record = self.record(evaluation, speed);
                if !record.evaluation.is_usable() {
                    return Ok(StopReason::Diverged);
                }
                observer.record(&record)?;
                last_record = (step, Instant::now());
            }
            // No multiple of 0 is a step.
            if step.is_multiple_of(intervals.diagnose_every) {
                observer.diagnose(step, &self.state.w)?;
            }
            self.state.seconds = before + start.elapsed().as_secs_f64();
            let stop = observer.step_done(step, total) && !last;
            if step.is_multiple_of(intervals.checkpoint_every) || last || stop {
                if !self.state.is_finite() {
                    return Ok(StopReason::Diverged);
                }
                observer.checkpoint(&self.state)?;
            }
            if stop {
                return Ok(StopReason::Interrupted);
            }
        }
        Ok(StopReason::Completed)
    }

    /// Stops at the state before a step whose record is not to be made: no checkpoint is without its rows.
    fn take_back<O: Observer>(
        &mut self,
        kept: State,
        observer: &mut O,
    ) -> Result<StopReason, O::Error> {
        self.state = kept;
        if !self.state.is_finite() {
            return Ok(StopReason::Diverged);
        }
        if self.state.step > 0 {
            observer.checkpoint(&self.state)?;
        }
        Ok(StopReason::Interrupted)
    }

    /// One update; the loss is that of the batch before it. Nothing is updated where it is not
    /// finite.
    fn step(&mut self) -> Loss {
        self.sampler.fill(&mut self.batch);
        let loss = self
            .engine
            .loss_and_gradient(&self.state.w, &self.batch, &mut self.gradient);
        if self.objective.total(&loss).is_finite() {
            let State {
                step,
                w,
                moments,
                window,
                rng_position,
                ..
            } = &mut self.state;
            self.adamw
                .update(*step, self.schedule.at(*step), w, moments, &self.gradient);
            *step += 1;
            *rng_position = self.sampler.position();
            window.output += loss.output;
            window.layers += loss.layers;
            window.penalty += loss.penalty;
            window.steps += 1;
        }
        loss
    }

    fn record(&mut self, evaluation: Evaluation, steps_per_second: f64) -> Record {
        let window = std::mem::take(&mut self.state.window);
        let loss = Loss {
            output: window.output / window.steps as f64,
            layers: window.layers / window.steps as f64,
            penalty: window.penalty / window.steps as f64,
        };
        Record {
            step: self.state.step,
            learning_rate: self.schedule.at(self.state.step - 1),
            total: self.objective.total(&loss),
            loss,
            evaluation,
            steps_per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Teacher;
    use crate::engines::fused::Fused;
    use crate::evaluation::Evaluator;
    use crate::inputs::{EvaluationSet, InputSpace};
    use crate::test_models;
    use base::rng::normal;
    use base::rng::{self, Purpose};

    /// Keeps what the loop tells, and stops it at the evaluation after some step.
    struct Watch {
        evaluator: Evaluator,
        stop_at: Option<u64>,
        step: u64,
        records: Vec<(u64, f64)>,
        checkpoint: Option<State>,
    }

    impl Observer for Watch {
        type Error = std::convert::Infallible;

        fn evaluate(&mut self, w: &Array2<f64>) -> Option<Evaluation> {
            let stops = self.stop_at.is_some_and(|step| self.step + 1 >= step);
            (!stops).then(|| self.evaluator.evaluate(w))
        }

        fn record(&mut self, record: &Record) -> Result<(), Self::Error> {
            self.records.push((record.step, record.total));
            Ok(())
        }

        fn checkpoint(&mut self, state: &State) -> Result<(), Self::Error> {
            self.checkpoint = Some(state.clone());
            Ok(())
        }

        fn step_done(&mut self, step: u64, _: f64) -> bool {
            self.step = step;
            false
        }
    }

    fn trained(from: Option<State>, stop_at: Option<u64>) -> (StopReason, State, Watch) {
        let model = test_models::load("sort_unique");
        let space = InputSpace::new(&model, &[5], true).unwrap();
        let inputs = EvaluationSet::new(&space, 0);
        let teacher = Teacher::new(&model, space.clone(), inputs);
        let objective = Objective::default();
        let w = normal(&mut rng::stream(0, Purpose::Init), (8, model.width()), 0.3);
        let mut trainer = Trainer::new(
            Box::new(Fused::<f64>::new(
                Arc::clone(&teacher),
                objective.clone(),
                1,
            )),
            Sampler::new(space, teacher.evaluation(), 0),
            objective.clone(),
            LinearDecay::new(1e-3, 1e-6, 0.5, 10),
            AdamW {
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.1,
            },
            16,
            from.unwrap_or_else(|| State::initial(w)),
        );
        let mut watch = Watch {
            evaluator: Evaluator::new(teacher, objective),
            stop_at,
            step: 0,
            records: Vec::new(),
            checkpoint: None,
        };
        let intervals = Intervals {
            steps: 10,
            log_every: 4,
            checkpoint_every: 100,
            diagnose_every: 0,
        };
        let Ok(reason) = trainer.run(intervals, &mut watch);
        (reason, trainer.into_state(), watch)
    }

    #[test]
    fn a_stopped_evaluation_leaves_the_step_before_it_and_changes_no_later_number() {
        let untimed = |state: State| State {
            seconds: 0.0,
            ..state
        };
        let (reason, whole, all) = trained(None, None);
        assert_eq!(reason, StopReason::Completed);
        assert_eq!(all.records.len(), 3, "after steps 4, 8 and 10");
        for (stop_at, records) in [(4, 0), (8, 1), (10, 2)] {
            let (reason, state, watch) = trained(None, Some(stop_at));
            assert_eq!(reason, StopReason::Interrupted);
            assert_eq!(state.step, stop_at - 1);
            assert_eq!(watch.records, all.records[..records]);
            let checkpoint = watch.checkpoint.unwrap();
            assert_eq!(checkpoint, state);
            let (reason, resumed, watch) = trained(Some(checkpoint), None);
            assert_eq!(reason, StopReason::Completed);
            assert_eq!(watch.records, all.records[records..]);
            assert_eq!(untimed(resumed), untimed(whole.clone()));
        }
    }
}
