//! One page that says what happened in a run or a study: question, answer, figures, tables, worst
//! inputs, configuration, how to do it again. Self-contained: one HTML file without network.

mod findings;
mod run;
mod study;
mod study_answer;
mod template;
mod variants;

use std::path::Path;

use maud::Markup;

use crate::figures::{self, Kind};
use crate::results::ReadError;

/// The page about a run's or a study's directory.
///
/// # Errors
/// If the directory is neither, or one of its files is missing or garbled.
pub fn page(directory: &Path) -> Result<String, ReadError> {
    match figures::kind(directory)? {
        Kind::Run => run::page(directory),
        Kind::Study => study::page(directory),
    }
    .map(Markup::into_string)
}
