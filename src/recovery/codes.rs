//! Non-negative sparse codes of rows, given atoms of length 1:
//!
//! ```text
//! min_f  ½‖y − f A‖² + p Σ f    over f ≥ 0        y [d], A [m, d], f [m]
//! ```
//!
//! by FISTA (Beck and Teboulle 2009), whose momentum starts over where it points uphill (O'Donoghue and Candès 2015).
//! Rows are worked on side by side, [`LANES`] at a time, in plain sums of one order: a row's codes are the same bits
//! on every machine and whatever rows stand beside it.

use ndarray::{Array2, ArrayView1, ArrayView2};

use base::linalg::SymmetricEigen;

/// Rows that are worked on side by side.
pub const LANES: usize = 16;

/// One number of each of these rows.
pub type Lane = [f64; LANES];

/// The codes of a row are right when no condition of optimality is missed by more than this share of `‖y‖`.
pub const TOLERANCE: f64 = 1e-9;

/// Iterations after which they are taken as they are.
pub const ITERATIONS: usize = 20_000;

/// Iterations between two looks at the conditions.
const LOOK: usize = 10;

/// A matrix `[n, width]` cut into blocks of [`LANES`] rows, transposed; the last block is filled with zeros.
#[derive(Clone, Debug)]
pub struct Blocks {
    rows: usize,
    width: usize,
    lanes: Vec<Lane>,
}

impl Blocks {
    /// Zeros.
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self {
            rows,
            width,
            lanes: vec![[0.0; LANES]; rows.div_ceil(LANES) * width],
        }
    }

    /// The rows of a matrix.
    pub fn new(matrix: ArrayView2<'_, f64>) -> Self {
        let mut blocks = Self::zeros(matrix.nrows(), matrix.ncols());
        for (n, row) in matrix.rows().into_iter().enumerate() {
            let start = n / LANES * blocks.width;
            for (lane, x) in blocks.lanes[start..].iter_mut().zip(row) {
                lane[n % LANES] = *x;
            }
        }
        blocks
    }

    /// The blocks, in order: `width` lanes each.
    pub fn iter(&self) -> impl Iterator<Item = &[Lane]> {
        self.lanes.chunks(self.width.max(1))
    }

    /// The same to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [Lane]> {
        self.lanes.chunks_mut(self.width.max(1))
    }

    /// The matrix `[n, width]` that it was cut from.
    pub fn to_matrix(&self) -> Array2<f64> {
        Array2::from_shape_fn((self.rows, self.width), |(n, i)| {
            self.lanes[n / LANES * self.width + i][n % LANES]
        })
    }
}

/// Atoms and penalty.
#[derive(Clone, Debug)]
pub struct Problem {
    /// `A`, row after row.
    atoms: Vec<f64>,
    /// `Aᵀ`, row after row.
    transposed: Vec<f64>,
    count: usize,
    width: usize,
    penalty: f64,
    /// `1/L`, with `L` the largest eigenvalue of `A Aᵀ`.
    step: f64,
}

/// The state of a block's iterations.
#[derive(Clone, Debug)]
pub struct Iterate {
    /// `f`: `[m]`.
    pub codes: Vec<Lane>,
    ahead: Vec<Lane>,
    moved: Vec<Lane>,
    residual: Vec<Lane>,
    momentum: Lane,
}

impl Iterate {
    /// From these codes, without momentum.
    pub fn from(codes: &[Lane], width: usize) -> Self {
        Self {
            codes: codes.to_vec(),
            ahead: codes.to_vec(),
            moved: vec![[0.0; LANES]; codes.len()],
            residual: vec![[0.0; LANES]; width],
            momentum: [1.0; LANES],
        }
    }

    /// As a new one from these codes.
    pub fn restart(&mut self, codes: &[Lane]) {
        self.codes.copy_from_slice(codes);
        self.ahead.copy_from_slice(codes);
        self.momentum = [1.0; LANES];
    }
}

impl Problem {
    /// For atoms `[m, d]`, each of length 1 or 0, and a penalty of at least 0.
    pub fn new(atoms: &Array2<f64>, penalty: f64) -> Self {
        let (count, width) = atoms.dim();
        // The eigenvalues of A Aᵀ are those of AᵀA: the smaller matrix is looked at.
        let square = if count < width {
            gram(atoms.view())
        } else {
            gram(atoms.t())
        };
        let values = SymmetricEigen::new(square.view()).values;
        let largest = values.first().copied().unwrap_or(0.0);
        Self {
            atoms: atoms.iter().copied().collect(),
            transposed: atoms.t().iter().copied().collect(),
            count,
            width,
            penalty,
            step: 1.0 / largest.max(f64::MIN_POSITIVE),
        }
    }

