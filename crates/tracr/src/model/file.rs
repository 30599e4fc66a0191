//! The model file: one `.safetensors` with float32 weights and JSON under the metadata key `tracr`.
//! An export whose outputs float32 would change has float64 weights, all of them.
//!
//! The format is fixed (docs/running.md); `scripts/export_tracr.py` writes it from Python. Reading
//! checks every size against the bytes that are there before it is used, and every message names
//! the tensor or the key at fault.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Ix1, Ix2};
use safetensors::Dtype;
use thiserror::Error;

use super::metadata::{self, MetadataError};
use super::{CompiledModel, Layer, Linear, Metadata, Real};
use crate::library;
use base::content::Content;
use base::escape;
use base::files::{self, FileError};
use base::limits;
use base::tensors::{Element, TensorError, TensorFile, TensorWriter};

/// The metadata key of the JSON.
pub const METADATA_KEY: &str = "tracr";

/// Where model files come from.
const WRITERS: &str = "; model files are written by `compress compile`, and by scripts/export_tracr.py from \
     models that Tracr compiled in Python: they name the features, which weights alone do not";

/// Why a model file was refused.
#[derive(Debug, Error)]
pub enum ModelFileError {
    /// It could not be read or written.
    #[error("{}{}", .0, library::after(.0))]
    File(#[from] FileError),
    /// It was read and is not a model.
    #[error(
        "{} is not a usable model file: {}{}",
        escape::path(path),
        escape::visible(&problem.to_string()),
        problem.remedy()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: Problem,
    },
}

/// What is wrong inside a model file.
#[derive(Debug, Error)]
pub enum Problem {
    /// The container or a tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The JSON.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Names and tensors disagree.
    #[error("{0}")]
    Inconsistent(String),
}

impl Problem {
    /// What to do with a file that is no model, to follow the message; nothing where it is one that is
    /// damaged.
    fn remedy(&self) -> &'static str {
        let content = match self {
            Self::Tensor(TensorError::AnotherKind(content)) => content,
            Self::Tensor(TensorError::MissingMetadata(METADATA_KEY)) => return WRITERS,
            _ => return "",
        };
        match content {
            Content::Rasp => {
                "; `compress compile` makes a model of it, and a run file names it as model.program"
            }
            Content::Toml => {
                "; a run file names its model as model.path, and is given as `compress --config FILE`"
            }
            Content::Python => {
                "; scripts/export_tracr.py, called from Python, writes the model file of a program that \
                 Tracr compiled"
            }
            Content::GitLfsPointer => "; `git lfs pull` fetches that file",
            Content::Html => "; it may have come in the place of a file to download",
            packed if packed.is_packed() => "; if there is a model file in it, unpack that first",
            _ => WRITERS,
        }
    }
}

