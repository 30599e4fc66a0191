//! The diagnostics against cases worked out by hand, and their gradients against finite differences.

use std::sync::Arc;

use base::rng::normal;
use base::rng::{Purpose, stream};
use ndarray::Array2;
use superposition::diagnostics::Diagnostics;
use superposition::evaluation::evaluate;
use superposition::inputs::{EvaluationSet, InputSpace};
use superposition::{Objective, OutputPositions, Teacher};
use tracr::model::{CompiledModel, Stream, Wiring};

use crate::common::command::{self, call};
use crate::common::shipped;

struct Case {
    model: CompiledModel,
    teacher: Arc<Teacher>,
    objective: Objective,
    diagnostics: Diagnostics,
}

impl Case {
    fn new(name: &str, lengths: &[usize], output_positions: OutputPositions) -> Self {
        let model = shipped(name);
        let space = InputSpace::new(&model, lengths, name == "sort_unique").unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        let teacher = Teacher::new(&model, space, evaluation);
        let objective = Objective {
            output_positions,
            output_weight: 0.7,
            layer_weight: 1.3,
            ..Objective::default()
        };
        Self {
            diagnostics: Diagnostics::new(&model, &teacher, &objective, Wiring::default()),
            model,
            teacher,
            objective,
        }
    }

    fn frac_prevs() -> Self {
        Self::new("frac_prevs", &[5], OutputPositions::All)
    }

    /// `W` that keeps every feature but those whose name begins so.
    fn without(&self, prefix: &str) -> Array2<f64> {
        let labels = &self.model.metadata.residual_labels;
        let mut w = Array2::eye(labels.len());
        for (i, label) in labels.iter().enumerate() {
            if label.starts_with(prefix) {
                w[[i, i]] = 0.0;
            }
        }
        w
    }

    fn at(&mut self, w: &Array2<f64>, subject: &str, quantity: &str) -> f64 {
        let readings = self.diagnostics.measure(w);
        let mut found = readings
            .iter()
            .filter(|r| r.subject == subject && r.quantity == quantity);
        let value = found.next().unwrap().value;
        assert!(found.next().is_none(), "{subject} {quantity} twice");
        value
    }
}

#[test]
fn diagnostics_of_the_identity_hinder_nothing() {
    let mut case = Case::frac_prevs();
    let w = Array2::eye(14);
    for reading in case.diagnostics.measure(&w) {
        let expected = match reading.quantity {
            "loss" | "gradient_norm" | "distance" | "dead_units" | "wrong_units" | "cosine" => 0.0,
            "norm" => 1.0,
            _ => continue,
        };
        let what = format!("{} {}", reading.subject, reading.quantity);
        assert!(
            (reading.value - expected).abs() < 1e-6,
            "{what}: {reading:?}"
        );
    }
    // Position p of 1 to 5 attends to p positions evenly, position 0 to itself.
    let even: f64 = (1..=5).map(|p| f64::from(p).ln()).sum::<f64>() / 6.0;
    for quantity in ["entropy", "compiled_entropy"] {
        let entropy = case.at(&w, "layer1.attn.head0", quantity);
        assert!((entropy - even).abs() < 1e-6, "{entropy} {even}");
    }
    // Logits are 100 / √7 within what a position looks at, 50 / √7 for BOS and 0 beyond: position 0 sees
    // BOS and the rest, 1 to 4 all three, 5 no rest.
    let range = case.at(&w, "layer1.attn.head0", "logit_range");
    let expected = (50.0 + 4.0 * 100.0 + 50.0) / 6.0 / 7f64.sqrt();
    assert!((range - expected).abs() < 1e-4, "{range} {expected}");
}

#[test]
fn diagnostics_without_positions_see_attention_go_to_bos() {
    let mut case = Case::frac_prevs();
    let w = case.without("indices:");
    let head = "layer1.attn.head0";
    // Five of six positions should attend elsewhere, all of it.
    let distance = case.at(&w, head, "distance");
    assert!((distance - 5.0 / 6.0).abs() < 1e-6, "{distance}");
    assert!(case.at(&w, head, "entropy") < 1e-6);
    // Only `one` asks and only BOS answers: 50 / √7 against 0, at every position.
    let range = case.at(&w, head, "logit_range");
    assert!((range - 50.0 / 7f64.sqrt()).abs() < 1e-5, "{range}");
    assert_eq!(case.at(&w, "indices:3", "norm"), 0.0);
    let cosine = case.at(&w, "indices:3 -> frac_prevs", "cosine");
    assert!(
        cosine.is_nan(),
        "a feature without a direction has no angle"
    );
}

#[test]
fn diagnostics_without_its_input_see_a_dead_unit() {
    let mut case = Case::frac_prevs();
    let w = case.without("tokens:x");
    assert_eq!(case.at(&w, "layer0.mlp", "dead_units"), 1.0);
    // It should fire where the token is x: at five of six positions, for a quarter of the inputs.
    let wrong = case.at(&w, "layer0.mlp", "wrong_units");
    assert!((wrong - 5.0 / 24.0).abs() < 1e-12, "{wrong}");
    let loss = case.at(&w, "layer0.mlp", "loss");
    assert!((loss - 5.0 / 24.0).abs() < 1e-6, "{loss}");
}

