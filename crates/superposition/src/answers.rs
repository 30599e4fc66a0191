//! The outputs of a compressed model as answers: each is right or wrong, by how much, over the evaluation set.
//!
//! [`crate::evaluation`] has the metrics; here is what a claim about every single answer needs: the smallest lead of a
//! right class, and no answer counted that the compiled model itself does not decide.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1};

use crate::teacher::Teacher;
use tracr::model::codec::{TIE, first_largest, lead};
use tracr::model::{OutputKind, Stream, Wiring};

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// What all answers are worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers {
    /// Answers that count: at the positions of tokens, neither BOS nor padding, where the compiled model decides.
    pub counted: u64,
    /// Of these, the right ones; numbers are judged by their errors alone, and all are counted here.
    pub right: u64,
    /// Classes: the smallest lead of the compiled model's class, negative where another one leads.
    pub gap: Option<f64>,
    /// Numbers: the mean absolute error.
    pub mae: Option<f64>,
    /// Numbers: the largest absolute error.
    pub max_error: Option<f64>,
}

/// Judges any `W` by the compiled model's answers.
#[derive(Clone, Debug)]
pub struct Judge {
    teacher: Arc<Teacher>,
    /// By input and position: a number or a class; NaN where none counts.
    expected: Vec<f64>,
    /// Answers that the compiled model does not decide.
    pub tied: u64,
    /// Different answers that occur.
    pub different: usize,
    /// Classes: the compiled model's own smallest lead, of the answers that it decides.
    pub own_gap: Option<f64>,
}

impl Judge {
    /// Of the teacher's evaluation set.
    pub fn new(teacher: Arc<Teacher>) -> Self {
        let numerical = teacher.kind() == OutputKind::Numerical;
        let mut expected =
            Vec::with_capacity(teacher.evaluation().len() * teacher.space().positions());
        let (mut tied, mut own_gap) = (0, f64::INFINITY);
        for_each_row(&teacher, Stream::Full, |is_word, scores| {
            expected.push(if !is_word {
                f64::NAN
            } else if numerical {
                scores[0]
            } else {
                let class = first_largest(scores.iter().copied());
                let own = lead(scores, class);
                if own < TIE {
                    tied += 1;
                    f64::NAN
                } else {
                    own_gap = smaller(own_gap, own);
                    class as f64
                }
            });
        });
        let mut answers: Vec<f64> = expected.iter().copied().filter(|x| !x.is_nan()).collect();
        answers.sort_by(f64::total_cmp);
        answers.dedup();
        Self {
            teacher,
            expected,
            tied,
            different: answers.len(),
            own_gap: (!numerical).then_some(own_gap),
        }
    }

    /// What the answers of the model compressed by `w`, `[d, D]` or a stack of several, are worth.
    pub fn judge(&self, w: &Array2<f64>, wiring: &Wiring) -> Answers {
        let numerical = self.teacher.kind() == OutputKind::Numerical;
        let (mut counted, mut right) = (0, 0);
        let (mut gap, mut sum, mut largest) = (f64::INFINITY, 0.0, 0.0_f64);
        let mut expected = self.expected.iter();
        for_each_row(&self.teacher, Stream::Compressed(w, wiring), |_, scores| {
            let answer = expected.next().copied().unwrap_or(f64::NAN);
            if answer.is_nan() {
                return;
            }
            counted += 1;
            if numerical {
                let error = (scores[0] - answer).abs();
                right += 1;
                sum += error;
                largest = -smaller(-largest, -error);
            } else {
                let own = lead(scores, answer as usize);
                right += u64::from(own > 0.0);
                gap = smaller(gap, own);
            }
        });
        Answers {
            counted,
            right,
            gap: (!numerical).then_some(gap),
            mae: numerical.then(|| sum / counted as f64),
            max_error: numerical.then_some(largest),
        }
    }
}

/// The smaller of two, or NaN if either is.
fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a <= b { a } else { b }
}

