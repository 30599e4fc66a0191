//! Several `W`: untied, one a block, both.

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::{Array2, Axis, concatenate, s};
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::projection::stack;
use superposition::trainer::State;
use superposition::{AdamW, OutputPositions, Projection, fold};
use tracr::model::{Frozen, Stream, Wiring};

use crate::common::case::Case;
use crate::common::engines::{difference, run};
use crate::common::random::seeded;
use crate::common::{largest, shipped, synthetic};

const VARIANTS: [(bool, bool); 3] = [(false, false), (true, true), (false, true)];

fn fused(case: &Case, wiring: &Wiring) -> Fused<f64> {
    Fused::new(case.teacher.clone(), case.objective.clone(), 1).with_wiring(wiring.clone())
}

fn autodiff(case: &Case, wiring: &Wiring) -> Autodiff<f64> {
    Autodiff::new(&case.model, case.teacher.clone(), case.objective.clone(), 1)
        .with_wiring(wiring.clone())
}

/// Random models, small and of every kind, with their inputs.
fn cases(count: usize) -> impl Iterator<Item = (usize, Case)> {
    let mut random = seeded(0x0073_6576_6572_616c);
    (0..count).map(move |i| {
        let shape = synthetic::Shape {
            words: 1 + random.below(4),
            longest: 1 + random.below(3),
            ..synthetic::Shape::random(&mut random)
        };
        let positions = [OutputPositions::All, OutputPositions::Tokens][i % 2];
        (
            i,
            Case::new(synthetic::model(&mut random, shape), positions),
        )
    })
}

#[test]
fn matrices_have_the_gradient_of_finite_differences_in_both_engines() {
    let (mut engines, mut slopes, mut causal, mut several_heads) = (0.0f64, 0.0f64, 0, 0);
    for (i, mut case) in cases(60) {
        if i % 3 == 0 {
            case.objective.l1_weight = 0.01;
            case.objective.gram_weight = 0.02;
        }
        causal += usize::from(case.model.metadata.causal);
        several_heads += usize::from(case.model.metadata.num_heads > 1);
        for (tied, per_block) in VARIANTS {
            let wiring = Wiring::new(&case.model, tied, per_block);
            let width = case.model.width();
            let d = width.div_ceil(2);
            let mut rng = stream(i as u64, Purpose::Init);
            let shape = (wiring.count() * d, width);
            let w = normal(&mut rng, shape, 0.6 / (d as f64).sqrt());
            let plain = run(&mut autodiff(&case, &wiring), &case, &w);
            let fast = run(&mut fused(&case, &wiring), &case, &w);
            engines = engines.max(difference(&fast, &plain));

            let exact = |w: &Array2<f64>| case.exact_of(w, &wiring);
            assert!((exact(&w) - plain.0).abs() <= 1e-12 * plain.0);
            let direction = normal(&mut rng, w.dim(), 1.0);
            let slope = (&plain.1 * &direction).sum();
            let norm = plain.1.mapv(|x| x * x).sum().sqrt().max(1e-300);
            // As in tests/engines/exact.rs: kinks on one side, rounding on the other.
            let error = [1e-4, 1e-5, 1e-6, 1e-7]
                .map(|h| {
                    let along = |h: f64| exact(&(&w + &(&direction * h)));
                    (slope - (along(h) - along(-h)) / (2.0 * h)).abs() / norm
                })
                .into_iter()
                .fold(f64::INFINITY, f64::min);
            slopes = slopes.max(error);
        }
    }
    println!("several W: engines {engines:.1e}, finite differences {slopes:.1e}");
    assert!(causal > 5 && several_heads > 5, "{causal}, {several_heads}");
    assert!(engines < 1e-9, "{engines:e}");
    assert!(slopes < 1e-6, "{slopes:e}");
}

