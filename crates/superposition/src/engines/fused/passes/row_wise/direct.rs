//! A row's places in one pass, where a head's values go straight to a number: one strip at a time, in registers.
//!
//! What [`crate::engines::fused::passes::row_wise::head`] and [`crate::engines::fused::passes::row_wise::network`] do for any shape, pass by pass over a tile, is here done with all of
//! a place's quantities at hand; most of their time is the loads and stores between passes. It is for tabulated
//! rows of a plan whose sequences have one block, an attention of one head, and whose output is a number. The
//! operations and their order are theirs, and so are the bits (the tests of [`super`]).
//!
//! ```text
//! forward                                  backward
//! n = t_{1,0} + t_{2,0}                    dz = 2·λ_out·weight·(z − y),  dh_a = 2·λ_layer·weight·(h_a − target_a)
//! o_m = ρ_m + (t_{1,m} + t_{2,m})/n        dP_a += h_a·dz,  dh_a += dz·P_a,  dtable += dz
//! h_a = b_a + Σ_m o_m·w_{ma}               do_m = Σ_a dh_a·w_{ma}
//! z = table + Σ_a h_a·P_a                  dt_m += α_m = do_m/n,  dt_0 −= β = Σ_m (o_m − ρ_m)·α_m
//! ```

use crate::engines::fused::loss::Terms;
use crate::engines::fused::mlp::OutputMap;
use crate::engines::fused::passes::row_wise::RowData;
use crate::engines::fused::passes::row_wise::halves::{TILE, WIDE, numbers};
use crate::engines::fused::passes::row_wise::head::HeadWork;
use crate::engines::fused::passes::row_wise::network::{Input, Network};
use crate::engines::fused::simd::{Lanes, Precision};
use crate::teacher::OutputLoss;

impl<F: Precision> Network<F> {
    /// The only block's number where that is an attention of this many values and columns, and the output a number.
    pub fn direct(&self, values: usize, columns: usize, loss: OutputLoss) -> Option<usize> {
        match self.blocks[..] {
            [(number, _, of_block, Input::Heads)]
                if (self.o.len(), of_block) == (values, columns)
                    && self.scores.columns == 1
                    && loss == OutputLoss::SquaredError =>
            {
                Some(number)
            }
            _ => None,
        }
    }
}

/// The places of the row that `network` and `work` have begun, forward and back, for a head of `V` values in a
/// block of `H` columns. Gives how often the row occurs.
#[inline(always)]
pub fn places<const V: usize, const H: usize, F: Precision>(
    row: RowData<'_, F>,
    (number, output): (usize, &OutputMap<F>),
    terms: Terms<'_>,
    network: &mut Network<F>,
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
    let places = queries.strips.len() * WIDE;
    let zero = Lanes::zero();
    let twice = |factor: f64| {
        let factor = F::from_f64(factor);
        Lanes::splat(factor + factor)
    };
    let share = terms.factors[number];
    let (twice_output, twice_layers) = (twice(terms.output), twice(terms.layers * share));
    let share = Lanes::splat(F::from_f64(share));
    let counted = Lanes::splat(if counted { F::one() } else { F::zero() });

    let mut w = [[zero; H]; V];
    let (mut bias, mut p, mut reference) = ([zero; H], [zero; H], [zero; V]);
    for a in 0..H {
        for m in 0..V {
            w[m][a] = Lanes::splat(output.weights[m * H + a]);
        }
        bias[a] = Lanes::splat(output.bias[a]);
        p[a] = Lanes::splat(network.p[a]);
    }
    for m in 0..V {
        reference[m] = Lanes::splat(work.tabulated.reference(work.row)[m]);
    }
    let table = Lanes::splat(network.base[0]);

    let mut d_table = network.d_base[0];
    let mut occurring = [zero; WIDE];
    for (tile, strips) in queries.strips.chunks(TILE / WIDE).enumerate() {
        let (mut errors, mut output_errors) = ([zero; H], zero);
        let mut dp = [[zero; WIDE]; H];
        for (s, &(o, i)) in strips.iter().enumerate() {
            let at = tile * TILE + s * WIDE;
            let [own_sums, sums] = &work.tabulated.sums;
            let Some(own) = own[o..].first_chunk::<WIDE>() else {
                continue; // never: there are whole strips
            };
            let (mut d_sums, mut beta) = ([zero; V], [zero; WIDE]);
            let mut alpha = [[zero; WIDE]; V];
            for n in 0..WIDE {
                let own_sum = Lanes::splat(numbers(own_sums, o)[n]);
                let inverse = Lanes::splat(F::one()) / (own_sum + sums[i]);
                let (mut relative, mut from) = ([zero; V], [zero; V]);
                for m in 0..V {
                    let own_sum = numbers(&own_sums[(1 + m) * lanes[0]..], o)[n];
                    let sum = Lanes::splat(own_sum) + sums[(1 + m) * lanes[1] + i];
                    relative[m] = sum * inverse;
                    from[m] = relative[m] + reference[m];
                }
                let (mut h, mut z) = (bias, table);
                for a in 0..H {
                    for m in 0..V {
                        h[a] = from[m].mul_add(w[m][a], h[a]);
                    }
                    z = h[a].mul_add(p[a], z);
                }

                let weight = counts.at(queries.half, own[n], lanes[1], i);
                occurring[n] += weight;
                let mut dh = [zero; H];
                for a in 0..H {
                    let error = h[a] - targets[a * places + at + n];
                    let weighted = error * weight;
                    errors[a] = error.mul_add(weighted, errors[a]);
                    dh[a] = twice_layers * weighted;
                }
                let error = z - targets[H * places + at + n];
                let weighted = error * (weight * counted);
                output_errors = error.mul_add(weighted, output_errors);
                let dz = twice_output * weighted;
                d_table += dz;
                for a in 0..H {
                    dp[a][n] = h[a].mul_add(dz, dp[a][n]);
                    dh[a] = dz.mul_add(p[a], dh[a]);
                }
                for m in 0..V {
                    let mut d_o = zero;
                    for a in 0..H {
                        d_o = dh[a].mul_add(w[m][a], d_o);
                    }
                    alpha[m][n] = d_o * inverse;
                    d_sums[m] += alpha[m][n];
                    beta[n] = relative[m].mul_add(alpha[m][n], beta[n]);
                }
            }
            let others = &mut work.tabulated.d_sums[1];
            let mut sum = zero;
            for n in 0..WIDE {
                work.own[o + n] -= beta[n];
                sum += beta[n];
            }
            others[i] -= sum;
            for m in 0..V {
                let own = &mut work.own[(1 + m) * work.own_stride + o..][..WIDE];
                for n in 0..WIDE {
                    own[n] += alpha[m][n];
                }
                others[(1 + m) * lanes[1] + i] += d_sums[m];
            }
        }
        for a in 0..H {
            network.loss_layers += share * errors[a];
            let [x, y, z, w] = dp[a];
            network.dp[a] += (x + y) + (z + w);
        }
        network.loss_output += output_errors;
    }
    network.d_base[0] = d_table;
    let [a, b, c, d] = occurring;
    ((a + b) + (c + d)).sum()
}
