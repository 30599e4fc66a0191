//! The linear maps of sixteen sequences at a time: what a reader reads of the stream, what a block writes.

use pulp::Simd;

use crate::engines::fused::simd::{Lanes, Precision, one_at_a_time};

/// Positions of a [`Tile`].
pub const TILE: usize = 3;

/// One quantity at neighbouring positions of a sequence. All its positions are so many tiles; the last ones of the
/// last tile may be no position's.
pub type Tile<F> = [Lanes<F>; TILE];

/// Tiles of a quantity that are computed at once with vector instructions.
pub const TWO: usize = 2;
/// What may be left of them.
pub const ONE: usize = 1;

/// How many tiles are computed at once.
#[inline(always)]
pub const fn tiles_at_once<S: Simd>() -> usize {
    if S::F32_LANES > 1 { TWO } else { ONE }
}

/// How many of `left` columns (at least one) lie together in a matrix: no rest of a single one where that can be
/// avoided.
pub const fn together(left: usize) -> usize {
    match left {
        1 | 2 => left,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

/// A function of [`together`] many.
macro_rules! by_columns {
    ($left:expr, $function:ident::<$($parameter:tt),*>($($argument:expr),* $(,)?)) => {
        match $crate::engines::fused::passes::sequence_wise::maps::together($left) {
            1 => $function::<$($parameter),*, 1>($($argument),*),
            2 => $function::<$($parameter),*, 2>($($argument),*),
            3 => $function::<$($parameter),*, 3>($($argument),*),
            _ => $function::<$($parameter),*, 4>($($argument),*),
        }
    };
}
pub(super) use by_columns;

/// A function of `M` of `J` columns, from one of them on: all at once where the registers of the instruction set
/// keep a row of sums of each, else two by two or one by one.
macro_rules! in_parts {
    ($S:ty, $row:expr, $J:ident, $function:ident::<$F:ident $(, $I:ident)*>($($argument:expr),* $(,)?)) => {
        match $crate::engines::fused::simd::rows_at_once::<$S, $F>($row) {
            at_once if at_once >= $J => $function::<$F, $($I,)* $J, $J>(0, $($argument),*),
            0 | 1 => for first in 0..$J {
                $function::<$F, $($I,)* $J, 1>(first, $($argument),*);
            },
            _ => {
                $function::<$F, $($I,)* $J, 2>(0, $($argument),*);
                match $J {
                    3 => $function::<$F, $($I,)* $J, 1>(2, $($argument),*),
                    4 => $function::<$F, $($I,)* $J, 2>(2, $($argument),*),
                    _ => {}
                }
            }
        }
    };
}
pub(super) use in_parts;

/// The order of the numbers of a matrix `[rows, columns]` in which the columns that are taken together lie side
/// by side, row by row: `(row, column)` of each.
pub fn by_tiles(rows: usize, columns: usize) -> Vec<(usize, usize)> {
    let mut order = Vec::with_capacity(rows * columns);
    let mut first = 0;
    while first < columns {
        let end = first + together(columns - first);
        order.extend((0..rows).flat_map(|row| (first..end).map(move |column| (row, column))));
        first = end;
    }
    order
}

/// What a reader reads, `tiles` a quantity.
#[derive(Clone, Copy)]
pub struct Inputs<'a, F> {
    /// Tile by tile of each quantity.
    pub x: &'a [Tile<F>],
    /// The first so many quantities are 0 at the first position, as indicators of tokens are where only BOS can
    /// stand.
    pub silent: usize,
    /// Tiles of a quantity.
    pub tiles: usize,
}

/// `y_c ← start_c + Σ_i x_i·w_{ic}`, `w` in the order of [`by_tiles`]; `start` is a constant of each position
/// and column, or `y` itself.
#[inline(always)]
pub fn combine<S: Simd, F: Precision>(
    inputs: Inputs<'_, F>,
    w: &[F],
    start: Option<&[[F; TILE]]>,
    y: &mut [Tile<F>],
) {
    let (mut w, mut start, mut y) = (w, start, y);
    let tiles = inputs.tiles;
    let (rows, mut left) = (inputs.x.len() / tiles, y.len() / tiles);
    while left > 0 {
        let size = together(left);
        let (own, own_w);
        (own, y) = y.split_at_mut(size * tiles);
        (own_w, w) = w.split_at(size * rows);
        let own_start = start.map(|start| &start[..size * tiles]);
        start = start.map(|start| &start[size * tiles..]);
        by_columns!(
            left,
            combine_together::<S, F>(inputs, own_w, own_start, own)
        );
        left -= size;
    }
}

/// `J` of them, two tiles of each at once.
#[inline(always)]
fn combine_together<S: Simd, F: Precision, const J: usize>(
    inputs: Inputs<'_, F>,
    w: &[F],
    start: Option<&[[F; TILE]]>,
    y: &mut [Tile<F>],
) {
    let mut tile = 0;
    while tiles_at_once::<S>() == TWO && tile + TWO <= inputs.tiles {
        in_parts!(
            S,
            TWO * TILE,
            J,
            combine_some::<F, TWO>(tile, inputs, w, start, y)
        );
        tile += TWO;
    }
    while tile < inputs.tiles {
        in_parts!(
            S,
            TILE,
            J,
            combine_some::<F, ONE>(tile, inputs, w, start, y)
        );
        tile += ONE;
    }
}

/// `N` tiles of `M` of `J`, from the column `first` on, kept in registers while `x` passes by.
#[inline(always)]
fn combine_some<F: Precision, const N: usize, const J: usize, const M: usize>(
    first: usize,
    tile: usize,
    Inputs { x, silent, tiles }: Inputs<'_, F>,
    w: &[F],
    start: Option<&[[F; TILE]]>,
    y: &mut [Tile<F>],
) {
    let at = |b: usize, k: usize| (first + b) * tiles + tile + k;
    let mut sums = [[[Lanes::zero(); TILE]; N]; M];
    for b in 0..M {
        for k in 0..N {
            match start {
                None => sums[b][k] = y[at(b, k)],
                Some(start) => {
                    for n in 0..TILE {
                        sums[b][k][n] = Lanes::splat(start[at(b, k)][n]);
                    }
                }
            }
        }
    }
    let silent = if tile == 0 { silent } else { 0 };
    let (early, w) = w.as_chunks::<J>().0.split_at(silent);
    let mut own = tile;
    for w in early {
        if let Some(x) = x[own..].first_chunk::<N>() {
            for b in 0..M {
                let w = Lanes::splat(w[first + b]);
                for k in 0..N {
                    for n in usize::from(k == 0)..TILE {
                        sums[b][k][n] = x[k][n].mul_add(w, sums[b][k][n]);
                    }
                }
            }
        }
        own += tiles;
    }
    for w in w {
        if let Some(x) = x[own..].first_chunk::<N>() {
            for b in 0..M {
                let w = Lanes::splat(w[first + b]);
                for k in 0..N {
                    for n in 0..TILE {
                        sums[b][k][n] = x[k][n].mul_add(w, sums[b][k][n]);
                    }
                }
            }
        }
        own += tiles;
    }
    for b in 0..M {
        for k in 0..N {
            y[at(b, k)] = sums[b][k];
        }
    }
}

/// `dw_{ic} ← dw_{ic} + Σ x_i·dy_c` over the positions, lane by lane: tile of columns by tile of inputs, a
/// tile `[columns, inputs]`, those that are 0 at the first position before the others.
#[inline(always)]
pub fn to_weights<S: Simd, F: Precision>(
    inputs: Inputs<'_, F>,
    dy: &[Tile<F>],
    dw: &mut [Lanes<F>],
) {
    let (mut dy, mut dw) = (dy, dw);
    let Inputs { x, silent, tiles } = inputs;
    let (early, others) = x.split_at(silent * tiles);
    let (inputs, mut left) = (x.len() / tiles, dy.len() / tiles);
    let (early, others) = ((early, silent, tiles), (others, inputs - silent, tiles));
    while left > 0 {
        let size = together(left);
        let (own, own_dw);
        (own, dy) = dy.split_at(size * tiles);
        (own_dw, dw) = dw.split_at_mut(size * inputs);
        let (dw_early, dw_others) = own_dw.split_at_mut(size * silent);
        by_columns!(left, to_columns::<S, F, 1>(early, own, dw_early));
        by_columns!(left, to_columns::<S, F, 0>(others, own, dw_others));
        left -= size;
    }
}

/// The order of [`to_weights`]: `(input, column)` of each.
pub fn by_both(inputs: usize, silent: usize, columns: usize) -> Vec<(usize, usize)> {
    let mut order = Vec::with_capacity(inputs * columns);
    let (mut first, mut end) = (0, 0);
    while first < columns {
        end += together(columns - first);
        for inputs in [0..silent, silent..inputs] {
            let tile = by_tiles(end - first, inputs.len()).into_iter();
            order.extend(tile.map(|(column, input)| (inputs.start + input, first + column)));
        }
        first = end;
    }
    order
}

/// `J` columns with so many inputs, from position `P` on.
#[inline(always)]
fn to_columns<S: Simd, F: Precision, const P: usize, const J: usize>(
    (x, inputs, tiles): (&[Tile<F>], usize, usize),
    dy: &[Tile<F>],
    dw: &mut [Lanes<F>],
) {
    let (mut x, mut dw, mut left) = (x, dw, inputs);
    while left > 0 {
        let size = together(left);
        let (own, own_dw);
        (own, x) = x.split_at(size * tiles);
        (own_dw, dw) = dw.split_at_mut(size * J);
        by_columns!(left, to_both::<S, F, P, J>((own, tiles), dy, own_dw));
        left -= size;
    }
}

/// `I` inputs with `J` columns.
#[inline(always)]
fn to_both<S: Simd, F: Precision, const P: usize, const J: usize, const I: usize>(
    x: (&[Tile<F>], usize),
    dy: &[Tile<F>],
    dw: &mut [Lanes<F>],
) {
    in_parts!(S, I, J, products::<F, P, I>(x, dy, dw));
}

/// `I` inputs with `M` of `J` columns, from the column `first` and from position `P` on.
#[inline(always)]
fn products<F: Precision, const P: usize, const I: usize, const J: usize, const M: usize>(
    first: usize,
    (x, tiles): (&[Tile<F>], usize),
    dy: &[Tile<F>],
    dw: &mut [Lanes<F>],
) {
    let mut sums = [[Lanes::zero(); I]; M];
    for tile in 0..tiles {
        let dy: [&Tile<F>; M] = std::array::from_fn(|b| &dy[(first + b) * tiles + tile]);
        let x: [&Tile<F>; I] = std::array::from_fn(|a| &x[a * tiles + tile]);
        for n in 0..TILE {
            if n < P && tile == 0 {
                continue;
            }
            for b in 0..M {
                for a in 0..I {
                    sums[b][a] = x[a][n].mul_add(dy[b][n], sums[b][a]);
                }
            }
        }
    }
    // Indices that are known when this is compiled, or the sums would not stay in registers.
    if let Some(dw) = dw.as_chunks_mut::<I>().0.first_chunk_mut::<J>() {
        for b in 0..M {
            for a in 0..I {
                dw[first + b][a] += sums[b][a];
            }
        }
    }
}

/// `to ← to + from`, number by number.
#[inline(always)]
pub fn accumulate<F: Precision>(from: &[Tile<F>], to: &mut [Tile<F>]) {
    for (from, to) in from.as_flattened().iter().zip(to.as_flattened_mut()) {
        one_at_a_time();
        *to += *from;
    }
}

/// A frozen linear map without its zeros: `y_a = b_a + Σ_k x_k·w_k` over a short list for each output.
#[derive(Clone, Debug)]
pub struct Sparse<F> {
    bias: Vec<F>,
    /// Where each output's list ends.
    ends: Vec<usize>,
    /// Inputs with their weights.
    entries: Vec<(usize, F)>,
}

impl<F: Precision> Sparse<F> {
    /// Of outputs with a bias and the weights of all inputs each.
    pub fn new(outputs: impl Iterator<Item = (F, Vec<F>)>) -> Self {
        let mut map = Self {
            bias: Vec::new(),
            ends: Vec::new(),
            entries: Vec::new(),
        };
        for (bias, weights) in outputs {
            let weights = weights.into_iter().enumerate();
            map.entries.extend(weights.filter(|(_, w)| *w != F::zero()));
            map.ends.push(map.entries.len());
            map.bias.push(bias);
        }
        map
    }

    /// `y` of `x`, `tiles` a quantity.
    #[inline(always)]
    pub fn apply(&self, x: &[Tile<F>], tiles: usize, y: &mut [Tile<F>]) {
        let mut start = 0;
        let outputs = self.bias.iter().zip(&self.ends);
        for ((bias, &end), y) in outputs.zip(y.chunks_exact_mut(tiles)) {
            for (tile, y) in y.iter_mut().enumerate() {
                let mut sums = [Lanes::splat(*bias); TILE];
                for &(k, weight) in &self.entries[start..end] {
                    let (x, weight) = (&x[k * tiles + tile], Lanes::splat(weight));
                    for n in 0..TILE {
                        sums[n] = x[n].mul_add(weight, sums[n]);
                    }
                }
                *y = sums;
            }
            start = end;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Small integers: every sum is exact.
    pub fn tiles(count: usize, seed: usize) -> Vec<Tile<f64>> {
        let number = |k: usize, n: usize, l: usize| ((k * 31 + n * 5 + l * 7 + seed) % 13) as f64;
        let tile =
            |k| std::array::from_fn(|n| Lanes(std::array::from_fn(|l| number(k, n, l) - 6.0)));
        (0..count).map(tile).collect()
    }

    /// Quantity `k` at position `n`, of two tiles each.
    fn at(x: &[Tile<f64>], k: usize, n: usize) -> Lanes<f64> {
        x[k * K + n / TILE][n % TILE]
    }

    /// Tiles and positions of a quantity.
    const K: usize = 2;
    const C: usize = K * TILE;

    fn weight(i: usize, c: usize) -> f64 {
        ((i * 5 + c * 3) % 7) as f64 - 3.0
    }

    /// A map and its gradient by `S`, in parts that its registers keep, beside their definitions.
    fn check<S: Simd>() {
        // Every rest of either side.
        let sizes = (0..12).flat_map(|i| (1..14).map(move |c| (i, c)));
        for ((inputs, columns), silent) in sizes.flat_map(|size| [0, 5].map(|s| (size, s))) {
            let silent = silent.min(inputs);
            let (mut x, dy) = (tiles(K * inputs, 1), tiles(K * columns, 2));
            for x in x[..K * silent].iter_mut().step_by(K) {
                x[0] = Lanes::zero();
            }
            let order = by_tiles(inputs, columns);
            let w: Vec<f64> = order.iter().map(|(i, c)| weight(*i, *c)).collect();
            let constant = |c: usize, n: usize| (c + n) as f64;
            let start: Vec<[f64; TILE]> = (0..columns * K)
                .map(|k| std::array::from_fn(|n| constant(k / K, k % K * TILE + n)))
                .collect();
            let read = Inputs {
                x: &x,
                silent,
                tiles: K,
            };
            let mut y = tiles(K * columns, 3);
            let before = y.clone();
            combine::<S, f64>(read, &w, None, &mut y);
            let mut started = y.clone();
            combine::<S, f64>(read, &w, Some(&start), &mut started);
            let mut dw = vec![Lanes::splat(1.0); inputs * columns];
            to_weights::<S, f64>(read, &dy, &mut dw);
            for c in 0..columns {
                for (n, l) in (0..C).flat_map(|n| (0..16).map(move |l| (n, l))) {
                    let sum: f64 = (0..inputs).map(|i| at(&x, i, n).0[l] * weight(i, c)).sum();
                    assert_eq!(at(&y, c, n).0[l], at(&before, c, n).0[l] + sum);
                    assert_eq!(at(&started, c, n).0[l], constant(c, n) + sum);
                }
            }
            for ((i, c), dw) in by_both(inputs, silent, columns).into_iter().zip(&dw) {
                for l in 0..16 {
                    let product = |n| at(&x, i, n).0[l] * at(&dy, c, n).0[l];
                    assert_eq!(dw.0[l], 1.0 + (0..C).map(product).sum::<f64>());
                }
            }
        }
    }

    #[test]
    fn map_and_its_gradient_equal_their_definitions_with_any_registers() {
        check::<pulp::Scalar>();
        #[cfg(target_arch = "x86_64")]
        check::<pulp::x86::V3>();
        #[cfg(target_arch = "x86_64")]
        check::<pulp::x86::V4>();
    }

    #[test]
    fn sparse_map_is_the_same_map() {
        let weights = [[0.0, 2.0, 0.0], [1.0, 0.0, -3.0], [0.0; 3]];
        let map = Sparse::new(weights.iter().map(|w| (0.5, w.to_vec())));
        assert_eq!(map.entries.len(), 3);
        let (x, mut y) = (tiles(3 * K, 1), tiles(3 * K, 2));
        map.apply(&x, K, &mut y);
        for (n, l) in (0..C).flat_map(|n| (0..16).map(move |l| (n, l))) {
            for (output, w) in weights.iter().enumerate() {
                let terms = w.iter().enumerate().map(|(k, w)| w * at(&x, k, n).0[l]);
                assert_eq!(at(&y, output, n).0[l], 0.5 + terms.sum::<f64>());
            }
        }
    }
}
