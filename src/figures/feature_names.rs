//! The names of features along a side of cells.

use super::axis::SMALL;
use super::gram::groups;
use super::scene::Paint;
use super::text;

/// Longer labels are shortened, in points.
const LABEL_ROOM: f64 = 84.0;
/// A cell that is smaller has no room for its feature's name; its variable is named instead.
pub const SMALLEST_NAMED: f64 = 6.4;
/// Lines around cells and between variables.
pub const GREY: Paint = Paint::Rgb(0x88, 0x88, 0x88);

/// The names along a side, each with the middle of its cells.
pub struct Names {
    pub size: f64,
    pub at: Vec<(f64, String)>,
}

impl Names {
    /// Features, or variables where cells are small; those that would cover the one before are left out.
    pub fn of(labels: &[String], cell: f64) -> Self {
        if cell >= SMALLEST_NAMED {
            let named = labels.iter().enumerate();
            let named = named.map(|(i, label)| ((i as f64 + 0.5) * cell, label.clone()));
            return Self::shortened(named, (cell * 0.86).min(SMALL));
        }
        let size = 6.0;
        let mut free = f64::NEG_INFINITY;
        let mut kept = Vec::new();
        for (name, first, count) in groups(labels) {
            let middle = (first as f64 + count as f64 / 2.0) * cell;
            if middle >= free {
                let count = if count > 1 {
                    format!(" ({count})")
                } else {
                    String::new()
                };
                kept.push((middle, format!("{name}{count}")));
                free = middle + size + 1.0;
            }
        }
        Self::shortened(kept.into_iter(), size)
    }

    fn shortened(names: impl Iterator<Item = (f64, String)>, size: f64) -> Self {
        let short = names.map(|(at, name)| (at, text::shorten(&name, size, LABEL_ROOM)));
        Self {
            size,
            at: short.collect(),
        }
    }

    /// How much room they take beside the cells or below them.
    pub fn room(&self) -> f64 {
        text::widest(self.at.iter().map(|(_, name)| name), self.size) + 5.0
    }
}
