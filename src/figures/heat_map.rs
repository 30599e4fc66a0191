//! Heat maps of `G = WᵀW`: one large, or several small ones with one colour bar.

use super::axis::SMALL;
use super::colour::MISSING;
use super::colour_bar::{self, WHITE, clip_mark};
use super::colour_scale::ColourScale;
use super::feature_names::{GREY, Names, SMALLEST_NAMED};
use super::figure::{Figure, PAGE};
use super::gram::Gram;
use super::scene::{Anchor, Label, Scene};
use super::text;
use crate::results::layout::GRAM;
use base::numbers::{count, four_digits};

/// From line to line of a map's title.
const TITLE_LINE: f64 = 8.0;

/// A map of a size, wherever it is drawn.
struct Map<'a> {
    gram: &'a Gram,
    cell: f64,
    names: Names,
}

impl<'a> Map<'a> {
    fn new(gram: &'a Gram, cell: f64) -> Self {
        Self {
            gram,
            cell,
            names: Names::of(&gram.labels, cell),
        }
    }

    fn side(&self) -> f64 {
        self.cell * self.gram.labels.len() as f64
    }

    fn draw_cells(&self, scene: &mut Scene, (left, top): (f64, f64), colours: &ColourScale) {
        let (n, cell, size) = (self.gram.labels.len(), self.cell, self.side());
        scene.rect(left, top, size, size, WHITE);
        for (i, value) in self.gram.values.iter().enumerate() {
            let paint = value.map_or(MISSING, |v| colours.paint(v));
            let (x, y) = (left + (i % n) as f64 * cell, top + (i / n) as f64 * cell);
            if paint != WHITE {
                scene.rect(x, y, cell, cell, paint);
            }
            if value.is_some_and(|v| colours.clips(v)) {
                clip_mark(scene, x, y, cell);
            }
        }
        let (right, bottom) = (left + size, top + size);
        for (_, first, _) in self.gram.groups().into_iter().skip(1) {
            let (x, y) = (left + first as f64 * cell, top + first as f64 * cell);
            scene.line((x, top), (x, bottom), GREY, 0.4);
            scene.line((left, y), (right, y), GREY, 0.4);
        }
        scene.frame((left, top), (right, bottom), GREY, 0.6);
    }

    fn name_rows(&self, scene: &mut Scene, (left, top): (f64, f64)) {
        let Names { size, at } = &self.names;
        for (middle, name) in at {
            let y = top + middle + size * 0.36;
            scene.text(left - 3.0, y, *size, Anchor::End, name);
        }
    }

    fn name_columns(&self, scene: &mut Scene, (left, top): (f64, f64)) {
        let Names { size, at } = &self.names;
        for (middle, name) in at {
            let (x, y) = (left + middle + size * 0.36, top + self.side() + 3.0);
            scene.label(Label {
                upwards: true,
                ..Label::new(x, y, *size, Anchor::End, name)
            });
        }
    }
}

/// The heat map of one `G`.
pub fn draw(gram: &Gram) -> Figure {
    let colours = ColourScale::of(std::iter::once(gram));
    let scene = single(gram, &colours, inner_products(gram.is_symmetric()));
    Figure {
        name: "gram".into(),
        title: "Inner products of the features' directions".into(),
        caption: format!(
            "{}: on the diagonal each feature's squared length, off it the inner products of two features' \
             directions. White is 0, red positive, blue negative, the colour scale ends at ±{}{}; grey lines separate \
             variables. In the compiled model G is the identity.{}{}",
            formula(gram.is_symmetric()),
            four_digits(colours.limit),
            match colours.clipped() {
                0 => String::new(),
                n => format!(
                    ", and a white dot marks each cell beyond it ({}, the largest magnitude is {})",
                    count(n, "cell"),
                    four_digits(gram.largest())
                ),
            },
            sides(gram.is_symmetric()),
            gaps([gram].into_iter())
        ),
        source: GRAM.into(),
        scene,
    }
}

/// From this share of cells beyond the colours' limits on, the map of `G` is followed by one of cosines.
const MANY_BEYOND: f64 = 0.05;

