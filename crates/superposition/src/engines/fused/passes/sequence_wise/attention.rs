//! One head of sixteen sequences, logit by logit; the formulas are those of [`crate::engines::fused::passes::pieces::dense`].
//!
//! Three sums are all that it takes, each with its results in registers:
//!
//! ```text
//! pairs       s_qk = Σ_c zq_{c,q}·zk_{c,k}       da_qk = Σ_m do_{m,q}·v_{m,k}
//! to_queries  o_{m,q} = Σ_k a_qk·v_{m,k}         dzq_{c,q} = Σ_k ds_qk·zk_{c,k}
//! to_keys     dv_{m,k} = Σ_q a_qk·do_{m,q}       dzk_{c,k} = Σ_q ds_qk·zq_{c,q}
//! ```

use std::ops::Range;

use pulp::Simd;

use crate::engines::fused::passes::sequence_wise::maps::{
    ONE, TILE, TWO, Tile, by_columns, in_parts, tiles_at_once, together,
};
use crate::engines::fused::simd::{Lanes, Precision, one_at_a_time};

/// Directions of [`weighted`].
const TO_QUERIES: bool = false;
const TO_KEYS: bool = true;

/// Which keys the queries see.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Positions of an input.
    pub positions: usize,
    /// Whether a query sees earlier keys and its own only.
    pub causal: bool,
    /// Tiles of a quantity.
    pub tiles: usize,
}

impl Sight {
    /// For inputs of `positions` positions each.
    pub fn new(positions: usize, causal: bool) -> Self {
        Self {
            positions,
            causal,
            tiles: positions.div_ceil(TILE),
        }
    }

    /// The same, of `K` tiles if that is not 0: a number that is known when kernels are compiled.
    #[inline(always)]
    pub fn of_tiles<const K: usize>(mut self) -> Self {
        if K > 0 {
            self.tiles = K;
        }
        self
    }

    /// The number of keys, from the first on, that a query sees.
    #[inline(always)]
    fn of(self, query: usize) -> usize {
        if self.causal {
            (query + 1).min(self.positions)
        } else {
            self.positions
        }
    }

    /// The tiles of keys that some query of a tile sees.
    #[inline(always)]
    fn keys(self, queries: usize) -> Range<usize> {
        0..if self.causal { queries + 1 } else { self.tiles }
    }

    /// The tiles of queries of which some see some key of a tile.
    #[inline(always)]
    fn queries(self, keys: usize) -> Range<usize> {
        let first = if self.causal { keys } else { 0 };
        first..self.tiles
    }
}

/// `a` `[queries, tiles of keys]` and `o` from the columns of `z` that are the head's queries, keys and values.
#[inline(always)]
pub fn forward<S: Simd, F: Precision>(
    sight: Sight,
    z: &[Tile<F>],
    columns: &[Range<usize>; 3],
    a: &mut [Tile<F>],
    o: &mut [Tile<F>],
) {
    let tiles = sight.tiles;
    let [query, key, value] = columns.each_ref().map(|own| of(z, own, tiles));
    pairs::<S, F>(sight, query, key, a);
    for q in 0..TILE * tiles {
        softmax(&mut a[q * tiles..][..tiles], sight.of(q));
    }
    weighted::<S, F, TO_QUERIES>(sight, columns[2].len(), a, value, o);
}

/// The head's columns of `dz` from `do`; `ds` is room for that of the logits.
#[inline(always)]
pub fn backward<S: Simd, F: Precision>(
    sight: Sight,
    z: &[Tile<F>],
    columns: &[Range<usize>; 3],
    a: &[Tile<F>],
    (o, d_o): (&[Tile<F>], &[Tile<F>]),
    ds: &mut [Tile<F>],
    dz: &mut [Tile<F>],
) {
    let tiles = sight.tiles;
    let [query, key, value] = columns.each_ref().map(|own| of(z, own, tiles));
    pairs::<S, F>(sight, d_o, value, ds);
    for queries in 0..tiles {
        let mut delta = [Lanes::zero(); TILE];
        let mut at = queries;
        while at < o.len() {
            let (o, d_o) = (&o[at], &d_o[at]);
            for n in 0..TILE {
                delta[n] = o[n].mul_add(d_o[n], delta[n]);
            }
            at += tiles;
        }
        for n in 0..TILE {
            let q = queries * TILE + n;
            let seen = sight.of(q);
            let rows = ds[q * tiles..][..tiles].iter_mut();
            for (k, (ds, a)) in rows.zip(&a[q * tiles..][..tiles]).enumerate() {
                for m in 0..TILE {
                    let own = a[m] * (ds[m] - delta[n]);
                    ds[m] = Lanes::zero();
                    if k * TILE + m < seen {
                        ds[m] = own;
                    }
                }
            }
        }
    }
    let of = |own: &Range<usize>| own.start * tiles..own.end * tiles;
    let [dquery, dkey, dvalue] = columns.each_ref().map(of);
    let [logits, _, values] = columns.each_ref().map(Range::len);
    weighted::<S, F, TO_QUERIES>(sight, logits, ds, key, &mut dz[dquery]);
    weighted::<S, F, TO_KEYS>(sight, logits, ds, query, &mut dz[dkey]);
    weighted::<S, F, TO_KEYS>(sight, values, a, d_o, &mut dz[dvalue]);
}

