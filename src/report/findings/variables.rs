//! What became of the variables: how they are written, and what their exchange shows.

use serde_json::Value as Json;

use super::answer::Works;
use super::words::{EXPLAINED_FROM, close_to_one, percent, sorted_by};
use crate::analysis::interchange::LITTLE_BELOW;
use crate::analysis::redundancy::{self, Carried};
use base::numbers::{four_digits as number, listed};

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
            format!(", the {read} features that are read, of {features}")
        } else {
            String::new()
        };
        // Padding and BOS are most of the variance of some variables, and no part of the program.
        (entry["positions"] == "tokens" && read > 0).then_some(Self {
            name: format!("{name} ({site}{part})"),
            plain: plain.as_f64()?,
            mapped: mapped.as_f64()?,
        })
    }

    fn text(&self) -> String {
        format!(
            "{}: R² {} as written, {} after the best affine map",
            self.name,
            explained(self.plain),
            explained(self.mapped)
        )
    }
}

/// Which variables are written as they were, in another encoding, or in part.
pub fn variables(analysis: &Json, works: Works) -> Vec<String> {
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
            "BOS and padding aside, these variables are kept, but rescaled, shifted or in another linear encoding: {}.",
            recoded.join("; ")
        ));
    }
    if !partly.is_empty() {
        let all_the_same = match works {
            Works::Everywhere => " The outputs are right all the same.",
            Works::Mostly | Works::No | Works::Untold => "",
        };
        let (these, own) = if partly.len() == 1 {
            ("this variable is", "its own features")
        } else {
            ("these variables are", "their own features")
        };
        found.push(format!(
            "BOS and padding aside, {these} not fully recoverable by an affine map of {own}: {}.{all_the_same}",
            partly.join("; ")
        ));
    }
    if !fits.is_empty() && found.is_empty() {
        found.push(format!(
            "BOS and padding aside, every variable that is read is written as in the compiled model (R² of at least {}).",
            number(EXPLAINED_FROM)
        ));
    }
    found
}

/// What the interchange interventions show, and what else carries the variables for which that is little.
pub fn interventions(analysis: &Json, works: Works) -> Vec<String> {
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
    // A model that is wrong without any exchange cannot follow more often than it is right.
    let right = analysis["accuracy"].as_f64().unwrap_or(1.0);
    if works == Works::No {
        found.push(format!(
            "Without any exchange the output is right at {} of token positions, which is about the most to expect.",
            percent(right)
        ));
    }
    // Analyses of earlier versions do not know.
    let Some(carried) = analysis["carried"].as_array() else {
        return found;
    };
    let carried: Vec<Carried> = carried
        .iter()
        .filter_map(|c| serde_json::from_value(c.clone()).ok())
        .collect();
    let low = shares
        .iter()
        .filter(|(_, share)| *share < LITTLE_BELOW * right)
        .filter_map(|(entry, _)| Some((entry["variable"].as_str()?, entry["site"].as_str()?)))
        // Where many outputs are wrong, that is reason enough for a low share that nothing else explains.
        .filter(|(variable, site)| {
            let is_of = |c: &Carried| c.variable == *variable && c.site == *site;
            works != Works::No || carried.iter().any(is_of)
        });
    found.extend(redundancy::sentences(&low.collect::<Vec<_>>(), &carried));
    found
}

/// `1.1 % of cases for is_x, 100 % for frac_prevs and 100 % for tokens; the exchange matters at 58.6 % of token
/// positions`.
fn followed(shares: &[(&Json, f64)]) -> String {
    let count = |entry: &Json, key: &str| entry[key].as_f64().unwrap_or(0.0);
    let matters = |entry: &Json| {
        let share = percent(count(entry, "affected") / count(entry, "positions").max(1.0));
        match count(entry, "undecided") {
            0.0 => format!("{share} of token positions"),
            _ => format!(
                "{share} of the {} token positions where the compiled model's output is not a tie",
                count(entry, "positions")
            ),
        }
    };
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
            format!(" (the exchange matters at {})", matters(entry))
        };
        format!("{}{cases} for {name}{at}", percent(*share))
    });
    let each = listed(&each.collect::<Vec<_>>());
    if alike {
        format!("{each}; the exchange matters at {first}")
    } else {
        each
    }
}

/// A share of variance; far below 0 how far says nothing.
fn explained(x: f64) -> String {
    if x < -10.0 {
        "below −10".into()
    } else {
        close_to_one(x)
    }
}
