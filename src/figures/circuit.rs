//! A model's circuit from `circuit.json`: nodes below each other in the order of the forward pass, edges as arcs from what
//! writes down to what reads; true edges on the right, all others on the left.

use std::collections::HashMap;
use std::f64::consts::PI;
use std::path::Path;

use super::colour::{MISSING, SERIES};
use super::figure::{Figure, PAGE};
use super::scene::{Anchor, Label, Mark, Paint, Scene};
use super::text;
use crate::circuit::file::{CircuitFile, EdgeEntry};
use crate::results::ReadError;
use crate::results::layout::CIRCUIT;
use base::numbers::{count, four_digits};

/// Lengths in points.
const ROW: f64 = 10.0;
const SIZE: f64 = 7.0;
const SMALL: f64 = 6.0;
/// What stands above the first row.
const TOP: f64 = 34.0;
/// Between layers, and between heads.
const GAP: f64 = 6.0;
/// The names stand between these.
const LEFT: f64 = 150.0;
const RIGHT: f64 = 336.0;
/// How far arcs go at most.
const REACH: f64 = 140.0;
/// Lines of an arc.
const PARTS: usize = 24;
/// Widths of arcs without effect and with the largest one.
const THIN: f64 = 0.4;
const THICK: f64 = 3.0;
/// Of true edges without effect.
const DASH: (f64, f64) = (2.0, 1.5);
/// Edges that are not true are drawn from this share of the largest effect on.
const SHOWN_FROM: f64 = 0.01;

const TRUE: Paint = SERIES[0];
const OTHER: Paint = SERIES[1];

/// The figure of a run's directory, if it has a circuit.
///
/// # Errors
/// If the file is garbled.
pub fn of_directory(directory: &Path) -> Result<Option<Figure>, ReadError> {
    Ok(CircuitFile::read(directory)?.map(|circuit| draw(&circuit)))
}

/// The drawing.
pub fn draw(circuit: &CircuitFile) -> Figure {
    let rows = Rows::new(circuit);
    let effects = circuit.edges.iter().map(|edge| edge.effect);
    let largest = effects.fold(0.0, f64::max);
    let mut scene = Scene {
        width: PAGE,
        height: rows.bottom + 4.0,
        marks: Vec::new(),
    };
    // Weak edges first: strong ones cover them.
    let mut edges: Vec<&EdgeEntry> = circuit.edges.iter().collect();
    edges.sort_by(|a, b| a.effect.total_cmp(&b.effect));
    let is_shown = |edge: &EdgeEntry| {
        edge.is_true || (edge.effect > 0.0 && edge.effect >= SHOWN_FROM * largest)
    };
    for edge in edges.into_iter().filter(|edge| is_shown(edge)) {
        arc(&mut scene, edge, &rows, largest);
    }
    for row in &rows.all {
        row.draw(&mut scene);
    }
    legend(&mut scene, circuit, largest);
    let others = circuit.edges.iter().filter(|edge| !edge.is_true);
    let left_out = others.filter(|edge| !is_shown(edge)).count();
    Figure {
        name: "circuit".into(),
        title: format!("The circuit of {}", circuit.program),
        caption: caption(circuit, left_out),
        source: CIRCUIT.into(),
        scene,
    }
}

fn caption(circuit: &CircuitFile, left_out: usize) -> String {
    let redundant = circuit.counts().constant + circuit.counts().no_effect;
    let mut caption = "Nodes in the order of the forward pass, from top to bottom, with the variables that they write; query, \
                       key and value stand above their head. An edge goes from what writes to what reads, its width is its \
                       effect: how far the output moves on average if this edge alone carries what it carries on another \
                       input. Right: true edges. Left: edges that are not true."
        .to_owned();
    if redundant > 0 {
        caption += " Dashed: true edges without effect in the compiled model.";
    }
    if left_out > 0 {
        caption += &format!(
            " Left out: {} that {} not true, with less than {} % of the largest effect.",
            count(left_out, "edge"),
            if left_out == 1 { "is" } else { "are" },
            100.0 * SHOWN_FROM
        );
    }
    caption
}

/// A line of the list of nodes.
struct Row {
    y: f64,
    name: String,
    variables: String,
    /// A head's query, key or value.
    is_input: bool,
}

impl Row {
    fn draw(&self, scene: &mut Scene) {
        if self.is_input {
            // On both sides: arcs of true edges arrive far from those of the others.
            for (x, anchor) in [(LEFT + 14.0, Anchor::Start), (RIGHT - 4.0, Anchor::End)] {
                let mut label = Label::new(x, self.y + 2.0, SMALL, anchor, &self.name);
                label.paint = Paint::Muted;
                scene.label(label);
            }
            return;
        }
        scene.text(LEFT + 4.0, self.y + 2.5, SIZE, Anchor::Start, &self.name);
        let room = RIGHT - LEFT - 14.0 - text::width(&self.name, SIZE);
        let variables = text::shorten(&self.variables, SMALL, room);
        let mut label = Label::new(RIGHT - 4.0, self.y + 2.5, SMALL, Anchor::End, &variables);
        label.paint = Paint::Muted;
        scene.label(label);
    }
}

