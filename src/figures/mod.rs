//! Figures of a run or a study, from its CSV files alone: what is drawn stands in the tables.
//!
//! [`of_run`] and [`of_study`] read the tables and lay out scenes; [`svg`], [`pdf`] and [`png`] write
//! them. Sizes fit papers: 252 points (3.5 inch) are a column, 486 points a page.

pub mod activations;
mod axis;
pub mod bars;
mod by_setting;
mod by_width;
pub mod circuit;
mod circuit_scores;
pub mod colour;
mod colour_bar;
mod colour_scale;
pub mod critical;
pub mod curves;
pub mod diagnostics;
mod feature_names;
mod figure;
pub mod gram;
pub mod heat_map;
pub mod pdf;
pub mod png;
mod recovery;
mod recovery_study;
pub mod scene;
mod series;
mod shrink;
pub mod study;
mod study_analysis;
pub mod svg;
mod text;

use std::path::Path;

use crate::config::Method;
use crate::recovery::record::{COSINES, SCORE};
use crate::results::group::by_key;
use crate::results::layout::{
    ANALYZE_RUN, DIAGNOSTICS, FEATURES, GRAM, LAYERS, MEDIAN, METRICS, RUNS, STUDY_METRICS, TRAIN,
    is_accepted_w,
};
use crate::results::statistics::middle;
use crate::results::study::StudyRun;
use crate::results::{ReadError, Study, Table};
use crate::shrink::path::{PATH, SHRINK};

use base::files::FileError;

pub use figure::{COLUMN, Figure, PAGE};

/// What a directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Run,
    Study,
    Shrink,
}

/// Whether a directory is a run's, a study's or that of a search for the smallest `d`, by its tables.
///
/// # Errors
/// If it is none.
pub fn kind(directory: &Path) -> Result<Kind, ReadError> {
    std::fs::metadata(directory).map_err(FileError::new("read", directory))?;
    let has = |name: &str| directory.join(name).is_file();
    if has(PATH) {
        Ok(Kind::Shrink)
    } else if has(METRICS) || is_accepted_w(directory) {
        Ok(Kind::Run)
    } else if has(RUNS) || has(STUDY_METRICS) {
        Ok(Kind::Study)
    } else {
        Err(ReadError::NoResults(directory.to_owned()))
    }
}

/// All figures of a run, or of a `W` that `compress shrink` accepted and that was analysed. Of a run `gram.csv` and the analysis are there only when it is over: until
/// then, and for one that diverged, the training curves.
///
/// # Errors
/// If a table is missing or garbled.
pub fn of_run(directory: &Path) -> Result<Vec<Figure>, ReadError> {
    let alone = is_accepted_w(directory);
    let mut figures = Vec::new();
    if !alone {
        figures.push(curves::draw(&Table::read(directory, METRICS, TRAIN)?)?);
    }
    if let Some(table) = Table::read_if_there(directory, DIAGNOSTICS, TRAIN)? {
        figures.extend(diagnostics::draw(&table)?);
    }
    figures.extend(circuit::of_directory(directory)?);
    let parts = [GRAM, FEATURES, LAYERS];
    if !alone && !parts.iter().any(|name| directory.join(name).exists()) {
        return Ok(figures);
    }
    let remedy = if alone { ANALYZE_RUN } else { TRAIN };
    let gram = gram::Gram::read(&Table::read(directory, GRAM, remedy)?)?;
    figures.push(heat_map::draw(&gram));
    figures.extend(heat_map::cosines(&gram));
    figures.push(bars::features(&Table::read(
        directory,
        FEATURES,
        ANALYZE_RUN,
    )?)?);
    figures.push(bars::layers(&Table::read(directory, LAYERS, ANALYZE_RUN)?)?);
    if let Some(table) = Table::read_if_there(directory, COSINES, SCORE)? {
        figures.push(recovery::draw(&table)?);
    }
    Ok(figures)
}

/// The figure of a dictionary's scores.
///
/// # Errors
/// If its table is garbled.
pub fn recovery(cosines: &Table) -> Result<Figure, ReadError> {
    recovery::draw(cosines)
}

/// The figure of a study whose circuits were judged.
///
/// # Errors
/// If its table is garbled.
pub fn circuit_scores(directory: &Path) -> Result<Option<Figure>, ReadError> {
    circuit_scores::of_study(directory)
}

