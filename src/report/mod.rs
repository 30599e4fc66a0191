//! One page that says what happened in a run, a study or a search for the smallest `d`: question, answer, figures, tables, worst
//! inputs, configuration, how to do it again. Self-contained: one HTML file without network.

mod certificate;
mod circuit;
mod findings;
mod glossary;
mod recovery;
mod recovery_study;
mod run;
mod shrink;
mod study;
mod study_answer;
mod template;
mod variants;

use std::path::Path;

use maud::Markup;

use crate::figures::{self, Kind};
use crate::results::ReadError;

/// The page about the directory of a run, a study or a search.
///
/// # Errors
/// If the directory is none of them, or one of its files is missing or garbled.
pub fn page(directory: &Path) -> Result<String, ReadError> {
    match figures::kind(directory)? {
        Kind::Run => run::page(directory),
        Kind::Study => study::page(directory),
        Kind::Shrink => shrink::page(directory),
    }
    .map(Markup::into_string)
}
