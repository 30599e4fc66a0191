//! The files that the analysis of a study leaves.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::collection::Collection;
use crate::analysis::Settings;
use crate::results::critical::CriticalRow;
use crate::results::layout::{
    ANALYSIS, CRITICAL_WIDTHS, GRAM_AGREEMENT, REFERENCE_AGREEMENT, STUDY_METRICS, STUDY_VERDICTS,
};
use crate::results::study_analysis::Answer;
use crate::results::study_tables::{
    AgreementMedian, AgreementRow, MeanVerdicts, MetricRow, ReferenceRow, VerdictRow,
};
use crate::results::subject::Subject;
use crate::results::table::write_csv;
use base::files::{self, FileError};
use base::interrupt;

/// The content of a study's `analysis.json`.
#[derive(Serialize)]
struct Document<'a> {
    version: &'a str,
    runs: usize,
    subjects: Vec<Subject>,
    answer: Answer,
    left_out: &'a [String],
    critical_widths: &'a [CriticalRow],
    gram_agreement: Vec<AgreementMedian>,
    reference_median: Option<f64>,
    reference_median_off_diagonal: Option<f64>,
    verdicts: Vec<MeanVerdicts>,
    settings: &'a Settings,
}

impl Collection {
    /// The content of the study's `analysis.json`.
    ///
    /// # Errors
    /// If it cannot be put in words, which no number causes.
    pub fn json(&self, settings: &Settings) -> serde_json::Result<String> {
        let medians = self.reference_medians();
        serde_json::to_string_pretty(&Document {
            version: env!("CARGO_PKG_VERSION"),
            runs: self.members.len(),
            subjects: Subject::joined(self.members.iter().map(|m| m.subject.clone())),
            answer: self.answer(),
            left_out: &self.left_out,
            critical_widths: &self.critical,
            gram_agreement: self.agreement_medians(),
            reference_median: medians.map(|m| m.0),
            reference_median_off_diagonal: medians.map(|m| m.1),
            verdicts: self.mean_verdicts(),
            settings,
        })
    }

    /// Writes all tables and `analysis.json` into the study's directory.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub fn write(&self, directory: &Path, settings: &Settings) -> Result<(), FileError> {
        files::remove_leftovers(directory)?;
        let _of_one_analysis = interrupt::hold();
        let metrics = self.members.iter().flat_map(|m| {
            m.metrics.iter().map(|(metric, value)| MetricRow {
                group: m.group.clone(),
                d: m.d,
                seed: m.seed,
                run: m.run.clone(),
                metric: *metric,
                value: *value,
            })
        });
        write_csv(&directory.join(STUDY_METRICS), &MetricRow::COLUMNS, metrics)?;
        write_csv(
            &directory.join(STUDY_VERDICTS),
            &VerdictRow::COLUMNS,
            self.verdicts(),
        )?;
        write_csv(
            &directory.join(CRITICAL_WIDTHS),
            &CriticalRow::COLUMNS,
            &self.critical,
        )?;
        write_csv(
            &directory.join(GRAM_AGREEMENT),
            &AgreementRow::COLUMNS,
            &self.agreement,
        )?;
        let compared = self.members.iter().filter_map(|m| {
            let found = m.reference?;
            Some(ReferenceRow {
                group: m.group.clone(),
                d: m.d,
                seed: m.seed,
                run: m.run.clone(),
                correlation: found.correlation,
                correlation_off_diagonal: found.correlation_off_diagonal,
            })
        });
        let compared: Vec<ReferenceRow> = compared.collect();
        if !compared.is_empty() {
            write_csv(
                &directory.join(REFERENCE_AGREEMENT),
                &ReferenceRow::COLUMNS,
                compared,
            )?;
        }
        let path = directory.join(ANALYSIS);
        let text = self
            .json(settings)
            .map_err(|e| FileError::new("write", &path)(io::Error::other(e)))?;
        files::write_atomically(&path, format!("{text}\n").as_bytes())
    }
}
