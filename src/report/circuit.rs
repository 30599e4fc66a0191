//! The section about a run's circuit.

use std::path::Path;

use maud::{Markup, html};

use super::template::list;
use crate::circuit::file::CircuitFile;
use crate::results::ReadError;
use crate::results::layout::CIRCUIT;
use base::escape::visible;
use base::numbers::four_digits;

/// What `circuit.json` says, if the run has one: sentences, and the true edges. The drawing is among the figures.
///
/// # Errors
/// If the file is garbled.
pub fn section(directory: &Path) -> Result<Markup, ReadError> {
    let Some(circuit) = CircuitFile::read(directory)? else {
        return Ok(Markup::default());
    };
    Ok(html! {
        (list(&circuit.sentences()))
        p.note {
            "The true edges. effect: in the compressed model; effect_compiled: the same in the compiled one. signal and \
             interference: root mean square of the length of the part of the message that comes from the features that travel on the edge, \
             and of the part from the sender's other features. " (CIRCUIT) " has the other edges, too."
        }
        .scroll {
            table {
                thead {
                    tr {
                        @for name in ["from", "to", "features"] {
                            th scope="col" { (name) }
                        }
                        @for name in ["effect", "effect_compiled", "signal", "interference"] {
                            th.n scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for edge in circuit.edges.iter().filter(|edge| edge.is_true) {
                        tr {
                            @for text in [&edge.from, &edge.to, &edge.features.join(" ")] {
                                td { (visible(text)) }
                            }
                            @for x in [edge.effect, edge.effect_compiled, edge.signal, edge.interference] {
                                td.n title=(x) { (four_digits(x)) }
                            }
                        }
                        "\n"
                    }
                }
            }
        }
    })
}
