//! What the tables of a study say of its runs, as series of each metric against `d`.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ReadError;
use super::group::{Grouping, by_key, last_part};
use super::layout::{ANALYZE, RUNS, STUDY_METRICS};
use super::metric::Metric;
use super::runs::{RunRow, Runs};
use super::series::Series;
use super::study_tables::MetricRow;
use super::table::Table;
use crate::config::keys::{METHOD, SEED};

/// A run of a study.
#[derive(Clone, Debug)]
pub struct StudyRun {
    /// Below the study's.
    pub directory: String,
    /// Which runs it is compared with over the seeds: the settings that tell them from others.
    pub series: String,
    /// `d`; 0 where the study has one and does not say which.
    pub d: usize,
    /// Empty where the study does not vary it.
    pub seed: String,
    /// Whether another seed would give another `W`.
    pub depends_on_seed: bool,
    /// Its final metrics; may be non-finite.
    pub metrics: BTreeMap<Metric, f64>,
}

impl StudyRun {
    /// The final loss; none of a run without a result.
    pub fn loss(&self) -> Option<f64> {
        let loss = self.metrics.get(&Metric::EvalLoss).copied();
        loss.filter(|loss| loss.is_finite())
    }
}

/// The runs of a study.
#[derive(Clone, Debug)]
pub struct Study {
    /// In the order of the table.
    pub runs: Vec<StudyRun>,
    /// The table.
    pub source: &'static str,
}

impl Study {
    /// Reads `runs.csv`, or `study_metrics.csv` where there is none. Medians and intervals are computed from the runs,
    /// as the answers' are: `summary.csv` says the same, but older ones have no interval of the median.
    ///
    /// # Errors
    /// If a table is missing or garbled.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        match Runs::read(directory)? {
            Some(runs) => Ok(Self::of_sweep(&runs)),
            None => Self::of_analysis(&Table::read(directory, STUDY_METRICS, ANALYZE)?),
        }
    }

    /// As [`Study::read`], from the runs of a sweep.
    pub fn of_sweep(runs: &Runs) -> Self {
        let series = runs.series();
        let run = |(i, row): (usize, &RunRow)| StudyRun {
            directory: row.run.clone(),
            series: series_name(&series, i, row.method.name()),
            d: runs.width(row).unwrap_or(0),
            seed: runs.value(row, SEED).unwrap_or_default().to_owned(),
            depends_on_seed: row.method.depends_on(SEED),
            metrics: row.metrics.clone(),
        };
        Self {
            runs: runs.rows.iter().enumerate().map(run).collect(),
            source: RUNS,
        }
    }

    /// As [`Study::read`], from the table of an analysis.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn of_analysis(table: &Table) -> Result<Self, ReadError> {
        let rows = MetricRow::all(table)?.into_iter();
        let by_run = by_key(rows.map(|row| (row.run.clone(), row)));
        let run = |(directory, rows): (String, Vec<MetricRow>)| {
            let first = rows.first()?;
            Some(StudyRun {
                directory,
                series: first.group.short(),
                d: first.d,
                seed: first.seed.to_string(),
                depends_on_seed: first.group.depends_on_seed(),
                metrics: rows.iter().map(|row| (row.metric, row.value)).collect(),
            })
        };
        Ok(Self {
            runs: by_run.into_iter().filter_map(run).collect(),
            source: STUDY_METRICS,
        })
    }

    /// A metric of the runs that have it, by their series, in the order in which these come first.
    pub fn series(&self, metric: Metric) -> Vec<(String, Series)> {
        let with_metric = self.runs.iter().filter_map(|run| {
            let value = *run.metrics.get(&metric)?;
            Some((run.series.clone(), (run, value)))
        });
        let series = |(name, runs): (String, Vec<(&StudyRun, f64)>)| {
            let series = Series {
                points: runs
                    .iter()
                    .map(|(run, value)| (run.d as f64, *value))
                    .collect(),
                no_sample: runs.iter().any(|(run, _)| !run.depends_on_seed),
            };
            (name, series)
        };
        by_key(with_metric).into_iter().map(series).collect()
    }
}

/// The settings that tell a series from others; the method where there is one series.
fn series_name(grouping: &Grouping, run: usize, method: &str) -> String {
    let settings = grouping.settings(run);
    if settings.is_empty() {
        return method.to_owned();
    }
    let words = settings.into_iter().filter_map(|(key, value)| match key {
        METHOD => Some(value.to_owned()),
        _ if value.is_empty() => None,
        key => {
            // Of a path, the name.
            let name = value.rsplit('/').next().unwrap_or_default();
            Some(format!(
                "{}={}",
                last_part(key),
                name.trim_end_matches(".rasp")
            ))
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_named_by_what_tells_them_apart_or_by_the_method() {
        let table = |text: &str| Table::parse(Path::new("t.csv"), text, "").unwrap();
        let sweep = |text: &str| Study::of_sweep(&Runs::from_table(&table(text)).unwrap());
        let one = sweep("run,training.seed,method,mae\na,0,train,0.5\nb,1,train,0.25\n");
        let series = one.series(Metric::Mae);
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].0, "train");
        assert_eq!(series[0].1.points, [(0.0, 0.5), (0.0, 0.25)]);
        let several = sweep(
            "run,model.program,compression.dim,method,mae\na,x/p.rasp,4,pca,0.5\nb,x/q.rasp,6,train,0.25\n\
             c,x/q.rasp,8,pca,\n",
        );
        let names: Vec<&str> = several.runs.iter().map(|run| run.series.as_str()).collect();
        assert_eq!(
            names,
            ["pca, program=p", "train, program=q", "pca, program=q"]
        );
        let series = several.series(Metric::Mae);
        assert_eq!(series.len(), 2);
        assert!(series[0].1.no_sample && !series[1].1.no_sample);
        let analysed = Study::of_analysis(&table(
            "group,d,seed,run,metric,value\ncompression.method=pca,6,3,r,mae,0.5\n\
             compression.method=pca,6,3,r,eval_loss,inf\ncompression.method=pca,6,3,r,other,1\n",
        ));
        let analysed = analysed.unwrap();
        assert_eq!(analysed.runs.len(), 1);
        let run = &analysed.runs[0];
        assert_eq!(
            (run.series.as_str(), run.d, run.seed.as_str()),
            ("pca", 6, "3")
        );
        assert_eq!((run.metrics.len(), run.loss()), (2, None));
    }
}
