//! Two hundred random models, each by every pass that can compute it.

use super::*;

/// What a plan makes use of.
pub fn means(plan: &Plan) -> BTreeSet<&'static str> {
    let domains = plan.blocks.iter().map(|block| match block.domain {
        Domain::Table => "table",
        Domain::Batch => "batch",
    });
    let expansion = match plan.expansion {
        Expansion::Indicators => "indicators",
        Expansion::Lookup => "lookup",
    };
    domains.chain([expansion, plan.pass().name()]).collect()
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
        let exact = run(&mut autodiff64(&case), &case, &w);
        // As planned, and by every pass that is not refused.
        let engines = Pass::ALL.map(|pass| {
            let engine = Fused::by(pass, case.teacher.clone(), case.objective.clone(), 1);
            (engine.plan().pass() == pass).then_some(engine)
        });
        for mut fused in engines.into_iter().flatten().chain([fused64(&case)]) {
            // A panic, too, is reported with its plan.
            let ours = std::panic::catch_unwind(AssertUnwindSafe(|| run(&mut fused, &case, &w)));
            let difference = ours.map_or(f64::INFINITY, |ours| difference(&ours, &exact));
            seen.append(&mut means(fused.plan()));
            if difference.is_finite() {
                worst = worst.max(difference);
            }
            if difference > BOUND {
                let plan = fused.plan();
                failures.push(format!("model {number}: {difference:.1e}\n{plan}"));
            }
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
        "factored",
        "grouped",
        "indicators",
        "lookup",
        "sequence-wise",
        "table",
    ]);
    assert!(seen.is_superset(&all));
}
