//! One head of the first live attention, whose logits depend on two (position, token) pairs.
//!
//! With `e_{qk} = exp(s_{qk} − M_q)`, `M_q` the largest logit that query row `q` can meet, a
//! sequence needs `Σ_k e_{qk}` and `Σ_k e_{qk}·v_{m,k}` over its key rows. Both are sums over groups
//! of key positions ([`Grouping`]), tabulated for each combination `c` of tokens:
//!
//! ```text
//! forward, with u_{m,k} = v_{m,k} − r_{m,q}  backward, α_m = do_m/n_0, β = Σ_m (o_m − r_{m,q})·α_m
//! t_0(c, q) = Σ_{k∈c} e_{qk}                 dt_0(c, q) += −β,  dt_m(c, q) += α_m
//! t_m(c, q) = Σ_{k∈c} e_{qk}·u_{m,k}         E_m(k, q) = Σ_{c∋k} dt_m(c, q)
//! n_m = Σ_groups t_m(c, q)                   ds_{qk} = e_{qk}·(E_0(k, q) + Σ_m u_{m,k}·E_m(k, q))
//! o_m = r_{m,q} + n_m / n_0                  dv_{m,k} = Σ_q e_{qk}·E_m(k, q)
//! ```
//!
//! A softmax's result does not care from where values are measured, but rounding does: `r_{m,q}` is
//! the value of the key row with `q`'s largest logit, so that for a saturated softmax the terms of
//! `ds` are small each, and not differences of large ones.
//!
//! Where a sequence meets only keys far below `M_q`, so that `n_0` has lost digits or is zero, its
//! softmax is computed again from the logits with its own maximum.

mod kernels;

use crate::engines::fused::inputs::Inputs;
use crate::engines::fused::passes::pieces::factored::Sequences;
use crate::engines::fused::passes::pieces::reader::Shape;
use crate::engines::fused::passes::pieces::recomputed::{Recomputed, Source};
use crate::engines::fused::plan::{Grouping, MOST_GROUPS};
use crate::engines::fused::plan::{Head, Plan};
use crate::engines::fused::simd::{LANES, Lanes, Precision};
use kernels::{add, finish, gather_keys, normalise, scale_gradients, tabulate};

/// The tables of one head.
#[derive(Debug)]
pub struct Tables<F> {
    /// Key and query rows, and their number rounded up to whole lanes.
    rows: usize,
    stride: usize,
    /// `0` where a query row can meet a key row, else `−∞`: `[key row, stride]`.
    mask: Vec<F>,
    /// `s` `[key row, stride]`.
    logits: Vec<F>,
    /// `M` `[stride]`.
    largest: Vec<F>,
    /// `e` and `e·v_m`: `[key row, 1 + values, stride]`.
    weights: Vec<F>,
    /// `t` of every combination of every group: `[combination, 1 + values, stride]`.
    sums: Vec<F>,
    /// The key rows of each combination, and where each group begins.
    members: Vec<Vec<usize>>,
    starts: Vec<usize>,
    planes: usize,
    /// `E` `[key row, 1 + values, stride]` and one row of `ds`.
    by_key: Vec<F>,
    ds: Vec<F>,
    /// `r_m(q)`: the values of the key row with query row `q`'s largest logit, `[values, stride]`.
    reference: Vec<F>,
}

/// What the backward pass of one head collects from the sequences.
#[derive(Clone, Debug)]
pub struct Collected<F> {
    /// `dt`, as [`Tables`]'s sums.
    sums: Vec<F>,
    /// `ds` and `dv` of the sequences that were computed again: `[key row, stride]`,
    /// `[values, stride]`.
    logits: Vec<F>,
    values: Vec<F>,
    used: bool,
}

/// The sequences of one piece: which of the batch's they are, and their lanes.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The first sequence.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Lanes of the piece.
    pub lanes: usize,
}

impl Part {
    /// The first sequence of the batch in a lane, and how many it has.
    fn of_lane(self, lane: usize) -> (usize, usize) {
        let before = (lane * LANES).min(self.count);
        (self.first + before, (self.count - before).min(LANES))
    }

    /// Their rows of the table.
    pub fn sequences<F>(self, inputs: &Inputs<F>) -> Sequences<'_> {
        let positions = inputs.row_of.len() / inputs.weights.len().max(1);
        Sequences {
            row_of: &inputs.row_of[self.first * positions..][..self.count * positions],
            lanes: self.lanes,
        }
    }
}

