//! What the tests share.
#![allow(dead_code, unused_imports)] // each test binary uses its part

pub mod bench;
pub mod case;
pub mod command;
pub mod engines;
pub mod fixtures;
pub mod random;
pub mod random_case;
pub mod study;
pub mod synthetic;

use tracr::model::CompiledModel;

pub use engines::largest;
pub use fixtures::{Fixture, fixtures, name};

/// A model of `models/`.
pub fn shipped(name: &str) -> CompiledModel {
    let path = command::root().join(format!("models/{name}.safetensors"));
    CompiledModel::load(&path).unwrap()
}

/// The largest absolute difference; panics on different lengths or on a NaN.
pub fn largest_difference(
    ours: impl IntoIterator<Item = f64>,
    theirs: impl IntoIterator<Item = f64>,
) -> f64 {
    let (ours, theirs): (Vec<f64>, Vec<f64>) =
        (ours.into_iter().collect(), theirs.into_iter().collect());
    assert_eq!(ours.len(), theirs.len(), "different numbers of entries");
    ours.iter().zip(&theirs).fold(0.0, |largest, (a, b)| {
        assert!(a.is_finite() && b.is_finite(), "{a} beside {b}");
        f64::max(largest, (a - b).abs())
    })
}
