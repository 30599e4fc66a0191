//! A scene as PNG: the same marks, filled by tiny-skia, texts as outlines of the bundled font.

use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint as Brush, Path, PathBuilder, Pixmap, Rect, Stroke,
    StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::scene::{Anchor, Label, Mark, Paint, Scene};
use super::{svg, text};

/// Larger pictures are refused; SVG has no such limit.
pub const MAX_PIXELS: f64 = base::limits::PIXELS;

/// The bytes of a PNG with `scale` pixels a point; none if it had more than [`MAX_PIXELS`] or none.
pub fn encode(scene: &Scene, scale: f64) -> Option<Vec<u8>> {
    let (width, height) = ((scene.width * scale).ceil(), (scene.height * scale).ceil());
    if !(width >= 1.0 && height >= 1.0 && width * height <= MAX_PIXELS) {
        return None;
    }
    let mut canvas = Canvas {
        pixels: Pixmap::new(width as u32, height as u32)?,
        turn: Transform::from_scale(scale as f32, scale as f32),
    };
    canvas.pixels.fill(colour(Paint::Paper, 1.0));
    for mark in &scene.marks {
        canvas.draw(mark);
    }
    // Nothing is transparent: three bytes a pixel.
    let rgb: Vec<u8> = canvas
        .pixels
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let per_metre = (scale * 72.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&rgb).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

struct Canvas {
    pixels: Pixmap,
    turn: Transform,
}

fn colour(paint: Paint, opacity: f64) -> Color {
    let (r, g, b) = svg::fixed(paint);
    Color::from_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
}

impl Canvas {
    fn draw(&mut self, mark: &Mark) {
        match mark {
            Mark::Rect {
                x,
                y,
                width,
                height,
                fill,
            } => {
                let rect = Rect::from_xywh(*x as f32, *y as f32, *width as f32, *height as f32);
                let Some(rect) = rect else { return };
                self.fill(Some(PathBuilder::from_rect(rect)), *fill, 1.0);
            }
            Mark::Line {
                points,
                paint,
                width,
                dash,
            } => {
                let Some(path) = path(points, false) else {
                    return;
                };
                let dash =
                    dash.and_then(|(on, off)| StrokeDash::new(vec![on as f32, off as f32], 0.0));
                let stroke = Stroke {
                    width: *width as f32,
                    line_cap: LineCap::Butt,
                    line_join: LineJoin::Round,
                    dash,
                    ..Stroke::default()
                };
                self.pixels
                    .stroke_path(&path, &brush(*paint, 1.0), &stroke, self.turn, None);
            }
            Mark::Area {
                points,
                fill,
                opacity,
            } => self.fill(path(points, true), *fill, *opacity),
            Mark::Dot {
                x,
                y,
                radius,
                fill,
                opacity,
            } => {
                let dot = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32);
                self.fill(dot, *fill, *opacity);
            }
            Mark::Text(label) => self.fill(outlines(label), label.paint, 1.0),
        }
    }

    fn fill(&mut self, path: Option<Path>, paint: Paint, opacity: f64) {
        if let Some(path) = path {
            let brush = brush(paint, opacity);
            self.pixels
                .fill_path(&path, &brush, FillRule::Winding, self.turn, None);
        }
    }
}

fn brush(paint: Paint, opacity: f64) -> Brush<'static> {
    let mut brush = Brush::default();
    brush.set_color(colour(paint, opacity));
    brush.anti_alias = true;
    brush
}

fn path(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (i, (x, y)) in points.iter().enumerate() {
        if i == 0 {
            builder.move_to(*x as f32, *y as f32);
        } else {
            builder.line_to(*x as f32, *y as f32);
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// All letters of a text as one path, in the scene's coordinates.
fn outlines(label: &Label) -> Option<Path> {
    let face = text::face()?;
    let length = text::width(&label.text, label.size);
    let mut pen = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -length / 2.0,
        Anchor::End => -length,
    };
    let mut builder = PathBuilder::new();
    for letter in label.text.chars() {
        let (id, advance) = text::glyph(letter, label.size);
        let mut outline = Outline {
            builder: &mut builder,
            origin: (label.x, label.y),
            pen,
            scale: label.size / f64::from(face.units_per_em()),
            upwards: label.upwards,
        };
        face.outline_glyph(id, &mut outline);
        pen += advance;
    }
    builder.finish()
}

struct Outline<'a> {
    builder: &'a mut PathBuilder,
    origin: (f64, f64),
    pen: f64,
    scale: f64,
    upwards: bool,
}

impl Outline<'_> {
    /// From the font's units, `y` upwards, to the scene's.
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let along = self.pen + f64::from(x) * self.scale;
        let above = f64::from(y) * self.scale;
        let (x, y) = self.origin;
        if self.upwards {
            ((x - above) as f32, (y - along) as f32)
        } else {
            ((x + along) as f32, (y - above) as f32)
        }
    }
}

impl OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.builder.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.builder.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2)) = (self.place(x1, y1), self.place(x2, y2));
        let (x, y) = self.place(x, y);
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}