/// The heat map of the features' cosines, where so many entries of `G` are beyond its colours' limits that it hides how the
/// directions lie; a `G` that is not symmetric has none.
pub fn cosines(gram: &Gram) -> Option<Figure> {
    let beyond = ColourScale::of(std::iter::once(gram)).clipped() as f64;
    if !gram.is_symmetric() || beyond < MANY_BEYOND * gram.values.len() as f64 {
        return None;
    }
    let colours = ColourScale {
        limit: 1.0,
        signed: true,
        above: 0,
        below: 0,
    };
    Some(Figure {
        name: "gram_cosines".into(),
        title: "Cosines of the features' directions".into(),
        caption: "G with every direction scaled to length 1: the cosine of each two features' directions. White is 0 \
                  (orthogonal), red positive, blue negative; grey lines separate variables. Grey: a feature without a \
                  direction. Many entries of G itself are beyond the colours of its map, as those of features that W makes long."
            .into(),
        source: GRAM.into(),
        scene: single(&gram.cosines(), &colours, "cosine of two directions"),
    })
}

/// The cells, names and colour bar of one map; `what` is the bar's title.
fn single(gram: &Gram, colours: &ColourScale, what: &str) -> Scene {
    let n = gram.labels.len() as f64;
    let cell = ((PAGE - 110.0) / n).clamp(0.5, 12.0);
    let cell = if (14.0..=62.0).contains(&n) {
        cell.max(SMALLEST_NAMED)
    } else {
        cell
    };
    let mut scene = Scene::default();
    let map = Map::new(gram, cell);
    let at @ (left, top) = (map.names.room().max(20.0), 6.0);
    map.draw_cells(&mut scene, at, colours);
    map.name_rows(&mut scene, at);
    map.name_columns(&mut scene, at);
    let bar_place = (left + map.side() + 10.0, top, map.side().max(100.0));
    let (right, bottom) = colour_bar::draw(&mut scene, bar_place, colours, what);
    scene.width = right + 2.0;
    scene.height = bottom.max(top + map.side() + map.names.room() + 2.0);
    scene
}

/// The heat map of shares, from 0 to 1, in place of `G`; `what` they are.
pub fn of_shares(shares: &Gram, what: &str) -> Scene {
    let colours = ColourScale {
        limit: 1.0,
        signed: false,
        above: 0,
        below: 0,
    };
    single(shares, &colours, what)
}

fn formula(symmetric: bool) -> &'static str {
    if symmetric { "G = WᵀW" } else { "G" }
}

/// What the colours of a map of `G` are.
fn inner_products(symmetric: bool) -> &'static str {
    if symmetric {
        "G = WᵀW (inner product)"
    } else {
        "G (row written, column read)"
    }
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

fn gaps<'a>(mut grams: impl Iterator<Item = &'a Gram>) -> &'static str {
    if grams.any(|g| g.values.contains(&None)) {
        " Grey: no finite value."
    } else {
        ""
    }
}

/// The largest magnitude of a map, if it is beyond the colours' limits.
fn beyond(gram: &Gram, colours: &ColourScale) -> Option<f64> {
    Some(gram.largest()).filter(|largest| colours.clips(*largest))
}

/// Three digits.
fn rough(x: f64) -> String {
    match x {
        x if x < 10.0 => format!("{x:.2}"),
        x if x < 100.0 => format!("{x:.1}"),
        x if x < 1e6 => format!("{x:.0}"),
        x => four_digits(x),
    }
}

