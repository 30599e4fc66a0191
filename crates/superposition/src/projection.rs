//! The trained `W` and its file.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2, Axis, Ix2, concatenate};
use thiserror::Error;

use base::escape;
use base::files::{self, FileError};
use base::tensors::{TensorError, TensorFile, TensorWriter};
use tracr::model::{CompiledModel, Stream, Wiring};

const METADATA_KEY: &str = "residual_labels";
const MAX_BYTES: u64 = base::limits::PROJECTION_BYTES;

/// `W` with the names of its columns: one matrix, or a stack of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Shape `[d, D]`, or `[k·d, D]` for `k` matrices.
    pub w: Array2<f64>,
    /// Which matrices these are.
    pub wiring: Wiring,
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
    #[error(
        "{} is not a usable projection file: {}{}",
        escape::path(path),
        escape::visible(&problem.to_string()),
        remedy(problem)
    )]
    Tensor {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: TensorError,
    },
    /// Its tensors and labels do not make a `W`.
    #[error(
        "{} is not a usable projection file: {}",
        escape::path(path),
        escape::visible(&problem.to_string())
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        problem: String,
    },
}

/// What to do with a file that is no projection, to follow the message.
fn remedy(problem: &TensorError) -> &'static str {
    match problem {
        TensorError::AnotherKind(_) | TensorError::MissingMetadata(_) => {
            "; a run's directory has its W, in projection.safetensors"
        }
        _ => "",
    }
}

/// The initial stack of `k` matrices `[k·d, D]`, each from `draw`, or all copies of one.
pub fn stack(k: usize, equal: bool, mut draw: impl FnMut() -> Array2<f64>) -> Array2<f64> {
    let mut w = draw();
    let first = w.clone();
    for _ in 1..k {
        let next = if equal { first.clone() } else { draw() };
        // Of the same shape; were it not, it would be left out.
        let _ = w.append(Axis(0), next.view());
    }
    w
}

impl Projection {
    /// `d`, the width of the compressed stream.
    pub fn width(&self) -> usize {
        self.wiring.width(&self.w)
    }

    /// The stream that the compressed model works on.
    pub fn stream(&self) -> Stream<'_, f64> {
        Stream::Compressed(&self.w, &self.wiring)
    }

    /// `G` `[D, D]` of a model with these features ([`mod@super::gram`]).
    pub fn gram(&self, model: &CompiledModel) -> Array2<f64> {
        super::gram(model, &self.w, &self.wiring)
    }

    /// The matrices `[d, D]` with their names.
    pub fn matrices(&self) -> impl Iterator<Item = (&str, ArrayView2<'_, f64>)> {
        let names = self.wiring.names().iter().enumerate();
        names.map(|(i, name)| (name.as_str(), self.wiring.matrix(&self.w, i)))
    }

    /// Writes `projection.safetensors`: a float64 tensor for each matrix (`W`, if there is one) and
    /// the labels as a JSON list.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ProjectionError> {
        let bytes = self.to_bytes().map_err(|problem| ProjectionError::Tensor {
            path: path.to_owned(),
            problem,
        })?;
        Ok(files::write_atomically(path, &bytes)?)
    }

    /// The bytes of `projection.safetensors`.
    ///
    /// # Errors
    /// If two matrices have the same name.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TensorError> {
        let mut writer = TensorWriter::default();
        for (name, matrix) in self.matrices() {
            writer.add(name, matrix.shape(), matrix.iter().copied());
        }
        let labels = serde_json::Value::from(self.labels.clone()).to_string();
        writer.finish(METADATA_KEY, labels)
    }

    /// Reads what [`Projection::save`] wrote for this model.
    ///
    /// # Errors
    /// If it cannot be read, or does not hold matrices of finite numbers of one shape, with one label a
    /// column, that together are `W` of the model. That the labels are the model's is not checked.
    pub fn load(path: &Path, model: &CompiledModel) -> Result<Self, ProjectionError> {
        Self::from_bytes(path, &files::read_bounded(path, MAX_BYTES)?, model)
    }

    /// As [`Projection::load`], from the bytes of the file `path`.
    ///
    /// # Errors
    /// As [`Projection::load`], but for reading.
    pub fn from_bytes(
        path: &Path,
        bytes: &[u8],
        model: &CompiledModel,
    ) -> Result<Self, ProjectionError> {
        let tensor = |problem| ProjectionError::Tensor {
            path: path.to_owned(),
            problem,
        };
        let malformed = |problem| ProjectionError::Malformed {
            path: path.to_owned(),
            problem,
        };
        let file = TensorFile::parse(bytes).map_err(tensor)?;
        let text = file.metadata(METADATA_KEY).map_err(tensor)?;
        let labels: Vec<String> = serde_json::from_str(text)
            .map_err(|e| malformed(format!("{METADATA_KEY} is not a list of names: {e}")))?;
        let names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
        let wiring = Wiring::named(model, &names).ok_or_else(|| {
            malformed(format!(
                "its tensors ({}) are neither W nor W_read and W_write nor one for each block of {}",
                escape::name(&names.join(", ")),
                escape::name(&model.metadata.program)
            ))
        })?;
        let mut matrices = Vec::new();
        for name in wiring.names() {
            let shape = file
                .shape(name)
                .ok_or_else(|| tensor(TensorError::Missing(name.clone())))?;
            let matrix = file.tensor::<f64>(name, &shape).map_err(tensor)?;
            let matrix = matrix
                .into_dimensionality::<Ix2>()
                .map_err(|_| malformed(format!("{name} has shape {shape:?}, expected [d, D]")))?;
            if matrix.ncols() != labels.len() || matrix.nrows() == 0 {
                return Err(malformed(format!(
                    "{name} has shape {shape:?}, but {METADATA_KEY} has {} names",
                    labels.len()
                )));
            }
            matrices.push(matrix);
        }
        let views: Vec<_> = matrices.iter().map(|m| m.view()).collect();
        if views.iter().any(|view| view.dim() != views[0].dim()) {
            return Err(malformed("its matrices differ in their shapes".into()));
        }
        let w = concatenate(Axis(0), &views).map_err(|e| malformed(e.to_string()))?;
        Ok(Self { w, wiring, labels })
    }
}
