//! A row's token positions, forward and back: one strip of them at a time, with all quantities in registers.
//!
//! ```text
//! forward                        backward
//! o: of the head (below)         dz = 2·λ_out·weight·(z − y),  dh = 2·λ_layer·weight·(h − target)
//! h = b + o·w                    dP += h·dz,  dh += dz·P,  dtable += dz
//! z = table + h·P                do = dh·w, and back through the head
//! ```
//!
//! Of a row that is tabulated ([`super::tabulated`]), with both halves' sums,
//!
//! ```text
//! n = t_{1,0} + t_{2,0},  o = ρ + (t_{1,1} + t_{2,1})/n      dt_1 += α = do/n,  dt_0 −= β = (o − ρ)·α
//! ```
//!
//! Of another, each half has its softmax ([`super::softmax`]), with `n_i`, `M_i` and `o_i`, and `dλ_i` the gradient of
//! `ln n_i + M_i`; logits of any size are exact that way, as each sum of exponentials is relative to its own largest:
//!
//! ```text
//! w_i = n_i·exp(M_i − max(M_1, M_2))                        dλ_1 = p_1·p_2·do·(o_1 − o_2),  dλ_2 = −dλ_1
//! p_i = w_i/(w_1 + w_2),  o = p_1·o_1 + p_2·o_2             do_i = p_i·do
//! ```

use crate::engines::fused::loss::Terms;
use crate::engines::fused::mlp::OutputMap;
use crate::engines::fused::passes::row_wise::halves::{Counts, Queries, STRIPS, WIDE, numbers};
use crate::engines::fused::passes::row_wise::head::HeadWork;
use crate::engines::fused::passes::row_wise::score::Score;
use crate::engines::fused::simd::{Lanes, Precision};

/// A row's token positions, what they are compared with and how often each occurs.
#[derive(Clone, Copy, Debug)]
pub struct RowData<'a, F> {
    /// The queries at the row's position.
    pub queries: &'a Queries<F>,
    /// The row's own combinations.
    pub own: &'a [u32],
    /// Of the batch.
    pub counts: &'a Counts<F>,
    /// Those of the block's column, then of the output.
    pub targets: &'a [Lanes<F>],
    /// Whether the output counts here.
    pub counted: bool,
}

/// The head at a strip: its own combinations from `o` on with lanes `i` of the other half's.
trait Strip<F> {
    /// Takes what the row has of both; `reference` is its `ρ`.
    fn begin(
        work: &HeadWork<F>,
        reference: Lanes<F>,
        lanes: [usize; 2],
        at: (usize, usize),
    ) -> Self;
    /// `o` at one of them.
    fn forward(&mut self, n: usize) -> Lanes<F>;
    /// What `do` says there.
    fn backward(&mut self, n: usize, d_o: Lanes<F>);
    /// Adds it to both.
    fn end(self, work: &mut HeadWork<F>, lanes: [usize; 2], at: (usize, usize));
}

/// Of a row that is tabulated.
struct Divided<F> {
    own: [[F; WIDE]; 2],
    other: [Lanes<F>; 2],
    reference: Lanes<F>,
    inverse: Lanes<F>,
    relative: Lanes<F>,
    alpha: [Lanes<F>; WIDE],
    beta: [Lanes<F>; WIDE],
}

impl<F: Precision> Strip<F> for Divided<F> {
    #[inline(always)]
    fn begin(
        work: &HeadWork<F>,
        reference: Lanes<F>,
        lanes: [usize; 2],
        (o, i): (usize, usize),
    ) -> Self {
        let [own_sums, sums] = &work.tabulated.sums;
        let zero = Lanes::zero();
        let mut own = [[F::zero(); WIDE]; 2];
        own[0].copy_from_slice(numbers(own_sums, o));
        own[1].copy_from_slice(numbers(&own_sums[lanes[0]..], o));
        Self {
            own,
            other: [sums[i], sums[lanes[1] + i]],
            reference,
            inverse: zero,
            relative: zero,
            alpha: [zero; WIDE],
            beta: [zero; WIDE],
        }
    }

