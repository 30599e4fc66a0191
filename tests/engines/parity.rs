//! Equality with DeepMind's Tracr, JAX and Optax, file by file (tests/fixtures/README.md).
//!
//! `cargo test --release --test engines parity -- --nocapture` prints the largest differences.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayD, Ix2, Ix3};
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Computes;
use superposition::engines::fused::Fused;
use superposition::inputs::{EvaluationSet, InputSpace, sampler::Batch};
use superposition::{
    AdamW, Engine, LinearDecay, Loss, Objective, OutputPositions, Teacher, adamw::Moments,
};
use tracr::model::{CompiledModel, Frozen, Real, Stream, Trace, Value, Wiring};

use crate::common::{Fixture, fixtures, largest, largest_difference, name};

#[test]
fn parity_model_outputs_equal_tracrs() {
    for path in fixtures("models") {
        let model = CompiledModel::load(&path).unwrap();
        let extra = &model.metadata.extra;
        let words: Vec<Value> = serde_json::from_value(extra["test_input"].clone()).unwrap();
        let theirs: Vec<Value> = serde_json::from_value(extra["model_output"].clone()).unwrap();
        let words: Vec<String> = words.iter().map(|v| v.to_json().to_string()).collect();
        let ids = model.encode(&words).unwrap();
        let tokens = Array2::from_shape_vec((1, ids.len()), ids).unwrap();
        let f64s = Frozen::<f64>::new(&model)
            .forward(Stream::Full, tokens.view())
            .output;
        let f32s = Frozen::<f32>::new(&model)
            .forward(Stream::Full, tokens.view())
            .output;
        let ours64 = decoded(&model, &f64s, &theirs);
        let ours32 = decoded(&model, &f32s.mapv(f64::from), &theirs);
        println!(
            "{:28} largest difference f64 {:.1e}, f32 {:.1e}",
            name(&path),
            output_difference(&ours64, &theirs),
            output_difference(&ours32, &theirs),
        );
        assert!(
            output_difference(&ours64, &theirs) < 1e-5,
            "{ours64:?} beside {theirs:?}"
        );
        assert!(
            output_difference(&ours32, &theirs) < 1e-5,
            "{ours32:?} beside {theirs:?}"
        );
    }
}

/// Decoded outputs without BOS. Where the program is undefined, classes tie up to rounding; there
/// Tracr's class counts as ours if its score is the best one, to 1e-6.
fn decoded(model: &CompiledModel, scores: &Array2<f64>, theirs: &[Value]) -> Vec<Value> {
    (1..scores.nrows())
        .zip(theirs)
        .map(|(t, theirs)| {
            let row = scores.row(t);
            let class = |classes: &Vec<Value>| classes.iter().position(|c| c == theirs);
            match model.metadata.output_encoding.as_ref().and_then(class) {
                Some(c) if row.iter().all(|score| row[c] >= score - 1e-6) => theirs.clone(),
                _ => model.decode(row),
            }
        })
        .collect()
}

/// Largest difference of numerical outputs; classes must be the same.
fn output_difference(ours: &[Value], theirs: &[Value]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter()
        .zip(theirs)
        .fold(0.0, |largest, (a, b)| match (a, b) {
            (Value::Float(a), Value::Float(b)) => f64::max(largest, (a - b).abs()),
            (Value::Float(a), Value::Int(b)) => f64::max(largest, (a - *b as f64).abs()),
            (a, b) => {
                assert_eq!(a, b, "{ours:?} beside {theirs:?}");
                largest
            }
        })
}

#[test]
fn parity_activations_f64() {
    for path in fixtures("activations") {
        let difference = activations::<f64>(&path);
        println!("{:40} largest difference {difference:.1e}", name(&path));
        assert!(difference <= 1e-9, "{}: {difference:e}", name(&path));
    }
}

#[test]
fn parity_activations_f32() {
    for path in fixtures("activations") {
        let difference = activations::<f32>(&path);
        println!(
            "{:40} largest relative difference {difference:.1e}",
            name(&path)
        );
        assert!(difference <= 1e-4, "{}: {difference:e}", name(&path));
    }
}

