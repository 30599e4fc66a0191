//! The fused engine against the autodiff engine: every reference model, and random ones.
//!
//! `cargo test --release --test engines fused -- --nocapture` prints the largest differences.

mod inputs;
mod random_models;
mod reference_models;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::plan::{Domain, Expansion, Plan};
use superposition::engines::fused::{Fused, InstructionSet, Pass};
use superposition::inputs::{EvaluationSet, InputSpace, Sampler, sampler::Batch};
use superposition::{Engine, Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, Frozen, Stream, Value, Wiring};
use tracr::program::{self, Settings};

use crate::common::case::Case;
use crate::common::engines::{
    BOUND, autodiff64, difference, fused64, is_finite, rounding_moves_gradient, run, run_batch,
};
use crate::common::random::{seeded as Random, setting};
use crate::common::random_case::random_case;
use crate::common::{fixtures, largest, name};

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