#[test]
fn matrices_that_are_equal_have_gradients_that_add_up_to_the_tied_one() {
    let mut worst = 0.0f64;
    for name in ["frac_prevs", "sort_unique"] {
        let case = Case::new(shipped(name), OutputPositions::All);
        let mut rng = stream(5, Purpose::Init);
        let one = normal(&mut rng, (6, case.model.width()), 0.4);
        let tied = run(&mut fused(&case, &Wiring::default()), &case, &one);
        for (tied_matrices, per_block) in VARIANTS {
            let wiring = Wiring::new(&case.model, tied_matrices, per_block);
            let w = stack(wiring.count(), true, || one.clone());
            let several = run(&mut fused(&case, &wiring), &case, &w);
            assert_eq!(several.0, tied.0, "{name}");
            let mut sum = Array2::zeros(one.dim());
            for number in 0..wiring.count() {
                sum += &several.1.slice(s![wiring.rows(number, w.nrows()), ..]);
            }
            let scale = largest(tied.1.iter().copied());
            worst = worst.max(largest(&sum - &tied.1) / scale);

            // So is the first step with the gradients summed.
            let adamw = AdamW {
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.1,
            };
            let step = |gradient: &Array2<f64>| {
                let mut state = State::initial(one.clone());
                adamw.update(0, 1e-3, &mut state.w, &mut state.moments, gradient);
                state.w
            };
            let difference = largest(step(&sum) - step(&tied.1));
            assert!(difference < 1e-12, "{name}: {difference:e}");
        }
    }
    println!("sum of the gradients of equal matrices: {worst:.1e}");
    assert!(worst < 1e-12, "{worst:e}");
}

#[test]
fn matrices_are_evaluated_and_exported() {
    for name in ["frac_prevs", "sort_unique"] {
        let model = shipped(name);
        let case = Case::new(model, OutputPositions::Tokens);
        for (tied, per_block) in VARIANTS {
            let wiring = Wiring::new(&case.model, tied, per_block);
            let mut rng = stream(9, Purpose::Init);
            let shape = (wiring.count() * 8, case.model.width());
            let w = normal(&mut rng, shape, 0.35);
            let projection = Projection {
                w,
                wiring,
                labels: case.model.metadata.residual_labels.clone(),
            };
            let folded = fold(&case.model, &projection);
            assert_eq!(folded.width(), 8);
            let tokens = case.tokens.view();
            let theirs = Frozen::<f64>::new(&folded).evaluate(Stream::Full, tokens).1;
            let ours = Frozen::<f64>::new(&case.model)
                .evaluate(projection.stream(), tokens)
                .1;
            let scale = largest(ours.iter().copied());
            assert!(largest(&theirs - &ours) < 2e-3 * scale, "{name}");
        }
    }
}

#[test]
fn projection_file_keeps_every_matrix() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("projection.safetensors");
    let model = shipped("frac_prevs");
    for (tied, per_block) in [(true, false)].into_iter().chain(VARIANTS) {
        let wiring = Wiring::new(&model, tied, per_block);
        let mut rng = stream(1, Purpose::Init);
        let projection = Projection {
            w: normal(&mut rng, (wiring.count() * 3, model.width()), 1.0),
            wiring,
            labels: model.metadata.residual_labels.clone(),
        };
        projection.save(&path).unwrap();
        assert_eq!(Projection::load(&path, &model).unwrap(), projection);
        assert_eq!(projection.width(), 3);
    }
    // sort_unique has other live blocks, so its names are not those of frac_prevs.
    let error = Projection::load(&path, &shipped("sort_unique")).unwrap_err();
    assert!(error.to_string().contains("one for each block"), "{error}");
}

#[test]
fn stack_is_equal_or_independent() {
    let mut rng = stream(0, Purpose::Init);
    let equal = stack(3, true, || normal(&mut rng, (2, 4), 1.0));
    let mut rng = stream(0, Purpose::Init);
    let independent = stack(3, false, || normal(&mut rng, (2, 4), 1.0));
    let mut rng = stream(0, Purpose::Init);
    assert_eq!(independent, normal(&mut rng, (6, 4), 1.0));
    let first = independent.slice(s![..2, ..]);
    assert_eq!(equal, concatenate(Axis(0), &[first; 3]).unwrap());
}