/// The largest difference over all activations of one file, uncompressed and compressed: absolute
/// in f64 for entries up to 1, relative to each tensor's largest entry otherwise.
fn activations<F: Real>(path: &Path) -> f64 {
    let fixture = Fixture::read(path);
    let model = fixture.model();
    let frozen = Frozen::<F>::new(&model);
    let w = fixture.matrix("W0").mapv(F::from_f64);
    let tokens = token_matrix(fixture.tensor::<i32>("tokens"));
    let mut worst = 0.0;
    for (prefix, stream) in [
        ("full", Stream::Full),
        ("comp", Stream::Compressed(&w, &Wiring::default())),
    ] {
        let trace = frozen.forward(stream, tokens.view());
        for (tensor, ours) in flattened(&trace) {
            let theirs = fixture.tensor::<f64>(&format!("{prefix}.{tensor}"));
            // A masked logit is −1e30 on both sides; f32 cannot hold it to better than 1e22.
            let masked = |x: &f64| *x < -1e29;
            assert!(
                ours.iter()
                    .zip(theirs.iter())
                    .all(|(a, b)| masked(a) == masked(b))
            );
            let ours: Vec<f64> = ours.into_iter().filter(|x| !masked(x)).collect();
            let theirs: Vec<f64> = theirs.iter().copied().filter(|x| !masked(x)).collect();
            let scale = largest(theirs.iter().copied()).max(1.0);
            let difference = largest_difference(ours, theirs);
            worst = f64::max(worst, difference / scale);
        }
    }
    worst
}

/// A trace's tensors under the names of the activation files, row-major.
fn flattened<F: Real>(trace: &Trace<F>) -> Vec<(&'static str, Vec<f64>)> {
    let wide = |x: &F| x.widen();
    vec![
        (
            "residuals",
            trace.residuals.iter().flatten().map(wide).collect(),
        ),
        (
            "layer_outputs",
            trace.block_outputs.iter().flatten().map(wide).collect(),
        ),
        (
            "attn_logits",
            trace.attention_logits.iter().flatten().map(wide).collect(),
        ),
        ("final", trace.last_read.iter().map(wide).collect()),
        ("out", trace.output.iter().map(wide).collect()),
    ]
}

#[test]
fn parity_trajectories_f64() {
    for path in fixtures("trajectories") {
        let reference = Trajectory::read(&path);
        let engines: [(&str, Box<dyn Engine>); 2] = [
            ("autodiff", Box::new(reference.autodiff::<f64>())),
            ("fused", Box::new(reference.fused::<f64>())),
        ];
        for (engine_name, mut engine) in engines {
            let difference = reference.follow(engine.as_mut());
            println!(
                "{:32} {engine_name}: largest relative difference {difference:.1e}",
                name(&path)
            );
            assert!(difference <= 1e-8, "{}: {difference:e}", name(&path));
        }
    }
}

#[test]
fn parity_trajectories_first_gradient_f32() {
    for path in fixtures("trajectories") {
        let reference = Trajectory::read(&path);
        let engines: [(&str, Box<dyn Engine>); 2] = [
            ("autodiff", Box::new(reference.autodiff::<f32>())),
            ("fused", Box::new(reference.fused::<f32>())),
        ];
        let theirs = reference.fixture.matrix("grad_step1");
        // How much rounding W0 alone to f32 moves the gradient, in f64: frac_prevs amplifies that
        // rounding by little, sort_unique (whose softmax turns on logits near 100) by thousands.
        let conditioning = reference.rounding_moves_gradient();
        let bound = if conditioning < 1e-5 { 2e-5 } else { 2e-3 };
        for (engine_name, mut engine) in engines {
            let mut gradient = Array2::zeros(reference.w0.dim());
            engine.loss_and_gradient(&reference.w0, &reference.batch(0), &mut gradient);
            let difference = relative(&gradient, &theirs);
            println!(
                "{:32} {engine_name}: relative difference {difference:.1e}, bound {bound:e} \
                 (rounding W0: {conditioning:.1e})",
                name(&path)
            );
            assert!(difference <= bound, "{}: {difference:e}", name(&path));
        }
    }
}

/// A reference trajectory and what is needed to follow it.
struct Trajectory {
    fixture: Fixture,
    model: CompiledModel,
    objective: Objective,
    batches: Array3<i32>,
    w0: Array2<f64>,
}

impl Trajectory {
    fn read(path: &Path) -> Self {
        let fixture = Fixture::read(path);
        let output_positions = match fixture.info["output_positions"].as_str().unwrap() {
            "all" => OutputPositions::All,
            "tokens" => OutputPositions::Tokens,
            other => panic!("output_positions {other}"),
        };
        Self {
            model: fixture.model(),
            objective: Objective {
                output_positions,
                output_weight: 1.0,
                layer_weight: 1.0,
                ..Objective::default()
            },
            batches: fixture
                .tensor::<i32>("batches")
                .into_dimensionality::<Ix3>()
                .unwrap(),
            w0: fixture.matrix("W0"),
            fixture,
        }
    }

