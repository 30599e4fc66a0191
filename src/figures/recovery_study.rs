//! The scores of a study's dictionaries against `d`, from `recovery_scores.csv`: a panel a score, a line a method, between
//! the null and the ceiling.

use std::collections::HashMap;
use std::path::Path;

use super::axis::Style;
use super::by_width::{Band, against_width_beside};
use super::figure::Figure;
use super::scene::Paint;
use super::series::Plot;
use crate::results::group::by_key;
use crate::results::layout::RECOVERY_SCORES;
use crate::results::recovery_lines::{Line, Who, lines};
use crate::results::recovery_scores::{RecoveryRow, Score};
use crate::results::statistics::{median, median_interval};
use crate::results::{ReadError, Series, Study};

const CAPTION: &str = "Scores of dictionaries against the width d of the residual stream. Each point is a run, with the median over the \
                       method's seeds (methods are offset horizontally); lines join the medians over runs, and bars are the 95 % \
                       interval of the median (percentile bootstrap over runs; a single run has none). Grey: what knows nothing, as \
                       many rows of the data as there are targets: the median over runs of the mean over 20 draws, and the band from the \
                       median of the 2.5 % to that of the 97.5 % quantile of the draws. Black: the true W with non-negative \
                       least-squares codes, with the interval of its median over runs.";

/// A figure for each series of runs with at least `at_least` values of `d`; no figure if no dictionaries were looked for.
///
/// # Errors
/// If the table is garbled.
pub fn draw(directory: &Path, study: &Study, at_least: usize) -> Result<Vec<Figure>, ReadError> {
    let Some(rows) = RecoveryRow::read(directory)? else {
        return Ok(Vec::new());
    };
    let runs = study.runs.iter();
    let series: HashMap<&str, &str> = runs
        .map(|run| (run.directory.as_str(), run.series.as_str()))
        .collect();
    let named = rows.iter().map(|row| {
        let series = series.get(row.run.as_str()).copied().unwrap_or_default();
        ((row.program.as_str(), series, row.site, row.bos), row)
    });
    let mut figures = Vec::new();
    for ((program, series, ..), rows) in by_key(named) {
        if by_key(rows.iter().map(|row| (row.d, ()))).len() < at_least {
            continue;
        }
        let title = if series.contains(program) {
            format!("Dictionaries against the width d: {series}")
        } else {
            format!("Dictionaries against the width d: {program}, {series}")
        };
        let name = match figures.len() {
            0 => "recovery_by_d".to_owned(),
            n => format!("recovery_by_d_{}", n + 1),
        };
        figures.extend(of_series(&name, &title, &rows));
    }
    Ok(figures)
}

/// The figure of comparable runs.
fn of_series(name: &str, title: &str, rows: &[&RecoveryRow]) -> Vec<Figure> {
    let mut by_width = by_key(rows.iter().map(|row| (row.d, *row)));
    by_width.sort_by_key(|(d, _)| *d);
    let lines: Vec<(f64, Vec<Line<'_>>)> = by_width
        .iter()
        .map(|(d, rows)| (*d as f64, lines(rows)))
        .collect();
    let panels: Vec<(Score, Vec<(String, Series)>)> = Score::ALL
        .into_iter()
        .map(|score| (score, methods(&lines, score)))
        .filter(|(_, series)| !series.is_empty())
        .collect();
    let plots: Vec<Plot<'_>> = panels
        .iter()
        .map(|(score, series)| (score.title(), false, series.as_slice()))
        .collect();
    let bands: Vec<Vec<Band>> = panels
        .iter()
        .map(|(score, _)| bands(&lines, *score))
        .collect();
    against_width_beside((name, title), CAPTION, RECOVERY_SCORES, &plots, &bands)
}

/// A score of the methods, a value a run.
fn methods(by_width: &[(f64, Vec<Line<'_>>)], score: Score) -> Vec<(String, Series)> {
    let points = by_width.iter().flat_map(|(d, lines)| {
        let of_method = |line: &&Line<'_>| matches!(line.who, Who::Method(_));
        lines.iter().filter(of_method).flat_map(move |line| {
            let values = line.values(score).into_iter();
            values.map(move |value| (line.who.name().to_owned(), (*d, value)))
        })
    });
    let series = |(name, points)| {
        let no_sample = false;
        (name, Series { points, no_sample })
    };
    by_key(points).into_iter().map(series).collect()
}

/// The null and the ceiling of a score.
fn bands(by_width: &[(f64, Vec<Line<'_>>)], score: Score) -> Vec<Band> {
    let of = |who: Who, values: &dyn Fn(&Line<'_>) -> Option<[f64; 3]>| {
        let at = |(d, lines): &(f64, Vec<Line<'_>>)| {
            let line = lines.iter().find(|line| line.who == who)?;
            Some((*d, values(line)?))
        };
        by_width.iter().filter_map(at).collect::<Vec<_>>()
    };
    let middle = |values: Vec<f64>| (!values.is_empty()).then(|| median(&values));
    let null = of(Who::Null, &|line| {
        let low = line.of_runs(|row| row.score(score).rows_low);
        let high = line.of_runs(|row| row.score(score).rows_high);
        Some([middle(low)?, middle(line.values(score))?, middle(high)?])
    });
    let ceiling = of(Who::Ceiling, &|line| {
        let values = line.values(score);
        let (low, high) = median_interval(&values);
        Some([low, middle(values)?, high])
    });
    let band = |who: Who, paint, dash, points| Band {
        label: who.name().to_owned(),
        style: Style { paint, dash },
        points,
    };
    vec![
        band(Who::Null, Paint::Muted, Some((1.0, 2.0)), null),
        band(Who::Ceiling, Paint::Ink, Some((3.0, 2.0)), ceiling),
    ]
}
