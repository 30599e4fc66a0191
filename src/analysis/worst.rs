//! The inputs that the compressed model gets most wrong, token by token.

use std::cmp::Ordering;

use ndarray::{ArrayView1, ArrayView2};
use serde::Serialize;

use tracr::model::codec::argmax;
use tracr::model::{CompiledModel, OutputKind, Value};

/// One position of a bad input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstToken {
    /// From 1: neither BOS nor padding is shown.
    pub position: usize,
    /// The token there.
    pub token: Value,
    /// The compiled model's output.
    pub expected: Value,
    /// The compressed model's.
    pub found: Value,
    /// Numerical: `|found − expected|`. Categorical: by how much the best other class scores above the
    /// right one (negative: the right one leads).
    pub error: f64,
    /// Whether it is counted as right.
    pub right: bool,
}

/// One bad input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstInput {
    /// Its place among the inputs visited.
    pub input: usize,
    /// Positions of tokens that are wrong.
    pub wrong: usize,
    /// The largest error of its tokens.
    pub error: f64,
    /// The tokens.
    pub tokens: Vec<WorstToken>,
}

/// The worst inputs so far: for a categorical output those with most wrong tokens, otherwise and
/// among equals those with the largest error, the first of equals.
#[derive(Clone, Debug)]
pub struct Worst {
    limit: usize,
    numerical: bool,
    tolerance: f64,
    inputs: Vec<WorstInput>,
}

impl Worst {
    /// Keeps `limit` inputs; a number is right within `tolerance`.
    pub fn new(limit: usize, kind: OutputKind, tolerance: f64) -> Self {
        Self {
            limit,
            numerical: kind == OutputKind::Numerical,
            tolerance,
            inputs: Vec::new(),
        }
    }

    /// Considers input number `input`: token ids `[T]`, both outputs `[T, O]`.
    pub fn offer(
        &mut self,
        model: &CompiledModel,
        input: usize,
        ids: ArrayView1<'_, usize>,
        compiled: ArrayView2<'_, f64>,
        compressed: ArrayView2<'_, f64>,
    ) {
        let meta = &model.metadata;
        let errors: Vec<(usize, f64, bool)> = (0..ids.len())
            .filter(|t| ![meta.bos_id, meta.pad_id].contains(&ids[*t]))
            .map(|t| {
                let (error, right) = self.error(compiled.row(t), compressed.row(t));
                (t, error, right)
            })
            .collect();
        let mut candidate = WorstInput {
            input,
            wrong: errors.iter().filter(|(_, _, right)| !right).count(),
            error: errors
                .iter()
                .fold(f64::NEG_INFINITY, |a, (_, e, _)| larger(a, *e)),
            tokens: Vec::new(),
        };
        let full = self.inputs.len() >= self.limit;
        let bad_enough = self
            .inputs
            .last()
            .is_some_and(|last| self.by_badness(&candidate, last) == Ordering::Less);
        if full && !bad_enough {
            return;
        }
        let tokens = errors.into_iter().map(|(t, error, right)| WorstToken {
            position: t,
            token: meta.input_vocab[ids[t]].clone(),
            expected: model.decode(compiled.row(t)),
            found: model.decode(compressed.row(t)),
            error,
            right,
        });
        candidate.tokens = tokens.collect();
        self.inputs.push(candidate);
        self.settle();
    }

    /// Takes in the worst of other inputs.
    pub fn merge(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
        self.settle();
    }

    /// The worst first.
    pub fn into_inputs(self) -> Vec<WorstInput> {
        self.inputs
    }

    fn settle(&mut self) {
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.sort_by(|a, b| self.by_badness(a, b));
        inputs.truncate(self.limit);
        self.inputs = inputs;
    }

    /// `Less` if `a` is the worse one.
    fn by_badness(&self, a: &WorstInput, b: &WorstInput) -> Ordering {
        // The number of wrong tokens would hide how wrong a number is.
        let wrong = if self.numerical {
            Ordering::Equal
        } else {
            b.wrong.cmp(&a.wrong)
        };
        wrong
            .then(b.error.total_cmp(&a.error))
            .then(a.input.cmp(&b.input))
    }

