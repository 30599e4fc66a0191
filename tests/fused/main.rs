//! The fused engine against the autodiff engine: every reference model, and random ones.
//!
//! `cargo test --release --test fused -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;

mod inputs;
mod random_models;
mod reference_models;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use common::case::Case;
use common::random::{Random, setting};
use common::{fixtures, largest, name, synthetic};
use ndarray::Array2;
use tracr_compress::compression::engines::autodiff::Autodiff;
use tracr_compress::compression::engines::fused::Fused;
use tracr_compress::compression::engines::fused::plan::{Domain, Expansion, Method, Plan, Work};
use tracr_compress::compression::projection::normal;
use tracr_compress::compression::{Engine, Objective, OutputPositions, Teacher};
use tracr_compress::inputs::rng::{Purpose, stream};
use tracr_compress::inputs::{EvaluationSet, InputSpace, Sampler, sampler::Batch};
use tracr_compress::model::{CompiledModel, Frozen, Stream, Value, Wiring};
use tracr_compress::program::{self, Settings};

/// What f64 engines may differ by where the loss is well conditioned.
const BOUND: f64 = 1e-9;

/// Loss and gradient of one engine.
type Result = (f64, Array2<f64>);

fn run(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>) -> Result {
    run_batch(engine, case, w, &case.batch)
}

fn run_batch(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>, batch: &Batch) -> Result {
    let mut gradient = Array2::zeros(w.dim());
    let loss = engine.loss_and_gradient(w, batch, &mut gradient);
    (case.objective.total(&loss), gradient)
}

fn fused64(case: &Case) -> Fused<f64> {
    Fused::new(case.teacher.clone(), case.objective.clone(), 1)
}

fn autodiff64(case: &Case) -> Autodiff<f64> {
    Autodiff::new(&case.model, case.teacher.clone(), case.objective.clone(), 1)
}

fn is_finite(result: &Result) -> bool {
    result.0.is_finite() && result.1.iter().all(|x| x.is_finite())
}

/// The larger of the losses' relative difference and the gradients' largest difference relative to
/// their largest entry; infinite if anything is not a number.
fn difference(ours: &Result, theirs: &Result) -> f64 {
    if !is_finite(ours) || !is_finite(theirs) {
        return f64::INFINITY;
    }
    let loss = (ours.0 - theirs.0).abs() / theirs.0.abs();
    let gradient = largest(&ours.1 - &theirs.1);
    let scale = largest(theirs.1.iter().copied()).max(f64::MIN_POSITIVE);
    loss.max(gradient / scale)
}

/// How far the reference's own result moves when every entry of `w` moves by about one rounding of
/// relative size `epsilon`: what no engine can do better than.
fn rounding_moves_gradient(case: &Case, w: &Array2<f64>, epsilon: f64) -> f64 {
    let mut engine = autodiff64(case);
    let exact = run(&mut engine, case, w);
    let mut random = Random(1);
    (0..3)
        .map(|_| {
            let moved = w.mapv(|x| {
                if random.one_in(2) {
                    x * (1.0 + epsilon)
                } else {
                    x * (1.0 - epsilon)
                }
            });
            difference(&run(&mut engine, case, &moved), &exact)
        })
        .fold(0.0, f64::max)
}

/// Every model of the fixtures and of the shipped ones.
fn models() -> Vec<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let shipped = std::fs::read_dir(shipped)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let mut all = fixtures("models");
    all.extend(shipped);
    all.sort();
    all
}

/// A model's case with `W`s small enough for smooth softmaxes, and as training starts.
fn with_weights(i: usize, path: &Path) -> (Case, [(f64, Array2<f64>); 2]) {
    let positions = [OutputPositions::All, OutputPositions::Tokens][i % 2];
    let case = Case::new(CompiledModel::load(path).unwrap(), positions);
    let width = case.model.width();
    let dim = width.div_ceil(2);
    let weights = [0.4 / (dim as f64).sqrt(), 1.0].map(|std| {
        let w = normal(&mut stream(i as u64, Purpose::Init), (dim, width), std);
        (std, w)
    });
    (case, weights)
}
