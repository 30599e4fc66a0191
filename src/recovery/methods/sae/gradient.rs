//! The loss of a batch and its derivatives, by hand. Of one row `y`:
//!
//! ```text
//! x = y − b        u_j = e_j·x + c_j        f_j = max(u_j, 0), or 0 where k others are larger
//! a_j = v_j/‖v_j‖  r = Σ_j f_j a_j + b − y  loss = ‖r‖² + λ Σ_j f_j
//!
//! ∂a_j += 2 f_j r                  φ_j = 2 a_j·r + λ where f_j > 0, else 0
//! ∂e_j += φ_j x   ∂c_j += φ_j      ∂b  += 2 r − Σ_j φ_j e_j
//! ∂v_j  = (∂a_j − (∂a_j·a_j) a_j)/‖v_j‖
//! ```

use ndarray::Array2;

use crate::recovery::dictionary::encoder::largest;

/// An atom's length is taken for at least this.
const SHORTEST: f64 = 1e-12;

/// What makes codes sparse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sparsity {
    /// `λ`.
    L1(f64),
    /// `k`.
    TopK(usize),
}

/// The parameters in one list: `e` `[m, d]`, `v` `[m, d]`, `c` `[m]`, `b` `[d]`.
#[derive(Clone, Debug)]
pub struct Network {
    /// `m`.
    pub atoms: usize,
    /// `d`.
    pub width: usize,
    /// All of them.
    pub parameters: Vec<f64>,
}

/// The parts of a list of parameters, or of its gradient.
struct Parts<'a> {
    encoder: &'a mut [f64],
    atoms: &'a mut [f64],
    bias: &'a mut [f64],
    offset: &'a mut [f64],
}

/// What a row's forward pass leaves.
struct Pass {
    codes: Vec<f64>,
    centred: Vec<f64>,
    residual: Vec<f64>,
}

impl Network {
    /// With atoms along these directions `[m, d]`, an encoder that is their transpose, and a bias for every code.
    pub fn new(directions: &Array2<f64>, bias: f64) -> Self {
        let (m, d) = directions.dim();
        let v: Vec<f64> = directions.iter().copied().collect();
        let mut network = Self {
            atoms: m,
            width: d,
            parameters: [v.clone(), v, vec![bias; m], vec![0.0; d]].concat(),
        };
        let unit = network.unit_atoms();
        network.parameters[..m * d].copy_from_slice(&unit);
        network.parameters[m * d..2 * m * d].copy_from_slice(&unit);
        network
    }

    /// `e`.
    pub fn encoder(&self) -> &[f64] {
        &self.parameters[..self.size()]
    }

    /// `c`.
    pub fn bias(&self) -> &[f64] {
        &self.parameters[2 * self.size()..2 * self.size() + self.atoms]
    }

    /// `b`.
    pub fn offset(&self) -> &[f64] {
        &self.parameters[2 * self.size() + self.atoms..]
    }

    /// `a`.
    pub fn unit_atoms(&self) -> Vec<f64> {
        let v = &self.parameters[self.size()..2 * self.size()];
        v.chunks_exact(self.width)
            .flat_map(|v| {
                let length = length(v);
                v.iter().map(move |x| x / length)
            })
            .collect()
    }

    fn size(&self) -> usize {
        self.atoms * self.width
    }

