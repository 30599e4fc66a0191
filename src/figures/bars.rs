//! What became of each feature (`features.csv`) and of each block (`layers.csv`), as bars.

use super::axis::{RowAxis, SMALL, Scale};
use super::colour::{self, VERDICTS};
use super::figure::{COLUMN, Figure};
use super::scene::{Anchor, Label, Paint, Scene};
use super::{gram, text};
use crate::results::layout::{FEATURES, LAYERS, STUDY_VERDICTS};
use crate::results::{ReadError, Table};

/// A column of bars, a row for each name.
struct Panel<'a> {
    title: &'a str,
    scale: Scale,
    /// Value and colour by row; no bar where there is no value.
    bars: Vec<(Option<f64>, Paint)>,
}

const WIDTH: f64 = 100.0;
const BETWEEN: f64 = 26.0;
const LABEL_ROOM: f64 = 84.0;
/// Room above and below a bar in its row.
const GAP: f64 = 1.2;

/// Blocks that are all above this are told apart by what is missing to 1.
const NEAR: f64 = 0.99;
/// Less is rounding.
const SMALLEST_MISSING: f64 = 1e-12;

/// How far values are below 1.
fn missing_panel<'a>(title: &'a str, values: &[Option<f64>], paint: Paint) -> Panel<'a> {
    let missing = |value: &f64| Some(1.0 - value).filter(|x| *x > SMALLEST_MISSING);
    let bars: Vec<Option<f64>> = values
        .iter()
        .map(|value| value.as_ref().and_then(missing))
        .collect();
    let there = || bars.iter().flatten().copied();
    let (low, high) = (
        there().fold(f64::INFINITY, f64::min),
        there().fold(0.0, f64::max),
    );
    let scale = if high > 0.0 {
        // The shortest bar is seen, too.
        Scale::logarithmic(low / 10.0, high)
    } else {
        Scale::linear(0.0, 1.0, 4)
    };
    Panel {
        title,
        scale,
        bars: bars.into_iter().map(|value| (value, paint)).collect(),
    }
}

