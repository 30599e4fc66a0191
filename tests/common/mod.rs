//! The reference files of tests/fixtures, read for comparison.
#![allow(dead_code, unused_imports)] // each test binary uses its part

pub mod case;
pub mod engines;
pub mod graphs;
pub mod matching;
pub mod random;
pub mod random_case;
pub mod random_programs;
pub mod synthetic;
pub mod tracr_cases;
pub mod tracr_library;

pub use engines::largest;

use std::path::{Path, PathBuf};

use base::tensors::{Element, TensorFile};
use ndarray::{Array2, ArrayD, Ix2};

pub fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    assert!(
        !files.is_empty(),
        "no reference files in {}",
        folder.display()
    );
    files
}

pub fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// One fixture: its tensors and the JSON under its metadata key `info`.
pub struct Fixture {
    bytes: Vec<u8>,
    pub info: serde_json::Value,
}

impl Fixture {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let info =
            serde_json::from_str(TensorFile::parse(&bytes).unwrap().metadata("info").unwrap())
                .unwrap();
        Self { bytes, info }
    }

    pub fn tensor<T: Element>(&self, name: &str) -> ArrayD<T> {
        TensorFile::parse(&self.bytes)
            .unwrap()
            .any_shape(name)
            .unwrap()
    }

    pub fn matrix(&self, name: &str) -> Array2<f64> {
        self.tensor::<f64>(name)
            .into_dimensionality::<Ix2>()
            .unwrap()
    }

    /// The model file that the fixture was computed with.
    pub fn model(&self) -> tracr::model::CompiledModel {
        let file = self.info["model"].as_str().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/models")
            .join(file);
        tracr::model::CompiledModel::load(&path).unwrap()
    }
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