/// Small multiples: one map a run, with one colour scale. `what` names what the runs are.
pub fn multiples(grams: &[(String, Gram)], what: &str) -> Option<Figure> {
    grams.first()?;
    let per_row = grams.len().clamp(1, 3);
    let colours = ColourScale::of(grams.iter().map(|(_, gram)| gram));
    let side = (PAGE - 130.0) / per_row as f64 - 8.0;
    let side = side.min(150.0);
    let mut scene = Scene::default();
    let maps: Vec<Map<'_>> = grams
        .iter()
        .map(|(_, gram)| Map::new(gram, side / gram.labels.len() as f64))
        .collect();
    let rooms = maps.iter().map(|map| map.names.room());
    let margin = rooms.fold(20.0, f64::max);
    let titles: Vec<Vec<String>> = grams
        .iter()
        .map(|(title, gram)| {
            let largest = beyond(gram, &colours)
                .map_or_else(String::new, |largest| format!(", max {}", rough(largest)));
            text::wrapped(&format!("{title}{largest}"), SMALL, side + 6.0)
        })
        .collect();
    let title_room = 6.0 + TITLE_LINE * titles.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let mut bottom = 0.0f64;
    for (i, (map, titles)) in maps.iter().zip(&titles).enumerate() {
        let left = margin + (i % per_row) as f64 * (side + 8.0);
        let top = title_room + (i / per_row) as f64 * (side + title_room + 6.0);
        for (line, title) in titles.iter().rev().enumerate() {
            let y = top - 4.0 - TITLE_LINE * line as f64;
            scene.text(left + side / 2.0, y, SMALL, Anchor::Middle, title);
        }
        map.draw_cells(&mut scene, (left, top), &colours);
        if i % per_row == 0 {
            map.name_rows(&mut scene, (left, top));
        }
        if i + per_row >= grams.len() {
            map.name_columns(&mut scene, (left, top));
            bottom = bottom.max(top + side + map.names.room() + 2.0);
        }
    }
    let bar_at = margin + per_row as f64 * (side + 8.0) + 4.0;
    let symmetric = grams.iter().all(|(_, gram)| gram.is_symmetric());
    let bar_place = (bar_at, title_room, side.max(100.0));
    let (right, bar_bottom) =
        colour_bar::draw(&mut scene, bar_place, &colours, inner_products(symmetric));
    scene.width = right + 2.0;
    scene.height = bottom.max(bar_bottom + 4.0);
    let grouped = if maps.iter().any(|map| map.cell < SMALLEST_NAMED) {
        " A variable's number of features stands in brackets."
    } else {
        ""
    };
    Some(Figure {
        name: "gram_multiples".into(),
        title: "Inner products of the features' directions, run by run".into(),
        caption: format!(
            "{}, {what}. One colour scale for all: white is 0, red positive, blue negative, and it ends at ±{}{}.{grouped}{}{}",
            formula(symmetric),
            four_digits(colours.limit),
            match colours.clipped() {
                0 => String::new(),
                n => format!(
                    "; a white dot marks each cell beyond it ({} in {}), and the map's title then has its largest \
                     magnitude",
                    count(n, "cell"),
                    count(
                        grams
                            .iter()
                            .filter(|(_, g)| beyond(g, &colours).is_some())
                            .count(),
                        "map"
                    )
                ),
            },
            sides(symmetric),
            gaps(grams.iter().map(|(_, gram)| gram))
        ),
        source: "gram.csv of the runs".into(),
        scene,
    })
}

#[cfg(test)]
mod tests {
    use super::super::colour::diverging;
    use super::super::scene::{Mark, Paint};
    use super::*;

    /// Three features, `value` the only entry off the diagonal.
    fn gram(diagonal: [f64; 3], value: f64) -> Gram {
        let [a, b, c] = diagonal.map(Some);
        let (zero, value) = (Some(0.0), Some(value));
        Gram {
            labels: ["a", "b", "c"].map(String::from).to_vec(),
            values: vec![a, value, zero, value, b, zero, zero, zero, c],
        }
    }

