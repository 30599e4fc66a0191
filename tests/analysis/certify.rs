//! Certificates beside what is known: the plain forward pass, projections that are exact by construction, gaps that are
//! made too small for float64, and a `W` that is wrong.

use std::num::NonZero;

use ndarray::{Array2, Axis, concatenate};
use superposition::Projection;
use superposition::inputs::EvaluationSet;
use superposition::inputs::InputSpace;
use superposition::{Objective, Teacher, evaluation};
use tracr::model::{CompiledModel, Frozen, Wiring};
use tracr_compress::certify::answer::Finding;
use tracr_compress::certify::certificate::Verdict;
use tracr_compress::certify::forward::Network;
use tracr_compress::certify::scalar::{DoubleDouble, Scalar};
use tracr_compress::certify::{self, Empty, Findings, Limits, LowerBounds, Rule};

use crate::common::random::{Random, seeded};
use crate::common::{fixtures, shipped, synthetic};
use crate::random_w;

fn threads(n: usize) -> NonZero<usize> {
    NonZero::new(n).unwrap()
}

fn projection(model: &CompiledModel, w: Array2<f64>, wiring: Wiring) -> Projection {
    Projection {
        w,
        wiring,
        labels: model.metadata.residual_labels.clone(),
    }
}

fn identity(model: &CompiledModel) -> Projection {
    projection(model, Array2::eye(model.width()), Wiring::default())
}

/// All inputs of these lengths.
fn certified(
    model: &CompiledModel,
    projection: &Projection,
    lengths: &[usize],
) -> Result<(Findings, Verdict), Empty> {
    let space = InputSpace::new(model, lengths, model.metadata.unique_tokens).unwrap();
    let rule = Rule::of(model.metadata.output_kind, Limits::default());
    let size = space.size().unwrap();
    let findings = certify::whole(
        model,
        projection,
        &space,
        (size, rule),
        threads(2),
        &mut |_| {},
    )?;
    let verdict = Verdict::of(&rule, &findings);
    Ok((findings, verdict))
}

/// A random model with a stack of `W` of a random variant.
fn random_case(random: &mut Random) -> (CompiledModel, Projection) {
    let shape = synthetic::Shape::random(random);
    let mut model = synthetic::model(random, shape);
    model.metadata.causal = random.one_in(2);
    let wiring = Wiring::new(&model, random.one_in(2), random.one_in(2));
    let d = 1 + random.below(model.width());
    let w = random_w((wiring.count() * d, model.width()), random.next());
    let projection = projection(&model, w, wiring);
    (model, projection)
}

