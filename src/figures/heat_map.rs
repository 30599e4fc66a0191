//! Heat maps of `G = WᵀW`: one large, or several small ones with one colour bar.

use super::axis::{SMALL, Scale};
use super::colour::{MISSING, diverging};
use super::gram::Gram;
use super::scene::{Anchor, Paint, Scene};
use super::{Figure, PAGE, text};

/// Longer labels are shortened, in points.
const LABEL_ROOM: f64 = 84.0;
/// A cell that is smaller has no room for its feature's name; its variable is named instead.
const SMALLEST_NAMED: f64 = 6.4;

/// A rectangle of cells with its top left corner.
struct Place {
    left: f64,
    top: f64,
    cell: f64,
}

fn cells(scene: &mut Scene, gram: &Gram, place: &Place, limit: f64) {
    let n = gram.labels.len();
    let Place { left, top, cell } = *place;
    let size = cell * n as f64;
    scene.rect(left, top, size, size, Paint::Rgb(255, 255, 255));
    for (i, value) in gram.values.iter().enumerate() {
        let paint = value.map_or(MISSING, |v| diverging(v / limit));
        if paint != Paint::Rgb(255, 255, 255) {
            let (x, y) = (left + (i % n) as f64 * cell, top + (i / n) as f64 * cell);
            scene.rect(x, y, cell, cell, paint);
        }
    }
    let grid = Paint::Rgb(0x88, 0x88, 0x88);
    for (_, first, _) in gram.groups().into_iter().skip(1) {
        let at = first as f64 * cell;
        scene.line((left + at, top), (left + at, top + size), grid, 0.4);
        scene.line((left, top + at), (left + size, top + at), grid, 0.4);
    }
    for (from, to) in [
        ((left, top), (left + size, top)),
        ((left, top + size), (left + size, top + size)),
        ((left, top), (left, top + size)),
        ((left + size, top), (left + size, top + size)),
    ] {
        scene.line(from, to, grid, 0.6);
    }
}

/// The names along a side, each with the middle of its cells: features, or variables where cells are
/// small; those that would cover the one before are left out.
fn names(gram: &Gram, cell: f64) -> (f64, Vec<(f64, String)>) {
    if cell >= SMALLEST_NAMED {
        let size = (cell * 0.86).min(SMALL);
        let named = gram.labels.iter().enumerate();
        let named = named.map(|(i, label)| ((i as f64 + 0.5) * cell, label.clone()));
        return (size, shortened(named, size));
    }
    let size = 6.0;
    let mut free = f64::NEG_INFINITY;
    let mut kept = Vec::new();
    for (name, first, count) in gram.groups() {
        let middle = (first as f64 + count as f64 / 2.0) * cell;
        if middle >= free {
            let count = if count > 1 {
                format!(" ({count})")
            } else {
                String::new()
            };
            kept.push((middle, format!("{name}{count}")));
            free = middle + size + 1.0;
        }
    }
    (size, shortened(kept.into_iter(), size))
}

fn shortened(names: impl Iterator<Item = (f64, String)>, size: f64) -> Vec<(f64, String)> {
    names
        .map(|(at, name)| (at, text::shorten(&name, size, LABEL_ROOM)))
        .collect()
}

fn room(names: &(f64, Vec<(f64, String)>)) -> f64 {
    let widths = names.1.iter().map(|(_, name)| text::width(name, names.0));
    widths.fold(0.0, f64::max) + 5.0
}

fn row_names(scene: &mut Scene, place: &Place, (size, names): &(f64, Vec<(f64, String)>)) {
    for (at, name) in names {
        let y = place.top + at + size * 0.36;
        scene.text(place.left - 3.0, y, *size, Anchor::End, name);
    }
}

fn column_names(
    scene: &mut Scene,
    place: &Place,
    extent: f64,
    (size, names): &(f64, Vec<(f64, String)>),
) {
    for (at, name) in names {
        let (x, y) = (place.left + at + size * 0.36, place.top + extent + 3.0);
        scene.label(x, y, *size, Anchor::End, true, Paint::Ink, name);
    }
}

/// The colour bar, `x` its left edge; returns its right edge with everything.
fn bar(scene: &mut Scene, (x, top, height): (f64, f64, f64), limit: f64, symmetric: bool) -> f64 {
    let steps = 64;
    let width = 8.0;
    let each = height / f64::from(steps);
    for i in 0..steps {
        let t = 1.0 - 2.0 * (f64::from(i) + 0.5) / f64::from(steps);
        let overlap = if i + 1 < steps { 0.6 } else { 0.0 };
        scene.rect(
            x,
            top + f64::from(i) * each,
            width,
            each + overlap,
            diverging(t),
        );
    }
    let scale = Scale {
        low: -limit,
        high: limit,
        ..Scale::linear(-limit, limit, 4)
    };
    let mut widest = 0.0f64;
    for (value, label) in scale
        .ticks
        .iter()
        .filter(|(v, _)| v.abs() <= limit * 1.0001)
    {
        let y = top + (1.0 - scale.place(*value)) * height;
        scene.line((x + width, y), (x + width + 2.0, y), Paint::Muted, 0.5);
        scene.text(x + width + 4.0, y + 2.5, SMALL, Anchor::Start, label);
        widest = widest.max(text::width(label, SMALL));
    }
    let title = x + width + 4.0 + widest + 9.0;
    scene.label(
        title,
        top + height / 2.0,
        SMALL,
        Anchor::Middle,
        true,
        Paint::Ink,
        if symmetric {
            "G = WᵀW (inner product)"
        } else {
            "G (row written, column read)"
        },
    );
    title + 4.0
}

