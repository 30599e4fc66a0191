//! Two hundred random models, among which every way to compute occurs.

use super::*;

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

/// What a plan makes use of.
pub fn means(plan: &Plan) -> BTreeSet<&'static str> {
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
    if plan.sequence_wise {
        means.insert("sequence-wise");
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
        "sequence-wise",
        "table",
    ]);
    assert!(seen.is_superset(&all));
}
