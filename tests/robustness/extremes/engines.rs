//! The engines on models of extreme numbers and shapes: what is finite is right.

use std::sync::Arc;

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::evaluation::Evaluator;
use superposition::inputs::{EvaluationSet, InputSpace, sampler::Batch};
use superposition::{Engine, Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, OutputKind};

use super::tally::{Tally, engines};
use super::workshop::{SMALL, categorical, numerical, scale_all, scale_one};
use crate::common::case::Case;
use crate::common::engines::{difference, run};
use crate::common::random::seeded;
use crate::common::synthetic::model as random_model;
use crate::common::synthetic::{self, Shape};

fn weights(seed: u64, dim: usize, width: usize, std: f64) -> Array2<f64> {
    normal(&mut stream(seed, Purpose::Init), (dim, width), std)
}

/// A case of the model with all its inputs of its longest length, or of one and two tokens.
fn case(model: CompiledModel) -> Case {
    Case::new(model, OutputPositions::All)
}

#[test]
fn engines_give_right_numbers_or_none_on_weights_of_any_size() {
    let mut tally = Tally::default();
    for (factor, seeds) in [
        (1e30, 0..30u64),
        (1e12, 30..45),
        (1e-30, 45..60),
        (1e-42, 60..75),
    ] {
        for seed in seeds {
            let mut random = seeded(seed);
            let shape = Shape {
                depth: 1 + random.below(3),
                ..Shape::random(&mut random)
            };
            let mut model = random_model(&mut random, shape);
            let count = scale_one(&mut model, usize::MAX, 1.0);
            let number = random.below(count);
            scale_one(&mut model, number, factor);
            let what = format!("seed {seed}, tensor {number} by {factor:e}");
            let dim = 1 + random.below(shape.width);
            let w = weights(seed, dim, shape.width, 0.4 / (dim as f64).sqrt());
            tally.check(&what, &case(model), &w);
        }
    }
    let tally = tally.conclude();
    // Some of these leave float32's range, and some do not.
    assert!(tally.stopped[2] > 0 && tally.finite[2] > 20, "{tally:?}");
}

#[test]
fn engines_take_all_weights_huge_or_denormal() {
    let mut tally = Tally::default();
    for (factor, std) in [
        (1e30, 1.0),
        (1e-20, 1.0),
        (1e-41, 1.0),
        (1.0, 1e-40),
        (1.0, 1e-160),
        (1.0, 1e30),
    ] {
        for seed in 0..4 {
            tally.underflows = factor < 1e-10 || std < 1e-10;
            for mut model in [numerical(seed, SMALL), categorical(seed, SMALL, 3)] {
                scale_all(&mut model, factor);
                let w = weights(seed, 3, SMALL.width, std);
                tally.check(
                    &format!("seed {seed}, {factor:e}, W {std:e}"),
                    &case(model),
                    &w,
                );
            }
        }
    }
    tally.conclude();
}

#[test]
fn engines_take_float64_models_of_denormal_and_huge_weights() {
    let mut tally = Tally::default();
    for factor in [1e-300, 1e-310, 1e100, 1e200] {
        for seed in 0..4 {
            let mut model = numerical(seed, SMALL);
            model.layers[1].fc1.weight.mapv_inplace(|x| x * factor);
            let w = weights(seed, 3, SMALL.width, 0.5);
            tally.check(&format!("seed {seed}, fc1 by {factor:e}"), &case(model), &w);
        }
    }
    tally.conclude();
}

#[test]
fn engines_take_widths_of_one_and_of_everything() {
    let mut tally = Tally::default();
    for seed in 0..12 {
        let model = random_model(&mut seeded(seed), SMALL);
        for dim in [1, SMALL.width] {
            let w = weights(seed, dim, SMALL.width, 0.5);
            tally.check(&format!("seed {seed}, d = {dim}"), &case(model.clone()), &w);
        }
        // The identity changes nothing.
        let case = case(model);
        let identity = Array2::eye(SMALL.width);
        let exact = Evaluator::new(Arc::clone(&case.teacher), case.objective.clone());
        let exact = { exact }.evaluate(&identity);
        assert_eq!(exact.loss_layers, 0.0);
    }
    tally.conclude();
}

