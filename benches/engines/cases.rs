//! What is trained: a compiled model, its inputs, its objective. `scripts/jax_trainer.py` trains the
//! same.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use base::rng::normal;
use base::rng::{Purpose, stream};
use superposition::inputs::{EvaluationSet, InputSpace, Sampler};
use superposition::trainer::State;
use superposition::{AdamW, Engine, LinearDecay, Objective, OutputPositions, Teacher, Trainer};
use tracr::model::{CompiledModel, Value};
use tracr::program::{self, Settings};

/// Inputs of a batch.
pub const BATCH: usize = 256;

/// What is measured if nothing else is asked for: the two configs, a deep program and a long one.
pub const USUAL: [&str; 4] = ["frac_prevs", "sort_unique", "shuffle_dyck2", "long"];

/// Programs of the library on inputs of other lengths: (case, program, tokens, longest input).
const OTHERS: [(&str, &str, &str, usize); 9] = [
    ("length_3", "length", "abcd", 3),
    ("hist_7", "hist", "abcd", 7),
    ("reverse_7", "reverse", "abcd", 7),
    ("sort_7", "sort", "1234", 7),
    ("frac_prevs_9", "frac_prevs", "abcx", 9),
    ("pair_balance_6", "pair_balance", "abc()", 6),
    ("count_less_freq_11", "count_less_freq", "abc", 11),
    ("shuffle_dyck2_11", "shuffle_dyck2", "(){}", 11),
    ("shift_by_11", "shift_by", "abcdefghij", 11),
];

/// The names of all cases: the usual ones, the library's other programs as they are, and some on longer inputs.
#[allow(dead_code)] // tests/allocations.rs takes the usual ones
pub fn names() -> Vec<&'static str> {
    let library = tracr::library::PROGRAMS
        .iter()
        .map(|program| program.name());
    let others = OTHERS.iter().map(|case| case.0);
    let more = library.chain(others).filter(|name| !USUAL.contains(name));
    USUAL.into_iter().chain(more).collect()
}

/// A case, compiled and with its targets.
pub struct Prepared {
    pub model: CompiledModel,
    pub space: InputSpace,
    pub evaluation: EvaluationSet,
    pub teacher: Arc<Teacher>,
    pub objective: Objective,
    /// Of the first `W`. Deep programs overflow float32 from the paper's 1.
    pub init_std: f64,
    /// The compressed widths `d` of interest.
    pub dims: Vec<usize>,
}

impl Prepared {
    /// One of [`names`].
    pub fn new(name: &str) -> Result<Self> {
        use OutputPositions::{All, Tokens};
        let short = Settings::default;
        let (program, settings, lengths, output_positions, dims) = match name {
            "frac_prevs" => ("frac_prevs", short(), vec![5], All, vec![4, 8, 12]),
            // All 325 inputs without a repeated token.
            "sort_unique" => (
                "sort_unique",
                short(),
                vec![1, 2, 3, 4, 5],
                Tokens,
                vec![8, 12, 20],
            ),
            // Deep: 8 layers, 4 heads, D = 55.
            "shuffle_dyck2" => ("shuffle_dyck2", short(), vec![5], Tokens, vec![50]),
            // 53^60 inputs are not enumerated: their targets are computed batch by batch.
            "long" => ("frac_prevs", long(), vec![60], All, vec![30]),
            other => match OTHERS.iter().find(|case| case.0 == other) {
                Some((_, program, tokens, longest)) => (
                    *program,
                    of(tokens, *longest),
                    vec![*longest],
                    Tokens,
                    vec![],
                ),
                None => (other, short(), vec![], Tokens, vec![]),
            },
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("programs")
            .join(format!("{program}.rasp"));
        let model = program::compile(&path, &settings)
            .with_context(|| format!("case {name}"))?
            .model;
        let lengths = match lengths.is_empty() {
            true => vec![model.metadata.max_seq_len],
            false => lengths,
        };
        let dims = match dims.is_empty() {
            true => vec![model.width() / 2],
            false => dims,
        };
        let space = InputSpace::new(&model, &lengths, model.metadata.unique_tokens)?;
        let evaluation = EvaluationSet::new(&space, HELD_OUT);
        Ok(Self {
            teacher: Teacher::new(&model, space.clone(), evaluation.clone()),
            model,
            space,
            evaluation,
            objective: Objective {
                output_positions,
                output_weight: 1.0,
                layer_weight: 1.0,
                ..Objective::default()
            },
            init_std: if ["frac_prevs", "sort_unique", "long"].contains(&name) {
                1.0
            } else {
                0.1
            },
            dims,
        })
    }

    /// Training as in the paper from a random `W` `[dim, D]`.
    pub fn trainer(&self, engine: Box<dyn Engine>, dim: usize, seed: u64) -> Trainer {
        let shape = (dim, self.model.width());
        let w = normal(&mut stream(seed, Purpose::Init), shape, self.init_std);
        Trainer::new(
            engine,
            Sampler::new(self.space.clone(), &self.evaluation, 0),
            self.objective.clone(),
            LinearDecay::new(1e-3, 1e-6, 0.5, 300_000),
            AdamW {
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.1,
            },
            BATCH,
            State::initial(w),
        )
    }
}

/// Held-out inputs of a space that is not enumerated; they play no part in a step.
const HELD_OUT: usize = 16;

/// These tokens, a character each, on inputs up to this length.
fn of(tokens: &str, longest: usize) -> Settings {
    let token = |c: char| match c.to_digit(10) {
        Some(digit) => Value::Int(i64::from(digit)),
        None => Value::Str(c.to_string()),
    };
    Settings {
        vocab: Some(tokens.chars().map(token).collect()),
        max_seq_len: Some(longest),
        ..Settings::default()
    }
}

/// 53 letters and 60 positions.
fn long() -> Settings {
    let letters = ('a'..='z').chain('A'..='Z').chain(['_']);
    Settings {
        vocab: Some(letters.map(|c| Value::Str(c.to_string())).collect()),
        max_seq_len: Some(60),
        ..Settings::default()
    }
}
