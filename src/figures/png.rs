//! A figure as PNG: its SVG as resvg draws it, with the bundled font and no other.

use std::sync::{Arc, LazyLock};

use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use super::scene::Scene;
use super::{svg, text};
use base::limits::PIXELS;

/// Marks that are drawn at once. It bounds the memory, and stays below the million elements that resvg takes.
const MARKS: usize = 50_000;

/// A point of a figure is a pixel before it is scaled.
static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_source(Source::Binary(Arc::new(text::file())));
    Options {
        dpi: 72.0,
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
});

/// The bytes of a PNG with `scale` pixels a point; none if it had more than [`PIXELS`] or none.
pub fn encode(scene: &Scene, scale: f64) -> Option<Vec<u8>> {
    compress(&draw(scene, scale, MARKS)?, scale)
}

fn draw(scene: &Scene, scale: f64, marks_at_once: usize) -> Option<Pixmap> {
    let (width, height) = ((scene.width * scale).ceil(), (scene.height * scale).ceil());
    if !(width >= 1.0 && height >= 1.0 && width * height <= PIXELS) {
        return None;
    }
    let mut pixels = Pixmap::new(width as u32, height as u32)?;
    pixels.fill(Color::WHITE);
    let enlarge = Transform::from_scale(scale as f32, scale as f32);
    for layer in svg::layers(scene, marks_at_once) {
        let tree = Tree::from_str(&layer, &OPTIONS).ok()?;
        resvg::render(&tree, enlarge, &mut pixels.as_mut());
    }
    Some(pixels)
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

#[cfg(test)]
mod tests {
    use super::super::scene::{Anchor, Paint};
    use super::*;

    /// Marks that cover each other, one of them half transparent, and a text.
    fn scene() -> Scene {
        let mut scene = Scene {
            width: 40.0,
            height: 20.5,
            ..Scene::default()
        };
        scene.rect(0.0, 0.0, 10.0, 10.0, Paint::Rgb(200, 0, 0));
        scene.rect(5.0, 0.0, 10.0, 10.0, Paint::Rgb(0, 0, 200));
        scene.dot((10.0, 5.0), 4.0, Paint::Rgb(0, 200, 0), 0.5);
        scene.text(20.0, 15.0, 8.0, Anchor::Start, "Wᵀ");
        scene
    }

    #[test]
    fn a_png_has_so_many_pixels_a_point_and_the_colours_of_the_scene() {
        let bytes = encode(&scene(), 2.0).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (80, 41));
        let per_metre = reader.info().pixel_dims.unwrap().xppu;
        assert_eq!(per_metre, 5669, "144 dots an inch");
        let at = |x: usize, y: usize| &pixels[3 * (80 * y + x)..][..3];
        assert_eq!(at(2, 2), [200, 0, 0]);
        assert_eq!(at(28, 2), [0, 0, 200]);
        assert_eq!(at(20, 10), [0, 100, 100], "half of green over blue");
        assert_eq!(at(78, 2), [255, 255, 255]);
        let is_dark = |(x, y)| at(x, y).iter().all(|c| *c < 80);
        let text = (40..80).flat_map(|x| (18..32).map(move |y| (x, y)));
        assert!(text.filter(|at| is_dark(*at)).count() > 20);
    }

    #[test]
    fn a_png_is_the_same_however_many_marks_are_drawn_at_once() {
        let whole = draw(&scene(), 3.0, MARKS).unwrap();
        for marks in 1..4 {
            assert!(draw(&scene(), 3.0, marks).unwrap() == whole, "{marks}");
        }
    }

    #[test]
    fn a_png_that_would_be_too_large_or_empty_is_refused() {
        assert!(encode(&scene(), 400.0).is_none());
        assert!(encode(&Scene::default(), 2.0).is_none());
    }
}
