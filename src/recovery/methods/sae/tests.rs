use ndarray::Array2;

use super::gradient::{Network, Sparsity};
use base::rng::{Purpose, normal, stream};

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut rng = stream(5, Purpose::Recovery);
    for (m, d, sparsity) in [
        (7, 4, Sparsity::L1(0.3)),
        (3, 5, Sparsity::L1(0.0)),
        (7, 4, Sparsity::TopK(2)),
        (4, 4, Sparsity::TopK(4)),
    ] {
        let mut network = Network::new(&normal(&mut rng, (m, d), 1.0), 0.1);
        // Away from the start: atoms of other lengths, an encoder of its own, offsets that are not 0.
        let noise = normal(&mut rng, (1, network.parameters.len()), 0.3);
        network
            .parameters
            .iter_mut()
            .zip(&noise)
            .for_each(|(x, n)| *x += n);
        let rows: Array2<f64> = normal(&mut rng, (9, d), 1.0);
        let weights: Vec<f64> = (1..=9).map(|n| f64::from(n) / 45.0).collect();
        let batch: Vec<f64> = rows.iter().copied().collect();
        let mut gradient = vec![0.0; network.parameters.len()];
        network.add_gradient(&batch, &weights, sparsity, &mut gradient);
        assert!(gradient.iter().filter(|g| g.abs() > 1e-3).count() > gradient.len() / 2);
        let loss = |network: &Network| network.loss(&rows, weights.iter().copied(), sparsity);
        for (i, found) in gradient.iter().enumerate() {
            let at = |by: f64| {
                let mut moved = network.clone();
                moved.parameters[i] += by;
                loss(&moved)
            };
            let step = 1e-6;
            let expected = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (found - expected).abs() < 1e-7 * expected.abs().max(1.0),
                "{sparsity:?}, parameter {i}: {found} is not {expected}"
            );
        }
    }
}

#[test]
fn the_loss_by_hand() {
    // One atom (0.6, 0.8) as v = (3, 4); e = (1, 0), c = 0.5, b = (0, 1), y = (1, 2): x = (1, 1), f = 1.5,
    // r = (0.9, 1.2) − x = (−0.1, 0.2).
    let mut network = Network::new(&ndarray::array![[3.0, 4.0]], 0.0);
    network.parameters = vec![1.0, 0.0, 3.0, 4.0, 0.5, 0.0, 1.0];
    let rows = ndarray::array![[1.0, 2.0]];
    let loss = network.loss(&rows, [2.0].into_iter(), Sparsity::L1(0.1));
    approx::assert_abs_diff_eq!(loss, 2.0 * (0.05 + 0.15), epsilon = 1e-14);
}
