//! What became of each feature (`features.csv`) and of each block (`layers.csv`), as bars.

use super::axis::{NORMAL, SMALL, Scale};
use super::colour::{self, VERDICTS};
use super::figure::{COLUMN, Figure};
use super::scene::{Anchor, Paint, Scene};
use super::{gram, text};
use crate::results::layout::{FEATURES, LAYERS, STUDY_VERDICTS};
use crate::results::{ReadError, Table};

/// A panel's title, axis, and length and colour by row.
type Bar<'a> = (&'a str, Scale, Vec<(Option<f64>, Paint)>);

/// Two panels of bars side by side, a row for each name.
struct Bars<'a> {
    names: &'a [&'a str],
    /// Value and colour by row; a text instead of a bar where there is no value.
    panels: [Bar<'a>; 2],
    /// A word at the end of each row.
    words: Vec<String>,
    top: f64,
}

const PANEL: f64 = 100.0;
const BETWEEN: f64 = 26.0;
const LABEL_ROOM: f64 = 84.0;

impl Bars<'_> {
    fn draw(&self, scene: &mut Scene) {
        let rows = self.names.len();
        let pitch = if rows <= 30 { 11.0 } else { 8.6 };
        let size = if rows <= 30 { SMALL } else { 6.4 };
        let names: Vec<String> = self
            .names
            .iter()
            .map(|name| text::shorten(name, size, LABEL_ROOM))
            .collect();
        let longest = |texts: &[String]| {
            let widths = texts.iter().map(|t| text::width(t, size));
            widths.fold(0.0, f64::max)
        };
        let left = longest(&names) + 6.0;
        let bottom = self.top + pitch * rows as f64;
        let mut x = left;
        for (title, scale, values) in &self.panels {
            let at = |value: f64| x + scale.place(value) * PANEL;
            for (value, label) in &scale.ticks {
                scene.line(
                    (at(*value), self.top),
                    (at(*value), bottom),
                    Paint::Grid,
                    0.5,
                );
                scene.text(at(*value), bottom + 9.0, SMALL, Anchor::Middle, label);
            }
            scene.text(
                x + PANEL / 2.0,
                bottom + 20.0,
                NORMAL,
                Anchor::Middle,
                title,
            );
            for (row, (value, paint)) in values.iter().enumerate() {
                let y = self.top + pitch * row as f64;
                if let Some(value) = value {
                    let (a, b) = (at(0.0), at(*value));
                    let (from, to) = (a.min(b), a.max(b));
                    let width = (to - from).max(0.6);
                    scene.rect(from, y + 1.2, width, pitch - 2.4, *paint);
                }
            }
            scene.line((at(0.0), self.top), (at(0.0), bottom), Paint::Muted, 0.6);
            x += PANEL + BETWEEN;
        }
        for (row, name) in names.iter().enumerate() {
            let y = self.top + pitch * (row as f64 + 0.5) + size * 0.36;
            scene.text(left - 4.0, y, size, Anchor::End, name);
            scene.label(
                x - 14.0,
                y,
                size,
                Anchor::Start,
                false,
                Paint::Muted,
                &self.words[row],
            );
        }
        let half_tick = |(_, scale, _): &(&str, Scale, Vec<_>)| {
            scale
                .ticks
                .last()
                .map_or(0.0, |(_, label)| text::width(label, SMALL) / 2.0)
        };
        let panels_end = x - BETWEEN + half_tick(&self.panels[1]);
        scene.width = (x - 14.0 + longest(&self.words)).max(panels_end) + 3.0;
        scene.height = bottom + 25.0;
    }
}

/// Norm and dimensionality of every feature, coloured by verdict.
///
/// # Errors
/// If a column is missing or a cell is not a number.
pub fn features(table: &Table) -> Result<Figure, ReadError> {
    let labels = table.texts("feature")?;
    if labels.is_empty() {
        return Err(table.wrong(0, "there is no row"));
    }
    // The order of the heat map.
    let order = gram::grouped(&labels);
    let names: Vec<&str> = order.iter().map(|i| labels[*i]).collect();
    let verdicts = table.texts("verdict")?;
    let verdicts: Vec<&str> = order.iter().map(|i| verdicts[*i]).collect();
    let mut scene = Scene::default();
    let present: Vec<_> = VERDICTS
        .iter()
        .filter(|(verdict, _)| verdicts.contains(&verdict.name()))
        .collect();
    let mut x = 4.0;
    for (verdict, paint) in present {
        let name = verdict.name();
        scene.rect(x, 3.0, 8.0, 7.0, *paint);
        scene.text(x + 11.0, 9.5, SMALL, Anchor::Start, name);
        x += 11.0 + text::width(name, SMALL) + 10.0;
    }
    let legend_end = x;
    let panel = |title, column| -> Result<_, ReadError> {
        let values = table.numbers(column)?;
        let values: Vec<Option<f64>> = order.iter().map(|i| values[*i]).collect();
        let largest = values.iter().flatten().copied().fold(1.0, f64::max);
        let paints = verdicts.iter().map(|v| colour::verdict(v));
        let scale = Scale::linear(0.0, largest, 4);
        Ok((title, scale, values.into_iter().zip(paints).collect()))
    };
    let norms = panel("norm ‖Wᵢ‖", "norm")?;
    let dimensionalities = panel("dimensionality Dᵢ", "dimensionality")?;
    let bars = Bars {
        names: &names,
        panels: [norms, dimensionalities],
        words: verdicts
            .iter()
            .map(|v| text::shorten(v, SMALL, 60.0))
            .collect(),
        top: 17.0,
    };
    bars.draw(&mut scene);
    scene.width = scene.width.max(legend_end);
    Ok(Figure {
        name: "features".into(),
        title: "What became of each feature".into(),
        caption: "Length of each feature's direction (1 in the compiled model) and the share of a dimension \
                  that it has for itself (dimensionless; 1 means a direction of its own), coloured by verdict."
            .into(),
        source: FEATURES.into(),
        scene,
    })
}

