//! The input space of a compiled model: which token sequences the experiment is about.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha12Rng;
use thiserror::Error;

use super::valid::{Restriction, ValidError, Whole};
use super::weights::{TokenWeights, WeightError};
use tracr::model::{CompiledModel, Value};
use tracr::rasp::{self, Valid};

/// Spaces with at most this many members are enumerated; larger ones are sampled.
pub const ENUMERATION_LIMIT: u64 = base::limits::ENUMERATION;

/// Why there is no such input space.
#[derive(Debug, Error, PartialEq)]
pub enum SpaceError {
    /// No length at all.
    #[error("lengths is empty: list at least one length from 1 to {0}")]
    NoLengths(usize),
    /// A length that the model has no positions for.
    #[error("length {length} is out of range: from 1 to {longest} (the model's max_seq_len)")]
    Length {
        /// As configured.
        length: usize,
        /// `max_seq_len`.
        longest: usize,
    },
    /// A length twice.
    #[error("length {0} is listed twice")]
    RepeatedLength(usize),
    /// Not enough different tokens.
    #[error(
        "there is no input of length {length} without repeated tokens: the vocabulary has only \
         {words} tokens"
    )]
    TooFewTokens {
        /// As configured.
        length: usize,
        /// Tokens besides BOS and PAD.
        words: usize,
    },
    /// The model is defined for unique tokens only.
    #[error(
        "{0} is defined only for inputs without repeated tokens: set inputs.unique_tokens = true"
    )]
    NeedsUniqueTokens(String),
}

/// All inputs of given lengths, shorter ones padded; every member is equally likely, unless tokens
/// have weights ([`super::weights`]).
///
/// A member is `T` token ids: BOS, the tokens, PAD up to `max_seq_len`.
#[derive(Clone, Debug)]
pub struct InputSpace {
    words: Vec<usize>,
    bos: usize,
    pad: usize,
    positions: usize,
    unique: bool,
    /// Per length: the length, how many members, and the same as a share of the whole.
    lengths: Vec<LengthClass>,
    size: Option<u64>,
    /// None where all members are equally likely.
    weights: Option<TokenWeights>,
    /// Which inputs are valid, if not all are.
    restriction: Option<Restriction>,
}

#[derive(Clone, Debug)]
struct LengthClass {
    length: usize,
    /// Exact only where the space is enumerable.
    members: u64,
    share: f64,
}

impl InputSpace {
    /// The space of all sequences of `lengths` over the model's tokens, each token at most once if
    /// `unique`.
    ///
    /// # Errors
    /// See [`SpaceError`].
    pub fn new(model: &CompiledModel, lengths: &[usize], unique: bool) -> Result<Self, SpaceError> {
        let meta = &model.metadata;
        if meta.unique_tokens && !unique && !lengths.is_empty() {
            return Err(SpaceError::NeedsUniqueTokens(meta.program.clone()));
        }
        let ends = (meta.bos_id, meta.pad_id);
        Self::of_words(meta.word_ids(), ends, meta.max_seq_len, lengths, unique)
    }

    /// The space of all sequences of `lengths`, each up to `longest`, over `words`; `ends` are the ids of BOS
    /// and PAD.
    ///
    /// # Errors
    /// See [`SpaceError`].
    pub fn of_words(
        words: Vec<usize>,
        ends: (usize, usize),
        longest: usize,
        lengths: &[usize],
        unique: bool,
    ) -> Result<Self, SpaceError> {
        if lengths.is_empty() {
            return Err(SpaceError::NoLengths(longest));
        }
        for (i, &length) in lengths.iter().enumerate() {
            if length == 0 || length > longest {
                return Err(SpaceError::Length { length, longest });
            }
            if lengths[..i].contains(&length) {
                return Err(SpaceError::RepeatedLength(length));
            }
            if unique && length > words.len() {
                return Err(SpaceError::TooFewTokens {
                    length,
                    words: words.len(),
                });
            }
        }
        let choices = |position: usize| words.len() - if unique { position } else { 0 };
        let exact = |length: usize| {
            (0..length).try_fold(1u64, |n, position| n.checked_mul(choices(position) as u64))
        };
        let logarithm = |length: usize| log_members(length, choices);
        let largest = lengths
            .iter()
            .map(|&l| logarithm(l))
            .fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = lengths
            .iter()
            .map(|&l| (logarithm(l) - largest).exp())
            .sum();
        let classes = lengths
            .iter()
            .map(|&length| LengthClass {
                length,
                members: exact(length).unwrap_or(u64::MAX),
                share: (logarithm(length) - largest).exp() / total,
            })
            .collect();
        let size = lengths
            .iter()
            .try_fold(0u64, |sum, &length| sum.checked_add(exact(length)?))
            .filter(|size| *size <= ENUMERATION_LIMIT);
        Ok(Self {
            words,
            bos: ends.0,
            pad: ends.1,
            positions: longest + 1,
            unique,
            lengths: classes,
            size,
            weights: None,
            restriction: None,
        })
    }

