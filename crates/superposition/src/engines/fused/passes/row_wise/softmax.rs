//! A softmax over the keys of one half, for one query row and all combinations that it meets there.
//!
//! ```text
//! forward, ρ_m = v_{m,k} of the largest s_k      backward, from dλ (λ = ln n + M) and do_m
//! M = max_k s_k,  e_k = exp(s_k − M)             ds_k = a_k·(dλ + Σ_m do_m·(v_{m,k} − o_m))
//! n = Σ_k e_k,    a_k = e_k/n                    dv_{m,k} = a_k·do_m
//! o_m = ρ_m + Σ_k a_k·(v_{m,k} − ρ_m)
//! ```
//!
//! Rounding cares from where values are measured: with `ρ`, the terms of `ds` are small each where a
//! softmax is saturated, and not differences of large ones.

use crate::engines::fused::passes::row_wise::halves::Keys;
use crate::engines::fused::simd::{LANES, Lanes, Precision, one_at_a_time};

/// One half's softmax of one head, and its gradients. A combination is a lane.
#[derive(Debug)]
pub struct Softmax<F> {
    /// `M` `[lanes]`; −∞ where the query sees no key.
    pub largest: Vec<Lanes<F>>,
    /// `n` `[lanes]`; 0 where the query sees no key.
    pub sum: Vec<Lanes<F>>,
    /// `o` `[values, lanes]`.
    pub mean: Vec<Lanes<F>>,
    /// `dλ` `[lanes]` and `do` `[values, lanes]`.
    pub d_log: Vec<Lanes<F>>,
    /// See there.
    pub d_mean: Vec<Lanes<F>>,
    /// `ρ` and `o − ρ`, `[values, lanes]`.
    reference: Vec<Lanes<F>>,
    relative: Vec<Lanes<F>>,
    /// `s`, then `a`, `[positions, lanes]`.
    attention: Vec<Lanes<F>>,
    /// `v` and `dv` of the queries of one position, `[values, positions, lanes]`.
    values: Vec<Lanes<F>>,
    d_values: Vec<Lanes<F>>,
}

impl<F: Precision> Softmax<F> {
    /// For up to `positions` positions and `lanes` lanes.
    pub fn new(values: usize, positions: usize, lanes: usize) -> Self {
        let zeros = |count: usize| vec![Lanes::zero(); count];
        Self {
            largest: zeros(lanes),
            sum: zeros(lanes),
            mean: zeros(values * lanes),
            d_log: zeros(lanes),
            d_mean: zeros(values * lanes),
            reference: zeros(values * lanes),
            relative: zeros(values * lanes),
            attention: zeros(positions * lanes),
            values: zeros(values * positions * lanes),
            d_values: zeros(values * positions * lanes),
        }
    }

    /// Before the queries of a position: the values `v` `[values, stride]` of its combinations' keys.
    #[inline(always)]
    pub fn begin(&mut self, keys: &Keys<F>, v: &[F], stride: usize) {
        let mut at = 0;
        for v in v.chunks_exact(stride) {
            for key in &keys.positions {
                for i in 0..keys.lanes {
                    one_at_a_time();
                    self.values[at] = key.spread(i, v);
                    self.d_values[at] = Lanes::zero();
                    at += 1;
                }
            }
        }
    }

