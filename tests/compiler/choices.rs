//! Choices of proptest for the generators: a failing program is shrunk by making its choices smaller.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner, contextualize_config};

use crate::random::Random;

/// More choices than nearly all programs take.
const CHOICES: usize = 512;

pub fn choices() -> impl Strategy<Value = Random> {
    vec(any::<u8>(), CHOICES).prop_map(|bytes| Random::of(&bytes))
}

/// The same programs each time; `PROPTEST_CASES=10000` for more, `PROPTEST_RNG_SEED` for others.
pub fn runner(cases: u32) -> TestRunner {
    TestRunner::new(contextualize_config(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: None,
        max_shrink_iters: 10_000,
        ..ProptestConfig::default()
    }))
}
