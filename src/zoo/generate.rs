//! As many programs as asked for, no two of which compute the same.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};

use thiserror::Error;

use super::draft::Draft;
use super::examine::{Facts, examine};
use super::growth;
use crate::analysis::sweep::in_order;
use base::rng::{Purpose, stream_of_start};

/// Drafts that are drawn for a program before the search gives up.
const DRAFTS: u32 = 1 << 12;

/// More programs than anybody trains.
pub const MOST_PROGRAMS: u32 = 10_000;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How many.
    pub count: u32,
    /// The seed of all that is drawn.
    pub seed: u64,
    /// How many operators each may have.
    pub operators: RangeInclusive<usize>,
}

/// A program of a zoo.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name, that of its file: `g1_0007` is the seventh of seed 1.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What is known of it.
    pub facts: Facts,
}

/// There are not enough.
#[derive(Debug, Error)]
#[error(
    "none of {drafts} drafts with {operators} operators became program {number} of {count}: {}",
    remedy(*.number)
)]
pub struct TooFew {
    number: u32,
    count: u32,
    operators: usize,
    drafts: u32,
}

/// Those before it were found, and are all that a smaller count asks for.
fn remedy(number: u32) -> String {
    match number - 1 {
        0 => "choose another range of --operators, such as 3..12".into(),
        found => format!("ask for --count {found}, or another range of --operators"),
    }
}

/// The programs, in an order that does not depend on `threads`; those of a smaller count come first.
///
/// # Errors
/// If one cannot be found.
pub fn generate(wanted: &Wanted, threads: usize) -> Result<Vec<Found>, TooFew> {
    of_drafts(wanted, DRAFTS, threads)
}

/// With `drafts` drafts for each program, at most [`DRAFTS`].
fn of_drafts(wanted: &Wanted, drafts: u32, threads: usize) -> Result<Vec<Found>, TooFew> {
    let numbers: Vec<u32> = (0..wanted.count).collect();
    let mut found: Vec<Found> = Vec::new();
    let mut known = HashSet::new();
    let mut missing = None;
    let first = |number: &u32| (*number, search(wanted, *number, 0..drafts));
    in_order(&numbers, threads, first, |(number, mut candidate)| {
        // Another program may compute the same: the search goes on behind it.
        while let Some((draft, attempt)) = candidate {
            if known.insert(draft.1.fingerprint) {
                found.push(named(wanted, number, draft));
                return true;
            }
            candidate = search(wanted, number, attempt + 1..drafts);
        }
        missing = Some(TooFew {
            number: number + 1,
            count: wanted.count,
            operators: operators(wanted, number),
            drafts,
        });
        false
    });
    missing.map_or(Ok(found), Err)
}

/// The operators of a program: all sizes of the range in turn.
fn operators(wanted: &Wanted, number: u32) -> usize {
    let sizes = wanted.operators.clone().count().max(1);
    wanted.operators.start() + number as usize % sizes
}

/// Whether a program's output is a number: of two in five, and of some of each size.
fn is_numerical(wanted: &Wanted, number: u32) -> bool {
    let sizes = wanted.operators.clone().count().max(1) as u32;
    // Sizes that come round in fives would meet the same kind each time.
    let round = match sizes.is_multiple_of(5) {
        true => number / sizes,
        false => 0,
    };
    (number + round) % 5 >= 3
}

type Candidate = (Draft, Facts);

/// The first of a program's drafts that belongs to a zoo, and its number.
fn search(wanted: &Wanted, number: u32, mut attempts: Range<u32>) -> Option<(Candidate, u32)> {
    let (size, numerical) = (operators(wanted, number), is_numerical(wanted, number));
    attempts.find_map(|attempt| {
        let start = number * DRAFTS + attempt;
        let rng = stream_of_start(wanted.seed, Purpose::Programs, start);
        let draft = growth::draft(rng, size, numerical)?;
        let facts = examine(&draft).filter(|facts| facts.operators == size)?;
        Some(((draft, facts), attempt))
    })
}

fn named(wanted: &Wanted, number: u32, (draft, facts): Candidate) -> Found {
    let Wanted { seed, .. } = wanted;
    let number = number + 1;
    let about = format!(
        "random program {number} of seed {seed}, with {} operator{}",
        facts.operators,
        if facts.operators == 1 { "" } else { "s" }
    );
    Found {
        name: format!("g{seed}_{number:04}"),
        text: draft.text(&about, &facts.examples),
        facts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(count: u32, operators: RangeInclusive<usize>) -> Wanted {
        Wanted {
            count,
            seed: 5,
            operators,
        }
    }

    #[test]
    fn threads_change_nothing() {
        let texts = |threads| -> Vec<String> {
            let found = generate(&wanted(6, 1..=3), threads).unwrap();
            found.into_iter().map(|program| program.text).collect()
        };
        let one = texts(1);
        assert_eq!(one.len(), 6);
        assert_eq!(one, texts(3));
    }

    #[test]
    fn every_size_has_programs_of_both_kinds() {
        for sizes in 1..=12 {
            let wanted = wanted(0, 3..=2 + sizes);
            for size in 3..=2 + sizes {
                let own: Vec<bool> = (0..200)
                    .filter(|number| operators(&wanted, *number) == size)
                    .map(|number| is_numerical(&wanted, number))
                    .collect();
                assert!(
                    own.contains(&true) && own.contains(&false),
                    "{sizes} {size}"
                );
            }
        }
    }

    #[test]
    fn a_function_is_taken_once_and_too_few_say_how_many_there_are() {
        // Of one operator there are few functions, and of so few drafts fewer still.
        let error = of_drafts(&wanted(50, 1..=1), 12, 2).unwrap_err();
        let found = error.number - 1;
        let said = error.to_string();
        assert!(found < 50 && said.contains("of 50"), "{said}");
        let programs = of_drafts(&wanted(found, 1..=1), 12, 1).unwrap();
        let different: HashSet<[u8; 32]> = programs.iter().map(|p| p.facts.fingerprint).collect();
        assert_eq!(different.len(), found as usize);
        assert!(said.contains(&match found {
            0 => "such as 3..12".to_owned(),
            found => format!("--count {found}, or"),
        }));
    }
}