/// Cosine and share of variance explained of every block.
///
/// # Errors
/// If a column is missing or a cell is not a number.
pub fn layers(table: &Table) -> Result<Figure, ReadError> {
    let names = table.texts("block")?;
    if names.is_empty() {
        return Err(table.wrong(0, "there is no row"));
    }
    let cosines = table.numbers("cosine")?;
    let explained = table.numbers("variance_explained")?;
    let scale = |values: &[Option<f64>]| {
        let lowest = values
            .iter()
            .flatten()
            .copied()
            .fold(0.0, f64::min)
            .max(-1.0);
        Scale::linear(lowest, 1.0, 4)
    };
    let word = |value: &Option<f64>| {
        value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}").replace('-', "−"))
    };
    let words = cosines
        .iter()
        .zip(&explained)
        .map(|(a, b)| match (a, b) {
            (None, None) => "dead or constant".to_owned(),
            _ => format!("{} | {}", word(a), word(b)),
        })
        .collect();
    let paint = |values: &[Option<f64>], paint| -> Vec<(Option<f64>, Paint)> {
        values.iter().map(|value| (*value, paint)).collect()
    };
    let mut scene = Scene::default();
    let bars = Bars {
        names: &names,
        panels: [
            (
                "cosine",
                scale(&cosines),
                paint(&cosines, colour::SERIES[0]),
            ),
            (
                "variance explained",
                scale(&explained),
                paint(&explained, colour::SERIES[2]),
            ),
        ],
        words,
        top: 4.0,
    };
    bars.draw(&mut scene);
    let below = explained.iter().flatten().any(|v| *v < -1.0);
    Ok(Figure {
        name: "layers".into(),
        title: "How faithful each block is".into(),
        caption: format!(
            "Cosine between each block's output in the compiled and in the compressed model (all inputs and \
             positions flattened), and the share of the compiled output's variance that the compressed one explains (R², below \
             0 where a constant explains more); both are dimensionless, and 1 means the same. The values are given at the right.{}",
            if below { " Bars end at −1." } else { "" }
        ),
        source: LAYERS.into(),
        scene,
    })
}

/// How many features of each verdict there are at each `d`: stacked bars, one row a `d`.
///
/// `counts` has a row's name and its mean number of features by verdict.
pub fn verdicts(counts: &[(String, Vec<f64>)]) -> Figure {
    let mut scene = Scene::default();
    let total = counts
        .iter()
        .map(|(_, c)| c.iter().sum::<f64>())
        .fold(1.0, f64::max);
    let scale = Scale::linear(0.0, total, 6);
    let names: Vec<String> = counts
        .iter()
        .map(|(name, _)| text::shorten(name, SMALL, 190.0))
        .collect();
    let widths = names.iter().map(|n| text::width(n, SMALL));
    let left = widths.fold(0.0, f64::max) + 6.0;
    let width = (COLUMN - left - 12.0).max(110.0);
    let (mut x, top, pitch) = (4.0, 17.0, 11.0);
    for (verdict, paint) in VERDICTS {
        let name = verdict.name();
        scene.rect(x, 3.0, 8.0, 7.0, paint);
        scene.text(x + 10.0, 9.5, 6.5, Anchor::Start, name);
        x += 10.0 + text::width(name, 6.5) + 6.0;
    }
    let bottom = top + pitch * counts.len() as f64;
    for (value, label) in &scale.ticks {
        let at = left + scale.place(*value) * width;
        scene.line((at, top), (at, bottom), Paint::Grid, 0.5);
        scene.text(at, bottom + 9.0, SMALL, Anchor::Middle, label);
    }
    for (row, ((_, counts), name)) in counts.iter().zip(&names).enumerate() {
        let y = top + pitch * row as f64;
        scene.text(left - 4.0, y + pitch / 2.0 + 2.5, SMALL, Anchor::End, name);
        let mut from = 0.0;
        for (count, (_, paint)) in counts.iter().zip(VERDICTS) {
            let (a, b) = (scale.place(from), scale.place(from + count));
            if b > a {
                scene.rect(
                    left + a * width,
                    y + 1.2,
                    (b - a) * width,
                    pitch - 2.4,
                    paint,
                );
            }
            from += count;
        }
    }
    let middle = left + width / 2.0;
    scene.text(
        middle,
        bottom + 20.0,
        NORMAL,
        Anchor::Middle,
        "features, mean over seeds",
    );
    scene.width = (left + width + 12.0).max(x);
    scene.height = bottom + 25.0;
    Figure {
        name: "verdicts".into(),
        title: "What became of the features at each d".into(),
        caption: "Number of features with each verdict, in the order of the legend: the arithmetic mean over the \
                  runs of a row, so that the parts of a bar add up to the number of features."
            .into(),
        source: STUDY_VERDICTS.into(),
        scene,
    }
}
