//! `shrink.json`: what a search found, and how that is said.

use serde::{Deserialize, Serialize};

use base::numbers::count;

/// The search's result, when it is complete.
pub const RESULT: &str = "shrink.json";

/// What one criterion came to, in its directory.
pub const FOUND: &str = "found.json";

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
    /// Updates to get there.
    pub steps: u64,
    /// Updates of the trainings that failed at one dimension less.
    pub failed_steps: u64,
    /// Of these trainings, how many there were: none if the search was not to go further.
    pub failed_trainings: usize,
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
                _ if found.failed_trainings == 0 => {
                    "The search stopped there, as shrink.min_dim asked; a smaller d was not tried."
                        .to_owned()
                }
                d => format!(
                    "None of {} at d = {} succeeded, which is no proof that there is no such W.",
                    count(found.failed_trainings, "training"),
                    d - 1
                ),
            };
            said.push(format!(
                "The smallest d found at which {meaning}: {} ({} updates on the way, {} more without success). {rest}",
                found.d, found.steps, found.failed_steps
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
