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

/// The cases.
pub const NAMES: [&str; 4] = ["frac_prevs", "sort_unique", "shuffle_dyck2", "long"];

/// A case, compiled and with its targets.
pub struct Prepared {
    pub model: CompiledModel,
    pub space: InputSpace,
    pub evaluation: EvaluationSet,
    pub teacher: Arc<Teacher>,
    pub objective: Objective,
    /// Of the first `W`. The deep program overflows float32 from the paper's 1.
    pub init_std: f64,
    /// The compressed widths `d` of interest.
    pub dims: Vec<usize>,
}

impl Prepared {
    /// One of [`NAMES`].
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
            other => anyhow::bail!("there is no case {other}"),
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("programs")
            .join(format!("{program}.rasp"));
        let model = program::compile(&path, &settings)
            .with_context(|| format!("case {name}"))?
            .model;
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
            init_std: if name == "shuffle_dyck2" { 0.1 } else { 1.0 },
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

/// 53 letters and 60 positions.
fn long() -> Settings {
    let letters = ('a'..='z').chain('A'..='Z').chain(['_']);
    Settings {
        vocab: Some(letters.map(|c| Value::Str(c.to_string())).collect()),
        max_seq_len: Some(60),
        ..Settings::default()
    }
}
