//! Token weights: what is drawn occurs as often as the weights say, however the space is drawn from.

use std::collections::BTreeMap;

use base::rng::{Purpose, stream};
use superposition::inputs::{EvaluationSet, InputSpace, Sampler};
use tracr::model::CompiledModel;

use super::oracle;
use crate::common::random::seeded;
use crate::common::{shipped, synthetic};

fn weights(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(t, w)| ((*t).to_owned(), *w)).collect()
}

fn weighted(
    model: &CompiledModel,
    lengths: &[usize],
    unique: bool,
    pairs: &[(&str, f64)],
) -> InputSpace {
    InputSpace::new(model, lengths, unique)
        .unwrap()
        .weighted(model, &weights(pairs))
        .unwrap()
}

/// A synthetic model of this many words and positions, `w0`, `w1`, ...
fn model_of(words: usize, longest: usize) -> CompiledModel {
    let shape = synthetic::Shape {
        width: 3,
        depth: 1,
        heads: 1,
        key_size: 1,
        hidden: 1,
        words,
        longest,
    };
    synthetic::model(&mut seeded(1), shape)
}

/// The chi-squared statistic of counted inputs beside their probabilities, cells of fewer than ten expected
/// pooled, and the value that it exceeds once in ten thousand times (Wilson and Hilferty).
fn chi_squared<K: Ord>(
    counts: &BTreeMap<K, u64>,
    probabilities: &BTreeMap<K, f64>,
) -> (f64, f64, usize) {
    let draws = counts.values().sum::<u64>() as f64;
    assert!(counts.keys().all(|input| probabilities.contains_key(input)));
    let mut cells = Vec::new();
    let mut rest = (0.0, 0.0);
    for (input, p) in probabilities {
        let found = counts.get(input).copied().unwrap_or(0) as f64;
        if p * draws >= 10.0 {
            cells.push((found, p * draws));
        } else {
            rest = (rest.0 + found, rest.1 + p * draws);
        }
    }
    if rest.1 >= 10.0 {
        cells.push(rest);
    }
    let statistic = cells.iter().map(|(f, e)| (f - e) * (f - e) / e).sum();
    let degrees = (cells.len() - 1) as f64;
    let spread = 2.0 / (9.0 * degrees);
    let limit = degrees * (1.0 - spread + 3.72 * spread.sqrt()).powi(3);
    (statistic, limit, cells.len())
}

