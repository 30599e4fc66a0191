//! What hinders training, from `diagnostics.csv`.

use super::curves::{Stacked, stacked};
use super::figure::Figure;
use crate::results::layout::DIAGNOSTICS;
use crate::results::{ReadError, Table};

/// More curves in a panel cannot be told apart.
const MOST_CURVES: usize = 6;

/// Quantity, title of its axis, logarithmic.
const PANELS: [(&str, &str, bool); 6] = [
    ("loss", "loss term", true),
    ("gradient_norm", "length of gradient", true),
    ("distance", "attention elsewhere", false),
    ("entropy", "attention entropy (nats)", false),
    ("wrong_units", "hidden units wrong", false),
    ("cosine", "cosine of features", false),
];

/// Panels of the quantities that are there, over the steps; none if there is none.
///
/// # Errors
/// If a column is missing or a cell is not a number.
pub fn draw(table: &Table) -> Result<Option<Figure>, ReadError> {
    let (steps, values) = (table.numbers("step")?, table.numbers("value")?);
    let (subjects, quantities) = (table.texts("subject")?, table.texts("quantity")?);
    let mut hidden = 0;
    let mut panels = Vec::new();
    for (quantity, title, logarithmic) in PANELS {
        let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        for row in (0..steps.len()).filter(|&row| quantities[row] == quantity) {
            let (Some(step), Some(value)) = (steps[row], values[row]) else {
                continue;
            };
            match curves.iter_mut().find(|(name, _)| name == subjects[row]) {
                Some((_, points)) => points.push((step, value)),
                None => curves.push((subjects[row].to_owned(), vec![(step, value)])),
            }
        }
        let mut panel = Stacked::new(title, curves, logarithmic);
        hidden += panel.curves.len().saturating_sub(MOST_CURVES);
        panel.curves.truncate(MOST_CURVES);
        panels.push(panel);
    }
    let Some(scene) = stacked(&panels, &steps) else {
        return Ok(None);
    };
    let mut caption = "What hinders training: each term of the loss and the length of its gradient, the \
                       share of a head's attention that looks elsewhere than in the compiled model and its \
                       entropy, how often a hidden unit fires wrongly, and the cosine of the directions of \
                       features that blocks read and write."
        .to_owned();
    if hidden > 0 {
        caption += &format!(" {hidden} more curves are in the table, not in the figure.");
    }
    Ok(Some(Figure {
        name: "diagnostics".into(),
        title: "Diagnostics of training".into(),
        caption,
        source: DIAGNOSTICS.into(),
        scene,
    }))
}
