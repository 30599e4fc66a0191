//! Exchanged values beside runs with the value put in by hand.

use super::*;

#[test]
fn interchange_equals_runs_with_the_value_put_in_by_hand() {
    let model = shipped("sort_unique");
    let w = random_w((16, 25), 9);
    let settings = Settings {
        pairs: None,
        ..Settings::default()
    };
    // All ordered pairs of the 65 inputs of length 1 and 3.
    let space = InputSpace::new(&model, &[1, 3], true).unwrap();
    let inputs = EvaluationSet::new(&space, 1);
    let subject = Subject {
        model: &model,
        space: &space,
        inputs: &inputs,
        w: &w,
        wiring: &Wiring::default(),
    };
    let found = analysis::analyze(subject, &settings, 2);
    let fit = found
        .interchange
        .iter()
        .find(|i| i.variable == "target_pos")
        .unwrap();
    assert_eq!(
        (fit.pairs, fit.all_pairs, fit.site.as_str()),
        (65 * 65, true, "layer0.mlp")
    );

    // The plain way: the value enters as the difference that it makes to the stream after layer 0,
    // and layer 1 is run on that alone, its blocks taken from a forward pass of a model of one layer.
    let labels = &model.metadata.residual_labels;
    let dims: Vec<usize> = (0..25)
        .filter(|d| labels[*d].starts_with("target_pos:"))
        .collect();
    let frozen = Frozen::<f64>::new(&model);
    let mut second = frozen.clone();
    second.layers = second.layers.iter().skip(1).cloned().collect();
    let tokens = inputs.chunk(&space, 0, 65);
    let streams = [Stream::Full, Stream::Compressed(&w, &Wiring::default())];
    let traces = streams.map(|stream| frozen.forward(stream, tokens.view()));
    let (mut positions, mut right, mut undecided, mut affected) = (0, 0, 0, 0);
    for base in 0..65 {
        for source in 0..65 {
            let rows = |input: usize| s![6 * input..6 * input + 6, ..];
            let outputs = [0, 1].map(|m| {
                let trace = &traces[m];
                let written = |input: usize| {
                    let block = trace.block_outputs[1].slice(rows(input)).to_owned();
                    let mut kept = Array2::<f64>::zeros(block.dim());
                    for d in &dims {
                        kept.column_mut(*d).assign(&block.column(*d));
                    }
                    kept
                };
                let change = written(source) - written(base);
                let stream = trace.residuals[2].slice(rows(base)).to_owned();
                let stream = if m == 0 {
                    stream + change
                } else {
                    stream + change.dot(&w.t())
                };
                let read = if m == 0 { stream } else { stream.dot(&w) };
                layer_and_output(&second, &read, (m == 1).then_some(&w))
            });
            for t in 1..6 {
                if !space.is_word(tokens[[base, t]]) {
                    continue;
                }
                if model.is_undecided(outputs[0].row(t)) {
                    undecided += 1;
                    continue;
                }
                let class = codec::argmax(outputs[0].row(t));
                positions += 1;
                right += u64::from(codec::argmax(outputs[1].row(t)) == class);
                let before = codec::argmax(traces[0].output.row(6 * base + t));
                affected += u64::from(before != class);
            }
        }
    }
    println!(
        "target_pos: {right} of {positions} agree, {affected} affected, {undecided} undecided"
    );
    assert_eq!(
        (fit.positions, fit.undecided, fit.affected),
        (positions, undecided, affected)
    );
    assert_abs_diff_eq!(
        fit.accuracy.unwrap(),
        right as f64 / positions as f64,
        epsilon = 1e-12
    );
    assert!(affected > 100 && right > 100 && right < positions);
}

/// Layer `model.layers[0]` and the unembedding on what is read `[T, D]`, written out: bidirectional
/// attention of one head, then the MLP.
fn layer_and_output(
    model: &Frozen<f64>,
    read: &Array2<f64>,
    w: Option<&Array2<f64>>,
) -> Array2<f64> {
    let layer = &model.layers[0];
    let through = |h: &Array2<f64>| w.map_or_else(|| h.clone(), |w| h.dot(&w.t()).dot(w));
    let apply = |l: &tracr::model::Linear<f64>, x: &Array2<f64>| x.dot(&l.weight) + &l.bias;
    let (q, k, v) = (
        apply(&layer.query, read),
        apply(&layer.key, read),
        apply(&layer.value, read),
    );
    let mut weights = q.dot(&k.t()) / (model.key_size as f64).sqrt();
    for mut row in weights.rows_mut() {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|x| (x - max).exp());
        let sum = row.sum();
        row /= sum;
    }
    assert_eq!(model.heads, 1);
    let attended = apply(&layer.output, &weights.dot(&v));
    let read = read + &through(&attended);
    let hidden = apply(&layer.fc1, &read).mapv(|x| x.max(0.0));
    let read = &read + &through(&apply(&layer.fc2, &hidden));
    read.dot(&model.unembed)
}

#[test]
fn interchange_samples_some_of_all_pairs_by_the_seed_alone() {
    let model = shipped("frac_prevs");
    let w = random_w((8, 14), 10);
    let with = |pairs, seed| Settings {
        pairs,
        seed,
        ..Settings::default()
    };
    let accuracy = |settings: &Settings| {
        let found = analyzed(&model, &w, settings, 2).interchange;
        let fit = found.iter().find(|i| i.variable == "is_x").unwrap();
        (
            fit.pairs,
            fit.all_pairs,
            fit.accuracy.unwrap(),
            fit.mae.unwrap(),
        )
    };
    let first = accuracy(&with(Some(500), 1));
    assert_eq!(first, accuracy(&with(Some(500), 1)));
    assert_ne!(first, accuracy(&with(Some(500), 2)));
    assert_eq!((first.0, first.1), (500, false));
    // More pairs than there are: all of them.
    let space = InputSpace::new(&model, &[2], false).unwrap();
    let inputs = EvaluationSet::new(&space, 1);
    let subject = Subject {
        model: &model,
        space: &space,
        inputs: &inputs,
        w: &w,
        wiring: &Wiring::default(),
    };
    let found = analysis::analyze(subject, &with(Some(4096), 0), 1);
    assert_eq!(
        (found.interchange[0].pairs, found.interchange[0].all_pairs),
        (256, true)
    );
}

#[test]
fn interchange_at_the_embedding_is_another_input() {
    // Exchanging `tokens` and nothing else turns the base into the source of the same length.
    let model = shipped("frac_prevs");
    let frozen = Frozen::<f64>::new(&model);
    let labels = &model.metadata.residual_labels;
    let dims: Vec<usize> = (0..14)
        .filter(|d| labels[*d].starts_with("tokens:"))
        .collect();
    let (base, source) = (array![[0, 5, 1, 2, 5, 3]], array![[0, 1, 5, 5, 2, 2]]);
    let value = frozen.embed(source.view());
    let mut edit = |site: Site, written: &mut Array2<f64>| {
        if site == Site::Embedding {
            for d in &dims {
                written.column_mut(*d).assign(&value.column(*d));
            }
        }
    };
    let exchanged = frozen
        .evaluate_edited(Stream::Full, base.view(), &mut edit)
        .1;
    let expected = frozen.evaluate(Stream::Full, source.view()).1;
    let other = frozen.evaluate(Stream::Full, base.view()).1;
    assert_eq!(exchanged, expected);
    assert_ne!(expected, other);
}
