//! What a model computes on one input: attention patterns, and the residual stream after each block.

use ndarray::{Array2, ArrayView2};

use super::axis::SMALL;
use super::colour::MISSING;
use super::colour_bar::{self, WHITE, clip_mark};
use super::colour_scale::ColourScale;
use super::feature_names::{GREY, Names, SMALLEST_NAMED};
use super::figure::{Figure, PAGE};
use super::gram::{grouped, groups};
use super::scene::{Anchor, Label, Scene};
use super::text;
use base::numbers::{count, four_digits};

/// Widths of the cells of a position, in points.
const NARROWEST: f64 = 7.0;
const WIDEST: f64 = 14.0;
/// What the colour bar needs.
const BAR: f64 = 56.0;
/// Between panels.
const GAP: f64 = 8.0;
/// Longer tokens are shortened.
const TOKEN_ROOM: f64 = 60.0;
/// A feature is 0 or 1 in most of a compiled stream: numbers beyond this do not set the colours' limit.
const BOUND: f64 = 2.0;

/// The activations of a model on one input of `T` positions.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Whose: `sort_unique, compiled`.
    pub model: String,
    /// The input for the caption: `3 1 2`.
    pub input: String,
    /// The `D` features.
    pub features: Vec<String>,
    /// The token at each position, BOS first.
    pub tokens: Vec<String>,
    /// The residual stream in feature dimensions after the embedding and after each block, `[T, D]`, with
    /// their names.
    pub stream: Vec<(String, Array2<f64>)>,
    /// The attention of each head, `[T, T]`: row = query, column = key.
    pub attention: Vec<(String, Array2<f64>)>,
}

/// Cells under a title; all panels of a figure have equal sizes.
struct Panel<'a> {
    title: &'a str,
    /// `[rows, T]`, as drawn.
    values: ArrayView2<'a, f64>,
}

/// Where panels go.
struct Grid<'a> {
    /// Width and height of a cell.
    cell: (f64, f64),
    rows: Names,
    columns: Names,
    /// Rows after which there is a line, beside the frame.
    lines: Vec<usize>,
    colours: &'a ColourScale,
}

impl Grid<'_> {
    /// Draws panels beside and below each other and the colour bar; returns the figure's size.
    fn draw(&self, scene: &mut Scene, panels: &[Panel<'_>], what: &str) -> (f64, f64) {
        let (rows, columns) = panels[0].values.dim();
        let (width, height) = (columns as f64 * self.cell.0, rows as f64 * self.cell.1);
        let titles = text::widest(panels.iter().map(|panel| panel.title), SMALL);
        let pitch = width.max(titles) + GAP;
        let left = self.rows.room().max(20.0);
        let per_row = (((PAGE - BAR - left + GAP) / pitch) as usize).clamp(1, panels.len());
        let below = self.columns.room() + 8.0 + SMALL;
        let first = 6.0 + SMALL;
        for (i, panel) in panels.iter().enumerate() {
            let x = left + (i % per_row) as f64 * pitch;
            let y = first + (i / per_row) as f64 * (height + below);
            scene.text(x, y - 4.0, SMALL, Anchor::Start, panel.title);
            self.cells(scene, (x, y), panel.values);
            if i % per_row == 0 {
                self.name_rows(scene, (x, y));
            }
            self.name_columns(scene, (x, y + height));
        }
        let lines = panels.len().div_ceil(per_row) as f64;
        let bottom = first + lines * (height + below) - SMALL - 6.0;
        let bar = (
            left + per_row as f64 * pitch + 2.0,
            first,
            height.clamp(60.0, 240.0),
        );
        let (right, end) = colour_bar::draw(scene, bar, self.colours, what);
        (right + 2.0, bottom.max(end + 2.0))
    }

    fn cells(&self, scene: &mut Scene, (left, top): (f64, f64), values: ArrayView2<'_, f64>) {
        let (cell, (rows, columns)) = (self.cell, values.dim());
        let (width, height) = (columns as f64 * cell.0, rows as f64 * cell.1);
        scene.rect(left, top, width, height, WHITE);
        for ((row, column), value) in values.indexed_iter() {
            let (x, y) = (left + column as f64 * cell.0, top + row as f64 * cell.1);
            let paint = match value.is_finite() {
                true => self.colours.paint(*value),
                false => MISSING,
            };
            if paint != WHITE {
                scene.rect(x, y, cell.0, cell.1, paint);
            }
            if self.colours.clips(*value) {
                let side = cell.0.min(cell.1);
                clip_mark(
                    scene,
                    x + (cell.0 - side) / 2.0,
                    y + (cell.1 - side) / 2.0,
                    side,
                );
            }
        }
        for row in &self.lines {
            let y = top + *row as f64 * cell.1;
            scene.line((left, y), (left + width, y), GREY, 0.4);
        }
        let (right, bottom) = (left + width, top + height);
        scene.frame((left, top), (right, bottom), GREY, 0.6);
    }

    fn name_rows(&self, scene: &mut Scene, (left, top): (f64, f64)) {
        let Names { size, at } = &self.rows;
        for (middle, name) in at {
            scene.text(
                left - 3.0,
                top + middle + size * 0.36,
                *size,
                Anchor::End,
                name,
            );
        }
    }

    fn name_columns(&self, scene: &mut Scene, (left, bottom): (f64, f64)) {
        let Names { size, at } = &self.columns;
        for (middle, name) in at {
            if text::width(name, *size) <= self.cell.0 - 1.0 {
                let x = left + middle;
                scene.text(x, bottom + 2.0 + size, *size, Anchor::Middle, name);
                continue;
            }
            scene.label(Label {
                upwards: true,
                ..Label::new(
                    left + middle + size * 0.36,
                    bottom + 3.0,
                    *size,
                    Anchor::End,
                    name,
                )
            });
        }
    }
}

