//! The words that some keys of a run file choose from.

use std::fmt;
use std::path::PathBuf;

use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};
pub use superposition::engines::{Kind as Engine, Precision};

/// Where `W` comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Trained.
    #[default]
    Train,
    /// The principal directions of the compiled residual stream.
    Pca,
    /// Random orthonormal rows.
    Random,
    /// The best subset of features, kept exactly.
    Subset,
}

impl Method {
    /// As in a run file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Pca => "pca",
            Self::Random => "random",
            Self::Subset => "subset",
        }
    }

    /// The method of this name; none for any other word.
    pub fn named(name: &str) -> Option<Self> {
        let word: StrDeserializer<'_, Error> = name.into_deserializer();
        Self::deserialize(word).ok()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How several `W` start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitMatrices {
    /// As copies of one.
    Equal,
    /// Drawn one after the other.
    Independent,
}

/// What the initial `W` of training is; `compression.init_std` scales it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Independent normal entries.
    Normal,
    /// Random orthogonal rows.
    Orthonormal,
    /// The principal directions of the compiled residual stream.
    Pca,
    /// The best subset of features.
    Subset,
    /// The live features, each by itself.
    Live,
    /// The principal directions of the live features.
    Rank,
}

/// What training starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Start {
    /// Something that is drawn, or computed from the model.
    Word(Init),
    /// A `W` that is there.
    File(StartFile),
}

/// A `W` to start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFile {
    /// A run directory, or a projection file.
    pub from: PathBuf,
    /// The projection file's, so that a changed one is noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What a `W` has to do in a search for the smallest `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// All outputs are right.
    Outputs,
    /// And every block writes nearly what it writes in the compiled model.
    Faithful,
    /// First the one, then the other from there on.
    Both,
}

impl Criterion {
    /// The criterion of this name; none for any other word.
    pub fn named(name: &str) -> Option<Self> {
        let word: StrDeserializer<'_, Error> = name.into_deserializer();
        Self::deserialize(word).ok()
    }
}
