//! All finished runs below a directory, analysed together: critical widths, agreement of `G` between
//! seeds, verdicts by width.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::record::Record;
use crate::analysis::Settings;
use crate::analysis::answer::Evidence;
use crate::analysis::redundancy::Carried;
use crate::config::Method;
use crate::config::keys::{DIM, SEED};
use crate::results::critical::{CriticalRow, Tolerance, critical_rows};
use crate::results::feature::Verdict;
use crate::results::group::{Grouping, PROGRAM_NAME};
use crate::results::layout::CONFIG;
use crate::results::study_analysis::Answer;
use crate::results::study_tables::{
    AgreementMedian, AgreementRow, MeanVerdicts, VerdictRow, median_of,
};
use crate::results::subject::Subject;
use crate::results::trainings::Origin;
use crate::results::{Group, Metric, Run, RunState, Status};
use crate::run::analyzed::{self, Analyzed};
use crate::run::finished::{self, FinishedError, FinishedRun};
use crate::run::reference::{Agreement, Reference, ReferenceError};
use base::escape;
use base::files::{FileError, links};
use ndarray::Array2;

/// Runs are looked for this many directories deep.
const MAX_DEPTH: usize = 4;

/// One run of a study.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its directory, relative to the study's.
    pub run: String,
    /// What it has in common with others but for `d` and the seed.
    pub group: Group,
    /// `d`.
    pub d: usize,
    /// The seed.
    pub seed: u64,
    /// Where its `W` comes from.
    pub origin: Origin,
    /// Final metrics of `summary.json` and [`Analyzed::metrics`].
    pub metrics: BTreeMap<Metric, f64>,
    /// Per verdict, how many features.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// The run's verdict.
    pub verdict: &'static str,
    /// Of a variable whose exchange shows little and least, what else carries it.
    pub least_exchanged: Option<Carried>,
    /// How `G` agrees with the reference, if there is one.
    pub reference: Option<Agreement>,
    /// Its program and inputs.
    pub subject: Subject,
    /// The rank of the visited states in the features that are read.
    pub read_rank: usize,
    /// The error of the best constant answer, where the run says.
    pub constant_error: Option<f64>,
    labels: Vec<String>,
    gram: Array2<f64>,
}

impl Member {
    /// How its `G` agrees with a reference.
    ///
    /// # Errors
    /// If the features do not fit.
    pub fn compare(&self, reference: &Reference) -> Result<Agreement, ReferenceError> {
        reference.compare(&self.labels, self.gram.view())
    }
}

/// A study's analysis.
#[derive(Clone, Debug)]
pub struct Collection {
    /// In the order of group, `d`, seed.
    pub members: Vec<Member>,
    /// Per group and metric.
    pub critical: Vec<CriticalRow>,
    /// Per group, width and pair of seeds.
    pub agreement: Vec<AgreementRow>,
    /// Run directories left out, with the reason.
    pub left_out: Vec<String>,
    /// How many of them diverged or failed.
    pub without_result: BTreeMap<Status, usize>,
    /// From where on a metric is good enough.
    pub tolerances: Vec<Tolerance>,
}

/// The run directories below `directory`, in alphabetical order; those inside a run are not runs.
///
/// # Errors
/// If a directory cannot be listed.
pub fn find_runs(directory: &Path) -> Result<Found, FileError> {
    let mut found = Found::default();
    visit(directory, MAX_DEPTH, &mut found)?;
    Ok(found)
}

/// What is below a directory.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Run directories.
    pub runs: Vec<PathBuf>,
    /// Symbolic links to directories: not looked into, since the analysis would write there.
    pub links: Vec<PathBuf>,
}

