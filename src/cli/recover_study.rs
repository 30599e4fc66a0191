//! Dictionaries in every completed run of a study: `compress recover STUDY`, and the end of `compress sweep` on a study with
//! `[recovery]`.

use std::path::Path;

use super::failure::Failure;
use super::recover_run::{self, End, Scored};
use super::signals::StopRequest;
use super::table::{aligned, wrapped};
use super::terminal;
use crate::config::RecoveryConfig;
use crate::config::keys::SEED;
use crate::recovery::nulls::Spreads;
use crate::recovery::record::Record as Scores;
use crate::results::RunState;
use crate::results::group::by_key;
use crate::results::layout::RECOVERY_SCORES;
use crate::results::recovery_lines;
use crate::results::recovery_scores::{Judged, RecoveryRow, Score};
use crate::results::table::to_csv;
use crate::study::Record;
use crate::study::record::RunEntry;
use base::escape;
use base::files;
use base::numbers::count;

/// What is done where and how.
#[derive(Debug)]
pub struct Task<'a> {
    pub directory: &'a Path,
    pub record: &'a Record,
    pub config: &'a RecoveryConfig,
    pub threads: usize,
    pub quiet: bool,
}

/// What is there afterwards.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every dictionary of the study that has scores.
    pub rows: Vec<RecoveryRow>,
    /// Those that were asked for in these runs and have none, with the reason.
    pub left_out: Vec<String>,
}

impl Task<'_> {
    /// Finds and scores what is missing in these runs of the study, by their places, and writes the table of all.
    ///
    /// # Errors
    /// If a file cannot be written, or a table of an earlier session is garbled.
    pub fn run(&self, mine: &[usize], stop: &StopRequest) -> Result<Outcome, Failure> {
        let mut left_out = Vec::new();
        for (number, run) in mine.iter().enumerate() {
            let entry = &self.record.runs[*run];
            let path = self.directory.join(&entry.directory);
            let state = RunState::read(&path).map_err(Failure::input)?;
            if !matches!(state, RunState::Completed(_)) {
                left_out.push(format!(
                    "{}: {}",
                    escape::name(&entry.directory),
                    state.status()
                ));
                continue;
            }
            let asked: u64 = self
                .config
                .methods
                .iter()
                .map(|m| self.config.seeds_of(*m))
                .sum();
            let kept = recover_run::kept(&path)?;
            if recover_run::done_of(&kept, self.config) as u64 == asked {
                continue;
            }
            stop.say(format!(
                "stopped at the dictionaries of {}: the same command goes on with the first one that is not done",
                path.display()
            ));
            if !self.quiet {
                terminal::message(&format!(
                    "dictionaries, run {} of {}: {}",
                    number + 1,
                    mine.len(),
                    entry.directory
                ));
            }
            match recover_run::complete(&path, self.config, self.threads) {
                Ok(End::Done) => {}
                Ok(End::InUse(place)) => left_out.push(format!(
                    "{}: in use by another process",
                    escape::path(&place)
                )),
                Err(Failure::Input(reason)) => {
                    left_out.push(format!("{}: {reason:#}", escape::name(&entry.directory)));
                }
                Err(other) => return Err(other),
            }
        }
        let rows = collect(self.directory, self.record)?;
        Ok(Outcome { rows, left_out })
    }
}

/// Writes the table of all dictionaries that have scores; no table where there are none and was none.
///
/// # Errors
/// If it cannot be written, or a file of a run is garbled.
pub fn collect(directory: &Path, record: &Record) -> Result<Vec<RecoveryRow>, Failure> {
    let mut rows = Vec::new();
    for entry in &record.runs {
        let path = directory.join(&entry.directory);
        let state = RunState::read(&path).map_err(Failure::input)?;
        if matches!(state, RunState::Completed(_)) {
            let kept = recover_run::kept(&path)?;
            rows.extend(kept.iter().map(|scored| row(record, entry, scored)));
        }
    }
    let path = directory.join(RECOVERY_SCORES);
    if !rows.is_empty() || path.exists() {
        let table = to_csv(&RecoveryRow::columns(), &rows);
        let table = table.map_err(|e| Failure::Running(e.into()))?;
        files::write_atomically(&path, &table).map_err(|e| Failure::Running(e.into()))?;
    }
    Ok(rows)
}

/// A dictionary's row.
fn row(record: &Record, entry: &RunEntry, scored: &Scored) -> RecoveryRow {
    let Scored {
        method,
        facts,
        record: found,
        part,
    } = scored;
    let column = record.keys.iter().position(|key| key == SEED);
    let seed = column.and_then(|column| entry.values.get(column));
    RecoveryRow {
        program: found.data.program.clone(),
        width: found.data.width,
        method: entry.method.to_string(),
        d: found.data.dim,
        seed: seed.cloned().unwrap_or_default(),
        run: entry.directory.clone(),
        site: part.site,
        bos: part.bos,
        dictionary: *method,
        dictionary_seed: facts.seed,
        atoms: found.atoms,
        targets: found.targets,
        lambda: facts.lambda,
        k: facts.k,
        enough: facts.enough,
        explained_variance: found.scores.explained_variance,
        l0: found.scores.l0,
        dead: facts.fit.dead,
        mcc_corrected: found.mcc_corrected,
        mcc_canonical: found.scores.mcc_canonical,
        recovered_canonical: found.scores.recovered_canonical,
        f1: found.scores.f1,
        f1_best_threshold: found.scores.f1_best_threshold,
        scores: Score::ALL.map(|score| judged(found, score)),
    }
}

/// A score beside its nulls and its ceiling.
fn judged(found: &Scores, score: Score) -> Judged {
    let of = |spreads: &Spreads| spreads.get(score.name()).copied();
    let value = |scores: &crate::recovery::scores::Scores| match score {
        Score::Mcc => Some(scores.mcc),
        Score::Recovered => Some(scores.recovered),
        Score::ActivationMcc => Some(scores.activation_mcc),
        Score::Causal => scores.causal,
    };
    let rows = of(&found.nulls.data_rows);
    Judged {
        value: value(&found.scores),
        rows: rows.map(|s| s.mean),
        rows_low: rows.map(|s| s.low),
        rows_high: rows.map(|s| s.high),
        directions: of(&found.nulls.random_directions).map(|s| s.mean),
        shuffled: of(&found.nulls.shuffled_labels).map(|s| s.mean),
        ceiling: value(&found.ceilings.nnls),
    }
}

/// What is said of an outcome in one line.
pub fn sentence(outcome: &Outcome) -> String {
    let runs = by_key(outcome.rows.iter().map(|row| (&row.run, ())));
    let mut text = format!(
        "{} of {} scored",
        count_as(outcome.rows.len(), "dictionary", "dictionaries"),
        count(runs.len(), "run")
    );
    let little = outcome.rows.iter().filter(|row| row.enough == Some(false));
    let little = little.count();
    if little > 0 {
        text += &format!("; {little} of them explain less of the variance than was asked for");
    }
    text
}

fn count_as(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}

/// The medians over the runs.
pub fn table(rows: &[RecoveryRow]) -> String {
    aligned(&recovery_lines::table(rows), recovery_lines::WORDS) + &wrapped(recovery_lines::NOTE)
}
