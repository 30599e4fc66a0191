//! Which setting does best at a width, and whether that is more than the spread over seeds.

use super::evidence::{Evidence, FAITHFUL, MAIN, MOST, bound, of_several_programs};
use super::training::Open;
use crate::results::critical::Tolerance;
use crate::results::statistics::{interquartile_range, median, median_interval};
use crate::results::trainings::Origin;
use crate::results::{Better, Group, Metric};
use base::numbers::{count, four_digits, listed};

/// A metric of a group at one width.
struct Found<'a> {
    group: &'a Group,
    values: Vec<f64>,
    /// Whether less is better.
    is_error: bool,
    median: f64,
    interval: (f64, f64),
    good: usize,
}

/// For each width the settings in their order, and how many runs are good enough.
pub fn sentences(evidence: &Evidence, tolerance: &Tolerance) -> Vec<String> {
    let widths = evidence.widths().into_iter();
    widths
        .flat_map(|d| {
            let mut sentences = Vec::new();
            let open = open(evidence, d, tolerance);
            if !open.is_empty() {
                sentences.push(Open::at_one_width(&open, d));
            }
            sentences.extend(ranking(evidence, d, tolerance));
            let found = ranked(evidence, d, tolerance);
            sentences.extend((!found.is_empty()).then(|| met(&found, tolerance)));
            sentences
        })
        .collect()
}

/// The trained settings at a width, if none of them was trained long enough to tell whether it suffices.
pub fn open<'a>(evidence: &'a Evidence, d: usize, tolerance: &Tolerance) -> Vec<Open<'a>> {
    if FAITHFUL.contains(&tolerance.metric) {
        return Vec::new();
    }
    let open = Open::all(evidence, tolerance, Some(d));
    let trained = ranked(evidence, d, tolerance).into_iter().filter(|f| {
        let mut runs = evidence.runs.iter();
        runs.any(|run| run.group == *f.group && run.d == d && run.origin != Origin::Baseline)
    });
    if trained.count() == open.len() {
        open
    } else {
        Vec::new()
    }
}

/// The settings at a width in the order of their medians, and how sure the first place is.
pub fn ranking(evidence: &Evidence, d: usize, tolerance: &Tolerance) -> Vec<String> {
    let mut sentences = Vec::new();
    let found = ranked(evidence, d, tolerance);
    let what = format!(
        "the {} (median over seeds)",
        tolerance.metric.column().meaning
    );
    let groups: Vec<&Group> = found.iter().map(|f| f.group).collect();
    match &found[..] {
        [] => {}
        [only] => {
            sentences.push(format!("At d = {d} {what} is {}.", only.with_interval()));
        }
        _ if of_several_programs(&groups) => {
            let each = found.iter().take(MOST);
            let each: Vec<String> = each
                .map(|f| format!("{} with {}", f.with_interval(), f.name()))
                .collect();
            sentences.push(format!("At d = {d} {what} is {}.", listed(&each)));
        }
        [best, .., last] => {
            let place = match tolerance.better() {
                Better::Lower => "lowest",
                Better::Higher => "highest",
            };
            let mut text = format!(
                "At d = {d} {what} is {place} with {}: {}",
                best.name(),
                best.with_interval()
            );
            for next in &found[1..found.len().min(MOST)] {
                text += &format!("; then {}: {}", next.name(), next.short());
            }
            if found.len() > MOST {
                let left = found.len() - MOST;
                let do_worse = if left == 1 { "does" } else { "do" };
                text += &format!("; {} {do_worse} no better", count(left, "other setting"));
            }
            sentences.push(text + ".");
            sentences.extend(beside_constant(evidence, &groups, tolerance));
            sentences.extend(comparisons(best, &found[1], last, found.len()));
        }
    }
    sentences
}

