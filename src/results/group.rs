//! Groups: runs of a study that agree in everything but `d` and the seed.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::config::Method;
use crate::config::keys::{METHOD, PROGRAM, SEED};

/// What the runs of a group have in common, as tables name it: `all`, or `key=value, ...`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(String);

/// Setting by setting, numbers as numbers: `steps=3000` before `steps=10000`.
impl Ord for Group {
    fn cmp(&self, other: &Self) -> Ordering {
        for (a, b) in self.parts().zip(other.parts()) {
            let order = match (number(a), number(b)) {
                (Some((key, x)), Some((other_key, y))) if key == other_key => x.total_cmp(&y),
                _ => a.cmp(b),
            };
            if order.is_ne() {
                return order;
            }
        }
        // Of two spellings of the same numbers, or of a group and one with more settings.
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `key=number` as both.
fn number(part: &str) -> Option<(&str, f64)> {
    let (key, value) = part.split_once('=')?;
    Some((key, value.parse().ok()?))
}

impl Group {
    /// The group of these settings.
    fn of(settings: &[(&str, &str)]) -> Self {
        if settings.is_empty() {
            return Self::default();
        }
        let pairs = settings.iter().map(|(key, value)| format!("{key}={value}"));
        Self(pairs.collect::<Vec<_>>().join(", "))
    }

    /// As tables have it.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// As sentences and figures call it: `compression.method=pca` is `pca`, of other keys the last part is enough.
    pub fn short(&self) -> String {
        let parts = self.parts().map(|part| match part.split_once('=') {
            Some((METHOD, method)) => method.to_owned(),
            Some((key, value)) => format!("{}={value}", last_part(key)),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Whether another seed gives its runs another `W`.
    pub fn depends_on_seed(&self) -> bool {
        let settings = self.parts().filter_map(|part| part.split_once('='));
        let methods = settings.filter(|(key, _)| *key == METHOD);
        let mut methods = methods.filter_map(|(_, method)| Method::named(method));
        methods.all(|method| method.depends_on(SEED))
    }

    /// Its program, where groups differ in that: metrics of several programs are not to be compared.
    pub fn program(&self) -> Option<&str> {
        let is_program = |part: &&str| {
            let key = part.split_once('=').map(|(key, _)| key);
            [Some(PROGRAM_NAME), Some(PROGRAM)].contains(&key)
        };
        self.parts().find(is_program)
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(", ")
    }
}

/// Where all runs are one group.
impl Default for Group {
    fn default() -> Self {
        Self("all".into())
    }
}

impl From<&str> for Group {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of the program that a model was compiled from, beside the settings of a run.
pub const PROGRAM_NAME: &str = "program";

/// `dim` of `compression.dim`.
pub fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Runs told apart by the fewest settings.
pub struct Grouping {
    runs: Vec<Vec<(String, String)>>,
    telling: Vec<String>,
}

impl Grouping {
    /// Compares the runs' settings, `d` and the seed not among them; a setting counts before those that come later.
    pub fn new(runs: Vec<Vec<(String, String)>>) -> Self {
        // A setting that never differs without another one adds nothing: the model's checksum beside
        // the program's name.
        let mut telling: Vec<&str> = Vec::new();
        let mut told = 1;
        for key in keys(&runs) {
            telling.push(key);
            let found: BTreeSet<Vec<&str>> = runs
                .iter()
                .map(|run| telling.iter().map(|key| value(run, key)).collect())
                .collect();
            if found.len() <= told {
                telling.pop();
            }
            told = told.max(found.len());
        }
        Self {
            telling: telling.into_iter().map(str::to_owned).collect(),
            runs,
        }
    }

    /// As [`Grouping::new`], with every setting that differs: nobody has looked yet which of them matter.
    pub fn by_all(runs: Vec<Vec<(String, String)>>) -> Self {
        let differs = |key: &&str| {
            let values: BTreeSet<&str> = runs.iter().map(|run| value(run, key)).collect();
            values.len() > 1
        };
        let telling = keys(&runs).into_iter().filter(differs);
        Self {
            telling: telling.map(str::to_owned).collect(),
            runs,
        }
    }

    /// The settings that tell a run's group, by the run's place.
    pub fn settings(&self, run: usize) -> Vec<(&str, &str)> {
        let telling = self.telling.iter();
        telling
            .map(|key| (key.as_str(), value(&self.runs[run], key)))
            .collect()
    }

    /// The group of a run, by its place.
    pub fn group(&self, run: usize) -> Group {
        Group::of(&self.settings(run))
    }
}

/// The keys of all settings, in their order.
fn keys(runs: &[Vec<(String, String)>]) -> Vec<&str> {
    let mut keys: Vec<&str> = Vec::new();
    let mut known = BTreeSet::new();
    for (key, _) in runs.iter().flatten() {
        if known.insert(key.as_str()) {
            keys.push(key);
        }
    }
    keys
}

/// The value of a setting; a text without its quotes.
fn value<'a>(run: &'a [(String, String)], key: &str) -> &'a str {
    let pair = run.iter().find(|(known, _)| known == key);
    pair.map_or("", |(_, value)| value.trim_matches('"'))
}

/// Items by their keys, in the order in which a key comes first.
pub fn by_key<K: Clone + Eq + Hash, T>(
    items: impl IntoIterator<Item = (K, T)>,
) -> Vec<(K, Vec<T>)> {
    let mut found: Vec<(K, Vec<T>)> = Vec::new();
    let mut places = HashMap::new();
    for (key, item) in items {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            found.push((key, Vec::new()));
            found.len() - 1
        });
        found[place].1.push(item);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn groups_are_sorted_by_their_numbers() {
        let names = [
            "all",
            "init_std=0.03",
            "init_std=0.1",
            "init_std=1.0",
            "program=count, training.steps=3000",
            "program=count, training.steps=10000",
            "program=hist",
            "program=hist, training.steps=20",
        ];
        let mut groups: Vec<Group> = names.iter().rev().map(|name| Group::from(*name)).collect();
        groups.sort();
        assert_eq!(groups, names.map(Group::from));
    }

    #[test]
    fn groups_are_told_apart_by_the_fewest_settings() {
        let run = |program: &str, sha: &str, steps: &str| {
            vec![
                pair("program", program),
                pair("model.sha256", sha),
                pair("training.batch", "256"),
                pair("training.steps", steps),
            ]
        };
        let grouping = Grouping::new(vec![
            run("a", "\"1\"", "10"),
            run("b", "\"2\"", "10"),
            run("b", "\"2\"", "20"),
        ]);
        let names: Vec<Group> = (0..3).map(|i| grouping.group(i)).collect();
        assert_eq!(
            names,
            [
                "program=a, training.steps=10",
                "program=b, training.steps=10",
                "program=b, training.steps=20"
            ]
            .map(Group::from)
        );
        let all = Grouping::by_all(vec![run("a", "1", "10"), run("b", "2", "10")]);
        assert_eq!(all.group(1).name(), "program=b, model.sha256=2");
        let same = Grouping::new(vec![run("a", "1", "10"), run("a", "1", "10")]);
        assert_eq!(same.group(1), Group::default());
    }

    #[test]
    fn a_setting_that_some_runs_are_without_tells_them_apart() {
        let grouping = Grouping::new(vec![
            vec![pair("a", "1")],
            vec![pair("a", "1"), pair("b", "\"2\"")],
        ]);
        assert_eq!(grouping.settings(0), [("b", "")]);
        assert_eq!(grouping.group(1).name(), "b=2");
    }

    #[test]
    fn a_group_has_a_short_name() {
        let group = Group::from("compression.method=pca, training.steps=300, program=x");
        assert_eq!(group.short(), "pca, steps=300, program=x");
        assert_eq!(Group::default().short(), "all");
    }

    #[test]
    fn a_group_has_a_program_where_groups_differ_in_it() {
        let program = |name: &str| Group::from(name).program().map(str::to_owned);
        let model = program("a=1, model.program=a");
        assert_eq!(model.as_deref(), Some("model.program=a"));
        assert_eq!(program("program=b").as_deref(), Some("program=b"));
        assert_eq!(program("programs=b"), None);
    }

    #[test]
    fn a_group_depends_on_the_seed_where_another_one_changes_what_is_drawn_or_trained() {
        let depends = |name: &str| Group::from(name).depends_on_seed();
        let train = "compression.method=train";
        for group in [
            "all",
            "training.steps=300",
            train,
            "compression.method=random",
        ] {
            assert!(depends(group), "{group}");
        }
        for group in [
            "compression.method=pca",
            "a=1, compression.method=pca",
            "compression.method=subset",
        ] {
            assert!(!depends(group), "{group}");
        }
    }

    #[test]
    fn items_are_collected_by_key_in_the_order_of_the_first() {
        let found = by_key([("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(found, [("b", vec![1, 3]), ("a", vec![2])]);
    }
}
