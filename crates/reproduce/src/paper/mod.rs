//! The published studies beside the paper: `REPORT.md`, made from their tables alone.
//!
//! - `claims`: what the paper states, judged by stated criteria.
//! - `silent`: what it does not say, and what each choice changes.
//! - `beyond`, `programs`, `continuation`, `circuits`, `dictionaries`: what it leaves open.
//! - `study` reads, `estimate` judges, `writer` writes.
//!
//! No result stands in the program's text: every number in the document is computed from a table, and
//! stands in `REPORT.csv`, too. What the paper says, and what would be the same, is the program's.

mod beyond;
mod circuits;
mod claims;
mod continuation;
mod dictionaries;
mod estimate;
mod programs;
mod silent;
mod study;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::Path;

use self::writer::{COLUMNS, Writer};
use base::files::FileError;
use tracr_compress::results::ReadError;

/// The document's name in the directory of results.
pub const REPORT: &str = "REPORT.md";
/// The table of its figures.
pub const FIGURES: &str = "REPORT.csv";

/// The document, the table of its figures, and its drawings: SVG files' names and contents.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Document {
    pub markdown: String,
    pub csv: Vec<u8>,
    pub drawings: Vec<(String, String)>,
}

impl Document {
    /// Every file's name and content.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let texts = [(REPORT, self.markdown.as_bytes()), (FIGURES, &self.csv)];
        let drawings = self.drawings.iter();
        let drawings = drawings.map(|(name, svg)| (name.as_str(), svg.as_bytes()));
        texts.into_iter().chain(drawings)
    }
}

/// Compares the studies below `results` with the paper.
///
/// # Errors
/// If a table is garbled.
pub fn compare(results: &Path) -> Result<Document, ReadError> {
    let mut writer = Writer::new(results);
    claims::write(&mut writer)?;
    let claims = std::mem::take(&mut writer.text);
    silent::write(&mut writer)?;
    let silent = std::mem::take(&mut writer.text);
    beyond::write(&mut writer)?;
    let beyond = std::mem::take(&mut writer.text);
    let header = ["", "the paper", "here", "verdict"].map(str::to_owned);
    let verdicts = [header]
        .into_iter()
        .chain(std::mem::take(&mut writer.verdicts));
    let verdicts: Vec<[String; 4]> = verdicts.collect();
    writer.table(&verdicts);
    let markdown = format!(
        "{INTRODUCTION}{}{CLAIMS}{claims}{SILENT}{silent}{BEYOND}{beyond}",
        writer.text
    );
    let csv = table(&writer.rows).map_err(|e| {
        let path = results.join(FIGURES);
        FileError::new("write", &path)(io::Error::other(e.to_string()))
    })?;
    Ok(Document {
        markdown,
        csv,
        drawings: writer.figures,
    })
}

fn table(rows: &[[String; 10]]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer
        .into_inner()
        .map_err(|e| io::Error::other(e.to_string()).into())
}

const INTRODUCTION: &str = "\
# The paper's section 5, reproduced

Written by `reproduce paper` from the tables in this directory; change nothing here by hand. `scripts/reproduce.sh`
runs every study, publishes it and writes this page. Numbers are medians over the seeds, in brackets the 95 %
percentile-bootstrap interval of the median (2000 resamples); `REPORT.csv` has each of them in full. `> 8` stands for a
width that is larger than the largest tried, 8.

A statement **holds** if all its criteria are met, **holds partly** if some are, and **does not hold** if none is. The
criteria are this project's: the paper gives few numbers.
";
const CLAIMS: &str = "\n## What the paper states\n";
const SILENT: &str = "\n## Where the paper is silent\n";
const BEYOND: &str = "\n## Beyond the paper\n";