    #[inline(always)]
    fn forward(&mut self, n: usize) -> Lanes<F> {
        self.inverse = Lanes::splat(F::one()) / (Lanes::splat(self.own[0][n]) + self.other[0]);
        self.relative = (Lanes::splat(self.own[1][n]) + self.other[1]) * self.inverse;
        self.relative + self.reference
    }

    #[inline(always)]
    fn backward(&mut self, n: usize, d_o: Lanes<F>) {
        self.alpha[n] = d_o * self.inverse;
        self.beta[n] = self.relative.mul_add(self.alpha[n], Lanes::zero());
    }

    #[inline(always)]
    fn end(self, work: &mut HeadWork<F>, lanes: [usize; 2], (o, i): (usize, usize)) {
        let others = &mut work.tabulated.d_sums[1];
        let mut sums = [Lanes::zero(); 2];
        let (of_sum, of_value) = work.own.split_at_mut(work.own_stride);
        let (of_sum, of_value) = (&mut of_sum[o..][..WIDE], &mut of_value[o..][..WIDE]);
        for n in 0..WIDE {
            of_sum[n] -= self.beta[n];
            of_value[n] += self.alpha[n];
            sums[0] += self.beta[n];
            sums[1] += self.alpha[n];
        }
        others[i] -= sums[0];
        others[lanes[1] + i] += sums[1];
    }
}

/// Of another row.
struct Merged<F> {
    /// `M`, `n` and `o`.
    own: [[F; WIDE]; 3],
    other: [Lanes<F>; 3],
    shares: [Lanes<F>; 2],
    first_shares: [Lanes<F>; WIDE],
    d_log: [Lanes<F>; WIDE],
    d_mean: [Lanes<F>; WIDE],
    d_other: [Lanes<F>; 2],
}

impl<F: Precision> Strip<F> for Merged<F> {
    #[inline(always)]
    fn begin(work: &HeadWork<F>, _: Lanes<F>, _: [usize; 2], (o, i): (usize, usize)) -> Self {
        let [own, other] = &work.exact;
        let zero = Lanes::zero();
        let mut of_own = [[F::zero(); WIDE]; 3];
        for (to, from) in of_own.iter_mut().zip([&own.largest, &own.sum, &own.mean]) {
            to.copy_from_slice(numbers(from, o));
        }
        Self {
            own: of_own,
            other: [other.largest[i], other.sum[i], other.mean[i]],
            shares: [zero; 2],
            first_shares: [zero; WIDE],
            d_log: [zero; WIDE],
            d_mean: [zero; WIDE],
            d_other: [other.d_log[i], other.d_mean[i]],
        }
    }

    #[inline(always)]
    fn forward(&mut self, n: usize) -> Lanes<F> {
        let (one, zero) = (F::one(), F::zero());
        let x = Lanes::splat(self.own[0][n]) - self.other[0];
        let e = x.map(|x| -x.abs()).exp_of_negative();
        let first = Lanes::splat(self.own[1][n]) * x.zip(e, |x, e| if x > zero { one } else { e });
        let second = self.other[1] * x.zip(e, |x, e| if x > zero { e } else { one });
        let inverse = Lanes::splat(one) / (first + second);
        self.shares = [first * inverse, second * inverse];
        let [p, r] = self.shares;
        p.mul_add(Lanes::splat(self.own[2][n]), r * self.other[2])
    }

    #[inline(always)]
    fn backward(&mut self, n: usize, d_o: Lanes<F>) {
        let [p, r] = self.shares;
        let from = Lanes::splat(self.own[2][n]) - self.other[2];
        let difference = d_o.mul_add(from, Lanes::zero());
        let d_log = p * r * difference;
        (self.d_log[n], self.d_mean[n]) = (d_log, d_o);
        self.first_shares[n] = p;
        self.d_other[0] -= d_log;
        self.d_other[1] = r.mul_add(d_o, self.d_other[1]);
    }