/// The tiles of some columns.
#[inline(always)]
fn of<'a, F>(z: &'a [Tile<F>], columns: &Range<usize>, tiles: usize) -> &'a [Tile<F>] {
    &z[columns.start * tiles..columns.end * tiles]
}

/// `to_qk = Σ_f left_{f,q}·right_{f,k}` wherever a query of a tile sees a key of a tile.
#[inline(always)]
fn pairs<S: Simd, F: Precision>(
    sight: Sight,
    left: &[Tile<F>],
    right: &[Tile<F>],
    to: &mut [Tile<F>],
) {
    let tiles = sight.tiles;
    for queries in 0..tiles {
        let to = &mut to[queries * TILE * tiles..][..TILE * tiles];
        let Range {
            start: mut keys,
            end,
        } = sight.keys(queries);
        while tiles_at_once::<S>() == TWO && keys + TWO <= end {
            let at = (queries, keys, tiles);
            in_parts!(
                S,
                TWO * TILE,
                TILE,
                some_pairs::<F, TWO>(at, left, right, to)
            );
            keys += TWO;
        }
        while keys < end {
            let at = (queries, keys, tiles);
            in_parts!(S, TILE, TILE, some_pairs::<F, ONE>(at, left, right, to));
            keys += ONE;
        }
    }
}

/// `M` of a tile's `J` queries, from `first` on, with `N` tiles of keys.
#[inline(always)]
fn some_pairs<F: Precision, const N: usize, const J: usize, const M: usize>(
    first: usize,
    (queries, keys, tiles): (usize, usize, usize),
    left: &[Tile<F>],
    right: &[Tile<F>],
    to: &mut [Tile<F>],
) {
    let mut sums = [[[Lanes::zero(); TILE]; N]; M];
    let mut at = 0;
    while at < left.len() {
        let left = &left[at + queries];
        if let Some(right) = right[at + keys..].first_chunk::<N>() {
            for b in 0..M {
                for k in 0..N {
                    for n in 0..TILE {
                        sums[b][k][n] = right[k][n].mul_add(left[first + b], sums[b][k][n]);
                    }
                }
            }
        }
        at += tiles;
    }
    for b in 0..M {
        for k in 0..N {
            to[(first + b) * tiles + keys + k] = sums[b][k];
        }
    }
}

/// `to_{f,q} = Σ_k a_qk·from_{f,k}`, or, `TO_KEYS`, `to_{f,k} = Σ_q a_qk·from_{f,q}`, for each column `f`: for some tiles
/// `x` of `to` at once, over the tiles `y` of `from` that any of them sees or is seen by.
#[inline(always)]
fn weighted<S: Simd, F: Precision, const TO_KEYS: bool>(
    sight: Sight,
    columns: usize,
    a: &[Tile<F>],
    from: &[Tile<F>],
    to: &mut [Tile<F>],
) {
    let tiles = sight.tiles;
    let (mut from, mut to, mut left) = (from, to, columns);
    while left > 0 {
        let size = together(left);
        let (own, own_to);
        (own, from) = from.split_at(size * tiles);
        (own_to, to) = to.split_at_mut(size * tiles);
        let mut x = 0;
        while x < tiles {
            let next = (x + tiles_at_once::<S>()).min(tiles);
            let y = if TO_KEYS {
                sight.queries(x)
            } else {
                sight.keys(next - 1)
            };
            by_columns!(
                left,
                weighted_together::<S, F, TO_KEYS>((x, tiles), a, y.clone(), own, own_to)
            );
            x = next;
        }
        left -= size;
    }
}

/// `J` columns.
#[inline(always)]
fn weighted_together<S: Simd, F: Precision, const TO_KEYS: bool, const J: usize>(
    at: (usize, usize),
    a: &[Tile<F>],
    y: Range<usize>,
    from: &[Tile<F>],
    to: &mut [Tile<F>],
) {
    if tiles_at_once::<S>() == TWO && at.0 + TWO <= at.1 {
        in_parts!(
            S,
            TWO * TILE,
            J,
            some_weighted::<F, TWO, TO_KEYS>(at, a, y.clone(), from, to)
        );
    } else {
        in_parts!(
            S,
            TILE,
            J,
            some_weighted::<F, ONE, TO_KEYS>(at, a, y.clone(), from, to)
        );
    }
}

/// `M` of `J` columns, from the column `first` on: `N` tiles of `to` from `x` on.
#[inline(always)]
fn some_weighted<
    F: Precision,
    const N: usize,
    const TO_KEYS: bool,
    const J: usize,
    const M: usize,
