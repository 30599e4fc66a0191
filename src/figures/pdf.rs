//! A figure as PDF, for LaTeX: one page as large as the scene, its texts in the bundled font, of which the letters that
//! occur are embedded. The same bytes every time: no date, no random name.

use std::collections::BTreeSet;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Settings, Str, TextStr};
use subsetter::GlyphRemapper;

use super::scene::{Anchor, Label, Mark, Paint, Scene};
use super::svg::fixed;
use super::text;

/// The longest side of a page that readers are sure to show; a larger scene has larger units.
const LONGEST_SIDE: f64 = 14_400.0;

/// A circle of radius 1 by four curves: how far their handles reach.
const HANDLE: f64 = 0.552_284_75;

const FONT: Name<'_> = Name(b"F");
const FONT_NAME: Name<'_> = Name(b"AAAAAA+DejaVuSans");
const IDENTITY: Name<'_> = Name(b"Identity-H");
const SYSTEM: SystemInfo<'_> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

/// Where the parts of the file are.
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
const FONT_OBJECT: Ref = Ref::new(6);
const CID_FONT: Ref = Ref::new(7);
const DESCRIPTOR: Ref = Ref::new(8);
const FONT_FILE: Ref = Ref::new(9);
const UNICODE: Ref = Ref::new(10);

/// The bytes of a PDF file; none if the bundled font were damaged.
pub fn document(scene: &Scene, title: &str, description: &str) -> Option<Vec<u8>> {
    let mut letters = Letters::default();
    let mut content = Content::with_settings(Settings { pretty: false });
    let unit = (scene.width.max(scene.height) / LONGEST_SIDE).max(1.0);
    let (width, height) = (scene.width / unit, scene.height / unit);
    // From a corner above and lengths downwards to a corner below and lengths upwards.
    let scale = (1.0 / unit) as f32;
    content.transform([scale, 0.0, 0.0, -scale, 0.0, height as f32]);
    content.set_miter_limit(4.0);
    fill(&mut content, Paint::Paper);
    rect(&mut content, (0.0, 0.0), (scene.width, scene.height));
    let mut opacities = BTreeSet::new();
    for mark in &scene.marks {
        draw(&mut content, mark, &mut opacities, &mut letters);
    }

    let mut pdf = Pdf::with_settings(Settings { pretty: false });
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.parent(PAGES)
        .media_box(Rect::new(0.0, 0.0, width as f32, height as f32))
        .contents(CONTENT);
    if unit > 1.0 {
        page.user_unit(unit as f32);
    }
    let mut resources = page.resources();
    resources.fonts().pair(FONT, FONT_OBJECT);
    let mut states = resources.ext_g_states();
    for opacity in &opacities {
        let mut state = states
            .insert(Name(opacity_name(*opacity).as_bytes()))
            .dict();
        state.pair(Name(b"ca"), f32::from(*opacity) / 1000.0);
    }
    states.finish();
    resources.finish();
    page.finish();
    pdf.stream(CONTENT, &deflated(&content.finish())?)
        .filter(Filter::FlateDecode);
    pdf.document_info(INFO)
        .title(TextStr(title))
        .subject(TextStr(description));
    letters.embed(&mut pdf)?;
    Some(pdf.finish())
}

/// Adds a mark to the page, and its opacity, in thousandths, to those that occur.
fn draw(content: &mut Content, mark: &Mark, opacities: &mut BTreeSet<u16>, letters: &mut Letters) {
    let mut translucent = |paint: Paint, opacity: f64, outline: &dyn Fn(&mut Content)| {
        let thousandths = (opacity.clamp(0.0, 1.0) * 1000.0).round() as u16;
        opacities.insert(thousandths);
        content.save_state();
        content.set_parameters(Name(opacity_name(thousandths).as_bytes()));
        fill(content, paint);
        outline(content);
        content.fill_nonzero();
        content.restore_state();
    };
    match mark {
        Mark::Rect {
            x,
            y,
            width,
            height,
            fill: paint,
        } => {
            fill(content, *paint);
            rect(content, (*x, *y), (*width, *height));
        }
        Mark::Line {
            points,
            paint,
            width,
            dash,
        } => {
            let [r, g, b] = colour(*paint);
            content.set_stroke_rgb(r, g, b);
            content.set_line_width(*width as f32);
            let lengths = dash.map(|(on, off)| [on as f32, off as f32]);
            content.set_dash_pattern(lengths.into_iter().flatten(), 0.0);
            path(content, points);
            content.stroke();
        }
        Mark::Area {
            points,
            fill: paint,
            opacity,
        } => {
            translucent(*paint, *opacity, &|content| path(content, points));
        }
        Mark::Dot {
            x,
            y,
            radius,
            fill: paint,
            opacity,
        } => {
            translucent(*paint, *opacity, &|content| {
                circle(content, (*x, *y), *radius);
            });
        }
        Mark::Text(label) => letters.write(content, label),
    }
}

