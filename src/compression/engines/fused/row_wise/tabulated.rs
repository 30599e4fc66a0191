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
use super::halves::{Layout, Queries, WIDE, numbers};

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
    /// `E`, `[1 + values, stride]`.
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
            by_key: vec![F::zero(); planes * stride],
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
            let mut smallest = Lanes::splat(F::one());
            for (m, weights) in weights.chunks_exact(*stride).enumerate() {
                for (i, sum) in sums[m * keys.lanes..][..keys.lanes].iter_mut().enumerate() {
                    one_at_a_time();
                    let mut t = if m == 0 {
                        keys.vacant[i]
                    } else {
                        Lanes::zero()
                    };
                    for key in &keys.positions {
                        if key.own {
                            t += Lanes::splat(weights[q]);
                        } else {
                            t = key.spread_onto(t, i, weights);
                        }
                    }
                    *sum = t;
                    if m == 0 {
                        // A sum that is no number is the smallest.
                        smallest = smallest.zip(t, |least, t| if t >= least { least } else { t });
                    }
                }
            }
            least += smallest
                .0
                .iter()
                .fold(F::one(), |least, t| if *t >= least { least } else { *t });
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
        let planes = own
            .chunks_exact(own_lanes)
            .zip(other.chunks_exact(other_lanes));
        let [own_members, other_members] = queries.members(layout);
        let own_rows = &queries.own[q - queries.rows.start];
        for (by_key, (own, other)) in by_key.chunks_exact_mut(*stride).zip(planes) {
            for (j, by_key) in by_key.chunks_exact_mut(LANES).enumerate() {
                let at = (j, *stride / LANES);
                let sum = sum_by_members(own_rows, own, own_members, at)
                    + sum_by_members(&queries.others, other, other_members, at);
                sum.store(by_key);
            }
        }
        let (constant, gradients) = by_key.split_at(*stride);
        let e = &weights[..*stride];
        for at in (0..*stride).step_by(LANES) {
            let e = Lanes::load(&e[at..]);
            let mut sum = Lanes::load(&constant[at..]);
            for (m, dv) in dv.chunks_exact_mut(*stride).enumerate() {
                one_at_a_time();
                let gradient = Lanes::load(&gradients[m * *stride + at..]);
                sum = Lanes::load(&relative[m * *stride + at..]).mul_add(gradient, sum);
                let dv = &mut dv[at..];
                e.mul_add(gradient, Lanes::load(dv)).store(dv);
            }
            (sum * e).store(&mut ds[at..]);
        }
    }
}

/// `Σ_c x_c` over the combinations `c` that have key row `k`, which `members` says, for sixteen rows: number
/// `j` of the `lanes` that hold all.
#[inline(always)]
fn sum_by_members<F: Precision>(
    combinations: &[u32],
    x: &[Lanes<F>],
    members: &[Lanes<F>],
    (j, lanes): (usize, usize),
) -> Lanes<F> {
    let mut sums = [Lanes::zero(); WIDE];
    for (at, combinations) in combinations.chunks_exact(WIDE).enumerate() {
        one_at_a_time();
        let x = numbers(x, at * WIDE);
        for n in 0..WIDE {
            let members = members[combinations[n] as usize * lanes + j];
            sums[n] = members.mul_add(Lanes::splat(x[n]), sums[n]);
        }
    }
    let [a, b, c, d] = sums;
    (a + b) + (c + d)
}
