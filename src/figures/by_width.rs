//! Panels of a metric against `d`: median, interval and every run as a point, per method.

use super::axis::{self, Panel, Scale, Style};
use super::figure::{COLUMN, Figure};
use super::scene::{Mark, Scene};
use super::series::{Axis, Displaced, Plot, dot, interval_bar, named, names};
use crate::results::series::{OverSeeds, Series};

/// More lines cannot be told apart: further series have a figure of their own.
const MOST_SERIES: usize = 6;
const LEFT: f64 = 52.0;
const WIDTH: f64 = COLUMN - LEFT - 8.0;
const HEIGHT: f64 = 105.0;
/// From one mark of `d` to the next, at least.
const APART: f64 = 13.0;
/// Several series stand side by side, this far apart where there is room.
const FARTHEST: f64 = 4.0;
/// And this far where there is none.
const NEAREST: f64 = 1.5;
/// How far bands reach beyond the outermost `d`.
const BESIDE: f64 = 0.4;
/// From the lowest value to the line of those that are too small for the axis.
const FLOOR: f64 = 0.1;

/// What values are to be seen beside: a line with a band around it.
#[derive(Clone, Debug)]
pub struct Band {
    /// What it is, for the legend.
    pub label: String,
    /// Of its line; the band is a lighter one.
    pub style: Style,
    /// `(d, [low, middle, high])`, by `d`.
    pub points: Vec<(f64, [f64; 3])>,
}

