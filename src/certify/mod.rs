//! Proof that a compressed model is right: every input of its space, run with a bound on the rounding of every number.
//!
//! - [`scalar`]: float64 and double-double, and what their sums and products are right up to.
//! - [`ball`]: a number with a proved bound of its error; sums, quotients, roots, exponentials.
//! - [`forward`]: the forward pass in such numbers, of the compiled and of the compressed model.
//! - [`rule`]: what counts as right; [`answer`]: what is proved of one answer; [`findings`]: of all of them.
//! - [`lower_bounds`]: how small `d` can be, and under which assumptions.
//! - [`binomial`]: what a sample of a space says that is too large to enumerate.
//! - [`certificate`]: what is written to `certificate.json`.
//!
//! It judges what engines and evaluation found, and shares no arithmetic with them: it uses the weights, the wiring of `W`
//! and the enumeration of inputs. docs/certify.md derives each bound, and `scripts/check_certificate.py` proves a
//! certificate again without any of this.

pub mod answer;
pub mod ball;
pub mod binomial;
pub mod certificate;
pub mod findings;
pub mod forward;
pub mod lower_bounds;
pub mod rule;
pub mod scalar;

use std::num::NonZero;

use thiserror::Error;

use base::escape;
use base::rng::{self, Purpose};
use superposition::Projection;
use superposition::inputs::InputSpace;
use tracr::model::CompiledModel;

pub use certificate::{Certificate, Space, Subject, Verdict};
pub use findings::Findings;
pub use lower_bounds::LowerBounds;
pub use rule::{Limits, Rule};

use findings::Judge;

/// The seed of a sample: of the stream that evaluation takes its own sample from by seed 0.
pub const SAMPLE_SEED: u64 = 1;

/// Why there is nothing to certify.
#[derive(Clone, Debug, Error)]
pub enum Empty {
    /// No answer counts.
    #[error(
        "there is nothing to certify: no answer of {} counts, because the compiled model's classes tie on every input \
         ({tied} answers)",
        escape::name(program)
    )]
    Tied {
        /// The program's name.
        program: String,
        /// Answers that do not count.
        tied: u64,
    },
    /// A constant would be right.
    #[error(
        "there is nothing to certify: {} has the same answer at all {counted} token positions that count, so that a constant \
         would be right; take a run whose inputs.lengths have inputs with other answers",
        escape::name(program)
    )]
    Constant {
        /// The program's name.
        program: String,
        /// Answers that count.
        counted: u64,
    },
}

/// Runs all inputs of an enumerable space of `size`; `watch` is told now and then how many are done.
///
/// # Errors
/// If the claim would be empty.
pub fn whole(
    model: &CompiledModel,
    projection: &Projection,
    space: &InputSpace,
    (size, rule): (u64, Rule),
    threads: NonZero<usize>,
    watch: &mut dyn FnMut(u64),
) -> Result<Findings, Empty> {
    let judge = Judge::new(model, projection, space, rule);
    let write = |input, tokens: &mut [usize]| space.write_member(input, tokens);
    let findings = judge.run(size, threads, write, watch);
    checked(model, findings)
}

/// Runs `draws` inputs that are drawn independently, by their probabilities.
///
/// # Errors
/// If the sample has a single answer.
pub fn sampled(
    model: &CompiledModel,
    projection: &Projection,
    space: &InputSpace,
    (draws, rule): (u64, Rule),
    threads: NonZero<usize>,
    watch: &mut dyn FnMut(u64),
) -> Result<Findings, Empty> {
    let mut rng = rng::stream(SAMPLE_SEED, Purpose::HeldOut);
    let inputs: Vec<Vec<usize>> = (0..draws)
        .map(|_| {
            let mut tokens = vec![0; space.positions()];
            space.draw(&mut rng, &mut tokens);
            tokens
        })
        .collect();
    let judge = Judge::new(model, projection, space, rule);
    let write = |input: u64, tokens: &mut [usize]| {
        tokens.copy_from_slice(&inputs[input as usize]);
    };
    let findings = judge.run(draws, threads, write, watch);
    checked(model, findings)
}

fn checked(model: &CompiledModel, findings: Findings) -> Result<Findings, Empty> {
    let program = || model.metadata.program.clone();
    match findings.different() {
        0 => Err(Empty::Tied {
            program: program(),
            tied: findings.tied,
        }),
        1 => Err(Empty::Constant {
            program: program(),
            counted: findings.counted,
        }),
        _ => Ok(findings),
    }
}
