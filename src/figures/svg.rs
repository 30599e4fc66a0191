//! A scene as SVG text.

use super::scene::{Anchor, Label, Mark, Paint, Scene};
use super::text;
use base::escape::markup;

/// A file of its own: colours written out, size in points.
pub fn document(scene: &Scene, title: &str, description: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        element(scene, title, description, Colours::Fixed)
    )
}

/// An element for an HTML page whose style sheet sets `--ink`, `--muted`, `--grid` and `--paper`.
pub fn inline(scene: &Scene, title: &str, description: &str) -> String {
    element(scene, title, description, Colours::OfThePage)
}

#[derive(Clone, Copy)]
enum Colours {
    Fixed,
    OfThePage,
}

/// The colours on white.
pub(super) fn fixed(paint: Paint) -> (u8, u8, u8) {
    match paint {
        Paint::Ink => (0x22, 0x22, 0x22),
        Paint::Muted => (0x5c, 0x5c, 0x5c),
        Paint::Grid => (0xdd, 0xdd, 0xdd),
        Paint::Paper => (0xff, 0xff, 0xff),
        Paint::Rgb(r, g, b) => (r, g, b),
    }
}

fn colour(paint: Paint, colours: Colours) -> String {
    let (r, g, b) = fixed(paint);
    let hex = format!("#{r:02x}{g:02x}{b:02x}");
    let name = match (colours, paint) {
        (Colours::Fixed, _) | (_, Paint::Rgb(..)) => return hex,
        (_, Paint::Ink) => "ink",
        (_, Paint::Muted) => "muted",
        (_, Paint::Grid) => "grid",
        (_, Paint::Paper) => "paper",
    };
    format!("var(--{name},{hex})")
}

/// A length with two decimals at most.
fn length(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// `x="1.5" y="3"`.
fn lengths(attributes: &[(&str, f64)]) -> String {
    let attributes = attributes.iter();
    let texts: Vec<String> = attributes
        .map(|(name, x)| format!("{name}=\"{}\"", length(*x)))
        .collect();
    texts.join(" ")
}

fn points(points: &[(f64, f64)]) -> String {
    let pairs: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", length(*x), length(*y)))
        .collect();
    pairs.join(" ")
}

fn element(scene: &Scene, title: &str, description: &str, colours: Colours) -> String {
    // On a page, texts of a figure are as large as those around it, if there is room.
    let scale = match colours {
        Colours::Fixed => 1.0,
        Colours::OfThePage => 1.5,
    };
    let (w, h) = (length(scene.width), length(scene.height));
    let paper = colour(Paint::Paper, colours);
    let (title, description) = (markup(title), markup(description));
    let content = format!(
        "<title>{title}</title>\n<desc>{description}</desc>\n<rect width=\"{w}\" height=\"{h}\" fill=\"{paper}\"/>\n{}",
        tags(&scene.marks, colours)
    );
    enclosed(scene, scale, &content)
}

/// Drawn one over the other on white, these are the figure; each has a bounded number of marks.
pub(super) fn layers(scene: &Scene, most_marks: usize) -> impl Iterator<Item = String> {
    let marks = scene.marks.chunks(most_marks);
    marks.map(|marks| enclosed(scene, 1.0, &tags(marks, Colours::Fixed)))
}

/// The element itself, at `scale` times the scene's size.
fn enclosed(scene: &Scene, scale: f64, content: &str) -> String {
    let (w, h) = (length(scene.width), length(scene.height));
    let (wide, high) = (length(scale * scene.width), length(scale * scene.height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}pt\" height=\"{high}pt\" \
         viewBox=\"0 0 {w} {h}\" role=\"img\" font-family=\"{}\">\n{content}</svg>\n",
        text::FAMILY
    )
}

fn tags(marks: &[Mark], colours: Colours) -> String {
    let mut tags = String::new();
    for mark in marks {
        tags.push_str(&tag(mark, colours));
        tags.push('\n');
    }
    tags
}

fn tag(mark: &Mark, colours: Colours) -> String {
    let paint = |paint: &Paint| colour(*paint, colours);
    match mark {
        Mark::Rect {
            x,
            y,
            width,
            height,
            fill,
        } => {
            let place = lengths(&[("x", *x), ("y", *y), ("width", *width), ("height", *height)]);
            format!("<rect {place} fill=\"{}\"/>", paint(fill))
        }
        Mark::Line {
            points: line,
            paint: stroke,
            width,
            dash,
        } => {
            let (line, stroke, width) = (points(line), paint(stroke), length(*width));
            let dash = dash.map_or_else(String::new, |(on, off)| {
                format!(" stroke-dasharray=\"{} {}\"", length(on), length(off))
            });
            format!(
                "<polyline points=\"{line}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\"{dash}/>"
            )
        }
        Mark::Area {
            points: area,
            fill,
            opacity,
        } => {
            let (area, fill, opacity) = (points(area), paint(fill), length(*opacity));
            format!("<polygon points=\"{area}\" fill=\"{fill}\" fill-opacity=\"{opacity}\"/>")
        }
        Mark::Dot {
            x,
            y,
            radius,
            fill,
            opacity,
        } => {
            let place = lengths(&[("cx", *x), ("cy", *y), ("r", *radius)]);
            let (fill, opacity) = (paint(fill), length(*opacity));
            format!("<circle {place} fill=\"{fill}\" fill-opacity=\"{opacity}\"/>")
        }
        Mark::Text(label) => text_tag(label, colours),
    }
}

fn text_tag(label: &Label, colours: Colours) -> String {
    let anchor = match label.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (length(label.x), length(label.y));
    let turn = if label.upwards {
        format!(" transform=\"rotate(-90 {x} {y})\"")
    } else {
        String::new()
    };
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"{turn}>{}</text>",
        length(label.size),
        colour(label.paint, colours),
        markup(&label.text)
    )
}
