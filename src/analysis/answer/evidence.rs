//! What is known of a study, and the words for it.

use std::collections::BTreeMap;

use crate::analysis::across::{self, Better, CriticalRow, Run, Tolerance};
use crate::config::Method;
use base::numbers::four_digits;

/// The metrics that say whether a model works; a program has one of them.
pub(super) const MAIN: [&str; 2] = ["mae", "token_accuracy"];
/// The metrics that say whether it works in the same way.
pub(super) const FAITHFUL: [&str; 2] = ["cosine_min", INTERCHANGE];
pub(super) const INTERCHANGE: &str = "interchange_accuracy_min";
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
    /// How many runs ended otherwise: `diverged`, `failed`.
    pub without_result: BTreeMap<String, usize>,
    /// Variables with the lowest interchange accuracy of a run, with what else carries the same information, and
    /// the number of these runs.
    pub carried: BTreeMap<(String, String), usize>,
    /// Per group, the rank of the visited states in the features that are read, where its runs agree on it.
    pub read_ranks: BTreeMap<String, usize>,
    /// Per group, the error of the best constant answer, where its runs agree on it.
    pub constants: BTreeMap<String, f64>,
}

impl Evidence {
    /// Whether the question is which `d` suffices.
    pub(super) fn asks_for_width(&self) -> bool {
        self.widths().len() >= 3
    }

    pub(super) fn known_tolerances<'a>(&'a self, metrics: &[&str]) -> Vec<&'a Tolerance> {
        metrics.iter().filter_map(|m| self.tolerance(m)).collect()
    }

    /// The tolerance of a metric that some run has.
    pub(super) fn tolerance(&self, metric: &str) -> Option<&Tolerance> {
        let known = self.runs.iter().any(|run| run.metrics.contains_key(metric));
        self.tolerances.iter().find(|t| known && t.metric == metric)
    }

    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.runs.iter().map(|run| run.d).collect();
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// The groups that have a metric, in order.
    pub(super) fn groups(&self, metric: &str) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for run in &self.runs {
            if run.metrics.contains_key(metric) && !groups.contains(&run.group.as_str()) {
                groups.push(&run.group);
            }
        }
        groups
    }

    pub(super) fn by_width(&self, group: &str, metric: &str) -> BTreeMap<usize, Vec<f64>> {
        across::by_width(&self.runs, group, metric)
    }
}

/// A group as sentences and figures call it: `compression.method=pca` is `pca`, of other keys the last
/// part is enough.
pub fn group_name(group: &str) -> String {
    let parts = group.split(", ").map(|part| match part.split_once('=') {
        Some(("compression.method", method)) => method.to_owned(),
        Some((key, value)) => {
            let key = key.rsplit('.').next().unwrap_or(key);
            format!("{key}={value}")
        }
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Whether another seed gives a group another `W`.
pub fn depends_on_seed(group: &str) -> bool {
    let mut methods = group
        .split(", ")
        .filter_map(|part| Method::named(part.strip_prefix("compression.method=")?));
    methods.all(|method| method.depends_on("training.seed"))
}

/// Whether the groups are of several programs, whose metrics are not to be compared.
pub(super) fn of_several_programs(groups: &[&str]) -> bool {
    let program = |group: &str| {
        let is_program =
            |part: &&str| part.starts_with("program=") || part.starts_with("model.program=");
        let part = group.split(", ").find(is_program);
        part.map(str::to_owned)
    };
    groups
        .windows(2)
        .any(|pair| program(pair[0]) != program(pair[1]))
}

/// A metric in words.
pub(super) fn words(metric: &str) -> &str {
    match metric {
        "mae" => "mean absolute error",
        "token_accuracy" => "share of right tokens",
        "cosine_min" => "lowest cosine of any block",
        "interchange_accuracy_min" => "lowest interchange accuracy of any variable",
        other => other,
    }
}

/// `at most 0.005`, `at least 0.98`.
pub(super) fn bound(tolerance: &Tolerance) -> String {
    let sign = match tolerance.better {
        Better::Lower => "at most",
        Better::Higher => "at least",
    };
    format!("{sign} {}", four_digits(tolerance.value))
}
