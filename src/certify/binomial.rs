//! What a sample says: the exact bound of Clopper and Pearson.

/// The confidence of [`upper_bound`].
pub const CONFIDENCE: f64 = 0.95;

/// The largest share `p` of wrong inputs for which `wrong` or fewer among `n` independent draws have a probability of
/// at least `1 − confidence`: with that confidence, the share is no larger. `n` is at least 1.
///
/// For no wrong one it is `1 − (1 − confidence)^(1/n)`.
pub fn upper_bound(wrong: u64, n: u64, confidence: f64) -> f64 {
    if wrong >= n {
        return 1.0;
    }
    let wanted = (1.0 - confidence).ln();
    let (mut low, mut high) = (wrong as f64 / n as f64, 1.0);
    // 64 halvings leave nothing between the two; the upper one is never below the bound.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if log_at_most(wrong, n, middle) >= wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// `ln P(X ≤ k)` of a binomial variable of `n` draws, `0 < p < 1`; term by term, each from the one before.
fn log_at_most(k: u64, n: u64, p: f64) -> f64 {
    if p >= 1.0 {
        return f64::NEG_INFINITY;
    }
    let odds = p.ln() - (-p).ln_1p();
    let mut term = n as f64 * (-p).ln_1p();
    let (mut largest, mut sum) = (term, 1.0);
    for i in 0..k {
        term += ((n - i) as f64 / (i + 1) as f64).ln() + odds;
        if term > largest {
            sum = sum * (largest - term).exp() + 1.0;
            largest = term;
        } else {
            sum += (term - largest).exp();
        }
    }
    largest + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_a_sample_without_errors_have_a_formula() {
        for n in [1, 10, 100, 10_000, 262_144] {
            let expected = 1.0 - 0.05f64.powf(1.0 / n as f64);
            approx::assert_relative_eq!(
                upper_bound(0, n, CONFIDENCE),
                expected,
                max_relative = 1e-10
            );
        }
    }

    #[test]
    fn bounds_are_those_of_tables() {
        // Quantiles of the beta distribution with k + 1 and n − k degrees: its 0.95 and 0.975 quantiles.
        for (wrong, n, confidence, expected) in [
            (1, 10, 0.95, 0.394_163),
            (5, 10, 0.95, 0.777_559),
            (1, 10, 0.975, 0.445_016),
            (5, 10, 0.975, 0.812_914),
            (10, 100, 0.975, 0.176_223),
            (9, 10, 0.95, 0.994_884),
        ] {
            let found = upper_bound(wrong, n, confidence);
            approx::assert_abs_diff_eq!(found, expected, epsilon = 2e-6);
        }
        assert_eq!(upper_bound(10, 10, 0.95), 1.0);
    }

    #[test]
    fn bounds_leave_exactly_the_probability_that_they_should() {
        for (wrong, n) in [(3u64, 20u64), (50, 1000), (999, 1000), (2000, 100_000)] {
            let p = upper_bound(wrong, n, CONFIDENCE);
            let tail = log_at_most(wrong, n, p).exp();
            approx::assert_relative_eq!(tail, 0.05, max_relative = 1e-6);
            assert!(p > wrong as f64 / n as f64);
        }
    }
}
