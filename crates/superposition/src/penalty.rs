//! The penalties on `W`: `l1_weight · Σ |W_ij| + gram_weight · Σ_{i≠j} |G_ij|` with `G = WᵀW`.
//!
//! The first asks for zeros in `W` and so picks out rotations of it (`L_out` and `L_layer` do not tell
//! `W` from `RW`); the second asks for features that do not interfere. Of several `W`
//! ([`tracr::model::wiring`]) every entry counts, and `G = W_writeᵀ·W_read` of every pair of one that writes
//! and one that reads it. At 0 the subgradient is 0:
//!
//! ```text
//! d Σ |W_ij|:          dW = sign(W)
//! d Σ_{i≠j} |G_ij|:    dW_write = W_read·Sᵀ,  dW_read = W_write·S,    S = sign(G) with a zero diagonal
//! ```
//!
//! With one `W` both are added: `W·(S + Sᵀ) = 2·W·S`.

use ndarray::{Array2, Axis};

use super::objective::Objective;
use tracr::model::Wiring;

/// The penalties at `w`, `[d, D]` or a stack of several; exactly 0 where the objective has none.
pub fn value(objective: &Objective, w: &Array2<f64>, wiring: &Wiring) -> f64 {
    let mut sum = 0.0;
    if objective.l1_weight != 0.0 {
        sum += objective.l1_weight * absolute(w);
    }
    if objective.gram_weight != 0.0 {
        for pair in wiring.pairs() {
            sum += objective.gram_weight * absolute(&off_diagonal(w, wiring, pair));
        }
    }
    sum
}

/// The same, and adds their gradient to `gradient`, of the shape of `w`.
pub fn add(
    objective: &Objective,
    w: &Array2<f64>,
    wiring: &Wiring,
    gradient: &mut Array2<f64>,
) -> f64 {
    let weight = objective.gram_weight;
    if objective.l1_weight != 0.0 {
        gradient.zip_mut_with(w, |g, x| *g += objective.l1_weight * sign(*x));
    }
    if weight != 0.0 {
        for (writes, reads) in wiring.pairs() {
            let signs = off_diagonal(w, wiring, (writes, reads)).mapv(sign);
            let rows = |number| wiring.rows(number, w.nrows()).into();
            let mut own = gradient.slice_axis_mut(Axis(0), rows(writes));
            own.scaled_add(weight, &wiring.matrix(w, reads).dot(&signs.t()));
            let mut own = gradient.slice_axis_mut(Axis(0), rows(reads));
            own.scaled_add(weight, &wiring.matrix(w, writes).dot(&signs));
        }
    }
    value(objective, w, wiring)
}

/// `G` of a pair of matrices with a zero diagonal.
fn off_diagonal(w: &Array2<f64>, wiring: &Wiring, (writes, reads): (usize, usize)) -> Array2<f64> {
    let mut gram = wiring.matrix(w, writes).t().dot(&wiring.matrix(w, reads));
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
        assert_eq!(add(&l1, &w, &Wiring::default(), &mut gradient), 2.0);
        assert_eq!(value(&l1, &w, &Wiring::default()), 2.0);
        assert_eq!(gradient, array![[1.5, 0.5], [1.5, 1.0]]);
        let gram = Objective {
            gram_weight: 0.25,
            ..Objective::default()
        };
        let mut gradient = Array2::zeros((2, 2));
        assert_eq!(add(&gram, &w, &Wiring::default(), &mut gradient), 0.5);
        assert_eq!(value(&gram, &w, &Wiring::default()), 0.5);
        // d(2·|W_0·W_1|)/dW_0 = -2·W_1, and the other way round.
        assert_eq!(gradient, array![[0.5, -0.5], [0.0, -1.0]]);
        let mut untouched = gradient.clone();
        assert_eq!(
            add(
                &Objective::default(),
                &w,
                &Wiring::default(),
                &mut untouched
            ),
            0.0
        );
        assert_eq!(untouched, gradient);
    }
}
