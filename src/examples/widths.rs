//! How many dimensions a program's compressed stream may need, from what its compiled model does on its inputs:
//! nothing is trained.

use std::fmt;

use ndarray::Array2;

use base::rng::{self, Purpose};
use superposition::baselines::live::LiveFeatures;
use superposition::inputs::space::SpaceError;
use superposition::inputs::{EvaluationSet, InputSpace, ValidError};
use thiserror::Error;
use tracr::model::codec::first_largest;
use tracr::model::visited::VisitedStates;
use tracr::model::{CompiledModel, Frozen, Metadata, OutputKind, Stream};

/// How many inputs are drawn of a larger space: a few seconds at most, and rarely a state of a direction of its own is
/// missed.
const INPUTS: usize = 4096;
/// To look quickly may cost so many multiplications, some milliseconds, but takes at least so many inputs, and so many positions
/// for each dimension of the stream, whatever they cost.
const QUICK: u64 = 16_000_000;
const FEWEST: usize = 16;
const FEWEST_POSITIONS: usize = 3;
/// Positions per piece of work: what fits a cache.
const PIECE: usize = 128;

/// What a `d` is chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widths {
    /// `D`.
    pub width: usize,
    /// Features that some input brings into the stream and that something reads.
    pub live: usize,
    /// The rank of the visited states in them: at this `d` a linear `W` loses nothing that is read.
    pub rank: usize,
    /// How many inputs were looked at.
    pub inputs: usize,
    /// Whether these are all.
    pub is_whole: bool,
}

/// The inputs to train on, and what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Their lengths.
    pub lengths: Vec<usize>,
    /// Whether some position has different answers for different inputs.
    pub varies: bool,
    /// What a `d` is chosen by.
    pub widths: Widths,
}

/// Why there is nothing to look at.
#[derive(Debug, Error)]
pub enum InputsError {
    /// No such inputs.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The header's condition.
    #[error("the header's `valid`: {0}")]
    Valid(#[from] ValidError),
}

impl Widths {
    /// The smallest `d` to try first: a sixth of the rank. Programs of the library have right outputs from an eighth (reverse) to
    /// more than half of it on (frac_prevs, count_less_freq: `results/searches`).
    pub fn least(&self) -> usize {
        self.rank.div_ceil(6).max(1)
    }

    /// The `d` of a first run: three quarters of the rank.
    pub fn usual(&self) -> usize {
        (3 * self.rank).div_ceil(4).max(1)
    }

    /// The largest `d` that makes sense: nothing is lost from here on.
    pub fn most(&self) -> usize {
        self.rank.max(1)
    }
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = if self.is_whole {
            String::new()
        } else {
            format!(" over {} inputs drawn at random", self.inputs)
        };
        write!(
            f,
            "the visited states have rank {} in {} live features{over}",
            self.rank, self.live
        )
    }
}

impl Inputs {
    /// Inputs of full length; of all lengths where every input of full length has the same answers.
    ///
    /// # Errors
    /// If there are none.
    pub fn of(model: &CompiledModel) -> Result<Self, InputsError> {
        Self::among(model, INPUTS)
    }

    /// The same in some ten milliseconds: from fewer inputs where each takes longer.
    ///
    /// # Errors
    /// If there are none.
    pub fn quickly(model: &CompiledModel) -> Result<Self, InputsError> {
        let positions = FEWEST_POSITIONS * model.width();
        let fewest = positions.div_ceil(model.positions()).max(FEWEST);
        let affordable = usize::try_from(QUICK / model.multiplications()).unwrap_or(INPUTS);
        Self::among(model, affordable.clamp(fewest, INPUTS))
    }

    fn among(model: &CompiledModel, most: usize) -> Result<Self, InputsError> {
        let longest = longest(&model.metadata);
        let frozen = Frozen::new(model);
        let mut lengths = vec![longest];
        let mut look = Look::at(model, &frozen, &lengths, most)?;
        if !look.varies && longest > 1 {
            lengths = (1..=longest).collect();
            look = Look::at(model, &frozen, &lengths, most)?;
        }
        let live = LiveFeatures::in_states(&frozen, &look.states);
        Ok(Self {
            varies: look.varies,
            widths: Widths {
                width: model.width(),
                live: live.features.len(),
                rank: live.rank,
                inputs: look.evaluation.len(),
                is_whole: look.evaluation.is_whole(),
            },
            lengths,
        })
    }
}

/// What the compiled model does on inputs.
struct Look {
    evaluation: EvaluationSet,
    states: VisitedStates,
    /// Whether the answer at some position of a token is not the same for all inputs.
    varies: bool,
}

impl Look {
    /// At all inputs of these lengths, or at `most` of them.
    fn at(
        model: &CompiledModel,
        frozen: &Frozen<f64>,
        lengths: &[usize],
        most: usize,
    ) -> Result<Self, InputsError> {
        let space = space(model, lengths)?;
        let evaluation = evaluation(&space, most);
        let mut states = VisitedStates::none(frozen.width());
        let mut answers = Answers {
            kind: model.metadata.output_kind,
            first: vec![None; space.positions()],
            varies: false,
        };
        let piece = (PIECE / space.positions()).max(1);
        for start in (0..evaluation.len()).step_by(piece) {
            let end = (start + piece).min(evaluation.len());
            let tokens = evaluation.chunk(&space, start, end);
            let mut state = Array2::zeros((tokens.len(), frozen.width()));
            let mut visit = |_, written: &mut Array2<f64>| {
                state += &*written;
                states.add(&state, None);
            };
            let (_, scores) = frozen.evaluate_edited(Stream::Full, tokens.view(), &mut visit);
            answers.compare(&space, &tokens, &scores);
        }
        Ok(Self {
            evaluation,
            states,
            varies: answers.varies,
        })
    }
}

