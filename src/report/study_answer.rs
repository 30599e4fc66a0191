//! What a study's tables say to its question.

use std::path::Path;

use crate::analysis::answer::Evidence;
use crate::config::keys::DIM;
use crate::results::critical::{Tolerance, critical_rows};
use crate::results::documents::text;
use crate::results::layout::CONFIG;
use crate::results::study_analysis::{Answer, StudyAnalysis};
use crate::results::{ReadError, Run, Runs, Status};
use base::numbers::count;

/// The answer of the analysis; of a study that was not analysed, what `runs.csv` says.
///
/// # Errors
/// If a file of a run cannot be read.
pub fn of(
    directory: &Path,
    runs: Option<&Runs>,
    analysis: Option<&StudyAnalysis>,
) -> Result<Answer, ReadError> {
    let Some((analysis, answer)) = analysis.and_then(|a| Some((a, a.answer.clone()?))) else {
        let Some(runs) = runs else {
            return Ok(Evidence::default().answer());
        };
        let evidence = evidence(directory, runs)?;
        let completed = runs.completed();
        if evidence.runs.is_empty() && completed > 0 {
            return Ok(unknown_widths(completed));
        }
        return Ok(evidence.answer());
    };
    let mut answer = answer;
    if let Some(completed) = runs.map(Runs::completed)
        && completed != analysis.runs
    {
        let analysed = count(analysis.runs, "run");
        answer.sentences.push(if analysis.runs > completed {
            format!(
                "This is about all {analysed} in the directory, of which {completed} belong to the study as it now is: move the others \
                 away, and `compress analyze DIR` leaves them out."
            )
        } else {
            format!(
                "This is about the {analysed} analysed so far, of {completed} completed: `compress analyze DIR` includes them all."
            )
        });
    }
    Ok(answer)
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
fn evidence(directory: &Path, runs: &Runs) -> Result<Evidence, ReadError> {
    let tolerances = Tolerance::defaults();
    let mut evidence = Evidence::default();
    for (row, group) in runs.rows.iter().zip(runs.groups()) {
        if !row.is_completed() {
            let status = row.status.unwrap_or(Status::NotFinished);
            *evidence.without_result.entry(status).or_default() += 1;
            continue;
        }
        let listed = runs.width(row);
        let d = match listed {
            Some(d) => Some(d),
            None => width_of(&directory.join(&row.run))?,
        };
        let Some(d) = d else {
            continue; // a run that says nowhere how wide it is
        };
        let known = row.metrics.iter().map(|(metric, value)| (*metric, *value));
        let finite = known.filter(|(_, value)| value.is_finite());
        evidence.runs.push(Run {
            group,
            d,
            origin: row.origin(),
            metrics: finite.collect(),
        });
    }
    evidence.critical = critical_rows(&evidence.runs, &tolerances, 0);
    evidence.tolerances = tolerances;
    Ok(evidence)
}

/// `d` of a run by its configuration, where the study's tables do not list it: it is the same for all.
fn width_of(run: &Path) -> Result<Option<usize>, ReadError> {
    let config = text(run, CONFIG)?;
    let parsed: Option<toml::Table> = config.and_then(|text| text.parse().ok());
    let d = parsed.and_then(|t| t.get("compression")?.get("dim")?.as_integer());
    Ok(d.and_then(|d| d.try_into().ok()))
}