    /// `M`, `n` and `o` of query row `q` from its logits `s` with every row.
    #[inline(always)]
    pub fn forward(&mut self, keys: &Keys<F>, q: usize, s: &[F], v: &[F], stride: usize) {
        let (lanes, positions) = (keys.lanes, keys.positions.len());
        let values = v.len() / stride;
        if let Some(j) = keys.positions.iter().position(|key| key.own) {
            for (m, v) in v.chunks_exact(stride).enumerate() {
                self.values[(m * positions + j) * lanes..][..lanes].fill(Lanes::splat(v[q]));
            }
        }
        for i in 0..lanes {
            let mut max = Lanes::splat(F::neg_infinity());
            for m in 0..values {
                one_at_a_time();
                self.reference[m * lanes + i] = Lanes::zero();
                self.relative[m * lanes + i] = Lanes::zero();
            }
            for (j, key) in keys.positions.iter().enumerate() {
                let logit = if key.own {
                    Lanes::splat(s[q])
                } else {
                    key.spread(i, s)
                };
                self.attention[j * lanes + i] = logit;
                for m in 0..values {
                    one_at_a_time();
                    let value = self.values[(m * positions + j) * lanes + i];
                    let mut reference = self.reference[m * lanes + i];
                    for l in 0..LANES {
                        let larger = logit.0[l] > max.0[l];
                        reference.0[l] = if larger { value.0[l] } else { reference.0[l] };
                    }
                    self.reference[m * lanes + i] = reference;
                }
                max = max.max(logit);
            }
            let mut sum = Lanes::zero();
            for j in 0..positions {
                one_at_a_time();
                let e = self.attention[j * lanes + i].exp_below(max);
                self.attention[j * lanes + i] = e;
                sum += e;
            }
            let inverse = Lanes::splat(F::one()) / sum;
            for j in 0..positions {
                one_at_a_time();
                let a = self.attention[j * lanes + i] * inverse;
                self.attention[j * lanes + i] = a;
                for m in 0..values {
                    one_at_a_time();
                    let value = self.values[(m * positions + j) * lanes + i];
                    let from = value - self.reference[m * lanes + i];
                    let relative = &mut self.relative[m * lanes + i];
                    *relative = a.mul_add(from, *relative);
                }
            }
            self.largest[i] = max;
            self.sum[i] = sum;
            for m in 0..values {
                one_at_a_time();
                let at = m * lanes + i;
                self.mean[at] = self.reference[at] + self.relative[at];
            }
        }
    }

    /// Adds what `dλ` and `do` of query row `q` say about its logits to `ds`, and about the values to
    /// what [`Softmax::end`] gives and, of the query's own row, to `dv` `[values, rows]`; one [`Lanes`]
    /// a row, whose sum counts.
    #[inline(always)]
    pub fn backward(&mut self, keys: &Keys<F>, q: usize, ds: &mut [Lanes<F>], dv: &mut [Lanes<F>]) {
        let (lanes, positions) = (keys.lanes, keys.positions.len());
        let rows = ds.len();
        let values = dv.len() / rows;
        for (j, key) in keys.positions.iter().enumerate() {
            for i in 0..lanes {
                one_at_a_time();
                let a = self.attention[j * lanes + i];
                let mut gradient = self.d_log[i];
                for m in 0..values {
                    one_at_a_time();
                    let at = m * lanes + i;
                    let value = self.values[(m * positions + j) * lanes + i];
                    let from = value - self.reference[at] - self.relative[at];
                    gradient = self.d_mean[at].mul_add(from, gradient);
                    let d_value = &mut self.d_values[(m * positions + j) * lanes + i];
                    *d_value = a.mul_add(self.d_mean[at], *d_value);
                }
                if key.own {
                    ds[q] += a * gradient;
                } else {
                    key.collect(i, a * gradient, ds);
                }
            }
            if key.own {
                for m in 0..values {
                    for d_value in &mut self.d_values[(m * positions + j) * lanes..][..lanes] {
                        one_at_a_time();
                        dv[m * rows + q] += std::mem::replace(d_value, Lanes::zero());
                    }
                }
            }
        }
    }

    /// After the queries of a position: their part of `dv` `[values, rows]`.
    #[inline(always)]
    pub fn end(&self, keys: &Keys<F>, rows: usize, dv: &mut [Lanes<F>]) {
        let mut own = self.d_values.chunks_exact(keys.lanes);
        for dv in dv.chunks_exact_mut(rows) {
            for key in &keys.positions {
                let d_values = own.next().unwrap_or_default();
                for (i, d_value) in d_values.iter().enumerate().filter(|_| !key.own) {
                    key.collect(i, *d_value, dv);
                }
            }
        }
    }
}