/// How many tokens an input of a model has at most: no more than there are, where none may occur twice.
pub fn longest(meta: &Metadata) -> usize {
    if meta.unique_tokens {
        meta.max_seq_len.min(meta.word_ids().len())
    } else {
        meta.max_seq_len
    }
}

/// The inputs of these lengths that a model takes, by its own header.
///
/// # Errors
/// If there are none.
pub fn space(model: &CompiledModel, lengths: &[usize]) -> Result<InputSpace, InputsError> {
    let meta = &model.metadata;
    let space = InputSpace::new(model, lengths, meta.unique_tokens)?;
    Ok(match &meta.valid {
        None => space,
        Some(valid) => space.restricted(&meta.input_vocab, valid)?,
    })
}

/// The whole space where it is small, else some of it.
fn evaluation(space: &InputSpace, most: usize) -> EvaluationSet {
    if space.size().is_some_and(|size| size <= most as u64) {
        return EvaluationSet::new(space, most);
    }
    let mut rng = rng::stream(0, Purpose::HeldOut);
    let mut sample = Array2::zeros((most, space.positions()));
    for mut row in sample.rows_mut() {
        if let Some(tokens) = row.as_slice_mut() {
            space.draw(&mut rng, tokens);
        }
    }
    EvaluationSet::held_out(sample)
}

/// The first answer at each position, and whether a later one was another.
struct Answers {
    kind: OutputKind,
    first: Vec<Option<f64>>,
    varies: bool,
}

impl Answers {
    fn compare(&mut self, space: &InputSpace, tokens: &Array2<usize>, scores: &Array2<f64>) {
        let rows = tokens.indexed_iter().zip(scores.rows());
        for (((_, position), token), row) in rows {
            if self.varies || !space.is_word(*token) {
                continue;
            }
            let answer = match self.kind {
                OutputKind::Numerical => row[0],
                OutputKind::Categorical => first_largest(row.iter().copied()) as f64,
            };
            let known = *self.first[position].get_or_insert(answer);
            self.varies = (known - answer).abs() > 1e-6;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Folder;
    use tracr::program::{Settings, Source};

    fn inputs(name: &str) -> Inputs {
        let program = Folder::Programs.find(name).unwrap();
        let compiled = Source::Library(program).compile(&Settings::default());
        Inputs::of(&compiled.unwrap().model).unwrap()
    }

    #[test]
    fn ranks_are_those_of_the_visited_states_of_the_programs() {
        for (name, width, live, rank) in [("frac_prevs", 14, 10, 9), ("hist", 19, 12, 11)] {
            let found = inputs(name);
            assert_eq!(found.lengths, [5], "{name}");
            assert!(found.varies && found.widths.is_whole);
            let widths = found.widths;
            assert_eq!((widths.width, widths.rank), (width, rank), "{name}");
            assert_eq!(widths.live, live, "{name}");
            assert!(widths.least() <= widths.most() && widths.most() == rank);
        }
    }

    #[test]
    fn shorter_inputs_come_in_where_full_length_alone_has_one_answer() {
        for (name, rank) in [("sort_unique", 22), ("length", 13)] {
            let found = inputs(name);
            assert_eq!(found.lengths, [1, 2, 3, 4, 5], "{name}");
            assert_eq!(found.widths.rank, rank, "{name}");
            assert!(found.varies);
        }
    }

    #[test]
    fn a_quick_look_at_a_large_model_takes_fewer_inputs_and_finds_nearly_the_same() {
        for (name, is_whole) in [
            ("hist", true),
            ("frac_prevs", true),
            ("shuffle_dyck3", false),
        ] {
            let program = Folder::Programs.find(name).unwrap();
            let compiled = Source::Library(program)
                .compile(&Settings::default())
                .unwrap();
            let (quick, whole) = (Inputs::quickly(&compiled.model).unwrap(), inputs(name));
            let (quick, whole) = (quick.widths, whole.widths);
            println!("{name}: {quick}; {whole}");
            assert_eq!(quick.is_whole, is_whole, "{name}");
            assert!(
                quick.rank <= whole.rank && quick.rank + 3 >= whole.rank,
                "{name}"
            );
            assert!(!is_whole || quick == whole);
        }
    }

    #[test]
    fn of_a_large_space_a_sample_is_enough() {
        let found = inputs("pair_balance");
        assert!(!found.widths.is_whole);
        assert_eq!(found.widths.inputs, INPUTS);
        assert!(
            found
                .widths
                .to_string()
                .ends_with("over 4096 inputs drawn at random")
        );
        // Of its inputs of full length, an odd one, none is balanced.
        let odd = inputs("shuffle_dyck2");
        assert!(odd.varies && odd.lengths.len() == 5, "{odd:?}");
    }
}
