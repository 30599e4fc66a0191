//! Figures and pages are what they should be, and say every name.

use std::collections::BTreeSet;
use std::path::Path;

use base::escape::{is_hidden, visible};
use maud::Render;

/// Reads all SVG files of a directory as XML; the texts of all.
pub fn figures(directory: &Path) -> String {
    let mut texts = String::new();
    let mut pictures = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "svg" => texts += &figure(std::str::from_utf8(&bytes).unwrap()),
            "png" => {
                let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info();
                reader.unwrap();
            }
            other => panic!("{other}"),
        }
        pictures += 1;
    }
    assert!(pictures >= 2, "{pictures}");
    texts
}

/// Reads a figure as XML; its texts.
fn figure(svg: &str) -> String {
    assert!(!svg.chars().any(|c| is_hidden(c) && c != '\n'), "{svg}");
    let document = roxmltree::Document::parse(svg).unwrap();
    let mut texts = String::new();
    for node in document.descendants() {
        if node.is_element() {
            let name = node.tag_name().name();
            let known = [
                "svg", "title", "desc", "rect", "polyline", "polygon", "circle", "text",
            ];
            assert!(known.contains(&name), "<{name}>");
            let handler = node.attributes().find(|a| a.name().starts_with("on"));
            assert!(handler.is_none());
        }
        texts += node.text().filter(|_| node.is_text()).unwrap_or_default();
        texts.push('\n');
    }
    texts
}

/// A page has its own tags alone, and each of these texts where it is seen.
pub fn page(path: &Path, texts: &[String]) {
    let page = std::fs::read_to_string(path).unwrap();
    let hidden = page.chars().find(|c| is_hidden(*c) && *c != '\n');
    assert_eq!(hidden, None);
    for text in texts {
        let written = visible(text).render().into_string();
        assert!(page.contains(&written), "{text:?}");
    }
    // Without the page's own style and script, what is left is tags and text.
    let mut body = String::new();
    let mut rest = page.as_str();
    for tag in ["style", "script"] {
        let (before, after) = rest.split_once(&format!("<{tag}>")).unwrap();
        let (_, after) = after.split_once(&format!("</{tag}>")).unwrap();
        body += before;
        rest = after;
    }
    body += rest;
    let known: BTreeSet<&str> = [
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "link",
        "title",
        "body",
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "li",
        "figure",
        "figcaption",
        "dl",
        "dt",
        "dd",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "button",
        "pre",
        "code",
        "footer",
        "svg",
        "desc",
        "rect",
        "polyline",
        "polygon",
        "circle",
        "text",
    ]
    .into();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap();
        assert!(known.contains(name), "<{tag}>");
        assert!(!text.contains('>'), "{text}");
        // Outside of quotes: values are texts.
        let mut words = tag.split('"').step_by(2).flat_map(str::split_whitespace);
        assert_eq!(words.find(|word| word.starts_with("on")), None, "<{tag}>");
        references(tag);
        references(text);
    }
    for svg in page.split("<svg ").skip(1) {
        figure(&format!(
            "<svg {}</svg>",
            svg.split_once("</svg>").unwrap().0
        ));
    }
}

/// Every `&` begins one of the references that are written: `&#39;` in figures alone.
fn references(text: &str) {
    let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
    for (at, _) in text.match_indices('&') {
        assert!(known.iter().any(|r| text[at..].starts_with(r)), "{text}");
    }
}
