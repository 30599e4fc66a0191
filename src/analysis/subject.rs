//! What is analysed.

use ndarray::Array2;
use superposition::inputs::{EvaluationSet, InputSpace};
use tracr::model::{CompiledModel, Stream, Wiring};

/// What is analysed: a model, its inputs and one `W`.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The compiled model.
    pub model: &'a CompiledModel,
    /// Where inputs come from.
    pub space: &'a InputSpace,
    /// The inputs that are visited.
    pub inputs: &'a EvaluationSet,
    /// `W`, `[d, D]` or a stack of several.
    pub w: &'a Array2<f64>,
    /// Which of them each block reads and writes with.
    pub wiring: &'a Wiring,
}

impl Subject<'_> {
    /// The compressed model's stream.
    pub(crate) fn stream(&self) -> Stream<'_, f64> {
        Stream::Compressed(self.w, self.wiring)
    }
}
