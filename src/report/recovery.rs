//! What a run's page says of a dictionary that was scored against the run's true features.

use std::path::Path;

use maud::{Markup, html};

use super::template::tables;
use crate::recovery::record::{RECOVERY, Record, SCORE, TARGETS};
use crate::results::ReadError;
use crate::results::documents::json;
use base::escape::visible;

const NOTE: &str = "target: a feature, or several that the data hardly tells apart. share: of the variance of the stream. atom: the \
                    one that is matched with it by direction, and direction: which of its two right directions that is closer to, \
                    the feature's column of W, or W~, the one that the data determines. cosine: without its sign. \
                    activation_atom: the atom that is matched with it by activation; activation_correlation, f1 (code not 0) and \
                    f1_best_threshold are that atom's. causal: the score of the variable that the target belongs to; empty where \
                    exchanging it changes too few outputs.";

/// Below the table of scores.
const SCORES_NOTE: &str = "MCC, the mean correlation coefficient (not Matthews'): the mean, over the targets, of the |cosine| of a target's \
                           direction with the atom that is matched to it, one to one; 0 for a target without one. recovered: the share of \
                           targets for which that is at least 0.9. W~ alone: only the canonical directions count, what the data \
                           determines of W. activation MCC: the mean |correlation| of a target's activation with the codes of the atom \
                           matched to it. causal: a variable's value is exchanged between two inputs along the directions found; how \
                           far the model then does what it does along the true ones, a mean over variables. F1: of a code that is not 0 \
                           (or beyond the best threshold) as a detector of the target, over targets that are active at some positions and \
                           not at others. W, NNLS codes: the true directions, with the non-negative codes that rebuild the stream best. \
                           truth: with the true activations.";

/// The section's content; nothing where no dictionary was scored into the run's directory.
///
/// # Errors
/// If a file is garbled.
pub fn content(directory: &Path) -> Result<Markup, ReadError> {
    let Some(record) = json::<Record>(directory, RECOVERY, SCORE)? else {
        return Ok(Markup::default());
    };
    let rows = record.table();
    let said = format!(
        "{} has {} atoms for {} targets. Each score stands beside the same score of what knows nothing of the features (the mean and \
         the middle 95 % of {} draws) and of what knows their directions, or all.",
        record.dictionary, record.atoms, record.targets, record.nulls.draws
    );
    Ok(html! {
        p { (visible(&record.sentence())) }
        p { (visible(&said)) }
        .scroll {
            table {
                @for (number, row) in rows.iter().enumerate() {
                    tr {
                        @for (column, cell) in row.iter().enumerate() {
                            @if number == 0 || column == 0 {
                                th { (visible(cell)) }
                            } @else {
                                td.n { (visible(cell)) }
                            }
                        }
                    }
                    "\n"
                }
            }
        }
        p.note { (SCORES_NOTE) }
        (tables(directory, &[(TARGETS, "Target by target", NOTE, SCORE)])?)
    })
}
