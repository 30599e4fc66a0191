//! Named tensors in a `.safetensors` file, read without trusting a single number in it.
//!
//! Model files, checkpoints and projections share this reader and writer; each adds its own checks
//! of names, shapes and metadata.

use std::collections::HashMap;

use ndarray::{ArrayD, Dimension, IxDyn};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use thiserror::Error;

use crate::content::Content;

/// What is wrong with a file of tensors.
#[derive(Debug, Error)]
pub enum TensorError {
    /// Fewer than the eight bytes that give the header's length.
    #[error("it has only {0} bytes: too short to be a safetensors file")]
    TooShort(usize),
    /// A file of another kind.
    #[error("it is {0}, not a .safetensors file")]
    AnotherKind(Content),
    /// The header cannot be where it says it is.
    #[error("its header claims {claimed} bytes, but only {available} follow: truncated or damaged")]
    HeaderBeyondEnd {
        /// From the first eight bytes.
        claimed: u64,
        /// Bytes after them.
        available: usize,
    },
    /// The tensors' bytes end before the header says they do, or after.
    #[error(
        "its tensors claim {claimed} bytes, but {available} follow the header: truncated or damaged"
    )]
    DataLength {
        /// Sum over all tensors.
        claimed: usize,
        /// Bytes after the header.
        available: usize,
    },
    /// The header is not a safetensors header.
    #[error("its header is damaged: {0}")]
    Header(SafeTensorError),
    /// A metadata key is absent.
    #[error("its metadata has no `{0}`")]
    MissingMetadata(&'static str),
    /// A tensor is absent.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor nobody asked for.
    #[error("tensor `{0}` does not belong in it")]
    Unexpected(String),
    /// A tensor of other numbers than expected.
    #[error("tensor `{name}` holds {found:?}, expected {expected}")]
    WrongType {
        /// The tensor.
        name: String,
        /// In the file.
        found: Dtype,
        /// By the format.
        expected: String,
    },
    /// A tensor of another shape than expected.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    WrongShape {
        /// The tensor.
        name: String,
        /// In the file.
        found: Vec<usize>,
        /// By the sizes in the metadata.
        expected: Vec<usize>,
    },
    /// A NaN or an infinity.
    #[error("tensor `{name}` holds {value} at {index:?}: every entry must be finite")]
    NotFinite {
        /// The tensor.
        name: String,
        /// NaN or an infinity.
        value: f64,
        /// Where.
        index: Vec<usize>,
    },
}

/// A number that tensors are made of.
pub trait Element: Copy {
    /// Its name in the file.
    const DTYPE: Dtype;
    /// Bytes per number.
    const SIZE: usize;
    /// From little-endian bytes, exactly [`Element::SIZE`] of them.
    fn read(bytes: &[u8]) -> Self;
    /// To little-endian bytes.
    fn write(self, bytes: &mut Vec<u8>);
    /// For the check that it is finite.
    fn as_f64(self) -> f64;
}

macro_rules! element {
    ($type:ty, $dtype:ident) => {
        impl Element for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            const SIZE: usize = size_of::<$type>();
            fn read(bytes: &[u8]) -> Self {
                let mut number = [0; size_of::<$type>()];
                number.copy_from_slice(bytes);
                Self::from_le_bytes(number)
            }
            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
            fn as_f64(self) -> f64 {
                self as f64
            }
        }
    };
}
element!(f32, F32);
element!(f64, F64);
element!(i32, I32);
element!(u64, U64);

