//! Every model of the fixtures and of the shipped ones.

use super::*;

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
