//! Numbers of a TOML file, which may be written as integers.

use std::collections::BTreeMap;

use toml_edit::Item;

use super::source::ConfigSource;

/// The table of names and numbers behind a key; empty if there is none.
pub(super) fn weights(source: &ConfigSource, key: &str) -> BTreeMap<String, f64> {
    let table = source.get(key).and_then(Item::as_table_like);
    table.map_or_else(BTreeMap::new, |table| {
        table
            .iter()
            .filter_map(|(name, item)| Some((name.to_owned(), number_item(item)?)))
            .collect()
    })
}

pub(super) fn number_item(item: &Item) -> Option<f64> {
    item.as_value().and_then(number_value)
}

pub(super) fn number_value(value: &toml_edit::Value) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|i| i as f64))
}