/// A model, lengths, whether tokens are unique, and weights.
type Case = (CompiledModel, Vec<usize>, bool, Vec<(&'static str, f64)>);

/// Spaces small enough to list, with weights from mild to extreme.
fn small_spaces() -> Vec<Case> {
    let (frac_prevs, sort_unique) = (shipped("frac_prevs"), shipped("sort_unique"));
    vec![
        (frac_prevs.clone(), vec![5], false, vec![("x", 0.05)]),
        (
            frac_prevs.clone(),
            vec![5],
            false,
            vec![("x", 5.0), ("a", 0.3)],
        ),
        (
            frac_prevs,
            vec![1, 4, 2],
            false,
            vec![("x", 0.2), ("b", 1e-3)],
        ),
        (
            sort_unique.clone(),
            vec![1, 2, 3, 4, 5],
            true,
            vec![("1", 0.05), ("3", 4.0)],
        ),
        (
            sort_unique,
            vec![3, 5],
            true,
            vec![("2", 30.0), ("4", 0.01), ("5", 2.0)],
        ),
    ]
}

#[test]
fn token_weights_give_the_probabilities_of_the_definition() {
    let mut worst = 0.0f64;
    for (model, lengths, unique, pairs) in small_spaces() {
        let space = weighted(&model, &lengths, unique, &pairs);
        let expected = oracle::probabilities(&model, &lengths, unique, &weights(&pairs));
        assert_eq!(space.size(), Some(expected.len() as u64));
        let set = EvaluationSet::new(&space, 1);
        let mut tokens = vec![0; space.positions()];
        let mut total = 0.0;
        for member in 0..expected.len() {
            space.write_member(member as u64, &mut tokens);
            let p = expected[&tokens];
            let ours = space.probability(&tokens);
            let weight = set.weight(member) / expected.len() as f64;
            worst = worst.max((ours - p).abs() / p).max((weight - p).abs() / p);
            total += ours;
        }
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }
    println!("largest relative difference {worst:.1e}");
    assert!(worst < 1e-12);
}

#[test]
fn token_weights_are_frequencies_of_an_enumerated_space() {
    for (model, lengths, unique, pairs) in small_spaces() {
        let space = weighted(&model, &lengths, unique, &pairs);
        let expected = oracle::probabilities(&model, &lengths, unique, &weights(&pairs));
        let mut sampler = Sampler::new(space.clone(), &EvaluationSet::new(&space, 1), 7);
        let mut counts = BTreeMap::new();
        let mut batch = sampler.batch(256);
        for _ in 0..1000 {
            sampler.fill(&mut batch);
            for row in batch.tokens(&space).rows() {
                *counts.entry(row.to_vec()).or_insert(0) += 1;
            }
        }
        let (found, limit, cells) = chi_squared(&counts, &expected);
        println!("{pairs:?}: chi-squared {found:.1} in {cells} cells, limit {limit:.1}");
        assert!(found < limit);
    }
}

#[test]
fn token_weights_are_frequencies_of_draws_by_position() {
    // As sampled spaces are drawn from, on spaces that can be listed.
    for (seed, (model, lengths, unique, pairs)) in small_spaces().into_iter().enumerate() {
        let space = weighted(&model, &lengths, unique, &pairs);
        let expected = oracle::probabilities(&model, &lengths, unique, &weights(&pairs));
        let mut rng = stream(seed as u64, Purpose::Batches);
        let mut counts = BTreeMap::new();
        let mut tokens = vec![0; space.positions()];
        for _ in 0..256_000 {
            space.draw(&mut rng, &mut tokens);
            *counts.entry(tokens.clone()).or_insert(0) += 1;
        }
        let (found, limit, cells) = chi_squared(&counts, &expected);
        println!("{pairs:?}: chi-squared {found:.1} in {cells} cells, limit {limit:.1}");
        assert!(found < limit);
    }
}

#[test]
fn token_weights_are_frequencies_of_a_sampled_space() {
    // 20^12 inputs; each position on its own, so that every token counts.
    let model = model_of(20, 12);
    let pairs = [("w3", 0.05), ("w4", 6.0), ("w5", 0.5)];
    let space = weighted(&model, &[12], false, &pairs);
    assert_eq!(space.size(), None);
    let set = EvaluationSet::new(&space, 4096);
    // What the held-out sample takes away is too little to be seen below.
    assert!(set.share(&space) < 1e-5, "{}", set.share(&space));
    let mut sampler = Sampler::new(space.clone(), &set, 3);
    let mut batch = sampler.batch(1000);
    let mut counts = BTreeMap::new();
    for _ in 0..50 {
        sampler.fill(&mut batch);
        for id in batch.tokens(&space).iter().filter(|id| space.is_word(**id)) {
            *counts.entry(*id).or_insert(0) += 1;
        }
    }
    let total = 17.0 + 0.05 + 6.0 + 0.5;
    let meta = &model.metadata;
    let expected: BTreeMap<usize, f64> = meta
        .word_ids()
        .into_iter()
        .map(|id| {
            let name = meta.input_vocab[id].to_string();
            let pair = pairs.iter().find(|(token, _)| *token == name);
            (id, pair.map_or(1.0, |(_, weight)| *weight) / total)
        })
        .collect();
    let (found, limit, cells) = chi_squared(&counts, &expected);
    println!("chi-squared {found:.1} in {cells} cells, limit {limit:.1}");
    assert!(found < limit && cells == 20);
}

#[test]
fn token_weights_are_frequencies_of_a_sampled_space_of_unique_tokens() {
    // 12!/3! inputs: every set of nine of twelve words, in every order.
    let model = model_of(12, 9);
    let pairs = [("w0", 0.05), ("w1", 8.0), ("w2", 0.5), ("w7", 3.0)];
    let space = weighted(&model, &[9], true, &pairs);
    assert_eq!(space.size(), None);
    let set = EvaluationSet::new(&space, 1000);
    let mut sampler = Sampler::new(space.clone(), &set, 3);
    let meta = &model.metadata;
    let words = meta.word_ids();
    let weight = |word: usize| {
        let name = meta.input_vocab[words[word]].to_string();
        let pair = pairs.iter().find(|(token, _)| *token == name);
        pair.map_or(1.0, |(_, weight)| *weight)
    };
    let product = |set: u32| -> f64 {
        let held = (0..12).filter(|word| set >> word & 1 == 1);
        held.map(weight).product()
    };
    let sets = || (0..1u32 << 12).filter(|set| set.count_ones() == 9);
    let total: f64 = sets().map(product).sum();
    let expected: BTreeMap<u32, f64> = sets().map(|set| (set, product(set) / total)).collect();
    let mut counts = BTreeMap::new();
    let mut first = BTreeMap::new();
    let mut batch = sampler.batch(1000);
    for _ in 0..100 {
        sampler.fill(&mut batch);
        for row in batch.tokens(&space).rows() {
            let place = |id: &usize| words.iter().position(|word| word == id).unwrap();
            let set: u32 = row.iter().skip(1).fold(0, |set, id| set | 1 << place(id));
            *counts.entry(set).or_insert(0) += 1;
            // Every order is as likely: the lowest word of the set stands anywhere.
            let lowest = words[set.trailing_zeros() as usize];
            let at = row.iter().position(|id| *id == lowest).unwrap();
            *first.entry(at).or_insert(0) += 1;
        }
    }
    for (found, limit, cells) in [
        chi_squared(&counts, &expected),
        chi_squared(&first, &(1..=9).map(|at| (at, 1.0 / 9.0)).collect()),
    ] {
        println!("chi-squared {found:.1} in {cells} cells, limit {limit:.1}");
        assert!(found < limit);
    }
}

#[test]
fn held_out_sample_is_made_of_draws_and_counts_them() {
    // Two words over 21 positions: with 1 to 20, three inputs in ten are w0 alone or all but.
    let model = model_of(2, 21);
    let space = weighted(&model, &[21], false, &[("w1", 0.05)]);
    assert_eq!(space.size(), None);
    let set = EvaluationSet::new(&space, 4096);
    assert!(set.len() < 4096);
    let weights: Vec<f64> = (0..set.len()).map(|i| set.weight(i)).collect();
    let total: f64 = weights.iter().sum();
    assert!((total - set.len() as f64).abs() < 1e-9 * total);
    let tokens = set.chunk(&space, 0, set.len());
    let rare = model.metadata.word_ids();
    let rare = *rare
        .iter()
        .find(|id| model.metadata.input_vocab[**id].to_string() == "w1")
        .unwrap();
    // How often w1 occurs is binomial.
    let p: f64 = 0.05 / 1.05;
    let mut counts = BTreeMap::new();
    for (row, weight) in tokens.rows().into_iter().zip(&weights) {
        let times = row.iter().filter(|id| **id == rare).count();
        let draws = (weight / total * 4096.0).round() as u64;
        *counts.entry(times).or_insert(0) += draws;
    }
    assert_eq!(counts.values().sum::<u64>(), 4096);
    let mut binomial = BTreeMap::from([(0, (1.0 - p).powi(21))]);
    for k in 1..=21usize {
        let before = binomial[&(k - 1)];
        binomial.insert(k, before * (22 - k) as f64 / k as f64 * p / (1.0 - p));
    }
    let (found, limit, cells) = chi_squared(&counts, &binomial);
    println!("chi-squared {found:.1} in {cells} cells, limit {limit:.1}");
    assert!(found < limit && cells > 3);
    assert!(set.share(&space) > 0.9, "{}", set.share(&space));
}

#[test]
fn token_weights_mean_the_same_scaled_and_nothing_if_equal() {
    let model = shipped("frac_prevs");
    let one = weighted(&model, &[5, 2], false, &[("x", 0.05)]);
    let many = [("a", 1e280), ("b", 1e280), ("c", 1e280), ("x", 0.05e280)];
    let scaled = weighted(&model, &[5, 2], false, &many);
    let mut tokens = vec![0; one.positions()];
    for member in 0..one.size().unwrap() {
        one.write_member(member, &mut tokens);
        let (a, b) = (one.probability(&tokens), scaled.probability(&tokens));
        assert!((a - b).abs() < 1e-12 * a, "{a} beside {b}");
    }
    let plain = InputSpace::new(&model, &[5, 2], false).unwrap();
    let equal = weighted(
        &model,
        &[5, 2],
        false,
        &[("x", 3.0), ("a", 3.0), ("b", 3.0), ("c", 3.0)],
    );
    assert!(!equal.is_weighted());
    let batch = |space: &InputSpace| {
        let mut sampler = Sampler::new(space.clone(), &EvaluationSet::new(space, 1), 3);
        let mut batch = sampler.batch(300);
        sampler.fill(&mut batch);
        (batch, sampler.position())
    };
    assert_eq!(batch(&plain), batch(&equal));
    assert_ne!(batch(&plain).0, batch(&one).0);
}

#[test]
fn token_weights_of_long_inputs_neither_overflow_nor_hang() {
    let model = model_of(60, 50);
    for unique in [false, true] {
        let pairs = [("w0", 1e300), ("w1", 1e-300), ("w2", 1e150)];
        let space = weighted(&model, &[50, 20], unique, &pairs);
        let mut rng = stream(1, Purpose::Batches);
        let mut tokens = vec![0; space.positions()];
        for _ in 0..200 {
            space.draw(&mut rng, &mut tokens);
            let p = space.probability(&tokens);
            assert!(p.is_finite() && p >= 0.0, "{p}");
            let name = |id: &usize| model.metadata.input_vocab[*id].to_string();
            assert!(tokens.iter().any(|id| name(id) == "w0"));
            // Of unique tokens, the two heaviest are always there, the lightest never.
            if unique {
                assert!(tokens.iter().any(|id| name(id) == "w2"));
                assert!(!tokens.iter().any(|id| name(id) == "w1"));
            }
        }
        assert_eq!(EvaluationSet::new(&space, 50).share(&space) > 0.25, !unique);
    }
}
