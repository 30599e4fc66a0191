//! A metric's values in one setting, over `d` and seeds: every run, and the median over seeds with its interval,
//! the statistic of the answers.

use std::collections::HashMap;

use super::statistics::{median, median_interval};

/// One metric of one method (and other settings that the study varies).
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// `(d, value)` of every run; a value may be non-finite.
    pub points: Vec<(f64, f64)>,
    /// Whether the values at one `d` are no sample: the seed makes no difference, or they share seeds.
    pub no_sample: bool,
}

/// The values at one `d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverSeeds {
    /// The width.
    pub d: f64,
    /// Non-finite values count as the largest.
    pub median: f64,
    /// The median's 95 % interval; none for a single run, or values that are no sample.
    pub interval: Option<(f64, f64)>,
}

impl Series {
    /// Median and interval at each `d`, in order.
    pub fn over_seeds(&self) -> Vec<OverSeeds> {
        let mut by_width: Vec<(f64, Vec<f64>)> = Vec::new();
        for (d, value) in &self.points {
            // A NaN has no place on an axis, infinity has.
            let value = if value.is_nan() {
                f64::INFINITY
            } else {
                *value
            };
            match by_width.iter_mut().find(|(known, _)| known == d) {
                Some((_, values)) => values.push(value),
                None => by_width.push((*d, vec![value])),
            }
        }
        by_width.sort_by(|a, b| a.0.total_cmp(&b.0));
        let over_seeds = |(d, values): (f64, Vec<f64>)| OverSeeds {
            d,
            median: median(&values),
            interval: (values.len() > 1 && !self.no_sample).then(|| median_interval(&values)),
        };
        by_width.into_iter().map(over_seeds).collect()
    }

    /// Whether there is a `d` with one value.
    pub fn has_single_run(&self) -> bool {
        let mut runs: HashMap<u64, usize> = HashMap::new();
        for (d, _) in &self.points {
            *runs.entry(d.to_bits()).or_default() += 1;
        }
        runs.values().any(|n| *n == 1)
    }

    /// The runs whose value is finite.
    pub fn finite(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let points = self.points.iter().copied();
        points.filter(|(_, value)| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series {
            points: values.iter().map(|v| (8.0, *v)).collect(),
            no_sample: false,
        }
    }

    #[test]
    fn the_line_is_the_median_and_the_band_its_interval_whatever_one_stuck_seed_does() {
        let mut values = vec![1e-4; 9];
        values.push(0.2);
        let found = series(&values).over_seeds();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].d, found[0].median), (8.0, 1e-4));
        assert_eq!(found[0].interval, Some(median_interval(&values)));
        assert_eq!(found[0].interval, Some((1e-4, 1e-4)));
    }

    #[test]
    fn a_single_run_and_what_is_no_sample_have_no_interval() {
        assert_eq!(series(&[0.5]).over_seeds()[0].interval, None);
        let mut same = series(&[0.5, 0.5, 0.5]);
        same.no_sample = true;
        assert_eq!(same.over_seeds()[0].interval, None);
    }

    #[test]
    fn widths_stand_in_order_and_non_finite_values_count_as_the_largest() {
        let nan = f64::NAN;
        let points = [(8.0, 1.0), (4.0, nan), (8.0, 2.0), (8.0, nan), (4.0, nan)];
        let series = Series {
            points: points.to_vec(),
            no_sample: false,
        };
        let found = series.over_seeds();
        let medians: Vec<(f64, f64)> = found.iter().map(|f| (f.d, f.median)).collect();
        assert_eq!(medians, [(4.0, f64::INFINITY), (8.0, 2.0)]);
        assert_eq!(found[1].interval, Some((1.0, f64::INFINITY)));
        assert_eq!(
            series.finite().collect::<Vec<_>>(),
            [(8.0, 1.0), (8.0, 2.0)]
        );
    }
}
