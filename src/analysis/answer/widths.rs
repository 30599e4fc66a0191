//! The smallest sufficient width of each setting, and how far apart the settings are.

use super::evidence::{Evidence, FAITHFUL, MAIN, MOST, bound, of_several_programs};
use super::settings;
use super::training::{Open, met_below};
use crate::results::critical::{CriticalRow, Tolerance};
use crate::results::trainings::Verdict;
use crate::results::{Group, Metric};
use base::numbers::{are, count, listed};

/// A group's critical width, with what it is made from.
struct Found<'a> {
    group: &'a Group,
    width: &'a CriticalRow,
    /// The smallest and the largest width that was tried.
    tried: (usize, usize),
    /// The largest width that was tried below the sufficient one.
    below: Option<usize>,
    /// The fewest and the most runs at a width.
    seeds: (usize, usize),
}

/// The smallest sufficient widths of all groups, the distance between the best two, and the groups whose runs
/// do not tell.
pub fn sentences(evidence: &Evidence, tolerance: &Tolerance) -> Vec<String> {
    let groups = evidence.groups(tolerance.metric);
    let several_programs = of_several_programs(&groups);
    let mut found: Vec<Found<'_>> = groups
        .into_iter()
        .filter_map(|group| found(evidence, group, tolerance.metric))
        .collect();
    let several = found.len() > 1;
    let target = target(&found, tolerance);
    let largest = found.iter().map(|f| f.tried.1).max().unwrap_or(0);
    // "No width will do" is larger than any width.
    found.sort_by_key(|f| f.width.critical_d.unwrap_or(usize::MAX));
    let is_faithfulness = FAITHFUL.contains(&tolerance.metric);
    let (open, found) = split(evidence, found);
    let nobody = found.iter().all(|f| f.width.critical_d.is_none());
    let mut sentences = Vec::new();
    if nobody && !open.is_empty() && !is_faithfulness {
        // That nothing is known comes before what has no sufficient d.
        let target = format!(" {}", target.replacen("For", "for", 1));
        sentences.extend(untold(evidence, &open, tolerance, &target, several));
        sentences.extend(sufficient(&found, "By the same measure", several));
        sentences.extend(settings::ranking(evidence, largest, tolerance));
        return sentences;
    }
    sentences.extend(sufficient(&found, &target, several));
    if !is_faithfulness {
        sentences.extend(smaller_ones(evidence, &found, tolerance, several));
    }
    if !several_programs {
        sentences.extend(distances(&found));
    }
    // What runs that did not learn keep of the program is nobody's question.
    if !is_faithfulness {
        sentences.extend(untold(evidence, &open, tolerance, "", several));
    }
    if nobody && !sentences.is_empty() {
        // Which comes closest is worth saying all the same.
        sentences.extend(settings::ranking(evidence, largest, tolerance));
    }
    sentences
}

/// `For a mean absolute error of at most 0.005 (median over seeds)`.
fn target(found: &[Found<'_>], tolerance: &Tolerance) -> String {
    let bound = bound(tolerance);
    let what = match tolerance.metric {
        Metric::CosineMin => format!("a cosine of {bound} in every block"),
        Metric::InterchangeAccuracyMin => {
            format!("an interchange accuracy of {bound} for every variable")
        }
        metric => format!("a {} of {bound}", metric.column().meaning),
    };
    let median = if found.iter().any(|f| f.seeds.1 > 1) {
        " (median over seeds)"
    } else {
        ""
    };
    format!("For {what}{median}")
}

/// Takes out the groups without a sufficient width whose runs at the largest one mostly did not learn.
fn split<'a>(evidence: &'a Evidence, found: Vec<Found<'a>>) -> (Vec<Open<'a>>, Vec<Found<'a>>) {
    // Whether a run learned is judged by its output, whatever this is about.
    let mut open: Vec<Open<'a>> = Vec::new();
    for main in evidence.known_tolerances(&MAIN) {
        open.extend(Open::all(evidence, main, None));
    }
    let is_open =
        |f: &Found<'_>| f.width.critical_d.is_none() && open.iter().any(|o| o.group == f.group);
    let (left_out, kept): (Vec<_>, Vec<_>) = found.into_iter().partition(is_open);
    let has_metric = |o: &Open<'_>| left_out.iter().any(|f| f.group == o.group);
    open.retain(has_metric);
    (open, kept)
}

