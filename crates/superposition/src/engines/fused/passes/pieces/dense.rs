//! One head computed logit by logit for each sequence.
//!
//! ```text
//! forward                                backward, with δ_q = Σ_m do_{m,q}·o_{m,q}
//! s_{qk} = Σ_c zq_{c,q}·zk_{c,k}         ds_{qk} = a_{qk}·(Σ_m do_{m,q}·v_{m,k} − δ_q)
//! a_{qk} = softmax_k(s_{qk})             dzq_{c,q} = Σ_k ds_{qk}·zk_{c,k}
//! o_{m,q} = Σ_k a_{qk}·v_{m,k}           dzk_{c,k} = Σ_q ds_{qk}·zq_{c,q}
//!                                        dv_{m,k}  = Σ_q a_{qk}·do_{m,q}
//! ```
//!
//! The logits are already divided by the root of the key size (the plan scales the query columns).
//! A masked key is left out: its weight in Tracr, `e^{−1e30}`, is zero.

use std::ops::Range;

use crate::engines::fused::passes::pieces::reader::Shape;
use crate::engines::fused::plan::Head;
use crate::engines::fused::simd::{Lanes, Precision, kernels, one_at_a_time};

/// Lanes that [`forward`] keeps of one head: `a_{qk}` for each group of sequences.
pub fn kept(shape: Shape) -> usize {
    shape.lanes * shape.positions * shape.positions
}

/// `o` `[values, T, lanes]` from the head's columns of `z`; keeps the attention `a`.
pub fn forward<F: Precision>(
    head: &Head,
    shape: Shape,
    causal: bool,
    z: &[Lanes<F>],
    kept: &mut [Lanes<F>],
    o: &mut [Lanes<F>],
) {
    forward_kernel(
        &head.query,
        &head.key,
        &head.value,
        shape,
        causal,
        z,
        kept,
        o,
    );
}

/// The head's columns of `dz` from `do`.
pub fn backward<F: Precision>(
    head: &Head,
    shape: Shape,
    causal: bool,
    z: &[Lanes<F>],
    kept: &[Lanes<F>],
    (o, d_o): (&[Lanes<F>], &[Lanes<F>]),
    (scratch, dz): (&mut Vec<Lanes<F>>, &mut [Lanes<F>]),
) {
    scratch.resize(shape.positions * shape.positions, Lanes::zero());
    let (query, key, value) = (&head.query, &head.key, &head.value);
    backward_kernel(
        query, key, value, shape, causal, z, kept, o, d_o, scratch, dz,
    );
}

/// The keys that a query sees.
#[inline(always)]
fn keys(q: usize, positions: usize, causal: bool) -> Range<usize> {
    0..if causal { q + 1 } else { positions }
}

/// The queries that see a key.
#[inline(always)]
fn queries(k: usize, positions: usize, causal: bool) -> Range<usize> {
    let first = if causal { k } else { 0 };
    first..positions
}

/// `N` sums `Σ_i left(i)·right(n, i)` at once.
#[inline(always)]
fn products<const N: usize, F: Precision>(
    range: Range<usize>,
    left: impl Fn(usize) -> Lanes<F>,
    right: impl Fn(usize, usize) -> Lanes<F>,
) -> [Lanes<F>; N] {
    let mut sums = [Lanes::zero(); N];
    for i in range {
        let l = left(i);
        for n in 0..N {
            sums[n] = l.mul_add(right(n, i), sums[n]);
        }
    }
    sums
}

/// `store(j, Σ_i left(i)·right(j, i))` for each `j`, up to six at a time.
#[inline(always)]
fn for_each_product<F: Precision>(
    outputs: Range<usize>,
    inputs: Range<usize>,
    left: impl Fn(usize) -> Lanes<F>,
    right: impl Fn(usize, usize) -> Lanes<F>,
    mut store: impl FnMut(usize, Lanes<F>),
) {
    let mut j = outputs.start;
    while j < outputs.end {
        j += match outputs.end - j {
            1 => store_products::<1, F>(j, inputs.clone(), &left, &right, &mut store),
            2 => store_products::<2, F>(j, inputs.clone(), &left, &right, &mut store),
            3 => store_products::<3, F>(j, inputs.clone(), &left, &right, &mut store),
            5 => store_products::<5, F>(j, inputs.clone(), &left, &right, &mut store),
            6 => store_products::<6, F>(j, inputs.clone(), &left, &right, &mut store),
            _ => store_products::<4, F>(j, inputs.clone(), &left, &right, &mut store),
        };
    }
}