fn opacity_name(thousandths: u16) -> String {
    format!("O{thousandths}")
}

/// Shares of red, green and blue.
fn colour(paint: Paint) -> [f32; 3] {
    let (r, g, b) = fixed(paint);
    [r, g, b].map(|part| f32::from(part) / 255.0)
}

fn fill(content: &mut Content, paint: Paint) {
    let [r, g, b] = colour(paint);
    content.set_fill_rgb(r, g, b);
}

fn rect(content: &mut Content, (x, y): (f64, f64), (width, height): (f64, f64)) {
    content.rect(x as f32, y as f32, width as f32, height as f32);
    content.fill_nonzero();
}

/// Straight lines between points, neither filled nor stroked.
fn path(content: &mut Content, points: &[(f64, f64)]) {
    for (i, (x, y)) in points.iter().enumerate() {
        let (x, y) = (*x as f32, *y as f32);
        if i == 0 {
            content.move_to(x, y);
        } else {
            content.line_to(x, y);
        }
    }
}

fn circle(content: &mut Content, (x, y): (f64, f64), radius: f64) {
    let at = |right: f64, down: f64| ((x + radius * right) as f32, (y + radius * down) as f32);
    let start = at(1.0, 0.0);
    content.move_to(start.0, start.1);
    for (right, down) in [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)] {
        // A quarter from (right, down) to where a right angle takes it.
        let end: (f64, f64) = (-down, right);
        let (x1, y1) = at(right + HANDLE * end.0, down + HANDLE * end.1);
        let (x2, y2) = at(end.0 + HANDLE * right, end.1 + HANDLE * down);
        let (x3, y3) = at(end.0, end.1);
        content.cubic_to(x1, y1, x2, y2, x3, y3);
    }
}

fn deflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The letters that occur, by their numbers in the embedded font.
#[derive(Default)]
struct Letters {
    numbers: GlyphRemapper,
    /// Of each number from 1 on: its first letter and how wide it is, in thousandths of the size.
    letters: Vec<(char, f32)>,
}

