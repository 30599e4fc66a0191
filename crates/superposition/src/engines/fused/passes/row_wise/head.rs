//! The head: what a row begins and ends with, and what all rows say about logits and values.

use crate::engines::fused::passes::row_wise::halves::{Keys, Layout, Queries, WIDE};
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
    pub(super) exact: [Softmax<F>; 2],
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
    /// Buffers for a head.
    pub fn new(head: &Head, layout: &Layout<F>, stride: usize) -> Self {
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
