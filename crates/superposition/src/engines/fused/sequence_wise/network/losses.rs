//! The objective of sixteen sequences, and where its gradient begins.

use super::super::super::lanes::{Lanes, Precision, one_at_a_time};
use super::super::super::loss::cross_entropies;
use super::super::super::piece::Terms;
use super::super::maps::Tile;
use super::Network;
use crate::teacher::OutputLoss;

impl<F: Precision, const C: usize> Network<F, C> {
    /// The objective's parts, `dh̃` of each, and `dz` of the scores.
    #[inline(always)]
    pub(super) fn losses(&mut self, terms: Terms<'_>) {
        let targets = &self.loaded[1..];
        let h = &self.x[self.tokens.indicated.len()..];
        for (block, own) in self.blocks.iter().zip(terms.factors) {
            let own_columns = block.columns.clone();
            let (h, target) = (&h[own_columns.clone()], &targets[own_columns.clone()]);
            let factor = F::from_f64(terms.layers * own);
            let dh = &mut self.dh[own_columns];
            let sum = squared_errors(h, target, &self.layer_weights, factor, dh);
            self.loss_layers = sum.mul_add(Lanes::splat(F::from_f64(*own)), self.loss_layers);
        }
        let target = &targets[h.len()..];
        let scores = self
            .readers
            .last()
            .map_or(0..0, |last| last.columns.clone());
        let z = &self.z[scores];
        let dz = &mut self.dz[..z.len()];
        let (factor, weights) = (F::from_f64(terms.output), &self.output_weights);
        self.loss_output += match terms.output_loss {
            OutputLoss::SquaredError => squared_errors(z, target, weights, factor, dz),
            // A soft one never comes here.
            OutputLoss::CrossEntropy | OutputLoss::SoftCrossEntropy => {
                dz.copy_from_slice(z);
                let scores = (dz.as_flattened_mut(), C);
                cross_entropies(scores, target.as_flattened(), weights, factor)
            }
        };
    }
}

/// `Σ w·(x − y)²` over all quantities, `w` being the weights at the positions, and `dx = 2·factor·w·(x − y)`.
#[inline(always)]
fn squared_errors<F: Precision, const C: usize>(
    x: &[Tile<F, C>],
    y: &[Tile<F, C>],
    weights: &Tile<F, C>,
    factor: F,
    dx: &mut [Tile<F, C>],
) -> Lanes<F> {
    let twice = Lanes::splat(factor + factor);
    let mut sums = [Lanes::zero(); C];
    for ((x, y), dx) in x.iter().zip(y).zip(dx) {
        for n in 0..C {
            one_at_a_time();
            let error = x[n] - y[n];
            let weighted = error * weights[n];
            sums[n] = error.mul_add(weighted, sums[n]);
            dx[n] = twice * weighted;
        }
    }
    let mut total = sums[0];
    for n in 1..C {
        total += sums[n];
    }
    total
}
