//! What a run's analysis says, in sentences that can be quoted: the answer, and the list of what was found.

mod answer;
mod variables;

use serde_json::Value as Json;

pub use answer::{Works, answer};

use super::html::number;
use super::percent;
use crate::analysis::structure::variable_of;
use crate::analysis::verdict::{Budget, HARDLY_ANY};
use base::numbers::listed;
use variables::{interventions, variables};

/// A cosine from here on is close.
const FAITHFUL_FROM: f64 = 0.95;
/// More features than this are counted by variable.
const MOST_FEATURES: usize = 12;
/// A variable is as it was, or recoverable, from this share of its variance on.
const EXPLAINED_FROM: f64 = 0.9;

/// The dimensions given up, by cause; none in analyses of versions that did not say.
fn budget_of(analysis: &Json) -> Option<Budget> {
    serde_json::from_value(analysis["budget"].clone()).ok()
}

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
    let verdict = |name: &str| {
        let labels = analysis["verdicts"][name].as_array()?;
        let names: Vec<&str> = labels.iter().filter_map(Json::as_str).collect();
        let n = names.len();
        let (be, each) = if n == 1 {
            ("is", "it")
        } else {
            ("are", "each")
        };
        let (means, note) = match name {
            "dedicated" => (
                format!("{each} has a direction nearly of its own"),
                String::new(),
            ),
            "shared" => (
                format!(
                    "{each} overlaps mostly with features that occur together with it or say the same"
                ),
                String::new(),
            ),
            "superposed" => (
                format!("{each} overlaps mostly with features that do not occur together with it"),
                String::new(),
            ),
            "dropped" => (
                format!("norm below {dropped_below}"),
                use_of_dropped(analysis, n),
            ),
            _ => (
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
    crate::figures::colour::VERDICTS
        .iter()
        .filter_map(|(name, _)| verdict(name))
        .collect()
}

/// The names, or, of many, how many of each variable.
fn enumerated(features: &[&str]) -> String {
    if features.len() <= MOST_FEATURES {
        return features.join(", ");
    }
    let mut by_variable: Vec<(&str, Vec<&str>)> = Vec::new();
    for feature in features {
        let name = variable_of(feature);
        match by_variable.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(feature),
            None => by_variable.push((name, vec![feature])),
        }
    }
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
    match budget.deletion.round() as usize {
        0 => format!(" The program never uses {it}."),
        used if used >= dropped => format!(" The program uses {these}."),
        used => format!(
            " The program uses {used} of them (features.csv says which: read, with an active_share above 0)."
        ),
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
        .map(|(name, x)| format!("{} {}", percent(x / total), cause(name)))
        .collect();
    let width = analysis["width"].as_u64().unwrap_or(0);
    Some(format!(
        "Summed over the {width} features, {} of their dimensionality (1 each in the compiled model; an overlap counts \
         for both) is lost: {}.",
        number((100.0 * total).round() / 100.0),
        listed(&shares)
    ))
}

/// A part of the budget in words.
fn cause(name: &str) -> &'static str {
    match name {
        "deletion" => "by dropping features that the program uses",
        "deletion_of_unused" => "by dropping features that the program never uses",
        "sharing" => "by overlap of features that occur together or say the same",
        "superposition" => "by overlap of features that do not occur together",
        _ => "by overlap of, or with, features that the program never uses",
    }
}

/// The entries of a list that have a key, with its value, the smallest first.
fn sorted_by<'a>(list: &'a Json, key: &str) -> Vec<(&'a Json, f64)> {
    let entries = list.as_array().into_iter().flatten();
    let mut entries: Vec<_> = entries
        .filter_map(|e| Some((e, e[key].as_f64()?)))
        .collect();
    entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    entries
}

/// How faithful the blocks are: the worst of them, by the variance explained where there is any.
fn blocks(analysis: &Json) -> Option<String> {
    let by_variance = sorted_by(&analysis["blocks"], "variance_explained");
    let by_cosine = sorted_by(&analysis["blocks"], "cosine");
    let (worst, _) = *by_variance.first().or(by_cosine.first())?;
    let name = worst["block"].as_str()?;
    let lowest = by_cosine.first()?.1;
    let cosine = close_to_one(worst["cosine"].as_f64()?);
    let explained = match worst["variance_explained"].as_f64() {
        Some(x) if x < 0.0005 => " and explains none of its variance".to_owned(),
        Some(x) => format!(" and explains {} of its variance", percent(x)),
        None => String::new(),
    };
    let is_close = lowest >= FAITHFUL_FROM
        && by_variance
            .first()
            .is_none_or(|(_, explained)| *explained >= EXPLAINED_FROM);
    Some(match by_cosine.len() {
        1 => format!(
            "The output of {name}, the only block that writes anything, has a cosine of {cosine} with the compiled \
             model's{explained}."
        ),
        _ if is_close => format!(
            "Every block writes nearly what it writes in the compiled model: even the output of {name} has a cosine of \
             {cosine} with the compiled model's{explained}."
        ),
        _ => format!(
            "The least faithful block is {name}: its output has a cosine of {cosine} with the compiled model's{explained}."
        ),
    })
}

fn close_to_one(x: f64) -> String {
    if x > 0.9999 && x < 1.0 {
        "more than 0.9999".into()
    } else {
        number(x)
    }
}

#[cfg(test)]
mod tests;
