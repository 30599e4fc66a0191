//! `shrink.json`: what a search found, and how that is said.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::path::first;
use base::numbers::count;

/// The search's result, when it is complete.
pub const RESULT: &str = "shrink.json";

/// What one criterion came to, in its directory.
pub const FOUND: &str = "found.json";

/// What one descent came to, in its criterion's directory.
pub fn of_descent(number: u32) -> String {
    format!("descent={number}.json")
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The version of this program.
    pub version: String,
    /// `D`.
    pub width: usize,
    /// The number of live features, and the rank of the visited states in them: at that `d` nothing is lost.
    pub live_features: usize,
    /// That rank.
    pub rank: usize,
    /// Whether every input was examined, or a held-out sample.
    pub whole_space: bool,
    /// Different answers that occur.
    pub different_answers: usize,
    /// Answers that the compiled model does not decide, which do not count.
    pub tied_answers: u64,
    /// One for each criterion.
    pub found: Vec<Found>,
}

/// What was found by one criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// `faithful` or `outputs`.
    pub standard: String,
    /// The smallest `d` that works.
    pub d: usize,
    /// The descent that reached it, from 1 on.
    #[serde(default = "first")]
    pub descent: u32,
    /// How many descents there were.
    #[serde(default = "first")]
    pub descents: u32,
    /// Updates of that descent down to it.
    pub steps: u64,
    /// All other updates: of trainings that failed at one dimension less, and of other descents.
    #[serde(alias = "failed_steps")]
    pub other_steps: u64,
    /// Trainings that failed at one dimension less, of all descents that came so far: none if none was to go further.
    pub failed_trainings: usize,
}

impl Found {
    /// This one and a later descent's: the smaller `d`, or the first of equals, with the updates of both.
    pub fn beside(self, later: Self) -> Self {
        let all = self.steps + self.other_steps + later.steps + later.other_steps;
        let descents = self.descents + 1;
        let failed_trainings = match self.d.cmp(&later.d) {
            Ordering::Less => self.failed_trainings,
            Ordering::Equal => self.failed_trainings + later.failed_trainings,
            Ordering::Greater => later.failed_trainings,
        };
        let best = if later.d < self.d { later } else { self };
        Self {
            descents,
            other_steps: all - best.steps,
            failed_trainings,
            ..best
        }
    }
}

impl Outcome {
    /// What was found, a sentence or two for each criterion.
    pub fn sentences(&self) -> Vec<String> {
        let are = if self.live_features == 1 { "is" } else { "are" };
        let mut said = vec![format!(
            "The residual stream has D = {} features, of which {} {} live: some input brings them in, and something reads \
             them. The states that the compiled model visits have rank {} in these; with so many dimensions nothing that \
             is read is lost.",
            self.width, self.live_features, are, self.rank
        )];
        for found in &self.found {
            let meaning = match found.standard.as_str() {
                "faithful" => "every block is faithful and all outputs are right",
                _ => "all outputs are right",
            };
            let rest = match found.d {
                1 => "No d is smaller.".to_owned(),
                _ if found.failed_trainings == 0 => "The search stopped there, at shrink.min_dim or because right outputs \
                                                     need as many dimensions; a smaller d was not tried."
                    .to_owned(),
                d => format!(
                    "None of {} at d = {} succeeded, which is no proof that there is no such W.",
                    count(found.failed_trainings, "training"),
                    d - 1
                ),
            };
            let which = match found.descents {
                1 => String::new(),
                all => format!(" by descent {} of {all}", found.descent),
            };
            said.push(format!(
                "The smallest d found at which {meaning}: {}{which} ({} updates on the way down to it, {} others). {rest}",
                found.d, found.steps, found.other_steps
            ));
        }
        if self.tied_answers > 0 {
            said.push(format!(
                "The compiled model itself does not decide {}, which do not count.",
                count(self.tied_answers as usize, "answer")
            ));
        }
        if !self.whole_space {
            said.push(
                "The inputs are a held-out sample of a space too large to enumerate: all of the sample's answers are \
                 right, and nothing is known of the others."
                    .into(),
            );
        }
        said
    }
}
