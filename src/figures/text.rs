//! The bundled font (DejaVu Sans): widths for the layout, letters for PNG and PDF. SVG names it first among
//! the usual fonts, which are narrower: what fits here fits there.

use std::sync::LazyLock;

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::{GlyphMetrics, Metrics};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use base::escape::visible;

/// For SVG.
pub const FAMILY: &str = "DejaVu Sans, Helvetica, Arial, sans-serif";

/// The font's letters.
struct Font {
    glyphs: Charmap<'static>,
    /// In the font's units.
    advances: GlyphMetrics<'static>,
    metrics: Metrics,
}

/// None only if the bundled file were damaged.
static FONT: LazyLock<Option<Font>> = LazyLock::new(|| {
    let font = FontRef::new(file()).ok()?;
    let (size, location) = (Size::unscaled(), LocationRef::default());
    Some(Font {
        glyphs: font.charmap(),
        advances: font.glyph_metrics(size, location),
        metrics: font.metrics(size, location),
    })
});

/// The bundled file.
pub(super) fn file() -> &'static [u8] {
    dejavu::sans::regular()
}

/// How far letters reach, in thousandths of their size.
pub(super) struct Shape {
    /// Left, bottom, right, top of all letters on top of each other.
    pub bounds: [f32; 4],
    pub ascent: f32,
    pub descent: f32,
    pub cap_height: f32,
}

/// The shape of the bundled font's letters.
pub(super) fn shape() -> Option<Shape> {
    let metrics = FONT.as_ref()?.metrics;
    let thousandths = |x: f32| 1000.0 * x / f32::from(metrics.units_per_em);
    let bounds = metrics.bounds?;
    Some(Shape {
        bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(thousandths),
        ascent: thousandths(metrics.ascent),
        descent: thousandths(metrics.descent),
        cap_height: thousandths(metrics.cap_height.unwrap_or(metrics.ascent)),
    })
}

/// Each letter with its number in the font (0: it has none) and how wide it is where letters have the size 1.
pub(super) fn glyphs(text: &str) -> impl Iterator<Item = (char, u16, f64)> {
    text.chars().map(|letter| {
        let Some(font) = &*FONT else {
            return (letter, 0, 0.6);
        };
        let glyph: GlyphId = font.glyphs.map(letter).unwrap_or_default();
        let advance = font.advances.advance_width(glyph).unwrap_or(0.0);
        let number = u16::try_from(glyph.to_u32()).unwrap_or(0);
        let width = f64::from(advance) / f64::from(font.metrics.units_per_em);
        (letter, number, width)
    })
}

/// The length of a text in points: of its letters one by one, so that closer pairs leave some room.
pub fn width(text: &str, size: f64) -> f64 {
    size * glyphs(text).map(|(_, _, width)| width).sum::<f64>()
}

/// The length of the longest of these texts.
pub fn widest(texts: impl IntoIterator<Item: AsRef<str>>, size: f64) -> f64 {
    let widths = texts.into_iter().map(|text| width(text.as_ref(), size));
    widths.fold(0.0, f64::max)
}

/// At most `room` points long: the middle gives way to an ellipsis.
pub fn shorten(text: &str, size: f64, room: f64) -> String {
    let text = visible(text);
    if width(&text, size) <= room {
        return text.into_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let short = |kept: usize| -> String {
        let tail = kept / 3;
        letters[..kept - tail]
            .iter()
            .chain(&['…'])
            .chain(&letters[letters.len() - tail..])
            .collect()
    };
    // One more letter is never shorter, so that halving finds how many fit, of very long texts too.
    let (mut fits, mut too_many) = (0, letters.len());
    while too_many - fits > 1 {
        let kept = fits.midpoint(too_many);
        if width(&short(kept), size) <= room {
            fits = kept;
        } else {
            too_many = kept;
        }
    }
    short(fits)
}

/// Lines of at most `room` points, broken after commas; a part that is longer is shortened.
pub fn wrapped(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split(", ") {
        match lines.last_mut() {
            Some(line) if width(&format!("{line}, {part},"), size) <= room => {
                *line += &format!(", {part}");
            }
            _ => lines.push(part.to_owned()),
        }
    }
    let last = lines.len() - 1;
    let lines = lines.iter().enumerate();
    lines
        .map(|(i, line)| {
            let comma = if i < last { "," } else { "" };
            shorten(line, size, room - width(comma, size)) + comma
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_and_measures() {
        assert!(FONT.is_some() && shape().is_some());
        let (narrow, wide) = (width("iii", 10.0), width("mmm", 10.0));
        assert!(narrow > 5.0 && wide > 2.0 * narrow, "{narrow} {wide}");
        assert!((width("ab", 20.0) - 2.0 * width("ab", 10.0)).abs() < 1e-9);
    }

    #[test]
    fn long_texts_keep_both_ends() {
        let short = shorten("tokens:a_very_long_token_of_a_vocabulary", 7.0, 60.0);
        assert!(short.starts_with("tokens:") && short.contains('…') && short.ends_with('y'));
        assert!(width(&short, 7.0) <= 60.0);
        assert_eq!(shorten("tokens:a", 7.0, 60.0), "tokens:a");
    }

    #[test]
    fn texts_are_wrapped_after_commas_and_lose_nothing_where_their_parts_fit() {
        let text = "categorical_targets=hard, layer_reduction=sum, seed 3";
        let lines = wrapped(text, 7.0, 110.0);
        assert_eq!(
            lines,
            ["categorical_targets=hard,", "layer_reduction=sum, seed 3"]
        );
        assert!(lines.iter().all(|line| width(line, 7.0) <= 110.0));
        assert_eq!(wrapped("d = 8, seed 3", 7.0, 110.0), ["d = 8, seed 3"]);
        let long = wrapped("categorical_targets=hard, seed 3", 7.0, 60.0);
        assert!(long[0].contains('…') && long[0].ends_with(','), "{long:?}");
        assert_eq!(long[1], "seed 3");
        assert_eq!(wrapped("", 7.0, 60.0), [""]);
    }

    #[test]
    fn a_very_long_text_is_shortened_at_once() {
        let long = "\u{1b}x".repeat(100_000);
        let short = shorten(&long, 7.0, 60.0);
        assert!(
            short.starts_with("\\u001bx") && short.contains('…'),
            "{short}"
        );
        assert!(width(&short, 7.0) <= 60.0);
        assert_eq!(shorten("abc", 7.0, 0.1), "…");
    }
}
