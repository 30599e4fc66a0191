//! The three kernels of a linear map `z_j = Σ_i x_i·w_ij`: forward, backward to `x`, backward to `w`.
//!
//! A quantity is a [`Rows`]: one row of [`Lanes`] a feature. Both directions of `x` are the same
//! kernel with the strides of `w` exchanged.

use super::lanes::{LANES, Lanes, Precision, kernels, one_at_a_time};
use super::sums::sums;

/// Rows of equal length at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, F> {
    /// Row `i` begins at `i · stride`.
    pub data: &'a [Lanes<F>],
    /// Distance of two rows.
    pub stride: usize,
    /// Number of rows.
    pub count: usize,
    /// Lanes in each.
    pub length: usize,
}

/// Rows that are written to.
#[derive(Debug)]
pub struct RowsMut<'a, F> {
    /// Row `i` begins at `i · stride`.
    pub data: &'a mut [Lanes<F>],
    /// Distance of two rows.
    pub stride: usize,
    /// Number of rows.
    pub count: usize,
    /// Lanes in each.
    pub length: usize,
}

/// `w_ij` is `data[i · input + j · output]`.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, F> {
    /// The numbers.
    pub data: &'a [F],
    /// Distance of two inputs.
    pub input: usize,
    /// Distance of two outputs.
    pub output: usize,
}

/// Weights that gradients are added to.
#[derive(Debug)]
pub struct WeightsMut<'a, F> {
    /// The numbers.
    pub data: &'a mut [F],
    /// Distance of two inputs.
    pub input: usize,
    /// Distance of two outputs.
    pub output: usize,
}

impl<F> Weights<'_, F> {
    /// The same weights from outputs to inputs.
    pub fn transposed(self) -> Self {
        Self {
            input: self.output,
            output: self.input,
            ..self
        }
    }
}

/// What [`linear`] adds to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Onto<'a, F> {
    /// Zero.
    Nothing,
    /// What the output rows hold.
    Output,
    /// A constant for each output.
    Bias(&'a [F]),
}

/// One of several groups of inputs to the same outputs.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a, F> {
    /// The inputs.
    pub x: Rows<'a, F>,
    /// From them to the outputs.
    pub weights: Weights<'a, F>,
}

impl<F> Term<'_, F> {
    /// A term without inputs.
    pub fn none() -> Self {
        Self {
            x: Rows {
                data: &[],
                stride: 0,
                count: 0,
                length: 0,
            },
            weights: Weights {
                data: &[],
                input: 0,
                output: 0,
            },
        }
    }
}

/// Inputs that are taken together before the outputs are written.
const TOGETHER: usize = 64;
/// An input's lanes, its weights, and the distance of two outputs in them.
type Row<'a, F> = (&'a [Lanes<F>], &'a [F], usize);

