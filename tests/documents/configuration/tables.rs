//! The tables of the page, from the lists that the program checks files by.

use std::fmt::Write;

use tracr_compress::config::schema::KEYS;
use tracr_compress::config::study_keys::{RANGE_KEYS, STUDY_KEYS, StudyKey};

/// A default in code where it is a value, else in words.
fn default_cell(default: &str) -> String {
    match default.parse::<toml_edit::Value>() {
        Ok(_) => format!("`{default}`"),
        Err(_) => default.to_owned(),
    }
}

/// Words in quotes in code.
fn takes_cell(takes: &str) -> String {
    let mut text = String::new();
    for (i, part) in takes.split('"').enumerate() {
        match i % 2 {
            0 => text.push_str(part),
            _ => write!(text, "`\"{part}\"`").unwrap(),
        }
    }
    text
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, String, &'a str, &'a str)>) -> String {
    let mut text = String::from("| key | takes | default | meaning |\n|---|---|---|---|\n");
    for (name, takes, default, meaning) in rows {
        let (takes, default) = (takes_cell(&takes), default_cell(default));
        let cells = [format!("`{name}`"), takes, default, meaning.to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}

fn study_table(keys: &[StudyKey]) -> String {
    table(
        keys.iter()
            .map(|k| (k.name, k.takes.to_owned(), k.default, k.meaning)),
    )
}

/// What belongs below a marker of the page.
fn generated(marker: &str) -> String {
    match marker {
        "study keys" => study_table(&STUDY_KEYS),
        "range keys" => study_table(&RANGE_KEYS),
        _ => {
            let tables: Vec<&str> = marker
                .strip_prefix("keys:")
                .unwrap()
                .split_whitespace()
                .collect();
            let keys = KEYS
                .iter()
                .filter(|key| tables.contains(&key.name.split('.').next().unwrap()));
            table(keys.map(|k| (k.name, k.kind.describe(), k.default, k.meaning)))
        }
    }
}

/// The page with every table rebuilt.
pub fn regenerated(page: &str) -> String {
    let mut text = String::new();
    let mut parts = page.split("<!-- ");
    text.push_str(parts.next().unwrap());
    for part in parts {
        let (marker, rest) = part.split_once(" -->\n").unwrap();
        match marker {
            "end" => write!(text, "<!-- end -->\n{rest}").unwrap(),
            _ => write!(text, "<!-- {marker} -->\n{}", generated(marker)).unwrap(),
        }
    }
    text
}
