//! One head at the places of a row: from both halves' tables to `o`, and back.
//!
//! Of a row that is [`Tabulated`], see there. Of another, each half has its [`Softmax`], with `n_i`, `M_i`
//! and `o_{m,i}`, and `dλ_i` the gradient of `ln n_i + M_i`:
//!
//! ```text
//! forward                                  backward
//! w_i = n_i·exp(M_i − max(M_1, M_2))       dλ_1 = p_1·p_2·Σ_m do_m·(o_{m,1} − o_{m,2}),  dλ_2 = −dλ_1
//! p_i = w_i/(w_1 + w_2)                    do_{m,i} = p_i·do_m
//! o_m = p_1·o_{m,1} + p_2·o_{m,2}          each summed over the places of a combination
//! ```
//!
//! Logits of any size are exact that way: each sum of exponentials is relative to its own largest.

use crate::engines::fused::passes::row_wise::halves::{Keys, Layout, Queries, TILE, WIDE, numbers};
use crate::engines::fused::passes::row_wise::network::Tile;
use crate::engines::fused::passes::row_wise::softmax::Softmax;
use crate::engines::fused::passes::row_wise::tabulated::Tabulated;
use crate::engines::fused::plan::Head;
use crate::engines::fused::simd::sums::{sum_each, sums, sums_of_four};
use crate::engines::fused::simd::{LANES, Lanes, Precision, one_at_a_time};

/// One head.
#[derive(Debug)]
pub struct HeadWork<F> {
    pub(super) tabulated: Tabulated<F>,
    /// Over its own half and over the other.
    exact: [Softmax<F>; 2],
    /// The row at hand, and whether it is tabulated; whether a row of these queries, or of the step, was not.
    pub(super) row: usize,
    pub(super) is_tabulated: bool,
    queries_exact: bool,
    step_exact: bool,
    /// Gradients of the own half's combinations, not yet summed over the other's lanes: `dt`, or `dλ`
    /// and `do`. `[1 + values, own combinations]`, and the combinations in whole lanes.
    pub(super) own: Vec<Lanes<F>>,
    pub(super) own_stride: usize,
    /// `s` and `ds` `[query row, stride]`.
    pub logits: Vec<F>,
    d_logits: Vec<F>,
    /// `dv` `[values, stride]` of tabulated rows.
    dv: Vec<F>,
    /// Of others: `ds` of one row and `dv`, a [`Lanes`] for each key row.
    exact_ds: Vec<Lanes<F>>,
    exact_dv: Vec<Lanes<F>>,
    /// `1/n` of a tile, or `p_1` and `p_2`.
    shares: [Tile<F>; 2],
    /// `o − ρ` of a tile, for each value.
    relative: Vec<Tile<F>>,
    /// Its values among all.
    first_value: usize,
    values: usize,
}

/// What all rows have said about a head's logits and values.
#[derive(Debug)]
pub struct HeadGradients<'a, F> {
    /// `ds` `[query row, stride]`.
    pub ds: &'a [F],
    /// `dv` `[values, stride]` of tabulated rows.
    pub tabulated_dv: &'a [F],
    /// The same of others, their lanes not yet summed.
    pub exact_dv: &'a [Lanes<F>],
    /// Room for what is formed of these, `[stride]`.
    pub products: &'a mut [Lanes<F>],
}

