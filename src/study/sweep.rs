//! The workers of a study: one single-threaded run at a time each, shared with other processes.
//!
//! Who works on a run holds the lock of its directory, which the system gives back when a process
//! ends in whatever way. A run that another process works on is left for later; when everything else
//! is done, it is taken over as soon as it is free, which finds it over or goes on with it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::plan::{Plan, conflict};
use super::study_lock::still_there;
use super::tables::Tables;
use crate::results::Summary;
use crate::results::state::{self, RunState};
use crate::run::directory::{DirectoryError, Place};
use crate::run::{self, Outcome, Progress, RunError};
use base::files::{FileError, links};
use superposition::StopReason;

/// Between two looks at a run that another process works on.
const RETRY: Duration = Duration::from_millis(500);
/// Between two looks at whether there is something to do, or a request to stop.
const NAP: Duration = Duration::from_millis(20);
/// What writing the tables may take at once, and its share of a sweep's time: one part in this many.
const TABLES_AT_ONCE: Duration = Duration::from_secs(1);
const TABLES_PART: u32 = 20;

/// What a sweep tells whoever watches, from several threads, and what it asks.
pub trait Watcher: Sync {
    /// Whether to stop: every worker checkpoints its run.
    fn stop(&self) -> bool;
    /// It begins; this many of its runs are complete already.
    fn begin(&self, already: usize);
    /// A worker takes up a run; its progress goes here.
    fn run<'a>(&'a self, worker: usize, run: &str) -> Box<dyn Progress + 'a>;
    /// A run is over.
    fn over(&self, run: &str, end: &End);
    /// Some runs are left that other processes work on.
    fn waiting(&self, runs: usize);
}

/// How a run of a sweep ended.
#[derive(Debug)]
pub enum End {
    /// All its files are there.
    Completed(Box<Summary>),
    /// It was over before, or another process finished it.
    AlreadyOver(Box<Summary>),
    /// No result, for this reason.
    Failed(String),
}

/// What came of a sweep.
#[derive(Debug, Default)]
pub struct Report {
    /// Runs that this sweep finished.
    pub completed: usize,
    /// Runs that were complete before, or that another process completed.
    pub already: usize,
    /// Runs without a result, by their place in the study, and why.
    pub failed: Vec<(usize, String)>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// What is left to do.
struct Queues {
    /// In the study's order.
    to_do: VecDeque<usize>,
    /// Runs that another process had, with the time to look again.
    busy: VecDeque<(Instant, usize)>,
}

/// The state that the workers share.
struct Shared<'a> {
    plan: &'a Plan,
    directory: &'a Path,
    watcher: &'a dyn Watcher,
    queues: Mutex<Queues>,
    tables: Mutex<PacedTables<'a>>,
    report: Mutex<Report>,
    /// The first table that could not be written.
    broken: Mutex<Option<FileError>>,
}

/// The study's tables, which take a small part of the time: what they take for each run grows with the runs.
struct PacedTables<'a> {
    tables: &'a mut Tables,
    directory: &'a Path,
    begun: Instant,
    /// In writing them.
    spent: Duration,
    /// Whether runs have ended since they were written.
    behind: bool,
}

impl PacedTables<'_> {
    fn rewrite(&mut self) -> Result<(), FileError> {
        let begun = Instant::now();
        still_there(self.directory)?;
        self.tables.rewrite()?;
        self.spent += begun.elapsed();
        self.behind = false;
        Ok(())
    }

    /// After a run: now, or with a later run or at the end if too much time went into them already.
    fn run_is_over(&mut self) -> Result<(), FileError> {
        if self.spent > TABLES_AT_ONCE + self.begun.elapsed() / TABLES_PART {
            self.behind = true;
            return Ok(());
        }
        self.rewrite()
    }

    fn finish(&mut self) -> Result<(), FileError> {
        if self.behind { self.rewrite() } else { Ok(()) }
    }
}

/// Works on the runs `mine` of a study with `jobs` workers until all are over, or the watcher says
/// stop. The tables are rewritten at the start, after every run unless that took more than a second and a
/// twentieth of the time so far, and at the end; the study's record must be there.
///
/// # Errors
/// If the study's own files cannot be written. Runs that fail are in the report instead.
pub fn sweep(
    plan: &Plan,
    directory: &Path,
    mine: &[usize],
    jobs: usize,
    tables: &mut Tables,
    watcher: &dyn Watcher,
) -> Result<Report, FileError> {
    tables.rewrite()?;
    let is_done = |run: &usize| matches!(tables.states()[*run], RunState::Completed(_));
    let queue: VecDeque<usize> = mine.iter().copied().filter(|run| !is_done(run)).collect();
    let workers = jobs.clamp(1, queue.len().max(1));
    let report = Report {
        already: mine.len() - queue.len(),
        ..Report::default()
    };
    watcher.begin(report.already);
    let shared = Shared {
        plan,
        directory,
        watcher,
        queues: Mutex::new(Queues {
            to_do: queue,
            busy: VecDeque::new(),
        }),
        tables: Mutex::new(PacedTables {
            tables,
            directory,
            begun: Instant::now(),
            spent: Duration::ZERO,
            behind: false,
        }),
        report: Mutex::new(report),
        broken: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let shared = &shared;
            scope.spawn(move || shared.work(worker));
        }
    });
    let broken = shared.broken.into_inner();
    if let Some(error) = broken.unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    hold(&shared.tables).finish()?;
    let report = shared.report.into_inner();
    let mut report = report.unwrap_or_else(PoisonError::into_inner);
    report.failed.sort_unstable();
    Ok(report)
}

