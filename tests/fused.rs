//! The fused engine against the autodiff engine: every reference model, and random ones.
//!
//! `cargo test --release --test fused -- --nocapture` prints the largest differences.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use common::case::Case;
use common::random::{Random, setting};
use common::{fixtures, largest, name, synthetic};
use ndarray::Array2;
use tracr_compress::compression::engines::autodiff::Autodiff;
use tracr_compress::compression::engines::fused::Fused;
use tracr_compress::compression::engines::fused::plan::{Domain, Expansion, Method, Plan, Work};
use tracr_compress::compression::projection::normal;
use tracr_compress::compression::{Engine, Objective, OutputPositions, Teacher};
use tracr_compress::inputs::rng::{Purpose, stream};
use tracr_compress::inputs::{EvaluationSet, InputSpace, Sampler, sampler::Batch};
use tracr_compress::model::{CompiledModel, Frozen, Stream, Value, Wiring};
use tracr_compress::program::{self, Settings};

/// What f64 engines may differ by where the loss is well conditioned.
const BOUND: f64 = 1e-9;

/// Loss and gradient of one engine.
type Result = (f64, Array2<f64>);

fn run(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>) -> Result {
    run_batch(engine, case, w, &case.batch)
}

fn run_batch(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>, batch: &Batch) -> Result {
    let mut gradient = Array2::zeros(w.dim());
    let loss = engine.loss_and_gradient(w, batch, &mut gradient);
    (case.objective.total(&loss), gradient)
}

fn fused64(case: &Case) -> Fused<f64> {
    Fused::new(case.teacher.clone(), case.objective.clone(), 1)
}

fn autodiff64(case: &Case) -> Autodiff<f64> {
    Autodiff::new(&case.model, case.teacher.clone(), case.objective.clone(), 1)
}

fn is_finite(result: &Result) -> bool {
    result.0.is_finite() && result.1.iter().all(|x| x.is_finite())
}

/// The larger of the losses' relative difference and the gradients' largest difference relative to
/// their largest entry; infinite if anything is not a number.
fn difference(ours: &Result, theirs: &Result) -> f64 {
    if !is_finite(ours) || !is_finite(theirs) {
        return f64::INFINITY;
    }
    let loss = (ours.0 - theirs.0).abs() / theirs.0.abs();
    let gradient = largest(&ours.1 - &theirs.1);
    let scale = largest(theirs.1.iter().copied()).max(f64::MIN_POSITIVE);
    loss.max(gradient / scale)
}

/// How far the reference's own result moves when every entry of `w` moves by about one rounding of
/// relative size `epsilon`: what no engine can do better than.
fn rounding_moves_gradient(case: &Case, w: &Array2<f64>, epsilon: f64) -> f64 {
    let mut engine = autodiff64(case);
    let exact = run(&mut engine, case, w);
    let mut random = Random(1);
    (0..3)
        .map(|_| {
            let moved = w.mapv(|x| {
                if random.one_in(2) {
                    x * (1.0 + epsilon)
                } else {
                    x * (1.0 - epsilon)
                }
            });
            difference(&run(&mut engine, case, &moved), &exact)
        })
        .fold(0.0, f64::max)
}

/// Every model of the fixtures and of the shipped ones.
fn models() -> Vec<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let shipped = std::fs::read_dir(shipped)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let mut all = fixtures("models");
    all.extend(shipped);
    all.sort();
    all
}

/// A model's case with `W`s small enough for smooth softmaxes, and as training starts.
fn with_weights(i: usize, path: &Path) -> (Case, [(f64, Array2<f64>); 2]) {
    let positions = [OutputPositions::All, OutputPositions::Tokens][i % 2];
    let case = Case::new(CompiledModel::load(path).unwrap(), positions);
    let width = case.model.width();
    let dim = width.div_ceil(2);
    let weights = [0.4 / (dim as f64).sqrt(), 1.0].map(|std| {
        let w = normal(&mut stream(i as u64, Purpose::Init), (dim, width), std);
        (std, w)
    });
    (case, weights)
}