impl<F: Precision> HeadWork<F> {
    /// Buffers for a head whose values are number `first_value` and on of all.
    pub fn new(head: &Head, layout: &Layout<F>, stride: usize, first_value: usize) -> Self {
        let values = head.value.len();
        let largest = |of: &dyn Fn(&Keys<F>) -> usize, side: usize| {
            let sizes = layout.queries.iter().map(|queries| of(&queries.keys[side]));
            sizes.max().unwrap_or(0)
        };
        let lanes = [0, 1].map(|side| largest(&|keys| keys.lanes, side));
        let exact = [0, 1].map(|side| {
            let positions = largest(&|keys| keys.positions.len(), side);
            Softmax::new(values, positions, lanes[side])
        });
        let own_stride = lanes[0] * LANES;
        Self {
            tabulated: Tabulated::new(values, lanes, layout.rows(), stride),
            exact,
            row: 0,
            is_tabulated: true,
            queries_exact: false,
            step_exact: false,
            own: vec![Lanes::zero(); (1 + values) * own_stride],
            own_stride,
            logits: vec![F::zero(); stride * stride],
            d_logits: vec![F::zero(); stride * stride],
            dv: vec![F::zero(); values * stride],
            exact_ds: vec![Lanes::zero(); stride],
            exact_dv: vec![Lanes::zero(); values * stride],
            shares: [[Lanes::zero(); TILE]; 2],
            relative: vec![[Lanes::zero(); TILE]; values],
            first_value,
            values,
        }
    }

