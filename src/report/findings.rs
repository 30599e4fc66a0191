//! What a run's analysis says, in sentences that can be quoted: the answer, and the list of what was found.

use serde_json::Value as Json;

use super::html::number;
use super::percent;
use crate::analysis::interchange::LITTLE_BELOW;
use crate::analysis::redundancy::Carried;
use crate::analysis::structure::variable_of;
use crate::analysis::verdict::{Budget, HARDLY_ANY};
use crate::numbers::listed;
use crate::study::ending::Ending;

/// From this share of outputs on a model is said to work mostly.
const MOSTLY_FROM: f64 = 0.95;
/// From this share on, partly.
const PARTLY_FROM: f64 = 0.5;
/// From this share of the best constant answer's error on, a model is no better than that.
const NO_BETTER_FROM: f64 = 0.95;
/// A cosine from here on is close.
const FAITHFUL_FROM: f64 = 0.95;
/// More features than this are counted by variable.
const MOST_FEATURES: usize = 12;
/// A variable is as it was, or recoverable, from this share of its variance on.
const EXPLAINED_FROM: f64 = 0.9;

/// Whether the compressed model does its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// Every output is right.
    Everywhere,
    /// Nearly all are.
    Mostly,
    /// Too many are not, or a constant does as well.
    No,
}

/// The answer to whether the compressed model works, and what the compression consists of.
pub fn answer(summary: &Json, analysis: &Json, ending: Option<&Ending>) -> (Works, String) {
    let Some(output) = Output::of(summary, analysis, ending) else {
        return (Works::No, "The run has no metric of its output.".into());
    };
    let works = output.works();
    let compression = match works {
        Works::Everywhere | Works::Mostly => budget_of(analysis).map_or_else(String::new, |budget| budget.sentence()),
        Works::No => {
            "As many outputs are wrong, what W keeps and gives up says little about what the program needs.".into()
        }
    };
    (
        works,
        format!("{} {compression}", output.sentence())
            .trim_end()
            .to_owned(),
    )
}

/// How well the output fits.
struct Output<'a> {
    /// The share of token positions that are right; none in analyses of earlier versions.
    right: Option<f64>,
    all_right: bool,
    /// What stands in brackets.
    details: String,
    /// `all 1024 inputs`.
    inputs: String,
    ending: Option<&'a Ending>,
    numerical: bool,
}

impl<'a> Output<'a> {
    fn of(summary: &Json, analysis: &Json, ending: Option<&'a Ending>) -> Option<Self> {
        let last = |key: &str| summary["final"][key].as_f64();
        let inputs = analysis["inputs"].as_u64().unwrap_or(0);
        let inputs = if analysis["inputs_are_all"].as_bool() == Some(true) {
            format!("all {inputs} inputs")
        } else {
            format!("the {inputs} inputs evaluated")
        };
        let output = |right, all_right, details, numerical| Self {
            right,
            all_right,
            details,
            inputs,
            ending,
            numerical,
        };
        if let (Some(mae), Some(largest)) = (last("mae"), last("max_error")) {
            let tolerance = analysis["settings"]["tolerance"].as_f64().unwrap_or(0.025);
            let details = format!(
                "mean absolute error {}, largest {}; within {} counts as right",
                number(mae),
                number(largest),
                number(tolerance)
            );
            let right = analysis["accuracy"].as_f64();
            return Some(output(right, largest <= tolerance, details, true));
        }
        let (tokens, inputs) = (last("token_accuracy")?, last("sequence_accuracy")?);
        let details = if inputs < 1.0 {
            format!("{} of inputs are right at every position", percent(inputs))
        } else {
            String::new()
        };
        Some(output(Some(tokens), inputs >= 1.0, details, false))
    }

    /// Whether a constant would do as well.
    fn is_no_better_than_a_constant(&self) -> bool {
        let share = self.ending.and_then(|ending| ending.error_share);
        !self.all_right && share.is_some_and(|share| share >= NO_BETTER_FROM)
    }

    fn works(&self) -> Works {
        match self.right {
            _ if self.all_right => Works::Everywhere,
            Some(right) if right >= MOSTLY_FROM && !self.is_no_better_than_a_constant() => {
                Works::Mostly
            }
            _ => Works::No,
        }
    }

    fn sentence(&self) -> String {
        let Self {
            details, inputs, ..
        } = self;
        let verdict = match self.right {
            _ if self.all_right => format!("Yes: on {inputs} every output is right"),
            None => format!("Not everywhere: on {inputs} some outputs are wrong"),
            Some(right) => {
                let share = percent(right);
                if self.is_no_better_than_a_constant() {
                    format!(
                        "No: on {inputs} {share} of outputs are right, and a constant answer does no worse"
                    )
                } else if right >= MOSTLY_FROM {
                    format!("Mostly: on {inputs} {share} of outputs are right")
                } else if right >= PARTLY_FROM {
                    format!("Partly: on {inputs} {share} of outputs are right")
                } else {
                    format!("No: on {inputs} only {share} of outputs are right")
                }
            }
        };
        let details = if details.is_empty() {
            String::new()
        } else {
            format!(" ({details})")
        };
        format!("{verdict}{details}.{}", self.beside_constant())
    }

    /// What an answer reaches that knows nothing of the input.
    fn beside_constant(&self) -> String {
        match self.ending.and_then(|ending| ending.constant_error) {
            None => String::new(),
            Some(0.0) => {
                " The right answer is the same everywhere, so a constant answer does as well."
                    .into()
            }
            Some(error) if self.numerical => format!(
                " The best constant answer has a mean absolute error of {}.",
                number(error)
            ),
            Some(error) => format!(
                " The best constant answer is right in {}.",
                percent(1.0 - error)
            ),
        }
    }
}

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
        used => format!(" The program uses {used} of them."),
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
        "The {width} features give up {} dimensions: {}.",
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

