//! One head of sixteen sequences, logit by logit; the formulas are those of [`super::super::dense`].
//!
//! Three sums are all that it takes, each with its results in registers:
//!
//! ```text
//! pairs       s_qk = Σ_c zq_{c,q}·zk_{c,k}       da_qk = Σ_m do_{m,q}·v_{m,k}
//! to_queries  o_{m,q} = Σ_k a_qk·v_{m,k}         dzq_{c,q} = Σ_k ds_qk·zk_{c,k}
//! to_keys     dv_{m,k} = Σ_q a_qk·do_{m,q}       dzk_{c,k} = Σ_q ds_qk·zq_{c,q}
//! ```

use std::ops::Range;

use super::super::lanes::{Lanes, Precision};
use super::maps::{Tile, by_columns, together};

/// Queries that [`pairs`] takes together; a divisor of a tile's positions.
const TOGETHER: usize = 2;

/// A quantity of each query and key.
pub type Pairs<F, const C: usize> = [Tile<F, C>; C];

/// What all heads of a model share: which keys each query sees; nothing where all see all.
#[derive(Clone, Debug)]
pub struct Mask<const C: usize>(Option<[[bool; C]; C]>);

impl<const C: usize> Mask<C> {
    /// For inputs of this many positions, at most `C`.
    pub fn new(positions: usize, causal: bool) -> Self {
        let sees = |q: usize, k: usize| k < positions && !(causal && k > q);
        let needed = causal || positions < C;
        Self(needed.then(|| std::array::from_fn(|q| std::array::from_fn(|k| sees(q, k)))))
    }
}

/// `a` and `o` from the columns of `z` that are the head's queries, keys and values.
#[inline(always)]
pub fn forward<F: Precision, const C: usize>(
    mask: &Mask<C>,
    z: &[Tile<F, C>],
    [query, key, value]: [Range<usize>; 3],
    a: &mut Pairs<F, C>,
    o: &mut [Tile<F, C>],
) {
    pairs(&z[query], &z[key], a);
    for q in 0..C {
        a[q] = match &mask.0 {
            None => softmax(a[q], |_| true),
            Some(sees) => softmax(a[q], |k| sees[q][k]),
        };
    }
    to_queries(a, &z[value], o);
}

/// The head's columns of `dz` from `do`; `ds` is room for that of the logits.
#[inline(always)]
pub fn backward<F: Precision, const C: usize>(
    z: &[Tile<F, C>],
    [query, key, value]: [Range<usize>; 3],
    a: &Pairs<F, C>,
    (o, d_o): (&[Tile<F, C>], &[Tile<F, C>]),
    ds: &mut Pairs<F, C>,
    dz: &mut [Tile<F, C>],
) {
    pairs(d_o, &z[value.clone()], ds);
    let mut delta = [Lanes::zero(); C];
    for (o, d_o) in o.iter().zip(d_o) {
        for q in 0..C {
            delta[q] = o[q].mul_add(d_o[q], delta[q]);
        }
    }
    for q in 0..C {
        let mut row = ds[q];
        for k in 0..C {
            row[k] = a[q][k] * (row[k] - delta[q]);
        }
        ds[q] = row;
    }
    to_queries(ds, &z[key.clone()], &mut dz[query.clone()]);
    to_keys(ds, &z[query], &mut dz[key]);
    to_keys(a, d_o, &mut dz[value]);
}

/// `to_qk = Σ_f left_{f,q}·right_{f,k}`.
#[inline(always)]
fn pairs<F: Precision, const C: usize>(
    left: &[Tile<F, C>],
    right: &[Tile<F, C>],
    to: &mut Pairs<F, C>,
) {
    for (q, to) in to.as_chunks_mut::<TOGETHER>().0.iter_mut().enumerate() {
        let mut sums = [[Lanes::zero(); C]; TOGETHER];
        for (left, right) in left.iter().zip(right) {
            for b in 0..TOGETHER {
                let left = left[q * TOGETHER + b];
                for n in 0..C {
                    sums[b][n] = right[n].mul_add(left, sums[b][n]);
                }
            }
        }
        *to = sums;
    }
}

/// `to_{f,q} = Σ_k a_qk·from_{f,k}`.
#[inline(always)]
fn to_queries<F: Precision, const C: usize>(
    a: &Pairs<F, C>,
    from: &[Tile<F, C>],
    to: &mut [Tile<F, C>],
) {
    weighted(|q, k| a[q][k], from, to);
}

/// `to_{f,k} = Σ_q a_qk·from_{f,q}`.
#[inline(always)]
fn to_keys<F: Precision, const C: usize>(
    a: &Pairs<F, C>,
    from: &[Tile<F, C>],
    to: &mut [Tile<F, C>],
) {
    weighted(|k, q| a[q][k], from, to);
}

