//! Searches for the smallest `d`, side by side: one table of what they found and what is proved of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use base::files::FileError;
use tracr_compress::analysis::Settings;
use tracr_compress::results::ReadError;
use tracr_compress::results::documents::{json, text};
use tracr_compress::results::feature::Verdict;
use tracr_compress::results::layout::{CERTIFICATE, CONFIG, PROJECTION};
use tracr_compress::results::table::write_csv;
use tracr_compress::run::analyzed::analyze;
use tracr_compress::run::finished::Subject;
use tracr_compress::shrink::directory::SETTINGS;
use tracr_compress::shrink::outcome::{Outcome, RESULT};
use tracr_compress::shrink::path::{self, PATH, SHRINK};

use crate::publication::write_ignore;

/// What `.gitignore` says of itself.
const KEEPS: &str = "reproduce searches: of each search what its smallest d needs";
/// The table.
pub const FOUND: &str = "found.csv";
/// The directory of `results/` with the searches, each named after its program.
pub const SEARCHES: &str = "searches";

/// What a search found by one criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The program: the name of the search's directory.
    pub program: String,
    /// `faithful` or `outputs`.
    pub criterion: String,
    /// `D`.
    pub width: usize,
    /// The rank of the visited states in the live features.
    pub rank: usize,
    /// The smallest `d` found.
    pub d: usize,
    /// Updates of all trainings from the search's start to it.
    pub steps: u64,
    /// Seconds of the same.
    pub seconds: f64,
    /// The verdict of its certificate.
    pub verdict: String,
    /// No `W` below this `d` has right outputs.
    pub lower_bound: usize,
    /// Answers that the compiled model does not decide, which the search does not count.
    pub tied: u64,
    /// Classes: the smallest lead of a right one.
    pub gap: Option<f64>,
    /// Numbers: the mean absolute error.
    pub mae: Option<f64>,
    /// Numbers: the largest absolute error.
    pub max_error: Option<f64>,
    /// The lowest cosine of a block's output with the compiled model's.
    pub lowest_cosine: Option<f64>,
    /// Features of its `W` with each verdict of the analysis.
    pub dedicated: usize,
    #[allow(missing_docs)]
    pub shared: usize,
    #[allow(missing_docs)]
    pub superposed: usize,
    #[allow(missing_docs)]
    pub dropped: usize,
    #[allow(missing_docs)]
    pub unused: usize,
}

impl Row {
    /// The number of features with a verdict.
    pub fn features(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Dedicated => self.dedicated,
            Verdict::Shared => self.shared,
            Verdict::Superposed => self.superposed,
            Verdict::Dropped => self.dropped,
            Verdict::Unused => self.unused,
        }
    }
}

/// Reads the searches below a directory and writes their table, with a `.gitignore` that keeps of each search what its smallest
/// `d` needs. Returns the rows.
///
/// # Errors
/// If a search is not over, has no certificate, or a file is garbled.
pub fn gather(directory: &Path) -> Result<Vec<Row>, ReadError> {
    let listed = std::fs::read_dir(directory).map_err(FileError::new("read", directory))?;
    let mut searches: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join(SETTINGS).is_file())
        .collect();
    searches.sort();
    let mut kept = vec![FOUND.to_owned()];
    let mut rows = Vec::new();
    for search in &searches {
        let name = search
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        rows.extend(read(search, &name, &mut kept)?);
    }
    let header = [
        "program",
        "criterion",
        "width",
        "rank",
        "d",
        "steps",
        "seconds",
        "verdict",
        "lower_bound",
        "tied",
        "gap",
        "mae",
        "max_error",
        "lowest_cosine",
        "dedicated",
        "shared",
        "superposed",
        "dropped",
        "unused",
    ];
    write_csv(&directory.join(FOUND), &header, &rows)?;
    write_ignore(directory, &kept, KEEPS)?;
    Ok(rows)
}