kernels! {
    /// `z_j ← onto + Σ_terms Σ_i x_i·w_ij`.
    pub fn linear<'a, F>(terms: &'a [Term<'a, F>], onto: Onto<'a, F>, z: RowsMut<'a, F>) {
        let mut rows: [Row<F>; TOGETHER] = [(&[], &[], 0); TOGETHER];
        let mut filled = 0;
        let mut onto = onto;
        for Term { x, weights } in terms {
            for i in 0..x.count {
                if filled == TOGETHER {
                    linear_outputs(&rows, onto, &mut z);
                    onto = Onto::Output;
                    filled = 0;
                }
                let row = &x.data[i * x.stride..][..x.length];
                rows[filled] = (row, &weights.data[i * weights.input..], weights.output);
                filled += 1;
            }
        }
        linear_outputs(&rows[..filled], onto, &mut z);
    }

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

/// All outputs, from inputs with their weights and the weights' distance from output to output.
#[inline(always)]
fn linear_outputs<F: Precision>(rows: &[Row<F>], onto: Onto<'_, F>, z: &mut RowsMut<'_, F>) {
    let mut j = 0;
    while j < z.count {
        // As many as the registers hold, and no rest of a single one where that can be avoided.
        j += match z.count - j {
            1 => linear_columns::<1, F>(rows, onto, z, j),
            2 => linear_columns::<2, F>(rows, onto, z, j),
            3 | 5 => linear_columns::<3, F>(rows, onto, z, j),
            4 | 7 | 8 => linear_columns::<4, F>(rows, onto, z, j),
            _ => linear_columns::<6, F>(rows, onto, z, j),
        };
    }
}

/// Outputs `j..j + J`; returns `J`.
#[inline(always)]
fn linear_columns<const J: usize, F: Precision>(
    rows: &[Row<F>],
    onto: Onto<'_, F>,
    z: &mut RowsMut<'_, F>,
    j: usize,
) -> usize {
    let mut weights = [[F::zero(); J]; TOGETHER];
    for (w, (_, all, distance)) in weights.iter_mut().zip(rows) {
        for (b, w) in w.iter_mut().enumerate() {
            *w = all[(j + b) * distance];
        }
    }
    let mut at = 0;
    while at + 4 <= z.length {
        linear_tile::<J, 4, F>(rows, &weights, onto, z, j, at);
        at += 4;
    }
    while at + 2 <= z.length {
        linear_tile::<J, 2, F>(rows, &weights, onto, z, j, at);
        at += 2;
    }
    if at < z.length {
        linear_tile::<J, 1, F>(rows, &weights, onto, z, j, at);
    }
    J
}

/// `J` outputs of `N` lanes, kept in registers while the inputs pass by.
#[inline(always)]
fn linear_tile<const J: usize, const N: usize, F: Precision>(
    rows: &[Row<F>],
    weights: &[[F; J]; TOGETHER],
    onto: Onto<'_, F>,
    z: &mut RowsMut<'_, F>,
    j: usize,
    at: usize,
) {
    let mut sums = [[Lanes::zero(); N]; J];
    match onto {
        Onto::Nothing => {}
        Onto::Output => {
            for b in 0..J {
                let row = &z.data[(j + b) * z.stride + at..][..N];
                for n in 0..N {
                    sums[b][n] = row[n];
                }
            }
        }
        Onto::Bias(bias) => {
            for b in 0..J {
                sums[b] = [Lanes::splat(bias[j + b]); N];
            }
        }
    }
    for ((row, _, _), w) in rows.iter().zip(weights) {
        let inputs = &row[at..][..N];
        for b in 0..J {
            let w = Lanes::splat(w[b]);
            for n in 0..N {
                sums[b][n] = inputs[n].mul_add(w, sums[b][n]);
            }
        }
    }
    for b in 0..J {
        let row = &mut z.data[(j + b) * z.stride + at..][..N];
        for n in 0..N {
            row[n] = sums[b][n];
        }
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

    const STRIDE: usize = 5;

    fn rows(count: usize, seed: usize) -> Vec<Lanes<f64>> {
        (0..count * STRIDE)
            .map(|k| {
                Lanes(std::array::from_fn(|l| {
                    ((k * 31 + l * 7 + seed) % 23) as f64 - 11.0
                }))
            })
            .collect()
    }

    fn view(data: &[Lanes<f64>], count: usize, length: usize) -> Rows<'_, f64> {
        Rows {
            data,
            stride: STRIDE,
            count,
            length,
        }
    }

    #[test]
    fn forward_and_backward_equal_their_definitions() {
        for (inputs, outputs, length) in [(1, 1, 1), (3, 6, 5), (4, 4, 2), (150, 5, 3), (0, 2, 2)] {
            let x = rows(inputs, 1);
            let w: Vec<f64> = (0..inputs * outputs)
                .map(|k| (k % 7) as f64 - 3.0)
                .collect();
            let bias: Vec<f64> = (0..outputs).map(|j| j as f64).collect();
            let weights = Weights {
                data: &w,
                input: outputs,
                output: 1,
            };
            let mut z = rows(outputs, 2);
            let before = z.clone();
            for onto in [Onto::Nothing, Onto::Bias(&bias), Onto::Output] {
                z.copy_from_slice(&before);
                let out = RowsMut {
                    data: &mut z,
                    stride: STRIDE,
                    count: outputs,
                    length,
                };
                let term = Term {
                    x: view(&x, inputs, length),
                    weights,
                };
                linear(&[term], onto, out);
                for j in 0..outputs {
                    for at in 0..STRIDE {
                        for l in 0..16 {
                            let old = before[j * STRIDE + at].0[l];
                            let start = match onto {
                                Onto::Nothing => 0.0,
                                Onto::Output => old,
                                Onto::Bias(bias) => bias[j],
                            };
                            let sum: f64 = (0..inputs)
                                .map(|i| x[i * STRIDE + at].0[l] * w[i * outputs + j])
                                .sum();
                            let expected = if at < length { start + sum } else { old };
                            assert_eq!(z[j * STRIDE + at].0[l], expected);
                        }
                    }
                }
            }

            let mut dw = vec![1.0; inputs * outputs];
            outer(
                view(&x, inputs, length),
                view(&before, outputs, length),
                WeightsMut {
                    data: &mut dw,
                    input: outputs,
                    output: 1,
                },
            );
            for i in 0..inputs {
                for j in 0..outputs {
                    let product = |at: usize| (x[i * STRIDE + at] * before[j * STRIDE + at]).sum();
                    let sum: f64 = (0..length).map(product).sum();
                    assert_eq!(dw[i * outputs + j], 1.0 + sum);
                }
            }
        }
    }
}
