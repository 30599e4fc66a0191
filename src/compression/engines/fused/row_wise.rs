//! A small space worked through row by row of the table, not input by input of the batch.
//!
//! Where all blocks after the first live attention work at one position, what they compute at a place
//! (an input and a position) depends on the row `q` of that position and on two things more: which
//! tokens the left half of the positions has and which the right. So the places of a row are a table
//! of left by right combinations ([`halves`]), always in the same order, and a batch says only how
//! often each place occurs. Nothing is looked up and nothing scattered.
//!
//! A softmax over all keys is one over two halves, each with its own softmax ([`softmax`]): with
//! `n_i`, `M_i` and `o_{m,i}` of half `i`, and `dλ_i` the gradient of `ln n_i + M_i`,
//!
//! ```text
//! forward                                  backward
//! w_i = n_i·exp(M_i − max(M_1, M_2))       dλ_1 = p_1·p_2·Σ_m do_m·(o_{m,1} − o_{m,2}),  dλ_2 = −dλ_1
//! p_i = w_i/(w_1 + w_2)                    do_{m,i} = p_i·do_m
//! o_m = p_1·o_{m,1} + p_2·o_{m,2}          each summed over the places of a combination
//! ```
//!
//! Logits of any size are exact: each sum of exponentials is relative to its own largest. The rest of
//! a place is in [`network`].

pub mod halves;
pub mod network;
pub mod softmax;
mod step;

use super::common::{Common, Gradients};
use super::grouping::Grouping;
use super::inputs::Inputs;
use super::lanes::{LANES, Lanes, Precision, add_scaled, dot, kernels, one_at_a_time};
use super::mlp::OutputMap;
use super::piece::Terms;
use super::plan::{Head, Plan};
use super::sums::sum_each;
use super::table::{Table, TableGradient};
use crate::compression::teacher::Targets;
use crate::inputs::InputSpace;
use halves::{Counts, Layout, WIDE};
use network::{Network, Tile};
use softmax::Softmax;

/// All that this way of computing needs.
#[derive(Debug)]
pub struct RowWise<F> {
    layout: Layout<F>,
    counts: Counts<F>,
    network: Network<F>,
    heads: Vec<HeadWork<F>>,
    /// The attention's number among the live blocks.
    attention: usize,
    /// How often each row of the table occurs.
    occurrences: Vec<F>,
    /// At how many positions of each member the output counts.
    counted: Vec<f64>,
}

/// One head.
#[derive(Debug)]
struct HeadWork<F> {
    /// Its softmaxes over its own half and over the other.
    softmax: [Softmax<F>; 2],
    /// `dλ` and `do` of the own half, not yet summed over the other's lanes:
    /// `[1 + values, own combinations]`, and the combinations in whole lanes.
    own: Vec<Lanes<F>>,
    own_stride: usize,
    /// `s` and `ds` `[query row, stride]`.
    logits: Vec<F>,
    d_logits: Vec<F>,
    /// `ds` of one row and `dv` of all, a [`Lanes`] for each key row.
    ds: Vec<Lanes<F>>,
    dv: Vec<Lanes<F>>,
    /// `p_1` and `p_2` of a tile.
    shares: [Tile<F>; 2],
    /// Its values among all, and their first column in the table.
    first_value: usize,
    values: usize,
}

impl<F: Precision> RowWise<F> {
    /// For a plan that has chosen it, on a space whose targets are kept.
    pub fn new(plan: &Plan, halves: &Grouping, space: &InputSpace, targets: &Targets) -> Self {
        let layout = Layout::new(plan, halves, space, targets);
        let (attention, heads) = plan.first_attention().unwrap_or((0, &[]));
        let stride = plan.table_rows().next_multiple_of(LANES);
        let mut first_value = 0;
        let heads: Vec<HeadWork<F>> = heads
            .iter()
            .map(|head| {
                let work = HeadWork::new(head, &layout, stride, first_value);
                first_value += head.value.len();
                work
            })
            .collect();
        Self {
            counts: Counts::new(halves),
            network: Network::new(plan, first_value),
            occurrences: vec![F::zero(); plan.table_rows()],
            counted: Vec::new(),
            layout,
            heads,
            attention,
        }
    }

