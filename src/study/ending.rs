//! Whether a training that came to its end got anywhere: learned, still falling, or stuck.
//!
//! Two figures decide, both from what the run has computed already:
//!
//! - the *error share*: the final error (`mae`, or 1 − `token_accuracy`) beside that of the best answer that
//!   knows nothing of the input ([`constant_error`]): 1 is no better than a constant, 0 is perfect;
//! - the *loss ratio*: the lowest `eval_loss` logged in the second half of the updates beside the lowest in
//!   the first half: 1 is a plateau, small is a loss that still falls.
//!
//! A run whose error share is below [`LEARNED_BELOW`] has learned. Any other whose loss ratio is below
//! [`FALLING_BELOW`] is still falling: more updates may help. Else it is stuck: another seed, several starts
//! or a larger `d` may help (`docs/stuck_seeds.md`). A `d` that is too small for the program looks the same as a
//! seed that is stuck, and so does a schedule that lowered the learning rate before the loss began to fall: the
//! run cannot tell them apart, other seeds and more steps can.
//!
//! [`constant_error`]: crate::compression::constant::constant_error

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::compression::Evaluation;
use crate::files::FileError;

/// A smaller share of the constant answer's error counts as learned: 0.01 for `frac_prevs`, whose seeds
/// are told apart by that in `docs/stuck_seeds.md`.
pub const LEARNED_BELOW: f64 = 0.05;
/// A loss that came down to less than this share of the first half's lowest is still falling.
pub const FALLING_BELOW: f64 = 0.5;

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The error is a small share of what a constant answer has.
    Learned,
    /// It is not, but the loss still falls.
    Falling,
    /// It is not, and the loss does not fall any more.
    Stuck,
    /// It is not, and too few steps were logged to tell whether the loss falls.
    Unclear,
    /// The loss became no number.
    Diverged,
}

/// What `summary.json` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// In a word.
    pub verdict: Verdict,
    /// The final error beside that of the best constant answer; null where that is 0, or where there is no
    /// final error.
    pub error_share: Option<f64>,
    /// The lowest loss of the second half of the updates beside that of the first; null where a half has
    /// no logged step.
    pub loss_ratio: Option<f64>,
}

impl Verdict {
    /// As in `summary.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Falling => "falling",
            Self::Stuck => "stuck",
            Self::Unclear => "unclear",
            Self::Diverged => "diverged",
        }
    }
}

impl Ending {
    /// Of a run whose loss became no number.
    pub const DIVERGED: Self = Self {
        verdict: Verdict::Diverged,
        error_share: None,
        loss_ratio: None,
    };

    /// Of a run with these final figures, where a constant answer has the error `constant`.
    pub fn new(last: &Evaluation, constant: Option<f64>, loss_ratio: Option<f64>) -> Self {
        let error = last.mae.or(last.token_accuracy.map(|right| 1.0 - right));
        let share = |error: f64| constant.filter(|c| *c > 0.0).map(|c| error / c);
        let error_share = error.and_then(share);
        let learned = match error_share {
            Some(share) => share < LEARNED_BELOW,
            // Whatever is right everywhere is learned, even where the answer is always the same.
            None => error == Some(0.0),
        };
        let verdict = match loss_ratio {
            _ if learned => Verdict::Learned,
            Some(ratio) if ratio < FALLING_BELOW => Verdict::Falling,
            Some(_) => Verdict::Stuck,
            None => Verdict::Unclear,
        };
        Self {
            verdict,
            error_share,
            loss_ratio,
        }
    }

    /// A sentence for whoever looks at the run; none where all is well.
    pub fn remark(&self) -> Option<String> {
        let share = self.error_share.map_or_else(
            || "its error is not 0".to_owned(),
            |share| {
                format!(
                    "its error is {:.0} % of what a constant answer has",
                    100.0 * share
                )
            },
        );
        match self.verdict {
            Verdict::Learned | Verdict::Diverged => None,
            Verdict::Falling => Some(format!(
                "not learned yet: {share}, and its loss still falls: more training.steps may help"
            )),
            Verdict::Stuck => Some(format!(
                "stuck: {share}, and its loss did not fall by half over the second half of the updates: \
                 another training.seed, training.restarts, a larger compression.dim or more training.steps may help"
            )),
            Verdict::Unclear => Some(format!(
                "not learned: {share}; whether its loss still falls cannot be told from so few logged steps"
            )),
        }
    }
}

