//! The page of a search for the smallest `d`.

use std::path::Path;

use maud::{Markup, html};

use super::certificate;
use super::template::{self, list, section, tables, verbatim};
use crate::figures;
use crate::results::documents::{json, text};
use crate::results::{ReadError, Table};
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
        None => so_far(directory)?,
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

/// How far a search has come that is not over.
fn so_far(directory: &Path) -> Result<Vec<String>, ReadError> {
    let table = Table::read(directory, PATH, SHRINK)?;
    let mut smallest: Vec<(&str, f64)> = Vec::new();
    for (standard, d) in table
        .texts("standard")?
        .into_iter()
        .zip(table.numbers("d")?)
    {
        let d = d.unwrap_or(f64::INFINITY);
        match smallest.iter_mut().find(|(name, _)| *name == standard) {
            Some((_, least)) => *least = least.min(d),
            None => smallest.push((standard, d)),
        }
    }
    let found = smallest.iter().map(|(standard, d)| {
        format!(
            "The smallest d found so far by the criterion {standard} is {d}; W is in {standard}/d={d}."
        )
    });
    let unfinished = "The search is not over; the same command goes on with it.".to_owned();
    Ok(found.chain([unfinished]).collect())
}
