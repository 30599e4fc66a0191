//! The softmax of one query row from tabulated exponentials, as [`super::super::grouped`] has it, halves
//! being the groups.
//!
//! ```text
//! M = max_k s_k,  e_k = exp(s_k − M),  ρ_m = v_{m,k} of the largest s_k,  u_{m,k} = v_{m,k} − ρ_m
//! forward, for combination c of half i        backward, with α_m = do_m/n, β = Σ_m (o_m − ρ_m)·α_m
//! t_{i,0}(c) = Σ_{k∈c} e_k                    dt_{i,0}(c) = −Σ β,  dt_{i,m}(c) = Σ α_m  over its places
//! t_{i,m}(c) = Σ_{k∈c} e_k·u_{m,k}            E_m(k) = Σ_{c∋k} dt_m(c)
//! n = t_{1,0} + t_{2,0}                       ds_k = e_k·(E_0(k) + Σ_m u_{m,k}·E_m(k))
//! o_m = ρ_m + (t_{1,m} + t_{2,m})/n           dv_{m,k} = e_k·E_m(k)
//! ```
//!
//! A place takes two additions, no exponential. Where some place's `n` would be so small that it has lost
//! digits (all its keys are far below `M`), the whole row is left to [`super::softmax`].

use super::super::lanes::{LANES, Lanes, Precision, one_at_a_time};
use super::halves::{Keys, Layout, Members, Queries, WIDE, numbers};

/// One head's softmax of one query row. A combination is a lane.
#[derive(Debug)]
pub struct Tabulated<F> {
    /// `t_0` and `t_m` of each half, `[1 + values, lanes]`.
    pub sums: [Vec<Lanes<F>>; 2],
    /// Their gradients.
    pub d_sums: [Vec<Lanes<F>>; 2],
    /// `ρ` `[values]`.
    pub reference: Vec<F>,
    /// `e` and `e·u_m` of each key row, `[1 + values, stride]`.
    weights: Vec<F>,
    /// `u` `[values, stride]`.
    relative: Vec<F>,
    /// `E`, `[1 + values, stride + LANES]`: the last sixteen rows of a half may reach beyond the table's.
    by_key: Vec<F>,
    stride: usize,
}

impl<F: Precision> Tabulated<F> {
    /// For up to so many lanes in each half.
    pub fn new(values: usize, lanes: [usize; 2], stride: usize) -> Self {
        let planes = 1 + values;
        Self {
            sums: lanes.map(|lanes| vec![Lanes::zero(); planes * lanes]),
            d_sums: lanes.map(|lanes| vec![Lanes::zero(); planes * lanes]),
            reference: vec![F::zero(); values],
            weights: vec![F::zero(); planes * stride],
            relative: vec![F::zero(); values * stride],
            by_key: vec![F::zero(); planes * (stride + LANES)],
            stride,
        }
    }

