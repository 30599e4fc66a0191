//! The page of a study.

use std::path::Path;

use maud::{Markup, html};

use super::recovery_study;
use super::study_answer;
use super::template::{self, list, section, tables_of, verbatim};
use crate::figures;
use crate::results::documents::text;
use crate::results::group::by_key;
use crate::results::layout::{
    ANALYZE, COLLECT, CRITICAL_WIDTHS, POINTS, REFERENCE_AGREEMENT, RUNS, STUDY,
};
use crate::results::study_analysis::StudyAnalysis;
use crate::results::study_tables::AgreementMedian;
use crate::results::subject::Subject;
use crate::results::{Group, ReadError, Runs};
use base::escape::{shell, visible};
use base::numbers::{count, four_digits as number};

/// `study_verdicts.csv` and `study_metrics.csv` are long, and drawn.
const TABLES: [(&str, &str, &str, &str); 4] = [
    (
        CRITICAL_WIDTHS,
        "Smallest sufficient d",
        "critical_d: the smallest sufficient d of those tried: there and at every larger d tried, the median over seeds is \
         within the tolerance. It is empty if no tried d suffices, or if most training runs did not learn at the largest d \
         (column ending of runs.csv), so that they do not tell. low, high: 95 % bootstrap interval \
         over seeds; low is empty if no tried d suffices in 97.5 % of the resamples, high if none does in 2.5 % of them.",
        ANALYZE,
    ),
    (
        POINTS,
        "Grid points",
        "Medians over the seeds of each grid point. median_low, median_high: 95 % bootstrap interval of the median. The file \
         also has means with their deviations and intervals, and the extremes.",
        COLLECT,
    ),
    (
        RUNS,
        "Runs",
        "ending: how a training ended. learned: its error is below 5 % of the best constant answer's; falling: not \
         learned, and the lowest loss in the second half of training is below half of that in the first; stuck: not \
         learned, and the loss did not halve (a d that is too small, or a learning rate that fell too early, looks the same); \
         unclear: too few logged steps to tell.",
        COLLECT,
    ),
    (
        REFERENCE_AGREEMENT,
        "Agreement of G with the reference",
        "",
        ANALYZE,
    ),
];

/// Of the many statistics of each metric a page has the median and its interval: nobody reads seventy columns.
fn is_shown(file: &str, column: &str) -> bool {
    let others = ["_mean", "_std", "_min", "_max", "_ci_low", "_ci_high"];
    file != POINTS || !others.iter().any(|ending| column.ends_with(ending))
}

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<Markup, ReadError> {
    let figures = figures::of_study(directory)?;
    let analysis = StudyAnalysis::read(directory)?;
    let record = text(directory, STUDY)?;
    let parsed: Option<toml::Table> = record.as_ref().and_then(|t| t.parse().ok());
    let word = |key: &str| parsed.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let name = word("name")
        .or_else(|| Some(directory.file_name()?.to_str()?.to_owned()))
        .unwrap_or_else(|| "study".into());
    let stated = word("question").filter(|question| !question.trim().is_empty());
    let question = stated.unwrap_or_else(|| {
        "How small can d be before the compressed model stops working, and what becomes of its features?".into()
    });
    let runs = Runs::read(directory)?;
    let answer = study_answer::of(directory, runs.as_ref(), analysis.as_ref())?;
    let mut found = answer.more;
    let planned = parsed
        .as_ref()
        .and_then(|record| record.get("run")?.as_array());
    let planned = planned.map_or(0, Vec::len);
    found.extend(runs.iter().flat_map(|runs| completed(runs, planned)));
    let subjects = analysis.as_ref().map(|analysis| &analysis.subjects[..]);
    found.extend(subjects.and_then(Subject::sentence));
    match &analysis {
        Some(analysis) => found.extend(agreement(analysis, runs.is_some())),
        None => found.push(
            "The runs have not been analysed together: `compress analyze DIR` adds faithfulness, verdicts and \
             the agreement between seeds."
                .into(),
        ),
    }
    let body = html! {
        h1 { (visible(&name)) }
        p.question { (visible(&question)) }
        p.answer { (visible(&answer.sentences.join(" "))) }
        (section("What was found", list(&found)))
        (section("Figures", template::figures(&figures)))
        (section("Dictionaries", recovery_study::content(directory)?))
        (section("Tables", tables_of(directory, &TABLES, is_shown)?))
        @if let Some(record) = &record {
            (section("Configuration", verbatim(&without_runs(record))))
        }
        (section("How to run it again", verbatim(&commands(directory, record.is_some()))))
    };
    let footer = html! { footer { "compress " (env!("CARGO_PKG_VERSION")) } };
    Ok(template::page(&format!("{name}: report"), body, footer))
}