    /// Centres of the marks of clipped cells.
    fn marks(scene: &Scene) -> Vec<(f64, f64)> {
        let dots = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Dot { x, y, fill, .. } if *fill == WHITE => Some((*x, *y)),
            _ => None,
        });
        dots.collect()
    }

    /// The cells whose rectangle has this colour.
    fn cells_of(scene: &Scene, paint: Paint) -> usize {
        let is_cell = |mark: &&Mark| matches!(mark, Mark::Rect { fill, width, .. } if *fill == paint && *width > 9.0);
        scene.marks.iter().filter(is_cell).count()
    }

    fn texts(scene: &Scene) -> Vec<&str> {
        let texts = scene.marks.iter().filter_map(|mark| match mark {
            Mark::Text(label) => Some(label.text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn cosines_are_drawn_where_many_entries_are_off_the_scale() {
        let long = gram([1.0, 16.0, 0.0], -2.0);
        let cosines = long.cosines();
        assert_eq!(
            cosines.values[..4],
            [Some(1.0), Some(-0.5), None, Some(-0.5)]
        );
        // The third has no direction.
        assert_eq!(cosines.values[8], None);
        let figure = super::cosines(&long).unwrap();
        assert!(marks(&figure.scene).is_empty());
        assert_eq!(cells_of(&figure.scene, diverging(-0.5)), 2);
        assert_eq!(cells_of(&figure.scene, MISSING), 5);
        // Nothing is off the scale; and what is written and read with two matrices has no lengths.
        assert!(super::cosines(&gram([1.0, 0.5, 0.25], 0.5)).is_none());
        let two = Gram {
            values: vec![Some(1.0), Some(9.0), Some(0.0), Some(1.0)],
            labels: vec!["a".into(), "b".into()],
        };
        assert!(super::cosines(&two).is_none());
    }

    #[test]
    fn clipped_cells_are_marked_and_the_bar_the_title_and_the_caption_say_so() {
        let grams = [
            ("d = 3".to_owned(), gram([1.0, 12.25, 0.5], -4.0)),
            ("d = 8".to_owned(), gram([1.0, 0.5, 0.25], 0.5)),
        ];
        let figure = multiples(&grams, "by d").unwrap();
        // One at ±12, two at −4, and two in the legend.
        assert_eq!(marks(&figure.scene).len(), 3 + 2);
        let words = texts(&figure.scene);
        for text in ["≥ 1", "≤ −1", "off scale", "d = 3, max 12.2", "d = 8"] {
            assert!(words.contains(&text), "{text}: {words:?}");
        }
        assert!(
            figure.caption.contains(
                "it ends at ±1; a white dot marks each cell beyond it (3 cells in 1 map), and the map's title \
                 then has its largest magnitude."
            ),
            "{}",
            figure.caption
        );
        // The second map keeps its contrast: its longest feature is as dark as a colour can be.
        assert_eq!(cells_of(&figure.scene, diverging(1.0)), 3);
        let single = draw(&grams[0].1);
        assert_eq!(marks(&single.scene).len(), 3 + 2);
        assert!(
            single.caption.contains(
                "the colour scale ends at ±1, and a white dot marks each cell beyond it (3 cells, the largest magnitude is \
                 12.25);"
            ),
            "{}",
            single.caption
        );
    }

    #[test]
    fn a_mark_stands_in_the_middle_of_its_cell() {
        let figure = draw(&gram([1.0, 1.0, 30.0], 0.0));
        let found = marks(&figure.scene);
        let cell = figure.scene.marks.iter().find_map(|mark| match mark {
            Mark::Rect {
                x, y, width, fill, ..
            } if *fill == diverging(30.0) && *width > 9.0 => Some((*x, *y, *width)),
            _ => None,
        });
        let (x, y, size) = cell.unwrap();
        // The last of three in a row: not the first cell that is as dark.
        assert!(found.iter().any(|(a, b)| {
            let at = |first: f64| first + 2.5 * size;
            (a - at(x)).abs() < 1e-9 && (b - at(y)).abs() < 1e-9
        }));
        assert_eq!(found.len(), 2);
        let words = texts(&figure.scene);
        assert!(words.contains(&"≥ 1") && words.contains(&"−1"), "{words:?}");
    }

    #[test]
    fn nothing_is_marked_where_nothing_is_clipped() {
        let grams = [("d = 8".to_owned(), gram([1.0, 0.5, 1.25], -0.5))];
        for figure in [multiples(&grams, "by d").unwrap(), draw(&grams[0].1)] {
            assert!(marks(&figure.scene).is_empty());
            let words = texts(&figure.scene);
            assert!(
                words.contains(&"1.3") && words.contains(&"−1.3"),
                "{words:?}"
            );
            assert!(
                !words
                    .iter()
                    .any(|w| w.contains('≥') || w.contains('≤') || w.contains("off"))
            );
            assert!(!figure.caption.contains("white dot"), "{}", figure.caption);
        }
    }
}
