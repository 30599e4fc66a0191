//! Unusual batches: tokens from outside the space, sums that underflow, long inputs, any threads.

use super::random_models::means;
use super::*;

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
