//! Both engines in float64, and how far their results are apart.

use ndarray::Array2;
use superposition::Engine;
use superposition::engines::autodiff::Autodiff;
use superposition::engines::fused::Fused;
use superposition::inputs::sampler::Batch;

use super::case::Case;

/// What f64 engines may differ by where the loss is well conditioned.
pub const BOUND: f64 = 1e-9;

/// Loss and gradient of one engine.
pub type Result = (f64, Array2<f64>);

/// Of the case's own batch.
pub fn run(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>) -> Result {
    run_batch(engine, case, w, &case.batch)
}

/// Loss and gradient at `w`.
pub fn run_batch(engine: &mut dyn Engine, case: &Case, w: &Array2<f64>, batch: &Batch) -> Result {
    let mut gradient = Array2::zeros(w.dim());
    let loss = engine.loss_and_gradient(w, batch, &mut gradient);
    (case.objective.total(&loss), gradient)
}

/// The fused engine.
pub fn fused64(case: &Case) -> Fused<f64> {
    Fused::new(case.teacher.clone(), case.objective.clone(), 1)
}

/// The autodiff engine, which is the reference.
pub fn autodiff64(case: &Case) -> Autodiff<f64> {
    Autodiff::new(&case.model, case.teacher.clone(), case.objective.clone(), 1)
}

/// Whether there is a number everywhere.
pub fn is_finite(result: &Result) -> bool {
    result.0.is_finite() && result.1.iter().all(|x| x.is_finite())
}

/// The larger of the losses' relative difference and the gradients' largest difference relative to
/// their largest entry; infinite if anything is not a number.
pub fn difference(ours: &Result, theirs: &Result) -> f64 {
    if !is_finite(ours) || !is_finite(theirs) {
        return f64::INFINITY;
    }
    let loss = (ours.0 - theirs.0).abs() / theirs.0.abs().max(f64::MIN_POSITIVE);
    let gradient = largest(&ours.1 - &theirs.1);
    let scale = largest(theirs.1.iter().copied()).max(f64::MIN_POSITIVE);
    loss.max(gradient / scale)
}

/// How far the reference's own result moves when every entry of `w` moves by about one rounding of
/// relative size `epsilon`: what no engine can do better than.
pub fn rounding_moves_gradient(case: &Case, w: &Array2<f64>, epsilon: f64) -> f64 {
    let mut engine = autodiff64(case);
    let exact = run(&mut engine, case, w);
    // Up or down, as the parity of a multiplicative sequence has it.
    let mut state = 1_u64;
    (0..3)
        .map(|_| {
            let moved = w.mapv(|x| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                if state >> 63 == 0 {
                    x * (1.0 + epsilon)
                } else {
                    x * (1.0 - epsilon)
                }
            });
            difference(&run(&mut engine, case, &moved), &exact)
        })
        .fold(0.0, f64::max)
}

/// The largest absolute value.
pub fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers
        .into_iter()
        .fold(0.0, |largest, x| f64::max(largest, x.abs()))
}
