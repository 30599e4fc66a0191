//! Which runs of a study belong together: those that agree in everything but `d` and the seed.

use std::collections::BTreeSet;

use crate::run::finished::FinishedRun;

/// Groups of runs, told apart by the fewest settings, in their order in the configuration.
pub struct Grouping {
    essences: Vec<Vec<(String, String)>>,
    telling: Vec<String>,
}

impl Grouping {
    /// Compares the runs' configurations.
    pub fn new(runs: &[FinishedRun]) -> Self {
        Self::of(runs.iter().map(essence).collect())
    }

    fn of(essences: Vec<Vec<(String, String)>>) -> Self {
        let mut keys: Vec<String> = Vec::new();
        for (key, _) in essences.iter().flatten() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let mut grouping = Self {
            essences,
            telling: Vec::new(),
        };
        // A setting that never differs without another one adds nothing: the model's checksum beside
        // the program's name.
        for key in keys {
            let before = grouping.count();
            grouping.telling.push(key);
            if grouping.count() == before {
                grouping.telling.pop();
            }
        }
        grouping
    }

    fn count(&self) -> usize {
        let names: BTreeSet<String> = (0..self.essences.len()).map(|i| self.name(i)).collect();
        names.len()
    }

    /// The group of a run, by its place: `all` if there is one group.
    pub fn name(&self, run: usize) -> String {
        let value = |key: &String| {
            let pair = self.essences[run].iter().find(|(k, _)| k == key);
            pair.map_or("", |(_, v)| v.trim_matches('"'))
        };
        let telling = self.telling.iter();
        let pairs: Vec<String> = telling.map(|key| format!("{key}={}", value(key))).collect();
        if pairs.is_empty() {
            "all".into()
        } else {
            pairs.join(", ")
        }
    }
}

/// What decides a run's results, `d` and seed aside; the model by its program's name, too.
fn essence(run: &FinishedRun) -> Vec<(String, String)> {
    let program = run.experiment.model.metadata.program.clone();
    std::iter::once(("program".to_owned(), program))
        .chain(run.experiment.config.essence())
        .filter(|(key, _)| !["compression.dim", "training.seed"].contains(&key.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_apart_by_the_fewest_settings() {
        let run = |program: &str, sha: &str, steps: &str| {
            let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
            vec![
                pair("program", program),
                pair("model.sha256", sha),
                pair("training.batch", "256"),
                pair("training.steps", steps),
            ]
        };
        let grouping = Grouping::of(vec![
            run("a", "\"1\"", "10"),
            run("b", "\"2\"", "10"),
            run("b", "\"2\"", "20"),
        ]);
        let names: Vec<String> = (0..3).map(|i| grouping.name(i)).collect();
        assert_eq!(
            names,
            [
                "program=a, training.steps=10",
                "program=b, training.steps=10",
                "program=b, training.steps=20"
            ]
        );
        let same = Grouping::of(vec![run("a", "1", "10"), run("a", "1", "10")]);
        assert_eq!(same.name(1), "all");
    }
}
