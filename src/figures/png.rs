//! A figure as PNG: its SVG as resvg draws it, with the bundled font and no other.

use std::sync::{Arc, LazyLock};

use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use super::scene::Scene;
use super::svg;

/// Larger pictures are refused; SVG has no such limit.
pub const MAX_PIXELS: f64 = base::limits::PIXELS;

/// Marks that are drawn at once. It bounds the memory, and stays below the million elements that resvg takes.
const MARKS: usize = 50_000;

/// A point of a figure is a pixel before it is scaled.
static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_source(Source::Binary(Arc::new(dejavu::sans::regular())));
    Options {
        dpi: 72.0,
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
});

/// The bytes of a PNG with `scale` pixels a point; none if it had more than [`MAX_PIXELS`] or none.
pub fn encode(scene: &Scene, scale: f64) -> Option<Vec<u8>> {
    let (width, height) = ((scene.width * scale).ceil(), (scene.height * scale).ceil());
    if !(width >= 1.0 && height >= 1.0 && width * height <= MAX_PIXELS) {
        return None;
    }
    let mut pixels = Pixmap::new(width as u32, height as u32)?;
    pixels.fill(Color::WHITE);
    let enlarge = Transform::from_scale(scale as f32, scale as f32);
    for layer in svg::layers(scene, MARKS) {
        let tree = Tree::from_str(&layer, &OPTIONS).ok()?;
        resvg::render(&tree, enlarge, &mut pixels.as_mut());
    }
    compress(&pixels, scale)
}

/// Three bytes a pixel, since nothing is transparent, and the size in print.
fn compress(pixels: &Pixmap, scale: f64) -> Option<Vec<u8>> {
    let rgb: Vec<u8> = pixels
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, pixels.width(), pixels.height());
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
