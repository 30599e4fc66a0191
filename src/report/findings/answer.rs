//! Whether the compressed model does its job, in a few sentences.

use serde_json::Value as Json;

use super::words::{budget_of, percent};
use crate::results::ending::Ending;
use crate::results::summary::FinalMetrics;
use base::numbers::four_digits as number;

/// From this share of outputs on a model is said to work mostly.
const MOSTLY_FROM: f64 = 0.95;
/// From this share on, partly.
const PARTLY_FROM: f64 = 0.5;
/// From this share of the best constant answer's error on, a model is no better than that.
const NO_BETTER_FROM: f64 = 0.95;

/// Whether the compressed model does its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// Every output is right.
    Everywhere,
    /// Nearly all are.
    Mostly,
    /// Too many are not, or a constant does as well.
    No,
    /// One answer is right everywhere, so that a constant passes.
    Untold,
}

/// The answer to whether the compressed model works, and what the compression consists of.
pub fn answer(
    last: Option<&FinalMetrics>,
    analysis: &Json,
    ending: Option<&Ending>,
) -> (Works, String) {
    let Some(output) = last.and_then(|last| Output::of(last, analysis, ending)) else {
        return (Works::No, "The run has no metric of its output.".into());
    };
    let works = output.works();
    let compression = match works {
        Works::Everywhere | Works::Mostly => {
            budget_of(analysis).map_or_else(String::new, |budget| budget.sentence())
        }
        Works::No => {
            "While outputs are wrong, the features that W keeps are not necessarily those that the program needs.".into()
        }
        Works::Untold => String::new(),
    };
    (
        works,
        format!("{} {compression}", output.sentence())
            .trim_end()
            .to_owned(),
    )
}

/// How well the output fits.
struct Output<'a> {
    /// The share of token positions that are right; none in analyses of earlier versions.
    right: Option<f64>,
    all_right: bool,
    /// What stands in brackets.
    details: String,
    /// `all 1024 inputs`.
    inputs: String,
    ending: Option<&'a Ending>,
    numerical: bool,
}

impl<'a> Output<'a> {
    fn of(last: &FinalMetrics, analysis: &Json, ending: Option<&'a Ending>) -> Option<Self> {
        let inputs = analysis["inputs"].as_u64().unwrap_or(0);
        let inputs = if analysis["inputs_are_all"].as_bool() == Some(true) {
            format!("all {inputs} inputs")
        } else {
            format!("the {inputs} inputs evaluated")
        };
        let output = |right, all_right, details, numerical| Self {
            right,
            all_right,
            details,
            inputs,
            ending,
            numerical,
        };
        if let (Some(mae), Some(largest)) = (last.mae, last.max_error) {
            let tolerance = analysis["settings"]["tolerance"].as_f64().unwrap_or(0.025);
            let details = format!(
                "mean absolute error {}, largest {}; within {} counts as right",
                number(mae),
                number(largest),
                number(tolerance)
            );
            let right = analysis["accuracy"].as_f64();
            return Some(output(right, largest <= tolerance, details, true));
        }
        let (tokens, inputs) = (last.token_accuracy?, last.sequence_accuracy?);
        let details = if inputs < 1.0 {
            format!("{} of inputs are right at every position", percent(inputs))
        } else {
            String::new()
        };
        Some(output(Some(tokens), inputs >= 1.0, details, false))
    }

    /// The error beside that of the best constant answer, where that is hardly better or worse.
    fn beside_a_constant(&self) -> Option<f64> {
        let share = self.ending.and_then(|ending| ending.error_share)?;
        (!self.all_right && share >= NO_BETTER_FROM).then_some(share)
    }

    /// Whether the right answer is the same everywhere: a training then has an ending without an error share.
    fn is_of_one_answer(&self) -> bool {
        self.ending.is_some_and(|ending| {
            ending.error_share.is_none() && ending.constant_error.unwrap_or(0.0) == 0.0
        })
    }

    fn works(&self) -> Works {
        match self.right {
            _ if self.is_of_one_answer() => Works::Untold,
            _ if self.all_right => Works::Everywhere,
            Some(right) if right >= MOSTLY_FROM && self.beside_a_constant().is_none() => {
                Works::Mostly
            }
            _ => Works::No,
        }
    }

    fn sentence(&self) -> String {
        let Self {
            details, inputs, ..
        } = self;
        if self.is_of_one_answer() {
            return format!(
                "Undecided: on {inputs} the right answer is always the same, so a constant answer passes. Choose inputs whose \
                 answers differ (inputs.lengths, model.max_seq_len)."
            );
        }
        let verdict = match self.right {
            _ if self.all_right => {
                format!("Yes: on {inputs} the output is right at every token position")
            }
            None => format!("Not everywhere: on {inputs} some outputs are wrong"),
            Some(right) => {
                let share = percent(right);
                let at = |word: &str| {
                    format!("{word}: on {inputs} the output is right at {share} of token positions")
                };
                match self.beside_a_constant() {
                    Some(share) if share < 1.0 => {
                        format!("{}, hardly better than a constant answer", at("No"))
                    }
                    Some(_) => format!("{}, and a constant answer does no worse", at("No")),
                    None if right >= MOSTLY_FROM => at("Mostly"),
                    None if right >= PARTLY_FROM => at("Partly"),
                    None => at("No"),
                }
            }
        };
        let details = if details.is_empty() {
            String::new()
        } else {
            format!(" ({details})")
        };
        format!("{verdict}{details}.{}", self.beside_constant())
    }

    /// What an answer reaches that knows nothing of the input.
    fn beside_constant(&self) -> String {
        match self.ending.and_then(|ending| ending.constant_error) {
            None => String::new(),
            Some(error) if self.numerical => format!(
                " The best constant answer has a mean absolute error of {}.",
                number(error)
            ),
            Some(error) => format!(
                " The best constant answer is right at {}.",
                percent(1.0 - error)
            ),
        }
    }
}
