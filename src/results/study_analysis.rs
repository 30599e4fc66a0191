//! What `analysis.json` of a study says; what earlier versions did not write is none.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::documents::json;
use super::error::ReadError;
use super::layout::{ANALYSIS, ANALYZE};
use super::study_tables::AgreementMedian;
use super::subject::Subject;
use super::trainings::Verdict;

/// What the runs of a study say to its question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What happened: a few sentences.
    pub sentences: Vec<String>,
    /// The same by other metrics, a paragraph each.
    pub more: Vec<String>,
    /// How many trainings ended in which way.
    #[serde(default)]
    pub endings: BTreeMap<Verdict, usize>,
}

/// The part of the analysis that a page is made from.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct StudyAnalysis {
    #[serde(default)]
    pub runs: usize,
    #[serde(default)]
    pub subjects: Vec<Subject>,
    pub answer: Option<Answer>,
    #[serde(default)]
    pub gram_agreement: Vec<AgreementMedian>,
    pub reference_median: Option<f64>,
}

impl StudyAnalysis {
    /// Reads the analysis of a study, if it is there.
    ///
    /// # Errors
    /// If it is garbled.
    pub fn read(directory: &Path) -> Result<Option<Self>, ReadError> {
        json(directory, ANALYSIS, ANALYZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Group;

    #[test]
    fn an_analysis_of_an_earlier_version_says_less() {
        let read = |text: &str| serde_json::from_str::<StudyAnalysis>(text).unwrap();
        let old = read(
            r#"{"runs": 3, "gram_agreement": [{"group": "all", "d": 6, "pairs": 1, "median_correlation": null}]}"#,
        );
        assert_eq!(
            (old.runs, old.answer, old.reference_median),
            (3, None, None)
        );
        assert!(old.subjects.is_empty());
        let agreement = &old.gram_agreement[0];
        assert_eq!(agreement.group, Group::default());
        assert_eq!(agreement.median_correlation, None);
        assert_eq!(agreement.median_correlation_off_diagonal, None);
        let new = read(r#"{"answer": {"sentences": ["x."], "more": [], "endings": {"stuck": 2}}}"#);
        assert_eq!(
            new.answer.unwrap().endings,
            BTreeMap::from([(Verdict::Stuck, 2)])
        );
    }
}