/// The tensors and metadata of one file, borrowed from its bytes.
#[derive(Debug)]
pub struct TensorFile<'a> {
    tensors: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl<'a> TensorFile<'a> {
    /// Reads the header; no tensor is copied yet, and nothing is allocated from a size in the file
    /// that its length does not bear out.
    ///
    /// # Errors
    /// If the bytes are not a whole safetensors file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TensorError> {
        if let Some(content) = Content::of(bytes)
            && content != Content::Safetensors
        {
            return Err(TensorError::AnotherKind(content));
        }
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(TensorError::TooShort(bytes.len()));
        };
        let claimed = u64::from_le_bytes(*length);
        if claimed > rest.len() as u64 {
            return Err(TensorError::HeaderBeyondEnd {
                claimed,
                available: rest.len(),
            });
        }
        let header_end = 8 + claimed as usize;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| match e {
            SafeTensorError::MetadataIncompleteBuffer => TensorError::DataLength {
                claimed: claimed_data(bytes),
                available: bytes.len() - header_end,
            },
            other => TensorError::Header(other),
        })?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(TensorError::Header)?;
        Ok(Self {
            tensors,
            metadata: header.metadata().clone().unwrap_or_default(),
        })
    }

    /// The text under a metadata key.
    ///
    /// # Errors
    /// If there is none.
    pub fn metadata(&self, key: &'static str) -> Result<&str, TensorError> {
        self.metadata
            .get(key)
            .map(String::as_str)
            .ok_or(TensorError::MissingMetadata(key))
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names = self.tensors.names();
        names.sort_unstable();
        names
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors
            .tensor(name)
            .ok()
            .map(|view| view.shape().to_vec())
    }

    /// What numbers a tensor holds, if it is there.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.tensors.tensor(name).ok().map(|view| view.dtype())
    }

    /// A tensor of any shape.
    ///
    /// # Errors
    /// If it is missing or holds other numbers.
    pub fn any_shape<T: Element>(&self, name: &str) -> Result<ArrayD<T>, TensorError> {
        self.converted(name, |number: T| number)
    }

    /// A tensor of the expected shape, all of whose entries are finite.
    ///
    /// # Errors
    /// If it is missing, holds other numbers, has another shape, or a NaN or an infinity.
    pub fn tensor<T: Element>(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<ArrayD<T>, TensorError> {
        self.check_shape(name, shape)?;
        finite(name, self.any_shape(name)?)
    }

    /// The same with each number of the file, a `T`, as float64.
    ///
    /// # Errors
    /// As [`TensorFile::tensor`].
    pub fn widened<T: Element>(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<ArrayD<f64>, TensorError> {
        self.check_shape(name, shape)?;
        finite(name, self.converted(name, T::as_f64)?)
    }

    fn view(&self, name: &str) -> Result<TensorView<'a>, TensorError> {
        self.tensors
            .tensor(name)
            .map_err(|_| TensorError::Missing(name.to_owned()))
    }

    fn check_shape(&self, name: &str, shape: &[usize]) -> Result<(), TensorError> {
        let view = self.view(name)?;
        if view.shape() != shape {
            return Err(TensorError::WrongShape {
                name: name.to_owned(),
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(())
    }

    fn converted<T: Element, U>(
        &self,
        name: &str,
        convert: impl Fn(T) -> U,
    ) -> Result<ArrayD<U>, TensorError> {
        let view = self.view(name)?;
        if view.dtype() != T::DTYPE {
            return Err(TensorError::WrongType {
                name: name.to_owned(),
                found: view.dtype(),
                expected: format!("{:?}", T::DTYPE),
            });
        }
        let numbers = view.data().chunks_exact(T::SIZE).map(T::read);
        ArrayD::from_shape_vec(IxDyn(view.shape()), numbers.map(convert).collect())
            .map_err(|_| TensorError::Header(SafeTensorError::TensorInvalidInfo))
    }
}

/// A tensor all of whose entries are finite.
fn finite<T: Element>(name: &str, tensor: ArrayD<T>) -> Result<ArrayD<T>, TensorError> {
    let is_finite = |value: &T| value.as_f64().is_finite();
    if !tensor.iter().all(is_finite)
        && let Some((index, value)) = tensor.indexed_iter().find(|(_, x)| !is_finite(x))
    {
        return Err(TensorError::NotFinite {
            name: name.to_owned(),
            value: value.as_f64(),
            index: index.as_array_view().to_vec(),
        });
    }
    Ok(tensor)
}

/// The length of the data that a header speaks of, for a message; 0 where it cannot be told.
fn claimed_data(bytes: &[u8]) -> usize {
    SafeTensors::read_metadata(bytes).map_or(0, |(_, header)| header.data_len())
}

/// Collects tensors and metadata and makes the bytes of a file: the same bytes for the same
/// content.
#[derive(Debug, Default)]
pub struct TensorWriter {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
}

impl TensorWriter {
    /// Adds a tensor; `numbers` are in row-major order.
    pub fn add<T: Element>(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        numbers: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * T::SIZE);
        for number in numbers {
            number.write(&mut bytes);
        }
        self.tensors
            .push((name.into(), T::DTYPE, shape.to_vec(), bytes));
        self
    }

    /// The file's bytes with one metadata entry.
    ///
    /// # Errors
    /// If a shape and its numbers disagree.
    pub fn finish(&self, key: &str, text: String) -> Result<Vec<u8>, TensorError> {
        let views = self
            .tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(TensorError::Header)?;
        safetensors::serialize(views, Some(HashMap::from([(key.to_owned(), text)])))
            .map_err(TensorError::Header)
    }
}
