//! The codes of a dictionary without an encoder: non-negative least squares.

use ndarray::{Array2, ArrayView2};

use base::linalg::SymmetricEigen;

/// Steps at most.
const STEPS: usize = 2000;

/// A step that changes no code by more than this share of the largest is the last.
const SETTLED: f64 = 1e-10;

/// `min ‖z − f A‖²` over `f ≥ 0`, for all rows of `z` `[n, d]` at once: `[n, m]`. FISTA (Beck and Teboulle 2009), from 0.
pub fn non_negative(z: ArrayView2<'_, f64>, atoms: ArrayView2<'_, f64>) -> Array2<f64> {
    let lipschitz = SymmetricEigen::new(atoms.t().dot(&atoms).view()).values[0];
    let (products, gram) = (z.dot(&atoms.t()), atoms.dot(&atoms.t()));
    let mut codes = Array2::<f64>::zeros(products.dim());
    if lipschitz <= 0.0 {
        return codes;
    }
    let (mut ahead, mut momentum) = (codes.clone(), 1.0f64);
    for _ in 0..STEPS {
        let mut next = ahead.dot(&gram);
        next -= &products;
        next /= -lipschitz;
        next += &ahead;
        next.mapv_inplace(|x| x.max(0.0));
        let faster = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let share = (momentum - 1.0) / faster;
        momentum = faster;
        let (mut change, mut largest) = (0.0f64, 0.0f64);
        ndarray::Zip::from(&mut ahead)
            .and(&next)
            .and(&codes)
            .for_each(|ahead, next, before| {
                *ahead = next + share * (next - before);
                change = change.max((next - before).abs());
                largest = largest.max(*next);
            });
        codes = next;
        if change <= SETTLED * largest {
            break;
        }
    }
    codes
}
