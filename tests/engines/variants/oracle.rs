//! The definitions, written out as plainly as can be.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1};
use superposition::{CategoricalTargets, LayerReduction, Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, OutputKind, Stream, Wiring, codec};

/// `L` of inputs `[B, T]` that count by `weights`, penalties included.
pub fn loss(
    teacher: &Teacher,
    objective: &Objective,
    targets: CategoricalTargets,
    tokens: &Array2<usize>,
    weights: &[f64],
    w: &Array2<f64>,
) -> f64 {
    let (compiled, right) = teacher.model().evaluate(Stream::Full, tokens.view());
    let (compressed, found) = teacher
        .model()
        .evaluate(Stream::Compressed(w, &Wiring::default()), tokens.view());
    let positions = tokens.ncols();
    let width = w.ncols();
    let everywhere = weights.iter().sum::<f64>() * positions as f64;
    let mut layers = 0.0;
    for (i, (h, h_tilde)) in compiled.iter().zip(&compressed).enumerate() {
        let mut sum = 0.0;
        for (row, (h, h_tilde)) in h.rows().into_iter().zip(h_tilde.rows()).enumerate() {
            let square: f64 = h.iter().zip(h_tilde).map(|(a, b)| (a - b).powi(2)).sum();
            sum += weights[row / positions] * square;
        }
        let weight = objective.block_weights.get(i).copied().unwrap_or(1.0);
        let reduced = match objective.layer_reduction {
            LayerReduction::Sum => sum,
            LayerReduction::Mean => sum / width as f64,
        };
        layers += weight * reduced / everywhere;
    }
    let (mut output, mut counted) = (0.0, 0.0);
    for (row, id) in tokens.iter().enumerate() {
        let weight = weights[row / positions];
        let counts = match objective.output_positions {
            OutputPositions::All => true,
            OutputPositions::Tokens => teacher.space().is_word(*id),
        };
        if counts {
            counted += weight;
            let (right, found) = (right.row(row), found.row(row));
            output += weight
                * match (teacher.kind(), targets) {
                    (OutputKind::Numerical, _) => (right[0] - found[0]).powi(2),
                    (OutputKind::Categorical, CategoricalTargets::Hard) => {
                        -log_softmax(found)[codec::argmax(right)]
                    }
                    (OutputKind::Categorical, CategoricalTargets::Soft) => {
                        let logs = log_softmax(found);
                        let shares = log_softmax(right).into_iter().map(f64::exp);
                        -shares.zip(logs).map(|(q, log)| q * log).sum::<f64>()
                    }
                };
        }
    }
    let mut penalty = 0.0;
    for x in w {
        penalty += objective.l1_weight * x.abs();
    }
    for i in 0..width {
        for j in 0..width {
            if i != j {
                penalty += objective.gram_weight * w.column(i).dot(&w.column(j)).abs();
            }
        }
    }
    objective.output_weight * output / counted + objective.layer_weight * layers + penalty
}

fn log_softmax(scores: ArrayView1<'_, f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|z| (z - largest).exp()).sum();
    scores.iter().map(|z| z - largest - sum.ln()).collect()
}

/// The probability of every input of these lengths, by listing all of them: token ids `[T]`.
pub fn probabilities(
    model: &CompiledModel,
    lengths: &[usize],
    unique: bool,
    weights: &BTreeMap<String, f64>,
) -> BTreeMap<Vec<usize>, f64> {
    let meta = &model.metadata;
    let words = meta.word_ids();
    let weight = |id: usize| {
        let name = meta.input_vocab[id].to_string();
        weights.get(&name).copied().unwrap_or(1.0)
    };
    let all: Vec<Vec<Vec<usize>>> = lengths
        .iter()
        .map(|&length| {
            let mut inputs = vec![Vec::new()];
            for _ in 0..length {
                let longer = inputs.iter().flat_map(|input: &Vec<usize>| {
                    let next = words.iter().filter(|id| !unique || !input.contains(id));
                    next.map(|id| [&input[..], &[*id]].concat())
                });
                inputs = longer.collect();
            }
            inputs
        })
        .collect();
    let members: usize = all.iter().map(Vec::len).sum();
    let mut found = BTreeMap::new();
    for inputs in all {
        let share = inputs.len() as f64 / members as f64;
        let product = |input: &[usize]| input.iter().map(|id| weight(*id)).product::<f64>();
        let total: f64 = inputs.iter().map(|input| product(input)).sum();
        for input in &inputs {
            let mut tokens = vec![meta.pad_id; meta.max_seq_len + 1];
            tokens[0] = meta.bos_id;
            tokens[1..=input.len()].copy_from_slice(input);
            found.insert(tokens, share * product(input) / total);
        }
    }
    found
}
