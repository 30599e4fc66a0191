//! The loops over the tables of one head; the symbols are those of [`super`].

use super::super::lanes::{Lanes, add_scaled, dot, kernels, one_at_a_time};
use super::super::plan::Head;

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
                let zk = z[key * stride + k];
                for (s, zq) in logits.iter_mut().zip(&z[query * stride..][..stride]) {
                    *s = zk.mul_add(*zq, *s);
                }
            }
            let mask = &mask[k * stride..][..stride];
            for ((largest, s), mask) in largest.iter_mut().zip(logits).zip(mask) {
                let s = *s + *mask;
                *largest = if s > *largest { s } else { *largest };
            }
        }
        for k in 0..rows {
            let (logits, mask) = (&logits[k * stride..][..stride], &mask[k * stride..][..stride]);
            for (m, reference) in reference.chunks_exact_mut(stride).enumerate() {
                let value = z[(head.value.start + m) * stride + k];
                for (((r, s), mask), largest) in reference.iter_mut().zip(logits).zip(mask).zip(&*largest) {
                    *r = if *mask == F::zero() && *s == *largest { value } else { *r };
                }
            }
        }
        for k in 0..rows {
            let own = &mut weights[k * planes * stride..][..planes * stride];
            let (e, products) = own.split_at_mut(stride);
            let logits = &logits[k * stride..][..stride];
            let mask = &mask[k * stride..][..stride];
            for (((e, s), mask), largest) in e.iter_mut().zip(logits).zip(mask).zip(&*largest) {
                // Padding has no largest: −∞ − (−∞) is no number, so it is left out beforehand.
                let shifted = if *mask == F::zero() { *s - *largest } else { F::neg_infinity() };
                *e = shifted.exp_of_negative();
            }
            for (m, products) in products.chunks_exact_mut(stride).enumerate() {
                let value = z[(head.value.start + m) * stride + k];
                let reference = &reference[m * stride..][..stride];
                for ((product, e), r) in products.iter_mut().zip(&*e).zip(reference) {
                    *product = *e * (value - *r);
                }
            }
        }
        for (sum, members) in sums.chunks_exact_mut(planes * stride).zip(members) {
            sum.copy_from_slice(&weights[members[0] * planes * stride..][..planes * stride]);
            for &k in &members[1..] {
                let weights = &weights[k * planes * stride..][..planes * stride];
                for (sum, weight) in sum.iter_mut().zip(weights) {
                    *sum += *weight;
                }
            }
        }
    }

    /// `o ← o/n`; whether some `n` is small.
    pub fn normalise<'a, F>(n: &'a [Lanes<F>], o: &'a mut [Lanes<F>], small: F) -> bool {
        let mut least = Lanes::splat(F::one());
        for n in n {
            one_at_a_time();
            // A sum that is no number counts as small.
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
            ds.copy_from_slice(constant);
            for (m, gradient) in gradients.chunks_exact(stride).enumerate() {
                let at = (head.value.start + m) * stride + k;
                let reference = &reference[m * stride..][..stride];
                for ((ds, gradient), r) in ds.iter_mut().zip(gradient).zip(reference) {
                    *ds = (z[at] - *r).mul_add(*gradient, *ds);
                }
                dz[at] += dot(e, gradient);
            }
            for (ds, e) in ds.iter_mut().zip(e) {
                *ds *= *e;
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
                for (to, from) in by_key[k * width..][..width].iter_mut().zip(sum) {
                    *to += *from;
                }
            }
        }
    }
}