/// Every input's every position in order: whether a token stands there, and the scores.
fn for_each_row(
    teacher: &Teacher,
    stream: Stream<'_, f64>,
    mut row: impl FnMut(bool, ArrayView1<'_, f64>),
) {
    let size = teacher.evaluation().len();
    for start in (0..size).step_by(CHUNK) {
        let end = (start + CHUNK).min(size);
        let tokens = teacher.evaluation().chunk(teacher.space(), start, end);
        let (_, scores) = teacher.model().evaluate(stream, tokens.view());
        for (id, scores) in tokens.iter().zip(scores.rows()) {
            row(teacher.space().is_word(*id), scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::evaluate;
    use crate::inputs::{EvaluationSet, InputSpace};
    use crate::objective::Objective;
    use crate::test_models;
    use base::rng::{Purpose, normal, stream};

    fn teacher(name: &str, lengths: &[usize]) -> Arc<Teacher> {
        let model = test_models::load(name);
        let space = InputSpace::new(&model, lengths, model.metadata.unique_tokens).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        Teacher::new(&model, space, evaluation)
    }

    #[test]
    fn answers_are_those_of_the_metrics() {
        for (name, lengths) in [("frac_prevs", &[5][..]), ("sort_unique", &[1, 2, 3, 4, 5])] {
            let teacher = teacher(name, lengths);
            let judge = Judge::new(Arc::clone(&teacher));
            let width = teacher.model().width();
            let wiring = Wiring::default();
            let w = normal(&mut stream(5, Purpose::Init), (width - 3, width), 0.2);
            let answers = judge.judge(&w, &wiring);
            let metrics = evaluate(
                &teacher,
                &Objective::default(),
                Stream::Compressed(&w, &wiring),
            );
            assert_eq!(answers.max_error, metrics.max_error);
            if let (Some(found), Some(mae)) = (answers.mae, metrics.mae) {
                approx::assert_relative_eq!(found, mae, max_relative = 1e-12);
            }
            if let Some(accuracy) = metrics.token_accuracy {
                let share = answers.right as f64 / answers.counted as f64;
                approx::assert_relative_eq!(share, accuracy, max_relative = 1e-12);
                assert!(answers.gap.unwrap() < 0.0);
            }
            let exact = judge.judge(&Array2::eye(width), &wiring);
            assert_eq!(exact.right, exact.counted);
            assert!(exact.gap.is_none_or(|gap| gap > TIE));
            assert!(exact.max_error.is_none_or(|error| error == 0.0));
        }
    }

    #[test]
    fn answers_that_the_compiled_model_does_not_decide_count_in_no_metric() {
        let program = tracr::program::Source::find("shift_by".as_ref());
        let model = program.compile(&Default::default()).unwrap().model;
        let space = InputSpace::new(&model, &[4], false).unwrap();
        let (words, evaluation) = (space.clone(), EvaluationSet::new(&space, 1));
        let teacher = Teacher::new(&model, space, evaluation);
        let tokens = teacher
            .evaluation()
            .chunk(&words, 0, teacher.evaluation().len());
        let (_, scores) = teacher.model().evaluate(Stream::Full, tokens.view());
        // Without any reading all scores are 0, and the first class is chosen everywhere.
        let mut counts = vec![0.0; scores.ncols()];
        let (mut inputs, mut tied) = (0.0, 0);
        for (input, ids) in tokens.rows().into_iter().enumerate() {
            let mut all_right = true;
            for (t, id) in ids.iter().enumerate() {
                let scores = scores.row(input * ids.len() + t);
                let mut sorted = scores.to_vec();
                sorted.sort_by(f64::total_cmp);
                if words.is_word(*id) && sorted[sorted.len() - 1] - sorted[sorted.len() - 2] > 1e-3
                {
                    let class = first_largest(scores.iter().copied());
                    counts[class] += 1.0;
                    all_right &= class == 0;
                } else {
                    tied += u64::from(words.is_word(*id));
                }
            }
            inputs += f64::from(all_right);
        }
        assert!(tied > 0);
        let w = Array2::zeros((2, teacher.model().width()));
        let wiring = Wiring::default();
        let stream = Stream::Compressed(&w, &wiring);
        let found = evaluate(&teacher, &Objective::default(), stream);
        let decided: f64 = counts.iter().sum();
        assert_eq!(found.token_accuracy, Some(counts[0] / decided));
        assert_eq!(
            found.sequence_accuracy,
            Some(inputs / tokens.nrows() as f64)
        );
        let commonest = counts.iter().copied().fold(0.0, f64::max);
        let constant = crate::constant::constant_error(&teacher).unwrap();
        approx::assert_abs_diff_eq!(constant, 1.0 - commonest / decided, epsilon = 1e-12);
        assert_eq!(Judge::new(teacher).tied, tied);
    }
}