#[test]
fn diagnostics_have_cosines_and_norms_of_the_columns() {
    let mut case = Case::frac_prevs();
    let labels = case.model.metadata.residual_labels.clone();
    let at = |name: &str| labels.iter().position(|l| l == name).unwrap();
    let mut w = Array2::<f64>::eye(14);
    w[[at("tokens:x"), at("is_x")]] = 3.0;
    w[[at("is_x"), at("is_x")]] = 4.0;
    assert!((case.at(&w, "is_x", "norm") - 5.0).abs() < 1e-12);
    assert!((case.at(&w, "tokens:x -> is_x", "cosine") - 0.6).abs() < 1e-12);
}

#[test]
fn diagnostics_have_the_gradients_of_finite_differences() {
    for (name, lengths, positions, std) in [
        ("frac_prevs", &[5][..], OutputPositions::All, 0.3),
        ("sort_unique", &[1, 2, 3][..], OutputPositions::Tokens, 0.15),
    ] {
        let mut case = Case::new(name, lengths, positions);
        let width = case.model.width();
        let w = normal(&mut stream(4, Purpose::Init), (2, width), std);
        let (teacher, objective) = (Arc::clone(&case.teacher), case.objective.clone());
        let terms = |w: &Array2<f64>| -> Vec<f64> {
            let e = evaluate(
                &teacher,
                &objective,
                Stream::Compressed(w, &Wiring::default()),
            );
            let mut terms: Vec<f64> = e.blocks.iter().map(|b| b.mse).collect();
            terms.extend([e.loss_output, e.loss]);
            terms
        };
        let here = terms(&w);
        let mut squares = vec![0.0; here.len()];
        const H: f64 = 1e-6;
        for i in 0..w.len() {
            let moved = |by: f64| {
                let mut w = w.clone();
                w.as_slice_mut().unwrap()[i] += by;
                terms(&w)
            };
            for (sum, (up, down)) in squares.iter_mut().zip(moved(H).iter().zip(moved(-H))) {
                *sum += ((up - down) / (2.0 * H)).powi(2);
            }
        }
        let mut names = case.model.block_names();
        names.extend(["output".into(), "total".into()]);
        for (i, subject) in names.iter().enumerate() {
            let dead = i < here.len() - 2 && case.teacher.live_columns(i).is_empty();
            if dead {
                let readings = case.diagnostics.measure(&w);
                assert!(readings.iter().all(|r| r.subject != *subject));
                continue;
            }
            let (loss, norm) = (
                case.at(&w, subject, "loss"),
                case.at(&w, subject, "gradient_norm"),
            );
            let expected = squares[i].sqrt();
            println!("{name} {subject}: {loss} {norm} {expected}");
            assert!((loss - here[i]).abs() <= 1e-10 * here[i].abs().max(1.0));
            assert!(
                (norm - expected).abs() <= 1e-5 * expected.max(1e-3),
                "{subject}"
            );
        }
    }
}

#[test]
fn diagnostics_of_equal_matrices_are_those_of_one() {
    let mut one = Case::frac_prevs();
    let w = normal(&mut stream(4, Purpose::Init), (6, 14), 0.3);
    let expected = one.diagnostics.measure(&w);
    let stack = ndarray::concatenate![ndarray::Axis(0), w, w];
    let untied = Wiring::new(&one.model, false, false);
    let mut two = Diagnostics::new(&one.model, &one.teacher, &one.objective, untied);
    for (a, b) in two.measure(&stack).iter().zip(&expected) {
        let same = |x: f64, y: f64| (x - y).abs() <= 1e-9 * y.abs().max(1.0);
        // Gradients with respect to two matrices are not those with respect to one; columns are longer.
        match a.quantity {
            "gradient_norm" => {}
            "norm" => assert!(same(a.value, b.value * 2f64.sqrt()), "{a:?} {b:?}"),
            _ => assert!(same(a.value, b.value), "{a:?} {b:?}"),
        }
    }
}

#[test]
fn diagnostics_are_written_only_when_asked_and_always_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let output = dir.path().join(name);
        command::run("frac_prevs", 250, &output, more);
        std::fs::read_to_string(output.join("diagnostics.csv"))
    };
    assert!(run("off", &[]).is_err());
    let text = run("on", &["training.diagnostics_every=100"]).unwrap();
    assert!(text.starts_with("step,subject,quantity,value\n0,layer0.mlp,loss,"));
    let mut steps: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap())
        .collect();
    let per_step = steps.iter().filter(|s| **s == "0").count();
    steps.dedup();
    assert_eq!(steps, ["0", "100", "200"]);
    assert_eq!(text.lines().count(), 1 + 3 * per_step);
    assert_eq!(
        text,
        run("again", &["training.diagnostics_every=100"]).unwrap()
    );
    // It changes nothing else.
    let w = |name: &str| std::fs::read(dir.path().join(name).join("projection.safetensors"));
    assert_eq!(w("off").unwrap(), w("on").unwrap());
    let (code, stdout, stderr) = call(&["plot", &dir.path().join("on").display().to_string()]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("diagnostics.svg"), "{stdout}");
}