    fn parts<'a>(&self, list: &'a mut [f64]) -> Parts<'a> {
        let (encoder, rest) = list.split_at_mut(self.size());
        let (atoms, rest) = rest.split_at_mut(self.size());
        let (bias, offset) = rest.split_at_mut(self.atoms);
        Parts {
            encoder,
            atoms,
            bias,
            offset,
        }
    }

    fn pass(&self) -> Pass {
        Pass {
            codes: vec![0.0; self.atoms],
            centred: vec![0.0; self.width],
            residual: vec![0.0; self.width],
        }
    }

    /// `f`, `x` and `r` of a row.
    fn forward(&self, y: &[f64], unit: &[f64], sparsity: Sparsity, pass: &mut Pass) {
        let d = self.width;
        let (encoder, bias, offset) = (self.encoder(), self.bias(), self.offset());
        for ((x, y), b) in pass.centred.iter_mut().zip(y).zip(offset) {
            *x = y - b;
        }
        for ((code, e), c) in pass.codes.iter_mut().zip(encoder.chunks_exact(d)).zip(bias) {
            *code = (c + dot(e, &pass.centred)).max(0.0);
        }
        if let Sparsity::TopK(k) = sparsity
            && k < self.atoms
        {
            let keep = largest(pass.codes.iter().copied(), k);
            for (code, keep) in pass.codes.iter_mut().zip(keep) {
                *code = if keep { *code } else { 0.0 };
            }
        }
        for (r, x) in pass.residual.iter_mut().zip(&pass.centred) {
            *r = -x;
        }
        for (code, a) in pass.codes.iter().zip(unit.chunks_exact(d)) {
            if *code > 0.0 {
                add(&mut pass.residual, *code, a);
            }
        }
    }

    /// The weighted sum of the rows' losses.
    pub fn loss(
        &self,
        rows: &Array2<f64>,
        weights: impl Iterator<Item = f64>,
        sparsity: Sparsity,
    ) -> f64 {
        let (unit, mut pass) = (self.unit_atoms(), self.pass());
        let mut loss = 0.0;
        for (row, weight) in rows.rows().into_iter().zip(weights) {
            self.forward(&row.to_vec(), &unit, sparsity, &mut pass);
            loss += weight * self.row_loss(&pass, sparsity);
        }
        loss
    }

    fn row_loss(&self, pass: &Pass, sparsity: Sparsity) -> f64 {
        let penalty = match sparsity {
            Sparsity::L1(lambda) => lambda * pass.codes.iter().sum::<f64>(),
            Sparsity::TopK(_) => 0.0,
        };
        dot(&pass.residual, &pass.residual) + penalty
    }

    /// Adds the derivatives of the weighted sum of the losses of rows, one after the other in `batch`.
    pub fn add_gradient(
        &self,
        batch: &[f64],
        weights: &[f64],
        sparsity: Sparsity,
        gradient: &mut [f64],
    ) {
        let d = self.width;
        let lambda = match sparsity {
            Sparsity::L1(lambda) => lambda,
            Sparsity::TopK(_) => 0.0,
        };
        let unit = self.unit_atoms();
        let mut pass = self.pass();
        let parts = self.parts(gradient);
        // Of a, until the end.
        let mut by_atom = vec![0.0; self.size()];
        for (y, weight) in batch.chunks_exact(d).zip(weights) {
            self.forward(y, &unit, sparsity, &mut pass);
            add(parts.offset, 2.0 * weight, &pass.residual);
            for (j, code) in pass
                .codes
                .iter()
                .enumerate()
                .filter(|(_, code)| **code > 0.0)
            {
                let own = j * d..(j + 1) * d;
                let a = &unit[own.clone()];
                let phi = weight * (2.0 * dot(a, &pass.residual) + lambda);
                add(
                    &mut by_atom[own.clone()],
                    2.0 * weight * code,
                    &pass.residual,
                );
                add(&mut parts.encoder[own.clone()], phi, &pass.centred);
                parts.bias[j] += phi;
                add(parts.offset, -phi, &self.encoder()[own]);
            }
        }
        let v = &self.parameters[self.size()..2 * self.size()];
        for (((into, by), a), v) in parts
            .atoms
            .chunks_exact_mut(d)
            .zip(by_atom.chunks_exact(d))
            .zip(unit.chunks_exact(d))
            .zip(v.chunks_exact(d))
        {
            let (along, length) = (dot(by, a), length(v));
            for ((into, by), a) in into.iter_mut().zip(by).zip(a) {
                *into += (by - along * a) / length;
            }
        }
    }
}

fn length(v: &[f64]) -> f64 {
    dot(v, v).sqrt().max(SHORTEST)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// `into += factor · x`.
fn add(into: &mut [f64], factor: f64, x: &[f64]) {
    into.iter_mut()
        .zip(x)
        .for_each(|(into, x)| *into += factor * x);
}
