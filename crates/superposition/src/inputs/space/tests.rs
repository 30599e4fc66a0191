use super::*;
use crate::test_models;
use base::rng::{Purpose, stream};
use std::collections::BTreeMap;

fn members(space: &InputSpace) -> Vec<Vec<usize>> {
    (0..space.size().unwrap())
        .map(|i| {
            let mut tokens = vec![0; space.positions()];
            space.write_member(i, &mut tokens);
            tokens
        })
        .collect()
}

#[test]
fn sort_unique_has_325_inputs_each_once() {
    let model = test_models::load("sort_unique");
    let space = InputSpace::new(&model, &[1, 2, 3, 4, 5], true).unwrap();
    let mut all = members(&space);
    assert_eq!(all.len(), 5 + 20 + 60 + 120 + 120);
    assert_eq!(all[0], [5, 0, 6, 6, 6, 6]);
    assert_eq!(all[5], [5, 0, 1, 6, 6, 6]);
    assert_eq!(all[324], [5, 4, 3, 2, 1, 0]);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 325);
    for input in &all {
        let words: Vec<_> = input.iter().filter(|id| space.is_word(**id)).collect();
        assert!(
            words
                .iter()
                .enumerate()
                .all(|(i, w)| !words[..i].contains(w))
        );
    }
}

#[test]
fn frac_prevs_has_1024_full_length_inputs_in_lexicographic_order() {
    let model = test_models::load("frac_prevs");
    let space = InputSpace::new(&model, &[5], false).unwrap();
    let all = members(&space);
    assert_eq!(all.len(), 1024);
    assert!(all.is_sorted());
    assert_eq!(all[0], [0, 1, 1, 1, 1, 1]);
    assert_eq!(all[1], [0, 1, 1, 1, 1, 2]);
    assert_eq!(all[1023], [0, 5, 5, 5, 5, 5]);
}

#[test]
fn draws_are_uniform_over_members_not_over_lengths() {
    let model = test_models::load("sort_unique");
    let space = InputSpace::new(&model, &[3, 1], true).unwrap();
    let mut rng = stream(0, Purpose::Batches);
    let mut counts = BTreeMap::new();
    let mut tokens = vec![0; space.positions()];
    let draws = 65_000;
    for _ in 0..draws {
        space.draw(&mut rng, &mut tokens);
        *counts.entry(tokens.clone()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 65);
    // Chi-squared with 64 degrees of freedom: 110 is beyond the 99.9 % quantile.
    let expected = f64::from(draws) / 65.0;
    let chi2: f64 = counts
        .values()
        .map(|&n| (f64::from(n) - expected).powi(2) / expected)
        .sum();
    assert!(chi2 < 110.0, "chi-squared {chi2}");
}

#[test]
fn impossible_spaces_are_explained() {
    let model = test_models::load("sort_unique");
    let error = |lengths: &[usize], unique| InputSpace::new(&model, lengths, unique).unwrap_err();
    assert_eq!(error(&[], true), SpaceError::NoLengths(5));
    assert_eq!(
        error(&[6], true),
        SpaceError::Length {
            length: 6,
            longest: 5
        }
    );
    assert_eq!(
        error(&[0], true),
        SpaceError::Length {
            length: 0,
            longest: 5
        }
    );
    assert_eq!(error(&[2, 2], true), SpaceError::RepeatedLength(2));
    let frac_prevs = test_models::load("frac_prevs");
    assert_eq!(
        InputSpace::new(&frac_prevs, &[5], true).unwrap_err(),
        SpaceError::TooFewTokens {
            length: 5,
            words: 4
        }
    );
}
