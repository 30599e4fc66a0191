//! From which width on the model works, and how far apart the methods are.

use super::{
    Evidence, MOST, bound, depends_on_seed, group_name, of_several_programs, settings, words,
};
use crate::analysis::across::{CriticalRow, Tolerance};
use crate::numbers::{count, listed};

/// A group's critical width, with what it is made from.
struct Found<'a> {
    group: &'a str,
    width: &'a CriticalRow,
    /// The smallest and the largest width that was tried.
    tried: (usize, usize),
    /// The fewest and the most runs at a width.
    seeds: (usize, usize),
}

/// The critical widths of all groups, and the distance between the best two.
pub fn sentences(evidence: &Evidence, tolerance: &Tolerance) -> Vec<String> {
    let groups = evidence.groups(&tolerance.metric);
    let several_programs = of_several_programs(&groups);
    let mut found: Vec<Found<'_>> = groups
        .into_iter()
        .filter_map(|group| found(evidence, group, &tolerance.metric))
        .collect();
    // "No width will do" is larger than any width.
    found.sort_by_key(|f| f.width.critical_d.unwrap_or(usize::MAX));
    if found.is_empty() {
        return Vec::new();
    }
    let several = found.len() > 1;
    if several && found.iter().all(|f| f.width.critical_d.is_none()) {
        let names: Vec<String> = found.iter().take(MOST).map(Found::name).collect();
        let largest = found.iter().map(|f| f.tried.1).max().unwrap_or(0);
        let mut sentences = vec![format!(
            "The median {} is {} at no d up to {largest}, whatever the setting ({}).",
            words(&tolerance.metric),
            bound(tolerance),
            names.join("; ")
        )];
        // Which comes closest is worth saying all the same.
        sentences.extend(settings::ranking(evidence, largest, tolerance));
        return sentences;
    }
    let mut parts: Vec<String> = found.iter().take(MOST).map(|f| f.text(several)).collect();
    if found.len() > MOST {
        let more = count(found.len() - MOST, "other setting");
        parts.push(format!("in critical_widths.csv for {more}"));
    }
    let mut sentences = vec![format!(
        "The median {} is {} {}.",
        words(&tolerance.metric),
        bound(tolerance),
        listed(&parts)
    )];
    if several && !several_programs {
        sentences.push(distance(&found[0], &found[1]));
    }
    sentences
}

fn found<'a>(evidence: &'a Evidence, group: &'a str, metric: &str) -> Option<Found<'a>> {
    let row = evidence
        .critical
        .iter()
        .find(|c| c.group == group && c.metric == metric)?;
    let values = evidence.by_width(group, metric);
    let runs = || values.values().map(Vec::len);
    Some(Found {
        group,
        width: row,
        tried: (*values.keys().next()?, *values.keys().next_back()?),
        seeds: (runs().min()?, runs().max()?),
    })
}

impl Found<'_> {
    fn name(&self) -> String {
        group_name(self.group)
    }

    /// `from d = 6 on with train (95 % interval over 10 seeds: 6 to 7)`.
    fn text(&self, named: bool) -> String {
        let who = if named {
            format!(" with {}", self.name())
        } else {
            String::new()
        };
        let (smallest, largest) = self.tried;
        match self.width.critical_d {
            None => format!("at no d up to {largest}{who}"),
            Some(d) => {
                let edge = if d == smallest {
                    ", the smallest tried,"
                } else {
                    ""
                };
                format!("from d = {d}{edge} on{who} ({})", self.sureness())
            }
        }
    }

    fn sureness(&self) -> String {
        let seeds = match self.seeds {
            _ if !depends_on_seed(self.group) => return "the same for every seed".into(),
            (_, 1) => return "a single run a width".into(),
            (fewest, most) if fewest == most => count(most, "seed"),
            (fewest, most) => format!("{fewest} to {most} seeds"),
        };
        let edge = |d: Option<usize>| {
            d.map_or_else(|| format!("beyond {}", self.tried.1), |d| d.to_string())
        };
        let (low, high) = (edge(self.width.low), edge(self.width.high));
        format!("95 % interval over {seeds}: {low} to {high}")
    }

    /// Whether the interval says something about other seeds.
    fn is_sure(&self) -> bool {
        self.seeds.0 > 1 || !depends_on_seed(self.group)
    }
}

/// How far the best group is ahead of the next.
fn distance(best: &Found<'_>, next: &Found<'_>) -> String {
    let (a, b) = (best.name(), next.name());
    let beyond = |d: Option<usize>| d.unwrap_or(usize::MAX);
    let apart = beyond(best.width.high) < beyond(next.width.low);
    let sure = if !(best.is_sure() && next.is_sure()) {
        "; with a single run a width there is no telling how sure that is"
    } else if apart {
        ", and their intervals do not overlap"
    } else {
        ", but their intervals overlap: these seeds do not tell them apart"
    };
    match (best.width.critical_d, next.width.critical_d) {
        (Some(first), Some(second)) if second == first => format!("{a} and {b} need the same d."),
        (Some(first), Some(second)) => format!(
            "{a} needs {} fewer than {b}{sure}.",
            count(second - first, "dimension")
        ),
        _ if apart => format!("Of these, only {a} gets there."),
        _ => format!("Of these, only {a} gets there{sure}."),
    }
}
