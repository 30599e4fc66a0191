//! What is known of a study, and the words for it.

use std::collections::BTreeMap;

use crate::results::critical::{CriticalRow, Tolerance};
use crate::results::{Better, Group, Metric, Run, Status, run};
use base::numbers::four_digits;

/// The metrics that say whether a model works; a program has one of them.
pub(super) const MAIN: [Metric; 2] = [Metric::Mae, Metric::TokenAccuracy];
/// The metrics that say whether it works in the same way.
pub(super) const FAITHFUL: [Metric; 2] = [Metric::CosineMin, Metric::InterchangeAccuracyMin];
/// More settings are left to the tables.
pub(super) const MOST: usize = 6;

/// What is known of a study.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The completed runs; groups are spoken of in this order.
    pub runs: Vec<Run>,
    /// The critical widths of all groups.
    pub critical: Vec<CriticalRow>,
    /// What makes a metric good enough.
    pub tolerances: Vec<Tolerance>,
    /// How many runs ended otherwise.
    pub without_result: BTreeMap<Status, usize>,
    /// Variables with the lowest interchange accuracy of a run, with what else carries the same information, and
    /// the number of these runs.
    pub carried: BTreeMap<(String, String), usize>,
    /// Per group, the rank of the visited states in the features that are read, where its runs agree on it.
    pub read_ranks: BTreeMap<Group, usize>,
    /// Per group, the error of the best constant answer, where its runs agree on it.
    pub constants: BTreeMap<Group, f64>,
}

impl Evidence {
    /// Whether the question is which `d` suffices.
    pub(super) fn asks_for_width(&self) -> bool {
        self.widths().len() >= 3
    }

    pub(super) fn known_tolerances<'a>(&'a self, metrics: &[Metric]) -> Vec<&'a Tolerance> {
        metrics.iter().filter_map(|m| self.tolerance(*m)).collect()
    }

    /// The tolerance of a metric that some run has.
    pub(super) fn tolerance(&self, metric: Metric) -> Option<&Tolerance> {
        let known = self
            .runs
            .iter()
            .any(|run| run.metrics.contains_key(&metric));
        self.tolerances.iter().find(|t| known && t.metric == metric)
    }

    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.runs.iter().map(|run| run.d).collect();
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// The groups that have a metric, in order.
    pub(super) fn groups(&self, metric: Metric) -> Vec<&Group> {
        run::groups(&self.runs, metric)
    }

    pub(super) fn by_width(&self, group: &Group, metric: Metric) -> BTreeMap<usize, Vec<f64>> {
        run::by_width(&self.runs, group, metric)
    }
}

/// Whether the groups are of several programs, whose metrics are not to be compared.
pub(super) fn of_several_programs(groups: &[&Group]) -> bool {
    groups
        .windows(2)
        .any(|pair| pair[0].program() != pair[1].program())
}

/// `at most 0.005`, `at least 0.98`.
pub(super) fn bound(tolerance: &Tolerance) -> String {
    let sign = match tolerance.better() {
        Better::Lower => "at most",
        Better::Higher => "at least",
    };
    format!("{sign} {}", four_digits(tolerance.value))
}
