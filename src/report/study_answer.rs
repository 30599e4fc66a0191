//! What a study's tables say to its question.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::reading::text;
use crate::analysis::across::Run;
use crate::analysis::across::{Tolerance, critical_rows};
use crate::analysis::answer::{Answer, Evidence};
use crate::analysis::ending::{Origin, Verdict};
use crate::figures::table::{FigureError, Table};
use crate::study::tables::ENDING;
use base::numbers::count;

const COLLECT: &str = "`compress sweep --collect DIR` rebuilds it from the runs";
const DIM: &str = "compression.dim";
const SEED: &str = "training.seed";

/// The answer of the analysis; of a study that was not analysed, what `runs.csv` says.
///
/// # Errors
/// If a table is garbled.
pub fn of(directory: &Path, analysis: Option<&Json>) -> Result<Answer, FigureError> {
    let runs = Table::read_if_there(directory, "runs.csv", COLLECT)?;
    let Some(answer) = analysis.map(|a| &a["answer"]).filter(|a| a.is_object()) else {
        let Some(runs) = runs else {
            return Ok(Evidence::default().answer());
        };
        let evidence = evidence(directory, &runs)?;
        let completed = completed(&runs)?;
        if evidence.runs.is_empty() && completed > 0 {
            return Ok(unknown_widths(completed));
        }
        return Ok(evidence.answer());
    };
    let texts = |key: &str| -> Vec<String> {
        let all = answer[key].as_array().into_iter().flatten();
        all.filter_map(|s| s.as_str().map(str::to_owned)).collect()
    };
    let mut answer = Answer {
        sentences: texts("sentences"),
        more: texts("more"),
        ..Answer::default()
    };
    let analysed = analysis.and_then(|a| a["runs"].as_u64()).unwrap_or(0) as usize;
    if let Some(runs) = runs {
        let completed = completed(&runs)?;
        if completed != analysed {
            answer.sentences.push(format!(
                "This is about the {} analysed so far, of {completed} completed: `compress analyze DIR` includes them all.",
                count(analysed, "run")
            ));
        }
    }
    Ok(answer)
}

fn completed(runs: &Table) -> Result<usize, FigureError> {
    let reasons = runs.texts("stop_reason")?;
    Ok(reasons.iter().filter(|r| **r == "completed").count())
}

/// Of tables whose runs are not beside them: their `d` is the same for all, and stands in no table.
fn unknown_widths(completed: usize) -> Answer {
    Answer {
        sentences: vec![format!(
            "{} completed, but d is unknown: runs.csv has no column {DIM}, and the run directories are not here.",
            count(completed, "run")
        )],
        ..Answer::default()
    }
}

/// `runs.csv` as evidence, with the usual tolerances.
fn evidence(directory: &Path, table: &Table) -> Result<Evidence, FigureError> {
    let method = table.column("method")?;
    let first = usize::from(table.header.first().is_some_and(|name| name == "run"));
    let varied = |column: usize| {
        table
            .rows
            .iter()
            .any(|row| row[column] != table.rows[0][column])
    };
    let keys: Vec<usize> = (first..=method)
        .filter(|&i| {
            ![DIM, SEED, "compression.method"].contains(&table.header[i].as_str()) && varied(i)
        })
        .collect();
    let names = table.texts("run")?;
    let reasons = table.texts("stop_reason")?;
    // Tables of earlier versions do not say how trainings ended.
    let ending = table.find(ENDING);
    let tolerances = Tolerance::defaults();
    let mut evidence = Evidence::default();
    for row in 0..table.rows.len() {
        if reasons[row] != "completed" {
            let n = evidence.without_result.entry(reasons[row].to_owned());
            *n.or_default() += 1;
            continue;
        }
        let listed = match table.find(DIM) {
            Some(column) => table.number(row, column)?,
            None => width_of(directory, names[row])?,
        };
        let Some(d) = listed else {
            continue; // a run that says nowhere how wide it is
        };
        let mut metrics = BTreeMap::new();
        for tolerance in &tolerances {
            if let Some(column) = table.find(&tolerance.metric)
                && let Some(value) = table.number(row, column)?
            {
                metrics.insert(tolerance.metric.clone(), value);
            }
        }
        evidence.runs.push(Run {
            group: group(table, row, &keys),
            d: d as usize,
            origin: match table.rows[row][method].as_str() {
                "train" => {
                    Origin::Trained(ending.and_then(|at| Verdict::named(&table.rows[row][at])))
                }
                _ => Origin::Baseline,
            },
            metrics,
        });
    }
    evidence.critical = critical_rows(&evidence.runs, &tolerances, 0);
    evidence.tolerances = tolerances;
    Ok(evidence)
}

/// The group of a row, named as the analysis does.
fn group(table: &Table, row: usize, keys: &[usize]) -> String {
    let pairs = keys.iter().map(|&column| {
        let key = match table.header[column].as_str() {
            "method" => "compression.method",
            key => key,
        };
        format!("{key}={}", table.rows[row][column])
    });
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() {
        "all".into()
    } else {
        pairs.join(", ")
    }
}

/// `d` of a run by its configuration, where the study's tables do not list it: it is the same for all.
fn width_of(directory: &Path, run: &str) -> Result<Option<f64>, FigureError> {
    let config = text(&directory.join(run), "config.toml")?;
    let parsed: Option<toml::Table> = config.and_then(|text| text.parse().ok());
    let d = parsed.and_then(|t| t.get("compression")?.get("dim")?.as_integer());
    Ok(d.map(|d| d as f64))
}
