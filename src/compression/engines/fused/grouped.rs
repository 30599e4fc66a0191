//! One head of the first live attention, whose logits depend on two (position, token) pairs.
//!
//! With `e_{qk} = exp(s_{qk} − M_q)`, `M_q` the largest logit that query row `q` can meet, a
//! sequence needs `Σ_k e_{qk}` and `Σ_k e_{qk}·v_{m,k}` over its key rows. Both are sums over groups
//! of key positions ([`super::grouping`]), tabulated for each combination `c` of tokens:
//!
//! ```text
//! forward                                    backward, with α_m = do_m/n_0, β = Σ_m o_m·α_m
//! t_0(c, q) = Σ_{k∈c} e_{qk}                 dt_0(c, q) += −β,  dt_m(c, q) += α_m
//! t_m(c, q) = Σ_{k∈c} e_{qk}·v_{m,k}         E_m(k, q) = Σ_{c∋k} dt_m(c, q)
//! n_m = Σ_groups t_m(c, q)                   ds_{qk} = e_{qk}·(E_0(k, q) + Σ_m v_{m,k}·E_m(k, q))
//! o_m = n_m / n_0                            dv_{m,k} = Σ_q e_{qk}·E_m(k, q)
//! ```
//!
//! Where a sequence meets only keys far below `M_q`, so that `n_0` has lost digits or is zero, its
//! softmax is computed again from the logits with its own maximum.

