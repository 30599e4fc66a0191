//! The loops over sources and over the queries of each sequence; the symbols are those of [`super`].

use crate::engines::fused::plan::{Head, Plan};
use crate::engines::fused::simd::{
    LANES, Lanes, Precision, add_scaled, dot, kernels, one_at_a_time,
};

/// Sixteen numbers of a slice.
#[inline(always)]
fn lanes_at<F: Precision>(numbers: &[F], at: usize) -> Lanes<F> {
    let mut lanes = Lanes::zero();
    lanes.0.copy_from_slice(&numbers[at..][..LANES]);
    lanes
}

/// The row `r` of one query.
#[inline(always)]
fn query_row<F: Precision>(
    sizes: Sizes,
    (token, p): (usize, usize),
    core: &[F],
    bias: &[F],
    extras: &[F],
    row: &mut [F],
) {
    let stride = row.len();
    let from_token = &core[token * stride..][..stride];
    let from_position = &core[(sizes.vocabulary + p) * stride..][..stride];
    for (((r, b), t), p) in row.iter_mut().zip(bias).zip(from_token).zip(from_position) {
        *r = *b + *t + *p;
    }
    for e in 0..sizes.extras {
        let source = sizes.vocabulary + sizes.positions + e;
        add_scaled(
            extras[e * sizes.width + p],
            &core[source * stride..][..stride],
            row,
        );
    }
}

/// The sizes that all of this has in common.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub positions: usize,
    /// Positions in whole lanes.
    pub width: usize,
    pub vocabulary: usize,
    /// Columns of table blocks.
    pub extras: usize,
    pub values: usize,
    pub causal: bool,
}

impl Sizes {
    /// Of the first live attention, block `block`.
    pub fn new(plan: &Plan, block: usize, head: &Head) -> Self {
        Self {
            positions: plan.positions,
            width: plan.positions.next_multiple_of(LANES),
            vocabulary: plan.vocabulary,
            extras: plan.readers[block].sources - plan.vocabulary - plan.positions,
            values: head.value.len(),
            causal: plan.causal,
        }
    }

    pub fn stride(self) -> usize {
        (self.width + self.vocabulary + self.extras).next_multiple_of(LANES)
    }

    /// Where the key source `s` is in a row of `C`.
    #[inline(always)]
    pub fn place(self, s: usize) -> usize {
        if s < self.vocabulary {
            self.width + s
        } else if s < self.vocabulary + self.positions {
            s - self.vocabulary
        } else {
            s - self.positions + self.width
        }
    }

    pub fn of_keys(self) -> usize {
        self.extras + self.values
    }
}