/// Panels one below the other, with one legend; a figure for every six series.
pub fn against_width(
    name: &str,
    title: &str,
    caption: &str,
    source: &str,
    panels: &[Plot<'_>],
) -> Vec<Figure> {
    against_width_beside((name, title), caption, source, panels, &[])
}

/// As [`against_width`], with the bands of each panel behind its series.
pub fn against_width_beside(
    (name, title): (&str, &str),
    caption: &str,
    source: &str,
    panels: &[Plot<'_>],
    bands: &[Vec<Band>],
) -> Vec<Figure> {
    let names = names(panels);
    let all = names.len();
    let parts = names.chunks(MOST_SERIES);
    let several = parts.len() > 1;
    parts
        .enumerate()
        .map(|(i, names)| {
            let (scene, displaced) = draw(panels, bands, names);
            let (mut name, mut title) = (name.to_owned(), title.to_owned());
            let mut caption = format!("{caption}{}", displaced.sentences());
            if several {
                let first = i * MOST_SERIES + 1;
                let last = first + names.len() - 1;
                let series = format!("series {first} to {last} of {all}");
                title += &format!(", {series}");
                caption += &format!(" Here are {series}.");
            }
            if i > 0 {
                name += &format!("_{}", i + 1);
            }
            Figure {
                name,
                title,
                caption,
                source: source.to_owned(),
                scene,
            }
        })
        .collect()
}

/// The axis of `d`, the same for all panels, with room around the outermost: marked at those that were tried, or at
/// round ones where there are too many.
fn widths(panels: &[Plot<'_>], names: &[&str]) -> Scale {
    let series = names
        .iter()
        .flat_map(|name| panels.iter().filter_map(|panel| named(panel, name)));
    let mut tried: Vec<f64> = series
        .flat_map(|series| series.points.iter().map(|p| p.0))
        .collect();
    tried.sort_by(f64::total_cmp);
    tried.dedup();
    let (first, last) = match tried[..] {
        [] => (0.0, 0.0),
        [only] => (only, only),
        [first, .., last] => (first, last),
    };
    let mut scale = Scale::linear(first, last, 8);
    (scale.low, scale.high) = (first - 0.4, last + 0.4);
    let point = WIDTH / (scale.high - scale.low).max(1.0);
    let ticks: Vec<f64> = if tried
        .windows(2)
        .all(|pair| (pair[1] - pair[0]) * point >= APART)
    {
        tried
    } else {
        let round = scale.ticks.iter().map(|(d, _)| *d);
        round
            .filter(|d| d.fract().abs() < 1e-9 && (first..=last).contains(d))
            .collect()
    };
    scale.ticks = ticks.into_iter().map(|d| (d, format!("{d:.0}"))).collect();
    scale
}

/// The panels in which one of these series has something to draw.
fn draw(panels: &[Plot<'_>], bands: &[Vec<Band>], names: &[&str]) -> (Scene, Displaced) {
    let x = widths(panels, names);
    let mut scene = Scene {
        width: COLUMN,
        ..Scene::default()
    };
    let mut top = 6.0;
    let beside = bands.iter().find(|bands| !bands.is_empty());
    let beside = beside.into_iter().flatten();
    let beside: Vec<(String, Style)> = beside
        .map(|band| (band.label.clone(), band.style))
        .collect();
    if names.len() + beside.len() > 1 {
        let names = names.iter().enumerate();
        let entries: Vec<(String, Style)> = names
            .map(|(i, name)| ((*name).to_owned(), Style::series(i)))
            .chain(beside)
            .collect();
        top += axis::legend(&mut scene, (LEFT, 2.0), WIDTH, &entries);
    }
    let mut displaced = Displaced::default();
    let mut drawn: Vec<Drawn<'_>> = Vec::new();
    for (number, plot) in panels.iter().enumerate() {
        let (title, logarithmic, _) = plot;
        let bands = bands.get(number).map_or(&[][..], Vec::as_slice);
        let edges = Series {
            points: bands.iter().flat_map(Band::edges).collect(),
            no_sample: true,
        };
        let names = names.iter().enumerate();
        let shown: Vec<(usize, &Series)> = names
            .filter_map(|(i, name)| Some((i, named(plot, name)?)))
            .collect();
        let values = shown.iter().map(|(_, series)| *series).chain([&edges]);
        if let Some(y) = Axis::new(values, *logarithmic, FLOOR, &mut displaced) {
            drawn.push(Drawn {
                title,
                panel: Panel {
                    left: LEFT,
                    top,
                    width: WIDTH,
                    height: HEIGHT,
                    x: x.clone(),
                    y: y.scale.clone(),
                },
                y,
                bands,
                series: shown,
            });
            top += HEIGHT + 18.0;
        }
    }
    let last = drawn.len().saturating_sub(1);
    for (i, panel) in drawn.iter().enumerate() {
        let x_title = if i == last { X_TITLE } else { "" };
        panel.draw(&mut scene, x_title, names.len());
    }
    scene.height = top + 10.0;
    (scene, displaced)
}

/// What the axis of `d` is called.
const X_TITLE: &str = "d (dimensions of the residual stream)";

/// A panel with what is in it.
#[allow(missing_docs)]
pub struct Drawn<'a> {
    pub title: &'a str,
    pub panel: Panel,
    pub y: Axis,
    pub bands: &'a [Band],
    /// With their places in the legend.
    pub series: Vec<(usize, &'a Series)>,
}

impl Band {
    fn edges(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let at = |(d, [low, _, high]): &(f64, [f64; 3])| [(*d, *low), (*d, *high)];
        self.points.iter().flat_map(at)
    }
}

impl Drawn<'_> {
    /// From a little before the first `d` to a little behind the last, since series stand beside each other.
    fn band(&self, scene: &mut Scene, band: &Band) {
        let mut points = band.points.clone();
        if let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) {
            points.insert(0, (first.0 - BESIDE, first.1));
            points.push((last.0 + BESIDE, last.1));
        }
        let edge = |place: usize| {
            let at = |(d, values): &(f64, [f64; 3])| self.panel.at(*d, values[place]);
            points.iter().map(at).collect::<Vec<_>>()
        };
        let (low, middle, high) = (edge(0), edge(1), edge(2));
        scene.marks.push(Mark::Area {
            points: low.into_iter().chain(high.into_iter().rev()).collect(),
            fill: band.style.paint,
            opacity: 0.15,
        });
        band.style.line(scene, middle, 1.0);
    }

    /// Draws axes, bands and series; `all` is the number of series in the legend.
    pub fn draw(&self, scene: &mut Scene, x_title: &str, all: usize) {
        self.panel.draw_axes(scene, x_title, self.title);
        for band in self.bands {
            self.band(scene, band);
        }
        let apart = self.apart(all);
        for (i, series) in &self.series {
            let aside = (*i as f64 - (all - 1) as f64 / 2.0) * apart;
            self.series(scene, series, Style::series(*i), (aside, 0.8 * apart));
        }
    }

    /// How far series stand apart: not so far that those of two neighbouring `d` meet.
    fn apart(&self, all: usize) -> f64 {
        let neighbours = self.panel.width / (self.panel.x.high - self.panel.x.low).max(1.0);
        (0.5 * neighbours / all as f64).clamp(NEAREST, FARTHEST)
    }

    /// Intervals as bars, runs as points, and a line through the medians, all moved aside.
    fn series(&self, scene: &mut Scene, series: &Series, style: Style, (aside, bar): (f64, f64)) {
        let at = |d: f64, value: f64| {
            let (x, y) = self.panel.at(d, self.y.shown(value));
            (x + aside, y)
        };
        let found = series.over_seeds();
        for OverSeeds { d, interval, .. } in &found {
            if let Some((low, high)) = interval {
                let ((x, bottom), (_, top)) = (at(*d, *low), at(*d, *high));
                let half = bar / 2.0;
                interval_bar(scene, (x - half, bottom), (x + half, top), style.paint);
            }
        }
        for (d, value) in series.finite() {
            dot(scene, at(d, value), style.paint);
        }
        // A gap where the median is infinite.
        for piece in found.split(|at| !at.median.is_finite()) {
            let line: Vec<(f64, f64)> = piece.iter().map(|p| at(p.d, p.median)).collect();
            if let [(x, y)] = line[..] {
                scene.line((x - 4.0, y), (x + 4.0, y), style.paint, 1.3);
            } else {
                style.line(scene, line, 1.3);
            }
        }
    }
}
