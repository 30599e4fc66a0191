//! Cosines of a dictionary's atoms with the targets, in matched order, from `recovery_cosines.csv`.

use super::figure::Figure;
use super::gram::Gram;
use super::heat_map;
use crate::recovery::record::COSINES;
use crate::recovery::scores::directions::RECOVERED;
use crate::results::{ReadError, Table};

/// The heat map.
///
/// # Errors
/// If a column or a pair is missing, or a value is not a number.
pub fn draw(table: &Table) -> Result<Figure, ReadError> {
    let cosines = Gram::read_columns(table, ["target", "matched_target", "cosine"])?;
    let n = cosines.labels.len();
    let recovered = (0..n)
        .filter(|i| cosines.values[i * n + i].is_some_and(|cosine| cosine >= RECOVERED))
        .count();
    let missing = (0..n)
        .filter(|i| cosines.values[i * n + i].is_none())
        .count();
    let caption = format!(
        "|cos| of each target (row) with the atom that is matched with each (column), the larger of those with W and with \
         W~. On the diagonal is what counts: {recovered} of {n} targets have at least {RECOVERED}. White is 0, red 1; grey lines \
         separate variables.{}",
        if missing > 0 {
            " Grey: there are fewer atoms than targets, and none is left for this one."
        } else {
            ""
        }
    );
    Ok(Figure {
        name: "recovery".into(),
        title: "Targets and the atoms that are matched with them".into(),
        caption,
        source: COSINES.into(),
        scene: heat_map::of_shares(&cosines, "|cos| (target, atom)"),
    })
}
