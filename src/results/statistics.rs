//! What values over the seeds say: medians, spreads, and bootstrap intervals.

use rand::{Rng, RngExt};

use base::rng::{self, Purpose};

/// Resamples for an interval of a median, or of a critical width.
pub(super) const RESAMPLES: usize = 2000;
/// Resamples for an interval of a mean.
const MEAN_RESAMPLES: usize = 10_000;
/// Their generator: the same numbers give the same interval.
const SEED: u64 = 0;
/// The ends of a 95 % interval.
const ENDS: (f64, f64) = (0.025, 0.975);

/// A metric over the seeds: `n ≥ 1` values, how far apart they are, and how sure mean and median are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
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

impl Statistics {
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
            interval: mean_interval(values),
            median_interval: median_interval(values),
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The median, the mean of the middle two for an even number; NaN counts as the largest value, and
/// nothing has the median NaN.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values
        .iter()
        .map(|x| if x.is_nan() { f64::NAN } else { *x })
        .collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => f64::NAN,
        _ if n.is_multiple_of(2) => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        _ => sorted[n / 2],
    }
}

/// The one in the middle, the lower one of two; equal ones stay in their order.
pub fn middle<T>(mut items: Vec<T>, value: impl Fn(&T) -> f64) -> Option<T> {
    items.sort_by(|a, b| value(a).total_cmp(&value(b)));
    let at = items.len().checked_sub(1)? / 2;
    Some(items.swap_remove(at))
}

/// As many of the values, drawn again with replacement.
pub(super) fn redrawn(values: &[f64], rng: &mut impl Rng) -> Vec<f64> {
    let n = values.len();
    (0..n).map(|_| values[rng.random_range(0..n)]).collect()
}

/// The percentile bootstrap's 95 % interval of the median, from 2000 resamples, always the same ones.
/// Of a single value it is that value; the order of the values does not matter.
pub fn median_interval(values: &[f64]) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let mut rng = rng::stream(SEED, Purpose::Bootstrap);
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| median(&redrawn(&values, &mut rng)))
        .collect();
    medians.sort_by(f64::total_cmp);
    interval(&medians)
}

/// The percentile bootstrap's 95 % interval of the mean, from 10 000 resamples, always the same ones.
fn mean_interval(values: &[f64]) -> (f64, f64) {
    let mut rng = rng::stream(SEED, Purpose::Bootstrap);
    let mut means: Vec<f64> = (0..MEAN_RESAMPLES)
        .map(|_| mean(&redrawn(values, &mut rng)))
        .collect();
    means.sort_by(f64::total_cmp);
    (quantile(&means, ENDS.0), quantile(&means, ENDS.1))
}

/// From the 2.5 % to the 97.5 % quantile of what resamples say, sorted: each is one of them, the nearest.
pub(super) fn interval<T: Copy>(sorted: &[T]) -> (T, T) {
    let nearest = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    (nearest(ENDS.0), nearest(ENDS.1))
}

/// A quantile of sorted values, interpolated between neighbours.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

