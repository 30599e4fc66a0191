//! What a figure consists of, before it is SVG. Lengths are in points (1/72 inch), `y` grows
//! downwards.

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

impl Label {
    /// A text in the ink's colour that reads from left to right.
    pub fn new(x: f64, y: f64, size: f64, anchor: Anchor, text: &str) -> Self {
        Self {
            x,
            y,
            size,
            text: visible(text).into_owned(),
            anchor,
            upwards: false,
            paint: Paint::Ink,
        }
    }
}

impl Scene {
    /// Adds a text, unless it is empty as the title of an axis without one.
    pub fn label(&mut self, label: Label) {
        if !label.text.is_empty() {
            self.marks.push(Mark::Text(label));
        }
    }

    /// Adds a [`Label::new`].
    pub fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, text: &str) {
        self.label(Label::new(x, y, size, anchor, text));
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

    /// Adds the four sides of a rectangle, each as a line.
    pub fn frame(
        &mut self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        paint: Paint,
        width: f64,
    ) {
        for (from, to) in [
            ((left, top), (right, top)),
            ((left, bottom), (right, bottom)),
            ((left, top), (left, bottom)),
            ((right, top), (right, bottom)),
        ] {
            self.line(from, to, paint, width);
        }
    }

    /// Adds a filled circle.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, fill: Paint, opacity: f64) {
        self.marks.push(Mark::Dot {
            x,
            y,
            radius,
            fill,
            opacity,
        });
    }
}
