//! Scores of edges that need no truth: what a method for finding circuits gives.

use super::attribution::STEPS;
use super::effects::{Exchanges, Mean};

/// A method that scores edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The exact effect of exchanging each edge ([`Exchanges::effects`]).
    Patching,
    /// Edge attribution patching ([`Exchanges::attribute`]).
    Eap,
    /// Its integrated form.
    EapIg,
}

impl Baseline {
    /// All, the exact one first.
    pub const ALL: [Self; 3] = [Self::Patching, Self::Eap, Self::EapIg];

    /// `patching`, `eap` or `eap_ig`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patching => "patching",
            Self::Eap => "eap",
            Self::EapIg => "eap_ig",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The score of every edge, in the graph's order.
    pub fn scores(self, exchanges: &Exchanges<'_>) -> Vec<f64> {
        let scores = match self {
            Self::Patching => exchanges.effects(&vec![true; exchanges.network.graph.edges.len()]),
            Self::Eap => exchanges.attribute(1),
            Self::EapIg => exchanges.attribute(STEPS),
        };
        scores.iter().map(Mean::mean).collect()
    }
}