    /// One iteration for a block `y` `[d]`.
    pub fn iterate(&self, y: &[Lane], state: &mut Iterate) {
        self.residual(y, &state.ahead, &mut state.residual);
        let mut uphill = [0.0; LANES];
        for (j, atom) in self.atoms.chunks_exact(self.width).enumerate() {
            let slope = self.slope(atom, &state.residual);
            let (code, ahead, moved) = (&mut state.codes[j], &state.ahead[j], &mut state.moved[j]);
            for l in 0..LANES {
                let next = (ahead[l] - self.step * slope[l]).max(0.0);
                moved[l] = next - code[l];
                uphill[l] += (ahead[l] - next) * moved[l];
                code[l] = next;
            }
        }
        let mut share = [0.0; LANES];
        for l in 0..LANES {
            let t = state.momentum[l];
            let next = f64::midpoint(1.0, (1.0 + 4.0 * t * t).sqrt());
            let is_uphill = uphill[l] > 0.0;
            share[l] = if is_uphill { 0.0 } else { (t - 1.0) / next };
            state.momentum[l] = if is_uphill { 1.0 } else { next };
        }
        for ((ahead, code), moved) in state.ahead.iter_mut().zip(&state.codes).zip(&state.moved) {
            for l in 0..LANES {
                ahead[l] = code[l] + share[l] * moved[l];
            }
        }
    }

    /// `y − f A` `[d]`.
    pub fn residual(&self, y: &[Lane], codes: &[Lane], into: &mut [Lane]) {
        for ((row, y), into) in self.transposed.chunks_exact(self.count).zip(y).zip(into) {
            let mut sum = *y;
            for (a, code) in row.iter().zip(codes) {
                for l in 0..LANES {
                    sum[l] -= a * code[l];
                }
            }
            *into = sum;
        }
    }

    /// The objective's derivative by the code of one atom, where it is positive: `p − a·(y − f A)`.
    fn slope(&self, atom: &[f64], residual: &[Lane]) -> Lane {
        let mut slope = [self.penalty; LANES];
        for (a, r) in atom.iter().zip(residual) {
            for l in 0..LANES {
                slope[l] -= a * r[l];
            }
        }
        slope
    }

    /// By how much the conditions of optimality are missed: `max_j |min(f_j, ∂_j)|`, which is 0 at a minimum alone.
    pub fn missed(&self, y: &[Lane], state: &mut Iterate) -> Lane {
        self.residual(y, &state.codes, &mut state.residual);
        let mut missed = [0.0_f64; LANES];
        for (atom, code) in self.atoms.chunks_exact(self.width).zip(&state.codes) {
            let slope = self.slope(atom, &state.residual);
            for l in 0..LANES {
                missed[l] = missed[l].max(code[l].min(slope[l]).abs());
            }
        }
        missed
    }

    /// Writes the codes of a block `y` `[d]` to `into` `[m]`: each row's as soon as it misses the conditions by at most
    /// [`TOLERANCE`], or after [`ITERATIONS`]. Where several codes are as good, they are those that are reached from 0.
    pub fn solve(&self, y: &[Lane], into: &mut [Lane]) {
        let mut length = [0.0_f64; LANES];
        for y in y {
            for l in 0..LANES {
                length[l] += y[l] * y[l];
            }
        }
        let mut state = Iterate::from(&vec![[0.0; LANES]; self.count], self.width);
        let mut open = [true; LANES];
        for round in 0..=ITERATIONS / LOOK {
            let missed = self.missed(y, &mut state);
            for l in 0..LANES {
                let is_right = missed[l] <= TOLERANCE * length[l].sqrt();
                if open[l] && (is_right || round == ITERATIONS / LOOK) {
                    open[l] = false;
                    for (into, code) in into.iter_mut().zip(&state.codes) {
                        into[l] = code[l];
                    }
                }
            }
            if !open.contains(&true) {
                break;
            }
            for _ in 0..LOOK {
                self.iterate(y, &mut state);
            }
        }
    }
}

/// `M Mᵀ`.
fn gram(matrix: ArrayView2<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((matrix.nrows(), matrix.nrows()), |(i, j)| {
        dot(matrix.row(i), matrix.row(j))
    })
}

/// `a·b`, summed in order.
pub fn dot(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
