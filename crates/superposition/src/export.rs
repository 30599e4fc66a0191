//! A folded model as the bytes of a model file, in a precision that keeps what it computes.
//!
//! Float32 is the format's precision, and enough for most models. Where weights of 100 amplify its
//! rounding, as in `sort_unique`, only float64 keeps the compressed model's scores; so both are tried
//! on the inputs that the run is evaluated on.

use crate::inputs::{EvaluationSet, InputSpace};
use tracr::model::file::Problem;
use tracr::model::{CompiledModel, Frozen, Stream};

use super::{Projection, fold};

/// How far an export's outputs may be from the compressed model's.
pub const TOLERANCE: f64 = 1e-5;
/// Inputs per forward pass.
const CHUNK: usize = 256;

/// What the weights of an export are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Float32 if that is within [`TOLERANCE`], else float64.
    Auto,
    /// Float32.
    F32,
    /// Float64.
    F64,
}

/// An export and how well it does.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The model file.
    pub bytes: Vec<u8>,
    /// What its weights are: [`Precision::F32`] or [`Precision::F64`].
    pub precision: Precision,
    /// The largest difference of an output or a score from the compressed model's, over all inputs
    /// and positions.
    pub difference: f64,
    /// The same for float32, if that was tried and not good enough.
    pub single_difference: Option<f64>,
}

/// Multiplies `projection` into `model` and writes the result in `precision`.
///
/// # Errors
/// If a weight is not finite in it: `W` is far too large.
pub fn export(
    model: &CompiledModel,
    projection: &Projection,
    inputs: (&InputSpace, &EvaluationSet),
    precision: Precision,
) -> Result<Exported, Problem> {
    let folded = fold(model, projection);
    let written = |precision, bytes: Vec<u8>| -> Result<Exported, Problem> {
        let read = CompiledModel::from_bytes(&bytes)?;
        Ok(Exported {
            difference: largest_difference(model, projection, &read, inputs),
            bytes,
            precision,
            single_difference: None,
        })
    };
    let single = || written(Precision::F32, folded.to_bytes_in::<f32>()?);
    let double = || written(Precision::F64, folded.to_bytes_in::<f64>()?);
    match precision {
        Precision::F32 => single(),
        Precision::F64 => double(),
        Precision::Auto => match single() {
            Ok(exported) if exported.difference <= TOLERANCE => Ok(exported),
            Ok(exported) => Ok(Exported {
                single_difference: Some(exported.difference),
                ..double()?
            }),
            // A weight that float32 cannot hold at all.
            Err(_) => Ok(Exported {
                single_difference: Some(f64::INFINITY),
                ..double()?
            }),
        },
    }
}

/// The largest difference between the outputs (scores) of the compressed model and of `folded`, at
/// any position of any input; infinite if either is non-finite.
fn largest_difference(
    model: &CompiledModel,
    projection: &Projection,
    folded: &CompiledModel,
    (space, set): (&InputSpace, &EvaluationSet),
) -> f64 {
    let (compiled, folded) = (Frozen::<f64>::new(model), Frozen::<f64>::new(folded));
    let compressed = Stream::Compressed(&projection.w, &projection.wiring);
    let mut largest = 0.0;
    for start in (0..set.len()).step_by(CHUNK) {
        let tokens = set.chunk(space, start, set.len().min(start + CHUNK));
        let (_, theirs) = compiled.evaluate(compressed, tokens.view());
        let (_, ours) = folded.evaluate(Stream::Full, tokens.view());
        for (a, b) in ours.iter().zip(&theirs) {
            let difference = (a - b).abs();
            largest = f64::max(
                largest,
                if difference.is_nan() {
                    f64::INFINITY
                } else {
                    difference
                },
            );
        }
    }
    largest
}