#[test]
fn engines_take_models_of_any_shape() {
    let mut tally = Tally::default();
    let shapes = [
        ("one token", Shape { words: 1, ..SMALL }),
        (
            "one position",
            Shape {
                longest: 1,
                ..SMALL
            },
        ),
        (
            "one of both",
            Shape {
                words: 1,
                longest: 1,
                ..SMALL
            },
        ),
        ("no layer", Shape { depth: 0, ..SMALL }),
        (
            "nothing at all",
            Shape {
                depth: 0,
                words: 1,
                longest: 1,
                width: 1,
                ..SMALL
            },
        ),
        ("one feature", Shape { width: 1, ..SMALL }),
        (
            "one hidden unit",
            Shape {
                hidden: 1,
                key_size: 1,
                heads: 1,
                ..SMALL
            },
        ),
        (
            "sixteen heads",
            Shape {
                heads: 16,
                width: 8,
                ..SMALL
            },
        ),
        (
            "two hundred layers",
            Shape {
                depth: 200,
                ..SMALL
            },
        ),
        (
            "both",
            Shape {
                depth: 200,
                heads: 16,
                ..SMALL
            },
        ),
    ];
    for (what, shape) in shapes {
        for seed in 0..if shape.depth == 200 { 1 } else { 3 } {
            let mut model = synthetic::model(&mut seeded(seed), shape);
            if shape.depth == 200 {
                // Each layer adds little, as two hundred of them must.
                for layer in &mut model.layers {
                    layer.output.weight.mapv_inplace(|x| x * 0.05);
                    layer.output.bias.mapv_inplace(|x| x * 0.05);
                    layer.fc2.weight.mapv_inplace(|x| x * 0.05);
                    layer.fc2.bias.mapv_inplace(|x| x * 0.05);
                }
            }
            let dim = shape.width.min(3);
            let w = weights(seed, dim, shape.width, 0.5 / (dim as f64).sqrt());
            tally.check(&format!("{what}, seed {seed}"), &case(model), &w);
        }
    }
    let tally = tally.conclude();
    assert_eq!(tally.stopped, [0; 4]);
}

#[test]
fn engines_take_batches_of_one_and_of_a_hundred_thousand() {
    let model = numerical(5, Shape { depth: 1, ..SMALL });
    let space = InputSpace::new(&model, &[3], false).unwrap();
    let size = space.size().unwrap();
    let teacher = Teacher::new(&model, space.clone(), EvaluationSet::new(&space, 1));
    let w = weights(5, 3, SMALL.width, 0.5);
    let mut random = seeded(5);
    let of = |members: Vec<u64>| {
        let batch = Batch::Members(members);
        Case {
            model: model.clone(),
            teacher: Arc::clone(&teacher),
            objective: Objective::default(),
            tokens: batch.tokens(&space),
            batch,
        }
    };
    let mut tally = Tally::default();
    tally.check("one", &of(vec![size - 1]), &w);
    let many = of((0..100_000)
        .map(|_| random.below(size as usize) as u64)
        .collect());
    tally.check("a hundred thousand", &many, &w);
    // As sequences, repetitions are computed one by one: the same sums in another order.
    let sequences = Case {
        batch: Batch::Sequences(many.tokens.clone()),
        ..of(Vec::new())
    };
    let fused = |case: &Case| {
        let [(_, mut engine), ..] = engines(case);
        run(engine.as_mut(), case, &w)
    };
    let found = difference(&fused(&sequences), &fused(&many));
    assert!(found < 1e-9, "{found:.1e}");
    let tally = tally.conclude();
    assert_eq!(tally.stopped, [0; 4]);
}

