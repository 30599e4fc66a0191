//! The softmax of one query row from tabulated exponentials, as [`crate::engines::fused::passes::pieces::grouped`] has it, halves
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
//! digits (all its keys are far below `M`), the whole row is left to [`crate::engines::fused::passes::row_wise::softmax`].

use crate::engines::fused::passes::row_wise::halves::{
    KeysAt, Layout, Members, Queries, WIDE, numbers,
};
use crate::engines::fused::simd::{LANES, Lanes, Precision, one_at_a_time};

/// One head's softmax, of one query row at a time. A combination is a lane.
#[derive(Debug)]
pub struct Tabulated<F> {
    /// `t_0` and `t_m` of each half, `[1 + values, lanes]`.
    pub sums: [Vec<Lanes<F>>; 2],
    /// Their gradients.
    pub d_sums: [Vec<Lanes<F>>; 2],
    /// Of all query rows: `ρ` `[query row, values]`, `e` and `e·u_m` of each key row
    /// `[query row, 1 + values, stride]`, `u` `[query row, values, stride]`.
    reference: Vec<F>,
    weights: Vec<F>,
    relative: Vec<F>,
    /// The numbers of the key rows, `[stride]`.
    numbers: Vec<F>,
    /// `E`, `[1 + values, stride + LANES]`: the last sixteen rows of a half may reach beyond the table's.
    by_key: Vec<F>,
    values: usize,
    stride: usize,
}

impl<F: Precision> Tabulated<F> {
    /// For up to so many lanes in each half, and `rows` queries.
    pub fn new(values: usize, lanes: [usize; 2], rows: usize, stride: usize) -> Self {
        let planes = 1 + values;
        Self {
            sums: lanes.map(|lanes| vec![Lanes::zero(); planes * lanes]),
            d_sums: lanes.map(|lanes| vec![Lanes::zero(); planes * lanes]),
            reference: vec![F::zero(); rows * values],
            weights: vec![F::zero(); rows * planes * stride],
            relative: vec![F::zero(); rows * values * stride],
            numbers: (0..stride).map(|k| F::from_f64(k as f64)).collect(),
            by_key: vec![F::zero(); planes * (stride + LANES)],
            values,
            stride,
        }
    }

    /// `ρ` of query row `q`, `[values]`.
    #[inline(always)]
    pub fn reference(&self, q: usize) -> &[F] {
        &self.reference[q * self.values..][..self.values]
    }

    /// `t` of query row `q`; whether every place keeps its digits.
    #[inline(always)]
    pub fn forward(&mut self, queries: &Queries<F>, q: usize) -> bool {
        let Self {
            sums,
            weights,
            values,
            stride,
            ..
        } = self;
        let row = (1 + *values) * *stride;
        // The sum of exponentials and one of values together.
        let (first, others) = weights[q * row..][..row].split_at(2 * *stride);
        let (e, products) = first.split_at(*stride);
        let mut least = F::zero();
        for (keys, sums) in queries.keys.iter().zip(sums) {
            let (alike, differing) = keys.positions.split_at(keys.alike);
            let (t, rest) = sums.split_at_mut(keys.lanes);
            let mut smallest = Lanes::splat(F::one());
            let common = spread(alike, q, 0, [e, products], [Lanes::zero(); 2]);
            for (i, (t, first)) in t.iter_mut().zip(rest.iter_mut()).enumerate() {
                [*t, *first] = spread(differing, q, i, [e, products], common);
                *t += keys.vacant[i];
                // A non-finite sum is the smallest.
                smallest = smallest.zip(*t, |least, t| if t >= least { least } else { t });
            }
            let planes = rest.chunks_exact_mut(keys.lanes).skip(1);
            for (sums, weights) in planes.zip(others.chunks_exact(*stride)) {
                let common = spread(alike, q, 0, [weights], [Lanes::zero()]);
                for (i, sum) in sums.iter_mut().enumerate() {
                    [*sum] = spread(differing, q, i, [weights], common);
                }
            }
            least += smallest.smallest();
        }
        least >= F::from_f64(F::SMALL_SUM)
    }

    /// `e`, `u` and `ρ` of all query rows, from their logits `s` `[query row, stride]` and the values `v`
    /// `[values, stride]`.
    #[inline(always)]
    pub fn exponentials(&mut self, layout: &Layout<F>, s: &[F], v: &[F]) {
        let Self {
            reference,
            weights,
            relative,
            numbers,
            values,
            stride,
            ..
        } = self;
        let rows = weights.chunks_exact_mut((1 + *values) * *stride);
        for (q, (weights, s)) in rows.zip(s.chunks_exact(*stride)).enumerate() {
            let mask = layout.mask(q, *stride);
            let (e, products) = weights.split_at_mut(*stride);
            let mut max = Lanes::splat(F::neg_infinity());
            for at in (0..*stride).step_by(LANES) {
                one_at_a_time();
                max = (Lanes::load(&s[at..]) + Lanes::load(&mask[at..])).max(max);
            }
            let max = Lanes::splat(max.largest());
            // The number of the first that is the largest; none where it is NaN.
            let mut largest = Lanes::splat(F::infinity());
            for at in (0..*stride).step_by(LANES) {
                one_at_a_time();
                let (s, mask) = (Lanes::load(&s[at..]), Lanes::load(&mask[at..]));
                let masked = s + mask;
                // As `Lanes::exp_below`, where the query sees the key.
                let seen = s.zip(
                    mask,
                    |s, mask| if mask == F::zero() { s } else { F::zero() },
                );
                let power = (masked - max).exp_of_negative();
                seen.mul_add(Lanes::zero(), power).store(&mut e[at..]);
                let beyond = masked.zip(
                    max,
                    |s, max| {
                        if s == max { F::zero() } else { F::infinity() }
                    },
                );
                let number = Lanes::load(&numbers[at..]) + beyond;
                largest = largest.zip(number, |x, y| if y < x { y } else { x });
            }
            let largest = largest.smallest().to_usize().unwrap_or(0);
            let planes = products
                .chunks_exact_mut(*stride)
                .zip(v.chunks_exact(*stride));
            for (m, (products, v)) in planes.enumerate() {
                let from = v[largest];
                reference[q * *values + m] = from;
                let relative = &mut relative[(q * *values + m) * *stride..][..*stride];
                let from = Lanes::splat(from);
                for at in (0..*stride).step_by(LANES) {
                    one_at_a_time();
                    let u = Lanes::load(&v[at..]) - from;
                    u.store(&mut relative[at..]);
                    (Lanes::load(&e[at..]) * u).store(&mut products[at..]);
                }
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
            values,
            stride,
            ..
        } = self;
        let [own, other] = d_sums;
        let (own_lanes, other_lanes) = (queries.keys[0].lanes, queries.keys[1].lanes);
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
        let e = &weights[q * (1 + *values) * *stride..][..*stride];
        let relative = &relative[q * *values * *stride..][..*values * *stride];
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

/// `start` and what the combinations of lanes `i` have of `numbers`, one a row of the table, at these positions,
/// for query row `q`.
#[inline(always)]
fn spread<const N: usize, F: Precision>(
    positions: &[KeysAt<F>],
    q: usize,
    i: usize,
    numbers: [&[F]; N],
    start: [Lanes<F>; N],
) -> [Lanes<F>; N] {
    let mut sums = start;
    for key in positions {
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
