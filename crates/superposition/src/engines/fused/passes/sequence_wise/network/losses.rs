//! The objective of sixteen sequences, and where its gradient begins.

use crate::engines::fused::loss::Terms;
use crate::engines::fused::loss::cross_entropies;
use crate::engines::fused::passes::sequence_wise::maps::{TILE, Tile};
use crate::engines::fused::passes::sequence_wise::network::{Network, tiles};
use crate::engines::fused::simd::{Lanes, Precision, one_at_a_time};
use crate::teacher::OutputLoss;

impl<F: Precision> Network<F> {
    /// The objective's parts, `dh̃` of each, and `dz` of the scores, `k` tiles a quantity.
    #[inline(always)]
    pub(super) fn losses(&mut self, k: usize, terms: Terms<'_>) {
        let targets = &self.loaded[k..];
        let h = &self.x[self.tokens.indicated.len() * k..];
        for (block, own) in self.blocks.iter().zip(terms.factors) {
            let own_columns = tiles(&block.columns, k);
            let (h, target) = (&h[own_columns.clone()], &targets[own_columns.clone()]);
            let factor = F::from_f64(terms.layers * own);
            let dh = &mut self.dh[own_columns];
            let sum = squared_errors((h, k), target, &self.layer_weights, factor, dh);
            self.loss_layers = sum.mul_add(Lanes::splat(F::from_f64(*own)), self.loss_layers);
        }
        let target = &targets[h.len()..];
        let scores = self
            .readers
            .last()
            .map_or(0..0, |last| tiles(&last.columns, k));
        let z = &self.z[scores];
        let dz = &mut self.dz[..z.len()];
        let (factor, weights) = (F::from_f64(terms.output), &self.output_weights);
        self.loss_output += match terms.output_loss {
            OutputLoss::SquaredError => squared_errors((z, k), target, weights, factor, dz),
            // A soft one never comes here.
            OutputLoss::CrossEntropy | OutputLoss::SoftCrossEntropy => {
                dz.copy_from_slice(z);
                let scores = (dz.as_flattened_mut(), k * TILE);
                cross_entropies(scores, target.as_flattened(), weights, factor)
            }
        };
    }
}

/// `Σ w·(x − y)²` over all quantities, `tiles` each, `w` being the weights at the positions, and
/// `dx = 2·factor·w·(x − y)`.
#[inline(always)]
fn squared_errors<F: Precision>(
    (x, tiles): (&[Tile<F>], usize),
    y: &[Tile<F>],
    weights: &[Lanes<F>],
    factor: F,
    dx: &mut [Tile<F>],
) -> Lanes<F> {
    let twice = Lanes::splat(factor + factor);
    let mut total = Lanes::zero();
    for tile in 0..tiles {
        let mut sums = [Lanes::zero(); TILE];
        let weights = &weights[tile * TILE..][..TILE];
        for at in (tile..x.len()).step_by(tiles) {
            for n in 0..TILE {
                one_at_a_time();
                let error = x[at][n] - y[at][n];
                let weighted = error * weights[n];
                sums[n] = error.mul_add(weighted, sums[n]);
                dx[at][n] = twice * weighted;
            }
        }
        for sum in sums {
            total += sum;
        }
    }
    total
}
