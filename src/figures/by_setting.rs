//! Panels of a metric by setting, where a study has one width: a row for each setting, with mean,
//! interval and every run as a point.

use super::axis::{Panel, SMALL, Scale};
use super::by_width::{Plot, SMALLEST, dots};
use super::colour::SERIES;
use super::scene::{Anchor, Mark, Paint, Scene};
use super::{COLUMN, Figure, text};

/// More rows are left to the tables.
const MOST_ROWS: usize = 40;
/// From row to row, in points.
const PITCH: f64 = 12.0;
/// Longer names are shortened.
const LABEL_ROOM: f64 = 96.0;

/// Panels one below the other, with the same rows.
pub fn by_setting(
    name: &str,
    title: &str,
    caption: &str,
    source: &str,
    panels: &[Plot<'_>],
) -> Figure {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in panels.iter().flat_map(|(.., series)| *series) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let hidden = names.len().saturating_sub(MOST_ROWS);
    names.truncate(MOST_ROWS);
    let labels: Vec<String> = names
        .iter()
        .map(|name| text::shorten(name, SMALL, LABEL_ROOM))
        .collect();
    let widths = labels.iter().map(|label| text::width(label, SMALL));
    let left = widths.fold(0.0, f64::max) + 8.0;
    let mut scene = Scene {
        width: COLUMN,
        ..Scene::default()
    };
    let mut top = 4.0;
    for plot in panels {
        if let Some(bottom) = draw(&mut scene, (left, top), plot, &names, &labels) {
            top = bottom;
        }
    }
    scene.height = top - 6.0;
    let mut caption = caption.to_owned();
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

/// Draws a panel and returns where the next one may start; none if there is nothing to draw.
fn draw(
    scene: &mut Scene,
    (left, top): (f64, f64),
    (title, logarithmic, series): &Plot<'_>,
    names: &[&str],
    labels: &[String],
) -> Option<f64> {
    let values = series.iter().flat_map(|(_, s)| &s.points).map(|p| p.1);
    let drawable = values.filter(|v| !logarithmic || *v >= SMALLEST);
    let (low, high) = drawable.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(v), b.max(v))
    });
    if !low.is_finite() {
        return None;
    }
    // Rows are counted from above, and the axis from below.
    let rows = names.len() as f64;
    let height = |row: usize| rows - 1.0 - row as f64;
    let panel = Panel {
        left,
        top,
        width: COLUMN - left - 12.0,
        height: PITCH * rows,
        x: if *logarithmic {
            Scale::logarithmic(low, high)
        } else {
            Scale::linear(low.clamp(-1.0, 0.0), 1.0, 5)
        },
        y: Scale {
            low: -0.5,
            high: rows - 0.5,
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
    for (row, name) in names.iter().enumerate() {
        let Some((_, series)) = series.iter().find(|(known, _)| known == name) else {
            continue;
        };
        let points: Vec<(f64, f64)> = series.points.iter().map(|p| (p.1, height(row))).collect();
        for (_, mean, low, high) in &series.means {
            if let (Some(low), Some(high)) = (low, high) {
                let (from, to) = (panel.at(*low, height(row)), panel.at(*high, height(row)));
                scene.marks.push(Mark::Area {
                    points: vec![
                        (from.0, from.1 - 2.4),
                        (to.0, to.1 - 2.4),
                        (to.0, to.1 + 2.4),
                        (from.0, from.1 + 2.4),
                    ],
                    fill: SERIES[0],
                    opacity: 0.3,
                });
            }
            let (x, y) = panel.at(*mean, height(row));
            scene.line((x, y - 3.6), (x, y + 3.6), SERIES[0], 1.4);
        }
        dots(scene, &panel, &points, SERIES[1]);
    }
    Some(top + panel.height + 30.0)
}