/// A lock whose content is whole at any moment: a panic while it was held changes nothing.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared<'_> {
    fn work(&self, worker: usize) {
        let mut told = false;
        loop {
            if self.watcher.stop() {
                hold(&self.report).interrupted |= self.something_is_left();
                return;
            }
            if let Err(e) = still_there(self.directory) {
                hold(&self.broken).get_or_insert(e);
                return;
            }
            if let Some(run) = self.next() {
                self.take(worker, run);
                continue;
            }
            let left = hold(&self.queues).busy.len();
            if left == 0 {
                return;
            }
            if !told {
                self.watcher.waiting(left);
                told = true;
            }
            std::thread::sleep(NAP);
        }
    }

    fn something_is_left(&self) -> bool {
        let queues = hold(&self.queues);
        !queues.to_do.is_empty() || !queues.busy.is_empty()
    }

    /// The next run in the study's order, or one that may be free by now.
    fn next(&self) -> Option<usize> {
        let Queues { to_do, busy } = &mut *hold(&self.queues);
        to_do.pop_front().or_else(|| {
            let (due, _) = busy.front()?;
            (*due <= Instant::now())
                .then(|| busy.pop_front())?
                .map(|(_, run)| run)
        })
    }

    fn take(&self, worker: usize, run: usize) {
        let name = &self.plan.record.runs[run].directory;
        let end = match self.attempt(worker, run) {
            Ok(Outcome::Completed(summary)) => End::Completed(Box::new(summary)),
            Ok(Outcome::AlreadyOver(summary)) => End::AlreadyOver(Box::new(summary)),
            Ok(Outcome::Diverged(summary)) => {
                let state = RunState::Diverged(Box::new(summary));
                End::Failed(state.failure().unwrap_or_default())
            }
            Ok(Outcome::Interrupted { .. }) => {
                hold(&self.report).interrupted = true;
                return;
            }
            Err(Refusal::InUse) => {
                let due = Instant::now() + RETRY;
                hold(&self.queues).busy.push_back((due, run));
                return;
            }
            Err(Refusal::NotOurs(reason)) => End::Failed(reason),
            Err(Refusal::Failed(reason)) => {
                let kept = still_there(self.directory)
                    .and_then(|()| state::record_failure(&self.directory.join(name), &reason));
                let reason = match kept {
                    Ok(()) => reason,
                    Err(e) => format!("{reason} ({e})"),
                };
                End::Failed(reason)
            }
        };
        let end = match end {
            // Over, but not well: in an earlier session, or in another process.
            End::AlreadyOver(summary) if summary.stop_reason == StopReason::Diverged => {
                End::Failed(RunState::Diverged(summary).failure().unwrap_or_default())
            }
            other => other,
        };
        {
            let mut report = hold(&self.report);
            match &end {
                End::Completed(_) => report.completed += 1,
                End::AlreadyOver(_) => report.already += 1,
                End::Failed(reason) => report.failed.push((run, reason.clone())),
            }
        }
        let written = hold(&self.tables).run_is_over();
        if let Err(e) = written {
            hold(&self.broken).get_or_insert(e);
        }
        self.watcher.over(name, &end);
    }

    fn attempt(&self, worker: usize, run: usize) -> Result<Outcome, Refusal> {
        let name = &self.plan.record.runs[run].directory;
        links::refuse_link(&self.directory.join(name), "write into")
            .map_err(|e| Refusal::NotOurs(e.to_string()))?;
        let experiment = self
            .plan
            .experiment(run, self.directory)
            .map_err(|e| Refusal::Failed(e.to_string()))?;
        let mut progress = self.watcher.run(worker, name);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            run::run(&experiment, Place::InStudy, progress.as_mut())
        }));
        progress.end();
        match outcome {
            Ok(Ok(outcome)) => {
                // What failed before did not fail this time.
                let _ = state::forget_failure(&self.directory.join(name)); // summary.json counts more
                Ok(outcome)
            }
            Ok(Err(RunError::Directory(DirectoryError::InUse(_)))) => Err(Refusal::InUse),
            Ok(Err(RunError::Directory(e))) => Err(Refusal::NotOurs(conflict(&e))),
            Ok(Err(e)) => Err(Refusal::Failed(e.to_string())),
            Err(_) => Err(Refusal::Failed(
                "an error in compress itself stopped this run; the message is above".into(),
            )),
        }
    }
}

/// Why an attempt at a run did nothing.
enum Refusal {
    /// Another process works on it.
    InUse,
    /// The directory holds something else: nothing may be written there.
    NotOurs(String),
    /// Anything else.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::layout::{RUNS, STUDY};
    use crate::study::record::Record;

    #[test]
    fn tables_that_took_too_much_time_wait_for_a_later_run_or_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record {
            name: "x".into(),
            question: "?".into(),
            set: Vec::new(),
            keys: Vec::new(),
            recovery: None,
            runs: Vec::new(),
        };
        std::fs::write(directory.path().join(STUDY), "").unwrap();
        let runs = directory.path().join(RUNS);
        let mut paced = PacedTables {
            tables: &mut Tables::new(directory.path(), &record),
            directory: directory.path(),
            begun: Instant::now(),
            spent: Duration::from_hours(1),
            behind: false,
        };
        paced.run_is_over().unwrap();
        assert!(paced.behind && !runs.exists());
        paced.finish().unwrap();
        assert!(!paced.behind && runs.exists());
        std::fs::remove_file(&runs).unwrap();
        paced.finish().unwrap();
        assert!(!runs.exists(), "nothing was left to write");
        paced.spent = Duration::ZERO;
        paced.run_is_over().unwrap();
        assert!(runs.exists());
    }
}
