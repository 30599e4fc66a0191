//! A Gram matrix from elsewhere, to compare runs with: `feature_a, feature_b, value`, as in `gram.csv`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use serde::Serialize;
use thiserror::Error;

use crate::analysis::geometry::agreement;
use base::escape::name;
use base::files::{self, FileError};

/// Larger tables are not Gram matrices.
const MAX_BYTES: u64 = base::limits::REFERENCE_BYTES;

/// A reference and the features that do not count.
#[derive(Clone, Debug)]
pub struct Reference {
    path: PathBuf,
    values: BTreeMap<(String, String), f64>,
    excluded: Vec<String>,
}

/// How a Gram matrix agrees with another: the correlation of their upper triangles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// With the diagonal; none where one side is constant.
    pub correlation: Option<f64>,
    /// Without.
    pub correlation_off_diagonal: Option<f64>,
}

impl Agreement {
    /// Of two matrices `[D, D]` over the features `kept`.
    pub fn of(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, kept: &[usize]) -> Self {
        Self {
            correlation: agreement(a, b, kept, true),
            correlation_off_diagonal: agreement(a, b, kept, false),
        }
    }
}

/// Why a reference cannot be used.
#[derive(Debug, Error)]
pub enum ReferenceError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no such table.
    #[error(
        "{}: {problem}; expected a table with the columns feature_a, feature_b, value",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        problem: String,
    },
    /// It does not fit the model.
    #[error(
        "{} has no value for {} and {}: it is not of this model; --exclude leaves features out",
        path.display(),
        name(a),
        name(b)
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// A feature.
        a: String,
        /// Another.
        b: String,
    },
    /// A feature to leave out that is not there.
    #[error(
        "--exclude {}: the model has no such feature; its features are {features}",
        name(label)
    )]
    Unknown {
        /// As given.
        label: String,
        /// Those of the model.
        features: String,
    },
}

impl Reference {
    /// Reads a table; `excluded` features will not count.
    ///
    /// # Errors
    /// If it cannot be read or is no such table.
    pub fn load(path: &Path, excluded: &[String]) -> Result<Self, ReferenceError> {
        Self::parse(path, &files::read_text(path, MAX_BYTES)?, excluded)
    }

    /// As [`Reference::load`], from the text of the file `path`.
    ///
    /// # Errors
    /// If it is no such table.
    pub fn parse(path: &Path, text: &str, excluded: &[String]) -> Result<Self, ReferenceError> {
        let malformed = |problem: String| ReferenceError::Malformed {
            path: path.to_owned(),
            problem,
        };
        let mut values = BTreeMap::new();
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            let row: Row = row.map_err(|e| malformed(e.to_string()))?;
            if !row.value.is_finite() {
                let (a, b, value) = (row.feature_a, row.feature_b, row.value);
                return Err(malformed(format!(
                    "the value for {} and {} is {value}",
                    name(&a),
                    name(&b)
                )));
            }
            values.insert((row.feature_a, row.feature_b), row.value);
        }
        Ok(Self {
            path: path.to_owned(),
            values,
            excluded: excluded.to_vec(),
        })
    }

    /// How `gram` `[D, D]` of the features `labels` agrees with it.
    ///
    /// # Errors
    /// If the features do not fit.
    pub fn compare(
        &self,
        labels: &[String],
        gram: ArrayView2<'_, f64>,
    ) -> Result<Agreement, ReferenceError> {
        if let Some(label) = self.excluded.iter().find(|l| !labels.contains(l)) {
            return Err(ReferenceError::Unknown {
                label: label.clone(),
                features: labels
                    .iter()
                    .map(|l| name(l))
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        }
        let kept: Vec<usize> = (0..labels.len())
            .filter(|i| !self.excluded.contains(&labels[*i]))
            .collect();
        let mut other = Array2::zeros(gram.dim());
        for &i in &kept {
            for &j in &kept {
                let key = (labels[i].clone(), labels[j].clone());
                other[[i, j]] = match self.values.get(&key) {
                    Some(value) => *value,
                    None => {
                        return Err(ReferenceError::Missing {
                            path: self.path.clone(),
                            a: key.0,
                            b: key.1,
                        });
                    }
                };
            }
        }
        Ok(Agreement::of(gram, other.view(), &kept))
    }
}

#[derive(serde::Deserialize)]
struct Row {
    feature_a: String,
    feature_b: String,
    value: f64,
}
