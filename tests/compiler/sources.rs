//! Random sources: what compiles says what the interpreter says, the rest is refused with a reason.
//!
//! 300 programs; `COMPRESS_PROPERTY_CASES=10000` for more, `COMPRESS_PROPERTY_SEED` for others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::random::{Random, setting};
use crate::random_source::{Source, source};
use crate::source_check::{Counts, check};

#[test]
fn random_sources_say_the_same_compiled_and_interpreted_or_are_refused_with_a_reason() {
    let cases = setting("COMPRESS_PROPERTY_CASES", 300);
    let seed = setting("COMPRESS_PROPERTY_SEED", 0);
    let mut counts = Counts::default();
    for case in 0..cases {
        let seed = (seed << 32) + case;
        let program = source(Random(seed));
        if let Err(failure) = checked(&program, seed, &mut counts) {
            let program = shrunk(program, seed);
            let failure = checked(&program, seed, &mut Counts::default())
                .err()
                .unwrap_or(failure);
            panic!("program {seed}:\n{}\n{failure}", program.text());
        }
    }
    println!("{counts:#?}");
    assert!(
        counts.compiled * 3 >= cases,
        "hardly any program compiles: {counts:#?}"
    );
    assert!(
        counts.positions > 4 * cases,
        "hardly anything is compared: {counts:#?}"
    );
    let excused = counts.doubted + counts.limited.values().sum::<u64>();
    assert!(
        2 * excused < counts.inputs,
        "too much is excused: {counts:#?}"
    );
}

/// Drops statements as long as it fails.
fn shrunk(mut program: Source, seed: u64) -> Source {
    let mut at = 0;
    while at < program.statements.len() {
        let mut shorter = program.clone();
        shorter.statements.remove(at);
        // Without a statement other diagnostics are due.
        let failure = checked(&shorter, seed, &mut Counts::default()).err();
        if failure.is_some_and(|text| !text.starts_with("diagnostic")) {
            (program, at) = (shorter, 0);
        } else {
            at += 1;
        }
    }
    program
}

fn checked(source: &Source, seed: u64, counts: &mut Counts) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(source, Random(!seed), counts)))
        .unwrap_or_else(|_| Err("it panics, see above".into()))
}
