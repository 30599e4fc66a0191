//! Words to token ids, unembedded scores to values.

use ndarray::ArrayView1;
use thiserror::Error;

use super::{CompiledModel, Real, Value, value};
use base::escape::name;

/// Where the compiled model's best class leads by less, it decides nothing: the classes are tied, and no such answer is
/// counted anywhere, in metrics, interventions or certificates. Weights are float32: classes that should score the same
/// differ by rounding, by 3e-8 in `shift_by(1)` at the first position, and the leads of those that should not are far larger.
pub const TIE: f64 = 1e-6;

/// Why an input cannot be given to the model.
#[derive(Debug, Error, PartialEq)]
pub enum InputError {
    /// The word is not a token of the vocabulary.
    #[error("unknown token `{}`: the vocabulary is {vocabulary}{hint}", name(word))]
    UnknownToken {
        /// As typed.
        word: String,
        /// The tokens that may be used.
        vocabulary: String,
        /// What may be meant, to follow that.
        hint: String,
    },
    /// BOS and PAD are placed by the tool.
    #[error(
        "`{}` is placed by the model itself and is not part of an input: \
         the vocabulary is {vocabulary}",
        name(word)
    )]
    Special {
        /// As typed.
        word: String,
        /// The tokens that may be used.
        vocabulary: String,
    },
    /// Nothing to run on.
    #[error("the input is empty: give 1 to {longest} tokens out of {vocabulary}")]
    Empty {
        /// `max_seq_len`.
        longest: usize,
        /// The tokens that may be used.
        vocabulary: String,
    },
    /// More tokens than positions.
    #[error("the input has {length} tokens, but the model was compiled for at most {longest}")]
    TooLong {
        /// Tokens given.
        length: usize,
        /// `max_seq_len`.
        longest: usize,
    },
    /// A repeated token where the program is not defined for it.
    #[error(
        "token `{}` occurs more than once, but {} is defined only for inputs without \
         repeated tokens: use each of {vocabulary} at most once",
        name(word),
        name(program)
    )]
    Repeated {
        /// The first word that repeats.
        word: String,
        /// The program's name.
        program: String,
        /// The tokens that may be used.
        vocabulary: String,
    },
}

impl CompiledModel {
    /// Turns words into token ids with BOS in front.
    ///
    /// # Errors
    /// See [`InputError`].
    pub fn encode(&self, words: &[String]) -> Result<Vec<usize>, InputError> {
        let meta = &self.metadata;
        let vocabulary = || value::list(meta.word_ids().iter().map(|id| &meta.input_vocab[*id]));
        if words.is_empty() {
            return Err(InputError::Empty {
                longest: meta.max_seq_len,
                vocabulary: vocabulary(),
            });
        }
        let mut ids = vec![meta.bos_id];
        for word in words {
            let id =
                token_of_word(&meta.input_vocab, word).ok_or_else(|| InputError::UnknownToken {
                    word: word.clone(),
                    vocabulary: vocabulary(),
                    hint: separated(&meta.input_vocab, word),
                })?;
            if id == meta.bos_id || id == meta.pad_id {
                return Err(InputError::Special {
                    word: word.clone(),
                    vocabulary: vocabulary(),
                });
            }
            if meta.unique_tokens && ids.contains(&id) {
                return Err(InputError::Repeated {
                    word: word.clone(),
                    program: meta.program.clone(),
                    vocabulary: vocabulary(),
                });
            }
            ids.push(id);
        }
        if words.len() > meta.max_seq_len {
            return Err(InputError::TooLong {
                length: words.len(),
                longest: meta.max_seq_len,
            });
        }
        Ok(ids)
    }

    /// The class with the largest score (the first of equals, as NumPy's `argmax`), or the number.
    pub fn decode<F: Real>(&self, scores: ArrayView1<'_, F>) -> Value {
        match &self.metadata.output_encoding {
            None => Value::Float(scores[0].widen()),
            Some(classes) => classes[argmax(scores)].clone(),
        }
    }