    #[inline(always)]
    fn end(self, work: &mut HeadWork<F>, _: [usize; 2], (o, i): (usize, usize)) {
        for n in 0..WIDE {
            work.own[o + n] += self.d_log[n];
            let mean = &mut work.own[work.own_stride + o + n];
            *mean = self.first_shares[n].mul_add(self.d_mean[n], *mean);
        }
        let other = &mut work.exact[1];
        [other.d_log[i], other.d_mean[i]] = self.d_other;
    }
}

/// The token positions of the row that `score` and `work` have begun, forward and back. Gives how often the row
/// occurs.
#[inline(always)]
pub fn places<F: Precision>(
    row: RowData<'_, F>,
    output: &OutputMap<F>,
    terms: Terms<'_>,
    share: f64,
    score: &mut Score<F>,
    work: &mut HeadWork<F>,
) -> F {
    if work.is_tabulated {
        strips::<F, Divided<F>>(row, output, terms, share, score, work)
    } else {
        strips::<F, Merged<F>>(row, output, terms, share, score, work)
    }
}

#[inline(always)]
fn strips<F: Precision, H: Strip<F>>(
    row: RowData<'_, F>,
    output: &OutputMap<F>,
    terms: Terms<'_>,
    share: f64,
    score: &mut Score<F>,
    work: &mut HeadWork<F>,
) -> F {
    let RowData {
        queries,
        own,
        counts,
        targets,
        counted,
    } = row;
    let lanes = [queries.keys[0].lanes, queries.keys[1].lanes];
    let (of_block, of_output) = targets.split_at(queries.strips.len() * WIDE);
    let zero = Lanes::zero();
    let twice = |factor: f64| {
        let factor = F::from_f64(factor);
        Lanes::splat(factor + factor)
    };
    let (twice_output, twice_layers) = (twice(terms.output), twice(terms.layers * share));
    let share = Lanes::splat(F::from_f64(share));
    let counted = Lanes::splat(if counted { F::one() } else { F::zero() });
    let (w, bias) = (
        Lanes::splat(output.weights[0]),
        Lanes::splat(output.bias[0]),
    );
    let (p, table) = (Lanes::splat(score.p), Lanes::splat(score.base));
    let reference = Lanes::splat(work.tabulated.reference(work.row)[0]);

    let mut d_table = zero;
    let mut occurring = [zero; WIDE];
    // The losses' sums are formed for so many strips.
    for (group, strips) in queries.strips.chunks(STRIPS).enumerate() {
        let (mut errors, mut output_errors) = (zero, zero);
        let mut dp = [zero; WIDE];
        for (s, &(o, i)) in strips.iter().enumerate() {
            let at = (group * STRIPS + s) * WIDE;
            let Some(own) = own[o..].first_chunk::<WIDE>() else {
                continue; // never: there are whole strips
            };
            let mut head = H::begin(work, reference, lanes, (o, i));
            for n in 0..WIDE {
                let h = head.forward(n).mul_add(w, bias);
                let z = h.mul_add(p, table);
                let weight = counts.at(queries.half, own[n], lanes[1], i);
                occurring[n] += weight;

                let error = h - of_block[at + n];
                let weighted = error * weight;
                errors = error.mul_add(weighted, errors);
                let dh = twice_layers * weighted;
                let error = z - of_output[at + n];
                let weighted = error * (weight * counted);
                output_errors = error.mul_add(weighted, output_errors);
                let dz = twice_output * weighted;
                d_table += dz;
                dp[n] = h.mul_add(dz, dp[n]);
                let dh = dz.mul_add(p, dh);
                head.backward(n, dh.mul_add(w, zero));
            }
            head.end(work, lanes, (o, i));
        }
        score.loss_layers += share * errors;
        let [a, b, c, d] = dp;
        score.dp += (a + b) + (c + d);
        score.loss_output += output_errors;
    }
    score.d_base = d_table;
    let [a, b, c, d] = occurring;
    ((a + b) + (c + d)).sum()
}
