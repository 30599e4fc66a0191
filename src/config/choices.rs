//! The words that some keys of a run file choose from.

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
        [Self::Train, Self::Pca, Self::Random, Self::Subset]
            .into_iter()
            .find(|method| method.name() == name)
    }

    /// Whether a run with this method depends on a key of the training, of the number of matrices or of
    /// their start. A baseline is one matrix, whatever reads or writes.
    pub fn depends_on(self, key: &str) -> bool {
        match self {
            Self::Train => true,
            Self::Random if key == "training.seed" => true,
            _ => {
                let trained = ["init", "init_std", "init_matrices", "tied", "per_layer"];
                let own = key.strip_prefix("compression.");
                !key.starts_with("training.") && !own.is_some_and(|key| trained.contains(&key))
            }
        }
    }
}

/// How several `W` start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitMatrices {
    /// As copies of one.
    #[default]
    Equal,
    /// Drawn one after the other.
    Independent,
}

/// What the initial `W` of training is; `compression.init_std` scales it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Independent normal entries.
    #[default]
    Normal,
    /// Random orthogonal rows.
    Orthonormal,
    /// The principal directions of the compiled residual stream.
    Pca,
    /// The best subset of features.
    Subset,
}

impl Init {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "normal" => Some(Self::Normal),
            "orthonormal" => Some(Self::Orthonormal),
            "pca" => Some(Self::Pca),
            "subset" => Some(Self::Subset),
            _ => None,
        }
    }
}
