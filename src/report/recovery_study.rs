//! What a study's page says of the dictionaries that were looked for in its runs.

use std::path::Path;

use maud::{Markup, html};

use crate::results::ReadError;
use crate::results::recovery_lines::{NOTE, WORDS, table};
use crate::results::recovery_scores::RecoveryRow;
use base::escape::visible;

const SCORES: &str = "Which of the true features dictionary learning finds in the compressed streams. MCC: the mean |cos| of targets with the \
                      atoms that are matched with them; recovered: the share of at least 0.9; activation MCC: the mean correlation of their \
                      codes with the true activations; causal: whether an exchange along the atoms does what one along the features does. \
                      EV, L0: the share of the variance that is explained, and codes a row; neither says whether the features were found.";

/// The section's content; nothing where no dictionary was looked for.
///
/// # Errors
/// If the table is garbled.
pub fn content(directory: &Path) -> Result<Markup, ReadError> {
    let Some(rows) = RecoveryRow::read(directory)? else {
        return Ok(Markup::default());
    };
    let lines = table(&rows);
    Ok(html! {
        p { (SCORES) }
        p { (NOTE) }
        .scroll {
            table {
                @for (number, line) in lines.iter().enumerate() {
                    tr {
                        @for (column, cell) in line.iter().enumerate() {
                            @if number == 0 {
                                th { (visible(cell)) }
                            } @else if column < WORDS {
                                td { (visible(cell)) }
                            } @else {
                                td.n { (visible(cell)) }
                            }
                        }
                    }
                    "\n"
                }
            }
        }
    })
}
