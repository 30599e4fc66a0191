//! Whether the trainings got far enough to answer anything. A run that is stuck or still falling says nothing of
//! its `d`: at a small one that is what too small a `d` looks like, at the largest one it leaves the question open.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, MAIN, MOST};
use crate::results::Group;
use crate::results::critical::Tolerance;
use crate::results::statistics::median;
use crate::results::trainings::{Endings, LEARNED_BELOW, Origin, Verdict};
use base::numbers::{capitalised, count, listed};

/// A setting whose runs at one `d` cannot tell whether that `d` suffices: the metric misses the tolerance, and
/// at least half of the runs did not learn.
pub struct Open<'a> {
    /// The setting.
    pub group: &'a Group,
    /// The `d`.
    pub d: usize,
    endings: Endings,
}

impl<'a> Open<'a> {
    /// The settings that are open at `d`; at the largest `d` of each where none is given.
    pub fn all(evidence: &'a Evidence, tolerance: &Tolerance, d: Option<usize>) -> Vec<Self> {
        let groups = evidence.groups(tolerance.metric).into_iter();
        groups
            .filter_map(|group| {
                let values = evidence.by_width(group, tolerance.metric);
                let d = d.or_else(|| values.keys().next_back().copied())?;
                let endings = evidence.endings_at(group, d);
                let missed = !tolerance.met_by(median(values.get(&d)?));
                (missed && endings.mostly_not_learned()).then_some(Self { group, d, endings })
            })
            .collect()
    }

    /// `at d = 18, the largest tried, none of 3 runs learned (3 got stuck)`.
    pub fn at_the_largest(&self) -> String {
        format!(
            "at d = {}, the largest tried, {}",
            self.d,
            self.endings.few_learned()
        )
    }

    /// `At d = 8 the runs do not tell whether that d suffices: ...`, for all settings.
    pub fn at_one_width(open: &[Self], d: usize) -> String {
        let all: Endings = open.iter().flat_map(|o| o.endings.verdicts()).collect();
        format!(
            "At d = {d} the runs do not tell whether that d suffices: {}.",
            all.few_learned()
        )
    }

    /// Whether some linear projection to the `d` keeps all that is read, so that `d` is not what is in the way.
    fn has_room(&self, evidence: &Evidence) -> Option<usize> {
        let rank = evidence.read_ranks.get(self.group).copied();
        rank.filter(|rank| *rank <= self.d)
    }

    /// Says at which `d` of the open settings a linear projection could keep everything that is read; `None` if that
    /// is known of no setting.
    pub fn room(open: &[Self], evidence: &Evidence) -> Option<String> {
        let found = open
            .iter()
            .filter_map(|o| Some((o.d, o.has_room(evidence)?)));
        let (d, rank) = found.min_by_key(|(d, _)| *d)?;
        Some(format!(
            "At d = {d} some linear projection keeps everything that is read (its rank is {rank}): there it is the \
             training that fails."
        ))
    }

    /// What to do about it.
    pub fn remedy(open: &[Self], evidence: &Evidence) -> Option<String> {
        let (any, stuck) = (
            !open.is_empty(),
            open.iter().any(|o| o.endings.of(Verdict::Stuck) > 0),
        );
        let for_stuck = if stuck {
            ", and with training.restarts for seeds that got stuck (--set 'training.restarts={ count = 8, steps = 3000 }'); where that is \
             not enough, compression.init=normal with a compression.init_std of 0.1 may help (docs/stuck_seeds.md), and compress shrink takes \
             another route, down from a W that loses nothing"
        } else {
            ""
        };
        let repeat = if open.iter().all(|o| o.has_room(evidence).is_some()) {
            "Before concluding anything about d, repeat these runs"
        } else {
            "A d that is too small would look the same, so before concluding anything repeat these runs"
        };
        any.then(|| format!("{repeat} with several times the training.steps{for_stuck}."))
    }
}

impl Evidence {
    /// How the trainings of all runs ended.
    pub fn endings(&self) -> Endings {
        self.runs
            .iter()
            .filter_map(|run| run.origin.ending())
            .collect()
    }

    /// How the trainings of a group at one `d` ended.
    pub fn endings_at(&self, group: &Group, d: usize) -> Endings {
        let runs = self
            .runs
            .iter()
            .filter(|run| run.group == *group && run.d == d);
        runs.filter_map(|run| run.origin.ending()).collect()
    }

