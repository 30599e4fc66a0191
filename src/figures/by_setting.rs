//! Panels of a metric by setting, where a study has one width: a row for each setting, with
//! median, interval and every run as a point.

use super::axis::{Panel, SMALL, Scale};
use super::colour::SERIES;
use super::figure::{COLUMN, Figure};
use super::scene::{Anchor, Paint, Scene};
use super::series::{Axis, Displaced, Plot, dot, interval_bar, named, names};
use super::text;
use crate::results::Series;

/// More rows are left to the tables.
const MOST_ROWS: usize = 40;
/// From row to row, in points.
const PITCH: f64 = 12.0;
/// Longer names are shortened: two settings may then look the same.
const LABEL_ROOM: f64 = 190.0;
/// The axis has at least this length, and the figure is wider than a column where names leave less.
const SHORTEST: f64 = 130.0;
/// From the lowest value to the line of those that are too small for the axis: its label is wide.
const FLOOR: f64 = 0.18;

/// Panels one below the other, with the same rows.
pub fn by_setting(
    name: &str,
    title: &str,
    caption: &str,
    source: &str,
    panels: &[Plot<'_>],
) -> Figure {
    let mut names = names(panels);
    let hidden = names.len().saturating_sub(MOST_ROWS);
    names.truncate(MOST_ROWS);
    let labels: Vec<String> = names
        .iter()
        .map(|name| text::shorten(name, SMALL, LABEL_ROOM))
        .collect();
    let left = text::widest(&labels, SMALL) + 8.0;
    let mut scene = Scene {
        width: COLUMN.max(left + SHORTEST + 12.0),
        ..Scene::default()
    };
    let mut top = 4.0;
    let mut displaced = Displaced::default();
    for plot in panels {
        let (title, logarithmic, _) = plot;
        let rows: Vec<Option<&Series>> = names.iter().map(|name| named(plot, name)).collect();
        let values = rows.iter().copied().flatten();
        if let Some(x) = Axis::new(values, *logarithmic, FLOOR, &mut displaced) {
            top = draw(&mut scene, (left, top), title, &x, &rows, &labels);
        }
    }
    scene.height = top - 6.0;
    let mut caption = format!("{caption}{}", displaced.sentences());
    if hidden > 0 {
        caption += &format!(" {hidden} more settings are in the tables, not in the figure.");
    }
    Figure {
        name: name.into(),
        title: title.into(),
        caption,
        source: source.into(),
        scene,
    }
}

/// Draws a panel, its title below the axis of its values, and returns where the next one may start.
fn draw(
    scene: &mut Scene,
    (left, top): (f64, f64),
    title: &str,
    values: &Axis,
    rows: &[Option<&Series>],
    labels: &[String],
) -> f64 {
    // Rows are counted from above, and the axis from below.
    let count = rows.len() as f64;
    let height = |row: usize| count - 1.0 - row as f64;
    let panel = Panel {
        left,
        top,
        width: scene.width - left - 12.0,
        height: PITCH * count,
        x: values.scale.clone(),
        y: Scale {
            low: -0.5,
            high: count - 0.5,
            logarithmic: false,
            ticks: Vec::new(),
        },
    };
    for (row, label) in labels.iter().enumerate() {
        let (x, y) = panel.at(panel.x.low, height(row));
        scene.line((x, y), (x + panel.width, y), Paint::Grid, 0.5);
        scene.text(left - 4.0, y + 2.5, SMALL, Anchor::End, label);
    }
    panel.draw_axes(scene, title, "");
    for (row, series) in rows.iter().enumerate() {
        let Some(series) = series else {
            continue;
        };
        let at = |value: f64| panel.at(values.shown(value), height(row));
        for found in series.over_seeds() {
            if let Some((low, high)) = found.interval {
                let ((from, y), (to, _)) = (at(low), at(high));
                interval_bar(scene, (from, y - 2.4), (to, y + 2.4), SERIES[0]);
            }
            if found.median.is_finite() {
                let (x, y) = at(found.median);
                scene.line((x, y - 3.6), (x, y + 3.6), SERIES[0], 1.4);
            }
        }
        for (_, value) in series.finite() {
            dot(scene, at(value), SERIES[1]);
        }
    }
    top + panel.height + 30.0
}
