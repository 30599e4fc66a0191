//! A drawn figure and its sizes.

use super::scene;

/// A paper's column, in points.
pub const COLUMN: f64 = 252.0;
/// A paper's page between its margins.
pub const PAGE: f64 = 486.0;

/// A drawn figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// File name without extension.
    pub name: String,
    /// A few words.
    pub title: String,
    /// What is to be seen, with units.
    pub caption: String,
    /// The tables that it was drawn from.
    pub source: String,
    /// The drawing.
    pub scene: scene::Scene,
}
