//! The loops over the tables of one head; the symbols are those of [`super`].

use crate::engines::fused::plan::Head;
use crate::engines::fused::simd::{LANES, Lanes, add_scaled, dot, kernels, one_at_a_time};

kernels! {
    pub fn add<'a, F>(from: &'a [F], to: &'a mut [F]) {
        add_scaled(F::one(), from, to);
    }

    pub fn tabulate<'a, F>(
        head: &'a Head,
        z: &'a [F],

        rows: usize,
        stride: usize,
        mask: &'a [F],
        logits: &'a mut [F],
        largest: &'a mut [F],
        weights: &'a mut [F],
        sums: &'a mut [F],
        members: &'a [Vec<usize>],
        planes: usize,
        reference: &'a mut [F],
    ) {
        largest.fill(F::neg_infinity());
        for k in 0..rows {
            let logits = &mut logits[k * stride..][..stride];
            logits.fill(F::zero());
            for (query, key) in head.query.clone().zip(head.key.clone()) {
                add_scaled(z[key * stride + k], &z[query * stride..][..stride], logits);
            }
            for at in (0..stride).step_by(LANES) {
                one_at_a_time();
                let s = Lanes::load(&logits[at..]) + Lanes::load(&mask[k * stride + at..]);
                s.max(Lanes::load(&largest[at..])).store(&mut largest[at..]);
            }
        }
        for k in 0..rows {
            for at in (0..stride).step_by(LANES) {
                let s = Lanes::load(&logits[k * stride + at..]);
                let seen = s + Lanes::load(&mask[k * stride + at..]);
                // Padding sees nothing and has no largest: −∞ stands there.
                let is_largest = seen.zip(Lanes::load(&largest[at..]), |s, largest| {
                    if s == largest && s > F::neg_infinity() { F::one() } else { F::zero() }
                });
                for (m, reference) in reference.chunks_exact_mut(stride).enumerate() {
                    one_at_a_time();
                    let value = Lanes::splat(z[(head.value.start + m) * stride + k]);
                    let r = Lanes::load(&reference[at..]);
                    let chosen = is_largest.zip(value, |own, v| if own > F::zero() { v } else { F::zero() });
                    let kept = is_largest.zip(r, |own, r| if own > F::zero() { F::zero() } else { r });
                    (chosen + kept).store(&mut reference[at..]);
                }
            }
        }
        for k in 0..rows {
            let own = &mut weights[k * planes * stride..][..planes * stride];
            let (e, products) = own.split_at_mut(stride);
            for at in (0..stride).step_by(LANES) {
                let s = Lanes::load(&logits[k * stride + at..]);
                let shifted = s - Lanes::load(&largest[at..]);
                // Padding has no largest: −∞ − (−∞) is NaN, so it is left out beforehand.
                let shifted = shifted.zip(Lanes::load(&mask[k * stride + at..]), |x, mask| {
                    if mask == F::zero() { x } else { F::neg_infinity() }
                });
                // As `Lanes::exp_below`, where the query sees the key.
                let seen = s.zip(Lanes::load(&mask[k * stride + at..]), |s, mask| {
                    if mask == F::zero() { s } else { F::zero() }
                });
                let weight = seen.mul_add(Lanes::zero(), shifted.exp_of_negative());
                weight.store(&mut e[at..]);
                for (m, products) in products.chunks_exact_mut(stride).enumerate() {
                    one_at_a_time();
                    let value = Lanes::splat(z[(head.value.start + m) * stride + k]);
                    let from = value - Lanes::load(&reference[m * stride + at..]);
                    (weight * from).store(&mut products[at..]);
                }
            }
        }
        for (sum, members) in sums.chunks_exact_mut(planes * stride).zip(members) {
            for (at, sum) in sum.chunks_exact_mut(LANES).enumerate() {
                let mut total = Lanes::zero();
                for &k in members {
                    one_at_a_time();
                    total += Lanes::load(&weights[k * planes * stride + at * LANES..]);
                }
                total.store(sum);
            }
        }
    }

    /// `o ← o/n`; whether some `n` is small.
    pub fn normalise<'a, F>(n: &'a [Lanes<F>], o: &'a mut [Lanes<F>], small: F) -> bool {
        let mut least = Lanes::splat(F::one());
        for n in n {
            one_at_a_time();
            // A non-finite sum counts as small.
            least = least.zip(*n, |least, n| if n >= least { least } else { n });
        }
        for o in o.chunks_exact_mut(n.len()) {
            for (o, n) in o.iter_mut().zip(n) {
                one_at_a_time();
                *o /= *n;
            }
        }
        least.0.iter().any(|x| !(*x >= small))
    }

    /// `do_m ← α_m = do_m/n`, and `−β = −Σ_m o_m·α_m`.
    pub fn scale_gradients<'a, F>(
        n: &'a [Lanes<F>],
        o: &'a [Lanes<F>],
        d_o: &'a mut [Lanes<F>],
        beta: &'a mut [Lanes<F>],
    ) {
        beta.fill(Lanes::zero());
        let width = n.len();
        for (o, d_o) in o.chunks_exact(width).zip(d_o.chunks_exact_mut(width)) {
            for (((o, d_o), n), beta) in o.iter().zip(d_o).zip(n).zip(beta.iter_mut()) {
                one_at_a_time();
                // A small sum was replaced, and its gradient is zero here: 0/0 is to be 0.
                *d_o = d_o.zip(*n, |d, n| if d == F::zero() { d } else { d / n });
                *beta -= *o * *d_o;
            }
        }
    }

    /// From `E` to the head's columns of `dz`.
    pub fn finish<'a, F>(
        head: &'a Head,
        z: &'a [F],

        stride: usize,
        planes: usize,
        weights: &'a [F],
        by_key: &'a [F],
        again: Option<(&'a [F], &'a [F])>,
        ds: &'a mut [F],
        dz: &'a mut [F],
        reference: &'a [F],
    ) {
        for (k, gradient) in by_key.chunks_exact(planes * stride).enumerate() {
            let e = &weights[k * planes * stride..][..stride];
            let (constant, gradients) = gradient.split_at(stride);
            for at in (0..stride).step_by(LANES) {
                let mut sum = Lanes::load(&constant[at..]);
                for m in 0..planes - 1 {
                    one_at_a_time();
                    let value = Lanes::splat(z[(head.value.start + m) * stride + k]);
                    let from = value - Lanes::load(&reference[m * stride + at..]);
                    sum = from.mul_add(Lanes::load(&gradients[m * stride + at..]), sum);
                }
                (sum * Lanes::load(&e[at..])).store(&mut ds[at..]);
            }
            for (m, gradient) in gradients.chunks_exact(stride).enumerate() {
                dz[(head.value.start + m) * stride + k] += dot(e, gradient);
            }
            if let Some((logits, values)) = again {
                add_scaled(F::one(), &logits[k * stride..][..stride], ds);
                for m in 0..planes - 1 {
                    dz[(head.value.start + m) * stride + k] += values[m * stride + k];
                }
            }
            for (query, key) in head.query.clone().zip(head.key.clone()) {
                let zk = z[key * stride + k];
                dz[key * stride + k] += dot(ds, &z[query * stride..][..stride]);
                add_scaled(zk, ds, &mut dz[query * stride..][..stride]);
            }
        }
    }

    /// Sums over the combinations that a key row is part of.
    pub fn gather_keys<'a, F>(
        sums: &'a [F],
        members: &'a [Vec<usize>],
        width: usize,
        by_key: &'a mut [F],
    ) {
        by_key.fill(F::zero());
        for (sum, members) in sums.chunks_exact(width).zip(members) {
            for &k in members {
                add_scaled(F::one(), sum, &mut by_key[k * width..][..width]);
            }
        }
    }
}
