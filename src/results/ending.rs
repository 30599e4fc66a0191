//! Whether a training that came to its end got anywhere: learned, still falling, or stuck.
//!
//! Two numbers decide, both from what the run has computed already:
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
//! [`constant_error`]: superposition::constant::constant_error

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::trainings::{LEARNED_BELOW, Verdict};
use base::files::FileError;
use superposition::Evaluation;

/// A loss that came down to less than this share of the first half's lowest is still falling.
pub const FALLING_BELOW: f64 = 0.5;
/// From this share of the constant answer's error on, an error is called hardly better than it.
const NO_BETTER_FROM: f64 = 0.95;
/// From here on it is called worse.
const WORSE_FROM: f64 = 1.05;
/// And from here on far worse.
const FAR_WORSE_FROM: f64 = 3.0;

/// What `summary.json` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written")]
pub struct Ending {
    /// In a word.
    pub verdict: Verdict,
    /// The final error beside that of the best constant answer; null where that is 0, or where there is no
    /// final error.
    pub error_share: Option<f64>,
    /// The error of the best constant answer; null in summaries of versions that did not say.
    #[serde(default)]
    pub constant_error: Option<f64>,
    /// The lowest loss of the second half of the updates beside that of the first; null where a half has
    /// no logged step.
    pub loss_ratio: Option<f64>,
}

/// An ending as it is written: with what it means, so that nobody has to look up a word.
#[derive(Serialize)]
struct Written {
    verdict: Verdict,
    meaning: String,
    error_share: Option<f64>,
    constant_error: Option<f64>,
    loss_ratio: Option<f64>,
}

impl From<Ending> for Written {
    fn from(ending: Ending) -> Self {
        Self {
            verdict: ending.verdict,
            meaning: ending.meaning(),
            error_share: ending.error_share,
            constant_error: ending.constant_error,
            loss_ratio: ending.loss_ratio,
        }
    }
}

impl Ending {
    /// Of a run whose loss became non-finite.
    pub const DIVERGED: Self = Self {
        verdict: Verdict::Diverged,
        error_share: None,
        constant_error: None,
        loss_ratio: None,
    };