    /// `t` of query row `q` from its logits `s` with every row, and the values `v` `[values, stride]`;
    /// whether every place keeps its digits.
    #[inline(always)]
    pub fn forward(
        &mut self,
        layout: &Layout<F>,
        queries: &Queries<F>,
        q: usize,
        s: &[F],
        v: &[F],
    ) -> bool {
        self.exponentials(layout.mask(q, self.stride), s, v);
        let Self {
            sums,
            weights,
            stride,
            ..
        } = self;
        let mut least = F::zero();
        for (keys, sums) in queries.keys.iter().zip(sums) {
            // The sum of exponentials and one of values together.
            let (first, others) = weights.split_at(2 * *stride);
            let (e, products) = first.split_at(*stride);
            let (t, rest) = sums.split_at_mut(keys.lanes);
            let mut smallest = Lanes::splat(F::one());
            for (i, (t, first)) in t.iter_mut().zip(rest.iter_mut()).enumerate() {
                let start = [keys.vacant[i], Lanes::zero()];
                [*t, *first] = spread(keys, q, i, [e, products], start);
                // A sum that is no number is the smallest.
                smallest = smallest.zip(*t, |least, t| if t >= least { least } else { t });
            }
            let planes = rest.chunks_exact_mut(keys.lanes).skip(1);
            for (sums, weights) in planes.zip(others.chunks_exact(*stride)) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    [*sum] = spread(keys, q, i, [weights], [Lanes::zero()]);
                }
            }
            least += smallest.smallest();
        }
        least >= F::from_f64(F::SMALL_SUM)
    }

    /// `e`, `u` and `ρ`.
    #[inline(always)]
    fn exponentials(&mut self, mask: &[F], s: &[F], v: &[F]) {
        let Self {
            reference,
            weights,
            relative,
            stride,
            ..
        } = self;
        let (e, products) = weights.split_at_mut(*stride);
        let mut max = Lanes::splat(F::neg_infinity());
        let chunks = e.chunks_exact_mut(LANES).zip(mask.chunks_exact(LANES));
        for ((e, mask), s) in chunks.zip(s.chunks_exact(LANES)) {
            one_at_a_time();
            let seen = Lanes::load(s) + Lanes::load(mask);
            seen.store(e);
            max = seen.max(max);
        }
        let max = max.largest();
        let largest = e.iter().position(|s| *s == max).unwrap_or(0);
        let max = Lanes::splat(max);
        let chunks = e.chunks_exact_mut(LANES).zip(mask.chunks_exact(LANES));
        for ((e, mask), s) in chunks.zip(s.chunks_exact(LANES)) {
            one_at_a_time();
            // As `Lanes::exp_below`, where the query sees the key.
            let seen = Lanes::load(s).zip(Lanes::load(mask), |s, mask| {
                if mask == F::zero() { s } else { F::zero() }
            });
            let power = (Lanes::load(e) - max).exp_of_negative();
            seen.mul_add(Lanes::zero(), power).store(e);
        }
        let planes = products
            .chunks_exact_mut(*stride)
            .zip(v.chunks_exact(*stride));
        let planes = planes
            .zip(relative.chunks_exact_mut(*stride))
            .zip(reference);
        for (((products, v), relative), reference) in planes {
            *reference = v[largest];
            let from = Lanes::splat(*reference);
            for at in (0..*stride).step_by(LANES) {
                one_at_a_time();
                let u = Lanes::load(&v[at..]) - from;
                u.store(&mut relative[at..]);
                (Lanes::load(&e[at..]) * u).store(&mut products[at..]);
            }
        }
    }

    /// From the gradients of `t` to the row's `ds`, and added to `dv` `[values, stride]`.
    #[inline(always)]
    pub fn backward(
        &mut self,
        layout: &Layout<F>,
        queries: &Queries<F>,
        q: usize,
        ds: &mut [F],
        dv: &mut [F],
    ) {
        let Self {
            d_sums,
            weights,
            relative,
            by_key,
            stride,
            ..
        } = self;
        let [own, other] = d_sums;
        let [own_lanes, other_lanes] = [0, 1].map(|side: usize| queries.keys[side].lanes);
        let [own_members, other_members] = queries.members(layout, q);
        let mut halves = [
            (&own[..], own_lanes, own_members),
            (&other[..], other_lanes, other_members),
        ];
        // What the left half writes beyond its rows the right one then replaces.
        if queries.half == 1 {
            halves.swap(0, 1);
        }
        let by_key_stride = *stride + LANES;
        let planes = by_key.len() / by_key_stride;
        for (planes_of, lanes, members) in halves {
            for m in (0..planes).step_by(2) {
                for j in (0..members.rows.len()).step_by(2) {
                    let half = (planes_of, lanes, members);
                    let to = (&mut by_key[..], by_key_stride, (m, j));
                    match (planes - m, members.rows.len() - j) {
                        (1, 1) => by_members::<1, 1, F>(half, to),
                        (1, _) => by_members::<1, 2, F>(half, to),
                        (_, 1) => by_members::<2, 1, F>(half, to),
                        _ => by_members::<2, 2, F>(half, to),
                    }
                }
            }
        }
        let (constant, gradients) = by_key.split_at(by_key_stride);
        let e = &weights[..*stride];
        for at in (0..*stride).step_by(LANES) {
            let e = Lanes::load(&e[at..]);
            let mut sum = Lanes::load(&constant[at..]);
            for (m, dv) in dv.chunks_exact_mut(*stride).enumerate() {
                one_at_a_time();
                let gradient = Lanes::load(&gradients[m * by_key_stride + at..]);
                sum = Lanes::load(&relative[m * *stride + at..]).mul_add(gradient, sum);
                let dv = &mut dv[at..];
                e.mul_add(gradient, Lanes::load(dv)).store(dv);
            }
            (sum * e).store(&mut ds[at..]);
        }
    }
}

/// `start` and what the combinations of lanes `i` have of `numbers`, one a row of the table, for query row `q`.
#[inline(always)]
fn spread<const N: usize, F: Precision>(
    keys: &Keys<F>,
    q: usize,
    i: usize,
    numbers: [&[F]; N],
    start: [Lanes<F>; N],
) -> [Lanes<F>; N] {
    let mut sums = start;
    for key in &keys.positions {
        if key.own {
            for m in 0..N {
                sums[m] += Lanes::splat(numbers[m][q]);
            }
        } else {
            sums = key.spread_all_onto(sums, i, numbers);
        }
    }
    sums
}

/// What [`Tabulated::backward`] sums of a half: planes of as many lanes, and which combinations have which rows.
type Half<'a, F> = (&'a [Lanes<F>], usize, &'a Members<F>);

/// `Σ_c x_c` over the combinations `c` of a half that have key row `k`: planes `m..m + N`, lanes `j..j + J` of
/// the half's rows.
#[inline(always)]
fn by_members<const N: usize, const J: usize, F: Precision>(
    (planes, lanes, members): Half<'_, F>,
    (to, stride, (m, j)): (&mut [F], usize, (usize, usize)),
) {
    let (mut x, mut rows) = ([planes; N], [&members.rows[j][..]; J]);
    for a in 0..N {
        x[a] = &planes[(m + a) * lanes..][..lanes];
    }
    for b in 0..J {
        rows[b] = &members.rows[j + b];
    }
    let count = rows[0].len().min(lanes * LANES);
    let mut sums = [[[Lanes::zero(); WIDE]; J]; N];
    for at in (0..count).step_by(WIDE) {
        one_at_a_time();
        let mut has = [&rows[0][at..][..WIDE]; J];
        for b in 1..J {
            has[b] = &rows[b][at..][..WIDE];
        }
        for a in 0..N {
            let x = numbers(x[a], at);
            for n in 0..WIDE {
                let x = Lanes::splat(x[n]);
                for b in 0..J {
                    sums[a][b][n] = has[b][n].mul_add(x, sums[a][b][n]);
                }
            }
        }
    }
    for a in 0..N {
        for b in 0..J {
            let [x, y, z, w] = sums[a][b];
            let sum = (x + y) + (z + w);
            sum.store(&mut to[(m + a) * stride + members.first + (j + b) * LANES..]);
        }
    }
}
