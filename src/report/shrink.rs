//! The page of a search for the smallest `d`.

use std::path::Path;

use maud::{Markup, html};

use super::certificate;
use super::template::{self, list, section, tables, verbatim};
use crate::figures;
use crate::results::ReadError;
use crate::results::documents::{json, text};
use crate::shrink::directory::SETTINGS;
use crate::shrink::outcome::{Outcome, RESULT};
use crate::shrink::path::{PATH, SHRINK};
use base::escape::visible;

const NOTE: &str = "A row for the start of each descent and for every accepted drop. dropped: dimensions fewer than in the row before. try: the \
                    training that succeeded, of those made for this drop; targets, learning_rate and layer_weight are its \
                    own. steps: updates of all of them, total_steps: from the start on. gap: the smallest lead of a right \
                    class over every other one. lowest_cosine: of a block's output with the compiled model's, of the block \
                    where it is lowest.";

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<Markup, ReadError> {
    let figures = figures::of_shrink(directory)?;
    let outcome: Option<Outcome> = json(directory, RESULT, SHRINK)?;
    let answer = match &outcome {
        Some(outcome) => outcome.sentences(),
        None => vec![
            "The search is not over: what follows is how far it has come. The same command goes on.".into(),
        ],
    };
    let settings = text(directory, SETTINGS)?.unwrap_or_default();
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let title = format!("The smallest d: {name}");
    Ok(template::page(
        &title,
        html! {
            h1 { (visible(&title)) } "\n"
            (section("Answer", list(&answer)))
            @for found in outcome.iter().flat_map(|outcome| &outcome.found) {
                (section(
                    &format!("Certificate: {}, d = {}", found.standard, found.d),
                    certificate::of(&directory.join(&found.standard).join(format!("d={}", found.d)))?,
                ))
            }
            (section("Figures", template::figures(&figures)))
            (section("Tables", tables(directory, &[(PATH, "The way down", NOTE, SHRINK)])?))
            (section("Settings", verbatim(&settings)))
            (section("Do it again", html! {
                p { "With the model where " code { (SETTINGS) } " says:" }
                (verbatim(&format!("compress shrink {SETTINGS} --output NEW")))
            }))
        },
        Markup::default(),
    ))
}
