//! Panels of a metric against `d`: mean, interval and every run as a point, per method.

use super::axis::{self, Panel, Scale, Style};
use super::scene::{Mark, Paint, Scene};
use super::{COLUMN, Figure};

/// Smaller values are 0 but for rounding; they would stretch a logarithmic axis.
pub const SMALLEST: f64 = 1e-8;
/// More lines cannot be told apart.
const MOST_SERIES: usize = 6;

/// One metric of one method (and other settings that the study varies).
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// `(d, value)` of every run.
    pub points: Vec<(f64, f64)>,
    /// `(d, mean, low, high)`.
    pub means: Vec<(f64, f64, Option<f64>, Option<f64>)>,
}

/// A panel: title of its axis, whether that is logarithmic, series by name.
pub type Plot<'a> = (&'a str, bool, &'a [(String, Series)]);

/// Panels one below the other, with one legend.
pub fn against_width(
    name: &str,
    title: &str,
    caption: &str,
    source: &str,
    panels: &[Plot<'_>],
) -> Figure {
    const LEFT: f64 = 52.0;
    const HEIGHT: f64 = 105.0;
    let mut scene = Scene {
        width: COLUMN,
        ..Scene::default()
    };
    let mut names: Vec<String> = Vec::new();
    for (.., series) in panels {
        for (name, _) in *series {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    let hidden = names.len().saturating_sub(MOST_SERIES);
    names.truncate(MOST_SERIES);
    let entries: Vec<(String, Style)> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (name.clone(), Style::series(i)))
        .collect();
    let mut top = 2.0;
    if entries.len() > 1 {
        top += axis::legend(&mut scene, (LEFT, top), COLUMN - LEFT - 8.0, &entries);
    }
    top += 4.0;
    let mut clamped = 0;
    let last = panels.len().saturating_sub(1);
    for (i, (axis_title, logarithmic, series)) in panels.iter().enumerate() {
        let shown: Vec<_> = series
            .iter()
            .filter(|(name, _)| names.contains(name))
            .collect();
        let all = || shown.iter().flat_map(|(_, s)| &s.points);
        let drawable = |v: &f64| !logarithmic || *v >= SMALLEST;
        clamped += all().filter(|p| !drawable(&p.1)).count();
        let fold = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(v), b.max(v))
            })
        };
        let (low, high) = fold(&mut all().map(|p| p.1).filter(drawable));
        let (first, widest) = fold(&mut all().map(|p| p.0));
        if !(low.is_finite() && first.is_finite()) {
            continue;
        }
        let mut x = Scale::linear(first, widest, 8);
        // Widths are whole numbers, and there is room around the outermost.
        x.ticks
            .retain(|(v, _)| v.fract().abs() < 1e-9 && *v >= first && *v <= widest);
        for (value, label) in &mut x.ticks {
            *label = format!("{value:.0}");
        }
        (x.low, x.high) = (first - 0.4, widest + 0.4);
        let panel = Panel {
            left: LEFT,
            top,
            width: COLUMN - LEFT - 8.0,
            height: HEIGHT,
            x,
            y: if *logarithmic {
                Scale::logarithmic(low, high)
            } else {
                Scale::linear(low.clamp(-1.0, 0.0), 1.0, 5)
            },
        };
        let x_title = if i == last {
            "d (dimensions of the residual stream)"
        } else {
            ""
        };
        panel.draw_axes(&mut scene, x_title, axis_title);
        for (name, series) in shown {
            let Some(at) = names.iter().position(|n| n == name) else {
                continue;
            };
            draw_series(&mut scene, &panel, series, Style::series(at));
        }
        top += HEIGHT + 18.0;
    }
    scene.height = top + 10.0;
    let mut caption = caption.to_owned();
    if clamped > 0 {
        caption += &format!(" {clamped} values below 10⁻⁸ stand at the lower edge of their axis.");
    }
    if hidden > 0 {
        caption += &format!(" {hidden} more series are in the tables, not in the figure.");
    }
    Figure {
        name: name.into(),
        title: title.into(),
        caption,
        source: source.into(),
        scene,
    }
}

fn draw_series(scene: &mut Scene, panel: &Panel, series: &Series, style: Style) {
    let mut means = series.means.clone();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    let edges: Vec<(f64, f64, f64)> = means
        .iter()
        .filter_map(|(d, _, low, high)| Some((*d, (*low)?, (*high)?)))
        .collect();
    let lower = edges.iter().map(|(d, low, _)| panel.at(*d, *low));
    let upper = edges.iter().rev().map(|(d, _, high)| panel.at(*d, *high));
    if edges.len() > 1 {
        scene.marks.push(Mark::Area {
            points: lower.chain(upper).collect(),
            fill: style.paint,
            opacity: 0.18,
        });
    }
    dots(scene, panel, &series.points, style.paint);
    let line: Vec<(f64, f64)> = means.iter().map(|m| (m.0, m.1)).collect();
    panel.curve(scene, &line, style, 1.3);
}

/// Points at `(x, y)` of a panel.
pub fn dots(scene: &mut Scene, panel: &Panel, points: &[(f64, f64)], fill: Paint) {
    for (x, y) in points {
        let (x, y) = panel.at(*x, *y);
        scene.marks.push(Mark::Dot {
            x,
            y,
            radius: 1.3,
            fill,
            opacity: 0.75,
        });
    }
}
