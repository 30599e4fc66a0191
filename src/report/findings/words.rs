//! What the sentences about a run share.

use serde_json::Value as Json;

use crate::analysis::verdict::Budget;
use base::numbers::four_digits as number;

/// A variable is as it was, or recoverable, from this share of its variance on.
pub(super) const EXPLAINED_FROM: f64 = 0.9;

/// The dimensions given up, by cause; none in analyses of versions that did not say.
pub(super) fn budget_of(analysis: &Json) -> Option<Budget> {
    serde_json::from_value(analysis["budget"].clone()).ok()
}

/// The entries of a list that have a key, with its value, the smallest first.
pub(super) fn sorted_by<'a>(list: &'a Json, key: &str) -> Vec<(&'a Json, f64)> {
    let entries = list.as_array().into_iter().flatten();
    let mut entries: Vec<_> = entries
        .filter_map(|e| Some((e, e[key].as_f64()?)))
        .collect();
    entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    entries
}

pub(super) fn close_to_one(x: f64) -> String {
    if x > 0.9999 && x < 1.0 {
        "more than 0.9999".into()
    } else {
        number(x)
    }
}

/// A share as people say it.
pub(super) fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.001 {
        "less than 0.1 %".into()
    } else if x < 1.0 && x > 0.999 {
        "more than 99.9 %".into()
    } else {
        format!("{} %", number((x * 1000.0).round() / 10.0))
    }
}
