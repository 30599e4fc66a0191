//! The decoded output position by position.

use ndarray::ArrayView1;
use serde::Serialize;

use super::worst::larger;
use crate::model::codec::argmax;
use crate::model::{CompiledModel, OutputKind};

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