    /// Takes in at which rows of the table the output counts.
    pub fn count(&mut self, inputs: &Inputs<F>, counted: &[bool]) {
        let positions = |rows: &[u32]| rows.iter().filter(|row| counted[**row as usize]).count();
        self.counted.clear();
        let members = inputs.space_rows();
        self.counted
            .extend(members.map(|rows| positions(rows) as f64));
    }

    /// The positions of a batch at which the output counts.
    pub fn counted(&self, members: &[u64]) -> f64 {
        members.iter().map(|m| self.counted[*m as usize]).sum()
    }

    /// How often each row of the table occurred in the last batch.
    pub fn occurrences(&self) -> &[F] {
        &self.occurrences
    }

    /// The losses of a batch and their gradients, the table's blocks aside: from the filled table to
    /// `dL/dz` of the table. `counted` says at which rows the output counts.
    pub fn run(
        &mut self,
        plan: &Plan,
        common: &Common<F>,
        (members, counted): (&[u64], &[bool]),
        terms: Terms<'_>,
        gradients: &mut Gradients<F>,
    ) {
        self.counts.load(&self.layout, members);
        self.network.begin(plan, &common.folded);
        let Some((_, heads)) = plan.first_attention() else {
            return;
        };
        let z = &common.table.z[self.attention];
        for (head, work) in heads.iter().zip(&mut self.heads) {
            logits(head, z, common.table.stride, &mut work.logits);
        }
        rows(
            &self.layout,
            &self.counts,
            (&common.table, &common.outputs),
            (heads, self.attention),
            (counted, terms),
            &mut self.network,
            &mut self.heads,
            &mut self.occurrences,
            &mut gradients.table,
        );
        self.network.end(plan, &mut gradients.folded);
        let dz = &mut gradients.table.z[self.attention];
        for (head, work) in heads.iter().zip(&self.heads) {
            finish(head, z, common.table.stride, &work.d_logits, &work.dv, dz);
        }
        gradients.loss.layers += self.network.loss_layers.sum().widen();
        gradients.loss.output += self.network.loss_output.sum().widen();
    }
}

impl<F: Precision> HeadWork<F> {
    fn new(head: &Head, layout: &Layout<F>, stride: usize, first_value: usize) -> Self {
        let values = head.value.len();
        let largest = |of: &dyn Fn(&halves::Keys<F>) -> usize, side: usize| {
            let sizes = layout.queries.iter().map(|queries| of(&queries.keys[side]));
            sizes.max().unwrap_or(0)
        };
        let softmax = [0, 1].map(|side| {
            let positions = largest(&|keys| keys.positions.len(), side);
            Softmax::new(values, positions, largest(&|keys| keys.lanes, side))
        });
        let own_stride = largest(&|keys| keys.lanes, 0) * LANES;
        Self {
            softmax,
            own: vec![Lanes::zero(); (1 + values) * own_stride],
            own_stride,
            logits: vec![F::zero(); stride * stride],
            d_logits: vec![F::zero(); stride * stride],
            ds: vec![Lanes::zero(); stride],
            dv: vec![Lanes::zero(); values * stride],
            shares: [[Lanes::zero(); WIDE]; 2],
            first_value,
            values,
        }
    }

    /// `o` of own combinations `o..o + WIDE` with lanes `i` of the other ones.
    #[inline(always)]
    fn forward(&mut self, o: usize, i: usize, lanes: [usize; 2], to: &mut [Tile<F>]) {
        let [own, other] = &self.softmax;
        let (largest, sum) = (other.largest[i], other.sum[i]);
        let own_largest = own_combinations(&own.largest, o);
        let own_sum = own_combinations(&own.sum, o);
        for n in 0..WIDE {
            let x = Lanes::splat(own_largest[n]) - largest;
            let e = x.map(|x| -x.abs()).exp_of_negative();
            let one = F::one();
            let first =
                Lanes::splat(own_sum[n]) * x.zip(e, |x, e| if x > F::zero() { one } else { e });
            let second = sum * x.zip(e, |x, e| if x > F::zero() { e } else { one });
            let inverse = Lanes::splat(one) / (first + second);
            self.shares[0][n] = first * inverse;
            self.shares[1][n] = second * inverse;
        }
        let [p, r] = &self.shares;
        for (m, to) in to[self.first_value..][..self.values].iter_mut().enumerate() {
            one_at_a_time();
            let mean = other.mean[m * lanes[1] + i];
            let own_mean = own_combinations(&own.mean[m * lanes[0]..], o);
            for n in 0..WIDE {
                to[n] = p[n].mul_add(Lanes::splat(own_mean[n]), r[n] * mean);
            }
        }
    }

