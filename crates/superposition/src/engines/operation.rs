//! The fused loss as an operation of a larger Burn graph.
//!
//! [`FusedLoss::compressed_loss`] is `L(W)` of a batch as a scalar tensor. Forward, the fused engine
//! finds the loss and `dL/dW` in one pass; the graph keeps `dL/dW`, and backward multiplies it by the
//! gradient that arrives. So `L` may stand anywhere in a graph: beside a penalty on `W`, inside a
//! function, added up over batches. What is kept is a constant, so second derivatives do not pass
//! through it.
//!
//! The example trains with a penalty on the entries of `W` (the mean of `|W|`):
//!
//! ```
//! use burn::tensor::{Device, Tensor, TensorData};
//! use superposition::engines::operation::FusedLoss;
//! use superposition::{Objective, Teacher};
//! use superposition::inputs::{EvaluationSet, InputSpace, sampler::Batch};
//! use tracr::program::{Settings, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Source::find("frac_prevs".as_ref()).compile(&Settings::default())?.model;
//! let space = InputSpace::new(&model, &[2], false)?;
//! let evaluation = EvaluationSet::new(&space, 16);
//! let teacher = Teacher::new(&model, space, evaluation);
//! let mut loss = FusedLoss::<f32>::new(teacher, Objective::default(), 1);
//!
//! # #[allow(deprecated)] // the backend this project is built on
//! let device = Device::ndarray().autodiff();
//! let (d, width) = (4, model.width());
//! let start: Vec<f32> = (0..d * width).map(|i| 0.3 * (i as f32).sin()).collect();
//! let mut w = Tensor::<2>::from_data(TensorData::new(start, [d, width]), &device);
//! let mut history = Vec::new();
//! for _ in 0..5 {
//!     w = w.require_grad();
//!     let batch = Batch::Members(vec![0, 1, 2, 3]);
//!     let total = loss.compressed_loss(w.clone(), &batch)? + w.clone().abs().mean() * 0.1;
//!     let gradients = total.backward();
//!     history.push(total.into_scalar::<f32>());
//!     if let Some(gradient) = w.grad(&gradients) {
//!         // Gradient descent: a leaf of the next step's graph.
//!         w = Tensor::from_inner(w.inner() - gradient * 0.01);
//!     }
//! }
//! assert!(history[4] < history[0]);
//! # Ok(())
//! # }
//! ```

#![allow(deprecated)] // burn-ndarray is the backend this project is built on

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::{
    BalancedCheckpointing, CheckpointStrategy, NoCheckpointing,
};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor,
    GradientCheckpointingStrategy, NdArray, TensorMetadata,
};
use burn::tensor::{DType, Shape, Tensor, TensorData};
use ndarray::Array2;
use thiserror::Error;

use super::engine::Engine;
use super::fused::Computes;
use super::fused::Fused;
use crate::inputs::sampler::Batch;
use crate::objective::Objective;
use crate::teacher::Teacher;
use tracr::model::Wiring;

/// Why the loss cannot be taken of a tensor.
#[derive(Debug, Error, PartialEq)]
pub enum OperationError {
    /// Its columns are not the features of the model.
    #[error("W has {found} columns, the model's residual stream has D = {expected} features")]
    Columns {
        /// `D`.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// It is on a device that the fused engine does not compute on.
    #[error("W is not on Burn's ndarray device, with or without autodiff: {0}")]
    Device(String),
}

/// The objective of a model, as a differentiable function of `W`, computed in precision `F`.
#[derive(Debug)]
pub struct FusedLoss<F> {
    engine: Fused<F>,
    teacher: Arc<Teacher>,
    objective: Objective,
}

impl<F: Computes> FusedLoss<F> {
    /// The loss of the teacher's model, using up to `threads` threads where a batch is long enough.
    pub fn new(teacher: Arc<Teacher>, objective: Objective, threads: usize) -> Self {
        Self {
            engine: Fused::new(Arc::clone(&teacher), objective.clone(), threads),
            teacher,
            objective,
        }
    }

    /// The same for a stack of several `W` ([`tracr::model::wiring`]).
    pub fn with_wiring(mut self, wiring: Wiring) -> Self {
        self.engine = self.engine.with_wiring(wiring);
        self
    }