/// A study's record without its list of runs, which repeats what the tables say.
fn without_runs(record: &str) -> String {
    let head: Vec<&str> = record
        .lines()
        .take_while(|line| !line.starts_with("[[run]]"))
        .collect();
    head.join("\n")
}

/// The commands that repeat a study, or a run of what was no study, and what was made of it.
fn commands(directory: &Path, is_study: bool) -> String {
    let shown = directory.display().to_string();
    let runs = if is_study {
        format!(
            "compress sweep STUDY.toml    # the file that the study was started with; runs only what is missing\n\
             compress sweep --collect {}    # runs.csv and summary.csv from the runs\n",
            shell(&shown)
        )
    } else {
        "compress --config RUN/config.toml --output rerun    # any of the runs, the same bytes\n"
            .into()
    };
    format!(
        "{runs}compress analyze {0}\ncompress plot {0}\ncompress report {0}\n\
         compress report {1}    # the page of one run",
        shell(&shown),
        shell(&format!("{shown}/RUN"))
    )
}

/// How many runs there are, of how many that are planned, and which failed.
fn completed(runs: &Runs, planned: usize) -> Vec<String> {
    let completed = runs.completed();
    let mut found = vec![match runs.rows.len() {
        n if n < planned => format!(
            "{completed} of {planned} runs completed; {} not over, and nothing on this page is about them.",
            match planned - n {
                1 => "1 is".to_owned(),
                left => format!("{left} are"),
            }
        ),
        1 if completed == 1 => "The only run completed.".to_owned(),
        n if n == completed => format!("All {n} runs completed."),
        n => format!("{completed} of {} completed.", count(n, "run")),
    }];
    let others = runs.rows.iter().filter(|row| !row.is_completed()).take(20);
    let others = others.map(|row| match row.status {
        Some(status) => format!("{} ({status})", row.run),
        None => row.run.clone(),
    });
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        found.push(format!("Runs without a result: {}.", others.join("; ")));
    }
    found
}

/// Whether seeds agree on `G`, with each other and with a reference.
fn agreement(analysis: &StudyAnalysis, runs_are_listed: bool) -> Vec<String> {
    let mut found = Vec::new();
    if !runs_are_listed {
        found.push(match analysis.runs {
            1 => "1 run was analysed.".to_owned(),
            n => format!("{n} runs were analysed."),
        });
    }
    let rows = analysis.gram_agreement.iter();
    for (group, rows) in by_key(rows.map(|row| (&row.group, row))) {
        let who = if *group == Group::default() {
            "The".to_owned()
        } else {
            format!("{}: the", group.short())
        };
        let all = over_widths(&rows, |row| row.median_correlation);
        // Analyses of earlier versions know the whole triangle alone.
        let apart = over_widths(&rows, |row| row.median_correlation_off_diagonal)
            .map_or_else(String::new, |text| {
                format!("; without the diagonal it is {text}")
            });
        found.extend(
            all.map(|all| format!("{who} median correlation of G between seeds is {all}{apart}.")),
        );
    }
    if let Some(median) = analysis.reference_median {
        found.push(format!(
            "The median correlation of G with the reference is {}.",
            number(median)
        ));
    }
    found
}

/// The smallest and the largest of the medians at each `d`: `0.27 (lowest, d = 2) to 0.97 (highest, d = 8)`.
fn over_widths(
    rows: &[&AgreementMedian],
    median: impl Fn(&AgreementMedian) -> Option<f64>,
) -> Option<String> {
    let at = rows.iter().filter_map(|row| Some((row.d, median(row)?)));
    let at: Vec<(usize, f64)> = at.collect();
    let by = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    let (low, high) = (at.iter().min_by(by)?, at.iter().max_by(by)?);
    Some(if at.len() == 1 {
        format!("{} at d = {}", number(low.1), low.0)
    } else {
        format!(
            "{} (lowest, d = {}) to {} (highest, d = {})",
            number(low.1),
            low.0,
            number(high.1),
            high.0
        )
    })
}