/// `to_{f,x} = Σ_y weight(x, y)·from_{f,y}`.
#[inline(always)]
fn weighted<F: Precision, const C: usize>(
    weight: impl Fn(usize, usize) -> Lanes<F>,
    from: &[Tile<F, C>],
    to: &mut [Tile<F, C>],
) {
    let (mut from, mut to) = (from, to);
    while !to.is_empty() {
        let size = together(to.len());
        let (own, own_to);
        (own, from) = from.split_at(size);
        (own_to, to) = to.split_at_mut(size);
        by_columns!(size, some_weighted::<F, C>(&weight, own, own_to));
    }
}

#[inline(always)]
fn some_weighted<const J: usize, F: Precision, const C: usize>(
    weight: &impl Fn(usize, usize) -> Lanes<F>,
    from: &[Tile<F, C>],
    to: &mut [Tile<F, C>],
) {
    let (Some(from), Some(to)) = (from.first_chunk::<J>(), to.first_chunk_mut::<J>()) else {
        return;
    };
    let mut sums = [[Lanes::zero(); C]; J];
    for y in 0..C {
        for b in 0..J {
            let from = from[b][y];
            for x in 0..C {
                sums[b][x] = weight(x, y).mul_add(from, sums[b][x]);
            }
        }
    }
    *to = sums;
}

/// Over the keys that the query sees, the first among them; shifted by the largest logit.
#[inline(always)]
fn softmax<F: Precision, const C: usize>(
    logits: Tile<F, C>,
    sees: impl Fn(usize) -> bool,
) -> Tile<F, C> {
    let mut a = logits;
    let mut max = a[0];
    for k in 1..C {
        if sees(k) {
            max = max.max(a[k]);
        }
    }
    let mut sum = Lanes::zero();
    for k in 0..C {
        a[k] = if sees(k) {
            a[k].exp_below(max)
        } else {
            Lanes::zero()
        };
        sum += a[k];
    }
    let inverse = Lanes::splat(F::one()) / sum;
    for k in 0..C {
        a[k] *= inverse;
    }
    a
}

#[cfg(test)]
mod tests {
    use super::super::maps::tests::tiles;
    use super::*;

    const C: usize = 4;
    const HEAD: [Range<usize>; 3] = [0..2, 2..4, 4..7];

    /// `Σ_m,q g_{m,q}·o_{m,q}` of sequence 0, with `o` as it is defined.
    fn output(z: &[Tile<f64, C>], g: &[Tile<f64, C>], positions: usize, causal: bool) -> f64 {
        let z = |column: usize, p: usize| z[column][p].0[0];
        let mut total = 0.0;
        for q in 0..positions {
            let seen = 0..if causal { q + 1 } else { positions };
            let logit = |k: usize| (0..2).map(|c| z(c, q) * z(2 + c, k)).sum::<f64>();
            let sum: f64 = seen.clone().map(|k| logit(k).exp()).sum();
            for m in 0..3 {
                let o: f64 = seen
                    .clone()
                    .map(|k| logit(k).exp() / sum * z(4 + m, k))
                    .sum();
                total += g[m][q].0[0] * o;
            }
        }
        total
    }

    #[test]
    fn a_head_and_its_gradient_equal_their_definitions() {
        for (positions, causal) in [(4, false), (4, true), (3, false), (3, true)] {
            let mask = Mask::<C>::new(positions, causal);
            let scaled = |tile: Tile<f64, C>| tile.map(|x| x * Lanes::splat(0.3));
            let z: Vec<_> = tiles::<C>(7, 1).into_iter().map(scaled).collect();
            let mut g = tiles::<C>(3, 2);
            for g in &mut g {
                g[positions..].fill(Lanes::zero()); // what is no position has no gradient
            }
            let mut pairs = [[Lanes::zero(); C]; C];
            let (mut o, mut dz) = (g.clone(), z.clone());
            forward(&mask, &z, HEAD, &mut pairs, &mut o);
            let mut ds = pairs;
            backward(&z, HEAD, &pairs, (&o, &g), &mut ds, &mut dz);
            let of = |z: &[_]| output(z, &g, positions, causal);
            let sum: f64 = (0..3)
                .flat_map(|m| (0..positions).map(move |q| (m, q)))
                .map(|(m, q)| g[m][q].0[0] * o[m][q].0[0])
                .sum();
            approx::assert_relative_eq!(sum, of(&z), max_relative = 1e-12);
            for (column, p) in (0..7).flat_map(|c| (0..positions).map(move |p| (c, p))) {
                let moved = |by: f64| {
                    let mut z = z.clone();
                    z[column][p].0[0] += by;
                    of(&z)
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                approx::assert_abs_diff_eq!(dz[column][p].0[0], slope, epsilon = 1e-7);
            }
        }
    }
}
