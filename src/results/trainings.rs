//! How trainings ended, in a word each: what a study's answer counts. [`super::ending`] decides it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use base::numbers::listed;

/// A run whose error is a smaller share of the best constant answer's has learned: 0.01 for `frac_prevs`,
/// whose seeds are told apart by that in `docs/stuck_seeds.md`.
pub const LEARNED_BELOW: f64 = 0.05;

/// How a training ended. In alphabetical order, as JSON has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The loss became non-finite.
    Diverged,
    /// The error is no small share of the best constant answer's, but the loss still falls.
    Falling,
    /// The error is a small share of the best constant answer's.
    Learned,
    /// It is not, and the loss does not fall any more.
    Stuck,
    /// It is not, and too few steps were logged to tell whether the loss falls.
    Unclear,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Learned,
        Self::Stuck,
        Self::Falling,
        Self::Unclear,
        Self::Diverged,
    ];

    /// As in `summary.json` and `runs.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Falling => "falling",
            Self::Stuck => "stuck",
            Self::Unclear => "unclear",
            Self::Diverged => "diverged",
        }
    }

    /// What `n` runs did: `12 got stuck`.
    pub fn of_runs(self, n: usize) -> String {
        let be = |one: &'static str, many: &'static str| if n == 1 { one } else { many };
        match self {
            Self::Learned => format!("{n} learned"),
            Self::Falling => format!("{n} {} still falling", be("was", "were")),
            Self::Stuck => format!("{n} got stuck"),
            Self::Unclear => format!(
                "{n} logged too few steps to tell whether {} stuck",
                be("it was", "they were")
            ),
            Self::Diverged => format!("{n} diverged"),
        }
    }
}

/// How many trainings ended in which way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endings(BTreeMap<Verdict, usize>);

impl FromIterator<Verdict> for Endings {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut endings = Self::default();
        for verdict in verdicts {
            *endings.0.entry(verdict).or_default() += 1;
        }
        endings
    }
}

impl Endings {
    /// By verdict, of those that there are.
    pub fn counts(&self) -> &BTreeMap<Verdict, usize> {
        &self.0
    }

    /// One for each run.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> + '_ {
        let counts = self.0.iter();
        counts.flat_map(|(verdict, n)| std::iter::repeat_n(*verdict, *n))
    }

    /// How many ended so.
    pub fn of(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or(0)
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// How many learned.
    pub fn learned(&self) -> usize {
        self.of(Verdict::Learned)
    }

    /// Whether at least half did not learn.
    pub fn mostly_not_learned(&self) -> bool {
        self.total() > 0 && 2 * self.learned() <= self.total()
    }

    /// What those did that did not learn, one entry for each way.
    fn others(&self) -> Vec<String> {
        let others = Verdict::ALL.iter().filter(|v| **v != Verdict::Learned);
        let there = others.filter(|v| self.of(**v) > 0);
        there.map(|v| v.of_runs(self.of(*v))).collect()
    }

    /// The same where no run learned: `it got stuck`, `all got stuck`, `2 got stuck and 1 was still falling`.
    fn none_learned(&self) -> String {
        match (&self.others()[..], self.total()) {
            ([only], n) => only.replacen(&n.to_string(), if n == 1 { "it" } else { "all" }, 1),
            (several, _) => listed(several),
        }
    }

    /// `none of 3 runs learned (2 got stuck and 1 was still falling)`.
    pub fn few_learned(&self) -> String {
        match (self.learned(), self.total()) {
            (0, 1) => format!("the only run did not learn ({})", self.none_learned()),
            (0, n) => format!("none of {n} runs learned ({})", self.none_learned()),
            (few, n) => format!(
                "only {few} of {n} runs learned ({})",
                listed(&self.others())
            ),
        }
    }

    /// `of 12 trained runs, 9 learned and 3 got stuck`, `none of 12 trained runs learned: all got stuck`; `means`
    /// stands behind the word.
    pub fn sentence(&self, means: &str) -> String {
        match (self.learned(), self.total()) {
            (1, 1) => format!("the trained run learned{means}"),
            (learned, all) if learned == all => format!("all {all} trained runs learned{means}"),
            (0, 1) => format!(
                "the trained run did not learn{means}: {}",
                self.none_learned()
            ),
            (0, all) => format!(
                "none of {all} trained runs learned{means}: {}",
                self.none_learned()
            ),
            (learned, all) => {
                let mut parts = vec![format!("{}{means}", Verdict::Learned.of_runs(learned))];
                parts.extend(self.others());
                format!("of {all} trained runs, {}", listed(&parts))
            }
        }
    }
}

/// Where a run's `W` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Computed: `pca`, `random`, `subset`.
    Baseline,
    /// Trained, with how that ended; nothing where a version before this word trained it.
    Trained(Option<Verdict>),
}

