//! The penalties on `W`: `l1_weight · Σ |W_ij| + gram_weight · Σ_{i≠j} |G_ij|` with `G = WᵀW`.
//!
//! The first asks for zeros in `W` and so picks out rotations of it (`L_out` and `L_layer` do not tell
//! `W` from `RW`); the second asks for features that do not interfere. At 0 the subgradient is 0:
//!
//! ```text
//! d/dW Σ |W_ij| = sign(W)
//! d/dW Σ_{i≠j} |G_ij| = W·(S + Sᵀ) = 2·W·S,    S = sign(G) with a zero diagonal
//! ```
//!
//! Of several `W` in a stack ([`crate::model::wiring`]) the first is the sum over all of them; the second is for
//! one `W`.

use ndarray::Array2;

use super::objective::Objective;

/// The penalties at `w` `[d, D]`; exactly 0 where the objective has none.
pub fn value(objective: &Objective, w: &Array2<f64>) -> f64 {
    let mut sum = 0.0;
    if objective.l1_weight != 0.0 {
        sum += objective.l1_weight * absolute(w);
    }
    if objective.gram_weight != 0.0 {
        sum += objective.gram_weight * absolute(&off_diagonal(w));
    }
    sum
}

/// The same, and adds their gradient to `gradient` `[d, D]`.
pub fn add(objective: &Objective, w: &Array2<f64>, gradient: &mut Array2<f64>) -> f64 {
    let mut sum = 0.0;
    if objective.l1_weight != 0.0 {
        sum += objective.l1_weight * absolute(w);
        gradient.zip_mut_with(w, |g, x| *g += objective.l1_weight * sign(*x));
    }
    if objective.gram_weight != 0.0 {
        let gram = off_diagonal(w);
        sum += objective.gram_weight * absolute(&gram);
        gradient.scaled_add(2.0 * objective.gram_weight, &w.dot(&gram.mapv(sign)));
    }
    sum
}

/// `G` with a zero diagonal.
fn off_diagonal(w: &Array2<f64>) -> Array2<f64> {
    let mut gram = w.t().dot(w);
    gram.diag_mut().fill(0.0);
    gram
}

fn absolute(matrix: &Array2<f64>) -> f64 {
    matrix.iter().map(|x| x.abs()).sum()
}

/// −1, 0 or 1, and NaN of NaN.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn by_hand_with_a_zero_entry() {
        // G = [[5, -1], [-1, 1]].
        let w = array![[1.0, -1.0], [2.0, 0.0]];
        let l1 = Objective {
            l1_weight: 0.5,
            ..Objective::default()
        };
        let mut gradient = array![[1.0, 1.0], [1.0, 1.0]];
        assert_eq!(add(&l1, &w, &mut gradient), 2.0);
        assert_eq!(value(&l1, &w), 2.0);
        assert_eq!(gradient, array![[1.5, 0.5], [1.5, 1.0]]);
        let gram = Objective {
            gram_weight: 0.25,
            ..Objective::default()
        };
        let mut gradient = Array2::zeros((2, 2));
        assert_eq!(add(&gram, &w, &mut gradient), 0.5);
        assert_eq!(value(&gram, &w), 0.5);
        // d(2·|W_0·W_1|)/dW_0 = -2·W_1, and the other way round.
        assert_eq!(gradient, array![[0.5, -0.5], [0.0, -1.0]]);
        let mut untouched = gradient.clone();
        assert_eq!(add(&Objective::default(), &w, &mut untouched), 0.0);
        assert_eq!(untouched, gradient);
    }
}
