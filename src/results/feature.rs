//! What became of a feature, in a word; `crate::analysis::verdict` decides it.

use serde::{Deserialize, Serialize};

/// What became of a feature. In alphabetical order, as JSON and tables of many runs have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It has a direction of its own: its dimensionality is near 1.
    Dedicated,
    /// Its norm is small, whether it was of use or not.
    Dropped,
    /// It overlaps most with features that occur together with it or are redundant with it.
    Shared,
    /// It overlaps most with features that do not occur together with it.
    Superposed,
    /// It kept a direction, although it is never active or nothing reads it.
    Unused,
}

impl Verdict {
    /// All of them, in the order of figures and sentences.
    pub const ALL: [Self; 5] = [
        Self::Dedicated,
        Self::Shared,
        Self::Superposed,
        Self::Dropped,
        Self::Unused,
    ];

    /// As in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
            Self::Superposed => "superposed",
            Self::Dropped => "dropped",
            Self::Unused => "unused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_written_by_their_names_and_sorted_by_them() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.name()));
        }
        let mut sorted = Verdict::ALL;
        sorted.sort();
        assert!(sorted.is_sorted_by_key(|verdict| verdict.name()));
    }
}