    /// The same inputs, where tokens occur as often as their weights say; a token that is not named
    /// weighs 1. Equal weights are the same as none.
    ///
    /// # Errors
    /// See [`WeightError`].
    pub fn weighted(
        mut self,
        model: &CompiledModel,
        weights: &BTreeMap<String, f64>,
    ) -> Result<Self, WeightError> {
        let longest = self.positions - 1;
        self.weights = TokenWeights::new(&model.metadata, weights, longest, self.unique)?;
        Ok(self)
    }

    /// Those of the inputs of which `valid`, a condition in RASP, is true at every position, with their
    /// probabilities in the same proportions: weights are given before. `vocabulary` has the tokens by id. The members of an enumerable space are looked at one by one; of a larger one a sample
    /// tells how many are valid, and invalid ones that are drawn are drawn again.
    ///
    /// # Errors
    /// If it is no condition, or none or too few of the inputs are valid.
    pub fn restricted(mut self, vocabulary: &[Value], valid: &str) -> Result<Self, ValidError> {
        let valid = Valid::parse(valid, self.positions - 1)
            .map_err(|reports| ValidError::Wrong(rasp::render(&reports)))?;
        let restriction = Restriction::new(&self, vocabulary, valid)?;
        self.size = restriction.size().or(self.size);
        self.restriction = Some(restriction);
        Ok(self)
    }

    /// About how many members there are, beyond counting too.
    pub fn estimated_size(&self) -> f64 {
        let of_length = |class: &LengthClass| {
            log_members(class.length, |position| self.choices(position)).exp()
        };
        match (self.size, &self.restriction) {
            (Some(size), _) => size as f64,
            (None, restriction) => {
                let share = restriction.as_ref().map_or(1.0, Restriction::share);
                share * self.lengths.iter().map(of_length).sum::<f64>()
            }
        }
    }

    /// Whether only some of the sequences are members.
    pub fn is_restricted(&self) -> bool {
        self.restriction.is_some()
    }

    /// Whether some members are more likely than others.
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// The probability of a member, `T` token ids.
    pub fn probability(&self, tokens: &[usize]) -> f64 {
        let words = self.words_of(tokens);
        let of_length = |class: &&LengthClass| class.length == words.len();
        let Some(class) = self.lengths.iter().find(of_length) else {
            return 0.0;
        };
        let among_its_length = match &self.weights {
            Some(weights) => weights.log_probability(words),
            None => -log_members(words.len(), |position| self.choices(position)),
        };
        let share = self.restriction.as_ref().map_or(1.0, Restriction::share);
        (class.share.ln() + among_its_length).exp() / share
    }

    /// The number of members if the space is enumerable (at most [`ENUMERATION_LIMIT`]).
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// `T`, the length of every member.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Whether the token is one of the program's, neither BOS nor PAD.
    pub fn is_word(&self, id: usize) -> bool {
        id != self.bos && id != self.pad
    }

    /// The tokens that occur at position `p` of some member, in increasing order.
    pub fn tokens_at(&self, p: usize) -> Vec<usize> {
        if p == 0 {
            return vec![self.bos];
        }
        let lengths = || self.lengths.iter().map(|class| class.length);
        let mut tokens = Vec::new();
        if lengths().any(|length| length >= p) {
            tokens.extend_from_slice(&self.words);
        }
        if lengths().any(|length| length < p) {
            tokens.push(self.pad);
        }
        tokens.sort_unstable();
        tokens
    }

