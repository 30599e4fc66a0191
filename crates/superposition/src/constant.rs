//! The best answer that knows nothing of the input: what an error is small or large beside.

use crate::teacher::Teacher;
use tracr::model::OutputKind;

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// The error of the best constant answer at the positions of tokens, over the evaluation set and by its
/// weights: the mean absolute deviation of a number from its median, or the share of positions whose class is
/// not the commonest one. None where there is no such position.
pub fn constant_error(teacher: &Teacher) -> Option<f64> {
    match teacher.kind() {
        OutputKind::Numerical => {
            let mut answers = Vec::new();
            for_each_answer(teacher, |answer, weight| answers.push((answer, weight)));
            answers.sort_by(|a, b| a.0.total_cmp(&b.0));
            let all: f64 = answers.iter().map(|(_, weight)| weight).sum();
            let mut below = 0.0;
            let median = answers.iter().find(|(_, weight)| {
                below += weight;
                2.0 * below >= all
            });
            let (median, _) = *median?;
            let deviations = answers
                .iter()
                .map(|(x, weight)| weight * (x - median).abs());
            (all > 0.0).then(|| deviations.sum::<f64>() / all)
        }
        OutputKind::Categorical => {
            let mut classes = vec![0.0; teacher.model().unembed.ncols()];
            for_each_answer(teacher, |answer, weight| classes[answer as usize] += weight);
            let all: f64 = classes.iter().sum();
            let commonest = classes.iter().copied().fold(0.0, f64::max);
            (all > 0.0).then(|| 1.0 - commonest / all)
        }
    }
}

/// The compiled model's number or class at each position of a token, with its input's weight.
fn for_each_answer(teacher: &Teacher, mut visit: impl FnMut(f64, f64)) {
    let size = teacher.evaluation().len();
    for start in (0..size).step_by(CHUNK) {
        let (tokens, targets) = teacher.of_evaluation(start, (start + CHUNK).min(size));
        let answers = tokens.indexed_iter().zip(&targets.output);
        for (((input, _), id), answer) in answers {
            if teacher.space().is_word(*id) {
                visit(*answer, teacher.evaluation().weight(start + input));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{EvaluationSet, InputSpace};
    use crate::test_models;

    fn of(name: &str, lengths: &[usize]) -> f64 {
        let model = test_models::load(name);
        let unique = model.metadata.unique_tokens;
        let space = InputSpace::new(&model, lengths, unique).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        constant_error(&Teacher::new(&model, space, evaluation)).unwrap()
    }

    #[test]
    fn of_numbers_it_is_their_mean_deviation_from_the_median() {
        // Of length 1: the share of x so far is 1 for x and 0 for the three other letters, whose mean 0.25 would
        // have an error of 0.375.
        approx::assert_abs_diff_eq!(of("frac_prevs", &[1]), 0.25, epsilon = 1e-3);
        // Of length 5: from 0.2, the share of one x in five, by enumeration.
        approx::assert_abs_diff_eq!(of("frac_prevs", &[5]), 0.2330, epsilon = 1e-3);
    }

    #[test]
    fn of_classes_it_is_what_the_commonest_leaves() {
        // Of length 1 a sorted input is itself: each of the tokens is as common as the others.
        let words = test_models::load("sort_unique").metadata.word_ids().len() as f64;
        approx::assert_abs_diff_eq!(of("sort_unique", &[1]), 1.0 - 1.0 / words, epsilon = 1e-12);
    }
}