use super::again::{Again, Source};
use super::grouping::Grouping;
use super::inputs::Inputs;
use super::lanes::{LANES, Lanes, Precision, add_scaled, dot, kernels, one_at_a_time};
use super::plan::{Head, Plan};

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
            ..
        } = self;
        tabulate(
            head, z, *rows, *stride, mask, logits, largest, weights, sums, members, *planes,
        );
    }

    /// `o` `[values, T, lanes]` and `n_0` `[T, lanes]` of a piece; `again` lists the (sequence,
    /// position) pairs that are computed from their logits.
    pub fn forward(
        &self,
        head: &Head,
        inputs: &Inputs<F>,
        part: Part,
        z: &[F],
        (n, o): (&mut [Lanes<F>], &mut [Lanes<F>]),
        again: &mut Again<F>,
    ) {
        n.fill(Lanes::splat(F::one()));
        o.fill(Lanes::zero());
        let positions = n.len() / part.lanes;
        let plane = |m: usize| m * self.stride;
        for b in 0..part.count {
            let rows = &inputs.row_of[(part.first + b) * positions..][..positions];
            let (lane, at) = (b / LANES, b % LANES);
            for (i, start) in self.starts.iter().enumerate() {
                let sums = self.combination(inputs, part.first + b, i, *start);
                let sums = &self.sums[sums..][..self.planes * self.stride];
                for (p, row) in rows.iter().enumerate() {
                    let row = *row as usize;
                    let to = &mut n[p * part.lanes + lane].0[at];
                    *to = if i == 0 { sums[row] } else { *to + sums[row] };
                    for m in 1..self.planes {
                        let o = &mut o[((m - 1) * positions + p) * part.lanes + lane].0[at];
                        *o += sums[plane(m) + row];
                    }
                }
            }
        }
        again.queries.clear();
        if normalise(n, o, F::from_f64(F::SMALL_SUM)) {
            list_small(part, n, &mut again.queries);
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
        (n, o): (&[Lanes<F>], &[Lanes<F>]),
        (scratch, d_o): (&mut Vec<Lanes<F>>, &mut [Lanes<F>]),
        again: &Again<F>,
        collected: &mut Collected<F>,
    ) {
        let positions = n.len() / part.lanes;
        if !again.queries.is_empty() {
            collected.used = true;
            let source = self.source(head, inputs, part, z);
            let collect = (&mut collected.logits[..], &mut collected.values[..]);
            again.backward(source, o, d_o, collect);
        }
        scratch.resize(n.len(), Lanes::zero());
        scale_gradients(n, o, d_o, scratch);
        for b in 0..part.count {
            let rows = &inputs.row_of[(part.first + b) * positions..][..positions];
            let (lane, at) = (b / LANES, b % LANES);
            for (i, start) in self.starts.iter().enumerate() {
                let sums = self.combination(inputs, part.first + b, i, *start);
                let sums = &mut collected.sums[sums..][..self.planes * self.stride];
                for (p, row) in rows.iter().enumerate() {
                    let row = *row as usize;
                    sums[row] += scratch[p * part.lanes + lane].0[at];
                    for m in 1..self.planes {
                        sums[m * self.stride + row] +=
                            d_o[((m - 1) * positions + p) * part.lanes + lane].0[at];
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
            ..
        } = self;
        finish(head, z, *stride, *planes, weights, by_key, again, ds, dz);
    }

    /// Where the sums of a sequence's combination in group `i` begin.
    #[inline(always)]
    fn combination(&self, inputs: &Inputs<F>, sequence: usize, i: usize, start: usize) -> usize {
        let c = inputs.combinations[sequence * self.starts.len() + i] as usize;
        (start + c) * self.planes * self.stride
    }

    fn source<'a>(
        &'a self,
        head: &'a Head,
        inputs: &'a Inputs<F>,
        part: Part,
        z: &'a [F],
    ) -> Source<'a, F> {
        let positions = inputs.row_of.len() / inputs.len();
        Source {
            row_of: &inputs.row_of[part.first * positions..][..part.count * positions],
            positions,
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
            // Not `<`: a sum that is no number is computed again, and stays none.
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

kernels! {
    fn add<'a, F>(from: &'a [F], to: &'a mut [F]) {
        add_scaled(F::one(), from, to);
    }

    fn tabulate<'a, F>(
        head: &'a Head,
        z: &'a [F],

        rows: usize,
        stride: usize,
        mask: &'a [F],
        logits: &'a mut [F],
        largest: &'a mut [F],
        weights: &'a mut [F],
        sums: &'a mut [F],
        members: &'a [Vec<usize>],
        planes: usize,
    ) {
        largest.fill(F::neg_infinity());
        for k in 0..rows {
            let logits = &mut logits[k * stride..][..stride];
            logits.fill(F::zero());
            for (query, key) in head.query.clone().zip(head.key.clone()) {
                let zk = z[key * stride + k];
                for (s, zq) in logits.iter_mut().zip(&z[query * stride..][..stride]) {
                    *s = zk.mul_add(*zq, *s);
                }
            }
            let mask = &mask[k * stride..][..stride];
            for ((largest, s), mask) in largest.iter_mut().zip(logits).zip(mask) {
                let s = *s + *mask;
                *largest = if s > *largest { s } else { *largest };
            }
        }
        for k in 0..rows {
            let own = &mut weights[k * planes * stride..][..planes * stride];
            let (e, products) = own.split_at_mut(stride);
            let logits = &logits[k * stride..][..stride];
            let mask = &mask[k * stride..][..stride];
            for (((e, s), mask), largest) in e.iter_mut().zip(logits).zip(mask).zip(&*largest) {
                // Padding has no largest: −∞ − (−∞) is no number, so it is left out beforehand.
                let shifted = if *mask == F::zero() { *s - *largest } else { F::neg_infinity() };
                *e = shifted.exp_of_negative();
            }
            for (m, products) in products.chunks_exact_mut(stride).enumerate() {
                let value = z[(head.value.start + m) * stride + k];
                for (product, e) in products.iter_mut().zip(&*e) {
                    *product = *e * value;
                }
            }
        }
        for (sum, members) in sums.chunks_exact_mut(planes * stride).zip(members) {
            sum.copy_from_slice(&weights[members[0] * planes * stride..][..planes * stride]);
            for &k in &members[1..] {
                let weights = &weights[k * planes * stride..][..planes * stride];
                for (sum, weight) in sum.iter_mut().zip(weights) {
                    *sum += *weight;
                }
            }
        }
    }

    /// `o ← o/n`; whether some `n` is small.
    fn normalise<'a, F>(n: &'a [Lanes<F>], o: &'a mut [Lanes<F>], small: F) -> bool {
        let mut least = Lanes::splat(F::one());
        for n in n {
            one_at_a_time();
            // A sum that is no number counts as small.
            least = least.zip(*n, |least, n| if n >= least { least } else { n });
        }
        for o in o.chunks_exact_mut(n.len()) {
            for (o, n) in o.iter_mut().zip(n) {
                one_at_a_time();
                *o /= *n;
            }
        }
        least.0.iter().any(|x| !(*x >= small))
    }

    /// `do_m ← α_m = do_m/n`, and `−β = −Σ_m o_m·α_m`.
    fn scale_gradients<'a, F>(
        n: &'a [Lanes<F>],
        o: &'a [Lanes<F>],
        d_o: &'a mut [Lanes<F>],
        beta: &'a mut [Lanes<F>],
    ) {
        beta.fill(Lanes::zero());
        let width = n.len();
        for (o, d_o) in o.chunks_exact(width).zip(d_o.chunks_exact_mut(width)) {
            for (((o, d_o), n), beta) in o.iter().zip(d_o).zip(n).zip(beta.iter_mut()) {
                one_at_a_time();
                // A small sum was replaced, and its gradient is zero here: 0/0 is to be 0.
                *d_o = d_o.zip(*n, |d, n| if d == F::zero() { d } else { d / n });
                *beta -= *o * *d_o;
            }
        }
    }

    /// From `E` to the head's columns of `dz`.
    fn finish<'a, F>(
        head: &'a Head,
        z: &'a [F],

        stride: usize,
        planes: usize,
        weights: &'a [F],
        by_key: &'a [F],
        again: Option<(&'a [F], &'a [F])>,
        ds: &'a mut [F],
        dz: &'a mut [F],
    ) {
        for (k, gradient) in by_key.chunks_exact(planes * stride).enumerate() {
            let e = &weights[k * planes * stride..][..stride];
            let (constant, gradients) = gradient.split_at(stride);
            ds.copy_from_slice(constant);
            for (m, gradient) in gradients.chunks_exact(stride).enumerate() {
                let at = (head.value.start + m) * stride + k;
                add_scaled(z[at], gradient, ds);
                dz[at] += dot(e, gradient);
            }
            for (ds, e) in ds.iter_mut().zip(e) {
                *ds *= *e;
            }
            if let Some((logits, values)) = again {
                add_scaled(F::one(), &logits[k * stride..][..stride], ds);
                for m in 0..planes - 1 {
                    dz[(head.value.start + m) * stride + k] += values[m * stride + k];
                }
            }
            for (query, key) in head.query.clone().zip(head.key.clone()) {
                let zk = z[key * stride + k];
                dz[key * stride + k] += dot(ds, &z[query * stride..][..stride]);
                add_scaled(zk, ds, &mut dz[query * stride..][..stride]);
            }
        }
    }

    /// Sums over the combinations that a key row is part of.
    fn gather_keys<'a, F>(
        sums: &'a [F],
        members: &'a [Vec<usize>],
        width: usize,
        by_key: &'a mut [F],
    ) {
        by_key.fill(F::zero());
        for (sum, members) in sums.chunks_exact(width).zip(members) {
            for &k in members {
                for (to, from) in by_key[k * width..][..width].iter_mut().zip(sum) {
                    *to += *from;
                }
            }
        }
    }
}
