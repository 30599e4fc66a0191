//! Draws from a list of probabilities in constant time (Walker 1977, in Vose's form of 1991).

use rand::{Rng, RngExt};

/// The alias table of a list of probabilities.
///
/// The list is cut into `n` columns of equal height, each of which holds at most two of its entries:
/// its own up to `keep`, another above.
#[derive(Clone, Debug)]
pub struct Alias {
    keep: Vec<f64>,
    other: Vec<u32>,
}

impl Alias {
    /// For entries that are proportional to these numbers: at least one, none negative, not all zero,
    /// a finite sum.
    pub fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let scale = weights.len() as f64 / total;
        let mut keep: Vec<f64> = weights.iter().map(|w| w * scale).collect();
        let mut other: Vec<u32> = (0..weights.len() as u32).collect();
        let (mut low, mut high): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&i| keep[i] < 1.0);
        while let (Some(&short), Some(&tall)) = (low.last(), high.last()) {
            low.pop();
            other[short] = tall as u32;
            keep[tall] -= 1.0 - keep[short];
            if keep[tall] < 1.0 {
                high.pop();
                low.push(tall);
            }
        }
        // What is left is as high as the columns, up to rounding.
        for i in low.into_iter().chain(high) {
            keep[i] = 1.0;
        }
        Self { keep, other }
    }

    /// The number of an entry.
    pub fn draw(&self, rng: &mut impl Rng) -> usize {
        let column = rng.random_range(0..self.keep.len());
        let height: f64 = rng.random();
        if height < self.keep[column] {
            column
        } else {
            self.other[column] as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_add_up_to_the_probabilities() {
        let mut x = 0.5_f64;
        let mut noise = || {
            x = (x * 997.0 + 0.123).fract();
            x
        };
        for n in [1, 2, 3, 64, 1000] {
            // From equal to very unequal.
            for power in [0.0, 1.0, 20.0] {
                let weights: Vec<f64> = (0..n).map(|_| noise().powf(power)).collect();
                let total: f64 = weights.iter().sum();
                let table = Alias::new(&weights);
                let mut found = vec![0.0; n];
                for (i, (keep, other)) in table.keep.iter().zip(&table.other).enumerate() {
                    assert!((0.0..=1.0).contains(keep));
                    found[i] += keep / n as f64;
                    found[*other as usize] += (1.0 - keep) / n as f64;
                }
                for (found, weight) in found.iter().zip(&weights) {
                    approx::assert_abs_diff_eq!(*found, weight / total, epsilon = 1e-13);
                }
            }
        }
    }
}
