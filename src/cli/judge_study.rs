//! `compress judge STUDY`: the baselines on every run of a study.

use std::path::Path;

use super::circuit_subject::{CircuitSubject, PairArgs, check_memory, threads};
use super::failure::Failure;
use super::output;
use super::signals::{StopRequest, stopped_at};
use super::table::{aligned, median_cell, wrapped};
use super::terminal;
use crate::circuit::baseline::Baseline;
use crate::circuit::candidate::Candidate;
use crate::circuit::effects::Exchanges;
use crate::circuit::judge::judge;
use crate::circuit::study::{CIRCUIT_SCORES, ScoreRow};
use crate::circuit::truth::Truth;
use crate::figures::{self, Kind};
use crate::results::Study;
use crate::results::group::by_key;
use crate::results::table::to_csv;
use base::{escape, files};

/// Judges every run that has a `W`, and the compiled models of all of them; writes the table and shows its medians.
pub fn main(
    directory: &Path,
    pairs: &PairArgs,
    json: bool,
    stop: &StopRequest,
) -> Result<(), Failure> {
    if figures::kind(directory).map_err(Failure::input)? != Kind::Study {
        return Err(Failure::Input(anyhow::anyhow!(
            "{} is neither a run nor a study: give a directory that `compress --config` or `compress sweep` wrote",
            escape::path(directory)
        )));
    }
    let study = Study::read(directory).map_err(Failure::input)?;
    let mut rows: Vec<ScoreRow> = Vec::new();
    let mut compiled_models: Vec<(String, usize, usize)> = Vec::new();
    for (number, run) in study.runs.iter().enumerate() {
        let path = directory.join(&run.directory);
        stop.say(stopped_at(number + 1, study.runs.len(), &path));
        terminal::message(&format!(
            "judging {} of {}: {}",
            number + 1,
            study.runs.len(),
            path.display()
        ));
        let loaded = match CircuitSubject::load(&path) {
            Ok(loaded) => loaded,
            Err(Failure::Input(reason)) => {
                terminal::message(&format!("left out: {reason:#}"));
                continue;
            }
            Err(other) => return Err(other),
        };
        let compiled = loaded.compiled();
        let taken = pairs.of(&loaded);
        let of = |network| loaded.exchanges((&compiled, network), &taken);
        check_memory(&of(&compiled))?;
        let truth = Truth::new(loaded.subject(), &compiled, threads());
        let model = loaded.model();
        let row = |d: usize| ScoreRow {
            program: model.metadata.program.clone(),
            width: model.width(),
            d,
            seed: String::new(),
            run: String::new(),
            scores: "",
            ..ScoreRow::default()
        };
        let known = (
            model.metadata.program.clone(),
            model.width(),
            loaded.subject().inputs.len(),
        );
        if !compiled_models.contains(&known) {
            compiled_models.push(known);
            let row = row(model.width());
            rows.extend(judged(&of(&compiled), &truth, pairs.seed, &row)?);
        }
        if let Some(network) = loaded.compressed() {
            let subject = loaded.subject();
            let row = ScoreRow {
                method: loaded.method().map_or_else(String::new, |m| m.to_string()),
                seed: run.seed.clone(),
                run: run.directory.clone(),
                ..row(subject.wiring.width(subject.w))
            };
            rows.extend(judged(&of(&network), &truth, pairs.seed, &row)?);
        }
    }
    if rows.is_empty() {
        return Err(Failure::Input(anyhow::anyhow!(
            "{}: none of its runs has a W to judge circuits of",
            directory.display()
        )));
    }
    let path = directory.join(CIRCUIT_SCORES);
    let table = to_csv(&ScoreRow::COLUMNS, &rows).map_err(|e| Failure::Running(e.into()))?;
    files::write_atomically(&path, &table).map_err(Failure::writing)?;
    let shown = if json {
        output::json(&rows)?
    } else {
        format!("{}{}\n", text(rows), path.display())
    };
    Ok(terminal::print(&shown)?)
}

/// A row for each baseline.
fn judged(
    exchanges: &Exchanges<'_>,
    truth: &Truth,
    seed: u64,
    row: &ScoreRow,
) -> Result<Vec<ScoreRow>, Failure> {
    let graph = &exchanges.network.graph;
    let edges: Vec<bool> = (0..graph.edges.len()).map(|e| truth.is_true(e)).collect();
    let mut rows = Vec::new();
    for baseline in Baseline::ALL {
        let scores = baseline.scores(exchanges);
        super::circuit::check_finite(scores.iter().copied())?;
        let candidate = Candidate::of_scores(graph, &scores, &edges);
        let verdict = judge(exchanges, &candidate, truth, (0, seed));
        let row = ScoreRow {
            scores: baseline.name(),
            ..row.clone()
        };
        rows.push(row.judged(&verdict));
    }
    Ok(rows)
}

/// Medians over the runs of each program, `d` and baseline.
fn text(rows: Vec<ScoreRow>) -> String {
    let mut lines = vec![
        [
            "program",
            "method",
            "d",
            "scores",
            "runs",
            "AUROC",
            "AUROC, varying",
            "F1",
            "faithfulness",
        ]
        .map(String::from)
        .to_vec(),
    ];
    let keyed = rows.into_iter().map(|row| {
        (
            (row.program.clone(), row.method.clone(), row.d, row.scores),
            row,
        )
    });
    let mut groups = by_key(keyed);
    groups.sort_by(|(a, _), (b, _)| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)));
    for ((program, method, d, scores), rows) in groups {
        let of = |value: fn(&ScoreRow) -> Option<f64>| -> Vec<f64> {
            rows.iter().filter_map(value).collect()
        };
        let shown = |values: Vec<f64>| median_cell(&values);
        lines.push(vec![
            program,
            method,
            d.to_string(),
            scores.to_owned(),
            rows.len().to_string(),
            shown(of(|row| row.auroc)),
            shown(of(|row| row.auroc_varying)),
            shown(of(|row| row.f1)),
            shown(of(|row| row.faithfulness)),
        ]);
    }
    let mut text = aligned(&lines, 4);
    text += &wrapped(
        "Medians over the runs with the same program, method and d; in brackets the bootstrap's 95 % interval of the median. The \
         compiled model is the row without a method, where d = D.",
    );
    text
}
