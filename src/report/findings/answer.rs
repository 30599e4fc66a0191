//! Whether the compressed model does its job, in a few sentences.

use serde_json::Value as Json;

use super::budget_of;
use crate::report::html::number;
use crate::report::percent;
use crate::study::ending::Ending;

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
}

/// The answer to whether the compressed model works, and what the compression consists of.
pub fn answer(summary: &Json, analysis: &Json, ending: Option<&Ending>) -> (Works, String) {
    let Some(output) = Output::of(summary, analysis, ending) else {
        return (Works::No, "The run has no metric of its output.".into());
    };
    let works = output.works();
    let compression = match works {
        Works::Everywhere | Works::Mostly => budget_of(analysis).map_or_else(String::new, |budget| budget.sentence()),
        Works::No => {
            "As many outputs are wrong, what W keeps and gives up says little about what the program needs.".into()
        }
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
    fn of(summary: &Json, analysis: &Json, ending: Option<&'a Ending>) -> Option<Self> {
        let last = |key: &str| summary["final"][key].as_f64();
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
        if let (Some(mae), Some(largest)) = (last("mae"), last("max_error")) {
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
        let (tokens, inputs) = (last("token_accuracy")?, last("sequence_accuracy")?);
        let details = if inputs < 1.0 {
            format!("{} of inputs are right at every position", percent(inputs))
        } else {
            String::new()
        };
        Some(output(Some(tokens), inputs >= 1.0, details, false))
    }

    /// Whether a constant would do as well.
    fn is_no_better_than_a_constant(&self) -> bool {
        let share = self.ending.and_then(|ending| ending.error_share);
        !self.all_right && share.is_some_and(|share| share >= NO_BETTER_FROM)
    }

    fn works(&self) -> Works {
        match self.right {
            _ if self.all_right => Works::Everywhere,
            Some(right) if right >= MOSTLY_FROM && !self.is_no_better_than_a_constant() => {
                Works::Mostly
            }
            _ => Works::No,
        }
    }

    fn sentence(&self) -> String {
        let Self {
            details, inputs, ..
        } = self;
        let verdict = match self.right {
            _ if self.all_right => format!("Yes: on {inputs} every output is right"),
            None => format!("Not everywhere: on {inputs} some outputs are wrong"),
            Some(right) => {
                let share = percent(right);
                if self.is_no_better_than_a_constant() {
                    format!(
                        "No: on {inputs} {share} of outputs are right, and a constant answer does no worse"
                    )
                } else if right >= MOSTLY_FROM {
                    format!("Mostly: on {inputs} {share} of outputs are right")
                } else if right >= PARTLY_FROM {
                    format!("Partly: on {inputs} {share} of outputs are right")
                } else {
                    format!("No: on {inputs} only {share} of outputs are right")
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
            Some(0.0) => {
                " The right answer is the same everywhere, so a constant answer does as well."
                    .into()
            }
            Some(error) if self.numerical => format!(
                " The best constant answer has a mean absolute error of {}.",
                number(error)
            ),
            Some(error) => format!(
                " The best constant answer is right in {}.",
                percent(1.0 - error)
            ),
        }
    }
}
