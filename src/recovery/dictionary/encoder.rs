//! From rows to their codes.

use std::num::NonZero;

use ndarray::{Array1, Array2, Axis};

use crate::analysis::sweep;
use crate::recovery::codes::{Blocks, LANES, Lane, Problem};

/// How codes come about, for atoms `A` `[m, d]` and an offset `b` `[d]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoder {
    /// `min ½‖z − b − f A‖² + p Σ_j f_j ‖a_j‖` over `f ≥ 0`: non-negative least squares where the penalty is 0.
    NonNegative {
        /// `p`, in the unit of `z`.
        penalty: f64,
    },
    /// `f = (z − b) Aᵀ`, of any sign: least squares where the atoms are orthonormal.
    Projection,
    /// A linear map and an activation function.
    Linear(Box<Linear>),
}

/// `f = activation((z − s b) W_enc + b_enc)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `W_enc`, `[d, m]`.
    pub weights: Array2<f64>,
    /// `b_enc`, `[m]`.
    pub bias: Array1<f64>,
    /// Whether the offset is subtracted first: `s` is 1 or 0 (`apply_b_dec_to_input`).
    pub subtracts_offset: bool,
    /// What follows.
    pub activation: Activation,
}

/// What makes codes sparse.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The same of the largest ones, and 0 for the others; of equal ones the first count.
    TopK {
        /// How many.
        k: usize,
        /// Whether they are compared after they are multiplied by the lengths of their atoms
        /// (`rescale_acts_by_decoder_norm`).
        by_length: bool,
    },
    /// `x` where it is positive and above the threshold `[m]`, and 0 elsewhere.
    JumpRelu(Array1<f64>),
}

impl Encoder {
    /// The codes `[n, m]` of rows `[n, d]`.
    pub(super) fn codes(
        &self,
        atoms: &Array2<f64>,
        offset: &Array1<f64>,
        rows: &Array2<f64>,
    ) -> Array2<f64> {
        match self {
            Self::NonNegative { penalty } => non_negative(atoms, &(rows - offset), *penalty),
            Self::Projection => product(&(rows - offset), &atoms.t().to_owned(), None),
            Self::Linear(linear) => linear.codes(atoms, offset, rows),
        }
    }
}

impl Linear {
    fn codes(&self, atoms: &Array2<f64>, offset: &Array1<f64>, rows: &Array2<f64>) -> Array2<f64> {
        let mut codes = if self.subtracts_offset {
            product(&(rows - offset), &self.weights, Some(&self.bias))
        } else {
            product(rows, &self.weights, Some(&self.bias))
        };
        match &self.activation {
            Activation::Relu => codes.mapv_inplace(|x| x.max(0.0)),
            Activation::JumpRelu(threshold) => {
                for mut row in codes.rows_mut() {
                    row.zip_mut_with(threshold, |x, t| {
                        *x = if *x > *t { x.max(0.0) } else { 0.0 }
                    });
                }
            }
            Activation::TopK { k, by_length } => {
                // The code that SAELens divides by the atom's length is the one before the multiplication.
                let scale = if *by_length {
                    lengths(atoms)
                } else {
                    Array1::ones(self.bias.len())
                };
                for mut row in codes.rows_mut() {
                    let keep = largest((&row * &scale).iter().copied(), *k);
                    row.iter_mut().zip(keep).for_each(|(x, keep)| {
                        *x = if keep { x.max(0.0) } else { 0.0 };
                    });
                }
            }
        }
        codes
    }
}

/// Which of some numbers are the `k` largest; of equal ones the first.
pub fn largest(numbers: impl Iterator<Item = f64>, k: usize) -> Vec<bool> {
    let numbers: Vec<f64> = numbers.collect();
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&i, &j| numbers[j].total_cmp(&numbers[i])); // stable
    let mut keep = vec![false; numbers.len()];
    order.iter().take(k).for_each(|&i| keep[i] = true);
    keep
}

/// The atoms' lengths, `[m]`.
pub fn lengths(atoms: &Array2<f64>) -> Array1<f64> {
    atoms.map_axis(Axis(1), |a| a.fold(0.0, |sum, x| sum + x * x).sqrt())
}

/// `X M + b`, in sums of one order on every machine.
fn product(x: &Array2<f64>, m: &Array2<f64>, bias: Option<&Array1<f64>>) -> Array2<f64> {
    let mut result = Array2::zeros((x.nrows(), m.ncols()));
    for (row, mut into) in x.rows().into_iter().zip(result.rows_mut()) {
        if let Some(bias) = bias {
            into.assign(bias);
        }
        for (x, m) in row.iter().zip(m.rows()) {
            into.scaled_add(*x, &m);
        }
    }
    result
}

/// See [`Encoder::NonNegative`].
fn non_negative(atoms: &Array2<f64>, rows: &Array2<f64>, penalty: f64) -> Array2<f64> {
    let lengths = lengths(atoms);
    let is_there = |length: &f64| *length > 0.0;
    let mut units = atoms.clone();
    for (mut atom, length) in units.rows_mut().into_iter().zip(&lengths) {
        if is_there(length) {
            atom.mapv_inplace(|x| x / length);
        }
    }
    let problem = Problem::new(&units, penalty);
    let (y, mut codes) = (
        Blocks::new(rows.view()),
        Blocks::zeros(rows.nrows(), atoms.nrows()),
    );
    let y: Vec<&[Lane]> = y.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut into = codes.iter_mut();
    sweep::pieces(
        y.len(),
        threads,
        |range| {
            let solve = |y: &&[Lane]| {
                let mut codes = vec![[0.0; LANES]; atoms.nrows()];
                problem.solve(y, &mut codes);
                codes
            };
            y[range].iter().map(solve).collect::<Vec<_>>()
        },
        |part| {
            for (codes, into) in part.iter().zip(&mut into) {
                into.copy_from_slice(codes);
            }
        },
    );
    drop(into);
    let mut codes = codes.to_matrix();
    for (mut column, length) in codes.columns_mut().into_iter().zip(&lengths) {
        if is_there(length) {
            column.mapv_inplace(|x| x / length);
        }
    }
    codes
}
