//! The best answer that knows nothing of the input: what an error is small or large beside.

use crate::teacher::Teacher;
use tracr::model::OutputKind;

/// Inputs per piece of work.
const CHUNK: usize = 256;

/// The error of the best constant answer at the positions of tokens, over the evaluation set and by its
/// weights: the mean absolute deviation of a number from its median, or the share of positions whose class is
/// not the commonest one, of those where the compiled model decides. `None` if there is no such position.
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
            Some(deviations.sum::<f64>() / all)
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
        let answers = targets.output.iter().zip(&targets.tied);
        for (((input, _), id), (answer, is_tied)) in tokens.indexed_iter().zip(answers) {
            if teacher.space().is_word(*id) && !is_tied {
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
    use ndarray::Array2;

    fn of(name: &str, lengths: &[usize]) -> f64 {
        weighted(name, lengths, &[])
    }

    fn weighted(name: &str, lengths: &[usize], weights: &[(&str, f64)]) -> f64 {
        let model = test_models::load(name);
        let unique = model.metadata.unique_tokens;
        let weights = weights.iter().map(|(t, w)| ((*t).into(), *w)).collect();
        let space = InputSpace::new(&model, lengths, unique).unwrap();
        let space = space.weighted(&model, &weights).unwrap();
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
    fn of_numbers_the_median_is_by_the_inputs_weights() {
        let of = |lengths: &[usize], weight| weighted("frac_prevs", lengths, &[("x", weight)]);
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-3);
        // Of length 1: the answer is 1 for x, which is weight of weight + 3, and 0 for all others.
        close(of(&[1], 2.75), 2.75 / 5.75);
        close(of(&[1], 3.25), 3.0 / 6.25);
        // Of length 5: x is one token in ten, or nine in ten. Then more than half of the answers, (0.9 + 0.9² + ... +
        // 0.9⁵) / 5 = 0.737, are 0, or 1, and the mean answer is the share of x.
        close(of(&[5], 1.0 / 3.0), 0.1);
        close(of(&[5], 27.0), 0.1);
    }

    #[test]
    fn of_classes_the_commonest_is_so_by_the_inputs_weights() {
        // 6 of 6 + 4 are one token's.
        let error = weighted("sort_unique", &[1], &[("3", 6.0)]);
        approx::assert_abs_diff_eq!(error, 0.4, epsilon = 1e-12);
    }

    #[test]
    fn without_a_token_there_is_no_best_answer() {
        for name in ["frac_prevs", "sort_unique"] {
            let model = test_models::load(name);
            let metadata = &model.metadata;
            let space = InputSpace::new(&model, &[1], metadata.unique_tokens).unwrap();
            let mut tokens = Array2::from_elem((1, space.positions()), metadata.pad_id);
            tokens[[0, 0]] = metadata.bos_id;
            let teacher = Teacher::new(&model, space, EvaluationSet::held_out(tokens));
            assert_eq!(constant_error(&teacher), None, "{name}");
        }
    }

    #[test]
    fn of_classes_it_is_what_the_commonest_leaves() {
        // Of length 1 a sorted input is itself: each of the tokens is as common as the others.
        let words = test_models::load("sort_unique").metadata.word_ids().len() as f64;
        approx::assert_abs_diff_eq!(of("sort_unique", &[1]), 1.0 - 1.0 / words, epsilon = 1e-12);
    }
}
