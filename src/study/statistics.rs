//! A metric over the seeds: mean, median, spread, and how sure the mean and the median are.

use rand::RngExt;

use crate::analysis::across::{median_interval, quantile};
use base::rng::{self, Purpose};

/// Resamples for an interval of the mean.
const RESAMPLES: usize = 10_000;
/// Its generator: the same numbers give the same interval.
const SEED: u64 = 0;

/// The figures of one metric over `n ≥ 1` values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample's standard deviation (divided by n − 1); none for a single value.
    pub std: Option<f64>,
    /// The middle value, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The percentile bootstrap's 95 % interval of the mean, from 10 000 resamples.
    pub interval: (f64, f64),
    /// The median's 95 % interval, that of the answers ([`median_interval`]).
    pub median_interval: (f64, f64),
}

impl Figures {
    /// Of these values; none if there are none.
    pub fn new(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let mean = mean(values);
        let n = values.len();
        let std = (n > 1).then(|| {
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        Some(Self {
            mean,
            std,
            median: quantile(&sorted, 0.5),
            min,
            max,
            interval: bootstrap(values),
            median_interval: median_interval(values),
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn bootstrap(values: &[f64]) -> (f64, f64) {
    let n = values.len();
    let mut rng = rng::stream(SEED, Purpose::Bootstrap);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sum: f64 = (0..n).map(|_| values[rng.random_range(0..n)]).sum();
            sum / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (quantile(&means, 0.025), quantile(&means, 0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_figures() {
        let figures = Figures::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((figures.mean, figures.median), (5.0, 4.5));
        assert_eq!((figures.min, figures.max), (2.0, 9.0));
        let std = figures.std.unwrap();
        approx::assert_relative_eq!(std, (32.0_f64 / 7.0).sqrt());
        // Near mean ± 1.96·σ/√n with the resamples' σ² = 4: 3.61 to 6.39.
        let (low, high) = figures.interval;
        assert!(
            (3.5..3.8).contains(&low) && (6.25..6.6).contains(&high),
            "{low} {high}"
        );
        assert_eq!(
            Figures::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(figures)
        );
        assert_eq!(
            figures.median_interval,
            median_interval(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
        );
    }

    #[test]
    fn one_seed_of_ten_that_is_stuck_moves_the_mean_and_its_interval_but_not_the_median_and_its_own()
     {
        let mut values = vec![1e-4; 9];
        values.push(0.2);
        let figures = Figures::new(&values).unwrap();
        assert!(
            figures.mean > 0.02 && figures.interval.1 > 0.05,
            "{figures:?}"
        );
        assert_eq!(figures.median, 1e-4);
        assert_eq!(figures.median_interval, (1e-4, 1e-4));
    }

    #[test]
    fn one_value_and_none() {
        let one = Figures::new(&[3.0]).unwrap();
        assert_eq!((one.mean, one.std, one.interval), (3.0, None, (3.0, 3.0)));
        assert_eq!((one.median, one.median_interval), (3.0, (3.0, 3.0)));
        assert_eq!(Figures::new(&[]), None);
    }

    #[test]
    fn the_interval_covers_the_mean_as_often_as_it_says() {
        // 200 samples of 30 from a uniform distribution around 0.5; 95 % within 4 standard errors
        // of the share (the percentile bootstrap is a little narrow at this size).
        let mut rng = rng::stream(9, Purpose::Init);
        let covered = (0..200)
            .filter(|_| {
                let sample: Vec<f64> = (0..30).map(|_| rng.random::<f64>()).collect();
                let (low, high) = bootstrap(&sample);
                low <= 0.5 && 0.5 <= high
            })
            .count();
        assert!((178..=199).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn an_interval_lies_between_the_2_5_and_97_5_percent_of_10_000_resampled_means() {
        // So many that hardly two resamples have the same mean.
        let values: Vec<f64> = (1..=12).map(|n| f64::from(n).sqrt()).collect();
        let mut rng = rng::stream(0, Purpose::Bootstrap);
        let mut mean = || {
            (0..12)
                .map(|_| values[rng.random_range(0..12)])
                .sum::<f64>()
                / 12.0
        };
        let mut means: Vec<f64> = (0..10_000).map(|_| mean()).collect();
        means.sort_by(f64::total_cmp);
        // 0.025 of 9999 steps from the smallest to the largest are 249.975.
        let low = 0.025 * means[249] + 0.975 * means[250];
        let high = 0.975 * means[9749] + 0.025 * means[9750];
        let found = bootstrap(&values);
        approx::assert_relative_eq!(found.0, low, max_relative = 1e-12);
        approx::assert_relative_eq!(found.1, high, max_relative = 1e-12);
    }

    #[test]
    fn a_standard_deviation_keeps_its_digits_far_from_zero() {
        // Of 0.1, 0.2 and 0.4: squares 0.14/3 in sum, over 2.
        let figures = Figures::new(&[1e8 + 0.1, 1e8 + 0.2, 1e8 + 0.4]).unwrap();
        let expected = (0.14f64 / 3.0 / 2.0).sqrt();
        approx::assert_relative_eq!(figures.std.unwrap(), expected, max_relative = 1e-6);
    }
}
