//! Valid inputs: the members of a space that an expression of RASP is true of, at every position.
//!
//! Members of an enumerable space are tried one by one, so that their number is exact. Of a larger space
//! inputs are drawn until one is valid; a sample, the same for all runs, says how many draws that takes.

use std::fmt;
use std::sync::Arc;

use rand_chacha::ChaCha12Rng;
use thiserror::Error;

use base::escape::{name, visible};
use base::rng::{self, Purpose};
use tracr::model::{Value, value};
use tracr::rasp::Valid;
use tracr::rasp::valid::NotBoolean;

/// Draws of the sample that says how many inputs are valid, at most.
const DRAWS: u64 = 50_000;
/// So many valid ones are enough to know their share.
const ENOUGH: u64 = 1000;
/// With fewer valid ones in [`DRAWS`] draws, drawing them would take most of the time of training.
const FEWEST: u64 = 50;

/// Why no inputs are left, or too few.
#[derive(Debug, Error, PartialEq)]
pub enum ValidError {
    /// It cannot be read.
    #[error("it is no condition in RASP\n{}", .0.trim_end())]
    Wrong(String),
    /// Not one of an enumerable space.
    #[error(
        "`{}` is true at every position of none of the {inputs} inputs: none is left",
        name(valid)
    )]
    None {
        /// The expression.
        valid: String,
        /// Members of the space without it.
        inputs: u64,
    },
    /// Hardly any of a larger space.
    #[error(
        "`{}` is true at every position of only {found} of {DRAWS} inputs drawn, which is too rare to draw \
         from: choose inputs.lengths with at most 2^20 inputs, which are all looked at, or allow more",
        name(valid)
    )]
    TooRare {
        /// The expression.
        valid: String,
        /// Valid ones in the sample.
        found: u64,
    },
    /// A value that is neither true nor false, or none.
    #[error(
        "`{}` is no condition: on input {} {}",
        name(valid),
        visible(input),
        visible(problem)
    )]
    NoCondition {
        /// The expression.
        valid: String,
        /// The tokens.
        input: String,
        /// What it is there.
        problem: String,
    },
}

/// A space of inputs, valid or not, whose members are `positions` token ids.
pub(super) trait Whole {
    /// The number of members, if they are enumerated.
    fn size(&self) -> Option<u64>;
    /// `T`.
    fn positions(&self) -> usize;
    /// Writes a member of an enumerated space.
    fn write_member(&self, index: u64, tokens: &mut [usize]);
    /// The probability of a member.
    fn probability(&self, tokens: &[usize]) -> f64;
    /// Draws a member.
    fn draw(&self, rng: &mut ChaCha12Rng, tokens: &mut [usize]);
    /// The tokens of a member without BOS and padding.
    fn words_of<'a>(&self, tokens: &'a [usize]) -> &'a [usize];
}

/// The valid members of a space.
#[derive(Clone)]
pub struct Restriction {
    /// The probability that a draw from the whole space is valid.
    share: f64,
    members: Members,
}

#[derive(Clone)]
enum Members {
    /// Their numbers among all members, which are fewer than 2^32.
    Listed(Arc<Vec<u32>>),
    /// Of a space too large to enumerate.
    Drawn {
        valid: Arc<Valid>,
        vocabulary: Arc<Vec<Value>>,
    },
}

impl Restriction {
    /// Looks at the members of a space that is not restricted yet, or at a sample of them.
    pub(super) fn new(
        space: &impl Whole,
        vocabulary: &[Value],
        valid: Valid,
    ) -> Result<Self, ValidError> {
        let words = |tokens: &[usize]| words(vocabulary, space.words_of(tokens));
        let holds = |tokens: &[usize]| {
            let words = words(tokens);
            valid
                .holds(&words)
                .map_err(|problem: NotBoolean| ValidError::NoCondition {
                    valid: valid.text().to_owned(),
                    input: value::list(&words),
                    problem: problem.to_string(),
                })
        };
        let mut tokens = vec![0; space.positions()];
        if let Some(size) = space.size() {
            let mut members = Vec::new();
            let mut share = 0.0;
            for member in 0..size {
                space.write_member(member, &mut tokens);
                if holds(&tokens)? {
                    members.push(u32::try_from(member).unwrap_or(u32::MAX)); // at most 2^20
                    share += space.probability(&tokens);
                }
            }
            if members.is_empty() {
                return Err(ValidError::None {
                    valid: valid.text().to_owned(),
                    inputs: size,
                });
            }
            return Ok(Self {
                share,
                members: Members::Listed(Arc::new(members)),
            });
        }
        let mut rng = rng::stream(0, Purpose::HeldOut);
        let (mut drawn, mut found) = (0, 0);
        while drawn < DRAWS && found < ENOUGH {
            space.draw(&mut rng, &mut tokens);
            found += u64::from(holds(&tokens)?);
            drawn += 1;
        }
        if found < FEWEST {
            return Err(ValidError::TooRare {
                valid: valid.text().to_owned(),
                found,
            });
        }
        Ok(Self {
            share: found as f64 / drawn as f64,
            members: Members::Drawn {
                valid: Arc::new(valid),
                vocabulary: Arc::new(vocabulary.to_vec()),
            },
        })
    }

    /// The number of valid members, if they are listed.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.members {
            Members::Listed(members) => Some(members.len() as u64),
            Members::Drawn { .. } => None,
        }
    }

    /// The probability that a draw from the whole space is valid; of a large space an estimate.
    pub(super) fn share(&self) -> f64 {
        self.share
    }

    /// The number of a valid member among all members.
    pub(super) fn number(&self, index: u64) -> u64 {
        match &self.members {
            Members::Listed(members) => members.get(index as usize).map_or(0, |n| u64::from(*n)),
            Members::Drawn { .. } => index,
        }
    }

    /// Whether an input that was drawn, without BOS and padding, is valid. One for which the expression
    /// is not true or false is not.
    pub(super) fn allows(&self, ids: &[usize]) -> bool {
        match &self.members {
            Members::Listed(_) => true, // only spaces that are not enumerated draw
            Members::Drawn { valid, vocabulary } => {
                valid.holds(&words(vocabulary, ids)).unwrap_or(false)
            }
        }
    }
}

impl fmt::Debug for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restriction")
            .field("share", &self.share)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

fn words(vocabulary: &[Value], ids: &[usize]) -> Vec<Value> {
    ids.iter().map(|id| vocabulary[*id].clone()).collect()
}

#[cfg(test)]
mod tests;