>(
    first: usize,
    (x, tiles): (usize, usize),
    a: &[Tile<F>],
    y: Range<usize>,
    from: &[Tile<F>],
    to: &mut [Tile<F>],
) {
    let mut sums = [[[Lanes::zero(); TILE]; N]; M];
    for y in y {
        // A tile of queries with a tile of keys, for each of `N`.
        let weights: [[&Tile<F>; TILE]; N] = std::array::from_fn(|k| {
            let (queries, keys) = if TO_KEYS { (y, x + k) } else { (x + k, y) };
            std::array::from_fn(|q| &a[(queries * TILE + q) * tiles + keys])
        });
        let from: [&Tile<F>; M] = std::array::from_fn(|b| &from[(first + b) * tiles + y]);
        for n in 0..TILE {
            for b in 0..M {
                for k in 0..N {
                    for m in 0..TILE {
                        let (q, key) = if TO_KEYS { (n, m) } else { (m, n) };
                        sums[b][k][m] = weights[k][q][key].mul_add(from[b][n], sums[b][k][m]);
                    }
                }
            }
        }
    }
    for b in 0..M {
        for k in 0..N {
            to[(first + b) * tiles + x + k] = sums[b][k];
        }
    }
}

/// Over the keys that the query sees, the first among them; shifted by the largest logit.
#[inline(always)]
fn softmax<F: Precision>(a: &mut [Tile<F>], seen: usize) {
    let Some(first) = a.first() else {
        return;
    };
    let mut max = first[0];
    for (k, a) in a.iter().enumerate() {
        for n in 0..TILE {
            if k * TILE + n < seen {
                max = max.max(a[n]);
            }
        }
    }
    let mut sum = Lanes::zero();
    for (k, a) in a.iter_mut().enumerate() {
        let mut powers = *a;
        for n in 0..TILE {
            powers[n] = powers[n].exp_below_largest(max);
        }
        for n in 0..TILE {
            a[n] = Lanes::zero();
            if k * TILE + n < seen {
                a[n] = powers[n];
                sum += powers[n];
            }
        }
    }
    let inverse = Lanes::splat(F::one()) / sum;
    for a in a.as_flattened_mut() {
        one_at_a_time();
        *a *= inverse;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::fused::passes::sequence_wise::maps::tests::tiles;

    const HEAD: [Range<usize>; 3] = [0..2, 2..4, 4..7];

    /// `Σ_m,q g_{m,q}·o_{m,q}` of sequence 0, with `o` as it is defined.
    fn output(z: &[Tile<f64>], g: &[Tile<f64>], sight: Sight) -> f64 {
        let at = |x: &[Tile<f64>], k: usize, p: usize| x[k * sight.tiles + p / TILE][p % TILE].0[0];
        let mut total = 0.0;
        for q in 0..sight.positions {
            let seen = 0..if sight.causal { q + 1 } else { sight.positions };
            let logit = |k: usize| (0..2).map(|c| at(z, c, q) * at(z, 2 + c, k)).sum::<f64>();
            let sum: f64 = seen.clone().map(|k| logit(k).exp()).sum();
            for m in 0..3 {
                let term = |k: usize| logit(k).exp() / sum * at(z, 4 + m, k);
                total += at(g, m, q) * seen.clone().map(term).sum::<f64>();
            }
        }
        total
    }

    fn check<S: Simd>() {
        for (positions, causal) in [
            (3, false),
            (5, true),
            (6, false),
            (6, true),
            (8, true),
            (8, false),
        ] {
            let sight = Sight::new(positions, causal);
            let k = sight.tiles;
            let scaled = |tile: Tile<f64>| tile.map(|x| x * Lanes::splat(0.3));
            let z: Vec<_> = tiles(7 * k, 1).into_iter().map(scaled).collect();
            let mut g = tiles(3 * k, 2);
            for g in g.chunks_exact_mut(k) {
                // What is no position has no gradient.
                g.as_flattened_mut()[positions..].fill(Lanes::zero());
            }
            let mut pairs = vec![[Lanes::zero(); TILE]; k * TILE * k];
            let (mut o, mut dz) = (g.clone(), z.clone());
            forward::<S, f64>(sight, &z, &HEAD, &mut pairs, &mut o);
            let mut ds = pairs.clone();
            backward::<S, f64>(sight, &z, &HEAD, &pairs, (&o, &g), &mut ds, &mut dz);
            let both = o.as_flattened().iter().zip(g.as_flattened());
            let sum: f64 = both.map(|(o, g)| o.0[0] * g.0[0]).sum();
            approx::assert_relative_eq!(sum, output(&z, &g, sight), max_relative = 1e-12);
            for (column, p) in (0..7).flat_map(|c| (0..positions).map(move |p| (c, p))) {
                let (tile, n) = (column * k + p / TILE, p % TILE);
                let moved = |by: f64| {
                    let mut z = z.clone();
                    z[tile][n].0[0] += by;
                    output(&z, &g, sight)
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                approx::assert_abs_diff_eq!(dz[tile][n].0[0], slope, epsilon = 1e-7);
            }
        }
    }

    #[test]
    fn head_and_its_gradient_equal_their_definitions_with_any_registers() {
        check::<pulp::Scalar>();
        #[cfg(target_arch = "x86_64")]
        check::<pulp::x86::V3>();
        #[cfg(target_arch = "x86_64")]
        check::<pulp::x86::V4>();
    }
}
