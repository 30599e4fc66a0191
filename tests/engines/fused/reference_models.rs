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

#[test]
fn fused_gives_the_same_bits_by_a_pass_with_every_instruction_set() {
    let mut seen = BTreeSet::new();
    let available: Vec<InstructionSet> = InstructionSet::ALL
        .into_iter()
        .filter(|set| set.is_available())
        .collect();
    for (i, path) in models().iter().enumerate() {
        let (case, weights) = with_weights(i, path);
        let widest = InstructionSet::widest();
        for pass in Pass::ALL {
            let engine = || Fused::<f32>::by(pass, case.teacher.clone(), case.objective.clone(), 1);
            if engine().plan().pass() != pass {
                continue;
            }
            seen.insert(pass.name());
            for (_, w) in &weights {
                let with = |set: InstructionSet| {
                    assert!(set.select());
                    run(&mut engine(), &case, w)
                };
                let all: Vec<_> = available.iter().map(|set| with(*set)).collect();
                for (set, found) in available.iter().zip(&all) {
                    let (loss, gradient) = (&found.0, &found.1);
                    let same = loss.to_bits() == all[0].0.to_bits()
                        && gradient
                            .iter()
                            .zip(&all[0].1)
                            .all(|(x, y)| x.to_bits() == y.to_bits());
                    assert!(same, "{}, {}: {set:?}", name(path), pass.name());
                }
            }
            assert!(widest.select());
        }
    }
    assert_eq!(seen.len(), Pass::ALL.len(), "{seen:?}");
}