/// From the first to the third quartile, each interpolated between its neighbours.
pub fn interquartile_range(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.75) - quantile(&sorted, 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_and_the_interval_of_a_median_by_hand() {
        assert_eq!(interquartile_range(&[4.0, 1.0, 2.0, 3.0, 5.0]), 2.0);
        assert_eq!(interquartile_range(&[1.0, 2.0]), 0.5);
        assert_eq!(interquartile_range(&[7.0]), 0.0);
        assert_eq!(median_interval(&[7.0]), (7.0, 7.0));
        // Of three values the largest is the median of 7/27 of the resamples, the smallest too.
        assert_eq!(median_interval(&[3.0, 1.0, 2.0]), (1.0, 3.0));
        // Of eleven, two or three places from the middle.
        let mut eleven: Vec<f64> = (0..11).map(f64::from).collect();
        let (low, high) = median_interval(&eleven);
        assert!((2.0..=3.0).contains(&low) && (7.0..=8.0).contains(&high));
        eleven.rotate_left(4);
        assert_eq!(median_interval(&eleven), (low, high));
    }

    #[test]
    fn the_one_in_the_middle_is_one_of_them() {
        let middle = |items: &[f64]| middle(items.to_vec(), |x| *x);
        assert_eq!(middle(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
        assert_eq!(middle(&[]), None);
    }

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert!(median(&[1.0, f64::NAN, f64::NAN]).is_nan());
    }

    #[test]
    fn a_medians_interval_reaches_from_the_51st_to_the_1950th_of_2000_resamples() {
        let values = |n: usize| (0..n).map(|i| (i as f64).powf(1.5)).collect::<Vec<f64>>();
        let resampled = |n: usize| {
            let values = values(n);
            let mut rng = rng::stream(0, Purpose::Bootstrap);
            let mut middle = || {
                let mut drawn: Vec<f64> = (0..n).map(|_| values[rng.random_range(0..n)]).collect();
                drawn.sort_by(f64::total_cmp);
                (drawn[n / 2 - 1] + drawn[n / 2]) / 2.0
            };
            let mut medians: Vec<f64> = (0..2000).map(|_| middle()).collect();
            medians.sort_by(f64::total_cmp);
            medians
        };
        let n = 226;
        let medians = resampled(n);
        assert_eq!(median_interval(&values(n)), (medians[50], medians[1949]));
        // Of this many values all five neighbours differ.
        let differ = |from: usize, to: usize| medians[from..=to].windows(2).all(|m| m[0] < m[1]);
        assert!(differ(49, 51) && differ(1948, 1950));
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert_eq!(quantile(&[0.0, 10.0, 30.0], 0.75), 20.0);
        assert_eq!(quantile(&[0.0, 10.0, 30.0], 0.5), 10.0);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
    }
    #[test]
    fn statistics_by_hand() {
        let found = Statistics::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((found.mean, found.median), (5.0, 4.5));
        assert_eq!((found.min, found.max), (2.0, 9.0));
        let std = found.std.unwrap();
        approx::assert_relative_eq!(std, (32.0_f64 / 7.0).sqrt());
        // Near mean ± 1.96·σ/√n with the resamples' σ² = 4: 3.61 to 6.39.
        let (low, high) = found.interval;
        assert!(
            (3.5..3.8).contains(&low) && (6.25..6.6).contains(&high),
            "{low} {high}"
        );
        assert_eq!(
            Statistics::new(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            Some(found)
        );
        assert_eq!(
            found.median_interval,
            median_interval(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
        );
    }

    #[test]
    fn one_seed_of_ten_that_is_stuck_moves_the_mean_and_its_interval_but_not_the_median_and_its_own()
     {
        let mut values = vec![1e-4; 9];
        values.push(0.2);
        let found = Statistics::new(&values).unwrap();
        assert!(found.mean > 0.02 && found.interval.1 > 0.05, "{found:?}");
        assert_eq!(found.median, 1e-4);
        assert_eq!(found.median_interval, (1e-4, 1e-4));
    }

    #[test]
    fn one_value_and_none() {
        let one = Statistics::new(&[3.0]).unwrap();
        assert_eq!((one.mean, one.std, one.interval), (3.0, None, (3.0, 3.0)));
        assert_eq!((one.median, one.median_interval), (3.0, (3.0, 3.0)));
        assert_eq!(Statistics::new(&[]), None);
    }

    #[test]
    fn the_interval_covers_the_mean_as_often_as_it_says() {
        // 200 samples of 30 from a uniform distribution around 0.5; 95 % within 4 standard errors
        // of the share (the percentile bootstrap is a little narrow at this size).
        let mut rng = rng::stream(9, Purpose::Init);
        let covered = (0..200)
            .filter(|_| {
                let sample: Vec<f64> = (0..30).map(|_| rng.random::<f64>()).collect();
                let (low, high) = mean_interval(&sample);
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
        let found = mean_interval(&values);
        approx::assert_relative_eq!(found.0, low, max_relative = 1e-12);
        approx::assert_relative_eq!(found.1, high, max_relative = 1e-12);
    }

    #[test]
    fn a_standard_deviation_keeps_its_digits_far_from_zero() {
        // Of 0.1, 0.2 and 0.4: squares 0.14/3 in sum, over 2.
        let found = Statistics::new(&[1e8 + 0.1, 1e8 + 0.2, 1e8 + 0.4]).unwrap();
        let expected = (0.14f64 / 3.0 / 2.0).sqrt();
        approx::assert_relative_eq!(found.std.unwrap(), expected, max_relative = 1e-6);
    }
}