kernels! {
    /// Adds `left_s·right` to each row `s` of `C`.
    pub fn outer_product<'a, F>(left: &'a [F], right: &'a [F], rows: &'a mut [F]) {
        for (row, left) in rows.chunks_exact_mut(right.len()).zip(left) {
            add_scaled(*left, right, row);
        }
    }

    /// Adds to `sums_s` the product of row `s` with `with`.
    pub fn products_with<'a, F>(rows: &'a [F], with: &'a [F], sums: &'a mut [F]) {
        for (row, sum) in rows.chunks_exact(with.len()).zip(sums) {
            *sum += dot(row, with);
        }
    }

    /// Adds each row `s` times `weights_s` to `sum`.
    pub fn weighted_rows<'a, F>(rows: &'a [F], weights: &'a [F], sum: &'a mut [F]) {
        for (row, weight) in rows.chunks_exact(sum.len()).zip(weights) {
            add_scaled(*weight, row, sum);
        }
    }

    pub fn attend<'a, F>(
        sizes: Sizes,
        tokens: &'a [u32],
        core: &'a [F],
        bias: &'a [F],
        of_keys: &'a [F],
        row: &'a mut [F],
        attention: &'a mut [F],
        o: &'a mut [Lanes<F>],
        lanes: usize,
    ) {
        let (t, width) = (sizes.positions, sizes.width);
        for (b, tokens) in tokens.chunks_exact(t).enumerate() {
            let of_keys = &of_keys[b * sizes.of_keys() * width..][..sizes.of_keys() * width];
            for p in 0..t {
                query_row(sizes, (tokens[p] as usize, p), core, bias, of_keys, row);
                let a = &mut attention[(b * t + p) * width..][..width];
                let seen = if sizes.causal { p + 1 } else { t };
                a.fill(F::min_value()); // not −∞, which `Lanes::exp_below` takes for a lost number
                let from_tokens = &row[width..];
                for (a, token) in a[..seen].iter_mut().zip(tokens) {
                    *a = from_tokens[*token as usize];
                }
                let mut max = Lanes::splat(F::neg_infinity());
                for (i, a) in a.chunks_exact_mut(LANES).enumerate() {
                    one_at_a_time();
                    let mut logit = lanes_at(a, 0) + lanes_at(row, i * LANES);
                    for e in 0..sizes.extras {
                        let x = lanes_at(of_keys, e * width + i * LANES);
                        let r = row[width + sizes.vocabulary + e];
                        logit = x.mul_add(Lanes::splat(r), logit);
                    }
                    max = max.max(logit);
                    a.copy_from_slice(&logit.0);
                }
                let mut largest = max.0[0];
                for x in max.0 {
                    largest = if x > largest { x } else { largest };
                }
                let mut sum = Lanes::zero();
                for a in a.chunks_exact_mut(LANES) {
                    one_at_a_time();
                    let e = lanes_at(a, 0).exp_below(Lanes::splat(largest));
                    sum += e;
                    a.copy_from_slice(&e.0);
                }
                let inverse = F::one() / sum.sum();
                for a in a.iter_mut() {
                    *a *= inverse;
                }
                for m in 0..sizes.values {
                    let values = &of_keys[(sizes.extras + m) * width..][..width];
                    o[(m * t + p) * lanes + b / LANES].0[b % LANES] = dot(a, values);
                }
            }
        }
    }

    pub fn attend_backward<'a, F>(
        sizes: Sizes,
        tokens: &'a [u32],
        core: (&'a [F], &'a mut [F]),
        bias: (&'a [F], &'a mut [F]),
        of_keys: (&'a [F], &'a mut [F]),
        dr: &'a mut [F],
        attention: &'a [F],
        o: (&'a [Lanes<F>], &'a [Lanes<F>]),
        lanes: usize,
    ) {
        let ((core, dcore), (bias, dbias), (o, d_o)) = (core, bias, o);
        let (t, width, stride) = (sizes.positions, sizes.width, dr.len());
        let own = of_keys.0.chunks_exact(sizes.of_keys() * width);
        let own = own.zip(of_keys.1.chunks_exact_mut(sizes.of_keys() * width));
        for ((b, tokens), (keys, dkeys)) in tokens.chunks_exact(t).enumerate().zip(own) {
            for p in 0..t {
                let a = &attention[(b * t + p) * width..][..width];
                let at = |m: usize| ((m * t + p) * lanes + b / LANES, b % LANES);
                let mut delta = F::zero();
                for m in 0..sizes.values {
                    let (i, l) = at(m);
                    delta = d_o[i].0[l].mul_add(o[i].0[l], delta);
                }
                dr.fill(F::zero());
                for i in (0..width).step_by(LANES) {
                    one_at_a_time();
                    let a = lanes_at(a, i);
                    let mut da = Lanes::splat(-delta);
                    for m in 0..sizes.values {
                        let (j, l) = at(m);
                        let gradient = Lanes::splat(d_o[j].0[l]);
                        let place = (sizes.extras + m) * width + i;
                        da = gradient.mul_add(lanes_at(keys, place), da);
                        let dv = a.mul_add(gradient, lanes_at(dkeys, place));
                        dkeys[place..][..LANES].copy_from_slice(&dv.0);
                    }
                    dr[i..][..LANES].copy_from_slice(&(a * da).0);
                }
                let (ds, by_token) = dr.split_at_mut(width);
                for (ds, token) in ds.iter().zip(tokens) {
                    by_token[*token as usize] += *ds;
                }
                let token = tokens[p] as usize;
                for e in 0..sizes.extras {
                    let place = width + sizes.vocabulary + e;
                    let source = |s: usize| core[s * stride + place];
                    let mut r = bias[place] + source(token) + source(sizes.vocabulary + p);
                    for e in 0..sizes.extras {
                        let x = keys[e * width + p];
                        r = x.mul_add(source(sizes.vocabulary + t + e), r);
                    }
                    by_token[sizes.vocabulary + e] = dot(ds, &keys[e * width..][..width]);
                    add_scaled(r, ds, &mut dkeys[e * width..][..width]);
                }
                add_scaled(F::one(), dr, dbias);
                add_scaled(F::one(), dr, &mut dcore[token * stride..][..stride]);
                add_scaled(F::one(), dr, &mut dcore[(sizes.vocabulary + p) * stride..][..stride]);
                for e in 0..sizes.extras {
                    let from = (sizes.vocabulary + t + e) * stride;
                    let x = keys[e * width + p];
                    add_scaled(x, dr, &mut dcore[from..][..stride]);
                    dkeys[e * width + p] += dot(&core[from..][..stride], dr);
                }
            }
        }
    }
}
