//! AdamW in Optax's form, in float64 whatever the engine's precision.
//!
//! `optax.adamw`: ε outside the square root, bias correction on, decoupled weight decay multiplied
//! by the learning rate. Float64, because at a learning rate of 1e-6 and a decay of 0.1 the factor
//! `1 − lr·decay` in float32 rounds to 1 − 1.19e-7, which moves `W` by 2e-3 over the second half of
//! the paper's run.

use ndarray::{Array2, Zip};

/// The settings of AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// `β₁`, decay of the first moment.
    pub beta1: f64,
    /// `β₂`, decay of the second moment.
    pub beta2: f64,
    /// `ε`, added to the root of the second moment.
    pub epsilon: f64,
    /// Multiplied by the learning rate and `W`.
    pub weight_decay: f64,
}

/// The moments after some number of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `m`, shape of `W`.
    pub first: Array2<f64>,
    /// `v`, shape of `W`.
    pub second: Array2<f64>,
}

impl Moments {
    /// The moments before the first update.
    pub fn zeros(shape: (usize, usize)) -> Self {
        Self {
            first: Array2::zeros(shape),
            second: Array2::zeros(shape),
        }
    }
}

impl AdamW {
    /// Update number `step` (0, 1, ...) of `w` with learning rate `rate`:
    ///
    /// ```text
    /// m ← β₁ m + (1 − β₁) g          m̂ = m / (1 − β₁^{step+1})
    /// v ← β₂ v + (1 − β₂) g²         v̂ = v / (1 − β₂^{step+1})
    /// W ← W − rate · (m̂ / (√v̂ + ε) + weight_decay · W)
    /// ```
    pub fn update(
        &self,
        step: u64,
        rate: f64,
        w: &mut Array2<f64>,
        moments: &mut Moments,
        gradient: &Array2<f64>,
    ) {
        let count = (step + 1) as f64;
        let correction1 = 1.0 - self.beta1.powf(count);
        let correction2 = 1.0 - self.beta2.powf(count);
        Zip::from(w)
            .and(&mut moments.first)
            .and(&mut moments.second)
            .and(gradient)
            .for_each(|w, m, v, &g| {
                *m = self.beta1 * *m + (1.0 - self.beta1) * g;
                *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
                let direction = (*m / correction1) / ((*v / correction2).sqrt() + self.epsilon);
                *w -= rate * (direction + self.weight_decay * *w);
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn two_updates_worked_out_by_hand() {
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.1,
        };
        let mut w = array![[1.0]];
        let mut moments = Moments::zeros((1, 1));
        // First update: m̂ = g and √v̂ = |g|, so the direction is the gradient's sign.
        adamw.update(0, 0.01, &mut w, &mut moments, &array![[-4.0]]);
        approx::assert_relative_eq!(w[[0, 0]], 1.0 + 0.01 * (1.0 - 0.1), max_relative = 1e-10);
        // Second: m = 0.9·(−0.4) + 0.1·2 = −0.16, m̂ = −0.16/0.19;
        // v = 0.99·0.16 + 0.01·4 = 0.1984, v̂ = 0.1984/0.0199.
        let before = w[[0, 0]];
        adamw.update(1, 0.01, &mut w, &mut moments, &array![[2.0]]);
        let direction = (-0.16 / 0.19) / (0.1984f64 / 0.0199).sqrt();
        let expected = before - 0.01 * (direction + 0.1 * before);
        approx::assert_relative_eq!(w[[0, 0]], expected, max_relative = 1e-9);
    }

    #[test]
    fn a_zero_gradient_only_decays() {
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.1,
        };
        let mut w = array![[2.0]];
        adamw.update(0, 1e-6, &mut w, &mut Moments::zeros((1, 1)), &array![[0.0]]);
        assert_eq!(w[[0, 0]], 2.0 - 1e-6 * (0.0 + 0.1 * 2.0));
    }

    #[test]
    fn epsilon_is_added_outside_of_the_root() {
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1.0,
            weight_decay: 0.1,
        };
        let mut w = array![[2.0]];
        let mut moments = Moments::zeros((1, 1));
        // m̂ = −4 and √v̂ = 4, so the direction is −4/(4 + 1).
        adamw.update(0, 0.01, &mut w, &mut moments, &array![[-4.0]]);
        approx::assert_relative_eq!(w[[0, 0]], 2.0 - 0.01 * (-0.8 + 0.2), max_relative = 1e-14);
        approx::assert_relative_eq!(moments.first[[0, 0]], -0.4, max_relative = 1e-14);
        approx::assert_relative_eq!(moments.second[[0, 0]], 0.16, max_relative = 1e-14);
    }
}
