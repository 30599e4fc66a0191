//! The bundled font (DejaVu Sans): widths for the layout, outlines for PNG. SVG names it first among
//! the usual fonts, which are narrower: what fits here fits there.

use std::sync::OnceLock;

use ttf_parser::{Face, GlyphId};

/// Height of letters above the baseline, per point of size; the tall ones of labels and digits.
pub const ASCENT: f64 = 0.76;
/// Depth below the baseline.
pub const DESCENT: f64 = 0.21;
/// For SVG.
pub const FAMILY: &str = "DejaVu Sans, Helvetica, Arial, sans-serif";

/// The font; absent only if the bundled file were damaged, and then figures are without text.
pub fn face() -> Option<&'static Face<'static>> {
    static FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    FACE.get_or_init(|| Face::parse(dejavu::sans::regular(), 0).ok())
        .as_ref()
}

/// The glyph of a letter and its advance in points.
pub fn glyph(letter: char, size: f64) -> (GlyphId, f64) {
    let Some(face) = face() else {
        return (GlyphId(0), 0.6 * size);
    };
    let id = face.glyph_index(letter).unwrap_or(GlyphId(0));
    let advance = f64::from(face.glyph_hor_advance(id).unwrap_or(0));
    (id, advance * size / f64::from(face.units_per_em()))
}

/// The length of a text in points.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| glyph(letter, size).1).sum()
}

/// A text that can stand on one line of any file: control characters, those that turn the reading
/// direction and those that XML forbids become a replacement character.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => '\u{fffd}',
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
                '\u{fffd}'
            }
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// At most `room` points long: the middle gives way to an ellipsis.
pub fn shorten(text: &str, size: f64, room: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= room {
        return text;
    }
    let letters: Vec<char> = text.chars().collect();
    for kept in (1..letters.len()).rev() {
        let tail = kept / 3;
        let short: String = letters[..kept - tail]
            .iter()
            .chain(&['…'])
            .chain(&letters[letters.len() - tail..])
            .collect();
        if width(&short, size) <= room {
            return short;
        }
    }
    "…".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_and_measures() {
        assert!(face().is_some());
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
    fn nothing_that_breaks_a_line_or_xml_stays() {
        assert_eq!(
            clean("a\n\u{0}\u{202e}\u{7f}<b>"),
            "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}<b>"
        );
    }
}