impl<F: Precision> Tables<F> {
    /// Tables of a head of a plan with a fixed table.
    pub fn new(plan: &Plan, head: &Head, grouping: &Grouping) -> Self {
        let table = plan.rows.as_deref().unwrap_or_default();
        let rows = table.len();
        let stride = rows.next_multiple_of(LANES);
        let planes = 1 + head.value.len();
        let mut mask = vec![F::neg_infinity(); rows * stride];
        for (k, key) in table.iter().enumerate() {
            for (q, query) in table.iter().enumerate() {
                let same_place = key.0 == query.0;
                if (!same_place || k == q) && !(plan.causal && key.0 > query.0) {
                    mask[k * stride + q] = F::zero();
                }
            }
        }
        let first_row: Vec<usize> = (0..plan.positions)
            .map(|p| table.iter().take_while(|row| row.0 < p).count())
            .collect();
        let mut members = Vec::new();
        let mut starts = Vec::new();
        for group in &grouping.groups {
            starts.push(members.len());
            members.extend((0..group.combinations).map(|c| {
                group
                    .digits(c)
                    .map(|(p, digit)| first_row[p] + digit)
                    .collect::<Vec<usize>>()
            }));
        }
        Self {
            rows,
            stride,
            mask,
            logits: vec![F::zero(); rows * stride],
            largest: vec![F::zero(); stride],
            weights: vec![F::zero(); rows * planes * stride],
            sums: vec![F::zero(); members.len() * planes * stride],
            members,
            starts,
            planes,
            by_key: vec![F::zero(); rows * planes * stride],
            ds: vec![F::zero(); stride],
            reference: vec![F::zero(); (planes - 1) * stride],
        }
    }

    /// Fills the tables from the head's columns of the (position, token) table.
    pub fn tabulate(&mut self, head: &Head, z: &[F]) {
        let Self {
            rows,
            stride,
            mask,
            logits,
            largest,
            weights,
            sums,
            members,
            planes,
            reference,
            ..
        } = self;
        tabulate(
            head, z, *rows, *stride, mask, logits, largest, weights, sums, members, *planes,
            reference,
        );
    }

    /// Lanes that [`Tables::forward`] keeps of a head: `n_0` and `o − r`.
    pub fn kept(head: &Head, shape: Shape) -> usize {
        (1 + head.value.len()) * shape.row()
    }

    /// `o` `[values, T, lanes]` of a piece; keeps what the backward pass needs. `again` lists the
    /// (sequence, position) pairs that are computed from their logits.
    pub fn forward(
        &self,
        head: &Head,
        inputs: &Inputs<F>,
        part: Part,
        z: &[F],
        (kept, o): (&mut [Lanes<F>], &mut [Lanes<F>]),
        again: &mut Recomputed<F>,
    ) {
        let (n, relative) = kept.split_at_mut(kept.len() / self.planes);
        let positions = n.len() / part.lanes;
        n.fill(Lanes::splat(F::one()));
        relative.fill(Lanes::zero());
        o.fill(Lanes::zero());
        for lane in 0..part.lanes {
            let (first, count) = part.of_lane(lane);
            let offsets = self.offsets(inputs, first, count);
            let rows = &inputs.row_of[first * positions..][..count * positions];
            for p in 0..positions {
                for m in 0..self.planes {
                    let to = match m.checked_sub(1) {
                        None => &mut n[p * part.lanes + lane],
                        Some(m) => &mut relative[(m * positions + p) * part.lanes + lane],
                    };
                    for (l, to) in to.0[..count].iter_mut().enumerate() {
                        let at = rows[l * positions + p] as usize + m * self.stride;
                        let mut sum = F::zero();
                        for offset in &offsets[..self.starts.len()] {
                            sum += self.sums[offset[l] as usize + at];
                        }
                        *to = sum;
                    }
                }
            }
        }
        again.queries.clear();
        let small = normalise(n, relative, F::from_f64(F::SMALL_SUM));
        for lane in 0..part.lanes {
            let (first, count) = part.of_lane(lane);
            let rows = &inputs.row_of[first * positions..][..count * positions];
            for p in 0..positions {
                for m in 0..self.planes - 1 {
                    let at = (m * positions + p) * part.lanes + lane;
                    let r = &self.reference[m * self.stride..][..self.stride];
                    for (l, o) in o[at].0[..count].iter_mut().enumerate() {
                        *o = relative[at].0[l] + r[rows[l * positions + p] as usize];
                    }
                }
            }
        }
        if small {
            list_small(part, n, &mut again.queries);
            for &(b, p) in &again.queries {
                let (b, p) = (b as usize, p as usize);
                for m in 0..self.planes - 1 {
                    let at = (m * positions + p) * part.lanes + b / LANES;
                    relative[at].0[b % LANES] = F::zero();
                }
            }
            again.forward(self.source(head, inputs, part, z), o);
        }
    }