/// `N` of them from `j` on; returns `N`.
#[inline(always)]
fn store_products<const N: usize, F: Precision>(
    j: usize,
    inputs: Range<usize>,
    left: &impl Fn(usize) -> Lanes<F>,
    right: &impl Fn(usize, usize) -> Lanes<F>,
    store: &mut impl FnMut(usize, Lanes<F>),
) -> usize {
    let sums = products::<N, F>(inputs, left, |n, i| right(j + n, i));
    for n in 0..N {
        store(j + n, sums[n]);
    }
    N
}

kernels! {
    fn forward_kernel<'a, F>(
        query: &'a Range<usize>,
        key: &'a Range<usize>,
        value: &'a Range<usize>,
        shape: Shape,
        causal: bool,
        z: &'a [Lanes<F>],
        kept: &'a mut [Lanes<F>],
        o: &'a mut [Lanes<F>],
    ) {
        let t = shape.positions;
        for lane in 0..shape.filled {
            let z = |column: usize, p: usize| z[(column * t + p) * shape.lanes + lane];
            let a = &mut kept[lane * t * t..][..t * t];
            for q in 0..t {
                let row = &mut a[q * t..][..t];
                let seen = keys(q, t, causal);
                for_each_product(
                    seen.clone(),
                    0..query.len(),
                    |c| z(query.start + c, q),
                    |k, c| z(key.start + c, k),
                    |k, logit| row[k] = logit,
                );
                softmax(&mut row[seen.clone()]);
                let row = &*row;
                for_each_product(
                    0..value.len(),
                    seen,
                    |k| row[k],
                    |m, k| z(value.start + m, k),
                    |m, sum| o[(m * t + q) * shape.lanes + lane] = sum,
                );
            }
        }
    }

    fn backward_kernel<'a, F>(
        query: &'a Range<usize>,
        key: &'a Range<usize>,
        value: &'a Range<usize>,
        shape: Shape,
        causal: bool,
        z: &'a [Lanes<F>],
        kept: &'a [Lanes<F>],
        o: &'a [Lanes<F>],
        d_o: &'a [Lanes<F>],
        ds: &'a mut [Lanes<F>],
        dz: &'a mut [Lanes<F>],
    ) {
        let t = shape.positions;
        for lane in 0..shape.filled {
            let at = |feature: usize, p: usize| (feature * t + p) * shape.lanes + lane;
            let a = &kept[lane * t * t..][..t * t];
            for q in 0..t {
                let seen = keys(q, t, causal);
                let [delta] = products::<1, F>(
                    0..value.len(),
                    |m| d_o[at(m, q)],
                    |_, m| o[at(m, q)],
                );
                let (a, ds) = (&a[q * t..][..t], &mut ds[q * t..][..t]);
                for_each_product(
                    seen.clone(),
                    0..value.len(),
                    |m| d_o[at(m, q)],
                    |k, m| z[at(value.start + m, k)],
                    |k, da| ds[k] = a[k] * (da - delta),
                );
                let ds = &*ds;
                for_each_product(
                    0..query.len(),
                    seen,
                    |k| ds[k],
                    |c, k| z[at(key.start + c, k)],
                    |c, sum| dz[at(query.start + c, q)] = sum,
                );
            }
            for k in 0..t {
                let seeing = queries(k, t, causal);
                for_each_product(
                    0..key.len(),
                    seeing.clone(),
                    |q| ds[q * t + k],
                    |c, q| z[at(query.start + c, q)],
                    |c, sum| dz[at(key.start + c, k)] = sum,
                );
                for_each_product(
                    0..value.len(),
                    seeing,
                    |q| a[q * t + k],
                    |m, q| d_o[at(m, q)],
                    |m, sum| dz[at(value.start + m, k)] = sum,
                );
            }
        }
    }
}

/// In place, shifted by the largest logit: logits of 1e6 are common at the start of training.
#[inline(always)]
fn softmax<F: Precision>(logits: &mut [Lanes<F>]) {
    let mut max = logits[0];
    for logit in &logits[1..] {
        one_at_a_time();
        max = max.max(*logit);
    }
    let mut sum = Lanes::zero();
    for logit in logits.iter_mut() {
        one_at_a_time();
        *logit = logit.exp_below_largest(max);
        sum += *logit;
    }
    let inverse = Lanes::splat(F::one()) / sum;
    for a in logits {
        one_at_a_time();
        *a *= inverse;
    }
}
