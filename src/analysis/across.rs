//! Many runs of one question: from which `d` on is a metric good enough, and do seeds agree?

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use serde::Serialize;

use super::ending::Origin;
use base::rng::{self, Purpose};

/// Resamples of the seeds.
const RESAMPLES: usize = 2000;

/// A completed run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What it has in common with others but for `d` and the seed: `all`, or `key=value, ...`.
    pub group: String,
    /// `d`.
    pub d: usize,
    /// Where its `W` comes from.
    pub origin: Origin,
    /// Its final metrics.
    pub metrics: BTreeMap<String, f64>,
}

/// Whether a metric should be small or large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Errors.
    Lower,
    /// Accuracies.
    Higher,
}

/// A metric's tolerance.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    /// Its name.
    pub metric: String,
    /// Good enough from here on.
    pub value: f64,
    /// In which direction.
    pub better: Better,
}

/// From where on each metric is good enough. The paper's performance is kept at d = 6 of frac_prevs
/// with an error of 0.002 and lost at d = 5 with 0.011; sort_unique's accuracy is 0.98 to 1.
const TOLERANCES: [(&str, f64, Better); 8] = [
    ("mae", 0.005, Better::Lower),
    ("max_error", 0.05, Better::Lower),
    ("token_accuracy", 0.98, Better::Higher),
    ("sequence_accuracy", 0.95, Better::Higher),
    ("cosine_mean", 0.95, Better::Higher),
    ("cosine_min", 0.95, Better::Higher),
    ("variance_explained_min", 0.9, Better::Higher),
    ("interchange_accuracy_min", 0.95, Better::Higher),
];

impl Tolerance {
    /// The tolerances of all metrics where nobody says otherwise.
    pub fn defaults() -> Vec<Self> {
        let all = TOLERANCES.iter();
        all.map(|(metric, value, better)| Self {
            metric: (*metric).to_owned(),
            value: *value,
            better: *better,
        })
        .collect()
    }

    /// Whether a value is good enough; a NaN is not.
    pub fn met_by(&self, value: f64) -> bool {
        match self.better {
            Better::Lower => value <= self.value,
            Better::Higher => value >= self.value,
        }
    }
}

/// The smallest width from which on (there and at every larger width that was tried) the median over
/// seeds is within the tolerance. A width is none where no width will do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalWidth {
    /// The estimate.
    pub estimate: Option<usize>,
    /// The 2.5 % quantile over resampled seeds.
    pub low: Option<usize>,
    /// The 97.5 % quantile; none if that often no width will do.
    pub high: Option<usize>,
}

/// A row of `critical_widths.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct CriticalRow {
    pub group: String,
    pub metric: String,
    pub tolerance: f64,
    pub runs: usize,
    pub critical_d: Option<usize>,
    pub low: Option<usize>,
    pub high: Option<usize>,
}

/// The critical widths of every group by every metric that it has, groups in alphabetical order.
pub fn critical_rows(runs: &[Run], tolerances: &[Tolerance], seed: u64) -> Vec<CriticalRow> {
    let groups: BTreeSet<&str> = runs.iter().map(|run| run.group.as_str()).collect();
    let mut rows = Vec::new();
    for group in groups {
        for tolerance in tolerances {
            let values = by_width(runs, group, &tolerance.metric);
            if values.is_empty() {
                continue;
            }
            let width = critical_width(&values, tolerance, seed);
            rows.push(CriticalRow {
                group: group.to_owned(),
                metric: tolerance.metric.clone(),
                tolerance: tolerance.value,
                runs: values.values().map(Vec::len).sum(),
                critical_d: width.estimate,
                low: width.low,
                high: width.high,
            });
        }
    }
    rows
}

/// A metric of a group's runs by `d`.
pub fn by_width(runs: &[Run], group: &str, metric: &str) -> BTreeMap<usize, Vec<f64>> {
    let mut values: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.group == group) {
        if let Some(value) = run.metrics.get(metric) {
            values.entry(run.d).or_default().push(*value);
        }
    }
    values
}