    /// Writes member `index` of an enumerable space, `index < size`, into `T` token ids.
    pub fn write_member(&self, index: u64, tokens: &mut [usize]) {
        let mut rest = match &self.restriction {
            Some(restriction) => restriction.number(index),
            None => index,
        };
        for class in &self.lengths {
            if rest < class.members {
                self.write_digits(rest, class.length, tokens);
                return;
            }
            rest -= class.members;
        }
    }

    /// Writes a member, drawn by its probability, into `T` token ids; works for spaces of any size.
    pub fn draw(&self, rng: &mut impl Rng, tokens: &mut [usize]) {
        loop {
            self.draw_any(rng, tokens);
            match &self.restriction {
                Some(restriction) if !restriction.allows(self.words_of(tokens)) => {}
                _ => break,
            }
        }
    }

    /// The tokens of an input without BOS and padding.
    fn words_of<'a>(&self, tokens: &'a [usize]) -> &'a [usize] {
        let words = &tokens[1..];
        let length = words.iter().take_while(|id| **id != self.pad).count();
        &words[..length]
    }

    /// As [`InputSpace::draw`], valid or not.
    fn draw_any(&self, rng: &mut impl Rng, tokens: &mut [usize]) {
        let mut point: f64 = rng.random();
        let mut length = self.lengths[0].length;
        for class in &self.lengths {
            length = class.length;
            if point < class.share {
                break;
            }
            point -= class.share;
        }
        match &self.weights {
            None => self.fill(length, tokens, |choices| rng.random_range(0..choices)),
            Some(weights) => {
                tokens.fill(self.pad);
                tokens[0] = self.bos;
                weights.draw(rng, &self.words, &mut tokens[1..=length]);
            }
        }
    }

    /// The tokens of the sequence with number `rank` among those of its length, in lexicographic
    /// order.
    fn write_digits(&self, rank: u64, length: usize, tokens: &mut [usize]) {
        let mut rest = rank;
        // The first token changes slowest: its digit counts completions of the remaining ones.
        let mut completions: u64 = (0..length)
            .map(|position| self.choices(position) as u64)
            .product();
        let mut position = 0;
        self.fill(length, tokens, |choices| {
            completions /= choices as u64;
            position += 1;
            let digit = rest / completions;
            rest %= completions;
            digit as usize
        });
    }

    /// Lays out BOS, `length` tokens and padding; `choose(n)` picks one of `n` remaining tokens.
    fn fill(&self, length: usize, tokens: &mut [usize], mut choose: impl FnMut(usize) -> usize) {
        tokens.fill(self.pad);
        tokens[0] = self.bos;
        for position in 0..length {
            let choice = choose(self.choices(position));
            tokens[1 + position] = if self.unique {
                self.unused(choice, &tokens[1..=position])
            } else {
                self.words[choice]
            };
        }
    }

    /// The `choice`-th token that is not among `used`.
    fn unused(&self, choice: usize, used: &[usize]) -> usize {
        self.words
            .iter()
            .copied()
            .filter(|id| !used.contains(id))
            .nth(choice)
            .unwrap_or(self.pad)
    }

    /// How many tokens may stand at a position.
    fn choices(&self, position: usize) -> usize {
        self.words.len() - if self.unique { position } else { 0 }
    }
}

/// What is restricted has no restriction yet.
impl Whole for InputSpace {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn positions(&self) -> usize {
        self.positions
    }

    fn write_member(&self, index: u64, tokens: &mut [usize]) {
        InputSpace::write_member(self, index, tokens);
    }

    fn probability(&self, tokens: &[usize]) -> f64 {
        InputSpace::probability(self, tokens)
    }

    fn draw(&self, rng: &mut ChaCha12Rng, tokens: &mut [usize]) {
        self.draw_any(rng, tokens);
    }

    fn words_of<'a>(&self, tokens: &'a [usize]) -> &'a [usize] {
        InputSpace::words_of(self, tokens)
    }
}

/// The logarithm of the number of members of one length.
fn log_members(length: usize, choices: impl Fn(usize) -> usize) -> f64 {
    (0..length)
        .map(|position| (choices(position) as f64).ln())
        .sum()
}

#[cfg(test)]
mod tests;
