//! One table of all runs from a table of each.

use std::path::Path;

use super::error::PublishError;
use super::median::Median;
use crate::layout::{
    MEDIANS, STUDY_BUDGETS, STUDY_FEATURES, STUDY_GRAM, STUDY_LAYERS, STUDY_REFERENCE,
    STUDY_VARIABLES,
};
use base::files::FileError;
use tracr_compress::results::Table;
use tracr_compress::results::documents::json;
use tracr_compress::results::layout::{
    ANALYSIS, ANALYZE, FEATURES, GRAM, LAYERS, MEDIAN, VARIABLES,
};
use tracr_compress::results::table::write_csv;
use tracr_compress::run::reference::Reference;
use tracr_compress::study::collection::Member;

/// A table of each run, the columns of it that are kept, and what the table of all is called.
const GATHERED: [(&str, &[&str], &str); 3] = [
    (
        FEATURES,
        &["feature", "norm", "dimensionality", "verdict"],
        STUDY_FEATURES,
    ),
    (
        LAYERS,
        &["block", "mse", "cosine", "variance_explained"],
        STUDY_LAYERS,
    ),
    (
        VARIABLES,
        &["variable", "site", "positions", "rank", "r2", "r2_mapped"],
        STUDY_VARIABLES,
    ),
];
const BUDGET_COLUMNS: [&str; 13] = [
    "run",
    "program",
    "width",
    "dim",
    "gram_rank",
    "activation_rank",
    "read_rank",
    "deletion",
    "deletion_of_unused",
    "sharing",
    "superposition",
    "idle",
    "verdict",
];

/// Writes what the analysis says of every run, and returns the tables' names.
pub fn write(directory: &Path, members: &[Member]) -> Result<Vec<String>, PublishError> {
    let mut written = Vec::new();
    for (file, columns, name) in GATHERED {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for member in members {
            let table = Table::read(&directory.join(&member.run), file, ANALYZE)?;
            let kept = columns.iter().map(|column| table.column(column));
            let kept = kept.collect::<Result<Vec<usize>, _>>()?;
            for row in &table.rows {
                let cells = kept.iter().map(|&column| row[column].clone());
                rows.push([member.run.clone()].into_iter().chain(cells).collect());
            }
        }
        let header: Vec<&str> = ["run"].iter().chain(columns).copied().collect();
        write_csv(&directory.join(name), &header, rows)?;
        written.push(name.to_owned());
    }
    let rows = members
        .iter()
        .map(|member| budget(&directory.join(&member.run), &member.run));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    write_csv(&directory.join(STUDY_BUDGETS), &BUDGET_COLUMNS, rows)?;
    written.push(STUDY_BUDGETS.to_owned());
    Ok(written)
}

/// A row under [`BUDGET_COLUMNS`], from the run's `analysis.json`.
fn budget(directory: &Path, run: &str) -> Result<Vec<String>, PublishError> {
    let document: serde_json::Value = json(directory, ANALYSIS, ANALYZE)?.unwrap_or_default();
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let columns = BUDGET_COLUMNS.into_iter().skip(1);
    let cells = columns.map(|column| {
        let of_budget = &document["budget"][column];
        cell(if of_budget.is_null() {
            &document[column]
        } else {
            of_budget
        })
    });
    Ok([run.to_owned()].into_iter().chain(cells).collect())
}

/// Writes every run's `G` (its upper triangle), and how it agrees with the reference: over all
/// features, and without `excluded`, of which `members` know already.
pub fn write_compared(
    directory: &Path,
    members: &[Member],
    reference: &Reference,
    excluded: &[String],
) -> Result<Vec<String>, PublishError> {
    let mut entries: Vec<(String, String, String, String)> = Vec::new();
    let mut rows = Vec::new();
    for member in members {
        let table = Table::read(&directory.join(&member.run), GRAM, ANALYZE)?;
        let (a, b) = (table.texts("feature_a")?, table.texts("feature_b")?);
        let values = table.texts("value")?;
        let mut seen: Vec<&str> = Vec::new();
        for row in 0..table.rows.len() {
            if seen.last() != Some(&a[row]) {
                seen.push(a[row]);
            }
            // The rows of one feature stand together, so that a pair was there before if its second
            // feature had its rows already.
            if b[row] == a[row] || !seen.contains(&b[row]) {
                let texts = [&member.run, a[row], b[row], values[row]].map(str::to_owned);
                entries.push(texts.into());
            }
        }
        let all = member.compare(reference)?;
        rows.push((
            &member.run,
            String::new(),
            all.correlation,
            all.correlation_off_diagonal,
        ));
        if let (Some(found), false) = (member.reference, excluded.is_empty()) {
            rows.push((
                &member.run,
                excluded.join(" "),
                found.correlation,
                found.correlation_off_diagonal,
            ));
        }
    }
    write_csv(
        &directory.join(STUDY_GRAM),
        &["run", "feature_a", "feature_b", "value"],
        entries,
    )?;
    write_csv(
        &directory.join(STUDY_REFERENCE),
        &["run", "excluded", "correlation", "correlation_off_diagonal"],
        rows,
    )?;
    Ok(vec![STUDY_GRAM.to_owned(), STUDY_REFERENCE.to_owned()])
}

/// Writes which run of each setting is in [`MEDIAN`], of how many.
pub fn write_medians(directory: &Path, medians: &[Median<'_>]) -> Result<String, FileError> {
    let rows = medians.iter().map(|m| {
        let files = format!("{MEDIAN}/{}", m.run.run);
        (&m.run.group, m.run.d, m.run.seed, files, m.loss, m.runs)
    });
    write_csv(
        &directory.join(MEDIANS),
        &["group", "d", "seed", "directory", "eval_loss", "runs"],
        rows,
    )?;
    Ok(MEDIANS.into())
}