    /// After the last row of a step.
    pub fn gradients(&mut self) -> HeadGradients<'_, F> {
        HeadGradients {
            ds: &self.d_logits,
            tabulated_dv: &self.dv,
            exact_dv: &self.exact_dv,
            products: &mut self.exact_ds,
        }
    }

    /// Before the first row of a step, with the values `v` `[values, stride]` of every row.
    #[inline(always)]
    pub fn begin(&mut self, layout: &Layout<F>, v: &[F]) {
        self.tabulated.exponentials(layout, &self.logits, v);
        self.dv.fill(F::zero());
        if std::mem::take(&mut self.step_exact) {
            self.exact_dv.fill(Lanes::zero());
        }
    }

    /// Before the queries of a position.
    #[inline(always)]
    pub fn begin_queries(&mut self) {
        self.queries_exact = false;
    }

    /// Before the places of row `q`: its tables, with the values `v` `[values, stride]` of every row.
    #[inline(always)]
    pub fn begin_row(&mut self, queries: &Queries<F>, q: usize, v: &[F]) {
        let stride = self.exact_ds.len();
        let s = &self.logits[q * stride..][..stride];
        self.row = q;
        self.is_tabulated = self.tabulated.forward(queries, q);
        let (places, other) = (own_places(queries), queries.keys[1].lanes);
        for sums in self.own.chunks_exact_mut(self.own_stride) {
            for sum in &mut sums[..places] {
                one_at_a_time();
                *sum = Lanes::zero();
            }
        }
        if self.is_tabulated {
            self.tabulated.d_sums[1][..(1 + self.values) * other].fill(Lanes::zero());
            return;
        }
        for (keys, softmax) in queries.keys.iter().zip(&mut self.exact) {
            if !self.queries_exact {
                softmax.begin(keys, v, stride);
            }
            softmax.forward(keys, q, s, v, stride);
        }
        (self.queries_exact, self.step_exact) = (true, true);
        let softmax = &mut self.exact[1];
        softmax.d_log[..other].fill(Lanes::zero());
        softmax.d_mean[..other * self.values].fill(Lanes::zero());
    }

    /// `o` of a tile of places, among those of all heads.
    #[inline(always)]
    pub fn forward(&mut self, strips: &[(usize, usize)], lanes: [usize; 2], to: &mut [Tile<F>]) {
        let to = &mut to[self.first_value..][..self.values];
        for (at, &(o, i)) in strips.iter().enumerate() {
            if self.is_tabulated {
                self.divide(at * WIDE, (o, i), lanes, to);
            } else {
                self.merge(at * WIDE, (o, i), lanes, to);
            }
        }
    }

    /// Adds to both halves' gradients what `do` of these places says.
    #[inline(always)]
    pub fn backward(&mut self, strips: &[(usize, usize)], lanes: [usize; 2], d_o: &[Tile<F>]) {
        let d_o = &d_o[self.first_value..][..self.values];
        for (at, &(o, i)) in strips.iter().enumerate() {
            if self.is_tabulated {
                self.divide_backward(at * WIDE, (o, i), lanes, d_o);
            } else {
                self.merge_backward(at * WIDE, (o, i), lanes, d_o);
            }
        }
    }

    /// After the places of row `q`: its `ds`, and its part of `dv`.
    #[inline(always)]
    pub fn end_row(&mut self, layout: &Layout<F>, queries: &Queries<F>, q: usize) {
        let (places, lanes) = (own_places(queries), queries.keys[0].lanes);
        let stride = self.exact_ds.len();
        let ds = &mut self.d_logits[q * stride..][..stride];
        if self.is_tabulated {
            let to = &mut self.tabulated.d_sums[0];
            for m in 0..=self.values {
                let own = &self.own[m * self.own_stride..][..places];
                sum_lanes(own, &mut to[m * lanes..][..lanes]);
            }
            self.tabulated
                .backward(layout, queries, q, ds, &mut self.dv);
            return;
        }
        let Softmax { d_log, d_mean, .. } = &mut self.exact[0];
        sum_lanes(&self.own[..places], &mut d_log[..lanes]);
        for m in 0..self.values {
            let own = &self.own[(1 + m) * self.own_stride..][..places];
            sum_lanes(own, &mut d_mean[m * lanes..][..lanes]);
        }
        self.exact_ds.fill(Lanes::zero());
        for (keys, softmax) in queries.keys.iter().zip(&mut self.exact) {
            softmax.backward(keys, q, &mut self.exact_ds, &mut self.exact_dv);
        }
        sum_each(&self.exact_ds, ds);
    }

    /// After the queries of a position.
    #[inline(always)]
    pub fn end_queries(&mut self, queries: &Queries<F>) {
        if self.queries_exact {
            for (keys, softmax) in queries.keys.iter().zip(&self.exact) {
                softmax.end(keys, self.exact_ds.len(), &mut self.exact_dv);
            }
        }
    }

    /// A strip of a tabulated row.
    #[inline(always)]
    fn divide(&mut self, at: usize, (o, i): (usize, usize), lanes: [usize; 2], to: &mut [Tile<F>]) {
        let [own, other] = &self.tabulated.sums;
        let (own_sum, sum) = (numbers(own, o), other[i]);
        let inverse = &mut self.shares[0][at..][..WIDE];
        for n in 0..WIDE {
            inverse[n] = Lanes::splat(F::one()) / (Lanes::splat(own_sum[n]) + sum);
        }
        let tiles = to.iter_mut().zip(&mut self.relative);
        for (m, ((to, relative), reference)) in
            tiles.zip(self.tabulated.reference(self.row)).enumerate()
        {
            let (to, relative) = (&mut to[at..][..WIDE], &mut relative[at..][..WIDE]);
            let own_sum = numbers(&own[(1 + m) * lanes[0]..], o);
            let sum = other[(1 + m) * lanes[1] + i];
            for n in 0..WIDE {
                let from = (Lanes::splat(own_sum[n]) + sum) * inverse[n];
                relative[n] = from;
                to[n] = from + Lanes::splat(*reference);
            }
        }
    }

    /// The same backwards.
    #[inline(always)]
    fn divide_backward(
        &mut self,
        at: usize,
        (o, i): (usize, usize),
        lanes: [usize; 2],
        d_o: &[Tile<F>],
    ) {
        let inverse = &self.shares[0][at..][..WIDE];
        let other = &mut self.tabulated.d_sums[1];
        let mut beta = [Lanes::zero(); WIDE];
        for (m, (d_o, relative)) in d_o.iter().zip(&self.relative).enumerate() {
            let (d_o, relative) = (&d_o[at..][..WIDE], &relative[at..][..WIDE]);
            let own = &mut self.own[(1 + m) * self.own_stride + o..][..WIDE];
            let mut sum = Lanes::zero();
            for n in 0..WIDE {
                let alpha = d_o[n] * inverse[n];
                own[n] += alpha;
                sum += alpha;
                beta[n] = relative[n].mul_add(alpha, beta[n]);
            }
            other[(1 + m) * lanes[1] + i] += sum;
        }
        let own = &mut self.own[o..][..WIDE];
        let mut sum = Lanes::zero();
        for n in 0..WIDE {
            own[n] -= beta[n];
            sum += beta[n];
        }
        other[i] -= sum;
    }

    /// A strip of another row.
    #[inline(always)]
    fn merge(&mut self, at: usize, (o, i): (usize, usize), lanes: [usize; 2], to: &mut [Tile<F>]) {
        let [own, other] = &self.exact;
        let (largest, sum) = (other.largest[i], other.sum[i]);
        let own_largest = numbers(&own.largest, o);
        let own_sum = numbers(&own.sum, o);
        for n in 0..WIDE {
            let x = Lanes::splat(own_largest[n]) - largest;
            let e = x.map(|x| -x.abs()).exp_of_negative();
            let one = F::one();
            let first =
                Lanes::splat(own_sum[n]) * x.zip(e, |x, e| if x > F::zero() { one } else { e });
            let second = sum * x.zip(e, |x, e| if x > F::zero() { e } else { one });
            let inverse = Lanes::splat(one) / (first + second);
            self.shares[0][at + n] = first * inverse;
            self.shares[1][at + n] = second * inverse;
        }
        let [p, r] = &self.shares;
        for (m, to) in to.iter_mut().enumerate() {
            one_at_a_time();
            let mean = other.mean[m * lanes[1] + i];
            let own_mean = numbers(&own.mean[m * lanes[0]..], o);
            for n in 0..WIDE {
                to[at + n] = p[at + n].mul_add(Lanes::splat(own_mean[n]), r[at + n] * mean);
            }
        }
    }

    /// The same backwards.
    #[inline(always)]
    fn merge_backward(
        &mut self,
        at: usize,
        (o, i): (usize, usize),
        lanes: [usize; 2],
        d_o: &[Tile<F>],
    ) {
        let [own, other] = &mut self.exact;
        let [p, r] = &self.shares;
        let mut difference = [Lanes::zero(); WIDE];
        for (m, d_o) in d_o.iter().enumerate() {
            one_at_a_time();
            let mean = other.mean[m * lanes[1] + i];
            let own_mean = numbers(&own.mean[m * lanes[0]..], o);
            let own_sums = &mut self.own[(1 + m) * self.own_stride + o..][..WIDE];
            let mut sum = other.d_mean[m * lanes[1] + i];
            for n in 0..WIDE {
                let d_o = d_o[at + n];
                let from = Lanes::splat(own_mean[n]) - mean;
                difference[n] = d_o.mul_add(from, difference[n]);
                own_sums[n] = p[at + n].mul_add(d_o, own_sums[n]);
                sum = r[at + n].mul_add(d_o, sum);
            }
            other.d_mean[m * lanes[1] + i] = sum;
        }
        let mut sum = other.d_log[i];
        for (n, own) in self.own[o..][..WIDE].iter_mut().enumerate() {
            let d_log = p[at + n] * r[at + n] * difference[n];
            *own += d_log;
            sum -= d_log;
        }
        other.d_log[i] = sum;
    }
}

/// The own combinations of a row of these queries with room for them in lanes; few have a way of their own.
#[inline(always)]
fn own_places<F: Precision>(queries: &Queries<F>) -> usize {
    let count = queries.keys[0].count;
    if count <= WIDE {
        WIDE
    } else {
        queries.keys[0].lanes * LANES
    }
}

/// [`sum_each`], into lanes.
#[inline(always)]
fn sum_lanes<F: Precision>(from: &[Lanes<F>], to: &mut [Lanes<F>]) {
    if let (Some(four), WIDE, [to]) = (from.first_chunk(), from.len(), &mut *to) {
        *to = sums_of_four(four);
        return;
    }
    for i in 0..to.len() {
        one_at_a_time();
        if let Some(sixteen) = from[i * LANES..].first_chunk() {
            to[i] = sums(sixteen);
        }
    }
}
