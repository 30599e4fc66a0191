//! What the runs of a study are about: programs, their widths, and the inputs on which metrics are exact.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use base::numbers::count;

/// A program of a study with the inputs of its metrics. Runs that differ in neither share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The program's name.
    pub program: String,
    /// `D`.
    pub width: usize,
    /// How many inputs the metrics are taken over, and whether these are all there are.
    pub inputs: usize,
    #[allow(missing_docs)]
    pub inputs_are_all: bool,
    /// The numbers of updates of its trained runs.
    pub updates: BTreeSet<u64>,
}

/// More subjects than this are left to the tables.
const MOST: usize = 3;

impl Subject {
    /// Each subject once, with the updates of all its runs.
    pub fn joined(all: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut subjects: Vec<Self> = Vec::new();
        for one in all {
            let same = |s: &&mut Self| {
                (&s.program, s.width, s.inputs, s.inputs_are_all)
                    == (&one.program, one.width, one.inputs, one.inputs_are_all)
            };
            match subjects.iter_mut().find(same) {
                Some(known) => known.updates.extend(&one.updates),
                None => subjects.push(one),
            }
        }
        subjects.sort();
        subjects
    }

    /// `frac_prevs: D = 14, 300000 updates a trained run, metrics over all 1024 inputs`.
    fn text(&self) -> String {
        let mut parts = vec![format!("D = {}", self.width)];
        parts.extend(match (self.updates.first(), self.updates.last()) {
            (Some(least), Some(most)) if least == most => {
                Some(format!("{least} updates in each trained run"))
            }
            (Some(least), Some(most)) => Some(format!(
                "between {least} and {most} updates in a trained run"
            )),
            _ => None,
        });
        parts.push(if self.inputs_are_all {
            format!("metrics over all {}", count(self.inputs, "input"))
        } else {
            format!(
                "metrics over {} that no training batch contains",
                count(self.inputs, "input")
            )
        });
        format!("{}: {}", self.program, parts.join(", "))
    }

    /// A sentence about a study's subjects; none of a study that does not know them.
    pub fn sentence(subjects: &[Self]) -> Option<String> {
        let texts = subjects.iter().take(MOST).map(Self::text);
        let mut texts: Vec<String> = texts.collect();
        if subjects.len() > MOST {
            let programs: BTreeSet<&str> = subjects.iter().map(|s| s.program.as_str()).collect();
            texts = vec![format!(
                "{} of D = {} to {}",
                count(programs.len(), "program"),
                subjects.iter().map(|s| s.width).min().unwrap_or(0),
                subjects.iter().map(|s| s.width).max().unwrap_or(0)
            )];
        }
        (!texts.is_empty()).then(|| format!("{}.", texts.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(program: &str, width: usize, updates: &[u64]) -> Subject {
        Subject {
            program: program.into(),
            width,
            inputs: 1024,
            inputs_are_all: true,
            updates: updates.iter().copied().collect(),
        }
    }

    #[test]
    fn sentence_names_width_updates_and_inputs() {
        let said = |all: Vec<Subject>| Subject::sentence(&Subject::joined(all.into_iter()));
        assert_eq!(said(vec![]), None);
        assert_eq!(
            said(vec![subject("a", 14, &[300]), subject("a", 14, &[])]).unwrap(),
            "a: D = 14, 300 updates in each trained run, metrics over all 1024 inputs."
        );
        let sampled = Subject {
            inputs: 1,
            inputs_are_all: false,
            ..subject("b", 3, &[])
        };
        assert_eq!(
            said(vec![
                sampled,
                subject("a", 14, &[300]),
                subject("a", 14, &[100])
            ])
            .unwrap(),
            "a: D = 14, between 100 and 300 updates in a trained run, metrics over all 1024 inputs; \
             b: D = 3, metrics over 1 input that no training batch contains."
        );
        let many = ["a", "b", "c", "d"].map(|name| subject(name, 5 + name.len(), &[1]));
        assert_eq!(said(many.to_vec()).unwrap(), "4 programs of D = 6 to 6.");
        let three = ["a", "b", "c"].map(|name| subject(name, 5, &[1]));
        assert!(said(three.to_vec()).unwrap().starts_with("a: "));
    }
}
