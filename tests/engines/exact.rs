//! The engine against what is written independently of it: the exact evaluation, which uses the
//! plain forward pass, and finite differences of it. Over every reference model: causal or not,
//! one head or two, numerical or categorical.

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::engines::autodiff::Autodiff;
use superposition::evaluation::Evaluator;
use superposition::inputs::sampler::Batch;
use superposition::{Engine, OutputPositions};
use tracr::model::CompiledModel;

use crate::common::case::Case;
use crate::common::{fixtures, name};

#[test]
fn the_engine_agrees_with_the_exact_evaluation_and_its_finite_differences() {
    let mut worst = (0.0f64, 0.0f64);
    for (i, path) in fixtures("models").iter().enumerate() {
        let positions = [OutputPositions::All, OutputPositions::Tokens][i % 2];
        let case = Case::new(CompiledModel::load(path).unwrap(), positions);
        let width = case.model.width();
        let mut rng = stream(i as u64, Purpose::Init);
        // Small enough that no softmax is saturated, however deep the model: then the loss is smooth
        // where it is probed.
        let dim = width.div_ceil(2);
        let w = normal(&mut rng, (dim, width), 0.4 / (dim as f64).sqrt());
        let direction = normal(&mut rng, w.dim(), 1.0);
        let mut engine =
            Autodiff::<f64>::new(&case.model, case.teacher.clone(), case.objective.clone(), 1);
        let mut gradient = Array2::zeros(w.dim());
        let loss = engine.loss_and_gradient(&w, &case.batch, &mut gradient);
        let loss = case.objective.total(&loss);
        let exact = case.exact(&w);
        let loss_error = (loss - exact).abs() / exact;

        let along = |h: f64| case.exact(&(&w + &(&direction * h)));
        let ours = (&gradient * &direction).sum();
        let scale = (gradient.mapv(|x| x * x).sum()).sqrt();
        // Too large a step meets a kink of a ReLU, too small a one meets rounding; a wrong gradient
        // is wrong for each.
        let slope_error = [1e-5, 1e-6, 1e-7, 1e-8]
            .map(|h| (ours - (along(h) - along(-h)) / (2.0 * h)).abs() / scale)
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        println!(
            "{:24} loss {loss_error:.1e}, slope {slope_error:.1e}",
            name(path)
        );
        worst = (worst.0.max(loss_error), worst.1.max(slope_error));
    }
    assert!(worst.0 < 1e-12, "loss: {:e}", worst.0);
    assert!(worst.1 < 1e-6, "slope: {:e}", worst.1);
}

#[test]
fn evaluation_is_perfect_without_compression() {
    for path in fixtures("models") {
        let case = Case::new(CompiledModel::load(&path).unwrap(), OutputPositions::Tokens);
        let width = case.model.width();
        let evaluator = Evaluator::new(case.teacher.clone(), case.objective.clone());
        let perfect = evaluator.evaluate(&Array2::eye(width));
        assert_eq!(perfect.loss_layers, 0.0, "{}", name(&path));
        assert_eq!(perfect.mae.unwrap_or(0.0), 0.0, "{}", name(&path));
        for accuracy in [perfect.token_accuracy, perfect.sequence_accuracy] {
            assert_eq!(accuracy.unwrap_or(1.0), 1.0, "{}", name(&path));
        }
        for block in perfect.blocks {
            let cosine = block.cosine.unwrap_or(1.0);
            assert!((cosine - 1.0).abs() < 1e-12, "{}", name(&path));
        }
    }
}

#[test]
fn a_duplicated_or_split_batch_has_the_same_loss_and_gradient() {
    let case = Case::new(
        CompiledModel::load("tests/fixtures/models/pair_balance_1.safetensors".as_ref()).unwrap(),
        OutputPositions::All,
    );
    let w = normal(&mut stream(2, Purpose::Init), (8, case.model.width()), 0.2);
    let mut engine =
        Autodiff::<f64>::new(&case.model, case.teacher.clone(), case.objective.clone(), 2);
    let mut run = |tokens: Array2<usize>| {
        let mut gradient = Array2::zeros(w.dim());
        let batch = Batch::Sequences(tokens);
        let loss = engine.loss_and_gradient(&w, &batch, &mut gradient);
        (case.objective.total(&loss), gradient)
    };
    let once = run(case.tokens.clone());
    // Nine copies are several pieces of work, cut in the middle of a copy.
    let copies = vec![case.tokens.view(); 9];
    let many = run(ndarray::concatenate(ndarray::Axis(0), &copies).unwrap());
    approx::assert_relative_eq!(once.0, many.0, max_relative = 1e-12);
    let largest = once.1.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (a, b) in once.1.iter().zip(&many.1) {
        assert!((a - b).abs() < 1e-12 * largest);
    }
}
