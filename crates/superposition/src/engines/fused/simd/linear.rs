//! The kernel of a linear map `z_j = Σ_i x_i·w_ij`, forward and back to `x`; [`crate::engines::fused::simd::outer`] goes back to `w`.
//!
//! A quantity is a [`Rows`]: one row of [`Lanes`] a feature. Both directions of `x` are the same
//! kernel with the strides of `w` exchanged.

use crate::engines::fused::simd::{Lanes, Precision, kernels};

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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const STRIDE: usize = 5;

    pub fn rows(count: usize, seed: usize) -> Vec<Lanes<f64>> {
        (0..count * STRIDE)
            .map(|k| {
                Lanes(std::array::from_fn(|l| {
                    ((k * 31 + l * 7 + seed) % 23) as f64 - 11.0
                }))
            })
            .collect()
    }

    pub fn view(data: &[Lanes<f64>], count: usize, length: usize) -> Rows<'_, f64> {
        Rows {
            data,
            stride: STRIDE,
            count,
            length,
        }
    }

    #[test]
    fn a_linear_map_equals_its_definition() {
        let shapes = [(3, 6, 5), (4, 4, 2), (150, 5, 3), (0, 2, 2)];
        // Every rest of outputs.
        let rests = (1..14).map(|outputs| (1, outputs, 1));
        for (inputs, outputs, length) in shapes.into_iter().chain(rests) {
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
        }
    }
}
