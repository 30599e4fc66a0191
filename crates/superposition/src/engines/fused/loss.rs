//! The objective's terms with their derivatives.

use super::simd::{Lanes, Precision, kernels, one_at_a_time};
use crate::teacher::OutputLoss;

/// The objective as a pass needs it.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What `L_out` averages.
    pub output_loss: OutputLoss,
    /// What an output's error is multiplied by in the gradient: its weight over the positions
    /// counted.
    pub output: f64,
    /// What a block's squared error is multiplied by: its weight over all positions.
    pub layers: f64,
    /// The factor of each of the plan's blocks in `L_layer`.
    pub factors: &'a [f64],
}

kernels! {
    /// [`squared_errors`], summed.
    pub fn squared_error<'a, F>(
        x: &'a [Lanes<F>],
        y: &'a [Lanes<F>],
        weights: &'a [Lanes<F>],
        factor: F,
        dx: &'a mut [Lanes<F>],
    ) -> F {
        squared_errors(x, y, weights, factor, dx).sum()
    }

    /// [`cross_entropies`], summed.
    pub fn cross_entropy<'a, F>(
        z: &'a mut [Lanes<F>],
        classes: &'a [Lanes<F>],
        weights: &'a [Lanes<F>],
        factor: F,
    ) -> F {
        cross_entropies((z, classes.len()), classes, weights, factor).sum()
    }
}

/// `Σ w·(x − y)²` over rows of positions of lanes, `w` `[lanes]` being the weight of each
/// sequence; `dx = 2·factor·w·(x − y)`.
#[inline(always)]
pub fn squared_errors<F: Precision>(
    x: &[Lanes<F>],
    y: &[Lanes<F>],
    weights: &[Lanes<F>],
    factor: F,
    dx: &mut [Lanes<F>],
) -> Lanes<F> {
    let mut sum = Lanes::zero();
    let width = weights.len();
    let rows = x.chunks_exact(width).zip(y.chunks_exact(width));
    for ((x, y), dx) in rows.zip(dx.chunks_exact_mut(width)) {
        sum = add_squared_errors(sum, x, y, weights, factor, dx);
    }
    sum
}

/// [`squared_errors`] of one row, added to `sum`.
#[inline(always)]
pub fn add_squared_errors<F: Precision>(
    mut sum: Lanes<F>,
    x: &[Lanes<F>],
    y: &[Lanes<F>],
    weights: &[Lanes<F>],
    factor: F,
    dx: &mut [Lanes<F>],
) -> Lanes<F> {
    let twice = Lanes::splat(factor + factor);
    let width = weights.len();
    let (x, y, dx) = (&x[..width], &y[..width], &mut dx[..width]);
    // By number: of four iterators the compiler makes a call.
    for r in 0..width {
        one_at_a_time();
        let error = x[r] - y[r];
        let weighted = error * weights[r];
        sum = error.mul_add(weighted, sum);
        dx[r] = twice * weighted;
    }
    sum
}

/// `Σ w·(−ln softmax(z)_y)` for scores `z` `[classes, stride]`, the class `y` `[rows]` as a number
/// and weights `w` `[rows]`; the first `rows` of each class's `z` become `factor·w·(softmax(z) − 1_y)`.
#[inline(always)]
pub fn cross_entropies<F: Precision>(
    (z, stride): (&mut [Lanes<F>], usize),
    classes: &[Lanes<F>],
    weights: &[Lanes<F>],
    factor: F,
) -> Lanes<F> {
    let count = z.len() / stride;
    let mut loss = Lanes::zero();
    for (r, (class, w)) in classes.iter().zip(weights).enumerate() {
        if *w == Lanes::zero() {
            for z in z[r..].iter_mut().step_by(stride) {
                *z = Lanes::zero(); // counts nowhere
            }
            continue;
        }
        let mut max = z[r];
        for o in 1..count {
            one_at_a_time();
            max = max.max(z[o * stride + r]);
        }
        let mut sum = Lanes::zero();
        // A class that could not be told is NaN, which is no class's number.
        let mut own = *class * Lanes::zero();
        for o in 0..count {
            one_at_a_time();
            let shifted = z[o * stride + r] - max;
            let is_own = Lanes::splat(F::from_f64(o as f64));
            let indicator = class.zip(is_own, |y, o| if y == o { F::one() } else { F::zero() });
            own = indicator.mul_add(shifted, own);
            let e = z[o * stride + r].exp_below_largest(max);
            sum += e;
            z[o * stride + r] = e;
        }
        loss = w.mul_add(sum.map(F::ln_of_large) - own, loss);
        let scale = Lanes::splat(factor) * *w;
        let normalised = scale / sum;
        for o in 0..count {
            one_at_a_time();
            let is_own = Lanes::splat(F::from_f64(o as f64));
            let indicator = class.zip(is_own, |y, o| if y == o { F::one() } else { F::zero() });
            let e = z[o * stride + r];
            z[o * stride + r] = e * normalised - indicator * scale;
        }
    }
    loss
}