impl Letters {
    /// Adds a text to the page.
    fn write(&mut self, content: &mut Content, label: &Label) {
        let mut encoded = Vec::new();
        for (letter, glyph, width) in text::glyphs(&label.text) {
            let number = self.numbers.remap(glyph);
            // 0 is what stands for a letter that the font does not have.
            if usize::from(number) == self.letters.len() + 1 {
                self.letters.push((letter, (1000.0 * width) as f32));
            }
            encoded.extend(number.to_be_bytes());
        }
        let length = text::width(&label.text, label.size);
        let back = match label.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => length / 2.0,
            Anchor::End => length,
        };
        let (x, y) = (label.x as f32, label.y as f32);
        let back = back as f32;
        fill(content, label.paint);
        content.begin_text();
        content.set_font(FONT, label.size as f32);
        content.set_text_matrix(match label.upwards {
            false => [1.0, 0.0, 0.0, -1.0, x - back, y],
            true => [0.0, -1.0, -1.0, 0.0, x, y + back],
        });
        content.show(Str(&encoded));
        content.end_text();
    }

    /// Adds the font to the file.
    fn embed(&self, pdf: &mut Pdf) -> Option<()> {
        let font = subsetter::subset(text::file(), 0, &self.numbers).ok()?;
        let shape = text::shape()?;
        pdf.type0_font(FONT_OBJECT)
            .base_font(FONT_NAME)
            .encoding_predefined(IDENTITY)
            .descendant_font(CID_FONT)
            .to_unicode(UNICODE);
        let mut cid_font = pdf.cid_font(CID_FONT);
        cid_font
            .subtype(CidFontType::Type2)
            .base_font(FONT_NAME)
            .system_info(SYSTEM)
            .font_descriptor(DESCRIPTOR)
            .default_width(600.0)
            .cid_to_gid_map_predefined(Name(b"Identity"));
        let widths = self.letters.iter().map(|(_, width)| *width);
        cid_font.widths().consecutive(1, widths);
        cid_font.finish();
        let [left, bottom, right, top] = shape.bounds;
        pdf.font_descriptor(DESCRIPTOR)
            .name(FONT_NAME)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(left, bottom, right, top))
            .italic_angle(0.0)
            .ascent(shape.ascent)
            .descent(shape.descent)
            .cap_height(shape.cap_height)
            .stem_v(90.0)
            .font_file2(FONT_FILE);
        pdf.stream(FONT_FILE, &deflated(&font)?)
            .filter(Filter::FlateDecode)
            .pair(Name(b"Length1"), font.len() as i32);
        let mut unicode = UnicodeCmap::new(Name(b"Letters"), SYSTEM);
        for (number, (letter, _)) in (1u16..).zip(&self.letters) {
            unicode.pair(number, *letter);
        }
        pdf.cmap(UNICODE, &deflated(&unicode.finish())?)
            .filter(Filter::FlateDecode);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    fn scene() -> Scene {
        let mut scene = Scene {
            width: 40.0,
            height: 20.5,
            ..Scene::default()
        };
        scene.rect(1.0, 2.0, 10.0, 5.0, Paint::Rgb(255, 0, 0));
        scene.dot((10.0, 5.0), 4.0, Paint::Rgb(0, 255, 0), 0.25);
        scene.text(20.0, 15.0, 8.0, Anchor::Start, "WᵀW");
        let mut upwards = Label::new(5.0, 18.0, 7.0, Anchor::Start, "\u{10348}");
        upwards.upwards = true;
        scene.label(upwards);
        scene
    }

    /// The streams of a file, in their order, as they were before they were compressed.
    fn streams(bytes: &[u8]) -> Vec<Vec<u8>> {
        let after = b"stream\n".as_slice();
        let starts = (0..bytes.len())
            .filter(|&i| bytes[i..].starts_with(after) && !bytes[..i].ends_with(b"end"));
        starts
            .map(|start| {
                let mut stream = Vec::new();
                ZlibDecoder::new(&bytes[start + after.len()..])
                    .read_to_end(&mut stream)
                    .unwrap();
                stream
            })
            .collect()
    }

    fn has(bytes: &[u8], text: &str) -> bool {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    }

    #[test]
    fn a_pdf_has_the_marks_and_only_the_letters_that_occur() {
        let bytes = document(&scene(), "a title", "what it shows").unwrap();
        assert!(bytes.starts_with(b"%PDF-1."));
        for text in [
            "/MediaBox[0 0 40 20.5]",
            "(a title)",
            "(what it shows)",
            "/O250<</ca 0.25>>",
        ] {
            assert!(has(&bytes, text), "{text}");
        }
        let [content, font, unicode] = &streams(&bytes)[..] else {
            panic!("a page, a font and its letters");
        };
        for text in [
            "1 0 0 -1 0 20.5 cm",
            "1 0 0 rg 1 2 10 5 re\nf",
            "q/O250 gs",
            "/F 8 Tf",
            "1 0 0 -1 20 15 Tm",
            "0 -1 -1 0 5 18 Tm",
        ] {
            assert!(
                has(content, text),
                "{text}: {}",
                String::from_utf8_lossy(content)
            );
        }
        // W is written twice and kept once; what the font does not have is 0.
        assert!(has(
            unicode,
            "2 beginbfchar\n<0001> <0057>\n<0002> <1D40>\n"
        ));
        assert!(
            font.len() < 20_000,
            "{} bytes of {}",
            font.len(),
            text::file().len()
        );
    }

    #[test]
    fn a_pdf_has_the_same_bytes_every_time_and_larger_units_where_it_is_too_large() {
        let mut scene = scene();
        let draw = |scene: &Scene| document(scene, "", "").unwrap();
        assert_eq!(draw(&scene), draw(&scene));
        scene.width = 3.0 * LONGEST_SIDE;
        let bytes = draw(&scene);
        assert!(has(&bytes, "/UserUnit 3") && has(&bytes, "/MediaBox[0 0 14400 6.8333"));
    }
}
