//! The reference files of tests/fixtures, read for comparison.

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
