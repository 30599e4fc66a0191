//! How often tokens occur: a weight each, and what follows for the inputs.
//!
//! Among the inputs of one length the probability of an input is proportional to the product of its
//! tokens' weights; how often a length occurs does not depend on them:
//!
//! ```text
//! P(x) = P(n)·w(x_1)···w(x_n) / Z_n,    P(n) = (inputs of length n) / (all inputs)
//! Z_n  = (Σ_t w(t))^n                    each position on its own
//! Z_n  = n!·e_n(w)                       no token twice; e_n: elementary symmetric polynomial
//! ```
//!
//! So weights that are multiplied by a number mean the same. Everything is kept in logarithms: the
//! products of long inputs neither overflow nor vanish.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use thiserror::Error;

use super::alias::Alias;
use base::escape::name;
use tracr::model::codec::token_of_word;
use tracr::model::{Metadata, value};

/// Why weights were refused.
#[derive(Debug, Error, PartialEq)]
pub enum WeightError {
    /// No token of the model.
    #[error("there is no token `{}`: the tokens are {tokens}", name(token))]
    Unknown {
        /// As written.
        token: String,
        /// Those that may have a weight.
        tokens: String,
    },
    /// BOS or PAD.
    #[error(
        "`{}` is in every input or fills it up, so that a weight means nothing: the tokens are \
         {tokens}",
        name(token)
    )]
    Special {
        /// As written.
        token: String,
        /// Those that may have a weight.
        tokens: String,
    },
    /// One token in two spellings.
    #[error("`{}` has a weight twice: the tokens are {tokens}", name(token))]
    Repeated {
        /// The second one as written.
        token: String,
        /// Those that may have a weight.
        tokens: String,
    },
    /// Zero, negative or non-finite.
    #[error(
        "the weight of `{}` is {weight}, but it must be a number above 0 (the tokens are \
         {tokens}; one that is not named weighs 1)",
        name(token)
    )]
    NotPositive {
        /// As written.
        token: String,
        /// As written.
        weight: f64,
        /// Those that may have a weight.
        tokens: String,
    },
}

/// The weights of a space's tokens and what drawing by them needs.
#[derive(Clone, Debug)]
pub struct TokenWeights {
    /// `ln w` by token id; the largest is 0.
    logarithms: Vec<f64>,
    /// `ln Z_n` by `n`, up to the longest input.
    normalisers: Vec<f64>,
    draws: Draws,
}

#[derive(Clone, Debug)]
enum Draws {
    /// A word for each position.
    Independent(Alias),
    /// Which words, one after the other: `[i][k]` is the probability that word `i` is in an input
    /// that takes `k` of the words from `i` on, `e_{k−1}(after i)·w_i / e_k(from i)`.
    Unique(Vec<Vec<f64>>),
}

impl TokenWeights {
    /// The weights that `written` gives by token, as in a run file, for inputs of up to `longest`
    /// tokens; none where all are equal, which is as if there were none.
    ///
    /// # Errors
    /// See [`WeightError`].
    pub fn new(
        metadata: &Metadata,
        written: &BTreeMap<String, f64>,
        longest: usize,
        unique: bool,
    ) -> Result<Option<Self>, WeightError> {
        let words = metadata.word_ids();
        let vocabulary = &metadata.input_vocab;
        let tokens = || value::list(words.iter().map(|id| &vocabulary[*id]));
        let mut weights = vec![1.0; vocabulary.len()];
        let mut named = Vec::new();
        for (token, &weight) in written {
            let (token, tokens) = (token.clone(), tokens());
            let Some(id) = token_of_word(vocabulary, &token) else {
                return Err(WeightError::Unknown { token, tokens });
            };
            if !words.contains(&id) {
                return Err(WeightError::Special { token, tokens });
            }
            if named.contains(&id) {
                return Err(WeightError::Repeated { token, tokens });
            }
            if !(weight > 0.0 && weight.is_finite()) {
                return Err(WeightError::NotPositive {
                    token,
                    weight,
                    tokens,
                });
            }
            named.push(id);
            weights[id] = weight;
        }
        let of_words = words.iter().map(|id| weights[*id]);
        let largest = of_words.clone().fold(0.0, f64::max);
        if of_words.clone().all(|weight| weight == largest) {
            return Ok(None);
        }
        let logarithms: Vec<f64> = weights.iter().map(|w| w.ln() - largest.ln()).collect();
        let of_words: Vec<f64> = words.iter().map(|id| logarithms[*id]).collect();
        let (normalisers, draws) = if unique {
            without_repetition(&of_words, longest)
        } else {
            let plain: Vec<f64> = of_words.iter().map(|x| x.exp()).collect();
            let each = plain.iter().sum::<f64>().ln();
            let normalisers = (0..=longest).map(|n| n as f64 * each).collect();
            (normalisers, Draws::Independent(Alias::new(&plain)))
        };
        Ok(Some(Self {
            logarithms,
            normalisers,
            draws,
        }))
    }

    /// `ln P(x | n)` of the `n` tokens of an input.
    pub fn log_probability(&self, tokens: &[usize]) -> f64 {
        let product: f64 = tokens.iter().map(|id| self.logarithms[*id]).sum();
        product - self.normalisers[tokens.len()]
    }

    /// Draws the `n` tokens of an input.
    pub fn draw(&self, rng: &mut impl Rng, words: &[usize], tokens: &mut [usize]) {
        match &self.draws {
            Draws::Independent(alias) => {
                for token in tokens {
                    *token = words[alias.draw(rng)];
                }
            }
            Draws::Unique(taken) => {
                let mut filled = 0;
                for (i, word) in words.iter().enumerate() {
                    let wanted = tokens.len() - filled;
                    if wanted == 0 {
                        break;
                    }
                    let all = wanted == words.len() - i;
                    if all || rng.random::<f64>() < taken[i][wanted] {
                        tokens[filled] = *word;
                        filled += 1;
                    }
                }
                // Every order of the same tokens is equally likely.
                for last in (1..tokens.len()).rev() {
                    tokens.swap(last, rng.random_range(0..=last));
                }
            }
        }
    }
}

/// `ln Z_n` and the probabilities of [`Draws::Unique`], from the words' `ln w`.
fn without_repetition(logarithms: &[f64], longest: usize) -> (Vec<f64>, Draws) {
    let longest = longest.min(logarithms.len());
    // ln e_k of the words from i on, which are e_k of those after i, and e_{k−1} of them times w_i.
    let mut symmetric = vec![f64::NEG_INFINITY; longest + 1];
    symmetric[0] = 0.0;
    let mut taken = Vec::with_capacity(logarithms.len());
    for log in logarithms.iter().rev() {
        let with = |k: usize| symmetric[k - 1] + log;
        let sums: Vec<f64> = (1..=longest)
            .map(|k| add_logarithms(symmetric[k], with(k)))
            .collect();
        let shares = sums.iter().zip(1..).map(|(sum, k)| {
            let share = (with(k) - sum).exp();
            if share.is_nan() { 0.0 } else { share } // fewer than k words are left
        });
        taken.push(std::iter::once(0.0).chain(shares).collect());
        symmetric[1..].copy_from_slice(&sums);
    }
    taken.reverse();
    let mut orders = 0.0;
    let normalisers = symmetric
        .iter()
        .enumerate()
        .map(|(n, log)| {
            orders += (n.max(1) as f64).ln();
            orders + log
        })
        .collect();
    (normalisers, Draws::Unique(taken))
}

/// `ln(e^a + e^b)`.
fn add_logarithms(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large == f64::NEG_INFINITY {
        return large;
    }
    large + (small - large).exp().ln_1p()
}
