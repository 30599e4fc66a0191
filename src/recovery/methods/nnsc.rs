//! Non-negative sparse coding (Hoyer 2002) with atoms of length 1 and a free offset:
//!
//! ```text
//! min  Σ_n w_n (‖y_n − b − f_n A‖² + λ Σ_j f_nj)    over f ≥ 0, ‖a_j‖ = 1, b
//! ```
//!
//! in turns: codes by FISTA from where they were; atoms one after the other, each the minimum of the objective's quadratic part
//! scaled to length 1 (Mairal et al. 2010); the offset, whose minimum is a mean.

use ndarray::{Array1, Array2, ArrayView1};
use rand_chacha::ChaCha12Rng;

use super::choice::Attempt;
use super::scaled::Scaled;
use crate::recovery::codes::{Blocks, Iterate, LANES, Lane, Problem};
use crate::recovery::dictionary::{Dictionary, Encoder};
use base::rng::{self, Purpose};

/// Starts for each penalty; the one with the lowest objective is kept.
pub const RESTARTS: u32 = 8;

/// Turns of a start.
const TURNS: usize = 150;
/// Iterations for the codes in each of them.
const CODE_STEPS: usize = 15;
/// Passes over the atoms in each of them.
const ATOM_PASSES: usize = 3;
/// An unused atom is replaced until this share of the turns is over.
const REPLACED_UNTIL: f64 = 0.7;
/// Iterations for the codes that the objective is that of.
const LAST_STEPS: usize = 150;
/// An atom whose codes have a smaller mean square is unused.
const UNUSED: f64 = 1e-9;
/// The standard deviation of what is added to the rows that a start begins with.
const NOISE: f64 = 0.3;

/// One start, to its end.
pub fn run(scaled: &Scaled, m: usize, lambda: f64, seed: u64, start: u32) -> Attempt {
    let mut rng = rng::stream_of_start(seed, Purpose::Recovery, start);
    let mut search = Search::new(scaled, m, lambda, &mut rng);
    for turn in 0..TURNS {
        search.codes(CODE_STEPS);
        let moments = search.moments();
        let replaces = (turn as f64) < REPLACED_UNTIL * TURNS as f64;
        search.atoms(&moments, replaces.then_some(&mut rng));
        search.offset(&moments);
    }
    search.codes(LAST_STEPS);
    Attempt {
        objective: Some(search.objective()),
        dictionary: Dictionary {
            bias: scaled.offset(&search.bias),
            atoms: search.atoms,
            // ½‖z − …‖² + p Σ f of codes in the unit of z is σ²/2 times the objective above.
            encoder: Encoder::NonNegative {
                penalty: lambda / 2.0 * scaled.scale,
            },
        },
        fit: None,
    }
}

struct Search<'a> {
    scaled: &'a Scaled,
    lambda: f64,
    y: Blocks,
    weights: Blocks,
    codes: Blocks,
    /// `[m, d]`.
    atoms: Array2<f64>,
    /// `[d]`.
    bias: Array1<f64>,
}

/// Weighted sums over rows.
struct Moments {
    /// `Σ w f fᵀ`: `[m, m]`.
    codes: Array2<f64>,
    /// `Σ w f (y − b)ᵀ`: `[m, d]`.
    rows: Array2<f64>,
    /// `Σ w f`: `[m]`.
    mean: Array1<f64>,
}

impl<'a> Search<'a> {
    fn new(scaled: &'a Scaled, m: usize, lambda: f64, rng: &mut ChaCha12Rng) -> Self {
        let (n, d) = scaled.y.dim();
        let mut atoms = rng::normal(rng, (m, d), NOISE);
        for mut atom in atoms.rows_mut() {
            atom += &scaled.y.row(scaled.draw.draw(rng));
            normalize(atom.as_slice_mut().unwrap_or_default());
        }
        Self {
            scaled,
            lambda,
            y: Blocks::new(scaled.y.view()),
            weights: Blocks::new(scaled.weights.view().insert_axis(ndarray::Axis(1))),
            codes: Blocks::zeros(n, m),
            atoms,
            bias: Array1::zeros(d),
        }
    }

