//! A bare matrix of atoms, with or without an offset.

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Dimension, Ix1, Ix2};
use serde::{Deserialize, Serialize};

use super::encoder::{self, Encoder};
use super::error::Problem;
use super::layout::MOST_ATOMS;
use super::model::Dictionary;
use super::numpy::{self, Archive};
use base::tensors::{TensorError, TensorFile, TensorWriter};

/// The metadata key that says where a bare dictionary is from and how its codes come about.
const METADATA: &str = "recovery";

const ATOMS: &str = "W_dec";
const OFFSET: &str = "b_dec";

/// Entries beyond this overflow in squares and sums of squares.
const LARGEST: f64 = 1e100;

/// What [`METADATA`] holds.
#[derive(Serialize, Deserialize)]
struct Metadata {
    codes: CodesOf,
    #[serde(default)]
    known: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum CodesOf {
    NonNegative { penalty: f64 },
    Projection,
}

/// The file's bytes.
pub fn bytes(dictionary: &Dictionary, known: &serde_json::Value) -> Result<Vec<u8>, TensorError> {
    let codes = match dictionary.encoder {
        Encoder::NonNegative { penalty } => CodesOf::NonNegative { penalty },
        _ => CodesOf::Projection,
    };
    let metadata = Metadata {
        codes,
        known: known.clone(),
    };
    let text = serde_json::to_string(&metadata).unwrap_or_default();
    let (m, d) = dictionary.atoms.dim();
    TensorWriter::default()
        .add(ATOMS, &[m, d], dictionary.atoms.iter().copied())
        .add(OFFSET, &[d], dictionary.bias.iter().copied())
        .finish(METADATA, text)
}

/// Of a file of tensors.
pub fn of_tensors(bytes: &[u8], width: usize) -> Result<Dictionary, Problem> {
    let file = TensorFile::parse(bytes)?;
    if file.shape("W_enc").is_some() {
        return Err(Problem::WeightsAlone);
    }
    let names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
    let (atoms, offset) = choose(&names)?;
    let array = |name: &str| tensor(&file, name);
    let mut dictionary = assemble(
        array(&atoms)?,
        offset.map(|name| array(&name)).transpose()?,
        width,
    )?;
    if let Ok(text) = file.metadata(METADATA) {
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|e| Problem::Metadata(e.to_string()))?;
        dictionary.encoder = match metadata.codes {
            CodesOf::NonNegative { penalty } if penalty.is_finite() && penalty >= 0.0 => {
                Encoder::NonNegative { penalty }
            }
            CodesOf::NonNegative { penalty } => {
                return Err(Problem::Metadata(format!("its penalty is {penalty}")));
            }
            CodesOf::Projection => Encoder::Projection,
        };
    }
    Ok(dictionary)
}

/// Of a NumPy array.
pub fn of_array(bytes: &[u8], width: usize) -> Result<Dictionary, Problem> {
    assemble(numpy::array(bytes)?, None, width)
}

/// Of a NumPy archive.
pub fn of_archive(bytes: &[u8], width: usize) -> Result<Dictionary, Problem> {
    let archive = Archive::parse(bytes)?;
    let (atoms, offset) = choose(&archive.names())?;
    let offset = offset.map(|name| archive.array(&name)).transpose()?;
    assemble(archive.array(&atoms)?, offset, width)
}

/// The names of the atoms and of the offset, if there is one.
fn choose(names: &[String]) -> Result<(String, Option<String>), Problem> {
    let has = |wanted: &str| names.iter().find(|name| *name == wanted).cloned();
    let offset = has(OFFSET);
    let others: Vec<&String> = names.iter().filter(|name| *name != OFFSET).collect();
    match (has(ATOMS), others.as_slice()) {
        (Some(atoms), _) => Ok((atoms, offset)),
        (None, [only]) => Ok(((*only).clone(), offset)),
        (None, []) => Err(Problem::NoAtoms("the file holds no matrix")),
        (None, several) => {
            let shown = several
                .iter()
                .take(5)
                .map(|name| base::escape::name(name).into_owned());
            let mut shown: Vec<String> = shown.collect();
            if several.len() > 5 {
                shown.push(format!("{} more", several.len() - 5));
            }
            Err(Problem::Which {
                found: base::numbers::listed(&shown),
            })
        }
    }
}

/// A tensor of float32 or float64.
pub fn tensor(file: &TensorFile<'_>, name: &str) -> Result<ArrayD<f64>, Problem> {
    use safetensors::Dtype;
    match file.dtype(name) {
        Some(Dtype::F32) => Ok(file.any_shape::<f32>(name)?.mapv(f64::from)),
        Some(Dtype::F64) | None => Ok(file.any_shape(name)?),
        Some(other) => Err(Problem::Precision {
            name: name.to_owned(),
            found: format!("{other:?}"),
        }),
    }
}

fn assemble(
    atoms: ArrayD<f64>,
    offset: Option<ArrayD<f64>>,
    width: usize,
) -> Result<Dictionary, Problem> {
    let shape = atoms.shape().to_vec();
    let atoms: Array2<f64> =
        atoms
            .into_dimensionality::<Ix2>()
            .map_err(|_| Problem::Dimensions {
                dimensions: shape.len(),
                shape,
            })?;
    let atoms = checked_atoms(atoms, width)?;
    let bias = match offset {
        None => Array1::zeros(width),
        Some(offset) => {
            let found = offset.shape().to_vec();
            if found != [width] {
                return Err(Problem::Offset {
                    found,
                    expected: width,
                });
            }
            check_entries(OFFSET, offset.view())?;
            offset.into_dimensionality::<Ix1>().unwrap_or_default()
        }
    };
    Ok(Dictionary {
        atoms,
        bias,
        encoder: Encoder::NonNegative { penalty: 0.0 },
    })
}

/// Atoms `[m, d]` of a stream of width `d`.
pub fn checked_atoms(atoms: Array2<f64>, width: usize) -> Result<Array2<f64>, Problem> {
    let (rows, columns) = atoms.dim();
    check_count(rows)?;
    if columns != width {
        return Err(if rows == width {
            Problem::Transposed {
                expected: width,
                columns,
            }
        } else {
            Problem::Width {
                found: columns,
                expected: width,
            }
        });
    }
    check_entries(ATOMS, atoms.view().into_dyn())?;
    if encoder::lengths(&atoms).iter().all(|length| *length == 0.0) {
        return Err(Problem::NoAtoms("all its rows are zero"));
    }
    Ok(atoms.as_standard_layout().into_owned())
}

/// How many atoms there may be.
pub fn check_count(atoms: usize) -> Result<(), Problem> {
    match atoms {
        0 => Err(Problem::NoAtoms("its matrix has no rows")),
        1..=MOST_ATOMS => Ok(()),
        _ => Err(Problem::TooMany(atoms)),
    }
}

/// Whether all entries can be worked with.
pub fn check_entries(name: &str, array: ArrayViewD<'_, f64>) -> Result<(), Problem> {
    for (index, value) in array.indexed_iter() {
        let (name, value) = (name.to_owned(), *value);

        let index = || index.as_array_view().to_vec();
        if !value.is_finite() {
            return Err(Problem::NotFinite {
                name,
                value,
                index: index(),
            });
        }
        if value.abs() > LARGEST {
            return Err(Problem::Huge {
                name,
                value,
                index: index(),
            });
        }
    }
    Ok(())
}
