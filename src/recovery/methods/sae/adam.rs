//! Adam (Kingma and Ba 2015) with bias correction and `ε` outside of the square root.

/// The decay rates of both moments, and `ε`.
const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// Its moments.
#[derive(Clone, Debug)]
pub struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    /// `β^t` of both.
    powers: (f64, f64),
}

impl Adam {
    /// Before the first update.
    pub fn new(parameters: usize) -> Self {
        Self {
            first: vec![0.0; parameters],
            second: vec![0.0; parameters],
            powers: (1.0, 1.0),
        }
    }

    /// One update with this learning rate.
    pub fn update(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64) {
        self.powers = (self.powers.0 * BETAS.0, self.powers.1 * BETAS.1);
        let (first, second) = (1.0 - self.powers.0, 1.0 - self.powers.1);
        for (((x, g), m), v) in parameters
            .iter_mut()
            .zip(gradient)
            .zip(&mut self.first)
            .zip(&mut self.second)
        {
            *m = BETAS.0 * *m + (1.0 - BETAS.0) * g;
            *v = BETAS.1 * *v + (1.0 - BETAS.1) * g * g;
            *x -= rate * (*m / first) / ((*v / second).sqrt() + EPSILON);
        }
    }
}
