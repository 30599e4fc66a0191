//! The linear maps of sixteen sequences at a time: what a reader reads of the stream, what a block writes.

use super::super::lanes::{Lanes, Precision, one_at_a_time};

/// One quantity at the positions of a sequence; the last ones may be no position's.
pub type Tile<F, const C: usize> = [Lanes<F>; C];

/// How many of `left` columns (at least one) are computed together: as many as the registers hold, and no rest
/// of a single one where that can be avoided.
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
        match $crate::engines::fused::sequence_wise::maps::together($left) {
            1 => $function::<1, $($parameter),*>($($argument),*),
            2 => $function::<2, $($parameter),*>($($argument),*),
            3 => $function::<3, $($parameter),*>($($argument),*),
            _ => $function::<4, $($parameter),*>($($argument),*),
        }
    };
}
pub(super) use by_columns;

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

/// What a reader reads: the first so many of them are 0 at the first position, as indicators of tokens are where
/// only BOS can stand.
pub type Heard<'a, F, const C: usize> = (&'a [Tile<F, C>], usize);

/// `y_c ← start_c + Σ_i x_i·w_{ic}`, `w` in the order of [`by_tiles`]; `start` is a constant of each position
/// and column, or `y` itself.
#[inline(always)]
pub fn combine<F: Precision, const C: usize>(
    x: Heard<'_, F, C>,
    w: &[F],
    start: Option<&[[F; C]]>,
    y: &mut [Tile<F, C>],
) {
    let (mut w, mut start, mut y) = (w, start, y);
    while !y.is_empty() {
        let size = together(y.len());
        let (own, own_w);
        (own, y) = y.split_at_mut(size);
        (own_w, w) = w.split_at(size * x.0.len());
        let own_start = start.map(|start| &start[..size]);
        start = start.map(|start| &start[size..]);
        by_columns!(size, combine_some::<F, C>(x, own_w, own_start, own));
    }
}

/// `J` of them, kept in registers while `x` passes by.
#[inline(always)]
fn combine_some<const J: usize, F: Precision, const C: usize>(
    (x, silent): Heard<'_, F, C>,
    w: &[F],
    start: Option<&[[F; C]]>,
    y: &mut [Tile<F, C>],
) {
    let Some(y) = y.first_chunk_mut::<J>() else {
        return;
    };
    let mut sums = *y;
    if let Some(start) = start.and_then(|start| start.first_chunk::<J>()) {
        for b in 0..J {
            for n in 0..C {
                sums[b][n] = Lanes::splat(start[b][n]);
            }
        }
    }
    let ((silent, others), w) = (x.split_at(silent), w.as_chunks::<J>().0);
    for (x, w) in silent.iter().zip(w) {
        for b in 0..J {
            let w = Lanes::splat(w[b]);
            for n in 1..C {
                sums[b][n] = x[n].mul_add(w, sums[b][n]);
            }
        }
    }
    for (x, w) in others.iter().zip(&w[silent.len()..]) {
        for b in 0..J {
            let w = Lanes::splat(w[b]);
            for n in 0..C {
                sums[b][n] = x[n].mul_add(w, sums[b][n]);
            }
        }
    }
    *y = sums;
}

