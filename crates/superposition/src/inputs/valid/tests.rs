use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::inputs::{EvaluationSet, InputSpace, Sampler};
use crate::test_models;
use tracr::model::CompiledModel;

fn restricted(
    model: &CompiledModel,
    lengths: &[usize],
    valid: &str,
) -> Result<InputSpace, ValidError> {
    let space = InputSpace::new(model, lengths, model.metadata.unique_tokens).unwrap();
    space.restricted(&model.metadata.input_vocab, valid)
}

fn shown(model: &CompiledModel, space: &InputSpace, ids: &[usize]) -> Vec<String> {
    let words = ids.iter().filter(|id| space.is_word(**id));
    words
        .map(|id| model.metadata.input_vocab[*id].to_string())
        .collect()
}

#[test]
fn the_members_of_a_restricted_space_are_the_valid_ones_in_order() {
    let model = test_models::load("frac_prevs");
    let lengths = [3, 4];
    let whole = InputSpace::new(&model, &lengths, false).unwrap();
    let all: Vec<Vec<usize>> = (0..whole.size().unwrap())
        .map(|member| {
            let mut tokens = vec![0; whole.positions()];
            whole.write_member(member, &mut tokens);
            tokens
        })
        .collect();
    let count = |words: &[String], word: &str| words.iter().filter(|w| *w == word).count();
    type Condition<'a> = (&'a str, &'a dyn Fn(&[String]) -> bool);
    let conditions: [Condition<'_>; 3] = [
        (r#"tokens != "x""#, &|words| count(words, "x") == 0),
        ("length == 3", &|words| words.len() == 3),
        (r#"count(tokens, "a") == count(tokens, "b")"#, &|words| {
            count(words, "a") == count(words, "b")
        }),
    ];
    for (text, holds) in conditions {
        let space = restricted(&model, &lengths, text).unwrap();
        let expected: Vec<&Vec<usize>> = all
            .iter()
            .filter(|ids| holds(&shown(&model, &whole, ids)))
            .collect();
        assert_eq!(space.size(), Some(expected.len() as u64), "{text}");
        let mut tokens = vec![0; space.positions()];
        let mut total = 0.0;
        for (member, ids) in (0..).zip(&expected) {
            space.write_member(member, &mut tokens);
            assert_eq!(&tokens, *ids, "{text}");
            total += space.probability(&tokens);
        }
        approx::assert_abs_diff_eq!(total, 1.0, epsilon = 1e-12);
        let evaluation = EvaluationSet::new(&space, 1);
        assert!(evaluation.is_whole());
        let mut sampler = Sampler::new(space.clone(), &evaluation, 3);
        let mut batch = sampler.batch(2000);
        sampler.fill(&mut batch);
        let drawn: HashSet<Vec<usize>> = batch
            .tokens(&space)
            .rows()
            .into_iter()
            .map(|row| row.to_vec())
            .collect();
        assert!(drawn.iter().all(|ids| expected.contains(&ids)), "{text}");
        assert_eq!(drawn.len(), expected.len(), "{text}: each is drawn");
    }
}

#[test]
fn token_weights_keep_their_proportions_among_valid_inputs() {
    let model = test_models::load("frac_prevs");
    let weights = BTreeMap::from([("x".to_owned(), 3.0)]);
    let space = InputSpace::new(&model, &[2], false).unwrap();
    let space = space.weighted(&model, &weights).unwrap();
    let vocabulary = &model.metadata.input_vocab;
    let space = space
        .restricted(vocabulary, r#"count(tokens, "x") > 0"#)
        .unwrap();
    // x with one of three others, on either side, and x twice: 6 of weight 3 and one of weight 9.
    let mut tokens = vec![0; space.positions()];
    for member in 0..space.size().unwrap() {
        space.write_member(member, &mut tokens);
        let twice = shown(&model, &space, &tokens) == ["x", "x"];
        let expected = if twice { 9.0 / 27.0 } else { 3.0 / 27.0 };
        approx::assert_abs_diff_eq!(space.probability(&tokens), expected, epsilon = 1e-12);
    }
    assert_eq!(space.size(), Some(7));
}

#[test]
fn a_space_too_large_to_enumerate_gives_valid_inputs_only() {
    let mut model = test_models::load("frac_prevs");
    model.metadata.max_seq_len = 11; // 4^11 > 2^20
    let space = restricted(&model, &[11], r#"tokens != "x" or indices == 0"#).unwrap();
    assert_eq!(space.size(), None);
    // 4·3^10 of 4^11, known from a sample of at least a thousand valid ones.
    let exact = 4.0 * 3f64.powi(10);
    let estimated = space.estimated_size();
    assert!(
        (estimated / exact - 1.0).abs() < 0.15,
        "{estimated} {exact}"
    );
    let is_valid = |ids: &[usize]| {
        let words = shown(&model, &space, ids);
        words.len() == 11 && words[1..].iter().all(|word| word != "x")
    };
    let evaluation = EvaluationSet::new(&space, 200);
    let held_out = evaluation.chunk(&space, 0, 200);
    assert!(
        held_out
            .rows()
            .into_iter()
            .all(|row| is_valid(&row.to_vec()))
    );
    let mut sampler = Sampler::new(space.clone(), &evaluation, 1);
    let mut batch = sampler.batch(500);
    for _ in 0..3 {
        sampler.fill(&mut batch);
        let tokens = batch.tokens(&space);
        assert!(tokens.rows().into_iter().all(|row| is_valid(&row.to_vec())));
    }
    let position = sampler.position();
    sampler.fill(&mut batch);
    let mut resumed = Sampler::new(space.clone(), &evaluation, 1);
    resumed.set_position(position);
    let mut again = resumed.batch(500);
    resumed.fill(&mut again);
    assert_eq!(batch, again);
}

#[test]
fn what_leaves_no_input_or_hardly_any_is_refused() {
    let mut model = test_models::load("frac_prevs");
    let refusal = |model: &CompiledModel, length: usize, text: &str| {
        restricted(model, &[length], text).unwrap_err().to_string()
    };
    for text in [r#"tokens == "q""#, "length > 5", "indices > 0"] {
        let message = refusal(&model, 3, text);
        assert!(message.contains("none of the 64 inputs"), "{message}");
    }
    assert!(refusal(&model, 3, "hist(tokens)").contains("neither True nor False"));
    assert!(refusal(&model, 3, "tokens ==").contains("no condition in RASP"));
    model.metadata.max_seq_len = 12;
    let message = refusal(&model, 12, r#"tokens == "x""#);
    assert!(
        message.contains("only 0 of 50000 inputs drawn"),
        "{message}"
    );
    let message = refusal(&model, 12, r#"count(tokens, "x") > 9"#);
    assert!(message.contains("too rare to draw"), "{message}");
}
