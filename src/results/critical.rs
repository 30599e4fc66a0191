//! From which `d` on is a metric good enough?

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::group::Group;
use super::metric::{Better, Metric};
use super::run::{Run, by_width};
use super::statistics::{RESAMPLES, interval, median, redrawn};
use base::rng::{self, Purpose};

/// A metric's tolerance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of this metric.
    pub metric: Metric,
    /// Values that are at least as good are within the tolerance.
    pub value: f64,
}

impl Tolerance {
    /// The tolerances of all metrics where nobody says otherwise.
    pub fn defaults() -> Vec<Self> {
        Metric::all().filter_map(Self::default_of).collect()
    }

    /// The tolerance of a metric where nobody says otherwise.
    pub fn default_of(metric: Metric) -> Option<Self> {
        let value = metric.column().tolerance?;
        Some(Self { metric, value })
    }

    /// In which direction the metric is good.
    pub fn better(&self) -> Better {
        self.metric.column().better
    }

    /// Whether a value is good enough; a NaN is not.
    pub fn met_by(&self, value: f64) -> bool {
        match self.better() {
            Better::Lower => value <= self.value,
            Better::Higher => value >= self.value,
        }
    }
}

/// The smallest width from which on (there and at every larger width that was tried) the median over
/// seeds is within the tolerance. `None` if no width suffices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalWidth {
    /// The estimate.
    pub estimate: Option<usize>,
    /// The 2.5 % quantile over resampled seeds.
    pub low: Option<usize>,
    /// The 97.5 % quantile; `None` if no width suffices in 2.5 % of the resamples.
    pub high: Option<usize>,
}

/// A row of `critical_widths.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct CriticalRow {
    pub group: Group,
    pub metric: Metric,
    pub tolerance: f64,
    pub runs: usize,
    pub critical_d: Option<usize>,
    pub low: Option<usize>,
    pub high: Option<usize>,
}

impl CriticalRow {
    /// The columns.
    pub const COLUMNS: [&str; 7] = [
        "group",
        "metric",
        "tolerance",
        "runs",
        "critical_d",
        "low",
        "high",
    ];
}

/// The critical widths of every group by every metric that it has, groups in alphabetical order.
pub fn critical_rows(runs: &[Run], tolerances: &[Tolerance], seed: u64) -> Vec<CriticalRow> {
    let groups: BTreeSet<&Group> = runs.iter().map(|run| &run.group).collect();
    let mut rows = Vec::new();
    for group in groups {
        for tolerance in tolerances {
            let values = by_width(runs, group, tolerance.metric);
            if values.is_empty() {
                continue;
            }
            let width = critical_width(&values, tolerance, seed);
            rows.push(CriticalRow {
                group: group.clone(),
                metric: tolerance.metric,
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
        .map(|_| medians(&mut |at| redrawn(at, &mut rng)))
        .collect();
    // "No width will do" is larger than any width.
    resampled.sort_by_key(|d| d.unwrap_or(usize::MAX));
    let (low, high) = interval(&resampled);
    CriticalWidth {
        estimate: medians(&mut Vec::clone),
        low,
        high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::trainings::Origin;
    use rand::RngExt;

    fn lower(value: f64) -> Tolerance {
        Tolerance {
            metric: Metric::Mae,
            value,
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
            metric: Metric::TokenAccuracy,
            value: 0.98,
        };
        let table = values(&[(2, &[f64::NAN]), (3, &[0.98]), (4, &[1.0])]);
        assert_eq!(critical_width(&table, &accuracy, 1).estimate, Some(3));
        assert!(!lower(1.0).met_by(f64::NAN));
    }

    #[test]
    fn a_tolerance_is_met_up_to_its_documented_value() {
        for (metric, good, bad) in [
            (Metric::Mae, 0.005, 0.0051),
            (Metric::MaxError, 0.05, 0.051),
            (Metric::TokenAccuracy, 0.98, 0.979),
            (Metric::SequenceAccuracy, 0.95, 0.949),
            (Metric::CosineMean, 0.95, 0.949),
            (Metric::CosineMin, 0.95, 0.949),
            (Metric::VarianceExplainedMin, 0.9, 0.899),
            (Metric::InterchangeAccuracyMin, 0.95, 0.949),
        ] {
            let tolerances = Tolerance::defaults();
            let tolerance = tolerances.iter().find(|t| t.metric == metric).unwrap();
            assert!(tolerance.met_by(good) && !tolerance.met_by(bad), "{metric}");
        }
        assert_eq!(Tolerance::defaults().len(), 8);
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
        let run = |group: &str, d: usize, metric: Metric, value: f64| Run {
            group: group.into(),
            d,
            origin: Origin::Trained(None),
            metrics: BTreeMap::from([(metric, value)]),
        };
        let runs = [
            run("b", 4, Metric::Mae, 0.1),
            run("b", 6, Metric::Mae, 0.001),
            run("a", 4, Metric::Mae, 0.001),
            run("a", 6, Metric::Mae, 0.001),
            run("a", 6, Metric::CosineMin, 0.2),
        ];
        let rows = critical_rows(&runs, &Tolerance::defaults(), 0);
        let found: Vec<_> = rows
            .iter()
            .map(|r| (r.group.name(), r.metric, r.tolerance, r.runs, r.critical_d))
            .collect();
        assert_eq!(
            found,
            [
                ("a", Metric::Mae, 0.005, 2, Some(4)),
                ("a", Metric::CosineMin, 0.95, 1, None),
                ("b", Metric::Mae, 0.005, 2, Some(6)),
            ]
        );
    }
}
