//! What a run's analysis says, in sentences that can be quoted: the answer, and the list of what was found.

mod answer;
mod variables;
mod words;

use serde_json::Value as Json;

pub use answer::{Works, answer};

use crate::analysis::structure::variable_of;
use crate::analysis::verdict::{HARDLY_ANY, Verdict};
use crate::results::group::by_key;
use base::numbers::{four_digits as number, listed};
use variables::{interventions, variables};
use words::{budget_of, close_to_one, percent, sorted_by};

/// More features than this are counted by variable.
const MOST_FEATURES: usize = 12;
/// Everything else that was found, a sentence each.
pub fn all(analysis: &Json, works: Works) -> Vec<String> {
    let mut found = verdicts(analysis);
    found.extend(budget(analysis));
    found.extend(blocks(analysis));
    found.extend(variables(analysis, works));
    found.extend(interventions(analysis, works));
    found
}

/// What became of the features, by verdict.
fn verdicts(analysis: &Json) -> Vec<String> {
    let width = analysis["width"].as_u64().unwrap_or(0);
    let dropped_below = number(
        analysis["settings"]["dropped_below"]
            .as_f64()
            .unwrap_or(0.25),
    );
    let of = |verdict: Verdict| {
        let name = verdict.name();
        let labels = analysis["verdicts"][name].as_array()?;
        let names: Vec<&str> = labels.iter().filter_map(Json::as_str).collect();
        let n = names.len();
        let (be, each) = match (n, verdict) {
            (1, Verdict::Dropped) => ("counts as", "it"),
            (_, Verdict::Dropped) => ("count as", "each"),
            (1, _) => ("is", "it"),
            _ => ("are", "each"),
        };
        let (means, note) = match verdict {
            Verdict::Dedicated => (
                format!("{each} has a direction nearly of its own"),
                String::new(),
            ),
            Verdict::Shared => (
                format!(
                    "{each} overlaps mainly with features that co-occur with it or carry the same information"
                ),
                String::new(),
            ),
            Verdict::Superposed => (
                format!(
                    "{each} overlaps mainly with exclusive features, which seldom or never co-occur with it"
                ),
                String::new(),
            ),
            Verdict::Dropped => (
                format!("norm below {dropped_below}"),
                use_of_dropped(analysis, n),
            ),
            Verdict::Unused => (
                "kept, although never active or never read".into(),
                String::new(),
            ),
        };
        (n > 0).then(|| {
            format!(
                "{n} of {width} features {be} {name} ({means}): {}.{note}",
                enumerated(&names)
            )
        })
    };
    Verdict::ALL.into_iter().filter_map(of).collect()
}

/// The names, or, of many, how many of each variable.
fn enumerated(features: &[&str]) -> String {
    if features.len() <= MOST_FEATURES {
        return features.join(", ");
    }
    let by_variable = by_key(
        features
            .iter()
            .map(|feature| (variable_of(feature), *feature)),
    );
    let each = by_variable.iter().map(|(name, members)| match members[..] {
        [only] => only.to_owned(),
        _ => format!("{} of {name}", members.len()),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Whether something was lost with what was dropped: a dropped feature that is used is a whole dimension of
/// `deletion`.
fn use_of_dropped(analysis: &Json, dropped: usize) -> String {
    let Some(budget) = budget_of(analysis) else {
        return String::new();
    };
    let (it, these) = if dropped == 1 {
        ("it", "it")
    } else {
        ("any of them", "them")
    };
    let used: Vec<String> = analysis["dropped_but_used"]
        .as_array()
        .map(|labels| {
            let labels = labels.iter().filter_map(Json::as_str);
            labels.map(str::to_owned).collect()
        })
        .unwrap_or_default();
    match budget.deletion.round() as usize {
        0 => format!(" The program never uses {it}."),
        n if n >= dropped => format!(" The program uses {these}."),
        n if n == used.len() => format!(" Of these the program uses {}.", listed(&used)),
        // An older analysis does not name them.
        n => format!(" The program uses {n} of them."),
    }
}

/// The dimensions given up, by cause.
fn budget(analysis: &Json) -> Option<String> {
    let budget = budget_of(analysis)?;
    let total = budget.total();
    if total < HARDLY_ANY {
        return None;
    }
    let shares = budget
        .parts()
        .into_iter()
        .filter(|(_, x)| x / total >= 0.0005);
    let shares: Vec<String> = shares
        .enumerate()
        .map(|(i, (name, x))| {
            let goes = if i == 0 { "is due to" } else { "to" };
            format!("{} {goes} {}", percent(x / total), cause(name))
        })
        .collect();
    let width = analysis["width"].as_u64().unwrap_or(0);
    Some(format!(
        "The features' dimensionalities (the share of a dimension that each has for itself; 0 for a dropped one) sum to {} \
         instead of {width}. Of the {} lost{}, {}.",
        number((100.0 * (width as f64 - total)).round() / 100.0),
        number((100.0 * total).round() / 100.0),
        more_than(analysis, width as f64 - total),
        listed(&shares)
    ))
}

/// Why more is lost than `D − d`, where that is so.
fn more_than(analysis: &Json, sum: f64) -> String {
    let dim = analysis["dim"].as_u64().unwrap_or(0) as f64;
    if sum < dim - 0.005 {
        " (more than D − d: the directions use the d dimensions unevenly)".into()
    } else {
        String::new()
    }
}

/// A part of the budget in words.
fn cause(name: &str) -> &'static str {
    match name {
        "deletion" => "dropped features that the program uses",
        "deletion_of_unused" => "dropped features that the program never uses",
        "sharing" => "overlap of features that co-occur or carry the same information",
        "superposition" => "overlap of exclusive features (which seldom or never co-occur)",
        _ => {
            "kept features without use (never read or never active) and overlap with features that are never active"
        }
    }
}

/// How faithful the blocks are: the worst of them by cosine, and by the variance explained where there is any.
fn blocks(analysis: &Json) -> Option<String> {
    let by_variance = sorted_by(&analysis["blocks"], "variance_explained");
    let by_cosine = sorted_by(&analysis["blocks"], "cosine");
    let name = |entry: &Json| entry["block"].as_str().unwrap_or("unknown").to_owned();
    let (least, cosine) = by_cosine.first()?;
    let (least, cosine) = (name(least), close_to_one(*cosine));
    let explained = |x: f64| match x {
        x if x < 0.0005 => "none of its variance".to_owned(),
        x => format!("{} of its variance", percent(x)),
    };
    if by_cosine.len() == 1 {
        let explained = by_variance.first().map_or_else(String::new, |(_, x)| {
            format!(" and explains {}", explained(*x))
        });
        return Some(format!(
            "The output of {least}, the only block that writes anything, has a cosine of {cosine} with the compiled \
             model's{explained}."
        ));
    }
    let variance = match by_variance.first() {
        Some((entry, x)) if name(entry) == least => {
            format!("; it also explains the least: {}", explained(*x))
        }
        Some((entry, x)) => format!(
            "; the one that explains the least is {}: {}",
            name(entry),
            explained(*x)
        ),
        None => String::new(),
    };
    Some(format!(
        "The block whose output has the lowest cosine with the compiled model's is {least} ({cosine}){variance}."
    ))
}

#[cfg(test)]
mod tests;
