//! What a run's page says of dictionaries that were scored against the run's true features.

use std::path::Path;

use maud::{Markup, html};

use super::template::{self, tables};
use crate::figures;
use crate::recovery::nulls::{NAMES, Named, judges};
use crate::recovery::record::{COSINES, Record, SCORE, TARGETS};
use crate::recovery::scored::{self, Place};
use crate::results::{ReadError, Table};
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

/// Below the table of several dictionaries.
const SEVERAL_NOTE: &str = "In brackets: the same score of as many random rows of the data, which know nothing of the features, a mean over draws.";

/// With more dictionaries than these, a page has one table of all.
const MOST_IN_FULL: usize = 6;

/// The section's content; nothing where no dictionary of the run was scored.
///
/// # Errors
/// If a file is garbled.
pub fn content(directory: &Path) -> Result<Markup, ReadError> {
    let places = scored::places(directory)?;
    Ok(match places.as_slice() {
        [] => Markup::default(),
        [place] => html! {
            (in_full(place, html! { p.note { (SCORES_NOTE) } })?)
        },
        several => html! {
            (side_by_side(several))
            p.note { (SEVERAL_NOTE) " " (SCORES_NOTE) }
            @if several.len() <= MOST_IN_FULL {
                @for place in several {
                    details {
                        summary { (visible(&place.name())) }
                        (in_full(place, Markup::default())?)
                    }
                }
            } @else {
                p { "Target by target: " (TARGETS) " in each of these folders." }
            }
        },
    })
}

/// The scores that judge, a row a dictionary.
fn side_by_side(places: &[Place]) -> Markup {
    let judging: Vec<Named> = NAMES
        .into_iter()
        .filter(|(name, ..)| judges(name))
        .collect();
    html! {
        .scroll {
            table {
                thead {
                    tr {
                        th { "dictionary" } th.n { "atoms" } th.n { "targets" }
                        @for (_, word, _) in &judging {
                            th.n { (word) }
                        }
                    }
                }
                @for place in places {
                    @let Record { atoms, targets, scores, nulls, .. } = &place.record;
                    tr {
                        td { (visible(&place.name())) } td.n { (atoms) } td.n { (targets) }
                        @for (name, _, of) in &judging {
                            td.n { (beside_null(of(scores), nulls.data_rows.get(*name).map(|null| null.mean))) }
                        }
                    }
                    "\n"
                }
            }
        }
    }
}

/// `0.912 (0.70)`.
fn beside_null(score: Option<f64>, null: Option<f64>) -> String {
    let three = |x: f64| format!("{x:.3}");
    let null = null.map_or_else(String::new, |x| format!(" ({x:.2})"));
    score.map_or_else(|| "-".to_owned(), three) + &null
}

/// All that is known of a dictionary's scores, with `note` below their table.
fn in_full(place: &Place, note: Markup) -> Result<Markup, ReadError> {
    let Place {
        directory, record, ..
    } = place;
    let rows = record.table();
    let said = format!(
        "{} has {} atoms for {} targets. Each score stands beside the same score of what knows nothing of the features (the mean and \
         the middle 95 % of {} draws) and of what knows their directions, or all.",
        record.dictionary, record.atoms, record.targets, record.nulls.draws
    );
    // That of the run's own directory is among the run's figures.
    let cosines = match place.dictionary {
        None => None,
        Some(_) => Table::read_if_there(directory, COSINES, SCORE)?,
    };
    let figure = cosines.map(|table| figures::recovery(&table)).transpose()?;
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
        (note)
        @if let Some(figure) = figure {
            (template::figures(&[figure]))
        }
        (tables(directory, &[(TARGETS, "Target by target", NOTE, SCORE)])?)
    })
}
