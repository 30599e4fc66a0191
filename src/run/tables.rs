//! What a finished run leaves: `layers.csv`, `gram.csv`, `projection.safetensors`, `summary.json`; the
//! analysis adds its tables (`super::analyzed`).

use std::path::Path;

use super::directory::RunDirectory;
use super::warnings;
use crate::results::Summary;
use crate::results::layout::{GRAM, GRAMS, LAYERS, PROJECTION, SUMMARY};
use crate::results::table::write_csv;
use base::files::{self, FileError};
use superposition::gram::write_read_grams;
use superposition::projection::ProjectionError;
use superposition::{Evaluation, Projection};
use tracr::model::CompiledModel;

/// Writes the tables of the final `W` and `W` itself.
///
/// # Errors
/// If one of them cannot be written.
pub fn write(
    directory: &RunDirectory,
    model: &CompiledModel,
    projection: &Projection,
    evaluation: &Evaluation,
) -> Result<(), ProjectionError> {
    let layers = model
        .block_names()
        .into_iter()
        .zip(&evaluation.blocks)
        .map(|(block, fit)| (block, fit.mse, fit.cosine));
    write_csv(&directory.file(LAYERS), &["block", "mse", "cosine"], layers)?;
    write_gram(&directory.file(GRAM), model, projection)?;
    if projection.wiring.count() > 2 {
        write_grams(directory, model, projection)?;
    }
    projection.save(&directory.file(PROJECTION))
}

/// `gram.csv`, a row for each pair of features.
///
/// # Errors
/// If it cannot be written.
pub fn write_gram(
    path: &Path,
    model: &CompiledModel,
    projection: &Projection,
) -> Result<(), FileError> {
    let gram = projection.gram(model);
    let labels = &projection.labels;
    let pairs = gram
        .indexed_iter()
        .map(|((a, b), value)| (&labels[a], &labels[b], value));
    write_csv(path, &["feature_a", "feature_b", "value"], pairs)
}

/// `grams.csv`: of several `G` each, in the rows that its writer writes.
fn write_grams(
    directory: &RunDirectory,
    model: &CompiledModel,
    projection: &Projection,
) -> Result<(), FileError> {
    let labels = &projection.labels;
    let all = write_read_grams(model, &projection.w, &projection.wiring);
    let rows = all.iter().flat_map(|one| {
        let names = (one.writer.name(), one.reader.name());
        one.written.iter().flat_map(move |&a| {
            let (writer, reader) = names.clone();
            let row = one.gram.row(a);
            let cells: Vec<_> = row
                .iter()
                .zip(labels)
                .map(|(value, b)| (writer.clone(), reader.clone(), &labels[a], b, *value))
                .collect();
            cells
        })
    });
    let header = ["writer", "reader", "feature_a", "feature_b", "value"];
    write_csv(&directory.file(GRAMS), &header, rows)
}

/// Writes `summary.json`, with the warnings that the run was given, and before that lets go of
/// what a run that is over does not need.
///
/// # Errors
/// If it cannot be written.
pub fn write_summary(directory: &RunDirectory, summary: &mut Summary) -> Result<(), FileError> {
    summary.warnings = warnings::read(directory.path())?;
    directory.remove_unneeded()?;
    let path = directory.file(SUMMARY);
    let text = serde_json::to_string_pretty(summary)
        .map_err(|e| FileError::new("write", &path)(e.into()))?;
    files::write_atomically(&path, format!("{text}\n").as_bytes())
}
