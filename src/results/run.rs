//! Completed runs of a study, as its questions look at them: by group and `d`.

use std::collections::BTreeMap;

use super::group::Group;
use super::metric::Metric;
use super::trainings::Origin;

/// A completed run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What it has in common with others but for `d` and the seed.
    pub group: Group,
    /// `d`.
    pub d: usize,
    /// Where its `W` comes from.
    pub origin: Origin,
    /// Its final metrics.
    pub metrics: BTreeMap<Metric, f64>,
}

/// The groups that have a metric, in the order of their first runs.
pub fn groups(runs: &[Run], metric: Metric) -> Vec<&Group> {
    let mut groups: Vec<&Group> = Vec::new();
    for run in runs {
        if run.metrics.contains_key(&metric) && !groups.contains(&&run.group) {
            groups.push(&run.group);
        }
    }
    groups
}

/// A metric of a group's runs by `d`.
pub fn by_width(runs: &[Run], group: &Group, metric: Metric) -> BTreeMap<usize, Vec<f64>> {
    let mut values: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.group == *group) {
        if let Some(value) = run.metrics.get(&metric) {
            values.entry(run.d).or_default().push(*value);
        }
    }
    values
}