impl CompiledModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read or anything in it is not as the format says.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        Self::load_with_bytes(path).map(|(model, _)| model)
    }

    /// Reads a model file and also returns its bytes, for a checksum.
    ///
    /// # Errors
    /// As [`CompiledModel::load`].
    pub fn load_with_bytes(path: &Path) -> Result<(Self, Vec<u8>), ModelFileError> {
        let bytes = files::read_bounded(path, limits::MODEL_FILE_BYTES)?;
        let model = Self::from_bytes(&bytes).map_err(|problem| ModelFileError::Malformed {
            path: path.to_owned(),
            problem,
        })?;
        Ok((model, bytes))
    }

    /// Reads a model from the bytes of a model file.
    ///
    /// # Errors
    /// If anything in it is not as the format says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        let file = TensorFile::parse(bytes)?;
        let metadata = metadata::parse(file.metadata(METADATA_KEY)?)?;
        let sizes = Sizes::of(&metadata)?;
        check_name_counts(&file, &sizes)?;
        let mut reader = Reader {
            file: &file,
            read: BTreeSet::new(),
            double: is_double(&file)?,
        };
        let model = Self {
            token_embed: reader.matrix("token_embed", sizes.vocab, sizes.width)?,
            pos_embed: reader.matrix("pos_embed", sizes.positions, sizes.width)?,
            unembed: reader.matrix("unembed", sizes.width, sizes.output)?,
            layers: (0..metadata.num_layers)
                .map(|i| reader.layer(i, &sizes))
                .collect::<Result<_, _>>()?,
            metadata,
        };
        match file
            .names()
            .into_iter()
            .find(|name| !reader.read.contains(*name))
        {
            Some(name) => Err(TensorError::Unexpected(name.to_owned()).into()),
            None => Ok(model),
        }
    }

    /// The bytes of the model file; the same for equal models. Its weights are float32 where that is
    /// exact, as for every compiled model, and float64 otherwise: read again, it is the same model.
    ///
    /// # Errors
    /// If a matrix has another shape than the metadata says, or an entry is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        let exact = |x: &f64| f64::from(*x as f32) == *x;
        let of_layers = self.layers.iter().flat_map(Layer::named);
        if [&self.token_embed, &self.pos_embed, &self.unembed]
            .into_iter()
            .all(|m| m.iter().all(exact))
            && of_layers
                .into_iter()
                .all(|(_, linear)| linear.weight.iter().chain(&linear.bias).all(exact))
        {
            self.to_bytes_in::<f32>()
        } else {
            self.to_bytes_in::<f64>()
        }
    }

    /// The bytes of the model file with weights rounded to `F`.
    ///
    /// # Errors
    /// If a matrix has another shape than the metadata says, or an entry is not finite in `F`.
    pub fn to_bytes_in<F: Real + Element>(&self) -> Result<Vec<u8>, Problem> {
        let mut writer = TensorWriter::default();
        let mut add = |name: String, numbers: ArrayViewD<'_, f64>| {
            writer.add(
                name,
                numbers.shape(),
                numbers.iter().map(|x| F::from_f64(*x)),
            );
        };
        add("token_embed".into(), self.token_embed.view().into_dyn());
        add("pos_embed".into(), self.pos_embed.view().into_dyn());
        add("unembed".into(), self.unembed.view().into_dyn());
        for (i, layer) in self.layers.iter().enumerate() {
            for (name, linear) in layer.named() {
                let name = format!("layers.{i}.{name}");
                add(format!("{name}.weight"), linear.weight.view().into_dyn());
                add(format!("{name}.bias"), linear.bias.view().into_dyn());
            }
        }
        let json = serde_json::to_string(&self.metadata).map_err(MetadataError::Json)?;
        let bytes = writer.finish(METADATA_KEY, json)?;
        Self::from_bytes(&bytes)?;
        Ok(bytes)
    }

    /// Writes a model file, whole or not at all.
    ///
    /// # Errors
    /// If the model is inconsistent or the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ModelFileError> {
        Self::save_bytes(self.to_bytes(), path)
    }

    /// [`CompiledModel::save`] where what [`CompiledModel::to_bytes`] gave is at hand.
    ///
    /// # Errors
    /// As [`CompiledModel::save`].
    pub fn save_bytes(bytes: Result<Vec<u8>, Problem>, path: &Path) -> Result<(), ModelFileError> {
        let bytes = bytes.map_err(|problem| ModelFileError::Malformed {
            path: path.to_owned(),
            problem,
        })?;
        Ok(files::write_atomically(path, &bytes)?)
    }
}

