//! Sparse autoencoders whose atoms have length 1, trained by Adam on batches that are drawn by the rows' weights.
//!
//! - `gradient`: the loss of a batch and its derivatives.
//! - `adam`: the updates.

mod adam;
mod gradient;
#[cfg(test)]
mod tests;

use ndarray::{Array1, Array2};

use super::choice::Attempt;
use super::scaled::Scaled;
use crate::recovery::dictionary::{Activation, Dictionary, Encoder, Linear};
use adam::Adam;
use base::rng::{self, Purpose};
use gradient::{Network, Sparsity};

/// Updates of a training.
const STEPS: usize = 6000;
/// Rows of a batch.
const BATCH: usize = 256;
/// The first learning rate; it falls linearly to [`LAST`] of itself.
const RATE: f64 = 3e-3;
/// See [`RATE`].
const LAST: f64 = 0.05;
/// What every code begins with, so that none begins dead.
const FIRST_BIAS: f64 = 0.1;

/// A training with the penalty `λ Σ f`.
pub fn run_l1(scaled: &Scaled, m: usize, lambda: f64, seed: u64, start: u32) -> Attempt {
    run(scaled, m, Sparsity::L1(lambda), seed, start)
}

/// A training in which a row has its `k` largest codes.
pub fn run_topk(scaled: &Scaled, m: usize, k: usize, seed: u64, start: u32) -> Attempt {
    run(scaled, m, Sparsity::TopK(k), seed, start)
}

fn run(scaled: &Scaled, m: usize, sparsity: Sparsity, seed: u64, start: u32) -> Attempt {
    let network = train(scaled, m, sparsity, (seed, start), STEPS);
    let loss = network.loss(&scaled.y, scaled.weights.iter().copied(), sparsity);
    let (m, d) = (network.atoms, network.width);
    let matrix = |part: &[f64]| Array2::from_shape_fn((m, d), |(j, i)| part[j * d + i]);
    let dictionary = Dictionary {
        atoms: matrix(&network.unit_atoms()),
        bias: scaled.offset(&Array1::from(network.offset().to_vec())),
        encoder: Encoder::Linear(Box::new(Linear {
            weights: matrix(network.encoder())
                .reversed_axes()
                .as_standard_layout()
                .into_owned(),
            // (z − b_z) W_enc + σ b_enc = σ ((y − b_y) W_enc + b_enc): codes in the unit of z.
            bias: Array1::from(network.bias().to_vec()) * scaled.scale,
            subtracts_offset: true,
            activation: match sparsity {
                Sparsity::L1(_) => Activation::Relu,
                Sparsity::TopK(k) => Activation::TopK {
                    k,
                    by_length: false,
                },
            },
        })),
    };
    Attempt {
        dictionary: dictionary.as_written(),
        objective: Some(loss),
        fit: None,
    }
}

fn train(
    scaled: &Scaled,
    m: usize,
    sparsity: Sparsity,
    (seed, start): (u64, u32),
    steps: usize,
) -> Network {
    let mut rng = rng::stream_of_start(seed, Purpose::Recovery, start);
    let d = scaled.y.ncols();
    let mut network = Network::new(&rng::normal(&mut rng, (m, d), 1.0), FIRST_BIAS);
    let mut adam = Adam::new(network.parameters.len());
    let mut batch = vec![0.0; BATCH * d];
    let mut gradient = vec![0.0; network.parameters.len()];
    let weights = [1.0 / BATCH as f64; BATCH];
    for step in 0..steps {
        for row in batch.chunks_exact_mut(d) {
            let drawn = scaled.y.row(scaled.draw.draw(&mut rng));
            row.iter_mut().zip(drawn).for_each(|(x, y)| *x = *y);
        }
        gradient.fill(0.0);
        network.add_gradient(&batch, &weights, sparsity, &mut gradient);
        let done = step as f64 / steps as f64;
        adam.update(
            &mut network.parameters,
            &gradient,
            RATE * (1.0 - (1.0 - LAST) * done),
        );
    }
    network
}