/// `For ..., the smallest sufficient d is 6 with train (...) and 8 with pca (...); no d up to 8 suffices with
/// random.`
fn sufficient(found: &[Found<'_>], target: &str, several: bool) -> Option<String> {
    let some: Vec<&Found<'_>> = found
        .iter()
        .filter(|f| f.width.critical_d.is_some())
        .collect();
    let none: Vec<&Found<'_>> = found
        .iter()
        .filter(|f| f.width.critical_d.is_none())
        .collect();
    let shown = some.len().min(MOST);
    let mut parts: Vec<String> = Vec::new();
    let is: Vec<String> = some[..shown]
        .iter()
        .filter_map(|f| f.text(several))
        .collect();
    if !is.is_empty() {
        parts.push(format!("the smallest sufficient d is {}", listed(&is)));
    }
    let mut left = found.len() - shown;
    // Groups that were tried up to the same width share a clause.
    let mut by_largest: Vec<(usize, Vec<String>)> = Vec::new();
    for f in none.into_iter().take(MOST - shown) {
        left -= 1;
        match by_largest.iter_mut().find(|(d, _)| *d == f.tried.1) {
            Some((_, names)) => names.push(f.name()),
            None => by_largest.push((f.tried.1, vec![f.name()])),
        }
    }
    for (d, names) in by_largest {
        let who = if several {
            format!(" with {}", names.join(" or "))
        } else {
            String::new()
        };
        parts.push(format!("no d up to {d} suffices{who}"));
    }
    if left > 0 && !parts.is_empty() {
        parts.push(format!(
            "{} in critical_widths.csv, which `compress analyze` writes",
            are(left, "further setting")
        ));
    }
    (!parts.is_empty()).then(|| format!("{target}, {}.", parts.join("; ")))
}

/// Widths below the sufficient one whose median is good as well: a curve that rises again, as where runs get stuck.
fn smaller_ones(
    evidence: &Evidence,
    found: &[Found<'_>],
    tolerance: &Tolerance,
    several: bool,
) -> Vec<String> {
    let sentence = |f: &Found<'_>| {
        let sufficient = f.width.critical_d?;
        let mut met = met_below(evidence, f.group, tolerance);
        met.retain(|d| *d < sufficient);
        let smallest = *met.first()?;
        let tried = evidence.by_width(f.group, tolerance.metric);
        let between = tried.keys().filter(|d| **d > smallest && **d < sufficient);
        let missed = between.filter(|d| !met.contains(d)).map(|d| {
            let endings = evidence.endings_at(f.group, *d);
            let runs: usize = endings.counts().values().sum();
            match endings.of(Verdict::Stuck) {
                0 => d.to_string(),
                stuck => format!("{d} ({stuck} of {runs} runs got stuck)"),
            }
        });
        let missed: Vec<String> = missed.collect();
        let met: Vec<String> = met.iter().map(usize::to_string).collect();
        let who = if several {
            format!(" with {}", f.name())
        } else {
            String::new()
        };
        Some(format!(
            "The median at d = {}{who} is as good, {}: where runs got stuck, that says nothing of d; training.restarts may free them, and \
             compress shrink may find a smaller d.",
            listed(&met),
            match missed.is_empty() {
                true => format!("but not at every d between {smallest} and {sufficient}"),
                false => format!(
                    "and misses the tolerance only at d = {} in between",
                    listed(&missed)
                ),
            }
        ))
    };
    found.iter().take(MOST).filter_map(sentence).collect()
}

/// What the groups say whose runs were not trained long enough.
fn untold(
    evidence: &Evidence,
    open: &[Open<'_>],
    tolerance: &Tolerance,
    target: &str,
    several: bool,
) -> Vec<String> {
    let sentence = |o: &Open<'_>| {
        let met = met_below(evidence, o.group, tolerance);
        let met: Vec<String> = met.iter().map(usize::to_string).collect();
        let though = if met.is_empty() {
            String::new()
        } else {
            format!(
                ", although the median at d = {} meets the tolerance",
                listed(&met)
            )
        };
        let who = if several {
            format!("With {} the", o.group.short())
        } else {
            "The".to_owned()
        };
        format!(
            "{who} runs do not tell which d suffices{target}: {}{though}.",
            o.at_the_largest()
        )
    };
    let mut sentences: Vec<String> = open.iter().take(MOST).map(sentence).collect();
    if open.len() > MOST {
        let more = count(open.len() - MOST, "further setting");
        sentences.push(format!("The same holds for {more}."));
    }
    sentences
}

fn found<'a>(evidence: &'a Evidence, group: &'a Group, metric: Metric) -> Option<Found<'a>> {
    let row = evidence
        .critical
        .iter()
        .find(|c| c.group == *group && c.metric == metric)?;
    let values = evidence.by_width(group, metric);
    let runs = || values.values().map(Vec::len);
    Some(Found {
        group,
        width: row,
        tried: (*values.keys().next()?, *values.keys().next_back()?),
        below: row
            .critical_d
            .and_then(|d| values.keys().copied().filter(|other| *other < d).max()),
        seeds: (runs().min()?, runs().max()?),
    })
}

impl Found<'_> {
    fn name(&self) -> String {
        self.group.short()
    }

    /// `6 with train (95 % interval over 10 seeds: 6 to 7)`.
    fn text(&self, named: bool) -> Option<String> {
        let who = if named {
            format!(" with {}", self.name())
        } else {
            String::new()
        };
        let d = self.width.critical_d?;
        let sureness = self.sureness();
        Some(match self.below {
            None => format!("at most {d}{who} (no smaller d was tried; {sureness})"),
            Some(below) if below + 1 < d => {
                format!("{d}{who} (the next smaller one tried is {below}; {sureness})")
            }
            Some(_) => format!("{d}{who} ({sureness})"),
        })
    }

    fn sureness(&self) -> String {
        let seeds = match self.seeds {
            _ if !self.group.depends_on_seed() => return "the same for every seed".into(),
            (_, 1) => return "one run at each d".into(),
            (fewest, most) if fewest == most => count(most, "seed"),
            (fewest, most) => format!("{fewest} to {most} seeds"),
        };
        let interval = match (self.width.low, self.width.high) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("{low} or more"),
            (None, _) => format!("above {}", self.tried.1),
        };
        format!("95 % interval over {seeds}: {interval}")
    }

    /// Whether the interval says something about other seeds.
    fn is_sure(&self) -> bool {
        self.seeds.0 > 1 || !self.group.depends_on_seed()
    }
}