    /// Adds to both halves' `dλ` and `do` what `do` of these places says.
    #[inline(always)]
    fn backward(&mut self, o: usize, i: usize, lanes: [usize; 2], d_o: &[Tile<F>]) {
        let [own, other] = &mut self.softmax;
        let [p, r] = &self.shares;
        let mut difference = [Lanes::zero(); WIDE];
        for (m, d_o) in d_o[self.first_value..][..self.values].iter().enumerate() {
            one_at_a_time();
            let mean = other.mean[m * lanes[1] + i];
            let own_mean = own_combinations(&own.mean[m * lanes[0]..], o);
            let own_sums = &mut self.own[(1 + m) * self.own_stride + o..][..WIDE];
            let mut sum = other.d_mean[m * lanes[1] + i];
            for n in 0..WIDE {
                let from = Lanes::splat(own_mean[n]) - mean;
                difference[n] = d_o[n].mul_add(from, difference[n]);
                own_sums[n] = p[n].mul_add(d_o[n], own_sums[n]);
                sum = r[n].mul_add(d_o[n], sum);
            }
            other.d_mean[m * lanes[1] + i] = sum;
        }
        let mut sum = other.d_log[i];
        for (n, own) in self.own[o..][..WIDE].iter_mut().enumerate() {
            let d_log = p[n] * r[n] * difference[n];
            *own += d_log;
            sum -= d_log;
        }
        other.d_log[i] = sum;
    }

    /// Before the places of a row.
    #[inline(always)]
    fn begin_row(&mut self, lanes: [usize; 2]) {
        for own in self.own.chunks_exact_mut(self.own_stride) {
            own[..lanes[0] * LANES].fill(Lanes::zero());
        }
        let other = &mut self.softmax[1];
        other.d_log[..lanes[1]].fill(Lanes::zero());
        other.d_mean[..lanes[1] * self.values].fill(Lanes::zero());
    }

    /// After them: the own half's sums over the lanes.
    #[inline(always)]
    fn end_row(&mut self, lanes: usize) {
        let own = &mut self.softmax[0];
        let (d_log, d_mean) = self.own.split_at(self.own_stride);
        sum_lanes(&d_log[..lanes * LANES], &mut own.d_log);
        let means = d_mean.chunks_exact(self.own_stride);
        for (from, to) in means.zip(own.d_mean.chunks_exact_mut(lanes)) {
            sum_lanes(&from[..lanes * LANES], to);
        }
    }
}

/// Numbers of own combinations `o..o + WIDE`.
#[inline(always)]
fn own_combinations<F: Precision>(of: &[Lanes<F>], o: usize) -> &[F] {
    &of[o / LANES].0[o % LANES..][..WIDE]
}

/// [`sum_each`], into lanes.
#[inline(always)]
fn sum_lanes<F: Precision>(from: &[Lanes<F>], to: &mut [Lanes<F>]) {
    for (from, to) in from.chunks_exact(LANES).zip(to) {
        one_at_a_time();
        sum_each(from, &mut to.0);
    }
}