/// The loss ratio of a `metrics.csv` up to `steps` updates; none where a half has no row.
///
/// # Errors
/// If the file cannot be read.
pub fn loss_ratio(path: &Path, steps: u64) -> Result<Option<f64>, FileError> {
    let error = |e: csv::Error| FileError::new("read", path)(std::io::Error::other(e));
    let mut reader = csv::Reader::from_path(path).map_err(error)?;
    let header = reader.headers().map_err(error)?;
    let place = |name: &str| header.iter().position(|column| column == name);
    let (Some(step), Some(loss)) = (place("step"), place("eval_loss")) else {
        return Ok(None);
    };
    let mut lowest = [f64::INFINITY; 2];
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(error)? {
        let number = |at: usize| row.get(at).and_then(|cell| cell.parse::<f64>().ok());
        if let (Some(step), Some(loss)) = (number(step), number(loss)) {
            let half = usize::from(2.0 * step > steps as f64);
            lowest[half] = lowest[half].min(loss);
        }
    }
    let [first, second] = lowest;
    Ok((first.is_finite() && second.is_finite() && first > 0.0).then(|| second / first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(mae: Option<f64>, token_accuracy: Option<f64>) -> Evaluation {
        Evaluation {
            loss: 1.0,
            loss_output: 1.0,
            loss_layers: 0.0,
            mae,
            max_error: mae,
            token_accuracy,
            sequence_accuracy: token_accuracy,
            blocks: Vec::new(),
        }
    }

    #[test]
    fn the_verdict_is_that_of_the_two_figures() {
        let of = |error: f64, ratio| Ending::new(&evaluation(Some(error), None), Some(0.2), ratio);
        assert_eq!(of(0.0099, Some(1.0)).verdict, Verdict::Learned);
        assert_eq!(of(0.0101, Some(0.9)).verdict, Verdict::Stuck);
        assert_eq!(of(0.0101, Some(0.4)).verdict, Verdict::Falling);
        assert_eq!(of(0.0101, None).verdict, Verdict::Unclear);
        approx::assert_relative_eq!(of(0.1, Some(0.9)).error_share.unwrap(), 0.5);
        let classes = Ending::new(&evaluation(None, Some(0.9)), Some(0.8), Some(1.0));
        assert_eq!(classes.verdict, Verdict::Stuck);
        approx::assert_relative_eq!(classes.error_share.unwrap(), 0.125, epsilon = 1e-12);
        assert!(of(0.1, Some(0.9)).remark().unwrap().contains("50 %"));
        assert_eq!(of(0.0, Some(1.0)).remark(), None);
    }

    #[test]
    fn a_program_with_one_answer_is_learned_when_it_is_right() {
        let of = |accuracy| Ending::new(&evaluation(None, Some(accuracy)), Some(0.0), Some(1.0));
        assert_eq!(of(1.0).verdict, Verdict::Learned);
        assert_eq!(of(0.5).verdict, Verdict::Stuck);
        assert_eq!(of(0.5).error_share, None);
    }

    #[test]
    fn the_loss_ratio_is_that_of_the_halves_lowest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.csv");
        let ratio = |text: &str, steps| {
            std::fs::write(&path, text).unwrap();
            loss_ratio(&path, steps).unwrap()
        };
        let rows = "step,eval_loss\n10,8.0\n20,4.0\n30,5.0\n40,3.0\n";
        assert_eq!(ratio(rows, 40), Some(0.75));
        assert_eq!(ratio(rows, 100), None);
        assert_eq!(ratio("step,eval_loss\n", 40), None);
        assert_eq!(ratio("other\n1\n", 40), None);
        assert!(loss_ratio(&directory.path().join("none"), 1).is_err());
    }
}
