//! Training curves, from `metrics.csv`.

use super::axis::{self, Panel, Scale, Style};
use super::figure::{COLUMN, Figure};
use super::scene::Scene;
use crate::results::layout::METRICS;
use crate::results::{Metric, ReadError, Table};

/// A curve with more points is thinned.
const MOST_POINTS: usize = 1500;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 48.0;

/// A panel: title of its axis, metrics, logarithmic.
type Group = (&'static str, &'static [Metric], bool);

const GROUPS: [Group; 3] = [
    (
        "loss",
        &[
            Metric::EvalLoss,
            Metric::EvalLossOutput,
            Metric::EvalLossLayers,
        ],
        true,
    ),
    ("output error", &[Metric::Mae, Metric::MaxError], true),
    (
        "share that is right",
        &[Metric::TokenAccuracy, Metric::SequenceAccuracy],
        false,
    ),
];
/// The loss of the batches, in the panel of losses: column and name in the legend.
const TRAINING_LOSS: (&str, &str) = ("loss", "training");

/// The losses, and the errors or accuracies, over the steps.
///
/// # Errors
/// If the table lacks `step` or `loss`, or a cell is not a number.
pub fn draw(metrics: &Table) -> Result<Figure, ReadError> {
    let steps = metrics.numbers("step")?;
    metrics.column(TRAINING_LOSS.0)?;
    let mut panels = Vec::new();
    for (i, (title, exact, logarithmic)) in GROUPS.into_iter().enumerate() {
        let training = (i == 0).then_some(TRAINING_LOSS);
        let exact = exact
            .iter()
            .map(|metric| (metric.name(), metric.column().curve));
        let mut curves = Vec::new();
        for (column, name) in training.into_iter().chain(exact) {
            if metrics.find(column).is_none() {
                continue;
            }
            let points = steps
                .iter()
                .zip(metrics.numbers(column)?)
                .filter_map(|(step, value)| Some(((*step)?, value?)));
            curves.push((name.to_owned(), points.collect()));
        }
        panels.push(Stacked::new(title, curves, logarithmic));
    }
    let left_out: usize = panels.iter().map(|panel| panel.left_out).sum();
    let is_thinned = panels.iter().any(|panel| panel.is_thinned);
    let Some(scene) = stacked(&panels, &steps) else {
        return Err(metrics.wrong(0, "there is no number to draw"));
    };
    let mut caption = "Loss, and the error or the share of right outputs, during training. The training loss is the mean over \
                       the batches since the previous logged step; all other metrics are exact, over the inputs of evaluation."
        .to_owned();
    if left_out > 0 {
        caption += &format!(" {left_out} values of 0 have no place on the logarithmic axes.");
    }
    if is_thinned {
        caption += " Curves of many points are thinned; lowest and highest are kept.";
    }
    Ok(Figure {
        name: "training".into(),
        title: "Training curves".into(),
        caption,
        source: METRICS.into(),
        scene,
    })
}

/// A panel of curves over the steps.
pub(super) struct Stacked {
    title: &'static str,
    /// Name in the legend, points.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
    logarithmic: bool,
    /// How many values have no place on a logarithmic axis.
    left_out: usize,
    is_thinned: bool,
}

impl Stacked {
    /// Of these curves what has a place on the axis, without those of which nothing has.
    pub fn new(
        title: &'static str,
        mut curves: Vec<(String, Vec<(f64, f64)>)>,
        logarithmic: bool,
    ) -> Self {
        let (mut left_out, mut is_thinned) = (0, false);
        for (_, points) in &mut curves {
            let all = points.len();
            points.retain(|(_, value)| !logarithmic || *value > 0.0);
            left_out += all - points.len();
            is_thinned |= points.len() > MOST_POINTS;
            *points = thin(std::mem::take(points));
        }
        curves.retain(|(_, points)| !points.is_empty());
        Self {
            title,
            curves,
            logarithmic,
            left_out,
            is_thinned,
        }
    }
}

/// Panels one below the other, each with its legend; none if there is nothing in them.
pub(super) fn stacked(panels: &[Stacked], steps: &[Option<f64>]) -> Option<Scene> {
    let panels: Vec<&Stacked> = panels
        .iter()
        .filter(|panel| !panel.curves.is_empty())
        .collect();
    let last = panels.len().checked_sub(1)?;
    let last_step = steps.iter().flatten().copied().fold(1.0, f64::max);
    let mut scene = Scene {
        width: COLUMN,
        ..Scene::default()
    };
    let mut top = 2.0;
    for (i, stacked) in panels.into_iter().enumerate() {
        let Stacked {
            title,
            curves,
            logarithmic,
            ..
        } = stacked;
        let entries: Vec<(String, Style)> = curves
            .iter()
            .enumerate()
            .map(|(i, (name, _))| (name.clone(), Style::series(i)))
            .collect();
        top += axis::legend(&mut scene, (LEFT, top), COLUMN - LEFT - 8.0, &entries);
        let values = || curves.iter().flat_map(|(_, points)| points).map(|p| p.1);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let panel = Panel {
            left: LEFT,
            top,
            width: COLUMN - LEFT - 14.0,
            height: HEIGHT,
            x: Scale::linear(0.0, last_step, 5),
            y: if *logarithmic {
                Scale::logarithmic(low, high)
            } else {
                Scale::linear(low.clamp(-1.0, 0.0), high.max(1.0), 5)
            },
        };
        let x_title = if i == last { "updates of W" } else { "" };
        panel.draw_axes(&mut scene, x_title, title);
        for ((_, points), (_, style)) in curves.iter().zip(&entries) {
            if points.len() > 1 {
                let points = points.iter().map(|(x, y)| panel.at(*x, *y)).collect();
                style.line(&mut scene, points, 1.1);
            }
        }
        top += HEIGHT + 16.0;
    }
    scene.height = top + 10.0;
    Some(scene)
}

/// At most about [`MOST_POINTS`]: of each run of points, lowest and highest.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let mut kept = Vec::new();
    for chunk in points.chunks(points.len().div_ceil(MOST_POINTS / 2)) {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (chunk.iter().min_by(by), chunk.iter().max_by(by));
        let mut pair: Vec<(f64, f64)> = low.into_iter().chain(high).copied().collect();
        pair.sort_by(|a, b| a.0.total_cmp(&b.0));
        pair.dedup();
        kept.extend(pair);
    }
    kept
}