/// How far the best group is ahead of the others, or that none is.
fn distances(found: &[Found<'_>]) -> Vec<String> {
    let [best, others @ ..] = found else {
        return Vec::new();
    };
    let Some(d) = best.width.critical_d else {
        return Vec::new();
    };
    let alike = found.iter().all(|f| f.width.critical_d == Some(d));
    if alike && others.len() > 1 {
        return vec!["All of them need the same d.".into()];
    }
    let a = best.name();
    let (mut sentences, mut fewer) = (Vec::new(), Vec::new());
    for other in others.iter().take(MOST) {
        let b = other.name();
        let distance = Distance::between(best, other);
        match other.width.critical_d {
            Some(second) if second == d => sentences.push(format!("{a} and {b} need the same d.")),
            Some(second) => fewer.push((second - d, b, distance)),
            None => sentences.extend(distance.where_the_other_has_none(&a, &b)),
        }
    }
    // Where no smaller one was tried, it may need fewer still.
    let least = if d == best.tried.0 { "at least " } else { "" };
    let text = match &fewer[..] {
        [] => return sentences,
        [(n, b, distance)] => {
            let n = count(*n, "fewer dimension");
            format!("{n} than {b}{}", distance.clause())
        }
        [(n, b, distance), more @ ..] => {
            let first = count(*n, "fewer dimension");
            let mut parts = vec![format!("{first} than {b} ({})", distance.aside())];
            for (n, b, distance) in more {
                parts.push(format!("{n} fewer than {b} ({})", distance.aside()));
            }
            listed(&parts)
        }
    };
    sentences.insert(0, format!("In the median, {a} needs {least}{text}."));
    sentences
}

/// What the intervals of two groups' critical widths say about their order.
#[derive(Clone, Copy)]
enum Distance {
    /// One has no interval, because it has one run at each d.
    Unsure,
    Apart,
    Overlapping,
}

impl Distance {
    fn between(best: &Found<'_>, other: &Found<'_>) -> Self {
        let beyond = |d: Option<usize>| d.unwrap_or(usize::MAX);
        if !(best.is_sure() && other.is_sure()) {
            Self::Unsure
        } else if beyond(best.width.high) < beyond(other.width.low) {
            Self::Apart
        } else {
            Self::Overlapping
        }
    }

    fn clause(self) -> &'static str {
        match self {
            Self::Unsure => "; with one run at each d there is no telling how sure that is",
            Self::Apart => ", and their intervals do not overlap",
            Self::Overlapping => ", but their intervals overlap",
        }
    }

    fn aside(self) -> &'static str {
        match self {
            Self::Unsure => "one run at each d: no telling how sure that is",
            Self::Apart => "the intervals do not overlap",
            Self::Overlapping => "the intervals overlap",
        }
    }

    /// Where the best group has a sufficient width and the other has none, the widths themselves say the rest.
    fn where_the_other_has_none(self, best: &str, other: &str) -> Option<String> {
        match self {
            Self::Unsure => Some(format!(
                "With one run at each d there is no telling how sure the difference between {best} and {other} is."
            )),
            Self::Apart => None,
            Self::Overlapping => Some(format!("The intervals of {best} and {other} overlap.")),
        }
    }
}
