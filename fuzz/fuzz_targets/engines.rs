//! A random model with a batch: the fused engine's loss and gradient are the autodiff engine's, in float64.
#![no_main]

use compress_fuzz::generators::engines::{
    BOUND, autodiff64, difference, fused64, rounding_moves_gradient, run,
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
    let found = difference(&ours, &run(&mut autodiff64(&case), &case, &w));
    if found > BOUND {
        // Only what rounding explains is excused.
        let unavoidable = rounding_moves_gradient(&case, &w, f64::EPSILON);
        assert!(
            found <= 100.0 * unavoidable,
            "{found:.1e} apart, of which rounding explains {unavoidable:.1e}\n{}",
            fused.plan()
        );
    }
});