/// The scores of a study's dictionaries against `d`: a figure for each series of runs that has at least `at_least` values of `d`.
///
/// # Errors
/// If a table is missing or garbled.
pub fn dictionaries(directory: &Path, at_least: usize) -> Result<Vec<Figure>, ReadError> {
    recovery_study::draw(directory, &Study::read(directory)?, at_least)
}

/// The figure of a search for the smallest `d`.
///
/// # Errors
/// If its table is garbled.
pub fn of_shrink(directory: &Path) -> Result<Vec<Figure>, ReadError> {
    shrink::draw(&Table::read(directory, PATH, SHRINK)?)
}

/// How many small heat maps a figure has at most.
const MOST_MAPS: usize = 12;

/// All figures of a study.
///
/// # Errors
/// If a table is missing or garbled.
pub fn of_study(directory: &Path) -> Result<Vec<Figure>, ReadError> {
    let study = Study::read(directory)?;
    let mut figures = study::draw(&study);
    figures.extend(study_analysis::verdicts(directory, &study)?);
    figures.extend(study_analysis::agreement(directory, &study)?);
    figures.extend(circuit_scores(directory)?);
    figures.extend(recovery_study::draw(directory, &study, 2)?);
    let (chosen, what) = choose(&study.runs);
    let mut grams = Vec::new();
    for (title, run) in chosen {
        // Of a published study, the runs with the median loss are what is left.
        for place in [directory.to_owned(), directory.join(MEDIAN)] {
            let directory = place.join(&run.directory);
            if let Some(table) = Table::read_if_there(&directory, GRAM, TRAIN)? {
                grams.push((title, gram::Gram::read(&table)?));
                break;
            }
        }
    }
    figures.extend(heat_map::multiples(&grams, &what));
    Ok(figures)
}

/// Of each width of the first series (trained runs, where a study has any), the run with the median
/// loss. Where there is one width, that of each series; the seeds in turn, where there is one series.
fn choose(runs: &[StudyRun]) -> (Vec<(String, &StudyRun)>, String) {
    let train = Method::Train.name();
    let trained = |run: &&StudyRun| run.series.split(", ").next() == Some(train);
    let Some(first) = runs.iter().find(trained).or(runs.first()) else {
        return (Vec::new(), String::new());
    };
    let with_loss: Vec<&StudyRun> = runs.iter().filter(|run| run.loss().is_some()).collect();
    let by_series = by_key(with_loss.iter().map(|run| (run.series.as_str(), *run)));
    let of_first = by_series.iter().find(|(name, _)| *name == first.series);
    let of_first = of_first.map_or(Vec::new(), |(_, runs)| runs.clone());
    let mut by_width = by_key(of_first.iter().map(|run| (run.d, *run)));
    by_width.sort_by_key(|(d, _)| *d);
    if by_width.len() > 1 {
        let chosen = by_width
            .into_iter()
            .take(MOST_MAPS)
            .filter_map(|(d, runs)| titled(format!("d = {d}"), median_loss(runs)?));
        let what = format!(
            "for each d the run with the median loss, of an even number the better of the two in the middle ({})",
            first.series
        );
        return (chosen.collect(), what);
    }
    if by_series.len() > 1 {
        let chosen = by_series
            .into_iter()
            .take(MOST_MAPS)
            .filter_map(|(name, runs)| titled(name.to_owned(), median_loss(runs)?));
        let what = "for each setting the run with the median loss, of an even number the better of the two in the middle";
        return (chosen.collect(), what.into());
    }
    let runs = of_first.into_iter().take(MOST_MAPS);
    let chosen = runs
        .map(|run| (format!("seed {}", run.seed), run))
        .collect();
    (chosen, format!("by seed ({})", first.series))
}

/// The run in the middle by its loss, the better one of two.
fn median_loss(runs: Vec<&StudyRun>) -> Option<&StudyRun> {
    middle(runs, |run| run.loss().unwrap_or(f64::MAX))
}

/// A run with what its map is called.
fn titled(what: String, run: &StudyRun) -> Option<(String, &StudyRun)> {
    let seed = if run.seed.is_empty() {
        String::new()
    } else {
        format!(", seed {}", run.seed)
    };
    Some((format!("{what}{seed}"), run))
}