/// Where everything stands.
struct Rows {
    all: Vec<Row>,
    /// By the name of a node or of a receiver.
    places: HashMap<String, f64>,
    bottom: f64,
}

impl Rows {
    fn new(circuit: &CircuitFile) -> Self {
        let mut rows = Self {
            all: Vec::new(),
            places: HashMap::new(),
            bottom: TOP,
        };
        let mut layer = "";
        for node in &circuit.nodes {
            let own = node.name.split('.').next().unwrap_or_default();
            let receiver = |input: &str| format!("{}.{input}", node.name);
            let has = |input: &&str| circuit.edges.iter().any(|edge| edge.to == receiver(input));
            let inputs: Vec<&str> = ["query", "key", "value"].into_iter().filter(has).collect();
            let are_embeddings = layer.ends_with("_embed") && own.ends_with("_embed");
            if !layer.is_empty() && !are_embeddings && (own != layer || !inputs.is_empty()) {
                rows.bottom += GAP;
            }
            layer = own;
            for input in inputs {
                rows.add(receiver(input), input.into(), String::new(), true);
            }
            let variables = node.variables.join(", ");
            rows.add(node.name.clone(), node.name.clone(), variables, false);
        }
        rows
    }

    fn add(&mut self, key: String, name: String, variables: String, is_input: bool) {
        let y = self.bottom + ROW / 2.0;
        self.bottom += ROW;
        self.places.insert(key, y);
        self.all.push(Row {
            y,
            name,
            variables,
            is_input,
        });
    }
}

/// Half an ellipse from sender to receiver, with a head where it arrives.
fn arc(scene: &mut Scene, edge: &EdgeEntry, rows: &Rows, largest: f64) {
    let (Some(&from), Some(&to)) = (rows.places.get(&edge.from), rows.places.get(&edge.to)) else {
        return;
    };
    let (x, side, paint) = if edge.is_true {
        (RIGHT, 1.0, TRUE)
    } else {
        (LEFT, -1.0, OTHER)
    };
    let share = if largest > 0.0 {
        edge.effect / largest
    } else {
        0.0
    };
    let width = THIN + (THICK - THIN) * share;
    // Long arcs go farther, so that those inside of them stay free.
    let tall = (rows.bottom - TOP).max(ROW);
    let reach = 8.0 + (REACH - 8.0) * ((to - from).abs() / tall).powf(0.7);
    let (middle, half) = (f64::midpoint(from, to), (to - from) / 2.0);
    let points = (0..=PARTS).map(|i| {
        let angle = PI * i as f64 / PARTS as f64;
        (x + side * reach * angle.sin(), middle - half * angle.cos())
    });
    let (paint, dash) = match edge.redundant {
        Some(_) => (MISSING, Some(DASH)),
        None => (paint, None),
    };
    scene.marks.push(Mark::Line {
        points: points.collect(),
        paint,
        width,
        dash,
    });
    let (long, wide) = (2.5 + width, 1.0 + width / 2.0);
    scene.marks.push(Mark::Area {
        points: vec![
            (x, to),
            (x + side * long, to - wide),
            (x + side * long, to + wide),
        ],
        fill: paint,
        opacity: 1.0,
    });
}

/// What the sides and widths mean.
fn legend(scene: &mut Scene, circuit: &CircuitFile, largest: f64) {
    let counts = circuit.counts();
    let model = match circuit.dim {
        None => format!("compiled, D = {}", circuit.width),
        Some(d) => format!("d = {d} of D = {}", circuit.width),
    };
    scene.text(
        f64::midpoint(LEFT, RIGHT),
        10.0,
        SIZE,
        Anchor::Middle,
        &model,
    );
    let others = counts.all - counts.of_truth();
    for (x, anchor, paint, words) in [
        (LEFT, Anchor::End, OTHER, format!("{others} other edges")),
        (
            RIGHT,
            Anchor::Start,
            TRUE,
            count(counts.of_truth(), "true edge"),
        ),
    ] {
        let mut label = Label::new(x, 10.0, SIZE, anchor, &words);
        label.paint = paint;
        scene.label(label);
    }
    if counts.constant + counts.no_effect > 0 {
        scene.marks.push(Mark::Line {
            points: vec![(RIGHT, 18.0), (RIGHT + 18.0, 18.0)],
            paint: MISSING,
            width: 1.0,
            dash: Some(DASH),
        });
        let words = "no effect in the compiled model";
        scene.text(RIGHT + 22.0, 20.0, SMALL, Anchor::Start, words);
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    for (x, share) in [(middle - 40.0, 0.0), (middle, 0.5), (middle + 40.0, 1.0)] {
        let width = THIN + (THICK - THIN) * share;
        scene.line((x - 12.0, 18.0), (x + 12.0, 18.0), Paint::Ink, width);
        let value = four_digits(share * largest);
        scene.text(x, 27.0, SMALL, Anchor::Middle, &value);
    }
    scene.text(middle - 60.0, 20.0, SMALL, Anchor::End, "effect");
}