/// `dw_{ic} ← dw_{ic} + Σ x_i·dy_c` over the positions, lane by lane: tile of columns by tile of inputs, a
/// tile `[columns, inputs]`, those that are 0 at the first position before the others.
#[inline(always)]
pub fn to_weights<F: Precision, const C: usize>(
    (x, silent): Heard<'_, F, C>,
    dy: &[Tile<F, C>],
    dw: &mut [Lanes<F>],
) {
    let (mut dy, mut dw) = (dy, dw);
    while !dy.is_empty() {
        let size = together(dy.len());
        let (own, own_dw);
        (own, dy) = dy.split_at(size);
        (own_dw, dw) = dw.split_at_mut(size * x.len());
        let ((silent, others), (dw_silent, dw_others)) =
            (x.split_at(silent), own_dw.split_at_mut(size * silent));
        by_columns!(size, to_columns::<1, F, C>(silent, own, dw_silent));
        by_columns!(size, to_columns::<0, F, C>(others, own, dw_others));
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

/// `J` columns with all inputs, from position `N` on.
#[inline(always)]
fn to_columns<const J: usize, const N: usize, F: Precision, const C: usize>(
    x: &[Tile<F, C>],
    dy: &[Tile<F, C>],
    dw: &mut [Lanes<F>],
) {
    let (mut x, mut dw) = (x, dw);
    let Some(dy) = dy.first_chunk::<J>() else {
        return;
    };
    while !x.is_empty() {
        let size = together(x.len());
        let (own, own_dw);
        (own, x) = x.split_at(size);
        (own_dw, dw) = dw.split_at_mut(size * J);
        by_columns!(size, products::<J, N, F, C>(own, dy, own_dw));
    }
}

/// `I` inputs with `J` columns, from position `N` on.
#[inline(always)]
fn products<const I: usize, const J: usize, const N: usize, F: Precision, const C: usize>(
    x: &[Tile<F, C>],
    dy: &[Tile<F, C>; J],
    dw: &mut [Lanes<F>],
) {
    let Some(x) = x.first_chunk::<I>() else {
        return;
    };
    let mut sums = [[Lanes::zero(); I]; J];
    for n in N..C {
        for b in 0..J {
            let dy = dy[b][n];
            for a in 0..I {
                sums[b][a] = x[a][n].mul_add(dy, sums[b][a]);
            }
        }
    }
    // Indices that are known when this is compiled, or the sums would not stay in registers.
    if let Some(dw) = dw.as_chunks_mut::<I>().0.first_chunk_mut::<J>() {
        for b in 0..J {
            for a in 0..I {
                dw[b][a] += sums[b][a];
            }
        }
    }
}

/// `to ← to + from`, number by number.
#[inline(always)]
pub fn accumulate<F: Precision, const C: usize>(from: &[Tile<F, C>], to: &mut [Tile<F, C>]) {
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

    /// `y` of `x`.
    #[inline(always)]
    pub fn apply<const C: usize>(&self, x: &[Tile<F, C>], y: &mut [Tile<F, C>]) {
        let mut start = 0;
        for ((bias, &end), y) in self.bias.iter().zip(&self.ends).zip(y) {
            let mut sums = [Lanes::splat(*bias); C];
            for &(k, weight) in &self.entries[start..end] {
                let (x, weight) = (&x[k], Lanes::splat(weight));
                for n in 0..C {
                    sums[n] = x[n].mul_add(weight, sums[n]);
                }
            }
            *y = sums;
            start = end;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const C: usize = 4;

    /// Small integers: every sum is exact.
    pub fn tiles<const C: usize>(count: usize, seed: usize) -> Vec<Tile<f64, C>> {
        let number = |k: usize, n: usize, l: usize| ((k * 31 + n * 5 + l * 7 + seed) % 13) as f64;
        let tile =
            |k| std::array::from_fn(|n| Lanes(std::array::from_fn(|l| number(k, n, l) - 6.0)));
        (0..count).map(tile).collect()
    }

    fn weight(i: usize, c: usize) -> f64 {
        ((i * 5 + c * 3) % 7) as f64 - 3.0
    }

    #[test]
    fn a_map_and_its_gradient_equal_their_definitions() {
        // Every rest of either side.
        let sizes = (0..12).flat_map(|i| (1..14).map(move |c| (i, c)));
        for ((inputs, columns), silent) in sizes.flat_map(|size| [0, 5].map(|s| (size, s))) {
            let silent = silent.min(inputs);
            let (mut x, dy) = (tiles::<C>(inputs, 1), tiles::<C>(columns, 2));
            for x in &mut x[..silent] {
                x[0] = Lanes::zero();
            }
            let order = by_tiles(inputs, columns);
            let w: Vec<f64> = order.iter().map(|(i, c)| weight(*i, *c)).collect();
            let start: Vec<[f64; C]> = (0..columns)
                .map(|c| std::array::from_fn(|n| (c + n) as f64))
                .collect();
            let mut y = tiles::<C>(columns, 3);
            let before = y.clone();
            combine((&x, silent), &w, None, &mut y);
            let mut constant = y.clone();
            combine((&x, silent), &w, Some(&start), &mut constant);
            let mut dw = vec![Lanes::splat(1.0); inputs * columns];
            to_weights((&x, silent), &dy, &mut dw);
            for c in 0..columns {
                for (n, l) in (0..C).flat_map(|n| (0..16).map(move |l| (n, l))) {
                    let sum: f64 = (0..inputs).map(|i| x[i][n].0[l] * weight(i, c)).sum();
                    assert_eq!(y[c][n].0[l], before[c][n].0[l] + sum);
                    assert_eq!(constant[c][n].0[l], start[c][n] + sum);
                }
            }
            for ((i, c), dw) in by_both(inputs, silent, columns).into_iter().zip(&dw) {
                for l in 0..16 {
                    let sum: f64 = (0..C).map(|n| x[i][n].0[l] * dy[c][n].0[l]).sum();
                    assert_eq!(dw.0[l], 1.0 + sum);
                }
            }
        }
    }

    #[test]
    fn a_map_without_its_zeros_is_the_same_map() {
        let weights = [[0.0, 2.0, 0.0], [1.0, 0.0, -3.0], [0.0; 3]];
        let map = Sparse::new(weights.iter().map(|w| (0.5, w.to_vec())));
        assert_eq!(map.entries.len(), 3);
        let (x, mut y) = (tiles::<C>(3, 1), tiles::<C>(3, 2));
        map.apply(&x, &mut y);
        for ((n, l), (y, w)) in (0..C)
            .flat_map(|n| (0..16).map(move |l| (n, l)))
            .flat_map(|at| y.iter().zip(&weights).map(move |both| (at, both)))
        {
            let sum: f64 = w.iter().zip(&x).map(|(w, x)| w * x[n].0[l]).sum();
            assert_eq!(y[n].0[l], 0.5 + sum);
        }
    }
}
