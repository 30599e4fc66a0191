//! Figures of a run or a study, from its CSV files alone: what is drawn stands in the tables.
//!
//! [`of_run`] and [`of_study`] read the tables and lay out scenes; [`svg`] and [`png`] write
//! them. Sizes fit papers: 252 points (3.5 inch) are a column, 486 points a page.

mod axis;
pub mod bars;
mod by_setting;
mod by_width;
pub mod colour;
mod colour_bar;
mod colour_scale;
pub mod critical;
pub mod curves;
pub mod diagnostics;
mod figure;
pub mod gram;
pub mod heat_map;
pub mod png;
pub mod scene;
mod series;
pub mod study;
mod study_analysis;
pub mod svg;
pub mod table;
mod text;

use std::path::Path;

use crate::analysis::across::middle;

pub use figure::{COLUMN, Figure, MEDIAN, PAGE};
pub use table::{FigureError, Table};

const TRAIN: &str = "training wrote it: run again with `--force`";
const ANALYZE: &str = "`compress analyze DIR` rebuilds it from the run";

/// What a directory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Run,
    Study,
}

/// Whether a directory is a run's or a study's, by its tables.
///
/// # Errors
/// If it is neither.
pub fn kind(directory: &Path) -> Result<Kind, FigureError> {
    let has = |name: &str| directory.join(name).is_file();
    if has("metrics.csv") {
        Ok(Kind::Run)
    } else if has("runs.csv") || has("study_metrics.csv") {
        Ok(Kind::Study)
    } else {
        Err(FigureError::NoResults(directory.to_owned()))
    }
}

/// All figures of a run, of which `gram.csv` and the analysis are there only when it is over: until
/// then, and for one that diverged, the training curves.
///
/// # Errors
/// If a table is missing or garbled.
pub fn of_run(directory: &Path) -> Result<Vec<Figure>, FigureError> {
    let mut figures = vec![curves::draw(&Table::read(
        directory,
        "metrics.csv",
        TRAIN,
    )?)?];
    if let Some(table) = Table::read_if_there(directory, "diagnostics.csv", TRAIN)? {
        figures.extend(diagnostics::draw(&table)?);
    }
    let parts = ["gram.csv", "features.csv", "layers.csv"];
    if !parts.iter().any(|name| directory.join(name).exists()) {
        return Ok(figures);
    }
    let gram = gram::Gram::read(&Table::read(directory, "gram.csv", TRAIN)?)?;
    figures.push(heat_map::draw(&gram));
    figures.push(bars::features(&Table::read(
        directory,
        "features.csv",
        ANALYZE,
    )?)?);
    figures.push(bars::layers(&Table::read(
        directory,
        "layers.csv",
        ANALYZE,
    )?)?);
    Ok(figures)
}

/// How many small heat maps a figure has at most.
const MOST_MAPS: usize = 12;

/// All figures of a study.
///
/// # Errors
/// If a table is missing or garbled.
pub fn of_study(directory: &Path) -> Result<Vec<Figure>, FigureError> {
    let study = study::read(directory)?;
    let mut figures = study.draw();
    figures.extend(study_analysis::verdicts(directory, &study)?);
    figures.extend(study_analysis::agreement(directory, &study)?);
    let (chosen, what) = choose(&study.members);
    let mut grams = Vec::new();
    for (title, member) in chosen {
        // Of a published study, the runs with the median loss are what is left.
        for place in [directory.to_owned(), directory.join(MEDIAN)] {
            let run = place.join(&member.directory);
            if let Some(table) = Table::read_if_there(&run, "gram.csv", TRAIN)? {
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
fn choose(members: &[study::Member]) -> (Vec<(String, &study::Member)>, String) {
    let trained = |m: &&study::Member| m.series == "train" || m.series.starts_with("train,");
    let Some(first) = members.iter().find(trained).or(members.first()) else {
        return (Vec::new(), String::new());
    };
    let series: Vec<&study::Member> = members
        .iter()
        .filter(|m| m.series == first.series && m.loss.is_some())
        .collect();
    let mut widths: Vec<f64> = series.iter().map(|m| m.d).collect();
    widths.sort_by(f64::total_cmp);
    widths.dedup();
    if widths.len() > 1 {
        let chosen = widths.iter().take(MOST_MAPS).filter_map(|d| {
            let runs = series.iter().copied().filter(|m| m.d == *d).collect();
            titled(format!("d = {d}"), median_loss(runs)?)
        });
        let what = format!(
            "for each d the run with the median loss, of an even number the better of the two in the middle ({})",
            first.series
        );
        return (chosen.collect(), what);
    }
    let mut names: Vec<&str> = Vec::new();
    for member in members.iter().filter(|m| m.loss.is_some()) {
        if !names.contains(&member.series.as_str()) {
            names.push(&member.series);
        }
    }
    if names.len() > 1 {
        let chosen = names.into_iter().take(MOST_MAPS).filter_map(|name| {
            let runs = members
                .iter()
                .filter(|m| m.series == name && m.loss.is_some());
            titled(name.to_owned(), median_loss(runs.collect())?)
        });
        let what = "for each setting the run with the median loss, of an even number the better of the two in the middle";
        return (chosen.collect(), what.into());
    }
    let runs = series.into_iter().take(MOST_MAPS);
    let chosen = runs.map(|m| (format!("seed {}", m.seed), m)).collect();
    (chosen, format!("by seed ({})", first.series))
}

/// The run in the middle by its loss, the better one of two.
fn median_loss(runs: Vec<&study::Member>) -> Option<&study::Member> {
    middle(runs, |m| m.loss.unwrap_or(f64::MAX))
}

/// A run with what its map is called.
fn titled(what: String, member: &study::Member) -> Option<(String, &study::Member)> {
    let seed = if member.seed.is_empty() {
        String::new()
    } else {
        format!(", seed {}", member.seed)
    };
    Some((format!("{what}{seed}"), member))
}
