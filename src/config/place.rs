//! Where something stands in a study file: its path and line, for messages.

use std::path::Path;

use toml_edit::Document;

/// A step on the way to a place.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// Into a table.
    Key(&'a str),
    /// Into a list.
    Index(usize),
}

/// The places of all that is in a file; it is parsed once, whatever is asked.
pub struct Locations<'a> {
    /// The file.
    pub path: &'a Path,
    document: Option<Document<&'a str>>,
    /// Where each line but the first begins.
    lines: Vec<usize>,
}

impl<'a> Locations<'a> {
    /// Of a file's text; of one that is no TOML there is only the path.
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            path,
            document: Document::parse(text).ok(),
            lines: breaks.map(|(at, _)| at + 1).collect(),
        }
    }

    /// File and line of the deepest of these steps that can be found.
    pub fn of(&self, steps: &[Step<'_>]) -> String {
        let mut found = None;
        if let Some(document) = &self.document {
            let mut item = document.as_item();
            for step in steps {
                let (name, next) = match step {
                    Step::Key(key) => match item
                        .as_table_like()
                        .and_then(|table| table.get_key_value(key))
                    {
                        Some((name, next)) => (name.span(), next),
                        None => break,
                    },
                    Step::Index(index) => match item.get(*index) {
                        Some(next) => (None, next),
                        None => break,
                    },
                };
                item = next;
                if let Some(span) = name.or_else(|| item.span()) {
                    found = Some(1 + self.lines.partition_point(|begin| *begin <= span.start));
                }
            }
        }
        match found {
            Some(line) => format!("{}:{line}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_step_that_can_be_found_has_the_line() {
        let text = "a = 1\n\n[[b]]\nc = 2\n[[b]]\nd = { e = 3 }\n";
        let places = Locations::new(Path::new("x.toml"), text);
        use Step::{Index, Key};
        for (steps, line) in [
            (&[Key("a")][..], 1),
            (&[Key("b"), Index(0), Key("c")], 4),
            (&[Key("b"), Index(1), Key("d"), Key("e")], 6),
            (&[Key("b"), Index(1), Key("none")], 5),
        ] {
            assert_eq!(places.of(steps), format!("x.toml:{line}"));
        }
        assert_eq!(places.of(&[]), "x.toml");
        assert_eq!(places.of(&[Key("z")]), "x.toml");
        assert_eq!(
            Locations::new(Path::new("x.toml"), "a = ").of(&[Key("a")]),
            "x.toml"
        );
    }
}