    /// Collects what a piece's `do` says about the tables.
    pub fn backward(
        &self,
        head: &Head,
        inputs: &Inputs<F>,
        part: Part,
        z: &[F],
        (kept, o): (&[Lanes<F>], &[Lanes<F>]),
        (scratch, d_o): (&mut Vec<Lanes<F>>, &mut [Lanes<F>]),
        again: &Recomputed<F>,
        collected: &mut Collected<F>,
    ) {
        let (n, relative) = kept.split_at(kept.len() / self.planes);
        let positions = n.len() / part.lanes;
        if !again.queries.is_empty() {
            collected.used = true;
            let source = self.source(head, inputs, part, z);
            let collect = (&mut collected.logits[..], &mut collected.values[..]);
            again.backward(source, o, d_o, collect);
        }
        scratch.resize(n.len(), Lanes::zero());
        scale_gradients(n, relative, d_o, scratch);
        for lane in 0..part.lanes {
            let (first, count) = part.of_lane(lane);
            let offsets = self.offsets(inputs, first, count);
            let rows = &inputs.row_of[first * positions..][..count * positions];
            for p in 0..positions {
                for m in 0..self.planes {
                    let from = match m.checked_sub(1) {
                        None => &scratch[p * part.lanes + lane],
                        Some(m) => &d_o[(m * positions + p) * part.lanes + lane],
                    };
                    for (l, from) in from.0[..count].iter().enumerate() {
                        let at = rows[l * positions + p] as usize + m * self.stride;
                        for offset in &offsets[..self.starts.len()] {
                            collected.sums[offset[l] as usize + at] += *from;
                        }
                    }
                }
            }
        }
    }

    /// From all that was collected to the head's columns of the table's gradient.
    pub fn finish(&mut self, head: &Head, z: &[F], collected: &Collected<F>, dz: &mut [F]) {
        gather_keys(
            &collected.sums,
            &self.members,
            self.planes * self.stride,
            &mut self.by_key,
        );
        let again = collected
            .used
            .then_some((&collected.logits[..], &collected.values[..]));
        let Self {
            stride,
            planes,
            weights,
            by_key,
            ds,
            reference,
            ..
        } = self;
        finish(
            head, z, *stride, *planes, weights, by_key, again, ds, dz, reference,
        );
    }

    /// For each group, where the sums of the combinations of `count` sequences begin.
    #[inline(always)]
    fn offsets(
        &self,
        inputs: &Inputs<F>,
        first: usize,
        count: usize,
    ) -> [[u32; LANES]; MOST_GROUPS] {
        let mut offsets = [[0; LANES]; MOST_GROUPS];
        let groups = self.starts.len();
        let combinations =
            inputs.combinations[first * groups..][..count * groups].chunks_exact(groups);
        for (l, combinations) in combinations.enumerate() {
            for ((offset, start), c) in offsets.iter_mut().zip(&self.starts).zip(combinations) {
                offset[l] = (*start as u32 + c) * (self.planes * self.stride) as u32;
            }
        }
        offsets
    }

    fn source<'a>(
        &'a self,
        head: &'a Head,
        inputs: &'a Inputs<F>,
        part: Part,
        z: &'a [F],
    ) -> Source<'a, F> {
        Source {
            row_of: part.sequences(inputs).row_of,
            positions: inputs.row_of.len() / inputs.len(),
            logits: &self.logits,
            mask: &self.mask,
            stride: self.stride,
            z,
            value: &head.value,
            lanes: part.lanes,
        }
    }
}

/// The (sequence, position) pairs whose sum is small.
fn list_small<F: Precision>(part: Part, n: &[Lanes<F>], small: &mut Vec<(u32, u32)>) {
    let least = F::from_f64(F::SMALL_SUM);
    for (p, lanes) in n.chunks_exact(part.lanes).enumerate() {
        for b in 0..part.count {
            // Not `<`: a non-finite sum is computed again, and stays none.
            if !(lanes[b / LANES].0[b % LANES] >= least) {
                small.push((b as u32, p as u32));
            }
        }
    }
}

impl<F: Precision> Collected<F> {
    /// Nothing collected, for these tables.
    pub fn new(tables: &Tables<F>) -> Self {
        Self {
            sums: vec![F::zero(); tables.sums.len()],
            logits: vec![F::zero(); tables.logits.len()],
            values: vec![F::zero(); tables.planes * tables.stride],
            used: false,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.sums.fill(F::zero());
        if std::mem::take(&mut self.used) {
            self.logits.fill(F::zero());
            self.values.fill(F::zero());
        }
    }

    /// Adds what another piece collected.
    pub fn add(&mut self, other: &Self) {
        add(&other.sums, &mut self.sums);
        if other.used {
            self.used = true;
            add(&other.logits, &mut self.logits);
            add(&other.values, &mut self.values);
        }
    }
}
