//! NumPy's arrays (.npy) and archives of them (.npz), read without trusting a number in them: versions 1 to 3 of the
//! format, float32 and float64 of either byte order, rows or columns first, stored or deflated.

use std::io::Read;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};
use thiserror::Error;

use base::escape;
use base::limits;

/// What is wrong with a NumPy file.
#[derive(Debug, Error)]
pub enum NumpyError {
    /// The header is not one.
    #[error("its NumPy header is damaged: {0}")]
    Header(&'static str),
    /// Other numbers.
    #[error("its numbers are {}: save them as float32 or float64, as in numpy.save(FILE, W.astype(float))", escape::name(.0))]
    Type(String),
    /// Cut off.
    #[error(
        "its shape {shape:?} claims {claimed} bytes, but {available} follow the header: truncated or damaged"
    )]
    Length {
        /// By the header.
        shape: Vec<usize>,
        /// By the shape.
        claimed: u128,
        /// That are there.
        available: usize,
    },
    /// The zip archive is not one.
    #[error("its archive is truncated or damaged ({0}): write it again with numpy.savez")]
    Archive(String),
    /// Not an archive of arrays.
    #[error("`{}` in it is no NumPy array: give an archive as numpy.savez writes it", escape::name(.0))]
    NoArray(String),
    /// Another compression.
    #[error("`{}` in it is compressed in a way that numpy does not write: write it again with numpy.savez", escape::name(.0))]
    Compression(String),
    /// Larger than memory.
    #[error("`{}` in it unpacks to more than the limit of {}", escape::name(.0), limits::readable(u128::from(limits::PROJECTION_BYTES)))]
    TooLarge(String),
}

use NumpyError::Header;

/// The array in the bytes of a .npy file.
pub fn array(bytes: &[u8]) -> Result<ArrayD<f64>, NumpyError> {
    let (header, data) = split(bytes)?;
    let header = std::str::from_utf8(header).map_err(|_| Header("it is no text"))?;
    let kind = value(header, "descr")?;
    let read: fn(&[u8]) -> f64 = match quoted(kind) {
        Some("<f8") => |b| b.first_chunk().map_or(0.0, |b| f64::from_le_bytes(*b)),
        Some(">f8") => |b| b.first_chunk().map_or(0.0, |b| f64::from_be_bytes(*b)),
        Some("<f4") => |b| {
            b.first_chunk()
                .map_or(0.0, |b| f32::from_le_bytes(*b).into())
        },
        Some(">f4") => |b| {
            b.first_chunk()
                .map_or(0.0, |b| f32::from_be_bytes(*b).into())
        },
        Some(other) => return Err(NumpyError::Type(format!("`{other}`"))),
        None => return Err(NumpyError::Type("records".into())),
    };
    let size = if kind.contains("f8") { 8 } else { 4 };
    let columns_first = match value(header, "fortran_order")? {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        _ => return Err(Header("it does not say in which order the numbers are")),
    };
    let shape = shape(value(header, "shape")?)?;
    let claimed = shape
        .iter()
        .fold(size as u128, |n, &length| n.saturating_mul(length as u128));
    if claimed != data.len() as u128 {
        return Err(NumpyError::Length {
            shape,
            claimed,
            available: data.len(),
        });
    }
    let numbers = data.chunks_exact(size).map(read).collect();
    ArrayD::from_shape_vec(IxDyn(&shape).set_f(columns_first), numbers)
        .map_err(|_| Header("its shape is too large"))
}

/// Header and data.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), NumpyError> {
    let rest = bytes
        .strip_prefix(b"\x93NUMPY")
        .ok_or(Header("its first bytes are missing"))?;
    let short = Header("it is cut off");
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u32::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        [1..=3, ..] | [] => return Err(short),
        _ => return Err(Header("its version is none of 1, 2 and 3")),
    };
    rest.split_at_checked(length as usize).ok_or(short)
}

/// What follows a key of the header's dictionary.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, NumpyError> {
    let quoted = [format!("'{key}':"), format!("\"{key}\":")];
    quoted
        .iter()
        .find_map(|key| header.split_once(key.as_str()))
        .map(|(_, rest)| rest.trim_start())
        .ok_or(Header("it lacks descr, fortran_order or shape"))
}

/// The text in quotes at the start.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| "'\"".contains(*c))?;
    text[1..].split_once(quote).map(|(inner, _)| inner)
}

/// `(2, 3)`.
fn shape(text: &str) -> Result<Vec<usize>, NumpyError> {
    let wrong = || Header("its shape is no list of numbers");
    let inner = text
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(wrong)?
        .0;
    let lengths = inner
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    lengths
        .map(|part| part.trim_end_matches('L').parse().map_err(|_| wrong()))
        .collect()
}

/// The arrays of a .npz file, by name.
pub struct Archive<'a> {
    archive: ZipSliceArchive<&'a [u8]>,
    entries: Vec<(String, ZipArchiveEntryWayfinder, CompressionMethod)>,
}

impl<'a> Archive<'a> {
    /// Lists them.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NumpyError> {
        let archive = ZipArchive::from_slice(bytes).map_err(damaged)?;
        let mut found = Vec::new();
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().map_err(damaged)? {
            let path = entry.file_path();
            let name = String::from_utf8_lossy(path.as_ref()).into_owned();
            let Some(array) = name.strip_suffix(".npy") else {
                return Err(NumpyError::NoArray(name));
            };
            found.push((
                array.to_owned(),
                entry.wayfinder(),
                entry.compression_method(),
            ));
        }
        Ok(Self {
            entries: found,
            archive,
        })
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<String> {
        self.entries.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// One of them.
    pub fn array(&self, name: &str) -> Result<ArrayD<f64>, NumpyError> {
        let (_, at, method) = self
            .entries
            .iter()
            .find(|(other, ..)| other == name)
            .ok_or_else(|| NumpyError::NoArray(name.to_owned()))?;
        let entry = self.archive.get_entry(*at).map_err(damaged)?;
        let data = entry.data();
        let mut bytes = Vec::new();
        let limit = limits::PROJECTION_BYTES + 1;
        let read = match *method {
            CompressionMethod::STORE => entry
                .verifying_reader(data)
                .take(limit)
                .read_to_end(&mut bytes),
            CompressionMethod::DEFLATE => entry
                .verifying_reader(flate2::bufread::DeflateDecoder::new(data))
                .take(limit)
                .read_to_end(&mut bytes),
            _ => return Err(NumpyError::Compression(name.to_owned())),
        };
        read.map_err(|e| NumpyError::Archive(e.to_string()))?;
        if bytes.len() as u64 >= limit {
            return Err(NumpyError::TooLarge(name.to_owned()));
        }
        array(&bytes)
    }
}

fn damaged(error: rawzip::Error) -> NumpyError {
    NumpyError::Archive(error.to_string())
}