/// Tokens beside cells of this size; where cells are small, those that have room.
fn tokens(tokens: &[String], cell: f64) -> Names {
    let size = SMALL.min(cell.max(NARROWEST) * 0.9);
    let mut free = f64::NEG_INFINITY;
    let mut at = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let middle = (i as f64 + 0.5) * cell;
        if middle >= free {
            at.push((middle, text::shorten(token, size, TOKEN_ROOM)));
            free = middle + size;
        }
    }
    Names { size, at }
}

/// The width of a position's cells, so that as many of `panels` stand beside each other as can.
fn cell_width(panels: usize, positions: usize, left: f64) -> f64 {
    let room = PAGE - BAR - left + GAP;
    let positions = positions as f64;
    let per_row = (room / (positions * NARROWEST + GAP)).floor();
    let per_row = per_row.clamp(1.0, panels.max(1) as f64);
    ((room / per_row - GAP) / positions).min(WIDEST)
}

/// The attention patterns, a panel for each head; none of a model without one.
pub fn attention(activations: &Activations) -> Option<Figure> {
    let Activations {
        model,
        input,
        attention,
        ..
    } = activations;
    let panels: Vec<Panel<'_>> = attention
        .iter()
        .map(|(title, weights)| Panel {
            title,
            values: weights.view(),
        })
        .collect();
    panels.first()?;
    let positions = activations.tokens.len();
    let left = tokens(&activations.tokens, SMALL).room().max(20.0);
    let side = cell_width(panels.len(), positions, left);
    let colours = ColourScale {
        limit: 1.0,
        signed: false,
        above: 0,
        below: 0,
    };
    let grid = Grid {
        cell: (side, side),
        rows: tokens(&activations.tokens, side),
        columns: tokens(&activations.tokens, side),
        lines: Vec::new(),
        colours: &colours,
    };
    let mut scene = Scene::default();
    (scene.width, scene.height) = grid.draw(&mut scene, &panels, "attention");
    Some(Figure {
        name: "attention".into(),
        title: format!("Attention patterns on {input}"),
        caption: format!(
            "How much of the attention of each query position (row) goes to each key position (column), in each head \
             of {model} that writes anything, on the input {input}. Each row sums to 1: white is 0, dark red 1."
        ),
        source: "a forward pass".into(),
        scene,
    })
}

/// The residual stream, a panel for the embedding and one for each block.
pub fn stream(activations: &Activations) -> Figure {
    let Activations {
        model,
        input,
        features,
        stream,
        ..
    } = activations;
    let labels: Vec<&str> = features.iter().map(String::as_str).collect();
    let order = grouped(&labels);
    let features: Vec<String> = order.iter().map(|i| features[*i].clone()).collect();
    // [T, D] to [D, T], features in the order of the figure.
    let turned: Vec<Array2<f64>> = stream
        .iter()
        .map(|(_, values)| values.t().select(ndarray::Axis(0), &order))
        .collect();
    let panels: Vec<Panel<'_>> = stream
        .iter()
        .zip(&turned)
        .map(|((title, _), values)| Panel {
            title,
            values: values.view(),
        })
        .collect();
    let n = features.len() as f64;
    let height = ((PAGE - 110.0) / n).clamp(0.5, 9.0);
    let height = if n <= 62.0 {
        height.max(SMALLEST_NAMED)
    } else {
        height
    };
    let rows = Names::of(&features, height);
    let width = cell_width(panels.len(), activations.tokens.len(), rows.room());
    let entries = turned.iter().flatten().copied().filter(|x| x.is_finite());
    let colours = ColourScale::of_entries(entries, BOUND);
    let grid = Grid {
        cell: (width, height),
        rows,
        columns: tokens(&activations.tokens, width),
        lines: groups(&features)
            .iter()
            .skip(1)
            .map(|(_, i, _)| *i)
            .collect(),
        colours: &colours,
    };
    let mut scene = Scene::default();
    (scene.width, scene.height) = grid.draw(&mut scene, &panels, "value of the feature");
    let beyond = match colours.clipped() {
        0 => String::new(),
        cells => format!(
            ", and a white dot marks each cell beyond it ({}, the largest magnitude is {})",
            count(cells, "cell"),
            four_digits(turned.iter().flatten().fold(0.0, |m, x| x.abs().max(m)))
        ),
    };
    let from = if colours.signed { "±" } else { "" };
    Figure {
        name: "residual_stream".into(),
        title: format!("The residual stream on {input}"),
        caption: format!(
            "The value of each feature (row) at each position (column) in the residual stream of {model}, after the \
             embedding and after each block, on the input {input}. White is 0, red positive, blue negative, the \
             colour scale ends at {from}{}{beyond}; grey lines separate variables.",
            four_digits(colours.limit)
        ),
        source: "a forward pass".into(),
        scene,
    }
}
