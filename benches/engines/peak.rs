//! What the machine can do at best: fused multiply-adds that never leave the registers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};

/// Enough independent sums to hide the latency of an FMA (4 cycles, two a cycle), few enough for
/// sixteen registers.
const SUMS: usize = 12;
/// FMAs of each sum between two looks at the clock.
const ROUNDS: usize = 100_000;

/// GFLOP/s of one core in float32 (an FMA is two operations), with the widest instructions that it
/// has: the best of short trials within `time`.
pub fn fma_gflops(time: Duration) -> f64 {
    let start = Instant::now();
    let mut best = 0.0f64;
    while start.elapsed() < time {
        let trial = Instant::now();
        let operations = AutoArch::new().dispatch(Trial);
        best = best.max(operations / trial.elapsed().as_secs_f64());
    }
    best / 1e9
}

struct Trial;

impl WithSimd for Trial {
    /// Floating-point operations done.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self) -> f64 {
        // x ← x/2 + 1 stays between 1 and 2: nothing overflows or becomes subnormal.
        let half: Vector<S, f32> = black_box(0.5f32).splat();
        let one: Vector<S, f32> = black_box(1.0f32).splat();
        let mut sums = [one; SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.mul_add(half, one);
            }
        }
        black_box(&sums);
        (2 * SUMS * ROUNDS * f32::lanes::<S>()) as f64
    }
}