fn visit(directory: &Path, depth: usize, found: &mut Found) -> Result<(), FileError> {
    let error = || FileError::new("list", directory);
    let mut below = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(error())? {
        let path = entry.map_err(error())?.path();
        if path.is_dir() {
            below.push(path);
        }
    }
    below.sort();
    for path in below {
        if links::is_link(&path) {
            found.links.push(path);
        } else if finished::is_run(&path) {
            found.runs.push(path);
        } else if depth > 1 {
            visit(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Analyses every finished run below `directory`, writes each one's files, and compares them;
/// `watch` is told before each run (its number, of how many, its directory).
///
/// # Errors
/// If a run cannot be read, the reference does not fit, or a file cannot be written.
pub fn analyze(
    directory: &Path,
    settings: &Settings,
    tolerances: &[Tolerance],
    reference: Option<&Reference>,
    watch: &mut dyn FnMut(usize, usize, &Path),
) -> Result<Collection, CollectionError> {
    let mut runs = Vec::new();
    let mut others = Vec::new();
    let found = find_runs(directory)?;
    let is_a_link = |path: &PathBuf| {
        let path = escape::path(path);
        format!(
            "{path} is a symbolic link, and nothing is written through one: analyze what it points to"
        )
    };
    let mut left_out: Vec<String> = found.links.iter().map(is_a_link).collect();
    for path in found.runs {
        match FinishedRun::load(&path) {
            Ok(run) => runs.push(run),
            Err(e @ (FinishedError::Unfinished(_) | FinishedError::Diverged { .. })) => {
                left_out.push(e.to_string());
                others.push(path);
            }
            Err(e) => return Err(e.into()),
        }
    }
    if runs.is_empty() {
        return Err(CollectionError::NoRuns(directory.to_owned()));
    }
    // A reference that does not fit is found before anything is written.
    let references = runs.iter().map(|run| {
        let gram = run.projection.gram(&run.experiment.model);
        let agreement = reference.map(|r| r.compare(&run.projection.labels, gram.view()));
        agreement.transpose()
    });
    let references = references.collect::<Result<Vec<_>, _>>()?;
    let grouping = Grouping::new(runs.iter().map(essence).collect());
    // One run is analysed at a time, whatever the sweep did; threads change nothing but the time.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for run in &mut runs {
        run.experiment.config.training.threads = threads;
    }
    let mut members = Vec::new();
    for (i, (run, reference)) in runs.iter().zip(references).enumerate() {
        watch(i + 1, runs.len(), &run.directory);
        let analyzed = analyzed::analyze(&run.experiment, &run.projection, settings);
        analyzed.write(&run.directory)?;
        members.push(Member {
            run: name_below(directory, &run.directory),
            group: grouping.group(i),
            d: run.projection.width(),
            seed: run.summary.seed,
            origin: run.summary.origin(),
            metrics: metrics(run, &analyzed),
            verdicts: analyzed
                .verdicts()
                .into_iter()
                .map(|(verdict, features)| (verdict, features.len()))
                .collect(),
            verdict: analyzed.analysis.budget.verdict(),
            least_exchanged: analyzed.least_exchanged().cloned(),
            reference,
            subject: Subject {
                program: analyzed.program.clone(),
                width: run.experiment.model.width(),
                inputs: analyzed.analysis.inputs,
                inputs_are_all: analyzed.analysis.inputs_are_all,
                updates: (run.summary.method == Method::Train)
                    .then_some(run.summary.steps)
                    .into_iter()
                    .collect(),
            },
            read_rank: analyzed.analysis.read_rank,
            constant_error: run.summary.ending.and_then(|e| e.constant_error),
            labels: run.projection.labels.clone(),
            gram: run.projection.gram(&run.experiment.model),
        });
    }
    members.sort_by(|a, b| (&a.group, a.d, a.seed, &a.run).cmp(&(&b.group, b.d, b.seed, &b.run)));
    let collection = Collection {
        critical: critical_rows(&compared(&members), tolerances, settings.seed),
        agreement: agreement(&members),
        members,
        left_out,
        without_result: without_result(directory, others)?,
        tolerances: tolerances.to_vec(),
    };
    collection.write(directory, settings)?;
    Ok(collection)
}

/// Why a study cannot be analysed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum CollectionError {
    #[error(
        "{} is no run directory and holds no finished run: it has no {CONFIG}, and no directory \
         below it has one beside a summary.json",
        .0.display()
    )]
    NoRuns(PathBuf),
    #[error(transparent)]
    Run(#[from] FinishedError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Output(#[from] FileError),
}

fn name_below(directory: &Path, run: &Path) -> String {
    let below = run.strip_prefix(directory).unwrap_or(run);
    below.display().to_string()
}

/// What decides a run's results, `d` and seed aside; the model by its program's name, too.
fn essence(run: &FinishedRun) -> Vec<(String, String)> {
    let program = run.experiment.model.metadata.program.clone();
    std::iter::once((PROGRAM_NAME.to_owned(), program))
        .chain(run.experiment.config.essence())
        .filter(|(key, _)| ![DIM, SEED].contains(&key.as_str()))
        .collect()
}

/// The metrics that groups are compared by.
fn metrics(run: &FinishedRun, analyzed: &Analyzed) -> BTreeMap<Metric, f64> {
    let mut metrics = analyzed.metrics();
    if let Some(last) = &run.summary.last {
        let parts_of_the_loss = [Metric::EvalLossOutput, Metric::EvalLossLayers];
        let kept = Metric::OF_EVALUATION.into_iter();
        let kept = kept.filter(|metric| !parts_of_the_loss.contains(metric));
        metrics.extend(kept.filter_map(|metric| Some((metric, last.get(metric)?))));
    }
    metrics
}

/// How many runs have no result, by the reason: of a study's own list where there is one, since a run
/// that failed at once has no configuration; else of `others`.
fn without_result(
    directory: &Path,
    others: Vec<PathBuf>,
) -> Result<BTreeMap<Status, usize>, FileError> {
    let paths = match Record::load(directory) {
        Ok(record) => {
            let runs = record.runs.iter();
            runs.map(|run| directory.join(&run.directory)).collect()
        }
        Err(_) => others,
    };
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for path in paths {
        let status = RunState::read(&path)?.status();
        if status != Status::Completed {
            *counts.entry(status).or_default() += 1;
        }
    }
    Ok(counts)
}

/// The members as they are compared.
fn compared(members: &[Member]) -> Vec<Run> {
    members
        .iter()
        .map(|m| Run {
            group: m.group.clone(),
            d: m.d,
            origin: m.origin,
            metrics: m.metrics.clone(),
        })
        .collect()
}

fn agreement(members: &[Member]) -> Vec<AgreementRow> {
    let mut rows = Vec::new();
    for (i, a) in members.iter().enumerate() {
        for b in &members[i + 1..] {
            if a.group != b.group || a.d != b.d {
                continue;
            }
            let all: Vec<usize> = (0..a.gram.nrows()).collect();
            let found = Agreement::of(a.gram.view(), b.gram.view(), &all);
            rows.push(AgreementRow {
                group: a.group.clone(),
                d: a.d,
                seed_a: a.seed,
                seed_b: b.seed,
                correlation: found.correlation,
                correlation_off_diagonal: found.correlation_off_diagonal,
            });
        }
    }
    rows
}

impl Collection {
    /// What the runs say to the study's question.
    pub fn answer(&self) -> Answer {
        Evidence {
            runs: compared(&self.members),
            critical: self.critical.clone(),
            tolerances: self.tolerances.clone(),
            without_result: self.without_result.clone(),
            carried: self.carried(),
            read_ranks: self.agreed(|m| Some(m.read_rank)),
            constants: self.agreed(|m| m.constant_error),
        }
        .answer()
    }

    /// What all members of a group agree on, where they do.
    fn agreed<T: Copy + PartialEq>(&self, of: impl Fn(&Member) -> Option<T>) -> BTreeMap<Group, T> {
        let mut found: BTreeMap<Group, Vec<T>> = BTreeMap::new();
        for member in &self.members {
            let values = found.entry(member.group.clone()).or_default();
            values.extend(of(member).filter(|value| !values.contains(value)));
        }
        let found = found.into_iter();
        let only = found.filter_map(|(group, values)| match values[..] {
            [value] => Some((group, value)),
            _ => None,
        });
        only.collect()
    }

    /// Variables whose exchange shows least in a run, with what else carries them, and in how many runs.
    fn carried(&self) -> BTreeMap<(String, String), usize> {
        let mut runs = BTreeMap::new();
        for carried in self
            .members
            .iter()
            .filter_map(|m| m.least_exchanged.as_ref())
        {
            let key = (carried.variable.clone(), carried.names());
            *runs.entry(key).or_default() += 1;
        }
        runs
    }

    /// The medians of the runs' agreement with the reference, with the diagonal and without; none
    /// without reference.
    pub fn reference_medians(&self) -> Option<(f64, f64)> {
        let found: Vec<Agreement> = self.members.iter().filter_map(|m| m.reference).collect();
        let whole = median_of(found.iter().map(|a| a.correlation));
        let apart = median_of(found.iter().map(|a| a.correlation_off_diagonal));
        (!found.is_empty()).then_some((whole, apart))
    }

    /// Per group and `d`: the medians of the agreement between pairs of seeds.
    pub fn agreement_medians(&self) -> Vec<AgreementMedian> {
        AgreementMedian::of(&self.agreement)
    }

    /// How many features of each verdict each run has.
    pub fn verdicts(&self) -> Vec<VerdictRow> {
        let rows = self.members.iter().flat_map(|m| {
            let of_member = m.verdicts.iter();
            of_member.map(|(verdict, features)| VerdictRow {
                group: m.group.clone(),
                d: m.d,
                seed: m.seed,
                run: m.run.clone(),
                verdict: *verdict,
                features: *features,
            })
        });
        rows.collect()
    }

    /// Per group and `d`: how many runs, and the mean number of features of each verdict.
    pub fn mean_verdicts(&self) -> Vec<MeanVerdicts> {
        MeanVerdicts::of(&self.verdicts())
    }
}
