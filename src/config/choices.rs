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

/// What looks for a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DictionaryMethod {
    /// Non-negative sparse coding without an encoder.
    Nnsc,
    /// A sparse autoencoder with an L1 penalty.
    L1Sae,
    /// A sparse autoencoder that keeps its largest codes.
    TopkSae,
    /// Principal components.
    Pca,
    /// Rows of the data, drawn.
    Random,
}

impl DictionaryMethod {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("nnsc", Self::Nnsc),
        ("l1_sae", Self::L1Sae),
        ("topk_sae", Self::TopkSae),
        ("pca", Self::Pca),
        ("random", Self::Random),
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        let own = Self::ALL.iter().find(|(_, method)| *method == self);
        own.map_or("", |(name, _)| name)
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        let own = Self::ALL.iter().find(|(other, _)| *other == name);
        own.map(|(_, method)| *method)
    }

    /// The name most like a misspelt one, if any is like it.
    pub fn nearest(misspelt: &str) -> Option<&'static str> {
        let likeness = |name: &str| strsim::jaro_winkler(name, misspelt);
        Self::ALL
            .map(|(name, _)| (likeness(name), name))
            .into_iter()
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    }

    /// Whether its codes have an L1 penalty.
    pub fn has_lambda(self) -> bool {
        matches!(self, Self::Nnsc | Self::L1Sae)
    }

    /// Whether another seed gives another dictionary.
    pub fn depends_on_seed(self) -> bool {
        self != Self::Pca
    }
}