#[test]
fn a_forward_pass_in_balls_holds_the_exact_one_and_is_the_plain_one_up_to_rounding() {
    let (mut compared, mut heads, mut causal, mut several) = (0, 0, 0, 0);
    for seed in 0..120 {
        let (model, projection) = random_case(&mut seeded(seed));
        heads += usize::from(model.metadata.num_heads > 1);
        causal += usize::from(model.metadata.causal);
        several += usize::from(!projection.wiring.is_single());
        let space = InputSpace::new(&model, &[model.metadata.max_seq_len], false).unwrap();
        let mut rng = base::rng::stream(seed, base::rng::Purpose::HeldOut);
        let mut tokens = Array2::zeros((1, space.positions()));
        space.draw(&mut rng, tokens.as_slice_mut().unwrap());
        for projection in [None, Some(&projection)] {
            let network = Network::new(&model, projection);
            let ids = tokens.as_slice().unwrap();
            let (narrow, wide) = (network.run::<f64>(ids), network.run::<DoubleDouble>(ids));
            let stream = projection.map_or(tracr::model::Stream::Full, Projection::stream);
            let plain = Frozen::<f64>::new(&model).forward(stream, tokens.view());
            let sets = [(&narrow.scores, &wide.scores, &plain.output)];
            let blocks = narrow
                .blocks
                .iter()
                .zip(&wide.blocks)
                .zip(&plain.block_outputs);
            let blocks = blocks.map(|((narrow, wide), plain)| (narrow, wide, plain));
            for (narrow, wide, plain) in sets.into_iter().chain(blocks) {
                for (position, (narrow, wide)) in narrow.iter().zip(wide).enumerate() {
                    if narrow.is_empty() {
                        // A dead block.
                        assert!(plain.row(position).iter().all(|x| *x == 0.0));
                    }
                    for (c, (narrow, wide)) in narrow.iter().zip(wide).enumerate() {
                        let difference =
                            wide.mid.add(DoubleDouble::new(-narrow.mid)).to_f64().abs();
                        assert!(
                            difference <= narrow.radius + wide.radius,
                            "{seed}: {narrow:?} {wide:?}"
                        );
                        let size = 1.0 + narrow.mid.abs();
                        assert!(
                            narrow.radius <= 1e-6 * size && wide.radius <= 1e-21 * size,
                            "{seed}"
                        );
                        assert!(
                            (narrow.mid - plain[[position, c]]).abs() <= 1e-9 * size,
                            "{seed}"
                        );
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 5000 && heads > 20 && causal > 20 && several > 20);
}

#[test]
fn the_models_of_tracr_are_proved_where_w_loses_nothing() {
    let (mut proved, mut numbers, mut causal) = (0, 0, 0);
    for path in fixtures("models") {
        let model = CompiledModel::load(&path).unwrap();
        let longest = model.metadata.max_seq_len;
        let lengths: Vec<usize> = (1..=longest.min(3)).collect();
        // Every feature has a dimension of its own, in another order.
        let n = model.width();
        let w = Array2::from_shape_fn(
            (n, n),
            |(row, column)| {
                if (row + 1) % n == column { 1.0 } else { 0.0 }
            },
        );
        let projection = projection(&model, w, Wiring::default());
        match certified(&model, &projection, &lengths) {
            Ok((findings, verdict)) => {
                assert_eq!(verdict, Verdict::Proved, "{}", path.display());
                assert_eq!(findings.right, findings.counted);
                assert_eq!(findings.right_inputs, findings.inputs);
                assert!(
                    findings
                        .smallest_cosine()
                        .is_none_or(|(_, cosine)| cosine > 1.0 - 1e-12)
                );
                proved += 1;
                numbers += usize::from(findings.compiled_gap.is_none());
                causal += usize::from(model.metadata.causal);
            }
            Err(Empty::Constant { .. } | Empty::Tied { .. }) => {}
        }
    }
    assert!(
        proved >= 20 && numbers >= 5 && causal >= 3,
        "{proved} {numbers} {causal}"
    );
}

#[test]
fn an_error_is_bounded_from_both_sides_and_the_worst_input_is_the_one_with_it() {
    let model = shipped("frac_prevs");
    for (d, seed) in [(2, 1), (5, 2), (9, 3)] {
        let projection = projection(
            &model,
            random_w((d, model.width()), seed),
            Wiring::default(),
        );
        let (findings, verdict) = certified(&model, &projection, &[5]).unwrap();
        assert_eq!(verdict, Verdict::Wrong);
        let space = InputSpace::new(&model, &[5], false).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let teacher = Teacher::new(&model, space, inputs);
        let expected = evaluation::evaluate(&teacher, &Objective::default(), projection.stream());
        let (largest, at_most) = findings.extreme.unwrap();
        approx::assert_relative_eq!(largest, expected.max_error.unwrap(), max_relative = 1e-10);
        assert!(findings.error_at_least <= largest && largest <= at_most);
        assert!(at_most - findings.error_at_least < 1e-10 * largest);
        let (mean, rounding) = findings.mean();
        approx::assert_relative_eq!(mean, expected.mae.unwrap(), max_relative = 1e-10);
        assert!(rounding > 0.0 && rounding < 1e-10);
        // At the worst input both models say what the certificate says.
        let worst = findings.worst.unwrap();
        let tokens = Array2::from_shape_vec((1, 6), worst.tokens).unwrap();
        let frozen = Frozen::<f64>::new(&model);
        let compiled = frozen
            .forward(tracr::model::Stream::Full, tokens.view())
            .output;
        let compressed = frozen.forward(projection.stream(), tokens.view()).output;
        let error = compressed[[worst.position, 0]] - compiled[[worst.position, 0]];
        approx::assert_relative_eq!(error.abs(), largest, max_relative = 1e-9);
        assert_eq!(worst.answer.finding, Finding::Wrong);
        for (block, likeness) in expected.blocks.iter().zip(&findings.likeness) {
            let cosine = likeness.as_ref().and_then(|likeness| likeness.cosine());
            assert_eq!(cosine.is_some(), block.cosine.is_some());
            if let (Some((found, rounding)), Some(expected)) = (cosine, block.cosine) {
                assert!((found - expected).abs() <= 1e-9 && rounding < 1e-6);
            }
        }
    }
}

#[test]
fn wrong_classes_are_counted_as_evaluation_counts_them() {
    let model = shipped("sort_unique");
    let lengths = [1, 2, 3];
    for (d, seed) in [(3, 1), (10, 2), (20, 3)] {
        let projection = projection(
            &model,
            random_w((d, model.width()), seed),
            Wiring::default(),
        );
        let (findings, verdict) = certified(&model, &projection, &lengths).unwrap();
        assert_eq!(verdict, Verdict::Wrong);
        let space = InputSpace::new(&model, &lengths, true).unwrap();
        let inputs = EvaluationSet::new(&space, 1);
        let teacher = Teacher::new(&model, space, inputs);
        let expected = evaluation::evaluate(&teacher, &Objective::default(), projection.stream());
        assert_eq!(
            (findings.tied, findings.right + findings.wrong),
            (0, findings.counted)
        );
        let accuracy = findings.right as f64 / findings.counted as f64;
        approx::assert_abs_diff_eq!(accuracy, expected.token_accuracy.unwrap(), epsilon = 1e-12);
        let accuracy = findings.right_inputs as f64 / findings.inputs as f64;
        approx::assert_abs_diff_eq!(
            accuracy,
            expected.sequence_accuracy.unwrap(),
            epsilon = 1e-12
        );
        let worst = findings.worst.unwrap().answer;
        assert_ne!(worst.expected, worst.found);
        assert_eq!(worst.decisive.value, findings.extreme.unwrap().0);
        assert!(worst.decisive.value < 0.0);
    }
}

/// Everything is read as it is, but for the unembedding: `scale` times the class's score, and 1 more for every class at
/// every token, whose position has a feature.
fn hidden_gap(model: &CompiledModel, scale: f64) -> Projection {
    let wiring = Wiring::new(model, false, true);
    let n = model.width();
    let labels = &model.metadata.residual_labels;
    let read: Vec<bool> = model
        .unembed
        .rows()
        .into_iter()
        .map(|row| row.iter().any(|x| *x != 0.0))
        .collect();
    let last = Array2::from_shape_fn((n, n), |(written, feature)| {
        if !read[feature] {
            0.0
        } else if written == feature {
            scale
        } else {
            f64::from(u8::from(labels[written].starts_with("indices:")))
        }
    });
    let identity = Array2::eye(n);
    let matrices: Vec<_> = wiring
        .names()
        .iter()
        .map(|name| {
            if name == "W_read.unembed" {
                last.view()
            } else {
                identity.view()
            }
        })
        .collect();
    let w = concatenate(Axis(0), &matrices).unwrap();
    projection(model, w, wiring)
}

#[test]
fn a_gap_below_float64s_rounding_is_proved_in_double_double_and_one_below_that_is_not() {
    let model = shipped("sort_unique");
    for (scale, expected, again) in [
        (1.0, Verdict::Proved, false),
        (1e-11, Verdict::Proved, false),
        (1e-17, Verdict::Proved, true),
        (1e-22, Verdict::Proved, true),
        (1e-40, Verdict::NotProved, true),
    ] {
        let (findings, verdict) = certified(&model, &hidden_gap(&model, scale), &[1, 2]).unwrap();
        assert_eq!(verdict, expected, "{scale:e}");
        assert_eq!(findings.again > 0, again, "{scale:e}");
        let (gap, proved) = findings.extreme.unwrap();
        let (compiled, _) = findings.compiled_gap.unwrap();
        if verdict == Verdict::Proved {
            approx::assert_relative_eq!(gap, scale * compiled, max_relative = 1e-3);
            assert!(proved > 0.9 * gap && proved <= gap);
        } else {
            assert!(proved <= 0.0);
            assert_eq!(findings.wrong, 0);
        }
    }
    // Where it has the wrong sign, that is proved, too.
    let (findings, verdict) = certified(&model, &hidden_gap(&model, -1e-22), &[1, 2]).unwrap();
    assert_eq!(verdict, Verdict::Wrong);
    assert_eq!((findings.right, findings.wrong), (0, findings.counted));
}

#[test]
fn findings_do_not_depend_on_the_number_of_threads() {
    let model = shipped("frac_prevs");
    let space = InputSpace::new(&model, &[4, 2], false).unwrap();
    let projection = projection(&model, random_w((6, model.width()), 5), Wiring::default());
    let rule = Rule::of(model.metadata.output_kind, Limits::default());
    let of = |n| {
        let mut done = 0;
        let mut watch = |inputs| {
            assert!(inputs > done);
            done = inputs;
        };
        let inputs = (272, rule);
        let findings = certify::whole(&model, &projection, &space, inputs, threads(n), &mut watch);
        assert_eq!(done, 272);
        format!("{:?}", findings.unwrap())
    };
    assert_eq!(of(1), of(2));
    assert_eq!(of(1), of(5));
}

#[test]
fn ties_of_the_compiled_model_do_not_count_and_are_said() {
    // Of two classes that both read the same feature, none ever leads.
    let mut model = shipped("sort_unique");
    let (classes, tied) = (model.unembed.ncols(), 1);
    let column = model.unembed.column(0).to_owned();
    model.unembed.column_mut(1).assign(&column);
    let (findings, verdict) = certified(&model, &identity(&model), &[1, 2]).unwrap();
    assert_eq!(verdict, Verdict::Proved);
    // Class 0 ties with class 1; the inputs whose class was 1 have no score that stands out, either.
    let (full, _) = certified(&shipped("sort_unique"), &identity(&model), &[1, 2]).unwrap();
    assert!(findings.tied > 0);
    assert_eq!(findings.counted + findings.tied, full.counted);
    assert_eq!(
        (full.different(), findings.different()),
        (classes, classes - 1 - tied)
    );
    assert!(findings.largest_tied_gap.unwrap() < 1e-6);
}

#[test]
fn spaces_without_a_choice_are_refused() {
    let mut model = shipped("sort_unique");
    // One class whose score is always the largest.
    for (c, mut column) in model.unembed.columns_mut().into_iter().enumerate() {
        column.fill(0.0);
        for (feature, label) in model.metadata.residual_labels.iter().enumerate() {
            if label.starts_with("indices:") && c == 2 {
                column[feature] = 1.0;
            }
        }
    }
    let refused = certified(&model, &identity(&model), &[1, 2]).unwrap_err();
    assert!(
        matches!(refused, Empty::Constant { counted: 45, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("a constant would be right"));
    model.unembed.fill(0.0);
    let refused = certified(&model, &identity(&model), &[1, 2]).unwrap_err();
    assert!(
        matches!(refused, Empty::Tied { tied: 45, .. }),
        "{refused:?}"
    );
    // Of numbers, too.
    let mut model = shipped("frac_prevs");
    model.unembed.fill(0.0);
    let refused = certified(&model, &identity(&model), &[2]).unwrap_err();
    assert!(
        matches!(refused, Empty::Constant { counted: 32, .. }),
        "{refused:?}"
    );
}

#[test]
fn numbers_that_overflow_are_not_proved() {
    // Without an x nothing is moved, so that the answer of frac_prevs is exactly 0 whatever the weights of attention are:
    // 3 inputs of one token and 9 of two.
    for (name, right) in [("frac_prevs", 3 + 2 * 9), ("sort_unique", 0)] {
        let model = shipped(name);
        let mut projection = identity(&model);
        projection.w *= 1e160;
        let (findings, verdict) = certified(&model, &projection, &[1, 2]).unwrap();
        assert_eq!(verdict, Verdict::NotProved, "{name}");
        assert_eq!((findings.right, findings.wrong), (right, 0));
        assert_eq!(findings.rounding, f64::INFINITY);
    }
}

#[test]
fn lower_bounds_are_the_known_ranks_and_no_exact_w_is_below_them() {
    for (name, lengths, outputs, reads) in [
        ("frac_prevs", &[5][..], 1, 9),
        ("sort_unique", &[1, 2, 3, 4, 5], 2, 22),
    ] {
        let model = shipped(name);
        let space = InputSpace::new(&model, lengths, model.metadata.unique_tokens).unwrap();
        let size = space.size().unwrap();
        let (findings, _) = certified(&model, &identity(&model), lengths).unwrap();
        let of = |wiring: &Wiring| {
            LowerBounds::new((&model, wiring), (&space, size), findings.different())
        };
        let found = of(&Wiring::default());
        assert_eq!(
            (found.outputs, found.reads),
            (outputs, Some(reads)),
            "{name}"
        );
        let attention = found.attention.clone().unwrap();
        assert!((1..=reads).contains(&attention.d), "{name}: {attention:?}");
        // Where each block has its own matrix, there is no single G.
        let several = of(&Wiring::new(&model, true, true));
        assert_eq!((several.outputs, several.reads), (outputs, None));
        assert_eq!(several.attention, found.attention);
        assert_eq!(of(&Wiring::new(&model, false, false)), found);
    }
    // Of random models no bound is beyond the width, on which every W can be exact.
    let mut positive = 0;
    for seed in 0..60 {
        let random = &mut seeded(seed);
        let shape = synthetic::Shape {
            words: 3,
            longest: 3,
            ..synthetic::Shape::random(random)
        };
        let model = synthetic::model(random, shape);
        let space = InputSpace::new(&model, &[1, 3], false).unwrap();
        let found = LowerBounds::new((&model, &Wiring::default()), (&space, 30), 2);
        assert!(found.reads.is_some_and(|reads| reads <= model.width()));
        let of_attention = found.attention.map_or(0, |attention| attention.d);
        assert!(of_attention <= model.width().min(4), "{seed}");
        positive += usize::from(of_attention > 1);
    }
    assert!(positive > 10, "{positive}");
}