/// What the best constant answer reaches, where the metric says whether a model works and all groups agree.
fn beside_constant(
    evidence: &Evidence,
    groups: &[&Group],
    tolerance: &Tolerance,
) -> Option<String> {
    let known = groups.iter().filter_map(|g| evidence.constants.get(g));
    let mut known: Vec<f64> = known.copied().collect();
    known.dedup();
    let [error] = known[..] else {
        return None;
    };
    let value = match tolerance.metric {
        Metric::Mae => error,
        Metric::TokenAccuracy => 1.0 - error,
        _ => return None,
    };
    Some(format!(
        "The best constant answer has {}.",
        four_digits(value)
    ))
}

/// How far the first of `settings` settings is ahead of the next, and of the last.
fn comparisons(
    best: &Found<'_>,
    next: &Found<'_>,
    last: &Found<'_>,
    settings: usize,
) -> Vec<String> {
    let mut sentences = Vec::new();
    if best.shown() == next.shown() {
        sentences.push(if settings == 2 {
            "To four digits the two do not differ.".to_owned()
        } else {
            "To four digits the first two do not differ.".to_owned()
        });
    } else if settings == 2 {
        sentences.push(format!("The difference, {}.", judgement(best, next)));
    } else {
        sentences.push(format!(
            "The lead over the next, {}.",
            judgement(best, next)
        ));
    }
    // Otherwise the last is further away still.
    let next_is_apart = best.is_clearly_apart(next) && best.shown() != next.shown();
    if settings > 2 && !next_is_apart && best.shown() != last.shown() {
        sentences.push(format!(
            "The distance from first to last, {}.",
            judgement(best, last)
        ));
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
            let groups: Vec<&Group> = by_main.iter().map(|f| f.group).collect();
            let (Some(first), Some(second)) = (by_main.first(), by_other.first()) else {
                continue;
            };
            let place =
                |found: &[Found<'_>], group: &Group| found.iter().position(|f| f.group == group);
            let (Some(i), Some(j)) = (place(&by_main, second.group), place(&by_other, first.group))
            else {
                continue;
            };
            if !of_several_programs(&groups)
                && first.is_clearly_apart(&by_main[i])
                && second.is_clearly_apart(&by_other[j])
            {
                sentences.push(format!(
                    "At d = {d} there is a trade-off: the {} is best with {}, the {} with {}.",
                    main.column().meaning,
                    first.name(),
                    faithful.column().meaning,
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
        .groups(tolerance.metric)
        .into_iter()
        .filter_map(|group| {
            let values = evidence.by_width(group, tolerance.metric).remove(&d)?;
            Some(Found {
                group,
                is_error: tolerance.better() == Better::Lower,
                median: median(&values),
                interval: median_interval(&values),
                good: values.iter().filter(|x| tolerance.met_by(**x)).count(),
                values,
            })
        })
        .collect();
    found.sort_by(|a, b| match tolerance.better() {
        Better::Lower => a.median.total_cmp(&b.median),
        Better::Higher => b.median.total_cmp(&a.median),
    });
    found
}

impl Found<'_> {
    fn name(&self) -> String {
        self.group.short()
    }

    /// `0.0008`.
    fn shown(&self) -> String {
        four_digits(self.median)
    }

    /// `0.0008 (95 % interval over 5 seeds: 0.0007 to 0.0011)`.
    fn with_interval(&self) -> String {
        let median = self.shown();
        if !self.group.depends_on_seed() {
            return format!("{median} (the same for every seed)");
        }
        if self.values.len() == 1 {
            return format!("{median} (a single run)");
        }
        let (low, high) = self.interval;
        format!(
            "{median} (95 % interval over {}: {} to {})",
            count(self.values.len(), "seed"),
            four_digits(low),
            four_digits(high)
        )
    }

    /// `0.0008 (0.0007 to 0.0011)`.
    fn short(&self) -> String {
        if !self.group.depends_on_seed() || self.values.len() == 1 {
            return self.with_interval();
        }
        let [median, low, high] = [self.median, self.interval.0, self.interval.1].map(four_digits);
        format!("{median} ({low} to {high})")
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.interval.0 <= other.interval.1 && other.interval.0 <= self.interval.1
    }

    /// Whether anything is known about other seeds.
    fn is_sure(&self) -> bool {
        self.values.len() > 1 || !self.group.depends_on_seed()
    }

    fn is_clearly_apart(&self, other: &Self) -> bool {
        let distance = Distance::new(self, other);
        self.is_sure()
            && other.is_sure()
            && !self.overlaps(other)
            && distance.difference > distance.spread
    }
}

/// A difference below this multiple of the spread over seeds is hardly larger than it.
const HARDLY_BELOW: f64 = 1.2;

/// How far apart two settings are, and how far apart their seeds: errors by a factor, as their figures
/// have logarithmic axes, other metrics by a difference.
struct Distance {
    logarithmic: bool,
    difference: f64,
    spread: f64,
}

impl Distance {
    fn new(a: &Found<'_>, b: &Found<'_>) -> Self {
        let logarithmic = a.is_error && a.values.iter().chain(&b.values).all(|x| *x > 0.0);
        let scale = |x: f64| if logarithmic { x.ln() } else { x };
        let spread = |values: &[f64]| {
            interquartile_range(&values.iter().map(|x| scale(*x)).collect::<Vec<_>>())
        };
        Self {
            logarithmic,
            difference: (scale(a.median) - scale(b.median)).abs(),
            spread: spread(&a.values).max(spread(&b.values)),
        }
    }

    fn shown(&self, x: f64) -> String {
        if self.logarithmic {
            format!("a factor of {}", rough(x.exp()))
        } else {
            four_digits(x)
        }
    }
}

/// A factor with three digits at most; beyond thousands only that.
pub(super) fn rough(x: f64) -> String {
    match x {
        x if x > 10_000.0 => "more than 10000".into(),
        x if x < 10.0 => four_digits((x * 100.0).round() / 100.0),
        x if x < 100.0 => four_digits((x * 10.0).round() / 10.0),
        x => four_digits(x.round()),
    }
}

/// Whether the distance of two medians is more than what seeds do.
fn judgement(a: &Found<'_>, b: &Found<'_>) -> String {
    let distance = Distance::new(a, b);
    let shown = distance.shown(distance.difference);
    if !(a.is_sure() && b.is_sure()) {
        return format!("{shown}, rests on a single run: other seeds may differ as much");
    }
    let range = format!(
        "the spread over seeds (interquartile range: {})",
        distance.shown(distance.spread)
    );
    match (distance.difference > distance.spread, a.overlaps(b)) {
        (true, false) => {
            let apart = if a.group.depends_on_seed() && b.group.depends_on_seed() {
                "the intervals do not overlap"
            } else {
                "no interval reaches the other's value"
            };
            let larger = if distance.difference < HARDLY_BELOW * distance.spread {
                "hardly larger"
            } else {
                "larger"
            };
            format!("{shown}, is {larger} than {range}, and {apart}")
        }
        (true, true) => format!(
            "{shown}, is larger than {range}, but the intervals overlap, so these seeds do not decide it"
        ),
        (false, _) => {
            format!("{shown}, is not larger than {range}, so these seeds do not decide it")
        }
    }
}

/// `The tolerance (at most 0.005) is met by 5 of 5 runs with steps=30000 and 0 of 5 with steps=300.`
fn met(found: &[Found<'_>], tolerance: &Tolerance) -> String {
    let met = format!("The tolerance ({}) is met by", bound(tolerance));
    let all: usize = found.iter().map(|f| f.values.len()).sum();
    match found.iter().map(|f| f.good).sum::<usize>() {
        1 if all == 1 => return format!("{met} the only run."),
        0 if all == 1 => return format!("{met} no run."),
        good if good == all => return format!("{met} all {all} runs."),
        0 => return format!("{met} none of {all} runs."),
        _ => {}
    }
    let mut parts: Vec<String> = Vec::new();
    for (i, f) in found.iter().take(MOST).enumerate() {
        let runs = if i == 0 { " runs" } else { "" };
        let who = if found.len() > 1 {
            format!(" with {}", f.name())
        } else {
            String::new()
        };
        parts.push(format!("{} of {}{runs}{who}", f.good, f.values.len()));
    }
    format!("{met} {}.", listed(&parts))
}
