//! The metrics of a study, against `d` or by setting.

use super::by_setting::by_setting;
use super::by_width::against_width;
use super::figure::Figure;
use super::series::{Plot, SMALLEST};
use crate::results::{Metric, Series, Study};

/// A panel each, in this order.
const METRICS: [Metric; 9] = [
    Metric::EvalLoss,
    Metric::Mae,
    Metric::MaxError,
    Metric::TokenAccuracy,
    Metric::SequenceAccuracy,
    Metric::CosineMean,
    Metric::CosineMin,
    Metric::VarianceExplainedMin,
    Metric::InterchangeAccuracyMin,
];

/// Whether series have points at different widths.
pub fn has_several_widths<'a>(series: impl Iterator<Item = &'a (String, Series)>) -> bool {
    let mut widths = series.flat_map(|(_, s)| s.points.iter().map(|p| p.0));
    let first = widths.next();
    widths.any(|d| Some(d) != first)
}

/// What a bar is.
pub const INTERVAL: &str = "the 95 % interval of the median (percentile bootstrap over seeds)";

/// The metrics against `d`, or by setting where there is one width; nothing of a single series at one
/// width.
pub fn draw(study: &Study) -> Vec<Figure> {
    let drawn: Vec<(Metric, Vec<(String, Series)>)> = METRICS
        .into_iter()
        .map(|metric| (metric, study.series(metric)))
        .filter(|(metric, series)| {
            let smallest = if metric.is_logarithmic() {
                SMALLEST
            } else {
                f64::NEG_INFINITY
            };
            let mut points = series.iter().flat_map(|(_, s)| &s.points);
            points.any(|(_, value)| value.is_finite() && *value >= smallest)
        })
        .collect();
    let plots: Vec<Plot<'_>> = drawn
        .iter()
        .map(|(metric, series)| (metric.column().axis, metric.is_logarithmic(), &series[..]))
        .collect();
    let all = || plots.iter().flat_map(|(.., series)| *series);
    let one_series = all().all(|(name, _)| *name == drawn[0].1[0].0);
    if has_several_widths(all()) {
        let beside = if one_series {
            ""
        } else {
            " (series are offset horizontally)"
        };
        let caption = format!(
            "Final metrics against the width d of the residual stream. Each point is a completed run{beside}, \
             lines join the medians over seeds, and bars are {INTERVAL}{}.",
            without(study)
        );
        let title = "Metrics against the width d";
        return against_width("metrics_by_d", title, &caption, study.source, &plots);
    }
    if one_series {
        return Vec::new();
    }
    let caption = format!(
        "Final metrics. Each point is a completed run, strokes are the medians over seeds, and bars are {INTERVAL}{}.",
        without(study)
    );
    let title = "Metrics by setting";
    vec![by_setting(
        "metrics_by_setting",
        title,
        &caption,
        study.source,
        &plots,
    )]
}

/// Where there is no interval, if that is anywhere.
fn without(study: &Study) -> &'static str {
    let all: Vec<(String, Series)> = Metric::all().flat_map(|m| study.series(m)).collect();
    let baseline = all.iter().any(|(_, series)| series.no_sample);
    let single = all
        .iter()
        .any(|(_, series)| !series.no_sample && series.has_single_run());
    match (baseline, single) {
        (true, true) => "; a single run and a baseline that does not depend on the seed have none",
        (true, false) => "; a baseline that does not depend on the seed has none",
        (false, true) => "; a single run has none",
        (false, false) => "",
    }
}
