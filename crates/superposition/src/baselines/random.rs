//! Random orthonormal directions: what a projection does that knows nothing.

use ndarray::Array2;
use rand::Rng;

use base::rng::normal;

/// `d` orthonormal rows `[d, D]`, `d ≤ D`, uniform over all such frames: the Gram-Schmidt process on
/// independent normal entries.
pub fn orthonormal_rows(rng: &mut impl Rng, (d, width): (usize, usize)) -> Array2<f64> {
    let mut w = normal(rng, (d, width), 1.0);
    for i in 0..d {
        let (done, mut rest) = w.view_mut().split_at(ndarray::Axis(0), i);
        let mut row = rest.row_mut(0);
        for _ in 0..2 {
            // Once more, because the first time leaves rounding errors along the earlier rows.
            for earlier in done.rows() {
                let along = row.dot(&earlier);
                row.scaled_add(-along, &earlier);
            }
        }
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::{Purpose, stream};

    #[test]
    fn rows_are_orthonormal_and_seeded() {
        for shape in [(1, 1), (8, 14), (25, 25), (60, 200)] {
            let w = orthonormal_rows(&mut stream(3, Purpose::Init), shape);
            let error = w.dot(&w.t()) - Array2::<f64>::eye(shape.0);
            assert!(error.iter().all(|x| x.abs() < 1e-13), "{shape:?}");
            assert_eq!(w, orthonormal_rows(&mut stream(3, Purpose::Init), shape));
            assert_ne!(w, orthonormal_rows(&mut stream(4, Purpose::Init), shape));
        }
    }

    #[test]
    fn directions_are_uniform() {
        // G = WᵀW has mean (d/D)·I over all frames.
        let mut rng = stream(1, Purpose::Init);
        let mut mean = Array2::<f64>::zeros((4, 4));
        let draws = 20_000;
        for _ in 0..draws {
            let w = orthonormal_rows(&mut rng, (3, 4));
            mean += &w.t().dot(&w);
        }
        mean /= f64::from(draws);
        let error = mean - Array2::<f64>::eye(4) * 0.75;
        assert!(error.iter().all(|x| x.abs() < 0.01), "{error}");
    }
}