/// The critical width of a metric's values by `d` and seed, with its percentile-bootstrap interval:
/// at each width the seeds are drawn again with replacement, 2000 times, with a generator of `seed`.
///
/// With one run a width the interval is the estimate itself.
pub fn critical_width(
    values: &BTreeMap<usize, Vec<f64>>,
    tolerance: &Tolerance,
    seed: u64,
) -> CriticalWidth {
    let medians = |pick: &mut dyn FnMut(&Vec<f64>) -> Vec<f64>| -> Option<usize> {
        let mut critical = None;
        for (d, at) in values.iter().rev() {
            if !tolerance.met_by(median(&pick(at))) {
                break;
            }
            critical = Some(*d);
        }
        critical
    };
    let mut rng = rng::stream(seed, Purpose::CriticalWidth);
    let mut resampled: Vec<Option<usize>> = (0..RESAMPLES)
        .map(|_| {
            medians(&mut |at| {
                (0..at.len())
                    .map(|_| at[rng.random_range(0..at.len())])
                    .collect()
            })
        })
        .collect();
    // "No width will do" is larger than any width.
    resampled.sort_by_key(|d| d.unwrap_or(usize::MAX));
    let quantile = |p: f64| resampled[((RESAMPLES - 1) as f64 * p).round() as usize];
    CriticalWidth {
        estimate: medians(&mut Vec::clone),
        low: quantile(0.025),
        high: quantile(0.975),
    }
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

/// The percentile bootstrap's 95 % interval of the median, from 2000 resamples, always the same ones.
/// Of a single value it is that value; the order of the values does not matter.
pub fn median_interval(values: &[f64]) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let mut rng = rng::stream(0, Purpose::Bootstrap);
    let n = values.len();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = (0..n).map(|_| values[rng.random_range(0..n)]).collect();
            median(&drawn)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let quantile = |p: f64| medians[((RESAMPLES - 1) as f64 * p).round() as usize];
    (quantile(0.025), quantile(0.975))
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
    use crate::analysis::ending::Origin;

    fn lower(value: f64) -> Tolerance {
        Tolerance {
            metric: "mae".into(),
            value,
            better: Better::Lower,
        }
    }

    fn values(rows: &[(usize, &[f64])]) -> BTreeMap<usize, Vec<f64>> {
        rows.iter().map(|(d, v)| (*d, v.to_vec())).collect()
    }

    #[test]
    fn the_critical_width_is_where_the_medians_stay_good() {
        let table = values(&[
            (4, &[0.001, 0.001, 0.001]), // good by chance, but 5 is not
            (5, &[0.1, 0.1, 0.2]),
            (6, &[0.001, 0.001, 0.3]), // one seed is stuck
            (8, &[0.001, 0.002, 0.001]),
        ]);
        let width = critical_width(&table, &lower(0.005), 0);
        assert_eq!(width.estimate, Some(6));
        assert_eq!(width.low, Some(6));
        // Two or three of three draws are the stuck seed in 7/27 of the resamples.
        assert_eq!(width.high, Some(8));
        let never = critical_width(&table, &lower(0.0), 0);
        assert_eq!((never.estimate, never.low, never.high), (None, None, None));
        let one_seed = values(&[(4, &[0.1]), (6, &[0.001])]);
        let width = critical_width(&one_seed, &lower(0.005), 0);
        assert_eq!((width.low, width.high), (Some(6), Some(6)));
    }

    #[test]
    fn accuracies_are_good_from_above_and_nan_never() {
        let accuracy = Tolerance {
            metric: "token_accuracy".into(),
            value: 0.98,
            better: Better::Higher,
        };
        let table = values(&[(2, &[f64::NAN]), (3, &[0.98]), (4, &[1.0])]);
        assert_eq!(critical_width(&table, &accuracy, 1).estimate, Some(3));
        assert!(!lower(1.0).met_by(f64::NAN));
    }

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
    fn a_tolerance_is_met_up_to_its_documented_value() {
        for (metric, good, bad) in [
            ("mae", 0.005, 0.0051),
            ("max_error", 0.05, 0.051),
            ("token_accuracy", 0.98, 0.979),
            ("sequence_accuracy", 0.95, 0.949),
            ("cosine_mean", 0.95, 0.949),
            ("cosine_min", 0.95, 0.949),
            ("variance_explained_min", 0.9, 0.899),
            ("interchange_accuracy_min", 0.95, 0.949),
        ] {
            let tolerances = Tolerance::defaults();
            let tolerance = tolerances.iter().find(|t| t.metric == metric).unwrap();
            assert!(tolerance.met_by(good) && !tolerance.met_by(bad), "{metric}");
        }
        assert_eq!(Tolerance::defaults().len(), 8);
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
    fn a_critical_width_is_beyond_its_interval_in_at_most_50_of_2000_resamples_at_either_end() {
        // At d = 6 a resample's median is one of the two odd seeds if these are five draws of nine or more.
        let odd_resamples = |seed: u64| {
            let mut rng = rng::stream(seed, Purpose::CriticalWidth);
            let mut is_odd = || {
                let _the_only_run_at_8 = rng.random_range(0..1usize);
                (0..9).filter(|_| rng.random_range(0..9usize) >= 7).count() >= 5
            };
            (0..2000).filter(|_| is_odd()).count()
        };
        let width = |(seven, two): (f64, f64), resamples: usize| {
            let at_six = [[seven; 7].as_slice(), &[two; 2]].concat();
            let table = values(&[(6, &at_six), (8, &[0.001])]);
            let seed = (0..)
                .find(|seed| odd_resamples(*seed) == resamples)
                .unwrap();
            critical_width(&table, &lower(0.005), seed)
        };
        let (stuck, good) = ((0.001, 0.3), (0.3, 0.001));
        assert_eq!(
            (width(stuck, 50).high, width(stuck, 51).high),
            (Some(6), Some(8))
        );
        assert_eq!(
            (width(good, 50).low, width(good, 51).low),
            (Some(8), Some(6))
        );
    }

    #[test]
    fn critical_rows_are_those_of_each_group_and_metric_with_its_own_runs() {
        let run = |group: &str, d: usize, metric: &str, value: f64| Run {
            group: group.into(),
            d,
            origin: Origin::Trained(None),
            metrics: BTreeMap::from([(metric.into(), value)]),
        };
        let runs = [
            run("b", 4, "mae", 0.1),
            run("b", 6, "mae", 0.001),
            run("a", 4, "mae", 0.001),
            run("a", 6, "mae", 0.001),
            run("a", 6, "cosine_min", 0.2),
        ];
        let rows = critical_rows(&runs, &Tolerance::defaults(), 0);
        let found: Vec<_> = rows
            .iter()
            .map(|r| (&*r.group, &*r.metric, r.tolerance, r.runs, r.critical_d))
            .collect();
        assert_eq!(
            found,
            [
                ("a", "mae", 0.005, 2, Some(4)),
                ("a", "cosine_min", 0.95, 1, None),
                ("b", "mae", 0.005, 2, Some(6)),
            ]
        );
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert_eq!(quantile(&[0.0, 10.0, 30.0], 0.75), 20.0);
        assert_eq!(quantile(&[0.0, 10.0, 30.0], 0.5), 10.0);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
    }
}
