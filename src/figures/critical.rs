//! The smallest good `d` of several models beside the rank of what is read: a row a model.

use super::axis::{RowAxis, SMALL, Scale};
use super::colour::SERIES;
use super::figure::{COLUMN, Figure};
use super::scene::{Anchor, Paint, Scene};
use super::text;

const HEIGHT: f64 = 12.0;
const CRITICAL: Paint = SERIES[0];
const RANK: Paint = SERIES[1];

/// One model.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// `D`.
    pub width: f64,
    /// The rank of the states that it visits, in the features that are read.
    pub rank: f64,
    /// The `d` that were tried.
    pub tried: Vec<f64>,
    /// The smallest good one, and its interval; infinite where none that was tried is good.
    pub critical: Option<(f64, f64, f64)>,
}

/// A row a model, from the smallest `D` to the largest.
pub fn against_rank(name: &str, title: &str, source: &str, rows: &[Row]) -> Figure {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.width.total_cmp(&b.width));
    let left = text::widest(rows.iter().map(|row| &row.name), SMALL) + 8.0;
    let top = 20.0;
    let widest = rows.iter().map(|row| row.width).fold(1.0, f64::max);
    let axis = RowAxis {
        left,
        top,
        width: COLUMN - 8.0 - left,
        bottom: top + HEIGHT * rows.len() as f64,
        scale: Scale::linear(0.0, widest, 8),
    };
    let x = |value| axis.at(value);
    let mut scene = Scene {
        width: COLUMN,
        height: axis.bottom + 26.0,
        ..Scene::default()
    };
    legend(&mut scene);
    axis.draw(&mut scene);
    axis.title(&mut scene, "dimensions of the residual stream");
    for (i, row) in rows.iter().enumerate() {
        let y = top + HEIGHT * (i as f64 + 0.5);
        scene.text(left - 4.0, y + 2.2, SMALL, Anchor::End, &row.name);
        scene.line((x(0.0), y), (x(row.width), y), Paint::Muted, 0.4);
        bar(&mut scene, x(row.width), y, Paint::Ink);
        for d in &row.tried {
            scene.dot((x(*d), y), 1.2, Paint::Muted, 1.0);
        }
        bar(&mut scene, x(row.rank), y, RANK);
        if let Some((median, low, high)) = row.critical {
            let last = row.tried.iter().copied().fold(0.0, f64::max);
            if low.is_finite() {
                let ends = (x(low), x(high.min(last)));
                scene.line((ends.0, y), (ends.1, y), CRITICAL, 1.6);
            }
            if median.is_finite() {
                scene.dot((x(median), y), 2.6, CRITICAL, 1.0);
            }
        }
    }
    Figure {
        name: name.into(),
        title: title.into(),
        caption: "One row per program. Grey dots: each d that was tried. Orange strokes: the rank of the visited states in the features \
                  that are read; black strokes: D. Blue: the smallest sufficient d, from which on the median over seeds is good, \
                  with its 95 % interval over seeds, cut off at the largest d tried; a program without it had no sufficient d."
            .into(),
        source: source.into(),
        scene,
    }
}

fn bar(scene: &mut Scene, x: f64, y: f64, paint: Paint) {
    scene.line((x, y - 3.5), (x, y + 3.5), paint, 1.4);
}

fn legend(scene: &mut Scene) {
    // From the very left: three words are wider than the axis.
    let mut x = 4.0;
    for (label, paint) in [
        ("smallest sufficient d", CRITICAL),
        ("rank of what is read", RANK),
        ("D", Paint::Ink),
    ] {
        if paint == CRITICAL {
            scene.dot((x + 2.6, 8.0), 2.6, paint, 1.0);
        } else {
            bar(scene, x + 2.6, 8.0, paint);
        }
        scene.text(x + 8.0, 10.2, SMALL, Anchor::Start, label);
        x += 8.0 + text::width(label, SMALL) + 12.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Mark;
    use super::super::svg;
    use super::*;

    fn row(name: &str, width: f64, critical: Option<(f64, f64, f64)>) -> Row {
        Row {
            name: name.into(),
            width,
            rank: width / 2.0,
            tried: vec![2.0, 4.0],
            critical,
        }
    }

    #[test]
    fn rows_stand_by_width_and_what_is_not_known_is_not_drawn() {
        let endless = f64::INFINITY;
        let rows = [
            row("wide", 40.0, Some((4.0, 2.0, endless))),
            row("narrow", 10.0, Some((endless, endless, endless))),
            row("unknown", 20.0, None),
        ];
        let figure = against_rank("f", "t", "s", &rows);
        let texts = figure.scene.marks.iter().filter_map(|mark| match mark {
            Mark::Text(label) if label.anchor == Anchor::End => Some(label.text.as_str()),
            _ => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["narrow", "unknown", "wide"]);
        // One in the legend, one for the only width that is good.
        let good = figure
            .scene
            .marks
            .iter()
            .filter(|mark| matches!(mark, Mark::Dot { fill, .. } if *fill == CRITICAL));
        assert_eq!(good.count(), 2);
        // The whole legend stands inside the figure.
        let ends = figure.scene.marks.iter().filter_map(|mark| match mark {
            Mark::Text(label) if label.anchor == Anchor::Start => {
                Some(label.x + text::width(&label.text, SMALL))
            }
            _ => None,
        });
        let ends: Vec<f64> = ends.collect();
        assert_eq!(ends.len(), 3);
        assert!(ends.iter().all(|x| *x < COLUMN), "{ends:?}");
        let drawn = svg::document(&figure.scene, "t", "d");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }
}
