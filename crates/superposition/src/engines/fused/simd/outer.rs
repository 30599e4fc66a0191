//! The kernel of a linear map that goes back to its weights: `dw_ij = Σ x_i·dz_j`, over all places.

use crate::engines::fused::simd::linear::{Rows, WeightsMut};
use crate::engines::fused::simd::sums::sums;
use crate::engines::fused::simd::{LANES, Lanes, Precision, kernels, one_at_a_time};

kernels! {
    /// `dw_ij ← dw_ij + Σ x_i·dz_j`, summed over all that a row holds.
    pub fn outer<'a, F>(x: Rows<'a, F>, dz: Rows<'a, F>, dw: WeightsMut<'a, F>) {
        let mut pending = Pending::new();
        let mut i = 0;
        while i < x.count {
            match x.count - i {
                1 => outer_rows::<1, F>(x, dz, &mut dw, i, &mut pending),
                2 => outer_rows::<2, F>(x, dz, &mut dw, i, &mut pending),
                3 => outer_rows::<3, F>(x, dz, &mut dw, i, &mut pending),
                _ => outer_rows::<4, F>(x, dz, &mut dw, i, &mut pending),
            }
            i += 4;
        }
        pending.finish(&mut dw);
    }
}

/// Inputs `i..i + I` with all outputs.
#[inline(always)]
fn outer_rows<const I: usize, F: Precision>(
    x: Rows<'_, F>,
    dz: Rows<'_, F>,
    dw: &mut WeightsMut<'_, F>,
    i: usize,
    pending: &mut Pending<F>,
) {
    let mut j = 0;
    while j < dz.count {
        match dz.count - j {
            1 => outer_tile::<I, 1, F>(x, dz, dw, (i, j), pending),
            2 => outer_tile::<I, 2, F>(x, dz, dw, (i, j), pending),
            3 => outer_tile::<I, 3, F>(x, dz, dw, (i, j), pending),
            _ => outer_tile::<I, 4, F>(x, dz, dw, (i, j), pending),
        }
        j += 4;
    }
}

/// `I` inputs with `J` outputs, the sums kept in registers.
#[inline(always)]
fn outer_tile<const I: usize, const J: usize, F: Precision>(
    x: Rows<'_, F>,
    dz: Rows<'_, F>,
    dw: &mut WeightsMut<'_, F>,
    (i, j): (usize, usize),
    pending: &mut Pending<F>,
) {
    let xs: [&[Lanes<F>]; I] = std::array::from_fn(|a| &x.data[(i + a) * x.stride..][..x.length]);
    let zs: [&[Lanes<F>]; J] = std::array::from_fn(|b| &dz.data[(j + b) * dz.stride..][..x.length]);
    let mut sums = [[Lanes::zero(); J]; I];
    for at in 0..x.length {
        let z: [Lanes<F>; J] = std::array::from_fn(|b| zs[b][at]);
        for a in 0..I {
            let x = xs[a][at];
            for b in 0..J {
                sums[a][b] = x.mul_add(z[b], sums[a][b]);
            }
        }
    }
    for a in 0..I {
        for b in 0..J {
            let at = pending.count + a * J + b;
            pending.sums[at] = sums[a][b];
            pending.places[at] = (i + a) * dw.input + (j + b) * dw.output;
        }
    }
    one_at_a_time();
    pending.count += I * J;
    if pending.count >= LANES {
        pending.add_sixteen(dw);
    }
}

/// Sums whose lanes are not yet added, and the places in `dw` that they belong to: sixteen are added at
/// once.
struct Pending<F> {
    sums: [Lanes<F>; 2 * LANES],
    places: [usize; 2 * LANES],
    count: usize,
}

impl<F: Precision> Pending<F> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            sums: [Lanes::zero(); 2 * LANES],
            places: [0; 2 * LANES],
            count: 0,
        }
    }

    /// The first sixteen.
    #[inline(always)]
    fn add_sixteen(&mut self, dw: &mut WeightsMut<'_, F>) {
        if let Some(first) = self.sums.first_chunk::<LANES>() {
            let total = sums(first);
            for (place, sum) in self.places.iter().zip(total.0) {
                dw.data[*place] += sum;
            }
        }
        for at in LANES..self.count {
            one_at_a_time();
            self.sums[at - LANES] = self.sums[at];
            self.places[at - LANES] = self.places[at];
        }
        self.count -= LANES;
    }

    /// All that are left.
    #[inline(always)]
    fn finish(&self, dw: &mut WeightsMut<'_, F>) {
        for at in 0..self.count {
            one_at_a_time();
            dw.data[self.places[at]] += self.sums[at].sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::fused::simd::linear::tests::{STRIDE, rows, view};

    #[test]
    fn products_are_summed_over_all_places() {
        // Every rest of either side, and sums that wait for others or not.
        let counts = (0..8).flat_map(|inputs| (1..8).map(move |outputs| (inputs, outputs)));
        for ((inputs, outputs), length) in counts.zip([1, 2, 3, 5].into_iter().cycle()) {
            let (x, dz) = (rows(inputs, 1), rows(outputs, 2));
            let mut dw = vec![1.0; inputs * outputs];
            outer(
                view(&x, inputs, length),
                view(&dz, outputs, length),
                WeightsMut {
                    data: &mut dw,
                    input: outputs,
                    output: 1,
                },
            );
            for i in 0..inputs {
                for j in 0..outputs {
                    let product = |at: usize| (x[i * STRIDE + at] * dz[j * STRIDE + at]).sum();
                    let sum: f64 = (0..length).map(product).sum();
                    assert_eq!(dw[i * outputs + j], 1.0 + sum);
                }
            }
        }
    }
}
