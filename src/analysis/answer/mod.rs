//! What a study's runs say to its question, in sentences: made from figures that are in its tables,
//! and saying no more than they do.
//!
//! Where three widths or more were tried, the question is the smallest sufficient one (`widths`); else which of
//! the settings does best (`settings`). Both say how sure that is, and where the runs were not trained long
//! enough to tell (`training`).

pub mod evidence;
mod settings;
mod training;
mod widths;

use super::interchange::LITTLE_BELOW;
use crate::results::critical::Tolerance;
use crate::results::statistics::median;
pub use crate::results::study_analysis::Answer;
use crate::results::{Group, Metric};
use base::numbers::{count, four_digits, listed};
pub use evidence::Evidence;
use evidence::{FAITHFUL, MAIN, MOST};
use training::Open;

/// Fewer seeds than this leave an interval that says little.
const FEW_SEEDS: usize = 5;

impl Evidence {
    /// What the runs say.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer::default();
        if self.runs.is_empty() {
            answer.sentences.push("No run was completed.".into());
            answer.sentences.extend(self.other_ends());
            return answer;
        }
        answer.endings.clone_from(self.endings().counts());
        let mut open: Vec<Open<'_>> = Vec::new();
        for tolerance in self.known_tolerances(&MAIN) {
            answer.sentences.extend(self.about(tolerance));
            open.extend(self.open(tolerance));
        }
        answer.sentences.extend(Open::room(&open, self));
        answer.sentences.extend(Open::remedy(&open, self));
        answer.sentences.extend(self.trainings());
        answer.sentences.extend(self.falling_below());
        answer.sentences.extend(self.misses());
        for tolerance in self.known_tolerances(&FAITHFUL) {
            let mut sentences = self.about(tolerance);
            if tolerance.metric != Metric::InterchangeAccuracyMin && !sentences.is_empty() {
                sentences.extend(self.faithful_but_wrong(tolerance));
            }
            if tolerance.metric == Metric::InterchangeAccuracyMin && !sentences.is_empty() {
                sentences.extend(self.carried());
            }
            answer
                .more
                .extend((!sentences.is_empty()).then(|| sentences.join(" ")));
        }
        if !self.asks_for_width() {
            answer.more.extend(settings::trade_off(self));
        }
        answer.sentences.extend(self.other_ends());
        answer.sentences.extend(self.caution());
        answer
    }

    fn about(&self, tolerance: &Tolerance) -> Vec<String> {
        if self.asks_for_width() {
            widths::sentences(self, tolerance)
        } else {
            settings::sentences(self, tolerance)
        }
    }

    /// The settings that do not tell.
    fn open(&self, tolerance: &Tolerance) -> Vec<Open<'_>> {
        if self.asks_for_width() {
            return Open::all(self, tolerance, None);
        }
        let widths = self.widths().into_iter();
        widths
            .flat_map(|d| settings::open(self, d, tolerance))
            .collect()
    }

    /// How many runs miss the tolerance that the median over their seeds meets.
    fn misses(&self) -> Option<String> {
        let (mut runs, mut misses) = (0, 0);
        for tolerance in self.known_tolerances(&MAIN) {
            for group in self.groups(tolerance.metric) {
                for values in self.by_width(group, tolerance.metric).values() {
                    if values.len() >= 3 && tolerance.met_by(median(values)) {
                        runs += values.len();
                        misses += values.iter().filter(|x| !tolerance.met_by(**x)).count();
                    }
                }
            }
        }
        let what = "Where the median over seeds meets the tolerance";
        match (runs, misses) {
            (0, _) => None,
            (_, 0) => Some(format!("{what}, so does every run.")),
            (_, 1) => Some(format!("{what}, 1 of {runs} runs misses it.")),
            _ => Some(format!("{what}, {misses} of {runs} runs miss it.")),
        }
    }

    /// The settings whose blocks are faithful at a smaller `d` than makes the output right.
    fn faithful_but_wrong(&self, faithful: &Tolerance) -> Option<String> {
        let smallest = |group: &Group, metric: Metric| {
            let mut rows = self.critical.iter();
            rows.find(|row| row.group == *group && row.metric == metric)?
                .critical_d
        };
        let main = self.known_tolerances(&MAIN).into_iter().next()?;
        let groups = self.groups(faithful.metric);
        let several = groups.len() > 1;
        let parts: Vec<String> = groups
            .into_iter()
            .filter_map(|group| {
                let (d, needed) = (
                    smallest(group, faithful.metric)?,
                    smallest(group, main.metric)?,
                );
                let with = if several {
                    format!(" with {}", group.short())
                } else {
                    String::new()
                };
                (d < needed).then(|| format!("d = {needed}{with}"))
            })
            .take(MOST)
            .collect();
        (!parts.is_empty()).then(|| {
            format!(
                "That does not make the output right: by its {} it takes {}.",
                main.metric.column().meaning,
                listed(&parts)
            )
        })
    }

    /// What a low interchange accuracy means where something else carries the same information.
    fn carried(&self) -> Option<String> {
        let runs: usize = self.carried.values().sum();
        let mut most: Vec<_> = self.carried.iter().collect();
        most.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        let parts = most
            .iter()
            .take(MOST)
            .map(|((variable, carriers), n)| format!("{variable}, carried by {carriers}, in {n}"));
        let parts: Vec<String> = parts.collect();
        (runs > 0).then(|| {
            let which = if runs == self.runs.len() {
                "all runs".to_owned()
            } else {
                format!("{runs} of {}", count(self.runs.len(), "run"))
            };
            format!(
                "In {which} the lowest interchange accuracy, below {}, is that of a variable whose information is also read \
                 from something else, which is not exchanged with it ({}): there a low value does not show that the model \
                 ignores the variable.",
                four_digits(LITTLE_BELOW),
                parts.join("; ")
            )
        })
    }

    /// The runs that diverged or failed.
    fn other_ends(&self) -> Option<String> {
        let mut total = 0;
        let mut words = Vec::new();
        for (status, n) in self.without_result.iter().filter(|(_, n)| **n > 0) {
            total += n;
            words.push(format!("{n} {status}"));
        }
        (total > 0).then(|| {
            let has = if total == 1 { "has" } else { "have" };
            format!(
                "{} {has} no result and {} not counted here: {}.",
                count(total, "run"),
                if total == 1 { "is" } else { "are" },
                listed(&words)
            )
        })
    }

    /// What to beware of.
    fn caution(&self) -> Option<String> {
        let mut fewest: Option<usize> = None;
        for metric in MAIN {
            for group in self.groups(metric) {
                if !group.depends_on_seed() {
                    continue;
                }
                let values = self.by_width(group, metric);
                fewest = fewest
                    .into_iter()
                    .chain(values.values().map(Vec::len))
                    .min();
            }
        }
        match fewest {
            Some(1) => Some(
                "Caution: some settings have a single run, and another seed may end differently."
                    .into(),
            ),
            Some(n) if n < FEW_SEEDS => {
                Some(format!("Caution: an interval over {n} seeds says little."))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
