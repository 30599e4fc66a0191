//! The page of a study.

use std::path::Path;

use maud::{Markup, html};
use serde_json::Value as Json;

use super::reading::{json, text};
use super::study_answer;
use super::template::{self, list, section, tables, verbatim};
use crate::analysis::answer::group_name;
use crate::figures;
use crate::figures::table::{FigureError, Table};
use crate::study::subject::Subject;
use base::escape::{shell, visible};
use base::numbers::{count, four_digits as number};

const ANALYZE: &str = "`compress analyze DIR` rebuilds it from the runs";
const COLLECT: &str = "`compress sweep --collect DIR` rebuilds it from the runs";

/// `study_verdicts.csv` and `study_metrics.csv` are long, and drawn.
const TABLES: [(&str, &str, &str, &str); 4] = [
    (
        "critical_widths.csv",
        "Smallest sufficient d",
        "critical_d: the smallest sufficient d of those tried: there and at every larger d tried, the median over seeds is \
         within the tolerance. It is empty if no tried d suffices, or if most training runs did not learn at the largest d \
         (column ending of runs.csv), so that they were not trained long enough to tell. low, high: 95 % bootstrap interval \
         over seeds; low is empty if no tried d suffices in 97.5 % of the resamples, high if none does in 2.5 % of them.",
        ANALYZE,
    ),
    (
        "summary.csv",
        "Grid points",
        "Statistics over the seeds of each grid point. ci_low, ci_high: 95 % bootstrap interval of the mean; median_low, \
         median_high: 95 % bootstrap interval of the median.",
        COLLECT,
    ),
    (
        "runs.csv",
        "Runs",
        "ending: how a training ended. learned: its error is below 5 % of the best constant answer's; falling: not \
         learned, and the lowest loss in the second half of training is below half of that in the first; stuck: not \
         learned, and the loss did not halve (a d that is too small, or a learning rate that fell too early, looks the same); \
         unclear: too few logged steps to tell.",
        COLLECT,
    ),
    (
        "reference_agreement.csv",
        "Agreement of G with the reference",
        "",
        ANALYZE,
    ),
];

/// The page.
///
/// # Errors
/// If a file is missing or garbled.
pub fn page(directory: &Path) -> Result<Markup, FigureError> {
    let figures = figures::of_study(directory)?;
    let analysis = json(directory, "analysis.json", ANALYZE)?;
    let record = text(directory, "study.toml")?;
    let parsed: Option<toml::Table> = record.as_ref().and_then(|t| t.parse().ok());
    let word = |key: &str| parsed.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let name = word("name")
        .or_else(|| Some(directory.file_name()?.to_str()?.to_owned()))
        .unwrap_or_else(|| "study".into());
    let stated = word("question").filter(|question| !question.trim().is_empty());
    let question = stated.unwrap_or_else(|| {
        "How small can d be before the compressed model stops working, and what becomes of its features?".into()
    });
    let answer = study_answer::of(directory, analysis.as_ref())?;
    let mut found = answer.more;
    found.extend(runs(directory)?);
    found.extend(analysis.as_ref().and_then(subjects));
    match &analysis {
        Some(analysis) => found.extend(agreement(directory, analysis)),
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
        (section("Tables", tables(directory, &TABLES)?))
        @if let Some(record) = &record {
            (section("Configuration", verbatim(&without_runs(record))))
        }
        (section("How to run it again", verbatim(&commands(directory, record.is_some()))))
        footer { "compress " (env!("CARGO_PKG_VERSION")) }
    };
    Ok(template::page(&format!("{name}: report"), body))
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

/// What the runs are about; an older analysis does not know.
fn subjects(analysis: &Json) -> Option<String> {
    let subjects: Vec<Subject> = serde_json::from_value(analysis["subjects"].clone()).ok()?;
    Subject::sentence(&subjects)
}

/// How many runs there are, and which failed.
fn runs(directory: &Path) -> Result<Vec<String>, FigureError> {
    let Some(table) = Table::read_if_there(directory, "runs.csv", COLLECT)? else {
        return Ok(Vec::new());
    };
    let (names, reasons) = (table.texts("run")?, table.texts("stop_reason")?);
    let completed = reasons.iter().filter(|r| **r == "completed").count();
    let mut found = vec![match names.len() {
        1 if completed == 1 => "The only run completed.".to_owned(),
        n if n == completed => format!("All {n} runs completed."),
        n => format!("{completed} of {} completed.", count(n, "run")),
    }];
    let others: Vec<String> = names
        .iter()
        .zip(&reasons)
        .filter(|(_, reason)| **reason != "completed")
        .take(20)
        .map(|(name, reason)| format!("{name} ({reason})"))
        .collect();
    if !others.is_empty() {
        found.push(format!("Runs without a result: {}.", others.join("; ")));
    }
    Ok(found)
}

/// Whether seeds agree on `G`, with each other and with a reference.
fn agreement(directory: &Path, analysis: &Json) -> Vec<String> {
    let mut found = Vec::new();
    if !directory.join("runs.csv").exists() {
        let runs = analysis["runs"].as_u64().unwrap_or(0) as usize;
        found.push(format!(
            "{} analysed.",
            if runs == 1 {
                "1 run was".to_owned()
            } else {
                format!("{runs} runs were")
            }
        ));
    }
    let agreement = analysis["gram_agreement"].as_array();
    let mut by_group: Vec<(&str, Vec<&Json>)> = Vec::new();
    for row in agreement.into_iter().flatten() {
        let Some(group) = row["group"].as_str() else {
            continue;
        };
        match by_group.last_mut() {
            Some((known, rows)) if *known == group => rows.push(row),
            _ => by_group.push((group, vec![row])),
        }
    }
    for (group, rows) in &by_group {
        let who = if *group == "all" {
            "The".to_owned()
        } else {
            format!("{}: the", group_name(group))
        };
        let all = over_widths(rows, "median_correlation");
        // Analyses of earlier versions know the whole triangle alone.
        let apart = over_widths(rows, "median_correlation_off_diagonal")
            .map_or_else(String::new, |text| {
                format!("; without the diagonal it is {text}")
            });
        found.extend(
            all.map(|all| format!("{who} median correlation of G between seeds is {all}{apart}.")),
        );
    }
    if let Some(median) = analysis["reference_median"].as_f64() {
        found.push(format!(
            "The median correlation of G with the reference is {}.",
            number(median)
        ));
    }
    found
}

/// The smallest and the largest of the medians at each `d`: `0.27 (lowest, d = 2) to 0.97 (highest, d = 8)`.
fn over_widths(rows: &[&Json], key: &str) -> Option<String> {
    let at = rows
        .iter()
        .filter_map(|row| Some((row["d"].as_u64()?, row[key].as_f64()?)));
    let at: Vec<(u64, f64)> = at.collect();
    let by = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
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
