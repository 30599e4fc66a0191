//! The fused loss inside Burn graphs: its value, its gradient, and what flows through it.

use base::rng::normal;
use base::rng::{Purpose, stream};
use burn::tensor::{DType, Device, Tensor, TensorData};
use ndarray::Array2;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::engines::operation::{FusedLoss, OperationError};
use superposition::{Engine, OutputPositions};
use tracr::model::CompiledModel;

use crate::common::case::Case;
use crate::common::{largest, largest_difference};

fn case(file: &str) -> (Case, Array2<f64>) {
    let path = format!("tests/fixtures/models/{file}.safetensors");
    let case = Case::new(
        CompiledModel::load(path.as_ref()).unwrap(),
        OutputPositions::Tokens,
    );
    let w = normal(&mut stream(1, Purpose::Init), (5, case.model.width()), 0.2);
    (case, w)
}

fn tensor(w: &Array2<f64>, device: &Device, dtype: DType) -> Tensor<2> {
    let data = TensorData::new(
        w.iter().copied().collect::<Vec<_>>(),
        [w.nrows(), w.ncols()],
    );
    Tensor::from_data(data.convert_dtype(dtype), (device, dtype))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Loss and gradient of an engine.
fn engine(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>) -> (f64, Vec<f64>) {
    let mut gradient = Array2::zeros(w.dim());
    let loss = engine.loss_and_gradient(w, &case.batch, &mut gradient);
    let loss = case.objective.total(&loss);
    (loss, gradient.into_iter().collect())
}

fn assert_close(ours: &[f64], theirs: &[f64], bound: f64) {
    let difference = largest_difference(ours.iter().copied(), theirs.iter().copied())
        / largest(theirs.iter().copied());
    println!("largest relative difference {difference:.1e}");
    assert!(difference <= bound, "{difference:e}");
}

#[test]
fn operation_adds_up_with_a_penalty_and_is_scaled_by_what_arrives() {
    for file in [
        "frac_prevs",
        "sort_unique",
        "causal_frac_prevs_1",
        "pair_balance_1",
    ] {
        let (case, at) = case(file);
        let fused = &mut Fused::<f64>::new(case.teacher.clone(), case.objective.clone(), 1);
        let autodiff =
            &mut Autodiff::<f64>::new(&case.model, case.teacher.clone(), case.objective.clone(), 1);
        let (value, gradient) = engine(fused, &case, &at);
        let (_, reference) = engine(autodiff, &case, &at);
        let mut loss = FusedLoss::<f64>::new(case.teacher.clone(), case.objective.clone(), 1);
        let device = Device::ndarray().autodiff();
        let leaf = || tensor(&at, &device, DType::F64).require_grad();

        // Alone: the engine's own bits.
        let w = leaf();
        let alone = loss.compressed_loss(w.clone(), &case.batch).unwrap();
        assert_eq!(numbers(alone.clone()), [value]);
        let gradients = alone.backward();
        assert_eq!(numbers(w.grad(&gradients).unwrap()), gradient);
        assert_close(&gradient, &reference, 1e-9);

        // 2·L + 0.3·Σ|W|: twice the gradient, and the penalty's derivative.
        let w = leaf();
        let total = loss.compressed_loss(w.clone(), &case.batch).unwrap() * 2.0
            + w.clone().abs().sum() * 0.3;
        let gradients = total.backward();
        let expected: Vec<f64> = gradient
            .iter()
            .zip(&at)
            .map(|(g, w)| 2.0 * g + 0.3 * w.signum())
            .collect();
        assert_close(&numbers(w.grad(&gradients).unwrap()), &expected, 1e-15);

        // L(2·W)²: the chain rule on both sides, 2·L·(dL/dV)·2 at V = 2·W.
        let twice = &at * 2.0;
        let (value, gradient) = engine(fused, &case, &twice);
        let w = leaf();
        let inner = loss.compressed_loss(w.clone() * 2.0, &case.batch).unwrap();
        let gradients = (inner.clone() * inner).backward();
        let expected: Vec<f64> = gradient.iter().map(|g| 4.0 * value * g).collect();
        assert_close(&numbers(w.grad(&gradients).unwrap()), &expected, 1e-13);
    }
}

#[test]
fn operation_takes_either_precision_checkpointing_and_tensors_without_a_graph() {
    let (case, at) = case("frac_prevs");
    let rounded = at.mapv(|x| f64::from(x as f32));
    let fused = &mut Fused::<f32>::new(case.teacher.clone(), case.objective.clone(), 1);
    let (value, gradient) = engine(fused, &case, &rounded);
    let value = f64::from(value as f32);
    let gradient: Vec<f64> = gradient.iter().map(|x| f64::from(*x as f32)).collect();
    let mut loss = FusedLoss::<f32>::new(case.teacher.clone(), case.objective.clone(), 2);

    let plain = Device::ndarray();
    let result = loss
        .compressed_loss(tensor(&at, &plain, DType::F32), &case.batch)
        .unwrap();
    assert_eq!(result.dtype(), DType::F32);
    assert_eq!(numbers(result), [value]);

    for device in [
        Device::ndarray().autodiff(),
        Device::ndarray().autodiff().gradient_checkpointing(),
    ] {
        let w = tensor(&at, &device, DType::F32).require_grad();
        let result = loss.compressed_loss(w.clone(), &case.batch).unwrap();
        assert_eq!(numbers(result.clone()), [value]);
        let gradients = result.backward();
        assert_eq!(numbers(w.grad(&gradients).unwrap()), gradient);

        // A constant of the graph passes no gradient on; the rest of the graph is not disturbed.
        let constant = tensor(&at, &device, DType::F32);
        let other = tensor(&at, &device, DType::F32).require_grad();
        let result = loss.compressed_loss(constant, &case.batch).unwrap();
        let gradients = (result * other.clone().sum()).backward();
        let expected = vec![value; at.len()];
        assert_close(&numbers(other.grad(&gradients).unwrap()), &expected, 1e-6);
    }

    let narrow = tensor(&Array2::zeros((5, 3)), &plain, DType::F32);
    let expected = case.model.width();
    assert_eq!(
        loss.compressed_loss(narrow, &case.batch).unwrap_err(),
        OperationError::Columns { expected, found: 3 }
    );
}