    /// Whether [`CompiledModel::decode`] is a choice among equals (see [`TIE`]): often the program's output is undefined
    /// there, as for `shift_by(1)` at the first position.
    pub fn is_undecided<F: Real>(&self, scores: ArrayView1<'_, F>) -> bool {
        self.metadata.output_encoding.is_some() && is_tied(scores)
    }
}

/// Whether no class leads the others by [`TIE`]. A single class is not tied.
pub fn is_tied<F: Real>(scores: ArrayView1<'_, F>) -> bool {
    lead(scores, argmax(scores)) < TIE
}

/// By how much a class is above every other one; infinite for a single class, NaN if a score is.
pub fn lead<F: Real>(scores: ArrayView1<'_, F>, class: usize) -> f64 {
    let others = scores.iter().enumerate().filter(|(i, _)| *i != class);
    let leads = others.map(|(_, score)| scores[class].widen() - score.widen());
    leads.fold(
        f64::INFINITY,
        |a, b| if a.is_nan() || a <= b { a } else { b },
    )
}

/// The place in `vocab` of the token that prints as `word`; where the integer 1 and the string "1"
/// are both tokens, `1` is the integer and `"1"` the string.
pub fn token_of_word(vocab: &[Value], word: &str) -> Option<usize> {
    let exact = serde_json::from_str::<Value>(word).ok();
    vocab
        .iter()
        .position(|token| Some(token) == exact.as_ref())
        .or_else(|| vocab.iter().position(|token| token.to_string() == word))
}

/// Of an unknown word whose letters are tokens, what its writer may have meant, to follow the error; else nothing.
pub fn separated(vocab: &[Value], word: &str) -> String {
    let letters: Vec<String> = word.chars().map(String::from).collect();
    if letters.len() > 1
        && letters
            .iter()
            .all(|letter| token_of_word(vocab, letter).is_some())
    {
        format!("; tokens stand apart: {}", letters.join(" "))
    } else {
        String::new()
    }
}

/// Index of the largest entry, the first of equals; 0 where nothing compares.
pub fn argmax<F: Real>(scores: ArrayView1<'_, F>) -> usize {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = i;
        }
    }
    best
}

/// The number of the class that [`first_largest`] finds; NaN where a score is not finite, since nothing is
/// known there.
pub fn class_number(scores: impl Iterator<Item = f64> + Clone) -> f64 {
    if scores.clone().all(f64::is_finite) {
        first_largest(scores) as f64
    } else {
        f64::NAN
    }
}

/// The first score that is the largest one up to rounding (1e-9). Where a program is undefined, scores
/// tie, and which of them is a last digit larger depends on the order of the sums.
pub fn first_largest(scores: impl Iterator<Item = f64> + Clone) -> usize {
    let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let enough = largest - 1e-9 * (1.0 + largest.abs());
    let mut scores = scores;
    scores.position(|score| score >= enough).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::aview1;

    #[test]
    fn lead_is_over_every_other_class_and_nan_leads_nobody() {
        let of = |scores: [f64; 3], class| lead(aview1(&scores), class);
        assert_eq!(of([1.0, 3.0, 2.5], 1), 0.5);
        assert_eq!(of([1.0, 3.0, 2.5], 0), -2.0);
        assert!(of([1.0, f64::NAN, 2.5], 2).is_nan());
        assert!(of([1.0, f64::NAN, 2.5], 0).is_nan());
    }

    #[test]
    fn classes_are_tied_where_none_leads_by_more_than_rounding() {
        assert!(is_tied(aview1(&[0.2, 0.2 + 3e-8, 0.1])));
        assert!(!is_tied(aview1(&[0.2, 0.2 + 2.0 * TIE, 0.1])));
        assert!(!is_tied(aview1(&[0.5])));
        assert!(!is_tied(aview1(&[f64::NAN, 1.0])));
    }
}