/// Two panels side by side from `top` on, names at their left and a word at the end of each row.
fn draw(scene: &mut Scene, top: f64, names: &[&str], panels: [Panel<'_>; 2], words: &[String]) {
    let rows = names.len();
    let pitch = if rows <= 30 { 11.0 } else { 8.6 };
    let size = if rows <= 30 { SMALL } else { 6.4 };
    let names: Vec<String> = names
        .iter()
        .map(|name| text::shorten(name, size, LABEL_ROOM))
        .collect();
    let left = text::widest(&names, size) + 6.0;
    let bottom = top + pitch * rows as f64;
    let (mut x, mut end) = (left, 0.0);
    for Panel { title, scale, bars } in panels {
        let axis = RowAxis {
            left: x,
            top,
            width: WIDTH,
            bottom,
            scale,
        };
        axis.draw(scene);
        axis.title(scene, title);
        let zero = axis.at(0.0);
        for (row, (value, paint)) in bars.into_iter().enumerate() {
            if let Some(value) = value {
                let at = axis.at(value);
                let y = top + pitch * row as f64 + GAP;
                let width = (at - zero).abs().max(0.6);
                scene.rect(zero.min(at), y, width, pitch - 2.0 * GAP, paint);
            }
        }
        scene.line((zero, top), (zero, bottom), Paint::Muted, 0.6);
        let last = axis.scale.ticks.last();
        end = x + WIDTH + last.map_or(0.0, |(_, label)| text::width(label, SMALL) / 2.0);
        x += WIDTH + BETWEEN;
    }
    let words_at = x - 14.0;
    for (row, (name, word)) in names.iter().zip(words).enumerate() {
        let y = top + pitch * (row as f64 + 0.5) + size * 0.36;
        scene.text(left - 4.0, y, size, Anchor::End, name);
        scene.label(Label {
            paint: Paint::Muted,
            ..Label::new(words_at, y, size, Anchor::Start, word)
        });
    }
    scene.width = (words_at + text::widest(words, size)).max(end) + 3.0;
    scene.height = bottom + 25.0;
}

/// Verdicts and their colours in one row, `indent` from a colour to its name; returns where the row ends.
fn legend(
    scene: &mut Scene,
    verdicts: impl Iterator<Item = (&'static str, Paint)>,
    size: f64,
    (indent, gap): (f64, f64),
) -> f64 {
    let mut x = 4.0;
    for (name, paint) in verdicts {
        scene.rect(x, 3.0, 8.0, 7.0, paint);
        scene.text(x + indent, 9.5, size, Anchor::Start, name);
        x += indent + text::width(name, size) + gap;
    }
    x
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
    let present = VERDICTS
        .into_iter()
        .map(|(verdict, paint)| (verdict.name(), paint))
        .filter(|(name, _)| verdicts.contains(name));
    let legend_end = legend(&mut scene, present, SMALL, (11.0, 10.0));
    let panel = |title, column| -> Result<_, ReadError> {
        let values = table.numbers(column)?;
        let values: Vec<Option<f64>> = order.iter().map(|i| values[*i]).collect();
        let largest = values.iter().flatten().copied().fold(1.0, f64::max);
        let paints = verdicts.iter().map(|v| colour::verdict(v));
        Ok(Panel {
            title,
            scale: Scale::linear(0.0, largest, 4),
            bars: values.into_iter().zip(paints).collect(),
        })
    };
    let panels = [
        panel("norm ‖Wᵢ‖", "norm")?,
        panel("dimensionality Dᵢ", "dimensionality")?,
    ];
    let words: Vec<String> = verdicts
        .iter()
        .map(|v| text::shorten(v, SMALL, 60.0))
        .collect();
    draw(&mut scene, 17.0, &names, panels, &words);
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
    // Bars that all end at 1 show nothing: then how much is missing is drawn.
    let is_near = cosines
        .iter()
        .chain(&explained)
        .flatten()
        .all(|v| *v > NEAR);
    let panel = |[title, missing]: [&'static str; 2], values: &[Option<f64>], paint| {
        if is_near {
            return missing_panel(missing, values, paint);
        }
        let lowest = values.iter().flatten().copied().fold(0.0, f64::min);
        Panel {
            title,
            scale: Scale::linear(lowest.max(-1.0), 1.0, 4),
            bars: values.iter().map(|value| (*value, paint)).collect(),
        }
    };
    let word = |value: &Option<f64>| match value {
        None => "–".to_owned(),
        Some(v) if is_near => format!("{:.1e}", (1.0 - v).max(0.0)).replace('-', "−"),
        Some(v) => format!("{v:.4}").replace('-', "−"),
    };
    let words: Vec<String> = cosines
        .iter()
        .zip(&explained)
        .map(|(a, b)| match (a, b) {
            (None, None) => "dead or constant".to_owned(),
            _ => format!("{} | {}", word(a), word(b)),
        })
        .collect();
    let panels = [
        panel(["cosine", "1 − cosine"], &cosines, colour::SERIES[0]),
        panel(
            ["variance explained", "variance not explained"],
            &explained,
            colour::SERIES[2],
        ),
    ];
    let mut scene = Scene::default();
    draw(&mut scene, 4.0, &names, panels, &words);
    let below = explained.iter().flatten().any(|v| *v < -1.0);
    Ok(Figure {
        name: "layers".into(),
        title: "How faithful each block is".into(),
        caption: format!(
            "Cosine between each block's output in the compiled and in the compressed model (all inputs and \
             positions flattened), and the share of the compiled output's variance that the compressed one explains (R², below \
             0 where a constant explains more); both are dimensionless, and 1 means the same.{} The values are given at the right.{}",
            if is_near {
                " Every value here is above 0.99, so that what is missing to 1 is drawn instead, on a logarithmic axis; what is \
                 less than 1e−12 has no bar."
            } else {
                ""
            },
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
    let names: Vec<String> = counts
        .iter()
        .map(|(name, _)| text::shorten(name, SMALL, 190.0))
        .collect();
    let left = text::widest(&names, SMALL) + 6.0;
    let (top, pitch) = (17.0, 11.0);
    let all = VERDICTS.into_iter();
    let all = all.map(|(verdict, paint)| (verdict.name(), paint));
    let legend_end = legend(&mut scene, all, 6.5, (10.0, 6.0));
    let axis = RowAxis {
        left,
        top,
        width: (COLUMN - left - 12.0).max(110.0),
        bottom: top + pitch * counts.len() as f64,
        scale: Scale::linear(0.0, total, 6),
    };
    axis.draw(&mut scene);
    for (row, ((_, counts), name)) in counts.iter().zip(&names).enumerate() {
        let y = top + pitch * row as f64;
        scene.text(left - 4.0, y + pitch / 2.0 + 2.5, SMALL, Anchor::End, name);
        let mut from = 0.0;
        for (count, (_, paint)) in counts.iter().zip(VERDICTS) {
            let share = axis.scale.place(from + count) - axis.scale.place(from);
            if share > 0.0 {
                let width = share * axis.width;
                scene.rect(axis.at(from), y + GAP, width, pitch - 2.0 * GAP, paint);
            }
            from += count;
        }
    }
    axis.title(&mut scene, "features, mean over seeds");
    scene.width = (left + axis.width + 12.0).max(legend_end);
    scene.height = axis.bottom + 25.0;
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
