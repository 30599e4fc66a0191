//! The fused engine against the autodiff engine: every reference model, and random ones.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::case::Case;
use common::{fixtures, largest, name};
use ndarray::Array2;
use tracr_compress::compression::engines::autodiff::Autodiff;
use tracr_compress::compression::engines::fused::Fused;
use tracr_compress::compression::projection::normal;
use tracr_compress::compression::{Engine, OutputPositions};
use tracr_compress::inputs::rng::{Purpose, stream};
use tracr_compress::model::CompiledModel;

/// Loss and gradient of one engine.
fn run(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>) -> (f64, Array2<f64>) {
    let mut gradient = Array2::zeros(w.dim());
    let loss = engine.loss_and_gradient(w, &case.batch, &mut gradient);
    (case.objective.total(loss.output, loss.layers), gradient)
}

/// The larger of the losses' relative difference and the gradients' largest difference relative to
/// their largest entry.
fn difference(ours: &(f64, Array2<f64>), theirs: &(f64, Array2<f64>)) -> f64 {
    let loss = (ours.0 - theirs.0).abs() / theirs.0.abs();
    let gradient = largest(&ours.1 - &theirs.1);
    let scale = largest(theirs.1.iter().copied());
    assert!(loss.is_finite() && gradient.is_finite());
    loss.max(gradient / scale)
}

#[test]
fn fused_equals_autodiff_in_f64_on_every_reference_model() {
    for (i, path) in fixtures("models").iter().enumerate() {
        let positions = [OutputPositions::All, OutputPositions::Tokens][i % 2];
        let case = Case::new(CompiledModel::load(path).unwrap(), positions);
        let width = case.model.width();
        let dim = width.div_ceil(2);
        let mut fused = Fused::<f64>::new(case.teacher.clone(), case.objective, 1);
        let mut autodiff =
            Autodiff::<f64>::new(&case.model, case.teacher.clone(), case.objective, 1);
        for std in [0.4 / (dim as f64).sqrt(), 1.0] {
            let w = normal(&mut stream(i as u64, Purpose::Init), (dim, width), std);
            let difference =
                difference(&run(&mut fused, &case, &w), &run(&mut autodiff, &case, &w));
            println!("{:40} std {std:.2}: {difference:.1e}", name(path));
        }
    }
}