    /// Of a run with these final metrics, where a constant answer has the error `constant`.
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
            constant_error: constant,
            loss_ratio,
        }
    }

    /// A sentence for whoever looks at the run; none where all is well.
    pub fn remark(&self) -> Option<String> {
        match self.verdict {
            Verdict::Learned | Verdict::Diverged => None,
            Verdict::Falling | Verdict::Stuck | Verdict::Unclear => Some(self.meaning()),
        }
    }

    /// What the verdict says of this run: a sentence without its full stop.
    pub fn meaning(&self) -> String {
        let error = self.beside_constant();
        match self.verdict {
            Verdict::Learned => format!("learned: {error}"),
            Verdict::Falling => format!(
                "not learned yet: {error}, and its loss was still falling at the end: more training.steps may help"
            ),
            Verdict::Stuck => format!(
                "stuck: {error}, and its loss did not fall by half over the second half of the updates, as with a d that is \
                 too small, a bad start, or a learning rate that fell too early: a larger compression.dim, \
                 training.restarts, a smaller compression.init_std or more training.steps may help"
            ),
            Verdict::Unclear => format!(
                "not learned: {error}; too few steps were logged to tell whether its loss was still falling"
            ),
            Verdict::Diverged => "diverged: its loss became non-finite".into(),
        }
    }

    /// The error beside that of the best constant answer, as people say it: a percentage where it is a
    /// part, words where it is none.
    fn beside_constant(&self) -> String {
        const CONSTANT: &str = "the best constant answer";
        match self.error_share {
            None if self.verdict == Verdict::Learned => "its error is 0".into(),
            None if self.constant_error == Some(0.0) => {
                "its error is not 0, although the right answer is always the same".into()
            }
            None => "its error is not 0".into(),
            Some(0.0) => "its error is 0".into(),
            Some(share) if !share.is_finite() => "its error is not finite".into(),
            Some(share) if share < 0.01 => {
                format!("its error is less than 1 % of that of {CONSTANT}")
            }
            Some(share) if share < NO_BETTER_FROM => {
                format!("its error is {:.0} % of that of {CONSTANT}", 100.0 * share)
            }
            Some(share) if share < 1.0 => format!("it does hardly better than {CONSTANT}"),
            Some(share) if share < WORSE_FROM => format!("it does no better than {CONSTANT}"),
            Some(share) if share < FAR_WORSE_FROM => format!("it does worse than {CONSTANT}"),
            Some(_) => format!("it does far worse than {CONSTANT}"),
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
    let (Some(step), Some(loss)) = (place("step"), place(Metric::EvalLoss.name())) else {
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
        assert_eq!(of(0.0, Some(1.0)).remark(), None);
    }

    #[test]
    fn an_error_is_a_percentage_of_the_constant_answers_only_where_it_is_a_part_of_it() {
        let of = |error: f64| {
            let ending = Ending::new(&evaluation(Some(error), None), Some(0.2), None);
            let meaning = ending.meaning();
            let (_, rest) = meaning.split_once(": ").unwrap();
            rest.split(';').next().unwrap().to_owned()
        };
        for (error, words) in [
            (0.0, "its error is 0"),
            (
                1e-9,
                "its error is less than 1 % of that of the best constant answer",
            ),
            (0.1, "its error is 50 % of that of the best constant answer"),
            (
                0.1999,
                "it does hardly better than the best constant answer",
            ),
            (0.2001, "it does no better than the best constant answer"),
            (0.3, "it does worse than the best constant answer"),
            (11_515.9, "it does far worse than the best constant answer"),
            (f64::INFINITY, "its error is not finite"),
        ] {
            assert_eq!(of(error), words);
        }
    }

    #[test]
    fn summary_json_says_what_an_ending_means_and_older_ones_still_load() {
        let ending = Ending::new(&evaluation(Some(0.1), None), Some(0.2), Some(0.9));
        let json = serde_json::to_value(ending).unwrap();
        assert_eq!(json["verdict"], "stuck");
        assert_eq!(json["constant_error"], 0.2);
        assert_eq!(
            json["meaning"],
            "stuck: its error is 50 % of that of the best constant answer, and its loss did not fall by half \
             over the second half of the updates, as with a d that is too small, a bad start, or a learning rate that fell \
             too early: a larger compression.dim, training.restarts, a smaller compression.init_std or more training.steps \
             may help"
        );
        assert_eq!(serde_json::from_value::<Ending>(json).unwrap(), ending);
        let older = r#"{"verdict": "stuck", "error_share": 0.5, "loss_ratio": 0.9}"#;
        let older: Ending = serde_json::from_str(older).unwrap();
        assert_eq!(
            (older.constant_error, older.remark()),
            (None, ending.remark())
        );
    }

    #[test]
    fn a_program_with_one_answer_is_learned_when_it_is_right() {
        let of = |accuracy| Ending::new(&evaluation(None, Some(accuracy)), Some(0.0), Some(1.0));
        assert_eq!(of(1.0).verdict, Verdict::Learned);
        assert_eq!(of(0.5).verdict, Verdict::Stuck);
        assert_eq!(of(0.5).error_share, None);
        let meaning = of(0.5).meaning();
        assert!(
            meaning.contains("although the right answer is always the same"),
            "{meaning}"
        );
        assert_eq!(of(1.0).meaning(), "learned: its error is 0");
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

    #[test]
    fn a_run_is_learned_below_a_twentieth_of_the_constant_answers_error() {
        let of = |share: f64| Ending::new(&evaluation(Some(share), None), Some(1.0), Some(1.0));
        assert_eq!(of(0.049).verdict, Verdict::Learned);
        assert_eq!(of(0.05).verdict, Verdict::Stuck);
        assert_eq!(of(0.051).verdict, Verdict::Stuck);
    }

    #[test]
    fn a_run_is_falling_where_its_loss_came_down_by_more_than_half() {
        let of = |ratio: f64| Ending::new(&evaluation(Some(1.0), None), Some(1.0), Some(ratio));
        assert_eq!(of(0.49).verdict, Verdict::Falling);
        assert_eq!(of(0.5).verdict, Verdict::Stuck);
        assert_eq!(of(0.51).verdict, Verdict::Stuck);
        assert_eq!(of(0.9).verdict, Verdict::Stuck);
    }

    #[test]
    fn an_ending_without_a_final_error_is_not_learned() {
        let ending = Ending::new(&evaluation(None, None), Some(1.0), Some(0.1));
        assert_eq!(
            (ending.verdict, ending.error_share),
            (Verdict::Falling, None)
        );
    }

    #[test]
    fn a_verdict_has_one_name_in_summary_json_and_in_tables() {
        for (verdict, name) in [
            (Verdict::Learned, "learned"),
            (Verdict::Falling, "falling"),
            (Verdict::Stuck, "stuck"),
            (Verdict::Unclear, "unclear"),
            (Verdict::Diverged, "diverged"),
        ] {
            assert_eq!(verdict.name(), name);
            assert_eq!(serde_json::to_value(verdict).unwrap(), name);
        }
    }

    #[test]
    fn a_remark_is_made_on_every_run_that_did_not_learn_and_on_no_other() {
        let of = |verdict| {
            Ending {
                verdict,
                error_share: Some(0.5),
                constant_error: None,
                loss_ratio: None,
            }
            .remark()
        };
        assert_eq!(of(Verdict::Learned), None);
        assert_eq!(Ending::DIVERGED.remark(), None);
        for verdict in [Verdict::Falling, Verdict::Stuck, Verdict::Unclear] {
            assert!(
                of(verdict).is_some_and(|remark| remark.len() > 40),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn a_loss_ratio_takes_a_loss_above_zero_from_either_half() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.csv");
        let ratio = |text: &str| {
            std::fs::write(&path, text).unwrap();
            loss_ratio(&path, 40).unwrap()
        };
        // Nothing in the first half; a first half at 0, of which nothing is a share; a second half at 0.
        assert_eq!(ratio("step,eval_loss\n30,5.0\n40,3.0\n"), None);
        assert_eq!(ratio("step,eval_loss\n10,0.0\n40,3.0\n"), None);
        assert_eq!(ratio("step,eval_loss\n10,2.0\n40,0.0\n"), Some(0.0));
        // The second half begins behind its middle.
        assert_eq!(
            ratio("step,eval_loss\n10,8.0\n20,4.0\n21,1.0\n"),
            Some(0.25)
        );
        // A cell that is no finite number says nothing of its half.
        assert_eq!(
            ratio("step,eval_loss\n10,2.0\n15,NaN\n30,\n40,1.0\n"),
            Some(0.5)
        );
        assert_eq!(ratio("step,eval_loss\n10,2.0\n40,inf\n"), None);
    }

    #[test]
    fn an_error_changes_its_words_at_the_shares_that_are_documented() {
        let of = |share: f64| {
            let ending = Ending::new(&evaluation(Some(share), None), Some(1.0), Some(1.0));
            ending.meaning()
        };
        for (share, words) in [
            (0.0099, "less than 1 %"),
            (0.01, "is 1 % of"),
            (0.0101, "is 1 % of"),
            (0.949, "is 95 % of"),
            (0.95, "hardly better than"),
            (0.999, "hardly better than"),
            (1.0, "no better than"),
            (1.049, "no better than"),
            (1.05, "does worse than"),
            (2.99, "does worse than"),
            (3.0, "far worse than"),
        ] {
            assert!(of(share).contains(words), "{share}: {}", of(share));
        }
    }

    #[test]
    fn an_error_without_a_share_is_said_to_be_0_or_not() {
        let of = |error: Option<f64>, constant: Option<f64>| {
            Ending::new(&evaluation(error, None), constant, Some(1.0)).meaning()
        };
        let always_the_same = "although the right answer is always the same";
        assert!(of(Some(0.5), Some(0.0)).contains(always_the_same));
        let unknown = of(Some(0.5), None);
        assert!(
            unknown.contains("its error is not 0,") && !unknown.contains(always_the_same),
            "{unknown}"
        );
        assert!(of(Some(0.0), None).contains("its error is 0"));
    }
}