/// One search.
fn read(search: &Path, name: &str, kept: &mut Vec<String>) -> Result<Vec<Row>, ReadError> {
    let missing = |path: PathBuf, remedy: String| ReadError::Missing { path, remedy };
    let outcome: Outcome = json(search, RESULT, SHRINK)?.ok_or_else(|| {
        missing(
            search.join(RESULT),
            "the search is not over: its `compress shrink` command goes on".into(),
        )
    })?;
    let way = path::read(search).map_err(|problem| ReadError::Malformed {
        path: search.join(PATH),
        line: 1,
        problem,
        remedy: SHRINK.into(),
    })?;
    kept.extend([SETTINGS, RESULT, PATH].map(|file| format!("{name}/{file}")));
    let (mut steps, mut seconds) = (0, 0.0);
    let mut rows = Vec::new();
    for found in &outcome.found {
        let below = format!("{}/d={}", found.standard, found.d);
        let w = search.join(&below);
        let certificate: Json = json(&w, CERTIFICATE, "`compress certify` writes it again")?
            .ok_or_else(|| {
                missing(
                    w.join(CERTIFICATE),
                    format!("`compress certify {}` writes it", w.display()),
                )
            })?;
        kept.extend([CONFIG, PROJECTION, CERTIFICATE].map(|file| format!("{name}/{below}/{file}")));
        let of_found =
            |row: &&path::Row| row.standard == found.standard && row.descent == found.descent;
        let own = || way.iter().filter(of_found);
        // A second criterion's first descent begins where the first criterion ended, every other one at the start.
        if found.descent > 1 {
            (steps, seconds) = (0, 0.0);
        }
        steps += own().map(|row| row.steps).sum::<u64>();
        seconds += own().map(|row| row.seconds).sum::<f64>();
        let Some(last) = own().next_back() else {
            continue;
        };
        let verdicts = verdicts(&w)?;
        let of = |verdict: Verdict| verdicts.iter().filter(|v| **v == verdict).count();
        rows.push(Row {
            program: name.to_owned(),
            criterion: found.standard.clone(),
            width: outcome.width,
            rank: outcome.rank,
            d: found.d,
            steps,
            seconds,
            verdict: certificate["verdict"].as_str().unwrap_or("").to_owned(),
            lower_bound: certificate["lower_bounds"]["outputs"].as_u64().unwrap_or(1) as usize,
            tied: outcome.tied_answers,
            gap: last.gap,
            mae: last.mae,
            max_error: last.max_error,
            lowest_cosine: last.lowest_cosine,
            dedicated: of(Verdict::Dedicated),
            shared: of(Verdict::Shared),
            superposed: of(Verdict::Superposed),
            dropped: of(Verdict::Dropped),
            unused: of(Verdict::Unused),
        });
    }
    Ok(rows)
}

/// What becomes of each feature in the `W` of a directory, over the inputs of its configuration.
fn verdicts(directory: &Path) -> Result<Vec<Verdict>, ReadError> {
    let found = Subject::load(directory).map_err(|e| ReadError::Malformed {
        path: directory.join(CONFIG),
        line: 1,
        problem: e.to_string(),
        remedy: SHRINK.into(),
    })?;
    let analyzed = analyze(&found.experiment, &found.projection, &Settings::default());
    Ok(analyzed
        .analysis
        .features
        .iter()
        .map(|f| f.verdict)
        .collect())
}

/// The rows of a table that [`gather`] wrote; none if it is not there.
///
/// # Errors
/// If it is garbled.
pub fn load(directory: &Path) -> Result<Vec<Row>, ReadError> {
    let Some(text) = text(directory, FOUND)? else {
        return Ok(Vec::new());
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Result<Vec<Row>, csv::Error> = reader.deserialize().collect();
    rows.map_err(|e| ReadError::Malformed {
        path: directory.join(FOUND),
        line: e.position().map_or(1, csv::Position::line),
        problem: "this row is none of a search".into(),
        remedy: "`reproduce searches` on this directory writes it again".into(),
    })
}
