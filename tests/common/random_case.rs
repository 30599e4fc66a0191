//! A random model with a batch of inputs and an objective.

use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::inputs::{EvaluationSet, InputSpace, sampler::Batch};
use superposition::{Objective, OutputPositions, Teacher};

use super::case::Case;
use super::random::Random;
use super::synthetic;

/// A case of a random model, with a batch of members or sequences.
pub fn random_case(random: &mut Random) -> Case {
    let shape = synthetic::Shape::random(random);
    let model = synthetic::model(random, shape);
    let mut lengths: Vec<usize> = (1..=shape.longest).filter(|_| random.one_in(2)).collect();
    if lengths.is_empty() {
        lengths.push(1 + random.below(shape.longest));
    }
    let space = InputSpace::new(&model, &lengths, false).unwrap();
    let evaluation = if space.size().is_some_and(|size| size > 20_000) {
        // Large, and its targets too: as if it were not enumerable.
        let mut sample = Array2::zeros((3, space.positions()));
        let mut rng = stream(random.next(), Purpose::HeldOut);
        for mut row in sample.rows_mut() {
            space.draw(&mut rng, row.as_slice_mut().unwrap());
        }
        EvaluationSet::held_out(sample)
    } else {
        EvaluationSet::new(&space, 3)
    };
    let inputs = 1 + random.below(70);
    let batch = match space.size() {
        Some(size) if random.one_in(2) => Batch::Members(
            (0..inputs)
                .map(|_| random.below(size as usize) as u64)
                .collect(),
        ),
        _ => {
            let mut rng = stream(random.next(), Purpose::Batches);
            let mut tokens = Array2::zeros((inputs, space.positions()));
            for mut row in tokens.rows_mut() {
                space.draw(&mut rng, row.as_slice_mut().unwrap());
            }
            Batch::Sequences(tokens)
        }
    };
    Case {
        tokens: batch.tokens(&space),
        teacher: Teacher::new(&model, space, evaluation),
        model,
        objective: Objective {
            output_positions: *random.pick(&[OutputPositions::All, OutputPositions::Tokens]),
            output_weight: 0.1 + random.below(30) as f64 / 10.0,
            layer_weight: 0.1 + random.below(30) as f64 / 10.0,
            ..Objective::default()
        },
        batch,
    }
}
