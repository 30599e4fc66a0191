//! The cross-entropy against the compiled model's whole distribution over the classes.

use crate::engines::fused::simd::{Lanes, kernels, one_at_a_time};

kernels! {
    /// `Σ w·(−Σ_c q_c·ln softmax(z)_c)` for scores `z` and shares `q` `[classes, rows]`, `Σ_c q_c = 1`, and
    /// weights `w` `[rows]`; `z` becomes `factor·w·(softmax(z) − q)`.
    pub fn cross_entropy<'a, F>(
        z: &'a mut [Lanes<F>],
        shares: &'a [Lanes<F>],
        weights: &'a [Lanes<F>],
        factor: F,
    ) -> F {
        let rows = weights.len();
        let count = z.len() / rows;
        let mut loss = Lanes::zero();
        for (r, w) in weights.iter().enumerate() {
            let mut max = z[r];
            for c in 1..count {
                one_at_a_time();
                max = max.max(z[c * rows + r]);
            }
            let mut sum = Lanes::zero();
            let mut expected = Lanes::zero();
            for c in 0..count {
                one_at_a_time();
                let shifted = z[c * rows + r] - max;
                expected = shares[c * rows + r].mul_add(shifted, expected);
                let e = z[c * rows + r].exp_below_largest(max);
                sum += e;
                z[c * rows + r] = e;
            }
            loss = w.mul_add(sum.map(F::ln_of_large) - expected, loss);
            let scale = Lanes::splat(factor) * *w;
            let normalised = scale / sum;
            for c in 0..count {
                one_at_a_time();
                let e = z[c * rows + r];
                z[c * rows + r] = e * normalised - shares[c * rows + r] * scale;
            }
        }
        loss.sum()
    }

    /// Scores `[classes, rows]` become their softmax over the classes.
    pub fn softmax<'a, F>(z: &'a mut [Lanes<F>], rows: usize) {
        let count = z.len() / rows;
        for r in 0..rows {
            let mut max = z[r];
            for c in 1..count {
                one_at_a_time();
                max = max.max(z[c * rows + r]);
            }
            let mut sum = Lanes::zero();
            for c in 0..count {
                one_at_a_time();
                let e = z[c * rows + r].exp_below_largest(max);
                sum += e;
                z[c * rows + r] = e;
            }
            for c in 0..count {
                one_at_a_time();
                let share = z[c * rows + r] / sum;
                z[c * rows + r] = share;
            }
        }
    }
}