    /// `L = output_weight · L_out + layer_weight · L_layer`, and the penalties where the objective has
    /// some, of `batch` at `w` `[d, D]`: one number, shape `[1]`, of the type of `w`'s entries.
    ///
    /// Where `w` is part of a graph, the result is too. `w` may be float32 or float64, whatever `F`
    /// is; without autodiff the result is a plain number.
    ///
    /// # Errors
    /// See [`OperationError`].
    pub fn compressed_loss(
        &mut self,
        w: Tensor<2>,
        batch: &Batch,
    ) -> Result<Tensor<1>, OperationError> {
        let [d, found] = w.dims();
        let expected = self.teacher.model().width();
        if found != expected {
            return Err(OperationError::Columns { expected, found });
        }
        let dtype = w.dtype();
        let context = w.clone().into_dispatch().autodiff;
        match context {
            DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Disabled) => {
                let w = primitive::<Autodiff<NdArray, NoCheckpointing>>(w)?;
                let at = entries(w.primitive().clone(), (d, found))?;
                let (loss, gradient) = self.evaluate(&at, batch, dtype);
                Ok(record::<NoCheckpointing>(w, loss, gradient))
            }
            DispatchAutodiffContext::Enabled(GradientCheckpointingStrategy::Balanced) => {
                let w = primitive::<Autodiff<NdArray, BalancedCheckpointing>>(w)?;
                let at = entries(w.primitive().clone(), (d, found))?;
                let (loss, gradient) = self.evaluate(&at, batch, dtype);
                Ok(record::<BalancedCheckpointing>(w, loss, gradient))
            }
            DispatchAutodiffContext::Disabled => {
                let at = entries(primitive::<NdArray>(w)?, (d, found))?;
                let (loss, _) = self.evaluate(&at, batch, dtype);
                Ok(Tensor::from_primitive::<NdArray>(loss))
            }
        }
    }

    /// The loss `[1]` and its gradient `[d, D]`.
    fn evaluate(
        &mut self,
        w: &Array2<f64>,
        batch: &Batch,
        dtype: DType,
    ) -> (FloatTensor<NdArray>, FloatTensor<NdArray>) {
        let mut gradient = Array2::zeros(w.dim());
        let parts = self.engine.loss_and_gradient(w, batch, &mut gradient);
        let loss = self.objective.total(&parts);
        let shape = [w.nrows(), w.ncols()];
        let constant = |data: TensorData| {
            NdArray::float_from_data(data.convert_dtype(dtype), &Default::default())
        };
        (
            constant(TensorData::new(vec![loss], [1])),
            constant(TensorData::new(gradient.into_iter().collect(), shape)),
        )
    }
}

/// The tensor of backend `B` inside a dispatched one.
fn primitive<B: Backend>(w: Tensor<2>) -> Result<FloatTensor<B>, OperationError>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    w.try_into_primitive::<B>()
        .map_err(|error| OperationError::Device(format!("{error:?}")))
}

/// The entries of `W` in float64.
fn entries(w: FloatTensor<NdArray>, shape: (usize, usize)) -> Result<Array2<f64>, OperationError> {
    let data = Tensor::<2>::from_primitive::<NdArray>(w).into_data();
    Array2::from_shape_vec(shape, data.iter::<f64>().collect())
        .map_err(|error| OperationError::Device(error.to_string()))
}

/// Puts the loss into the graph that `w` belongs to.
fn record<C: CheckpointStrategy>(
    w: FloatTensor<Autodiff<NdArray, C>>,
    loss: FloatTensor<NdArray>,
    gradient: FloatTensor<NdArray>,
) -> Tensor<1>
where
    DispatchTensor: DispatchKindConversion<Autodiff<NdArray, C>>,
{
    let operation = Backward::<NdArray, 1>::prepare::<C>(Recorded, [w.node()]).compute_bound();
    let output = match operation.stateful() {
        OpsKind::Tracked(operation) => operation.finish(gradient, loss),
        OpsKind::UnTracked(operation) => operation.finish(loss),
    };
    Tensor::from_primitive::<Autodiff<NdArray, C>>(output)
}

/// The operation in the graph; its state is `dL/dW`.
#[derive(Debug)]
struct Recorded;

impl<B: Backend> Backward<B, 1> for Recorded {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let Ops {
            parents,
            node,
            state: gradient,
        } = ops;
        unary::<B, _>(parents, node, gradients, |arriving| {
            let arriving = B::float_reshape(arriving, Shape::new([1, 1]));
            let arriving = B::float_expand(arriving, gradient.shape());
            B::float_mul(gradient, arriving)
        });
    }
}
