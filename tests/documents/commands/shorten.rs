//! Studies made small: the same keys, two values each, and a few hundred steps.

use std::path::Path;

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// Values that a key keeps.
const VALUES: usize = 2;

/// Keys of the length of training and what stands there instead, times 1, 2, ... in a list.
const LENGTHS: [(&str, i64); 4] = [
    ("training.steps", 300),
    ("training.log_every", 100),
    ("training.restarts.steps", 100),
    ("training.diagnostics_every", 100),
];

/// Those that every run has.
const SET: &[(&str, i64)] = LENGTHS.split_at(3).0;

/// Shortens every study below a directory.
pub fn shorten_studies(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("results") {
            shorten_studies(&path);
        } else if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            if let Some(short) = shortened(&text).filter(|short| *short != text) {
                std::fs::write(&path, short).unwrap();
            }
        }
    }
}

/// A study made small; nothing if it is none.
fn shortened(text: &str) -> Option<String> {
    let mut study: DocumentMut = text.parse().ok()?;
    let mut tables: Vec<&mut dyn TableLike> = Vec::new();
    for (key, item) in study.iter_mut() {
        match (key.get(), item) {
            ("grid", item) => tables.push(item.as_table_like_mut()?),
            ("include", Item::ArrayOfTables(list)) => {
                tables.extend(list.iter_mut().map(|table| table as &mut dyn TableLike));
            }
            _ => {}
        }
    }
    if tables.is_empty() {
        return None;
    }
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for table in &mut tables {
        let mut keys = Vec::new();
        shorten(*table, "", &mut keys);
        blocks.push(keys);
    }
    // What varies in one block cannot be fixed for all: the others get a value of their own.
    let varies = |key: &str| blocks.iter().flatten().any(|varied| varied == key);
    for (table, keys) in tables.iter_mut().zip(&blocks) {
        for (key, length) in SET.iter().filter(|(key, _)| varies(key)) {
            if !keys.iter().any(|own| own == key) {
                table.insert(key, Item::Value((*length).into()));
            }
        }
    }
    let fixed = study.entry("override").or_insert(Item::Table(Table::new()));
    let fixed = fixed.as_table_like_mut()?;
    shorten(fixed, "", &mut Vec::new());
    for (key, length) in SET {
        let (table, last) = key.rsplit_once('.').unwrap();
        let is_there = fixed
            .get(table)
            .is_some_and(|nested| nested.get(last).is_some());
        if !is_there && !varies(key) {
            fixed.insert(key, Item::Value((*length).into()));
        }
    }
    Some(study.to_string())
}

/// Shortens the values in a table, and says which keys it has.
fn shorten(table: &mut dyn TableLike, prefix: &str, keys: &mut Vec<String>) {
    for (part, item) in table.iter_mut() {
        let key = match prefix {
            "" => part.get().to_owned(),
            _ => format!("{prefix}.{}", part.get()),
        };
        let length = LENGTHS
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, length)| *length);
        match (item, length) {
            (Item::Value(Value::Array(list)), _) => {
                while list.len() > VALUES {
                    list.remove(VALUES);
                }
                if let Some(length) = length {
                    for (i, value) in list.iter_mut().enumerate() {
                        *value = (length * (i as i64 + 1)).into();
                    }
                }
            }
            (Item::Value(Value::InlineTable(range)), _) if range.contains_key("from") => {
                few(range);
            }
            (Item::Value(value), Some(length)) => *value = length.into(),
            (item, _) => {
                if let Some(nested) = item.as_table_like_mut() {
                    shorten(nested, &key, keys);
                    continue;
                }
            }
        }
        keys.push(key);
    }
}

fn few(range: &mut InlineTable) {
    let count = range.get("count").and_then(Value::as_integer).unwrap();
    range.insert("count", count.min(VALUES as i64).into());
}

#[test]
fn shortened_study_keeps_its_keys_and_loses_values() {
    let text = "base = \"b\"\n[grid]\n\"training.steps\" = [3_000, 10_000, 30_000]\n\
                \"training.seed\" = { from = 0, count = 10 }\n\
                [[include]]\n\"training.restarts.steps\" = [15_000]\ncompression = { dim = [1, 2, 3] }\n\
                [override.training]\nlog_every = 5000\n";
    let short = shortened(text).unwrap();
    let expected = "base = \"b\"\n[grid]\n\"training.steps\" = [300, 600]\n\
                    \"training.seed\" = { from = 0, count = 2 }\n\"training.restarts.steps\" = 100\n\
                    [[include]]\n\"training.restarts.steps\" = [100]\ncompression = { dim = [1, 2] }\n\
                    \"training.steps\" = 300\n[override.training]\nlog_every = 100\n";
    let plain = |text: &str| text.replace([' ', '\n'], "");
    assert_eq!(plain(&short), plain(expected));
    assert_eq!(shortened(&short).unwrap(), short);
    assert_eq!(shortened("name = \"a run file\"\n"), None);
}
