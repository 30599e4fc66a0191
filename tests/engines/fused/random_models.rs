//! Two hundred random models, among which every way to compute occurs.

use super::*;

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