    /// The error at one position, and whether it is right: scores `[O]`.
    fn error(&self, expected: ArrayView1<'_, f64>, found: ArrayView1<'_, f64>) -> (f64, bool) {
        let (error, right) = if self.numerical {
            let error = (found[0] - expected[0]).abs();
            (error, error <= self.tolerance)
        } else {
            let class = argmax(expected);
            let others = found.iter().enumerate().filter(|(c, _)| *c != class);
            let rival = others.map(|(_, x)| *x).reduce(f64::max);
            let error = rival.map_or(0.0, |rival| rival - found[class]);
            (error, argmax(found) == class)
        };
        // A NaN is worse than anything, whatever its sign bit.
        (if error.is_nan() { f64::NAN } else { error }, right)
    }
}

/// The larger of two, or the NaN among them: a maximum must not hide a number that is none.
pub fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a >= b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models;
    use ndarray::{Array2, array};

    #[test]
    fn most_wrong_tokens_come_first_then_the_largest_error() {
        let model = test_models::load("sort_unique"); // classes 1 to 5, PAD is token 6
        let ids = array![5, 0, 1, 6, 6, 6];
        let one_hot = |classes: [usize; 2], lead: f64| {
            let mut scores = Array2::<f64>::zeros((6, 5));
            for (t, class) in classes.into_iter().enumerate() {
                scores[[t + 1, class]] = lead;
            }
            scores
        };
        let right = one_hot([0, 1], 1.0);
        let mut worst = Worst::new(3, OutputKind::Categorical, 0.0);
        for (input, found) in [
            one_hot([0, 1], 0.5), // right, with a small lead
            one_hot([4, 1], 0.1), // one wrong
            one_hot([4, 4], 0.1), // two wrong
            one_hot([4, 1], 0.9), // one wrong, by more
            one_hot([4, 1], 0.9), // the same again
        ]
        .into_iter()
        .enumerate()
        {
            worst.offer(&model, input, ids.view(), right.view(), found.view());
        }
        let inputs = worst.into_inputs();
        let order: Vec<usize> = inputs.iter().map(|i| i.input).collect();
        assert_eq!(order, [2, 3, 4]);
        assert_eq!(inputs[0].wrong, 2);
        let first = &inputs[1].tokens[0];
        assert_eq!((first.position, first.error, first.right), (1, 0.9, false));
        assert_eq!(
            (&first.expected, &first.found),
            (&Value::Int(1), &Value::Int(5))
        );
        assert_eq!(inputs[1].tokens.len(), 2);
    }

    #[test]
    fn a_number_is_judged_by_its_error_and_nan_is_worst() {
        let model = test_models::load("frac_prevs"); // words 1, 2, 3, 5
        let ids = array![0, 1, 1, 1, 1, 1];
        let zero = Array2::<f64>::zeros((6, 1));
        let with = |t: usize, x: f64| {
            let mut scores = zero.clone();
            scores[[t, 0]] = x;
            scores
        };
        let mut worst = Worst::new(2, OutputKind::Numerical, 0.5);
        let mut later = worst.clone();
        worst.offer(&model, 0, ids.view(), zero.view(), with(2, 0.4).view());
        worst.offer(&model, 1, ids.view(), zero.view(), with(0, 9.0).view()); // BOS
        later.offer(
            &model,
            2,
            ids.view(),
            zero.view(),
            with(5, -f64::NAN).view(),
        );
        later.offer(&model, 3, ids.view(), zero.view(), with(3, -0.7).view());
        worst.merge(later);
        let inputs = worst.into_inputs();
        let order: Vec<usize> = inputs.iter().map(|i| i.input).collect();
        assert_eq!(order, [2, 3]);
        assert_eq!((inputs[1].error, inputs[1].wrong), (0.7, 1));
        assert_eq!(larger(f64::NAN, 1.0).to_string(), "NaN");
        assert!(larger(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn an_error_is_a_distance_of_numbers_or_the_lead_of_the_best_other_class() {
        let numbers = Worst::new(1, OutputKind::Numerical, 0.25);
        let error = |worst: &Worst, expected: &[f64], found: &[f64]| {
            worst.error(ArrayView1::from(expected), ArrayView1::from(found))
        };
        assert_eq!(error(&numbers, &[0.5], &[0.75]), (0.25, true));
        assert_eq!(error(&numbers, &[0.75], &[0.25]), (0.5, false));
        let classes = Worst::new(1, OutputKind::Categorical, 0.0);
        assert_eq!(
            error(&classes, &[0.0, 1.0, 0.0], &[0.25, 0.5, 1.5]),
            (1.0, false)
        );
        assert_eq!(
            error(&classes, &[0.0, 1.0, 0.0], &[0.25, 1.0, 0.5]),
            (-0.5, true)
        );
    }
}