    /// Iterations for the codes of all rows.
    fn codes(&mut self, steps: usize) {
        let problem = Problem::new(&self.atoms, self.lambda / 2.0);
        let (m, d) = self.atoms.dim();
        let mut state = Iterate::from(&vec![[0.0; LANES]; m], d);
        let mut centred = vec![[0.0; LANES]; d];
        for (y, codes) in self.y.iter().zip(self.codes.iter_mut()) {
            shift(y, &self.bias, &mut centred);
            state.restart(codes);
            for _ in 0..steps {
                problem.iterate(&centred, &mut state);
            }
            codes.copy_from_slice(&state.codes);
        }
    }

    fn moments(&self) -> Moments {
        let (m, d) = self.atoms.dim();
        let mut moments = Moments {
            codes: Array2::zeros((m, m)),
            rows: Array2::zeros((m, d)),
            mean: Array1::zeros(m),
        };
        let mut centred = vec![[0.0; LANES]; d];
        for ((y, codes), weights) in self
            .y
            .iter()
            .zip(self.codes.iter())
            .zip(self.weights.iter())
        {
            shift(y, &self.bias, &mut centred);
            for (j, code) in codes.iter().enumerate() {
                let weighted: Lane = std::array::from_fn(|l| code[l] * weights[0][l]);
                for (k, other) in codes.iter().enumerate().take(j + 1) {
                    moments.codes[[j, k]] += product(&weighted, other);
                }
                for (i, y) in centred.iter().enumerate() {
                    moments.rows[[j, i]] += product(&weighted, y);
                }
                moments.mean[j] += weighted.iter().sum::<f64>();
            }
        }
        for j in 0..m {
            for k in j + 1..m {
                moments.codes[[j, k]] = moments.codes[[k, j]];
            }
        }
        moments
    }

    /// Each atom at its minimum with the others as they are; an unused one becomes a row, if there is something to draw with.
    fn atoms(&mut self, moments: &Moments, mut replace: Option<&mut ChaCha12Rng>) {
        for _ in 0..ATOM_PASSES {
            for j in 0..self.atoms.nrows() {
                let own = moments.codes[[j, j]];
                let mut atom;
                if own > UNUSED {
                    let mut slope = moments.rows.row(j).to_owned();
                    for (c, other) in moments.codes.row(j).iter().zip(self.atoms.rows()) {
                        slope.scaled_add(-c, &other);
                    }
                    atom = &self.atoms.row(j) + &(slope / own);
                } else if let Some(rng) = replace.as_deref_mut() {
                    atom = &self.scaled.y.row(self.scaled.draw.draw(rng)) - &self.bias;
                } else {
                    continue;
                }
                normalize(atom.as_slice_mut().unwrap_or_default());
                self.atoms.row_mut(j).assign(&atom);
            }
        }
    }

    /// The rows' mean is 0.
    fn offset(&mut self, moments: &Moments) {
        self.bias.fill(0.0);
        for (mean, atom) in moments.mean.iter().zip(self.atoms.rows()) {
            self.bias.scaled_add(-mean, &atom);
        }
    }

    fn objective(&self) -> f64 {
        let codes = self.codes.to_matrix();
        let rows = self.scaled.y.rows().into_iter().zip(codes.rows());
        rows.zip(&self.scaled.weights)
            .map(|((y, codes), weight)| {
                let mut left = &y - &self.bias;
                for (code, atom) in codes.iter().zip(self.atoms.rows()) {
                    left.scaled_add(-code, &atom);
                }
                let square = |x: ArrayView1<'_, f64>| x.iter().fold(0.0, |sum, x| sum + x * x);
                weight * (square(left.view()) + self.lambda * codes.iter().sum::<f64>())
            })
            .sum()
    }
}

/// `y − b`.
fn shift(y: &[Lane], bias: &Array1<f64>, into: &mut [Lane]) {
    for ((y, b), into) in y.iter().zip(bias).zip(into) {
        for l in 0..LANES {
            into[l] = y[l] - b;
        }
    }
}

/// The sum over lanes, four at a time.
fn product(a: &Lane, b: &Lane) -> f64 {
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for l in 0..4 {
            sums[l] += a[l] * b[l];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// To length 1, unless it has none.
fn normalize(atom: &mut [f64]) {
    let length = atom.iter().fold(0.0, |sum, x| sum + x * x).sqrt();
    if length > 0.0 {
        atom.iter_mut().for_each(|x| *x /= length);
    }
}