kernels! {
    /// `s_{qk} = Σ_c zq_{c,q}·zk_{c,k}`, `[query row, stride]`.
    fn logits<'a, F>(head: &'a Head, z: &'a [F], stride: usize, s: &'a mut [F]) {
        s.fill(F::zero());
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            let (queries, keys) = (&z[query * stride..][..stride], &z[key * stride..][..stride]);
            for (s, query) in s.chunks_exact_mut(stride).zip(queries) {
                add_scaled(*query, keys, s);
            }
        }
    }

    /// The head's columns of the table's `dz` from `ds` and the lanes of `dv`.
    fn finish<'a, F>(
        head: &'a Head,
        z: &'a [F],
        stride: usize,
        ds: &'a [F],
        dv: &'a [Lanes<F>],
        dz: &'a mut [F],
    ) {
        for (query, key) in head.query.clone().zip(head.key.clone()) {
            for (q, ds) in ds.chunks_exact(stride).enumerate() {
                dz[query * stride + q] += dot(ds, &z[key * stride..][..stride]);
                add_scaled(z[query * stride + q], ds, &mut dz[key * stride..][..stride]);
            }
        }
        for (m, dv) in head.value.clone().zip(dv.chunks_exact(stride)) {
            sum_each(dv, &mut dz[m * stride..][..stride]);
        }
    }

    /// All rows, forward and back.
    fn rows<'a, F>(
        layout: &'a Layout<F>,
        counts: &'a Counts<F>,
        read: (&'a Table<F>, &'a [OutputMap<F>]),
        attention: (&'a [Head], usize),
        objective: (&'a [bool], Terms<'a>),
        network: &'a mut Network<F>,
        work: &'a mut [HeadWork<F>],
        occurrences: &'a mut [F],
        gradient: &'a mut TableGradient<F>,
    ) {
        let (table, outputs) = read;
        let (heads, number) = attention;
        let (counted, terms) = objective;
        let stride = table.stride;
        for work in work.iter_mut() {
            work.dv.fill(Lanes::zero());
        }
        for queries in &layout.queries {
            let lanes = [queries.keys[0].lanes, queries.keys[1].lanes];
            for (head, work) in heads.iter().zip(work.iter_mut()) {
                let v = &table.z[number][head.value.start * stride..head.value.end * stride];
                for (keys, softmax) in queries.keys.iter().zip(&mut work.softmax) {
                    softmax.begin(keys, v, stride);
                }
            }
            for (q, own) in queries.rows.clone().zip(&queries.own) {
                for (head, work) in heads.iter().zip(work.iter_mut()) {
                    let v = &table.z[number][head.value.start * stride..head.value.end * stride];
                    let s = &work.logits[q * stride..][..stride];
                    for (keys, softmax) in queries.keys.iter().zip(&mut work.softmax) {
                        softmax.forward(keys, q, s, v, stride);
                    }
                    work.begin_row(lanes);
                }
                network.begin_row(q, table);
                let targets = &layout.targets[q];
                let places = own.len() * lanes[1];
                let mut occurring = Lanes::zero();
                for i in 0..lanes[1] {
                    for o in (0..own.len()).step_by(WIDE) {
                        for work in work.iter_mut() {
                            work.forward(o, i, lanes, &mut network.o);
                        }
                        network.forward(outputs);
                        let mut weights = [Lanes::zero(); WIDE];
                        for n in 0..WIDE {
                            weights[n] = counts.at(queries.half, own[o + n], lanes[1], i);
                            occurring += weights[n];
                        }
                        let targets = (&targets[i * own.len() + o..], places);
                        network.backward(outputs, targets, &weights, counted[q], terms);
                        for work in work.iter_mut() {
                            work.backward(o, i, lanes, &network.d_o);
                        }
                    }
                }
                occurrences[q] = occurring.sum();
                network.end_row(q, stride, gradient);
                for work in work.iter_mut() {
                    work.end_row(lanes[0]);
                    work.ds.fill(Lanes::zero());
                    for (keys, softmax) in queries.keys.iter().zip(&mut work.softmax) {
                        softmax.backward(keys, q, &mut work.ds, &mut work.dv);
                    }
                    sum_each(&work.ds, &mut work.d_logits[q * stride..][..stride]);
                }
            }
            for work in work.iter_mut() {
                for (keys, softmax) in queries.keys.iter().zip(&work.softmax) {
                    softmax.end(keys, stride, &mut work.dv);
                }
            }
        }
    }
}
