//! The files that the analysis of a study leaves.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::collection::{AgreementMedian, Collection, Member};
use super::subject::Subject;
use crate::analysis::Settings;
use crate::analysis::across::CriticalRow;
use crate::analysis::answer::Answer;
use crate::run::directory::ANALYSIS;
use crate::run::results::write_csv;
use base::files::{self, FileError};
use base::interrupt;

/// The tables of a study.
pub const STUDY_METRICS: &str = "study_metrics.csv";
#[allow(missing_docs)]
pub const STUDY_VERDICTS: &str = "study_verdicts.csv";
#[allow(missing_docs)]
pub const CRITICAL_WIDTHS: &str = "critical_widths.csv";
#[allow(missing_docs)]
pub const GRAM_AGREEMENT: &str = "gram_agreement.csv";
#[allow(missing_docs)]
pub const REFERENCE_AGREEMENT: &str = "reference_agreement.csv";

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
    verdicts: Vec<serde_json::Value>,
    settings: &'a Settings,
}

impl Collection {
    /// The content of the study's `analysis.json`.
    ///
    /// # Errors
    /// If it cannot be put in words, which no number causes.
    pub fn json(&self, settings: &Settings) -> serde_json::Result<String> {
        let medians = self.reference_medians();
        let verdicts = self.mean_verdicts().into_iter();
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
            verdicts: verdicts
                .map(|(group, d, runs, mean_features)| {
                    serde_json::json!({
                        "group": group, "d": d, "runs": runs, "mean_features": mean_features
                    })
                })
                .collect(),
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
        let id = |m: &Member| (m.group.clone(), m.d, m.seed, m.run.clone());
        let metrics = self.members.iter().flat_map(|m| {
            let of_member = m.metrics.iter();
            of_member.map(move |(metric, value)| (id(m), metric.clone(), *value))
        });
        write_csv(
            &directory.join(STUDY_METRICS),
            &["group", "d", "seed", "run", "metric", "value"],
            metrics,
        )?;
        let verdicts = self.members.iter().flat_map(|m| {
            let of_member = m.verdicts.iter();
            of_member.map(move |(verdict, features)| (id(m), *verdict, *features))
        });
        write_csv(
            &directory.join(STUDY_VERDICTS),
            &["group", "d", "seed", "run", "verdict", "features"],
            verdicts,
        )?;
        write_csv(
            &directory.join(CRITICAL_WIDTHS),
            &[
                "group",
                "metric",
                "tolerance",
                "runs",
                "critical_d",
                "low",
                "high",
            ],
            self.critical.iter(),
        )?;
        write_csv(
            &directory.join(GRAM_AGREEMENT),
            &[
                "group",
                "d",
                "seed_a",
                "seed_b",
                "correlation",
                "correlation_off_diagonal",
            ],
            self.agreement.iter(),
        )?;
        let compared = self.members.iter().filter_map(|m| {
            let found = m.reference?;
            Some((id(m), found.correlation, found.correlation_off_diagonal))
        });
        let compared: Vec<_> = compared.collect();
        if !compared.is_empty() {
            write_csv(
                &directory.join(REFERENCE_AGREEMENT),
                &[
                    "group",
                    "d",
                    "seed",
                    "run",
                    "correlation",
                    "correlation_off_diagonal",
                ],
                compared.into_iter(),
            )?;
        }
        let path = directory.join(ANALYSIS);
        let text = self
            .json(settings)
            .map_err(|e| FileError::new("write", &path)(io::Error::other(e)))?;
        files::write_atomically(&path, format!("{text}\n").as_bytes())
    }
}
