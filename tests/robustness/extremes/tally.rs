//! The engines beside each other on one case, and what came of many.

use std::sync::Arc;

use ndarray::Array2;
use superposition::Engine;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::evaluation::Evaluator;

use crate::common::case::Case;
use crate::common::engines::{difference, is_finite, rounding_moves_gradient, run};

/// The engines of a case: fused and autodiff in float64, the same in float32.
pub fn engines(case: &Case) -> [(&'static str, Box<dyn Engine>); 4] {
    let (model, teacher) = (&case.model, &case.teacher);
    let objective = || case.objective.clone();
    let teacher = || Arc::clone(teacher);
    [
        (
            "fused f64",
            Box::new(Fused::<f64>::new(teacher(), objective(), 1)),
        ),
        (
            "autodiff f64",
            Box::new(Autodiff::<f64>::new(model, teacher(), objective(), 1)),
        ),
        (
            "fused f32",
            Box::new(Fused::<f32>::new(teacher(), objective(), 1)),
        ),
        (
            "autodiff f32",
            Box::new(Autodiff::<f32>::new(model, teacher(), objective(), 1)),
        ),
    ]
}

/// What came of a case.
#[derive(Debug, Default)]
pub struct Tally {
    pub finite: [usize; 4],
    pub stopped: [usize; 4],
    pub worst: [f64; 4],
    /// Whether some numbers on the way are too small for float32.
    pub underflows: bool,
    pub failures: Vec<String>,
}

impl Tally {
    /// Each engine's result is right, or non-finite. `what` names the case.
    pub fn check(&mut self, what: &str, case: &Case, w: &Array2<f64>) {
        let reference = {
            let [_, (_, mut engine), ..] = engines(case);
            run(engine.as_mut(), case, w)
        };
        let [double, single] =
            [1e-15, 2e-7].map(|epsilon| rounding_moves_gradient(case, w, epsilon));
        let rounding = [double, double, single, single];
        for (i, (name, mut engine)) in engines(case).into_iter().enumerate() {
            let result = run(engine.as_mut(), case, w);
            if !is_finite(&result) {
                self.stopped[i] += 1;
                // A stop where there is nothing extreme is a failure, too.
                if is_finite(&reference) && i < 2 && reference.0 < 1e290 {
                    self.failures
                        .push(format!("{what}: {name} stops, {:.3e}", reference.0));
                }
                continue;
            }
            self.finite[i] += 1;
            if !is_finite(&reference) {
                self.failures
                    .push(format!("{what}: {name} says {:.3e}", result.0));
                continue;
            }
            if i >= 2 && self.underflows {
                // Float32 has no number below 1e-45 and few digits below 1e-38: a sign may be lost there, and
                // with it a part of the gradient. The loss is right up to that.
                let error = (result.0 - reference.0).abs();
                if error > 1e-30 + 3e-4 * reference.0.abs() {
                    let (ours, theirs) = (result.0, reference.0);
                    self.failures
                        .push(format!("{what}: {name} says {ours:.6e}, {theirs:.6e}"));
                }
                continue;
            }
            let floor = [1e-9, 1e-9, 3e-4, 3e-4][i];
            let allowed = floor + 100.0 * rounding[i];
            let found = difference(&result, &reference);
            if rounding[i] < 1e-3 {
                self.worst[i] = self.worst[i].max(found);
            }
            if found > allowed {
                self.failures.push(format!(
                    "{what}: {name} differs by {found:.1e}, allowed {allowed:.1e}: {:.6e} beside {:.6e}",
                    result.0, reference.0
                ));
            }
        }
        if case.tokens.nrows() == case.teacher.evaluation().len() {
            self.check_evaluation(what, case, w, (reference.0, double));
        }
    }

    /// The exact metrics, by the plain forward pass, beside the loss that an engine has of all inputs.
    pub fn check_evaluation(
        &mut self,
        what: &str,
        case: &Case,
        w: &Array2<f64>,
        (loss, rounding): (f64, f64),
    ) {
        let ours = Evaluator::new(Arc::clone(&case.teacher), case.objective.clone()).evaluate(w);
        let allowed = 1e-9 + 100.0 * rounding;
        let found = (ours.loss - loss).abs() / loss.abs().max(f64::MIN_POSITIVE);
        let both = ours.loss.is_finite() && loss.is_finite();
        if both && ours.loss != loss && found > allowed {
            self.failures.push(format!(
                "{what}: the evaluation differs by {found:.1e}: {:.6e} beside {loss:.6e}",
                ours.loss
            ));
        }
        if ours.loss.is_finite() != loss.is_finite() && ours.loss.min(loss) < 1e290 {
            self.failures.push(format!(
                "{what}: the evaluation is {:.3e}, the engine says {loss:.3e}",
                ours.loss
            ));
        }
        for fit in &ours.blocks {
            if ours.loss.is_finite()
                && fit
                    .cosine
                    .is_some_and(|c| c.is_nan() || c.abs() > 1.0 + 1e-6)
            {
                self.failures
                    .push(format!("{what}: a cosine of {:?}", fit.cosine));
            }
        }
    }

    pub fn conclude(self) -> Self {
        let worst = self.worst.map(|x| format!("{x:.1e}"));
        println!(
            "finite {:?}, stopped {:?}, worst {worst:?}",
            self.finite, self.stopped
        );
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        self
    }
}
