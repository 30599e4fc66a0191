//! The decoded output position by position.

use ndarray::ArrayView1;
use serde::Serialize;

use super::worst::larger;
use tracr::model::codec::argmax;
use tracr::model::{CompiledModel, OutputKind};

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The beginning.
    Bos,
    /// One of the program's tokens.
    Token,
    /// Padding.
    Pad,
}

impl Kind {
    /// Of a token id.
    pub fn of(model: &CompiledModel, id: usize) -> Self {
        if id == model.metadata.bos_id {
            Self::Bos
        } else if id == model.metadata.pad_id {
            Self::Pad
        } else {
            Self::Token
        }
    }
}

/// The decoded output at one position, over all inputs that have this kind of token there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PositionFit {
    /// From 0, which is BOS.
    pub position: usize,
    /// What stands there.
    pub kind: Kind,
    /// How many inputs.
    pub inputs: u64,
    /// The same by the inputs' weights.
    #[serde(skip)]
    pub weight: f64,
    /// Numerical outputs: mean absolute error.
    pub mae: Option<f64>,
    /// Numerical outputs: root of the mean squared error.
    pub rmse: Option<f64>,
    /// Numerical outputs: largest absolute error.
    pub max_error: Option<f64>,
    /// Share that is right: the compiled model's class, or within [`super::Settings::tolerance`] of its
    /// number.
    pub accuracy: f64,
}

/// Errors of the output at one position; sums are over inputs by their weights.
#[derive(Clone, Copy, Default)]
pub(super) struct OutputSums {
    inputs: u64,
    weight: f64,
    absolute: f64,
    square: f64,
    largest: f64,
    right: f64,
}

impl OutputSums {
    /// Adds an input that counts `weight` times: both models' scores `[O]`.
    pub(super) fn add(
        &mut self,
        model: &CompiledModel,
        weight: f64,
        tolerance: f64,
        expected: ArrayView1<'_, f64>,
        found: ArrayView1<'_, f64>,
    ) {
        self.inputs += 1;
        self.weight += weight;
        let right = match model.metadata.output_kind {
            OutputKind::Categorical => argmax(expected) == argmax(found),
            OutputKind::Numerical => {
                let error = (expected[0] - found[0]).abs();
                self.absolute += weight * error;
                self.square += weight * (error * error);
                self.largest = larger(self.largest, error);
                error <= tolerance
            }
        };
        if right {
            self.right += weight;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.weight += other.weight;
        self.absolute += other.absolute;
        self.square += other.square;
        self.largest = larger(self.largest, other.largest);
        self.right += other.right;
    }

    pub(super) fn fit(&self, model: &CompiledModel, position: usize, kind: Kind) -> PositionFit {
        let numerical = model.metadata.output_kind == OutputKind::Numerical;
        PositionFit {
            position,
            kind,
            inputs: self.inputs,
            weight: self.weight,
            mae: numerical.then(|| self.absolute / self.weight),
            rmse: numerical.then(|| (self.square / self.weight).sqrt()),
            max_error: numerical.then_some(self.largest),
            accuracy: self.right / self.weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Settings;
    use crate::test_models;
    use ndarray::array;

    #[test]
    fn a_kind_is_told_from_the_tokens_id() {
        let model = test_models::load("sort_unique");
        let (bos, pad) = (model.metadata.bos_id, model.metadata.pad_id);
        let of = |id| Kind::of(&model, id);
        assert_eq!((of(bos), of(pad)), (Kind::Bos, Kind::Pad));
        let others = (0..model.metadata.input_vocab.len()).filter(|id| ![bos, pad].contains(id));
        assert!(others.clone().count() > 2);
        others.for_each(|id| assert_eq!(of(id), Kind::Token));
    }

    #[test]
    fn numbers_at_a_position_are_compared_by_their_weights() {
        let model = test_models::load("frac_prevs");
        let add = |sums: &mut OutputSums, weight, expected: f64, found: f64| {
            let tolerance = Settings::default().tolerance;
            sums.add(
                &model,
                weight,
                tolerance,
                array![expected].view(),
                array![found].view(),
            );
        };
        let mut sums = OutputSums::default();
        add(&mut sums, 2.0, 1.0, 1.0249); // right
        let mut more = OutputSums::default();
        add(&mut more, 3.0, 0.75, 0.25);
        add(&mut more, 1.0, 0.5, 0.5251);
        add(&mut more, 4.0, 0.25, 0.26); // right
        sums.merge(&more);
        let fit = sums.fit(&model, 4, Kind::Token);
        assert_eq!((fit.position, fit.kind, fit.inputs), (4, Kind::Token, 4));
        let close = |a: f64, b: f64| approx::assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        close(
            fit.mae.unwrap(),
            (2.0 * 0.0249 + 3.0 * 0.5 + 0.0251 + 4.0 * 0.01) / 10.0,
        );
        let square = 2.0 * 0.0249f64.powi(2) + 3.0 * 0.25 + 0.0251f64.powi(2) + 4.0 * 1e-4;
        close(fit.rmse.unwrap(), (square / 10.0).sqrt());
        close(fit.max_error.unwrap(), 0.5);
        close(fit.accuracy, 0.6);
    }

    #[test]
    fn classes_at_a_position_are_right_or_wrong_by_their_weights() {
        let model = test_models::load("sort_unique");
        let expected = array![0.0, 0.0, 1.0, 0.0, 0.0];
        let mut sums = OutputSums::default();
        for (weight, found) in [
            (3.0, array![0.1, 0.2, 0.3, 0.2, 0.1]),
            (1.0, array![0.4, 0.2, 0.3, 0.2, 0.1]),
        ] {
            sums.add(&model, weight, 0.0, expected.view(), found.view());
        }
        let fit = sums.fit(&model, 1, Kind::Token);
        assert_eq!((fit.inputs, fit.accuracy), (2, 0.75));
        assert_eq!((fit.mae, fit.rmse, fit.max_error), (None, None, None));
    }
}