impl Origin {
    /// How a training ended, where that is known.
    pub fn ending(self) -> Option<Verdict> {
        match self {
            Self::Baseline => None,
            Self::Trained(ending) => ending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_written_by_their_names_and_sorted_by_them() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.name()));
        }
        let mut sorted = Verdict::ALL;
        sorted.sort();
        assert!(sorted.is_sorted_by_key(|verdict| verdict.name()));
    }

    #[test]
    fn endings_are_counted_in_one_sentence() {
        use Verdict::{Falling, Learned, Stuck};
        let of = |verdicts: &[Verdict]| verdicts.iter().copied().collect::<Endings>().sentence("");
        assert_eq!(of(&[Learned]), "the trained run learned");
        assert_eq!(of(&[Stuck]), "the trained run did not learn: it got stuck");
        assert_eq!(
            of(&[Falling]),
            "the trained run did not learn: it was still falling"
        );
        assert_eq!(
            of(&[Stuck, Stuck]),
            "none of 2 trained runs learned: all got stuck"
        );
        assert_eq!(
            of(&[Stuck, Falling, Falling]),
            "none of 3 trained runs learned: 1 got stuck and 2 were still falling"
        );
        assert_eq!(of(&[Learned, Learned]), "all 2 trained runs learned");
        assert_eq!(
            of(&[Learned, Stuck, Falling, Stuck]),
            "of 4 trained runs, 1 learned, 2 got stuck and 1 was still falling"
        );
    }

    #[test]
    fn verdict_of_one_run_and_of_several_is_grammatical() {
        assert_eq!(Verdict::Falling.of_runs(1), "1 was still falling");
        assert_eq!(Verdict::Falling.of_runs(2), "2 were still falling");
        assert_eq!(Verdict::Stuck.of_runs(1), "1 got stuck");
        assert_eq!(Verdict::Learned.of_runs(2), "2 learned");
        assert_eq!(
            Verdict::Unclear.of_runs(2),
            "2 logged too few steps to tell whether they were stuck"
        );
        assert_eq!(Verdict::Diverged.of_runs(2), "2 diverged");
    }

    fn endings(verdicts: &[Verdict]) -> Endings {
        verdicts.iter().copied().collect()
    }

    #[test]
    fn endings_are_counted_by_their_verdicts() {
        use Verdict::{Falling, Learned, Stuck};
        let some = endings(&[Stuck, Learned, Falling, Stuck, Stuck, Falling]);
        assert_eq!((some.of(Stuck), some.of(Verdict::Unclear)), (3, 0));
        assert_eq!((some.learned(), some.total()), (1, 6));
        assert_eq!(
            *some.counts(),
            BTreeMap::from([(Learned, 1), (Stuck, 3), (Falling, 2)])
        );
        let again: Endings = some.verdicts().collect();
        assert_eq!(again, some);
        assert_eq!(endings(&[]).verdicts().count(), 0);
    }

    #[test]
    fn endings_are_mostly_not_learned_from_half_of_them_on() {
        use Verdict::{Learned, Stuck};
        let of = |verdicts: &[Verdict]| endings(verdicts).mostly_not_learned();
        assert!(of(&[Stuck]) && of(&[Learned, Stuck]) && of(&[Learned, Stuck, Stuck]));
        assert!(!of(&[]) && !of(&[Learned]) && !of(&[Learned, Learned, Stuck]));
    }

    #[test]
    fn endings_of_which_few_learned_say_what_the_others_did() {
        use Verdict::{Diverged, Falling, Learned, Stuck, Unclear};
        let of = |verdicts: &[Verdict]| endings(verdicts).few_learned();
        assert_eq!(of(&[Stuck]), "the only run did not learn (it got stuck)");
        assert_eq!(
            of(&[Stuck, Stuck]),
            "none of 2 runs learned (all got stuck)"
        );
        assert_eq!(
            of(&[Falling, Falling]),
            "none of 2 runs learned (all were still falling)"
        );
        assert_eq!(
            of(&[Stuck, Unclear, Diverged]),
            "none of 3 runs learned (1 got stuck, 1 logged too few steps to tell whether it was stuck and 1 diverged)"
        );
        assert_eq!(
            of(&[Learned, Falling]),
            "only 1 of 2 runs learned (1 was still falling)"
        );
    }

    #[test]
    fn learned_is_a_twentieth_of_the_constant_answers_error() {
        assert_eq!(LEARNED_BELOW, 1.0 / 20.0);
    }

    #[test]
    fn an_origin_has_the_ending_of_a_training_alone() {
        assert_eq!(Origin::Baseline.ending(), None);
        assert_eq!(Origin::Trained(None).ending(), None);
        assert_eq!(
            Origin::Trained(Some(Verdict::Stuck)).ending(),
            Some(Verdict::Stuck)
        );
    }
}
