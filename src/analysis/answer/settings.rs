//! Which setting does best at a width, and whether that is more than the spread over seeds.

use super::{
    Evidence, FAITHFUL, MAIN, MOST, bound, depends_on_seed, group_name, of_several_programs, words,
};
use crate::analysis::across::{Better, Tolerance, interquartile_range, median, median_interval};
use crate::numbers::{count, four_digits, listed};

/// A metric of a group at one width.
struct Found<'a> {
    group: &'a str,
    runs: usize,
    median: f64,
    interval: (f64, f64),
    spread: f64,
    good: usize,
}

/// For each width the settings in the order of their medians, how sure the first place is, and how many
/// runs are good enough.
pub fn sentences(evidence: &Evidence, tolerance: &Tolerance) -> Vec<String> {
    let mut sentences = Vec::new();
    for d in evidence.widths() {
        let found = ranked(evidence, d, tolerance);
        let what = format!("the median {}", words(&tolerance.metric));
        let groups: Vec<&str> = found.iter().map(|f| f.group).collect();
        match &found[..] {
            [] => {}
            [only] => {
                sentences.push(format!("At d = {d} {what} is {}.", only.figure()));
                sentences.push(reached(&found, tolerance));
            }
            _ if of_several_programs(&groups) => {
                let each = found.iter().take(MOST);
                let each: Vec<String> = each
                    .map(|f| format!("{} with {}", f.figure(), f.name()))
                    .collect();
                sentences.push(format!("At d = {d} {what} is {}.", listed(&each)));
                sentences.push(reached(&found, tolerance));
            }
            [best, .., last] => {
                let place = match tolerance.better {
                    Better::Lower => "lowest",
                    Better::Higher => "highest",
                };
                let mut text = format!(
                    "At d = {d} {what} is {place} with {}: {}",
                    best.name(),
                    best.figure()
                );
                for next in &found[1..found.len().min(MOST)] {
                    text += &format!("; then {}: {}", next.name(), next.figure());
                }
                if found.len() > MOST {
                    text += &format!("; {} do worse", count(found.len() - MOST, "other setting"));
                }
                sentences.push(text + ".");
                let next = &found[1];
                if found.len() == 2 {
                    sentences.push(format!("The difference, {}.", judgement(best, next)));
                } else {
                    sentences.push(format!(
                        "The lead over the next, {}.",
                        judgement(best, next)
                    ));
                    sentences.push(format!(
                        "The distance to the last, {}.",
                        judgement(best, last)
                    ));
                }
                sentences.push(reached(&found, tolerance));
            }
        }
    }
    sentences
}

/// Whether accuracy and faithfulness favour different settings, and clearly so.
pub fn trade_off(evidence: &Evidence) -> Vec<String> {
    let mut sentences = Vec::new();
    for d in evidence.widths() {
        for (main, faithful) in MAIN.iter().flat_map(|m| FAITHFUL.map(|f| (*m, f))) {
            let (Some(a), Some(b)) = (evidence.tolerance(main), evidence.tolerance(faithful))
            else {
                continue;
            };
            let (by_main, by_other) = (ranked(evidence, d, a), ranked(evidence, d, b));
            let groups: Vec<&str> = by_main.iter().map(|f| f.group).collect();
            let (Some(first), Some(second)) = (by_main.first(), by_other.first()) else {
                continue;
            };
            let place =
                |found: &[Found<'_>], group: &str| found.iter().position(|f| f.group == group);
            let (Some(i), Some(j)) = (place(&by_main, second.group), place(&by_other, first.group))
            else {
                continue;
            };
            if !of_several_programs(&groups)
                && first.is_clearly_apart(&by_main[i])
                && second.is_clearly_apart(&by_other[j])
            {
                sentences.push(format!(
                    "At d = {d} one is traded for the other: the {} is best with {}, the {} with {}.",
                    words(main),
                    first.name(),
                    words(faithful),
                    second.name()
                ));
            }
        }
    }
    sentences
}

/// The groups at a width, the best first; in the study's order where they are equal.
fn ranked<'a>(evidence: &'a Evidence, d: usize, tolerance: &Tolerance) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = evidence
        .groups(&tolerance.metric)
        .into_iter()
        .filter_map(|group| {
            let values = evidence.by_width(group, &tolerance.metric).remove(&d)?;
            Some(Found {
                group,
                runs: values.len(),
                median: median(&values),
                interval: median_interval(&values),
                spread: interquartile_range(&values),
                good: values.iter().filter(|x| tolerance.met_by(**x)).count(),
            })
        })
        .collect();
    found.sort_by(|a, b| match tolerance.better {
        Better::Lower => a.median.total_cmp(&b.median),
        Better::Higher => b.median.total_cmp(&a.median),
    });
    found
}

impl Found<'_> {
    fn name(&self) -> String {
        group_name(self.group)
    }

    /// `0.0008 (95 % interval over 5 seeds: 0.0007 to 0.0011)`.
    fn figure(&self) -> String {
        let median = four_digits(self.median);
        if !depends_on_seed(self.group) {
            return format!("{median} (the same for every seed)");
        }
        if self.runs == 1 {
            return format!("{median} (a single run)");
        }
        let (low, high) = self.interval;
        format!(
            "{median} (95 % interval over {}: {} to {})",
            count(self.runs, "seed"),
            four_digits(low),
            four_digits(high)
        )
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.interval.0 <= other.interval.1 && other.interval.0 <= self.interval.1
    }

    /// Whether anything is known about other seeds.
    fn is_sure(&self) -> bool {
        self.runs > 1 || !depends_on_seed(self.group)
    }

    fn is_clearly_apart(&self, other: &Self) -> bool {
        self.is_sure()
            && other.is_sure()
            && (self.median - other.median).abs() > self.spread.max(other.spread)
            && !self.overlaps(other)
    }
}

/// Whether the difference of two medians is more than what seeds do.
fn judgement(a: &Found<'_>, b: &Found<'_>) -> String {
    let difference = (a.median - b.median).abs();
    let spread = a.spread.max(b.spread);
    let shown = four_digits(difference);
    if !(a.is_sure() && b.is_sure()) {
        return format!("{shown}, is that of single runs: other seeds may differ as much");
    }
    let range = format!(
        "the spread over seeds (interquartile range {})",
        four_digits(spread)
    );
    match (difference > spread, a.overlaps(b)) {
        (true, false) => {
            format!("{shown}, is larger than {range}, and the intervals do not overlap")
        }
        (true, true) => format!(
            "{shown}, is larger than {range}, but the intervals overlap: these seeds do not decide it"
        ),
        (false, _) => format!("{shown}, is not larger than {range}: these seeds do not decide it"),
    }
}

/// `At most 0.005 is reached by 5 of 5 runs with steps=30000 and 0 of 5 with steps=300.`
fn reached(found: &[Found<'_>], tolerance: &Tolerance) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (i, f) in found.iter().take(MOST).enumerate() {
        let runs = if i == 0 { " runs" } else { "" };
        let who = if found.len() > 1 {
            format!(" with {}", f.name())
        } else {
            String::new()
        };
        parts.push(format!("{} of {}{runs}{who}", f.good, f.runs));
    }
    let bound = bound(tolerance);
    let capital = bound.replacen('a', "A", 1);
    format!("{capital} is reached by {}.", listed(&parts))
}