    /// How many trainings learned, and where those stand that did not; nothing of studies that do not know.
    pub(super) fn trainings(&self) -> Option<String> {
        let endings = self.endings();
        let (all, learned) = (endings.total(), endings.learned());
        if all == 0 {
            return None;
        }
        let unknown = self
            .runs
            .iter()
            .filter(|run| run.origin == Origin::Trained(None));
        let unknown = match unknown.count() {
            0 => String::new(),
            n => format!(" Of {} no ending is recorded.", count(n, "other training")),
        };
        let means = format!(
            " (an error below {:.0} % of the best constant answer's)",
            100.0 * LEARNED_BELOW
        );
        let below = if learned == 0 {
            String::new()
        } else {
            self.of_these_below(all - learned)
        };
        let text = capitalised(&endings.sentence(&means));
        Some(format!("{text}{below}.{unknown}"))
    }

    /// How many of the runs that did not learn have a `d` below their setting's smallest sufficient one.
    fn of_these_below(&self, not_learned: usize) -> String {
        if self.widths().len() < 3 {
            return String::new();
        }
        let sufficient = self.smallest_sufficient();
        let failed = self.runs.iter().filter(|run| {
            run.origin
                .ending()
                .is_some_and(|ending| ending != Verdict::Learned)
        });
        let below = failed.filter(|run| sufficient.get(&run.group).is_some_and(|d| run.d < *d));
        match below.count() {
            0 => String::new(),
            1 if not_learned == 1 => {
                "; the one that did not learn has a d below the smallest sufficient one".to_owned()
            }
            n if n == not_learned => {
                format!("; all {n} that did not learn have a d below the smallest sufficient one")
            }
            n => format!(
                "; of the {not_learned} that did not learn, {n} {} a d below the smallest sufficient one",
                if n == 1 { "has" } else { "have" }
            ),
        }
    }

    /// Per setting that has one, the smallest sufficient `d` by its main metric.
    fn smallest_sufficient(&self) -> BTreeMap<&Group, usize> {
        let rows = self.critical.iter();
        rows.filter(|row| MAIN.contains(&row.metric))
            .filter_map(|row| Some((&row.group, row.critical_d?)))
            .collect()
    }

    /// Where most runs just below the smallest sufficient `d` were still falling.
    pub(super) fn falling_below(&self) -> Option<String> {
        if self.widths().len() < 3 {
            return None;
        }
        let falling = |group: &Group, sufficient: usize| {
            let runs = self
                .runs
                .iter()
                .filter(|run| run.group == *group && run.d < sufficient);
            let d = runs.map(|run| run.d).max()?;
            let endings = self.endings_at(group, d);
            let n = endings.of(Verdict::Falling);
            (n > 0 && 2 * n >= endings.total()).then_some((d, n, endings.total()))
        };
        let found: Vec<_> = self
            .smallest_sufficient()
            .into_iter()
            .filter_map(|(group, sufficient)| Some((group, falling(group, sufficient)?)))
            .collect();
        let may = "a smaller d may suffice with more training.steps";
        match &found[..] {
            [] => None,
            [(group, (d, n, all))] => {
                let who = if self.all_groups().len() > 1 {
                    format!(" with {}", group.short())
                } else {
                    String::new()
                };
                let were = if *n == 1 { "was" } else { "were" };
                Some(format!(
                    "At d = {d}, just below the smallest sufficient one{who}, {n} of {} {were} still falling: {may}.",
                    count(*all, "run")
                ))
            }
            several => {
                let names = several.iter().take(MOST).map(|(group, _)| group.short());
                let mut names: Vec<String> = names.collect();
                if several.len() > MOST {
                    names.push(count(several.len() - MOST, "other setting"));
                }
                Some(format!(
                    "Just below the smallest sufficient d, most runs with {} were still falling: {may}.",
                    listed(&names)
                ))
            }
        }
    }

    fn all_groups(&self) -> BTreeSet<&Group> {
        self.runs.iter().map(|run| &run.group).collect()
    }
}

/// The widths of a setting at which the median meets the tolerance although the largest misses it.
pub fn met_below(evidence: &Evidence, group: &Group, tolerance: &Tolerance) -> Vec<usize> {
    let values = evidence.by_width(group, tolerance.metric);
    let met = values.iter().filter(|(_, v)| tolerance.met_by(median(v)));
    met.map(|(d, _)| *d).collect()
}
