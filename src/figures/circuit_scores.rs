//! How well each baseline tells a circuit's edges apart over `d`, from `circuit_scores.csv`: a row of panels a program.

use std::path::Path;

use super::axis::{self, Scale, Style};
use super::by_width::Drawn;
use super::figure::{Figure, PAGE};
use super::scene::Scene;
use super::series::{Axis, Displaced};
use super::study::INTERVAL;
use crate::circuit::study::{CIRCUIT_SCORES, JUDGE_STUDY};
use crate::results::group::by_key;
use crate::results::{ReadError, Series, Table};

/// Columns of the table, and what their panels are called.
const MEASURES: [(&str, &str); 3] = [
    ("auroc_varying", "AUROC"),
    ("average_precision_varying", "average precision"),
    ("faithfulness", "faithfulness"),
];
const LEFT: f64 = 44.0;
const GAP: f64 = 46.0;
const WIDTH: f64 = (PAGE - LEFT - 6.0 - 2.0 * GAP) / 3.0;
const HEIGHT: f64 = 62.0;
/// From one row of panels to the next: the marks of `d`, the next title.
const ROW: f64 = HEIGHT + 30.0;
/// From one mark of `d` to the next, at least, in points.
const APART: f64 = 13.0;

/// The figure `circuits`, if the study's circuits were judged.
///
/// # Errors
/// If the table is garbled.
pub fn of_study(directory: &Path) -> Result<Option<Figure>, ReadError> {
    let table = Table::read_if_there(directory, CIRCUIT_SCORES, JUDGE_STUDY)?;
    table.map(|table| draw(&table)).transpose()
}

/// A row of the table: program, baseline, `d`, a value of each measure.
type Row<'a> = (&'a str, (&'a str, f64, [Option<f64>; MEASURES.len()]));

fn draw(table: &Table) -> Result<Figure, ReadError> {
    let rows = read(table)?;
    let mut baselines: Vec<&str> = Vec::new();
    for (_, (baseline, ..)) in &rows {
        if !baselines.contains(baseline) {
            baselines.push(baseline);
        }
    }
    let mut scene = Scene {
        width: PAGE,
        ..Scene::default()
    };
    let entries: Vec<(String, Style)> = baselines
        .iter()
        .enumerate()
        .map(|(i, name)| ((*name).to_owned(), Style::series(i)))
        .collect();
    let mut top = 18.0 + axis::legend(&mut scene, (LEFT, 2.0), PAGE - LEFT, &entries);
    let mut displaced = Displaced::default();
    let mut programs = by_key(rows);
    programs.sort_by_key(|(program, _)| *program);
    let last = programs.len().saturating_sub(1);
    for (i, (program, rows)) in programs.iter().enumerate() {
        scene.text(
            LEFT,
            top - 6.0,
            axis::NORMAL,
            super::scene::Anchor::Start,
            program,
        );
        let x = widths(rows.iter().map(|(_, d, _)| *d).collect());
        for (m, (_, title)) in MEASURES.iter().enumerate() {
            let series: Vec<(usize, Series)> = baselines
                .iter()
                .enumerate()
                .map(|(b, baseline)| {
                    let of = rows.iter().filter(|(known, ..)| known == baseline);
                    let points = of.filter_map(|(_, d, values)| Some((*d, values[m]?)));
                    let points = points.collect();
                    (
                        b,
                        Series {
                            points,
                            no_sample: false,
                        },
                    )
                })
                .collect();
            let values = series.iter().map(|(_, series)| series);
            let Some(y) = Axis::new(values, false, 0.0, &mut displaced) else {
                continue;
            };
            let panel = axis::Panel {
                left: LEFT + m as f64 * (WIDTH + GAP),
                top,
                width: WIDTH,
                height: HEIGHT,
                x: x.clone(),
                y: y.scale.clone(),
            };
            let series = series.iter().map(|(b, series)| (*b, series)).collect();
            let drawn = Drawn {
                title,
                panel,
                y,
                bands: &[],
                series,
            };
            drawn.draw(
                &mut scene,
                if i == last { "d" } else { "" },
                baselines.len(),
            );
        }
        top += ROW;
    }
    scene.height = top - 30.0 + 28.0;
    let caption = format!(
        "Each row is a program; its largest d is D, the compiled model itself. AUROC and average precision: how well the \
         scores of each baseline rank the true edges above the others, among the edges that carry something that varies. \
         Faithfulness: how much of the model's change of output the circuit of the best scores keeps, 1 being all (as many \
         edges as are true). Each point is a run, lines join the medians, bars are {INTERVAL}.{}",
        displaced.sentences()
    );
    Ok(Figure {
        name: "circuits".into(),
        title: "Baselines for finding circuits".into(),
        caption,
        source: CIRCUIT_SCORES.into(),
        scene,
    })
}

fn read(table: &Table) -> Result<Vec<Row<'_>>, ReadError> {
    let programs = table.texts("program")?;
    let baselines = table.texts("scores")?;
    let widths = table.numbers("d")?;
    let values = MEASURES.map(|(column, _)| table.numbers(column));
    let values = values.into_iter().collect::<Result<Vec<_>, _>>()?;
    let row = |i: usize| {
        let of_measure = std::array::from_fn(|m| values[m][i]);
        Some((programs[i], (baselines[i], widths[i]?, of_measure)))
    };
    Ok((0..programs.len()).filter_map(row).collect())
}

/// The axis of one program's `d`, marked at those that were tried, where there is room.
fn widths(mut tried: Vec<f64>) -> Scale {
    tried.sort_by(f64::total_cmp);
    tried.dedup();
    let first = tried.first().copied().unwrap_or(0.0);
    let last = tried.last().copied().unwrap_or(0.0);
    let room = 0.06 * (last - first).max(1.0);
    let (low, high) = (first - room, last + room);
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for d in tried {
        let from_last = ticks.last().map_or(f64::INFINITY, |(known, _)| d - known);
        if from_last / (high - low) * WIDTH >= APART {
            ticks.push((d, format!("{d:.0}")));
        }
    }
    Scale {
        low,
        high,
        logarithmic: false,
        ticks,
    }
}