/// The heat map of one `G`.
pub fn draw(gram: &Gram) -> Figure {
    let n = gram.labels.len() as f64;
    let cell = ((PAGE - 110.0) / n).clamp(0.5, 12.0);
    let cell = if (14.0..=62.0).contains(&n) {
        cell.max(SMALLEST_NAMED)
    } else {
        cell
    };
    let limit = nice_limit(gram.limit());
    let mut scene = Scene::default();
    let names = names(gram, cell);
    let place = Place {
        left: room(&names).max(20.0),
        top: 6.0,
        cell,
    };
    let extent = cell * n;
    cells(&mut scene, gram, &place, limit);
    row_names(&mut scene, &place, &names);
    column_names(&mut scene, &place, extent, &names);
    let height = extent.max(100.0);
    scene.width = bar(
        &mut scene,
        (place.left + extent + 10.0, place.top, height),
        limit,
        gram.is_symmetric(),
    ) + 2.0;
    scene.height = place.top + (extent + room(&names) + 2.0).max(height + 6.0);
    Figure {
        name: "gram".into(),
        title: "Inner products of the features' directions".into(),
        caption: format!(
            "{}: on the diagonal each feature's squared length, beside it how much the directions of \
             two features share. White is 0, red positive, blue negative, the limits ±{limit}; lines part \
             variables. In the compiled model G is the identity.{}{}",
            formula(gram.is_symmetric()),
            sides(gram.is_symmetric()),
            gaps(std::slice::from_ref(gram))
        ),
        source: "gram.csv".into(),
        scene,
    }
}

fn formula(symmetric: bool) -> &'static str {
    if symmetric { "G = WᵀW" } else { "G" }
}

/// What rows and columns are where writing and reading differ.
fn sides(symmetric: bool) -> &'static str {
    if symmetric {
        ""
    } else {
        " Where the matrix is not symmetric, blocks write and read with matrices of their own: rows are \
         written, columns read."
    }
}

fn gaps(grams: &[Gram]) -> &'static str {
    if grams.iter().any(|g| g.values.contains(&None)) {
        " Grey: no finite value."
    } else {
        ""
    }
}

/// At least the magnitude, with one or two digits.
fn nice_limit(magnitude: f64) -> f64 {
    if magnitude <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(magnitude.log10().floor() - 1.0);
    // The division by a power of ten above 1 keeps the decimals of 1.3 short.
    let steps = (magnitude / unit - 1e-9).ceil();
    if unit < 1.0 {
        steps / (1.0 / unit).round()
    } else {
        steps * unit
    }
}

/// Small multiples: one map a run, with one colour scale. `what` names what the runs are.
pub fn multiples(grams: &[(String, Gram)], what: &str) -> Option<Figure> {
    grams.first()?;
    let per_row = grams.len().clamp(1, 3);
    let limit = nice_limit(grams.iter().map(|(_, g)| g.limit()).fold(0.0, f64::max));
    let side = (PAGE - 130.0) / per_row as f64 - 8.0;
    let side = side.min(150.0);
    let mut scene = Scene::default();
    let all: Vec<_> = grams
        .iter()
        .map(|(_, g)| {
            (
                side / g.labels.len() as f64,
                names(g, side / g.labels.len() as f64),
            )
        })
        .collect();
    let margin = all
        .iter()
        .map(|(_, names)| room(names))
        .fold(20.0, f64::max);
    let mut bottom = 0.0f64;
    for (i, ((title, gram), (cell, names))) in grams.iter().zip(&all).enumerate() {
        let place = Place {
            left: margin + (i % per_row) as f64 * (side + 8.0),
            top: 14.0 + (i / per_row) as f64 * (side + 20.0),
            cell: *cell,
        };
        let title = text::shorten(title, SMALL, side + 6.0);
        scene.text(
            place.left + side / 2.0,
            place.top - 4.0,
            SMALL,
            Anchor::Middle,
            &title,
        );
        cells(&mut scene, gram, &place, limit);
        if i % per_row == 0 {
            row_names(&mut scene, &place, names);
        }
        if i + per_row >= grams.len() {
            column_names(&mut scene, &place, side, names);
            bottom = bottom.max(place.top + side + room(names) + 2.0);
        }
    }
    let bar_at = margin + per_row as f64 * (side + 8.0) + 4.0;
    let symmetric = grams.iter().all(|(_, gram)| gram.is_symmetric());
    let bar_place = (bar_at, 14.0, side.max(100.0));
    scene.width = bar(&mut scene, bar_place, limit, symmetric) + 2.0;
    scene.height = bottom.max(side.max(100.0) + 24.0);
    let only: Vec<Gram> = grams.iter().map(|(_, g)| g.clone()).collect();
    Some(Figure {
        name: "gram_multiples".into(),
        title: "Inner products of the features' directions, run by run".into(),
        caption: format!(
            "{}, {what}; one colour scale for all, white is 0, red positive, blue negative, limits \
             ±{limit}. A variable's number of features stands in brackets.{}{}",
            formula(symmetric),
            sides(symmetric),
            gaps(&only)
        ),
        source: "gram.csv of the runs".into(),
        scene,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_short_and_hold_everything() {
        assert_eq!(nice_limit(1.0), 1.0);
        assert_eq!(nice_limit(1.234), 1.3);
        assert_eq!(nice_limit(0.0421), 0.043);
        assert_eq!(nice_limit(131.0), 140.0);
        assert_eq!(nice_limit(0.0), 1.0);
    }
}
