//! What a figure consists of, before it is SVG or PNG. Lengths are in points (1/72 inch), `y` grows
//! downwards.

use super::text;
use base::escape::visible;

/// A colour. The first four follow the page: a report in dark mode replaces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Axes and text.
    Ink,
    /// Secondary text.
    Muted,
    /// Grid lines.
    Grid,
    /// The background.
    Paper,
    /// A colour with a meaning of its own.
    Rgb(u8, u8, u8),
}

/// Which point of a text its position means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A text on one line; `(x, y)` is on its baseline.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Label {
    pub x: f64,
    pub y: f64,
    pub size: f64,
    pub text: String,
    pub anchor: Anchor,
    /// Turned by 90° to the left: it reads upwards.
    pub upwards: bool,
    pub paint: Paint,
}

/// One thing that is drawn; later ones cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Mark {
    Rect {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Paint,
    },
    Line {
        points: Vec<(f64, f64)>,
        paint: Paint,
        width: f64,
        /// Lengths of dash and gap.
        dash: Option<(f64, f64)>,
    },
    /// A filled polygon, `opacity` of 0 to 1.
    Area {
        points: Vec<(f64, f64)>,
        fill: Paint,
        opacity: f64,
    },
    Dot {
        x: f64,
        y: f64,
        radius: f64,
        fill: Paint,
        opacity: f64,
    },
    Text(Label),
}

/// A figure's marks and size.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
}

/// A rectangle that holds something: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Bounds {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Bounds {
    /// Whether two rectangles share more than `slack` in both directions.
    pub fn overlaps(&self, other: &Self, slack: f64) -> bool {
        let shared = |a0: f64, a1: f64, b0: f64, b1: f64| a1.min(b1) - a0.max(b0) > slack;
        shared(self.left, self.right, other.left, other.right)
            && shared(self.top, self.bottom, other.top, other.bottom)
    }
}

impl Label {
    /// The rectangle that the text covers, by the bundled font.
    pub fn bounds(&self) -> Bounds {
        let length = text::width(&self.text, self.size);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => length / 2.0,
            Anchor::End => length,
        };
        let (up, down) = (text::ASCENT * self.size, text::DESCENT * self.size);
        if self.upwards {
            Bounds {
                left: self.x - up,
                right: self.x + down,
                top: self.y - (length - before),
                bottom: self.y + before,
            }
        } else {
            Bounds {
                left: self.x - before,
                right: self.x - before + length,
                top: self.y - up,
                bottom: self.y + down,
            }
        }
    }
}

impl Scene {
    /// Adds a text in the ink's colour and returns it for changes.
    pub fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, text: &str) {
        self.label(x, y, size, anchor, false, Paint::Ink, text);
    }

    /// Adds a text, unless it is empty.
    #[allow(clippy::too_many_arguments)] // the parts of a `Label`, in its order
    pub fn label(
        &mut self,
        x: f64,
        y: f64,
        size: f64,
        anchor: Anchor,
        upwards: bool,
        paint: Paint,
        text: &str,
    ) {
        if text.is_empty() {
            return; // the title of an axis without one
        }
        self.marks.push(Mark::Text(Label {
            x,
            y,
            size,
            text: visible(text).into_owned(),
            anchor,
            upwards,
            paint,
        }));
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Paint) {
        self.marks.push(Mark::Rect {
            x,
            y,
            width,
            height,
            fill,
        });
    }

    /// Adds a straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), paint: Paint, width: f64) {
        self.marks.push(Mark::Line {
            points: vec![from, to],
            paint,
            width,
            dash: None,
        });
    }

    /// All texts.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Text(label) => Some(label),
            _ => None,
        })
    }

    /// What is wrong with the layout, in words: texts that overlap or are not wholly inside.
    pub fn layout_problems(&self) -> Vec<String> {
        let labels: Vec<(&Label, Bounds)> = self.labels().map(|l| (l, l.bounds())).collect();
        let mut problems = Vec::new();
        for (i, (label, b)) in labels.iter().enumerate() {
            let inside =
                b.left >= 0.0 && b.top >= 0.0 && b.right <= self.width && b.bottom <= self.height;
            if !inside {
                problems.push(format!("`{}` is clipped: {b:?}", label.text));
            }
            for (other, c) in &labels[..i] {
                if b.overlaps(c, 0.3) {
                    problems.push(format!("`{}` covers `{}`", label.text, other.text));
                }
            }
        }
        problems
    }
}
