//! What can be wrong with a dictionary that somebody brings: each with where it is, and how to mend it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::layout::{BARE, CONFIG, MOST_ATOMS, WEIGHTS};
use super::numpy::NumpyError;
use base::content::Content;
use base::escape;
use base::files::FileError;
use base::tensors::TensorError;

/// A dictionary that cannot be read.
#[derive(Debug, Error)]
pub enum DictionaryError {
    /// The system refused, or the file is too large.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is there is no dictionary for this model.
    #[error("{}: {problem}", escape::path(path))]
    Wrong {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl DictionaryError {
    /// Use with `map_err`.
    pub(super) fn of<P: Into<Problem>>(path: &Path) -> impl Fn(P) -> Self {
        let path = path.to_owned();
        move |problem| Self::Wrong {
            path: path.clone(),
            problem: problem.into(),
        }
    }
}

/// What is wrong.
#[derive(Debug, Error)]
pub enum Problem {
    /// No bytes.
    #[error("it is empty: give a dictionary, {}", kinds())]
    Empty,
    /// Another kind of file.
    #[error("it is {kind}, not a dictionary: give {}{}", kinds(), hint(*kind))]
    AnotherKind {
        /// Which.
        kind: Content,
    },
    /// Nothing that is known.
    #[error("it is no dictionary: give {}", kinds())]
    Unknown,
    /// A folder without either.
    #[error("it holds no dictionary: neither {CONFIG} with {WEIGHTS}, nor {BARE}{}", inside(found.as_deref()))]
    NoFiles {
        /// A folder in it that looks like one.
        found: Option<String>,
    },
    /// A folder without its second file.
    #[error("it has {there} and no {missing}: SAELens' `save_model` writes both")]
    Half {
        /// The one.
        there: &'static str,
        /// The other.
        missing: &'static str,
    },
    /// The weights without their folder.
    #[error(
        "it holds the weights of a sparse autoencoder, whose {CONFIG} says how they are used: give their folder"
    )]
    WeightsAlone,
    /// No JSON object.
    #[error("it is not a JSON object ({0}): write it with SAELens' `save_model`")]
    Json(String),
    /// A key of the configuration.
    #[error("`{key}` {problem}")]
    Key {
        /// Its name.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An architecture that is not read.
    #[error(
        "its architecture is `{}`: `standard`, `topk` and `jumprelu` are read{}",
        escape::name(.0),
        batch_hint(.0)
    )]
    Architecture(String),
    /// A tensor.
    #[error("{0}")]
    Tensor(#[from] TensorError),
    /// A tensor whose precision is not read.
    #[error("tensor `{name}` holds {found}: save it as float32 or float64")]
    Precision {
        /// The tensor.
        name: String,
        /// What it holds.
        found: String,
    },
    /// A NumPy file.
    #[error("{0}")]
    Numpy(#[from] NumpyError),
    /// More than one matrix.
    #[error("it holds {found}: give one matrix [m, d], or call it W_dec (and an offset [d] b_dec)")]
    Which {
        /// What it holds.
        found: String,
    },
    /// Not a matrix.
    #[error(
        "its array has {dimensions} dimensions, shape {shape:?}: an atom is a row of a matrix [m, d]"
    )]
    Dimensions {
        /// How many.
        dimensions: usize,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// No atoms, or none with a length.
    #[error("it has no atoms: {0}")]
    NoAtoms(&'static str),
    /// Too many.
    #[error("it has {0} atoms, and at most {MOST_ATOMS} are compared")]
    TooMany(usize),
    /// Another stream.
    #[error(
        "its atoms have {found} numbers, but the stream of this run has d = {expected}: give a dictionary of this run's stream"
    )]
    Width {
        /// Of the dictionary.
        found: usize,
        /// Of the run.
        expected: usize,
    },
    /// Rows and columns exchanged.
    #[error(
        "its shape is [{expected}, {columns}], but an atom is a row of d = {expected} numbers: give its transpose, [{columns}, {expected}]"
    )]
    Transposed {
        /// `d`.
        expected: usize,
        /// Columns.
        columns: usize,
    },
    /// An offset of another length.
    #[error("b_dec has shape {found:?}, but the stream of this run has d = {expected}")]
    Offset {
        /// Its shape.
        found: Vec<usize>,
        /// `d`.
        expected: usize,
    },
    /// NaN or infinite.
    #[error("{name} holds {value} at {index:?}: every entry must be finite")]
    NotFinite {
        /// The array.
        name: String,
        /// Which.
        value: f64,
        /// Where.
        index: Vec<usize>,
    },
    /// A number with which sums overflow.
    #[error("{name} holds {value:e} at {index:?}: entries of at most 1e100 are read")]
    Huge {
        /// The array.
        name: String,
        /// Which.
        value: f64,
        /// Where.
        index: Vec<usize>,
    },
    /// What `compress recover` said of the codes.
    #[error("its metadata `recovery` is damaged ({0}): write it again with compress recover")]
    Metadata(String),
}

fn kinds() -> String {
    format!(
        "a folder as SAELens writes it ({CONFIG} and {WEIGHTS}), or a matrix [m, d] as .safetensors, .npy or .npz"
    )
}

/// How a file of a kind that holds weights becomes one that is read.
fn hint(kind: Content) -> &'static str {
    match kind {
        Content::PyTorch => {
            ". In Python: safetensors.torch.save_file({\"W_dec\": W}, \"dictionary.safetensors\") of its matrix W"
        }
        Content::Pickle => ". In Python: numpy.save(\"dictionary.npy\", W) of its matrix W",
        kind if kind.is_packed() => ": unpack it first",
        _ => "",
    }
}

fn inside(found: Option<&str>) -> String {
    found.map_or_else(String::new, |name| {
        format!(
            ". Give one of the folders in it, such as {}",
            escape::name(name)
        )
    })
}

fn batch_hint(name: &str) -> &'static str {
    if name.contains("batchtopk") {
        "; SAELens' `save_inference_model` writes this one as `jumprelu`"
    } else {
        ""
    }
}