    fn teacher(&self) -> std::sync::Arc<Teacher> {
        let lengths: Vec<usize> = (1..=self.model.metadata.max_seq_len).collect();
        let unique = self.model.metadata.unique_tokens;
        let space = InputSpace::new(&self.model, &lengths, unique).unwrap();
        let evaluation = EvaluationSet::new(&space, 1);
        Teacher::new(&self.model, space, evaluation)
    }

    fn autodiff<F: Real + burn::tensor::Element>(&self) -> Autodiff<F> {
        Autodiff::new(&self.model, self.teacher(), self.objective.clone(), 1)
    }

    fn fused<F: Computes>(&self) -> Fused<F> {
        Fused::new(self.teacher(), self.objective.clone(), 1)
    }

    fn batch(&self, step: usize) -> Batch {
        let tokens = self.batches.index_axis(ndarray::Axis(0), step);
        Batch::Sequences(tokens.mapv(|id| id as usize))
    }

    /// Relative change of the first f64 gradient when W0 is rounded to f32.
    fn rounding_moves_gradient(&self) -> f64 {
        let mut engine = self.autodiff::<f64>();
        let mut exact = Array2::zeros(self.w0.dim());
        let mut rounded = exact.clone();
        engine.loss_and_gradient(&self.w0, &self.batch(0), &mut exact);
        let w0 = self.w0.mapv(|x| f64::from(x as f32));
        engine.loss_and_gradient(&w0, &self.batch(0), &mut rounded);
        relative(&rounded, &exact)
    }

    /// Trains through all batches and returns the largest relative difference in learning rates,
    /// losses, gradients and W.
    fn follow(&self, engine: &mut dyn Engine) -> f64 {
        let steps = self.batches.dim().0;
        let rates: Vec<f64> = self.fixture.tensor("lr").into_iter().collect();
        let outputs: Vec<f64> = self.fixture.tensor("L_out_before").into_iter().collect();
        let layers: Vec<f64> = self.fixture.tensor("L_layer_before").into_iter().collect();
        let schedule = LinearDecay::new(1e-3, 1e-6, 0.5, steps as u64);
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.1,
        };
        let mut w = self.w0.clone();
        let mut moments = Moments::zeros(w.dim());
        let mut gradient = Array2::zeros(w.dim());
        let mut worst: f64 = 0.0;
        let mut see = |what: String, difference: f64| {
            assert!(difference.is_finite(), "{what}");
            worst = worst.max(difference);
        };
        for step in 0..steps {
            let Loss {
                output,
                layers: layer,
                ..
            } = engine.loss_and_gradient(&w, &self.batch(step), &mut gradient);
            see(
                format!("L_out {step}"),
                (output - outputs[step]).abs() / outputs[step].abs(),
            );
            see(
                format!("L_layer {step}"),
                (layer - layers[step]).abs() / layers[step].abs(),
            );
            if step < 3 {
                let theirs = self.fixture.matrix(&format!("grad_step{}", step + 1));
                see(format!("gradient {step}"), relative(&gradient, &theirs));
            }
            let rate = schedule.at(step as u64);
            see(
                format!("rate {step}"),
                (rate - rates[step]).abs() / rates[step],
            );
            let rate = optax_rate(step, steps);
            adamw.update(step as u64, rate, &mut w, &mut moments, &gradient);
            if step == 0 {
                see(
                    "W after step 1".into(),
                    relative(&w, &self.fixture.matrix("W_step1")),
                );
            }
        }
        see(
            format!("W after step {steps}"),
            relative(&w, &self.fixture.matrix("W_step50")),
        );
        worst
    }
}

/// `optax.linear_schedule(1e-3, 1e-6, steps // 2)` as Optax computes it: in float32, even when JAX
/// works in float64. The reference's updates used these values; its tensor `lr` holds the exact
/// ones, which are ours. The rounding moves `W` by 5e-11 in a step and the losses by 1e-8.
fn optax_rate(step: usize, steps: usize) -> f64 {
    let done = step.min(steps / 2) as f32 / (steps / 2) as f32;
    f64::from((1e-3f64 - 1e-6) as f32 * (1.0 - done) + 1e-6f32)
}

/// Largest difference relative to the reference's largest entry.
fn relative(ours: &Array2<f64>, theirs: &Array2<f64>) -> f64 {
    largest_difference(ours.iter().copied(), theirs.iter().copied())
        / largest(theirs.iter().copied())
}

fn token_matrix(tokens: ArrayD<i32>) -> Array2<usize> {
    tokens
        .into_dimensionality::<Ix2>()
        .unwrap()
        .mapv(|id| id as usize)
}
