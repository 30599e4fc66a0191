//! What the machine can do at best: fused multiply-adds that never leave the registers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Arch, Simd, WithSimd};

/// Enough independent sums to hide the latency of an FMA (4 cycles, two a cycle), few enough for
/// sixteen registers.
const SUMS: usize = 12;
/// FMAs of each sum between two looks at the clock.
const ROUNDS: usize = 100_000;

/// GFLOP/s of one core in float32 (an FMA is two operations) with the instructions of `arch`: the best of
/// short trials within `time`.
pub fn fma_gflops(arch: Arch, time: Duration) -> f64 {
    let start = Instant::now();
    let mut best = 0.0f64;
    while start.elapsed() < time {
        let trial = Instant::now();
        let operations = arch.dispatch(Trial);
        best = best.max(operations / trial.elapsed().as_secs_f64());
    }
    best / 1e9
}

struct Trial;

impl WithSimd for Trial {
    /// Floating-point operations done.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        // x ← x/2 + 1 stays between 1 and 2: nothing overflows or becomes subnormal.
        let half = simd.splat_f32s(black_box(0.5));
        let one = simd.splat_f32s(black_box(1.0));
        let mut sums = [one; SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, half, one);
            }
        }
        black_box(&sums);
        (2 * SUMS * ROUNDS * S::F32_LANES) as f64
    }
}