/// An overflow on the way to a sum that would be in range is no innocent zero.
#[test]
fn engines_do_not_rectify_a_sum_that_left_the_range() {
    // One hidden unit reads −2e38 each of its bias, the token and the position, and 2.2e38 each of three columns of the
    // block before: 6e37 in all, which float32 holds; but every engine adds two of the first three before the others.
    let shape = Shape {
        width: 6,
        depth: 2,
        heads: 1,
        key_size: 1,
        hidden: 1,
        words: 1,
        longest: 1,
    };
    let mut model = numerical(0, shape);
    scale_all(&mut model, 0.0);
    model.token_embed.column_mut(0).fill(1.0);
    model.pos_embed.column_mut(1).fill(1.0);
    for column in [2, 3, 5] {
        model.layers[0].fc2.bias[column] = 1.0;
    }
    let unit = &mut model.layers[1];
    unit.fc1.bias[0] = -2e38;
    unit.fc1.weight[[0, 0]] = -2e38;
    unit.fc1.weight[[1, 0]] = -2e38;
    for column in [2, 3, 5] {
        unit.fc1.weight[[column, 0]] = 2.2e38;
    }
    unit.fc2.weight[[0, 4]] = 1e-38;
    model.unembed[[4, 0]] = 1.0;
    let case = case(model);
    let w = Array2::eye(6);
    let exact = Evaluator::new(Arc::clone(&case.teacher), case.objective.clone()).evaluate(&w);
    assert_eq!(exact.loss, 0.0);
    for (name, mut engine) in engines(&case) {
        let (loss, _) = run(engine.as_mut(), &case, &w);
        if name.ends_with("f64") {
            assert!(loss.abs() < 1e-12, "{name} says {loss}");
        } else {
            assert!(!loss.is_finite(), "{name} says {loss}");
        }
    }
}

#[test]
fn engines_of_a_causal_model_attend_to_nothing_later() {
    let mut model = numerical(3, Shape { depth: 1, ..SMALL });
    model.metadata.causal = true;
    let layer = &mut model.layers[0];
    layer.query.weight.fill(0.0);
    layer.query.bias.fill(-1e20);
    layer.key.weight.fill(0.0);
    layer.key.bias.fill(1e20); // every logit is −1e40 or so: below Tracr's mask
    let mut tally = Tally::default();
    tally.check(
        "far below the mask",
        &case(model),
        &weights(3, 3, SMALL.width, 0.5),
    );
    tally.conclude();
}

#[test]
fn engines_have_no_targets_of_a_model_that_overflows_float64() {
    for kind in [OutputKind::Numerical, OutputKind::Categorical] {
        let mut model = match kind {
            OutputKind::Numerical => numerical(1, Shape { depth: 0, ..SMALL }),
            OutputKind::Categorical => categorical(1, Shape { depth: 0, ..SMALL }, 3),
        };
        model.token_embed.fill(1e60);
        model.unembed.fill(1e260);
        let case = case(model);
        let problem = case.teacher.check().unwrap_err();
        assert_eq!((problem.place.as_str(), problem.input), ("the output", 0));
        assert!(problem.to_string().contains("too large for float64"));
        let w = weights(1, 2, SMALL.width, 1e-150);
        for (name, mut engine) in engines(&case) {
            assert!(
                !run(engine.as_mut(), &case, &w).0.is_finite(),
                "{name}, {kind:?}"
            );
        }
    }
}

#[test]
fn engines_have_the_same_bits_for_any_threads_on_extreme_numbers() {
    for (factor, std) in [(1e-41, 1.0), (1.0, 1e-38), (1e18, 1.0)] {
        let mut model = numerical(
            9,
            Shape {
                longest: 6,
                words: 5,
                ..SMALL
            },
        );
        scale_all(&mut model, factor);
        let space = InputSpace::new(&model, &[6], false).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        let teacher = Teacher::new(&model, space.clone(), evaluation);
        let batch = Batch::Members((0..3000).collect());
        let w = weights(9, 3, SMALL.width, std);
        let of = |threads: usize| -> [(f64, Array2<f64>); 2] {
            let objective = Objective::default();
            let mut engines: [Box<dyn Engine>; 2] = [
                Box::new(Fused::<f32>::new(
                    Arc::clone(&teacher),
                    objective.clone(),
                    threads,
                )),
                Box::new(Autodiff::<f32>::new(
                    &model,
                    Arc::clone(&teacher),
                    objective,
                    threads,
                )),
            ];
            engines.each_mut().map(|engine| {
                let mut gradient = Array2::zeros(w.dim());
                let loss = engine.loss_and_gradient(&w, &batch, &mut gradient);
                (loss.output + loss.layers, gradient)
            })
        };
        for (one, many) in of(1).iter().zip(&of(3)) {
            assert_eq!(one.0.to_bits(), many.0.to_bits(), "{factor:e}");
            let bits = |g: &Array2<f64>| g.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one.1), bits(&many.1), "{factor:e}");
        }
    }
}
