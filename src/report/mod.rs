//! One page that says what happened in a run or a study: question, answer, figures, tables, worst
//! inputs, configuration, how to do it again. Self-contained: one HTML file without network.

mod findings;
pub mod html;
mod run;
mod study;
mod study_answer;
mod variants;

use std::path::Path;

use crate::figures::table::FigureError;
use crate::figures::{self, Kind};
use base::files;
use base::numbers::count;

/// Larger text files are none of this program's.
const MAX_BYTES: u64 = base::limits::PAGE_TEXT_BYTES;

/// The page about a run's or a study's directory.
///
/// # Errors
/// If the directory is neither, or one of its files is missing or garbled.
pub fn page(directory: &Path) -> Result<String, FigureError> {
    match figures::kind(directory)? {
        Kind::Run => run::page(directory),
        Kind::Study => study::page(directory),
    }
}

/// A text file of the directory, if it is there.
fn text(directory: &Path, name: &str) -> Result<Option<String>, FigureError> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(files::read_text(&path, MAX_BYTES)?))
}

/// A JSON file of the directory, if it is there.
pub fn json(
    directory: &Path,
    name: &str,
    remedy: &str,
) -> Result<Option<serde_json::Value>, FigureError> {
    let Some(text) = text(directory, name)? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| FigureError::Malformed {
            path: directory.join(name),
            line: e.line() as u64,
            problem: format!("this is not the JSON that was written: {e}"),
            remedy: remedy.to_owned(),
        })
}

fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.001 {
        "less than 0.1 %".into()
    } else if x < 1.0 && x > 0.999 {
        "more than 99.9 %".into()
    } else {
        format!("{} %", html::number((x * 1000.0).round() / 10.0))
    }
}
