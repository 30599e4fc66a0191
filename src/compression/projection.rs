//! The trained matrix `W`, its Gram matrix, and their files.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Ix2};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use thiserror::Error;

use crate::files::{self, FileError};
use crate::tensors::{TensorError, TensorFile, TensorWriter};

const METADATA_KEY: &str = "residual_labels";
const MAX_BYTES: u64 = 2 << 30;

/// `W` `[d, D]` with the names of its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Shape `[d, D]`.
    pub w: Array2<f64>,
    /// The `D` features.
    pub labels: Vec<String>,
}

/// Why a projection file was refused.
#[derive(Debug, Error)]
pub enum ProjectionError {
    /// It could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was read and is not a projection.
    #[error("{} is not a usable projection file: {problem}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: TensorError,
    },
    /// Its labels are not a list of names, one for each column.
    #[error("{} is not a usable projection file: {problem}", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        problem: String,
    },
}

/// `W` `[d, D]` with independent entries from N(0, `std`²), drawn in row-major order.
pub fn normal(rng: &mut impl Rng, shape: (usize, usize), std: f64) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || {
        let x: f64 = StandardNormal.sample(rng);
        std * x
    })
}

impl Projection {
    /// `G = WᵀW` `[D, D]`: the inner products of the features' directions.
    pub fn gram(&self) -> Array2<f64> {
        self.w.t().dot(&self.w)
    }

    /// Writes `projection.safetensors`: tensor `W` (float64) and the labels as a JSON list.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ProjectionError> {
        let mut writer = TensorWriter::default();
        writer.add("W", self.w.shape(), self.w.iter().copied());
        let labels = serde_json::Value::from(self.labels.clone()).to_string();
        let bytes =
            writer
                .finish(METADATA_KEY, labels)
                .map_err(|problem| ProjectionError::Tensor {
                    path: path.to_owned(),
                    problem,
                })?;
        Ok(files::write_atomically(path, &bytes)?)
    }

    /// Reads what [`Projection::save`] wrote.
    ///
    /// # Errors
    /// If it cannot be read, or is not a matrix of finite numbers with one label a column.
    pub fn load(path: &Path) -> Result<Self, ProjectionError> {
        let tensor = |problem| ProjectionError::Tensor {
            path: path.to_owned(),
            problem,
        };
        let labels_error = |problem| ProjectionError::Labels {
            path: path.to_owned(),
            problem,
        };
        let bytes = files::read_bounded(path, MAX_BYTES)?;
        let file = TensorFile::parse(&bytes).map_err(tensor)?;
        let text = file.metadata(METADATA_KEY).map_err(tensor)?;
        let labels: Vec<String> = serde_json::from_str(text)
            .map_err(|e| labels_error(format!("{METADATA_KEY} is not a list of names: {e}")))?;
        let shape = file
            .shape("W")
            .ok_or_else(|| tensor(TensorError::Missing("W".into())))?;
        let w = file.tensor::<f64>("W", &shape).map_err(tensor)?;
        let w = w
            .into_dimensionality::<Ix2>()
            .map_err(|_| labels_error(format!("W has shape {shape:?}, expected [d, D]")))?;
        if w.ncols() != labels.len() || w.nrows() == 0 {
            return Err(labels_error(format!(
                "W has shape {shape:?}, but {METADATA_KEY} has {} names",
                labels.len()
            )));
        }
        Ok(Self { w, labels })
    }
}
