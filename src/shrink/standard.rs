//! What a `W` has to do, and how far a given one is from it.

use std::sync::Arc;

use ndarray::Array2;

use crate::config::ShrinkConfig;
use superposition::answers::{Answers, Judge};
use superposition::evaluation::Evaluator;
use superposition::{Evaluation, Objective, Teacher};
use tracr::model::Wiring;

/// Errors of this share of what is allowed are small enough to stop training at once.
const AMPLE: f64 = 0.1;

/// One of the two criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// Every block writes nearly what it should, and all outputs are right.
    Faithful,
    /// All outputs are right.
    Outputs,
}

impl Standard {
    /// As in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Faithful => "faithful",
            Self::Outputs => "outputs",
        }
    }
}

/// How well a `W` does, over the whole evaluation set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub answers: Answers,
    /// Of the blocks that write anything, the lowest.
    pub cosine: Option<f64>,
}

/// Measures and judges.
#[derive(Clone, Debug)]
pub struct Examiner {
    judge: Judge,
    evaluator: Evaluator,
    wiring: Wiring,
    settings: ShrinkConfig,
}

impl Examiner {
    pub fn new(teacher: &Arc<Teacher>, settings: ShrinkConfig) -> Self {
        Self {
            judge: Judge::new(Arc::clone(teacher)),
            evaluator: Evaluator::new(Arc::clone(teacher), Objective::default()),
            wiring: Wiring::default(),
            settings,
        }
    }

    /// Different answers that occur.
    pub fn different_answers(&self) -> usize {
        self.judge.different
    }

    /// Answers that the compiled model does not decide, which do not count.
    pub fn tied(&self) -> u64 {
        self.judge.tied
    }

    /// How well `w` does, and the metrics.
    pub fn examine(&self, w: &Array2<f64>) -> (Standing, Evaluation) {
        let evaluation = self.evaluator.evaluate(w);
        let cosines = evaluation.blocks.iter().filter_map(|block| block.cosine);
        let standing = Standing {
            answers: self.judge.judge(w, &self.wiring),
            cosine: cosines.reduce(f64::min),
        };
        (standing, evaluation)
    }

    /// Whether that is enough.
    pub fn is_met(&self, standard: Standard, standing: &Standing) -> bool {
        let Standing { answers, cosine } = standing;
        let Answers {
            gap,
            mae,
            max_error,
            ..
        } = answers;
        let settings = &self.settings;
        let right = gap.is_none_or(|gap| gap > settings.min_gap)
            && mae.is_none_or(|mae| mae <= settings.mae)
            && max_error.is_none_or(|error| error <= settings.max_error);
        right
            && match standard {
                Standard::Outputs => true,
                Standard::Faithful => cosine.is_none_or(|c| c >= settings.min_cosine),
            }
    }

    /// Whether it is enough, and so much that the next drop may begin from here.
    pub fn is_ample(&self, standard: Standard, standing: &Standing) -> bool {
        let Answers {
            gap,
            mae,
            max_error,
            ..
        } = standing.answers;
        let ample = |error: Option<f64>, allowed: f64| error.is_none_or(|e| e <= AMPLE * allowed);
        let own_gap = self.judge.own_gap.unwrap_or(0.0);
        self.is_met(standard, standing)
            && ample(mae, self.settings.mae)
            && ample(max_error, self.settings.max_error)
            && gap.is_none_or(|gap| gap >= 0.5 * own_gap)
    }

    /// Of two that are enough, whether the first is better.
    pub fn is_better(&self, standing: &Standing, than: &Standing) -> bool {
        match (standing.answers.gap, than.answers.gap) {
            (Some(gap), Some(other)) => gap > other,
            _ => standing.answers.mae < than.answers.mae,
        }
    }

    /// Whether more steps may make it enough.
    pub fn is_near(&self, standing: &Standing) -> bool {
        let Answers {
            counted,
            right,
            mae,
            ..
        } = standing.answers;
        match mae {
            Some(mae) => mae <= 6.0 * self.settings.mae,
            None => 20 * right >= 19 * counted,
        }
    }
}
