//! A random model with a batch: the fused engine's loss and gradient are the autodiff engine's, in float64.
#![no_main]

use base::rng::normal;
use base::rng::{Purpose, stream};
use compress_fuzz::generators::engines::{
    BOUND, Result, autodiff64, difference, fused64, largest, rounding_moves_gradient, run,
};
use compress_fuzz::generators::random::Random;
use compress_fuzz::generators::random_case::random_case;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut random = Random::of(data);
    let case = random_case(&mut random);
    let width = case.model.width();
    let dim = 1 + random.below(width);
    let std = 0.4 / (dim as f64).sqrt();
    let w = normal(&mut stream(random.next(), Purpose::Init), (dim, width), std);
    let mut fused = fused64(&case);
    let ours = run(&mut fused, &case, &w);
    let theirs = run(&mut autodiff64(&case), &case, &w);
    let found = difference(&ours, &theirs);
    if found > BOUND && !terms_cancel(&ours, &theirs) {
        // Only what rounding explains is excused.
        let unavoidable = rounding_moves_gradient(&case, &w, f64::EPSILON);
        assert!(
            found <= 100.0 * unavoidable,
            "{found:.1e} apart, of which rounding explains {unavoidable:.1e}\nfused {ours:?}\nautodiff {theirs:?}\n{}",
            fused.plan()
        );
    }
});

/// Whether the engines agree in the loss, and in the gradient to 1e-15 of it: where the gradient is a sum of
/// terms of the loss's size that cancel (all columns of the unembedding are equal, or almost), their rounding is
/// all that can be told of it.
fn terms_cancel(ours: &Result, theirs: &Result) -> bool {
    let apart = largest(&ours.1 - &theirs.1);
    (ours.0 - theirs.0).abs() <= BOUND * theirs.0.abs() && apart < 1e-15 * theirs.0.abs()
}