#[test]
fn fused_equals_autodiff_in_f64_on_every_reference_model() {
    let mut failures = Vec::new();
    for (i, path) in models().iter().enumerate() {
        let (case, weights) = with_weights(i, path);
        let (mut fused, mut autodiff) = (fused64(&case), autodiff64(&case));
        for (std, w) in weights {
            let difference =
                difference(&run(&mut fused, &case, &w), &run(&mut autodiff, &case, &w));
            let mut line = format!("{:40} std {std:.2}: {difference:.1e}", name(path));
            if difference > BOUND {
                let moves = rounding_moves_gradient(&case, &w, f64::EPSILON);
                line += &format!(" (rounding W moves the gradient by {moves:.1e})");
                if difference > 100.0 * moves {
                    failures.push(line.clone());
                }
            }
            println!("{line}");
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn fused_equals_autodiff_in_f32_on_every_reference_model() {
    let mut failures = Vec::new();
    for (i, path) in models().iter().enumerate() {
        let (case, weights) = with_weights(i, path);
        let mut fused = Fused::<f32>::new(case.teacher.clone(), case.objective.clone(), 1);
        let mut autodiff =
            Autodiff::<f32>::new(&case.model, case.teacher.clone(), case.objective.clone(), 1);
        for (std, w) in weights {
            let w = w.mapv(|x| f64::from(x as f32));
            let trace = Frozen::<f64>::new(&case.model).forward(
                Stream::Compressed(&w, &Wiring::default()),
                case.tokens.view(),
            );
            let logits = trace.attention_logits.iter().flatten().copied();
            let logit = largest(logits.filter(|x| *x > -1e29));
            let bound = if logit > 100.0 { 2e-3 } else { 2e-5 };
            let (ours, theirs) = (run(&mut fused, &case, &w), run(&mut autodiff, &case, &w));
            let difference32 = difference(&ours, &theirs);
            let mut line = format!(
                "{:40} std {std:.2}, logits {logit:.0e}: {difference32:.1e}",
                name(path)
            );
            if difference32 > bound {
                // Who is right, and how well can one be?
                let exact = run(&mut autodiff64(&case), &case, &w);
                let epsilon = f64::from(f32::EPSILON);
                let moves = rounding_moves_gradient(&case, &w, epsilon);
                let (ours, theirs) = (difference(&ours, &exact), difference(&theirs, &exact));
                line += &format!(
                    " (from f64: fused {ours:.1e}, autodiff {theirs:.1e}; rounding W moves the \
                     gradient by {moves:.1e})"
                );
                failures.push(line.clone());
            }
            println!("{line}");
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A case of a random model, with a batch of members or sequences.
fn random_case(random: &mut Random) -> Case {
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

/// What a plan makes use of.
fn means(plan: &Plan) -> BTreeSet<&'static str> {
    let mut means = BTreeSet::new();
    for block in &plan.blocks {
        means.insert(match block.domain {
            Domain::Table => "table",
            Domain::Batch => "batch",
        });
        if let Work::Attention { heads, method } = &block.work
            && !heads.is_empty()
        {
            means.insert(match method {
                Method::Dense => "dense",
                Method::Grouped(_) => "grouped",
                Method::Factored => "factored",
            });
        }
    }
    if plan.row_wise.is_some() {
        means.insert("row-wise");
    }
    means.insert(match plan.expansion {
        Expansion::Indicators => "indicators",
        Expansion::Lookup => "lookup",
    });
    means
}

#[test]
fn fused_equals_autodiff_in_f64_on_random_models() {
    let (mut worst, mut seen, mut failures) = (0.0f64, BTreeSet::new(), Vec::new());
    for number in 0..setting("COMPRESS_FUSED_CASES", 200) {
        let mut random = Random(number);
        let case = random_case(&mut random);
        let width = case.model.width();
        let dim = 1 + random.below(width);
        let std = 0.4 / (dim as f64).sqrt();
        let w = normal(&mut stream(number, Purpose::Init), (dim, width), std);
        let mut fused = fused64(&case);
        // A panic, too, is reported with its plan.
        let ours = std::panic::catch_unwind(AssertUnwindSafe(|| run(&mut fused, &case, &w)));
        let difference = ours.map_or(f64::INFINITY, |ours| {
            difference(&ours, &run(&mut autodiff64(&case), &case, &w))
        });
        seen.append(&mut means(fused.plan()));
        if difference.is_finite() {
            worst = worst.max(difference);
        }
        if difference > BOUND {
            failures.push(format!(
                "model {number}: {difference:.1e}\n{}",
                fused.plan()
            ));
        }
    }
    println!("largest relative difference {worst:.1e}; used: {seen:?}");
    for failure in &failures {
        println!("{failure}");
    }
    assert!(failures.is_empty());
    let all = BTreeSet::from([
        "batch",
        "dense",
        "grouped",
        "indicators",
        "lookup",
        "row-wise",
        "table",
    ]);
    assert!(seen.is_superset(&all));
}

#[test]
fn fused_takes_tokens_outside_the_space() {
    let (mut worst, mut failures) = (0.0f64, Vec::new());
    for number in 1000..1030 {
        let mut random = Random(number);
        let case = random_case(&mut random);
        let vocabulary = case.model.metadata.input_vocab.len();
        let width = case.model.width();
        let w = normal(&mut stream(number, Purpose::Init), (2, width), 0.25);
        // A word somewhere, so that something counts.
        let word = case.model.metadata.word_ids()[0];
        let mut tokens = case.tokens.mapv(|id| {
            if random.one_in(3) {
                random.below(vocabulary)
            } else {
                id
            }
        });
        tokens.column_mut(1).fill(word);
        let (mut fused, mut autodiff) = (fused64(&case), autodiff64(&case));
        // In the space, outside of it, and in it again.
        for batch in [&case.batch, &Batch::Sequences(tokens), &case.batch] {
            let ours = std::panic::catch_unwind(AssertUnwindSafe(|| {
                run_batch(&mut fused, &case, &w, batch)
            }));
            let difference = ours.map_or(f64::INFINITY, |ours| {
                difference(&ours, &run_batch(&mut autodiff, &case, &w, batch))
            });
            if difference.is_finite() {
                worst = worst.max(difference);
            }
            if difference > BOUND {
                failures.push(format!("model {number}: {difference:.1e}"));
                break; // an engine that panicked is of no further use
            }
        }
    }
    println!("largest relative difference {worst:.1e}");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn fused_has_the_same_bits_for_any_threads_and_history() {
    let letters = ('a'..='z').chain('A'..='D');
    let settings = Settings {
        vocab: Some(letters.map(|c| Value::Str(c.to_string())).collect()),
        max_seq_len: Some(60),
        ..Settings::default()
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/frac_prevs.rasp");
    let model = program::compile(&path, &settings).unwrap().model;
    let space = InputSpace::new(&model, &[40], false).unwrap();
    let evaluation = EvaluationSet::new(&space, 4);
    let teacher = Teacher::new(&model, space.clone(), evaluation);
    let objective = Objective {
        output_positions: OutputPositions::All,
        output_weight: 1.0,
        layer_weight: 1.0,
        ..Objective::default()
    };
    let mut rng = stream(1, Purpose::Batches);
    let mut batch = |inputs: usize| {
        let mut tokens = Array2::zeros((inputs, space.positions()));
        for mut row in tokens.rows_mut() {
            space.draw(&mut rng, row.as_slice_mut().unwrap());
        }
        Batch::Sequences(tokens)
    };
    let (batch, others) = (batch(256), [batch(300), batch(7)]);
    let w = normal(&mut stream(2, Purpose::Init), (8, model.width()), 0.3);
    let call = |engine: &mut Fused<f32>, batch: &Batch| {
        let mut gradient = Array2::zeros(w.dim());
        (engine.loss_and_gradient(&w, batch, &mut gradient), gradient)
    };
    let mut one = Fused::<f32>::new(teacher.clone(), objective.clone(), 1);
    assert!(one.plan().shares > 1);
    let expected = call(&mut one, &batch);
    assert_eq!(call(&mut one, &batch), expected);
    for threads in [1, 2, 3] {
        let mut engine = Fused::<f32>::new(teacher.clone(), objective.clone(), threads);
        assert_eq!(call(&mut engine, &batch), expected);
        for other in &others {
            call(&mut engine, other);
        }
        assert_eq!(call(&mut engine, &batch), expected);
    }
}

#[test]
fn fused_survives_softmaxes_whose_tabulated_sums_underflow() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/frac_prevs.safetensors");
    let model = CompiledModel::load(&path).unwrap();
    let case = Case::of_lengths(model, OutputPositions::All, &[2, 5]);
    let mut failures = Vec::new();
    for seed in 0..5 {
        let width = case.model.width();
        let w = normal(&mut stream(seed, Purpose::Init), (6, width), 3.0);
        let mut fused = fused64(&case);
        assert!(means(fused.plan()).contains("grouped"));
        let difference = difference(
            &run(&mut fused, &case, &w),
            &run(&mut autodiff64(&case), &case, &w),
        );
        let moves = rounding_moves_gradient(&case, &w, f64::EPSILON);
        println!("{difference:.1e} (rounding W moves the gradient by {moves:.1e})");
        if difference > BOUND.max(100.0 * moves) {
            failures.push(format!("W {seed}: {difference:.1e}"));
        }
        let single = run(
            &mut Fused::<f32>::new(case.teacher.clone(), case.objective.clone(), 1),
            &case,
            &w,
        );
        assert!(is_finite(&single));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn fused_equals_autodiff_on_long_inputs() {
    let numbers = |n: i64| (1..=n).map(Value::Int).collect::<Vec<Value>>();
    let letters = |n: u8| {
        (0..n)
            .map(|i| Value::Str(char::from(b'a' + i).to_string()))
            .collect()
    };
    let cases: [(&str, Vec<Value>, usize); 3] = [
        ("sort_unique", numbers(26), 20),
        ("frac_prevs", [letters(26), numbers(20)].concat(), 30),
        ("hist", letters(12), 12),
    ];
    let mut seen = BTreeSet::new();
    for (program, vocab, longest) in cases {
        let settings = Settings {
            max_seq_len: Some(longest),
            vocab: Some(vocab),
            ..Settings::default()
        };
        let path = format!("{}/programs/{program}.rasp", env!("CARGO_MANIFEST_DIR"));
        let mut model = program::compile(path.as_ref(), &settings).unwrap().model;
        for causal in [false, true] {
            model.metadata.causal = causal;
            let unique = model.metadata.unique_tokens;
            let space = InputSpace::new(&model, &[longest, 3], unique).unwrap();
            let evaluation = EvaluationSet::new(&space, 5);
            let teacher = Teacher::new(&model, space.clone(), evaluation.clone());
            let mut sampler = Sampler::new(space, &evaluation, 0);
            let mut batch = sampler.batch(70);
            sampler.fill(&mut batch);
            let tokens = batch.tokens(teacher.space());
            let case = Case {
                model: model.clone(),
                teacher,
                objective: Objective {
                    output_positions: OutputPositions::Tokens,
                    output_weight: 0.7,
                    layer_weight: 1.3,
                    ..Objective::default()
                },
                tokens,
                batch,
            };
            let w = normal(&mut stream(3, Purpose::Init), (12, model.width()), 0.15);
            let mut fused = fused64(&case);
            seen.append(&mut means(fused.plan()));
            let exact = run(&mut autodiff64(&case), &case, &w);
            let double = difference(&run(&mut fused, &case, &w), &exact);
            let mut fused = Fused::<f32>::new(case.teacher.clone(), case.objective.clone(), 2);
            let single = difference(&run(&mut fused, &case, &w), &exact);
            println!("{program}, causal {causal}: f64 {double:.1e}, f32 {single:.1e}");
            assert!(double < 1e-9 && single < 2e-5);
        }
    }
    assert!(seen.contains("factored"));
}
