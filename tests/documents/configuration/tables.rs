//! The tables of the page, from the lists that the program checks files by.

use std::fmt::Write;

use tracr_compress::config::schema::{
    DefaultValue, KEYS, Key, RANGE_KEYS, RECOVERY_KEYS, SHRINK_KEYS, STUDY_KEYS,
};

/// A default in code where it is a value, else in words.
fn default_cell(default: DefaultValue) -> String {
    match default {
        DefaultValue::Toml(value) => format!("`{value}`"),
        DefaultValue::Words(_) | DefaultValue::Required => default.text().to_owned(),
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

fn table<'a>(keys: impl IntoIterator<Item = &'a Key>) -> String {
    let mut text = String::from("| key | takes | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let cells = [
            format!("`{}`", key.name),
            takes_cell(&key.takes()),
            default_cell(key.default),
            key.meaning.to_owned(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// What belongs below a marker of the page.
fn generated(marker: &str) -> String {
    match marker {
        "study keys" => table(STUDY_KEYS),
        "range keys" => table(RANGE_KEYS),
        "recovery keys" => table(RECOVERY_KEYS),
        "shrink keys" => table(SHRINK_KEYS),
        _ => {
            let tables: Vec<&str> = marker
                .strip_prefix("keys:")
                .unwrap()
                .split_whitespace()
                .collect();
            table(
                KEYS.iter()
                    .filter(|key| tables.contains(&key.name.split('.').next().unwrap())),
            )
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