/// A share of variance; below 0 how far says nothing.
fn explained(x: f64) -> String {
    if x < 0.0 {
        "below 0".into()
    } else {
        close_to_one(x)
    }
}

/// A variable as it is written: its name, and the shares of its variance as it is and after the best map.
struct Written {
    name: String,
    plain: f64,
    mapped: f64,
}

impl Written {
    /// As far as the variable is read: what nothing reads may become anything. None of what does not vary.
    fn of(entry: &Json) -> Option<Self> {
        let (name, site) = (entry["variable"].as_str()?, entry["site"].as_str()?);
        let features = entry["features"].as_u64()?;
        // Analyses of earlier versions look at all features alike.
        let (plain, mapped, read) = match entry["features_read"].as_u64() {
            Some(read) => (&entry["r2_read"], &entry["r2_read_mapped"], read),
            None => (&entry["r2"], &entry["r2_mapped"], features),
        };
        let part = if read < features {
            format!(", the {read} of {features} features that are read")
        } else {
            String::new()
        };
        (entry["positions"] == "all" && read > 0).then_some(Self {
            name: format!("{name} ({site}{part})"),
            plain: plain.as_f64()?,
            mapped: mapped.as_f64()?,
        })
    }

    fn text(&self) -> String {
        format!(
            "{}: R² {} as written, {} after the best linear map",
            self.name,
            explained(self.plain),
            explained(self.mapped)
        )
    }
}

/// Which variables are written as they were, in another encoding, or in part.
fn variables(analysis: &Json, works: Works) -> Vec<String> {
    let entries = analysis["variables"].as_array().into_iter().flatten();
    let fits: Vec<Written> = entries.filter_map(Written::of).collect();
    let named = |keep: &dyn Fn(&Written) -> bool| -> Vec<String> {
        fits.iter()
            .filter(|fit| keep(fit))
            .map(Written::text)
            .collect()
    };
    let recoded = named(&|fit| fit.plain < EXPLAINED_FROM && fit.mapped >= EXPLAINED_FROM);
    let partly = named(&|fit| fit.mapped < EXPLAINED_FROM);
    let mut found = Vec::new();
    if !recoded.is_empty() {
        found.push(format!(
            "Kept in another linear encoding: {}.",
            recoded.join("; ")
        ));
    }
    if !partly.is_empty() {
        let all_the_same = match works {
            Works::Everywhere => " The outputs are right all the same.",
            Works::Mostly | Works::No => "",
        };
        let own = if partly.len() == 1 {
            "its own features"
        } else {
            "their own features"
        };
        found.push(format!(
            "Kept only in part in {own}: {}.{all_the_same}",
            partly.join("; ")
        ));
    }
    if !fits.is_empty() && found.is_empty() {
        found.push(format!(
            "Every variable that is read is written as in the compiled model (R² of at least {}).",
            number(EXPLAINED_FROM)
        ));
    }
    found
}

/// What the interchange interventions show, and what else carries the variables for which that is little.
fn interventions(analysis: &Json, works: Works) -> Vec<String> {
    let shares = sorted_by(&analysis["interventions"], "accuracy_affected");
    let Some((first, _)) = shares.first() else {
        return Vec::new();
    };
    let pairs = first["pairs"].as_u64().unwrap_or(0);
    let pairs = if first["all_pairs"].as_bool() == Some(true) {
        format!("all {pairs} pairs")
    } else {
        format!("{pairs} sampled pairs")
    };
    let mut found = vec![format!(
        "Interchange interventions ({pairs} of inputs): where exchanging a variable changes the compiled model's \
         output, the compressed model follows in {}.",
        followed(&shares)
    )];
    let low = || shares.iter().filter(|(_, share)| *share < LITTLE_BELOW);
    if works == Works::No && low().next().is_some() {
        found.push(
            "Many outputs are wrong without an exchange, too, so low shares say little of the variables.".into(),
        );
        return found;
    }
    let carriers = analysis["carried"].as_array();
    let carriers: Vec<Carried> = carriers
        .into_iter()
        .flatten()
        .filter_map(|c| serde_json::from_value(c.clone()).ok())
        .collect();
    for (entry, _) in low() {
        let of_entry = carriers.iter().filter(|c| {
            entry["variable"] == c.variable.as_str() && entry["site"] == c.site.as_str()
        });
        found.extend(of_entry.map(Carried::sentence));
    }
    found
}

/// `1.1 % of cases for is_x, 100 % for frac_prevs and 100 % for tokens; it matters at 58.6 % of positions`.
fn followed(shares: &[(&Json, f64)]) -> String {
    let count = |entry: &Json, key: &str| entry[key].as_f64().unwrap_or(0.0);
    let matters =
        |entry: &Json| percent(count(entry, "affected") / count(entry, "positions").max(1.0));
    let first = shares
        .first()
        .map(|(entry, _)| matters(entry))
        .unwrap_or_default();
    let alike = shares.iter().all(|(entry, _)| matters(entry) == first);
    let each = shares.iter().enumerate().map(|(i, (entry, share))| {
        let cases = if i == 0 { " of cases" } else { "" };
        let name = entry["variable"].as_str().unwrap_or("unknown");
        let at = if alike {
            String::new()
        } else {
            format!(" (it matters at {} of positions)", matters(entry))
        };
        format!("{}{cases} for {name}{at}", percent(*share))
    });
    let each = listed(&each.collect::<Vec<_>>());
    if alike {
        format!("{each}; the exchange matters at {first} of positions")
    } else {
        each
    }
}
