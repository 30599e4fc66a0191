//! A random model with a batch: the fused engine's loss and gradient are the autodiff engine's, in float64.
#![no_main]

use compress_fuzz::generators::engines::{
    BOUND, Result, autodiff64, difference, fused64, rounding_moves_gradient, run,
};
use compress_fuzz::generators::random_case::random_case;
use compress_fuzz::random::Random;
use libfuzzer_sys::fuzz_target;
use tracr_compress::compression::projection::normal;
use tracr_compress::inputs::rng::{Purpose, stream};

fuzz_target!(|data: &[u8]| {
    let mut random = Random::new(data);
    let case = random_case(&mut random);
    let width = case.model.width();
    let dim = 1 + random.below(width);
    let std = 0.4 / (dim as f64).sqrt();
    let w = normal(&mut stream(random.next(), Purpose::Init), (dim, width), std);
    let mut fused = fused64(&case);
    let ours = run(&mut fused, &case, &w);
    let theirs = run(&mut autodiff64(&case), &case, &w);
    let found = difference(&ours, &theirs);
    if found > BOUND && !both_are_nothing(&ours, &theirs) {
        // Only what rounding explains is excused.
        let unavoidable = rounding_moves_gradient(&case, &w, f64::EPSILON);
        assert!(
            found <= 100.0 * unavoidable,
            "{found:.1e} apart, of which rounding explains {unavoidable:.1e}\n{}",
            fused.plan()
        );
    }
});

/// Whether the exact gradient is 0 and what there is of either is the rounding of what cancels: entries below
/// 1e-15 of a loss in which the engines agree. So it is where all columns of the unembedding are equal.
fn both_are_nothing(ours: &Result, theirs: &Result) -> bool {
    let nothing = |(loss, gradient): &Result| gradient.iter().all(|g| g.abs() < 1e-15 * loss.abs());
    (ours.0 - theirs.0).abs() <= BOUND * theirs.0.abs() && nothing(ours) && nothing(theirs)
}