impl<F> Layer<F> {
    /// The six linear maps under the names that model files use.
    pub fn named(&self) -> [(&'static str, &Linear<F>); 6] {
        [
            ("attn.query", &self.query),
            ("attn.key", &self.key),
            ("attn.value", &self.value),
            ("attn.output", &self.output),
            ("mlp.fc1", &self.fc1),
            ("mlp.fc2", &self.fc2),
        ]
    }
}

/// Sizes that the metadata promises; the tensors must bear them out.
struct Sizes {
    vocab: usize,
    positions: usize,
    width: usize,
    output: usize,
    heads: usize,
    hidden: usize,
}

impl Sizes {
    fn of(metadata: &Metadata) -> Result<Self, Problem> {
        let too_large = || Problem::Inconsistent("a size overflows".into());
        Ok(Self {
            vocab: metadata.input_vocab.len(),
            positions: metadata.max_seq_len.checked_add(1).ok_or_else(too_large)?,
            width: metadata.residual_labels.len(),
            output: metadata.output_columns(),
            heads: metadata
                .num_heads
                .checked_mul(metadata.key_size)
                .ok_or_else(too_large)?,
            hidden: metadata.mlp_hidden_size,
        })
    }
}

/// Whether the weights are float64 rather than float32; `token_embed` stands for all.
fn is_double(file: &TensorFile<'_>) -> Result<bool, TensorError> {
    let name = "token_embed";
    match file.dtype(name) {
        Some(Dtype::F64) => Ok(true),
        Some(Dtype::F32) | None => Ok(false), // `Reader` says that it is missing
        Some(found) => Err(TensorError::WrongType {
            name: name.into(),
            found,
            expected: "F32 or F64".into(),
        }),
    }
}

/// Names and the numbers they name must agree; said before any other shape is looked at.
fn check_name_counts(file: &TensorFile<'_>, sizes: &Sizes) -> Result<(), Problem> {
    let (Some(embed), Some(unembed)) = (file.shape("token_embed"), file.shape("unembed")) else {
        return Ok(()); // `Reader` says which tensor is missing
    };
    let (&[vocab, width], &[_, output]) = (&embed[..], &unembed[..]) else {
        return Ok(()); // `Reader` says which tensor is not a matrix
    };
    for (key, names, what, count) in [
        (
            "residual_labels",
            sizes.width,
            "token_embed has that many columns",
            width,
        ),
        (
            "input_vocab",
            sizes.vocab,
            "token_embed has that many rows",
            vocab,
        ),
        (
            "output_encoding",
            sizes.output,
            "unembed has that many columns",
            output,
        ),
    ] {
        if names != count {
            return Err(Problem::Inconsistent(format!(
                "{key} names {names} entries, expected {count}: {what}"
            )));
        }
    }
    Ok(())
}

/// Takes tensors out of a file and remembers which.
struct Reader<'a> {
    file: &'a TensorFile<'a>,
    read: BTreeSet<String>,
    /// Whether the weights are float64, as `token_embed` tells.
    double: bool,
}

impl Reader<'_> {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<ArrayD<f64>, TensorError> {
        let tensor = if self.double {
            self.file.widened::<f64>(name, shape)?
        } else {
            self.file.widened::<f32>(name, shape)?
        };
        self.read.insert(name.to_owned());
        Ok(tensor)
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<f64>, Problem> {
        let tensor = self.tensor(name, &[rows, columns])?;
        tensor
            .into_dimensionality::<Ix2>()
            .map_err(|e| Problem::Inconsistent(e.to_string()))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Array1<f64>, Problem> {
        let tensor = self.tensor(name, &[length])?;
        tensor
            .into_dimensionality::<Ix1>()
            .map_err(|e| Problem::Inconsistent(e.to_string()))
    }

    fn linear(&mut self, name: &str, from: usize, to: usize) -> Result<Linear<f64>, Problem> {
        Ok(Linear {
            weight: self.matrix(&format!("{name}.weight"), from, to)?,
            bias: self.vector(&format!("{name}.bias"), to)?,
        })
    }

    fn layer(&mut self, i: usize, sizes: &Sizes) -> Result<Layer<f64>, Problem> {
        let &Sizes {
            width,
            heads,
            hidden,
            ..
        } = sizes;
        Ok(Layer {
            query: self.linear(&format!("layers.{i}.attn.query"), width, heads)?,
            key: self.linear(&format!("layers.{i}.attn.key"), width, heads)?,
            value: self.linear(&format!("layers.{i}.attn.value"), width, heads)?,
            output: self.linear(&format!("layers.{i}.attn.output"), heads, width)?,
            fc1: self.linear(&format!("layers.{i}.mlp.fc1"), width, hidden)?,
            fc2: self.linear(&format!("layers.{i}.mlp.fc2"), hidden, width)?,
        })
    }
}
